//! The directory's lists and records, filled by hand.

use super::sync::sync;
use super::{at, frame, tab, text};
use crate::portal::view::directory::*;
use crate::portal::view::frame::*;
use crate::portal::view::sync::SyncLine;

fn record(id: &str, name: &str, link: LinkState, waiting: u64) -> DirectoryRow {
    DirectoryRow {
        id: format!("company_{id}"),
        name: name.into(),
        under: String::new(),
        link,
        blocked: None,
        waiting,
        size: (2, 34),
        created: at("09:00:00"),
        archived: false,
        editable: true,
        result: None,
    }
}

fn candidate(id: &str, name: &str) -> Candidate {
    Candidate { id: id.into(), name: name.into(), alike: None }
}

fn choice(id: &str, name: &str) -> Choice {
    Choice { id: id.into(), name: name.into(), chosen: id == "a" }
}

fn linked(name: &str, id: &str) -> LinkState {
    LinkState::Linked { name: name.into(), id: id.into() }
}

/// The companies, in each state of a link.
pub(in crate::portal::view) fn companies() -> DirectoryPage {
    let like = |name: &str| LinkState::Unlinked {
        like: Some(Candidate { alike: Some(text().count("link-alike", 82_u64)), ..candidate("1200", name) }),
    };
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
            record(
                "e",
                "Sample Harbour",
                LinkState::Missing { name: "Harbour Group".into(), into: Some(candidate("1207", "Harbour Group Ltd")) },
                2,
            ),
            record("f", "Specimen Credit Union", LinkState::Ambiguous { candidates: 3 }, 1),
            record("g", "Stand-in Clinic", LinkState::Unlinked { like: None }, 0),
            fresh,
        ],
        next: Some("cursor".into()),
        empty: None,
        later: true,
        said: Some(Said {
            tone: Tone::Ok,
            text: text().arg2("many-unlinked-said", "done", "1", "all", "1"),
            back: Some(Back { action: "again", label: text().t("link-again"), ids: vec!["company_a~1042".into()] }),
        }),
        ask: Some(Ask {
            action: "archive",
            ids: vec!["company_a".into()],
            title: text().count("companies-archive-many", 1_u64),
            text: text().t("companies-archive-text"),
            typed: Some("Acme Sample Works".into()),
            wrong: true,
        }),
        sync: Some(SyncLine { text: text(), sync: sync("companies", None), note: None }),
        add: Some(Add {
            open: false,
            name: String::new(),
            email: String::new(),
            companies: vec![],
            roles: vec![],
            sees: None,
        }),
        editable: true,
        sort: "name",
        of: None,
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
        under: String::new(),
        link: LinkState::Ambiguous { candidates: 2 },
        blocked: None,
        linked_how: None,
        candidates: vec![candidate("1201", "Specimen Credit Union"), candidate("1202", "Specimen Credit Union (old)")],
        others: Others {
            found: vec![candidate("1042", "Acme Sample Works")],
            more: Some(text().count("others-more", 30_u64)),
            ..Others::default()
        },
        waiting: 2,
        size: (5, 166),
        archived: None,
        editable: true,
        edit: Edit { name: "Specimen Credit Union".into(), ..Edit::default() },
        type_name: true,
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
    page.edit = Edit {
        name: "Sam Okoro".into(),
        email: Some("sam.okoro@example.com".into()),
        locations: vec![],
        roles: vec![choice("a", "Level 2"), choice("b", "Level 3")],
        sees: Some(Sees { all: false, companies: vec![choice("a", "Acme Sample Works")] }),
        accounts: Some("SAMPLE\\sam".into()),
    };
    page.type_name = false;
    page.under = "Level 2".into();
    page.link = linked("Sam Okoro", "12");
    page.linked_how = Some(LinkedHow { how: text().t("link-how-auto-email"), at: Some(at("09:00:00")) });
    page.error = None;
    page.said = Some(Said { tone: Tone::Ok, text: text().t("saved-said"), back: None });
    page.sign_in_link = Some("https://approvals.example.com/sign-in/sample".into());
    page
}

/// A contact of an archived company.
pub(in crate::portal::view) fn contact() -> RecordPage {
    let mut page = company();
    page.kind = Kind::Contacts;
    page.frame = frame(Screen::Contacts, "Priya Nair");
    page.archived = Some(at("08:00:00"));
    page.error = None;
    page
}

/// A list of companies before it is done.
pub(in crate::portal::view) fn import() -> ImportPage {
    let line = |number, name: &str, tone, key: &str, detail: &str| ImportLine {
        number,
        name: name.into(),
        tone,
        word: text().t(key),
        detail: detail.into(),
        href: None,
    };
    ImportPage {
        text: text(),
        frame: frame(Screen::Companies, "Import companies"),
        kind: Kind::Companies,
        csv: "name,psa_id\nStand-in Clinic,1207\nAcme Sample Works,\n".into(),
        imported: Some(Imported {
            summary: text().count("import-preview-created", 1_u64),
            tone: Tone::Info,
            lines: vec![
                line(2, "Stand-in Clinic", Tone::Ok, "import-preview-line-created", ""),
                line(3, "Acme Sample Works", Tone::Quiet, "import-line-exists", ""),
                line(4, "", Tone::Bad, "import-preview-line-error", "The name is empty."),
            ],
            ignored: Some(text().arg("import-ignored", "columns", "colour")),
            go: Some(text().count("import-go", 2_u64)),
            hidden: 0,
            digest: "sample".into(),
        }),
        error: None,
    }
}
