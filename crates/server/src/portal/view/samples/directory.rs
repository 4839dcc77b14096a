//! The directory's lists and records, filled by hand.

use super::{at, frame, tab, text};
use crate::portal::view::directory::*;
use crate::portal::view::frame::*;

fn record(id: &str, name: &str, link: LinkState, waiting: u64) -> DirectoryRow {
    DirectoryRow {
        id: format!("company_{id}"),
        name: name.into(),
        under: String::new(),
        link,
        blocked: None,
        waiting,
        result: None,
    }
}

fn linked(name: &str, id: &str) -> LinkState {
    LinkState::Linked { name: name.into(), id: id.into() }
}

/// The companies, in each state of a link.
pub(in crate::portal::view) fn companies() -> DirectoryPage {
    let like = |name: &str| LinkState::Unlinked { like: Some(Candidate { id: "1200".into(), name: name.into() }) };
    let mut fresh = record("i", "Trial Garden Centre", linked("Trial Garden Centre", "1131"), 0);
    fresh.result = Some(RowResult { tone: Tone::Ok, text: text().arg("linked-said", "name", "Trial Garden Centre") });
    DirectoryPage {
        text: text(),
        frame: frame(Screen::Companies, "Companies"),
        kind: Kind::Companies,
        summary: text().count("companies-summary-unlinked", 5_u64),
        tabs: vec![
            tab("all", "tab-all", Some(48), true),
            tab("linked", "tab-linked", Some(43), false),
            tab("unlinked", "tab-unlinked", Some(3), false),
            tab("ambiguous", "tab-ambiguous", Some(1), false),
            tab("missing", "tab-missing", Some(1), false),
        ],
        query: String::new(),
        rows: vec![
            record("a", "Acme Sample Works", linked("Acme Sample Works", "1042"), 0),
            record("b", "Demo Freight Lines", linked("Demo Freight Lines Ltd", "1103"), 0),
            record("c", "Placeholder Hotel", like("Placeholder Hotel S.L."), 1),
            record("d", "Placeholder Legal LLP", like("Placeholder Legal, LLP"), 3),
            record("e", "Sample Harbour", LinkState::Missing { name: "Harbour Group".into() }, 2),
            record("f", "Specimen Credit Union", LinkState::Ambiguous { candidates: 3 }, 1),
            record("g", "Stand-in Clinic", LinkState::Unlinked { like: None }, 0),
            fresh,
        ],
        next: Some("cursor".into()),
        empty: None,
        said: None,
        ask: Some(UnlinkAsk { ids: vec!["company_a".into(), "company_b".into()] }),
        add: Some(Add { roles: vec![] }),
    }
}

/// The computers, some of a company without a link.
pub(in crate::portal::view) fn computers() -> DirectoryPage {
    let mut page = companies();
    page.kind = Kind::Computers;
    page.frame = frame(Screen::Computers, "Computers");
    page.summary = text().count("computers-summary-unlinked", 3_u64);
    page.rows = vec![
        record("a", "DEMO-LT-203", linked("DEMO-LT-203", "77"), 0),
        record("b", "PLC-WS-006", LinkState::Unlinked { like: None }, 0),
        record("c", "SDG-FD-01", LinkState::Unlinked { like: None }, 0),
    ];
    for row in &mut page.rows {
        row.under = "Demo Freight Lines, Dallas depot".into();
    }
    page.rows[1].blocked = Some(text().t("blocked-company"));
    page.next = None;
    page
}

/// One company without a link.
pub(in crate::portal::view) fn company() -> RecordPage {
    RecordPage {
        text: text(),
        frame: frame(Screen::Companies, "Specimen Credit Union"),
        kind: Kind::Companies,
        id: "company_f".into(),
        name: "Specimen Credit Union".into(),
        email: None,
        under: String::new(),
        link: LinkState::Ambiguous { candidates: 2 },
        blocked: None,
        linked_how: None,
        candidates: vec![
            Candidate { id: "1201".into(), name: "Specimen Credit Union".into() },
            Candidate { id: "1202".into(), name: "Specimen Credit Union (old)".into() },
        ],
        others: vec![Candidate { id: "1042".into(), name: "Acme Sample Works".into() }],
        others_error: None,
        waiting: 2,
        said: None,
        sign_in_link: None,
        error: Some(text().t("link-id-missing")),
    }
}

/// One technician with a link.
pub(in crate::portal::view) fn user() -> RecordPage {
    let mut page = company();
    page.kind = Kind::Users;
    page.frame = frame(Screen::Users, "Sam Okoro");
    page.name = "Sam Okoro".into();
    page.email = Some("sam.okoro@example.com".into());
    page.under = "Level 2".into();
    page.link = linked("Sam Okoro", "12");
    page.linked_how = Some(LinkedHow { how: text().t("link-how-auto-email"), at: Some(at("09:00:00")) });
    page.error = None;
    page.said = Some(RowResult { tone: Tone::Ok, text: text().t("saved-said") });
    page.sign_in_link = Some("https://approvals.example.com/sign-in/sample".into());
    page
}
