//! A request's own page with its story, and the list of requests.

use super::approvals::{bar, facts, past, reasons};
use super::{at, frame, tab, text};
use crate::portal::view::approvals::*;
use crate::portal::view::frame::*;
use crate::portal::view::request::*;

pub(super) fn attempt(clock: &str, answer: &str, tone: Tone, sentence: &str) -> Attempt {
    Attempt { at: at(clock), answer: answer.into(), tone, sentence: sentence.into(), words: None }
}

fn story() -> Vec<Entry> {
    let entry = |clock: &str, side, tone, icon, title: &str, detail: &str| Entry {
        at: at(clock),
        side,
        tone,
        icon,
        title: title.into(),
        detail: detail.into(),
        quote: None,
        attempts: vec![],
    };
    let mut asked = entry("14:02:07", Side::Endpoint, Tone::Quiet, "hand-stop", "j.ortiz asked on DEMO-LT-203", "");
    asked.quote = Some("Tracing a printer problem together with the vendor.".into());
    let mut opened = entry(
        "14:02:08",
        Side::Ticket,
        Tone::Ok,
        "ticket",
        "Ticket opened",
        "Demo Freight Lines · Dallas depot · asset DEMO-LT-203",
    );
    opened.attempts = vec![
        attempt(
            "14:02:08",
            "No answer",
            Tone::Warn,
            "Cut off after 15 s. Nothing is sent again before it is looked for.",
        ),
        attempt("14:02:25", "Found", Tone::Ok, "By [CS-7K3M9QXA]: Halo had made it. Not posted again."),
    ];
    let mut decided =
        entry("14:04:18", Side::People, Tone::Accent, "check", "Maria Ruiz approved, once, within 4 hours", "");
    decided.quote = Some("Fine for the printer case, remove it afterwards.".into());
    let mut written =
        entry("14:04:19", Side::Ticket, Tone::Bad, "ticket", "Write the decision to the ticket", "Needs attention");
    written.attempts = (0..7)
        .map(|n| {
            let mut refused = attempt("14:04:19", "403, 88 ms", Tone::Bad, "Halo refuses. A person must act.");
            refused.words = Some(format!("You do not have permission ({n})"));
            refused
        })
        .collect();
    vec![
        asked,
        opened,
        decided,
        entry("14:04:18", Side::Endpoint, Tone::Quiet, "key", "Grant used, program started", ""),
        written,
        entry("14:19:52", Side::Endpoint, Tone::Quiet, "flag", "Program ended", "Exit code 0"),
    ]
}

/// A decided request's own page.
pub(in crate::portal::view) fn request() -> RequestPage {
    RequestPage {
        text: text(),
        frame: frame(Screen::Requests, "Wireshark 4.6.1 installer"),
        id: "req_c".into(),
        reference: "CS-7K3M9QXA".into(),
        program: "Wireshark 4.6.1 installer".into(),
        state: "Approved".into(),
        state_tone: Tone::Ok,
        account: "j.ortiz".into(),
        computer: "DEMO-LT-203".into(),
        company: "Demo Freight Lines".into(),
        location: "Dallas depot".into(),
        summary: "decided by Maria Ruiz in 2 min 11 s".into(),
        story: story(),
        facts: facts(),
        command_line: Some("Wireshark-4.6.1-x64.exe /S".into()),
        risk: Risk::LookTwice,
        reasons: reasons(),
        ticket: TicketCard {
            link: TicketLink::Open {
                number: "48214".into(),
                url: Some("https://halo.example.com/tickets?id=48214".into()),
                status: Some("Closed".into()),
            },
            reference: "CS-7K3M9QXA".into(),
            assigned_to: Some("Maria Ruiz".into()),
            time: Some("5 min, Maria Ruiz".into()),
            steps: "1 of 2 done".into(),
            warning: None,
        },
        joined_to: None,
        joined: vec![Past {
            href: "/portal/requests/req_d".into(),
            at: at("14:03:02"),
            name: "CS-5WX0M3RD".into(),
            by: "Maria Ruiz".into(),
            word: "Approved".into(),
            tone: Tone::Ok,
        }],
        before: past(),
        bar: None,
        revocable: Offered::Yes,
        attachable: Offered::No,
    }
}

/// A waiting request's own page, with the bar.
pub(in crate::portal::view) fn request_waiting() -> RequestPage {
    let mut page = request();
    page.state = "Waiting".into();
    page.state_tone = Tone::Accent;
    page.summary = String::new();
    page.story.truncate(2);
    page.ticket.link = TicketLink::Waiting(text().t("ticket-waits-link"));
    page.bar = Some(bar("c", Risk::LookTwice, Ask::Decide));
    page.revocable = Offered::No;
    page.joined.clear();
    page.joined_to = Some(JoinedTo {
        href: "/portal/requests/req_e".into(),
        reference: "CS-6C0P2WRA".into(),
        program: page.program.clone(),
        account: page.account.clone(),
        at: at("14:01:58"),
    });
    page
}

/// The list of requests.
pub(in crate::portal::view) fn requests() -> RequestsPage {
    let row = |program: &str, state: &str, tone, by: &str, ticket| RequestRow {
        id: "req_c".into(),
        program: program.into(),
        account: "j.ortiz".into(),
        computer: "DEMO-LT-203".into(),
        company: "Demo Freight Lines".into(),
        state: state.into(),
        tone,
        by: by.into(),
        asked_at: at("13:02:07"),
        ticket,
    };
    let open = |number: &str, status: &str| TicketLink::Open {
        number: number.into(),
        url: Some(format!("https://halo.example.com/tickets?id={number}")),
        status: Some(status.into()),
    };
    RequestsPage {
        text: text(),
        frame: frame(Screen::Requests, "Requests"),
        tabs: vec![
            tab("all", "tab-all", None, true),
            tab("pending", "tab-waiting", Some(6), false),
            tab("approved", "tab-approved", None, false),
            tab("denied", "tab-denied", None, false),
            tab("expired", "tab-expired", None, false),
        ],
        query: String::new(),
        rows: vec![
            row("Ledger Desk 2027.2 update", "Waiting", Tone::Accent, "", open("48215", "New")),
            row("Wireshark 4.6.1 installer", "Approved", Tone::Ok, "Maria Ruiz", open("48214", "Closed")),
            row("cmd.exe", "Denied", Tone::Bad, "Sam Okoro", open("48213", "Closed")),
            row(
                "Acme Label Printer driver 3.2",
                "Expired",
                Tone::Quiet,
                "",
                TicketLink::Waiting(text().t("ticket-waits-link")),
            ),
        ],
        next: Some("cursor".into()),
        empty: None,
    }
}

/// The list of requests, filtered to nothing.
pub(in crate::portal::view) fn requests_none() -> RequestsPage {
    let mut page = requests();
    page.rows.clear();
    page.query = "zz <b>".into();
    page.empty =
        Some(Empty::filtered(text(), text().arg("requests-none-found", "query", &page.query), "/portal/requests"));
    page
}
