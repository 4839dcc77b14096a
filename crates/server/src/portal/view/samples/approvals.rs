//! The queue and the request beside it.

use super::{at, frame, text};
use crate::portal::view::approvals::*;
use crate::portal::view::frame::*;
use crate::portal::view::request::*;

fn row(id: &str, program: &str, who: (&str, &str, &str), clock: &str, risk: Risk, weighs: &str) -> QueueRow {
    QueueRow {
        id: format!("req_{id}"),
        program: program.into(),
        account: who.0.into(),
        computer: who.1.into(),
        company: who.2.into(),
        since: When { iso: format!("2026-11-24T{clock}Z"), text: "4 min".into() },
        late: risk == Risk::High,
        again: false,
        risk,
        weighs: weighs.into(),
        why: Some("The printer at the front desk keeps stopping.".into()),
        asked: 1,
        decided: None,
        version: 1,
    }
}

fn rows() -> Vec<QueueRow> {
    let mut decided = row(
        "d",
        "Zoom Workplace 6.4",
        ("b.moss", "EXM-WS-014", "Example Manufacturing"),
        "14:01:00",
        Risk::Low,
        "Signed",
    );
    decided.decided = Some(Decided {
        sentence: "Approved by Sam Okoro".into(),
        tone: Tone::Ok,
        at: Some(at("14:05:00")),
        reason: None,
    });
    let mut repeated = row(
        "c",
        "Wireshark 4.6.1 installer",
        ("j.ortiz", "DEMO-LT-203", "Demo Freight Lines"),
        "14:03:00",
        Risk::LookTwice,
        "Signed, first seen at this company",
    );
    repeated.asked = 3;
    vec![
        row(
            "a",
            "fix-spooler.ps1",
            ("t.alvarez", "SPC-WS-031", "Specimen Credit Union"),
            "13:59:00",
            Risk::High,
            "PowerShell, unsigned script in Downloads",
        ),
        row(
            "b",
            "Ledger Desk 2027.2 update",
            ("a.novak", "SDG-FD-01", "Sample Dental Group"),
            "14:01:00",
            Risk::Low,
            "Signed, known publisher",
        ),
        repeated,
        decided,
        row(
            "e",
            "sudo apt-get install nmap",
            ("d.lee", "demo-dev-07", "Demo Freight Lines"),
            "14:04:00",
            Risk::LookTwice,
            "Package manager, exact command only",
        ),
        row(
            "f",
            "Logi Options+ 1.90",
            ("k.brandt", "EXM-LT-088", "Example Manufacturing"),
            "14:05:00",
            Risk::Low,
            "Signed, seen on 61 computers",
        ),
        row(
            "g",
            "Acme Label Printer driver 3.2",
            ("r.ivers", "PLC-WS-006", "Placeholder Legal LLP"),
            "14:05:30",
            Risk::Low,
            "Signed. Ticket waits for a link",
        ),
    ]
}

fn queue(chosen: &str) -> Queue {
    Queue {
        text: text(),
        rows: rows(),
        chosen: Some(format!("req_{chosen}")),
        waiting: 6,
        minutes: 240,
        form_token: "sample-token".into(),
        first_run: None,
    }
}

fn fact(name: &str, value: &str, style: FactStyle) -> Fact {
    Fact { name: name.into(), value: value.into(), short: None, style }
}

pub(super) fn facts() -> Vec<Fact> {
    let hash = "9f2c71d04e41bbe04e41b9f2c71d04e41bbe04e41b9f2c71d04e41bbe04e41b0";
    let mut sha = fact("SHA-256", hash, FactStyle::Mono);
    sha.short = Some("9f2c71d0…e04e41b0".into());
    vec![
        fact("Publisher", "Ledger Desk Software Ltd", FactStyle::Verified),
        fact("Path", "C:\\Program Files\\Ledger\\upd.exe", FactStyle::Mono),
        sha,
        fact("Runs as", "Administrator", FactStyle::Plain),
        fact("Started by", "ledgerdesk.exe", FactStyle::Mono),
        fact("Size", "88.4 MB", FactStyle::Plain),
    ]
}

pub(super) fn reasons() -> Vec<Reason> {
    let reason = |tone, text: &str| Reason { tone, text: text.into() };
    vec![
        reason(Tone::Ok, "Signed by Ledger Desk Software Ltd, chain valid"),
        reason(Tone::Ok, "Folder is closed to ordinary users"),
        reason(Tone::Warn, "This build first seen 5 minutes ago"),
    ]
}

