//! Ticket steps that need a person.

use super::request::attempt;
use super::{at, frame, tab, text};
use crate::portal::view::frame::*;
use crate::portal::view::steps::*;

/// Steps that need a person.
pub(in crate::portal::view) fn steps() -> StepsPage {
    let step = |reference: &str, what: &str, company: &str| StepRow {
        id: format!("step_{reference}"),
        href: "/portal/requests/req_c".into(),
        reference: reference.into(),
        what: what.into(),
        program: "Wireshark 4.4".into(),
        company: company.into(),
        ticket: None,
        at: Some(at("13:42:00")),
        tries: 9,
        next_at: None,
        attempts: (0..9)
            .map(|n| attempt(&format!("13:42:0{n}"), "403, 88 ms", Tone::Bad, "Halo refuses. A person must act."))
            .collect(),
        actions: Actions::RetryAndGiveUp,
        without_it: text().t("give-up-open_ticket"),
    };
    let cause = |tone, key, title: &str, sentence: &str| Cause {
        tone,
        key,
        title: title.into(),
        text: sentence.into(),
        fix: None,
        place: None,
        words: Vec::new(),
        since: Some(at("13:41:00")),
        link: None,
        count: 1,
        steps: Vec::new(),
        companies: Vec::new(),
        more: None,
    };
    StepsPage {
        text: text(),
        frame: frame(Screen::Steps, "Ticket steps"),
        tabs: vec![
            tab("attention", "tab-attention", Some(4), true),
            tab("waiting", "tab-waiting", Some(2), false),
            tab("done", "tab-done", None, false),
        ],
        companies: ["Demo Freight Lines", "Example Manufacturing"]
            .map(|name| CompanyChoice { id: "company_a".into(), name: name.into(), chosen: false })
            .into(),
        only: None,
        causes: vec![
            Cause {
                fix: Some("Allow the ticket type, then retry.".into()),
                place: Some("Configuration › Teams & Agents › Agents › the API-only agent".into()),
                words: vec!["You do not have permission to create this ticket type".into()],
                count: 7,
                steps: vec![
                    step("CS-1JZ5E8TD", "Open the ticket", "Demo Freight Lines"),
                    step("CS-6C0P2WRA", "Open the ticket", "Example Manufacturing"),
                ],
                more: Some(("/portal/steps?state=attention&cause=ticket_not_permitted".into(), "Show all 7".into())),
                ..cause(Tone::Bad, "ticket_not_permitted", "Halo refuses new tickets", "The agent may not add tickets.")
            },
            Cause {
                steps: vec![StepRow {
                    ticket: Some(("48102".into(), "https://halo.example.com/ticket?id=48102".into())),
                    actions: Actions::AlsoNewTicket,
                    ..step("CS-5WX0M3RD", "Write the decision to the ticket", "Sample Harbour")
                }],
                ..cause(Tone::Bad, "ticket_gone", "A ticket is gone", "No new one is made unless you say so.")
            },
            Cause {
                link: Some(("/portal/companies?state=unlinked".into(), text().t("steps-link-open"))),
                count: 3,
                companies: vec![WaitingRow {
                    href: "/portal/companies/company_b".into(),
                    name: "Placeholder Legal LLP".into(),
                    count: text().count("steps-tickets", 3),
                    since: Some(at("13:30:00")),
                }],
                ..cause(Tone::Warn, "no_link", "Companies without a link", "Their tickets wait.")
            },
        ],
        next: None,
        empty: None,
        said: None,
    }
}

/// Nothing needs a person.
pub(in crate::portal::view) fn steps_none() -> StepsPage {
    let mut page = steps();
    page.causes.clear();
    page.empty = Some(Empty {
        title: text().t("steps-none-attention"),
        text: text().t("steps-none-attention-text"),
        link: None,
    });
    page
}