pub(super) fn past() -> Vec<Past> {
    let past = |clock, name: &str, by: &str, word: &str, tone| Past {
        href: "/portal/requests/req_z".into(),
        at: at(clock),
        name: name.into(),
        by: by.into(),
        word: word.into(),
        tone,
    };
    vec![
        past("09:12:00", "Printer driver 3.1", "Priya Nair", "Approved", Tone::Ok),
        past("08:40:00", "cmd.exe", "Sam Okoro", "Denied", Tone::Bad),
    ]
}

pub(super) fn bar(id: &str, risk: Risk, ask: Ask) -> Bar {
    Bar {
        text: text(),
        id: format!("req_{id}"),
        version: 1,
        form_token: "sample-token".into(),
        risk,
        ask,
        reason: String::new(),
        minutes: 240,
        error: None,
        outcome: text().count("bar-outcome", 5_u64),
        decided: None,
        may_not: None,
        next: Some("req_c".into()),
    }
}

fn pane(id: &str, risk: Risk, ask: Ask) -> Pane {
    Pane {
        text: text(),
        id: format!("req_{id}"),
        program: if risk == Risk::High { "fix-spooler.ps1" } else { "Ledger Desk 2027.2 update" }.into(),
        account: "a.novak".into(),
        computer: "SDG-FD-01".into(),
        company: "Sample Dental Group".into(),
        location: "Main Street".into(),
        asked_at: at("14:01:00"),
        asked: 1,
        risk,
        reasons: reasons(),
        why: Some("Payroll closes today and the program will not open without the update.".into()),
        facts: facts(),
        command_line: Some(
            "powershell.exe -ExecutionPolicy Bypass -File C:\\Users\\t.alvarez\\Downloads\\fix-spooler.ps1".into(),
        ),
        ticket: TicketLink::Open {
            number: "48212".into(),
            url: Some("https://halo.example.com/tickets?id=48212".into()),
            status: Some("New".into()),
        },
        warning: None,
        before: past(),
        bar: bar(id, risk, ask),
        said: None,
    }
}

/// The approvals screen with a low-risk request chosen.
pub(in crate::portal::view) fn approvals() -> ApprovalsPage {
    ApprovalsPage {
        text: text(),
        frame: frame(Screen::Approvals, "Approvals"),
        queue: queue("b"),
        pane: Some(pane("b", Risk::Low, Ask::Decide)),
        request_first: RequestFirst::No,
    }
}

/// The same with the question before a high-risk approval, opened by its own address.
pub(in crate::portal::view) fn approvals_asking() -> ApprovalsPage {
    let mut page = approvals();
    let mut shown = pane("a", Risk::High, Ask::ConfirmApprove);
    shown.bar.error = Some(text().t("bar-reason-missing"));
    page.queue = queue("a");
    page.pane = Some(shown);
    page.request_first = RequestFirst::Yes;
    page
}

/// High risk before the question: nothing is filled.
pub(in crate::portal::view) fn approvals_high() -> ApprovalsPage {
    let mut page = approvals();
    page.queue = queue("a");
    page.pane = Some(pane("a", Risk::High, Ask::Decide));
    page.request_first = RequestFirst::Yes;
    page
}

/// Somebody else was faster.
pub(in crate::portal::view) fn approvals_decided() -> ApprovalsPage {
    let mut page = approvals();
    let mut shown = pane("d", Risk::Low, Ask::Decide);
    shown.bar.decided = Some(Decided {
        sentence: "Approved by Sam Okoro".into(),
        tone: Tone::Ok,
        at: Some(at("14:05:00")),
        reason: Some("Known build".into()),
    });
    page.queue = queue("d");
    page.pane = Some(shown);
    page
}

/// Nothing waits, everything is set up.
pub(in crate::portal::view) fn approvals_empty() -> ApprovalsPage {
    let mut page = approvals();
    page.queue.rows.clear();
    page.queue.waiting = 0;
    page.frame.waiting = 0;
    page.pane = None;
    page
}

/// Nothing is set up.
pub(in crate::portal::view) fn first_run() -> ApprovalsPage {
    let mut page = approvals_empty();
    page.frame.connection = Connection::NotSet;
    page.frame.unlinked = Unlinked::default();
    page.frame.attention = 0;
    page.queue.first_run = Some(FirstRun {
        role: "Administrator".into(),
        halo_connected: false,
        computers: 0,
        others: 0,
        enroll_command: Some("countersign-agent enroll \\\n  --server https://approvals.example.com \\\n  --key CSK-4Q7N-81TB-WZ6K \\\n  --company NAME --location NAME".into()),
    });
    page
}
