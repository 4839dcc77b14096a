//! One plain request, and what can happen to it.

use countersign_domain::{
    decision::{Author, Decision, Scope, Verdict},
    policy::{ProgramFacts, Sha256},
    request::{Asked, EndUser, Ending, Event, Outcome, Request, State},
    time::Time,
};

pub(crate) const EXPIRES: Time = Time(1_000_000_000);

pub(crate) fn program() -> ProgramFacts {
    serde_json::from_value(serde_json::json!({
        "path": "/usr/bin/sample", "sha256": "ab".repeat(32), "product": "Sample Tool", "version": "1.0",
    }))
    .expect("a program")
}

pub(crate) fn request() -> Request {
    Request {
        id: "req_0197c9a0-7d6e-7c3a-8f00-aabbccddeeff".parse().expect("an id"),
        company_id: "company_0197c9a0-7d6e-7c3a-8f00-aabbccddeef1".parse().expect("an id"),
        location_id: "location_0197c9a0-7d6e-7c3a-8f00-aabbccddeef2".parse().expect("an id"),
        computer_id: "computer_0197c9a0-7d6e-7c3a-8f00-aabbccddeef3".parse().expect("an id"),
        asked: Asked {
            end_user: EndUser {
                account: "sample".into(),
                user_id: Some("1000".into()),
                display_name: Some("Sample Person".into()),
                email: Some("sample@example.org".into()),
                phone: None,
            },
            program: program(),
            command_line: Some("sample --now".into()),
            arguments_hash: Some(Sha256::parse(&"cd".repeat(32)).expect("a hash")),
            run_as: None,
            parent: None,
            working_dir: None,
            reason: Some("It is needed".into()),
            requested_at: Time(1),
        },
        joined_to: None,
        again_of: None,
        received_at: Time(1_000_000),
        expires_at: EXPIRES,
        version: 1,
        state: State::Pending,
        decision: None,
        grant: None,
        revoked: None,
        outcome: None,
        ticket_on: countersign_domain::request::TicketOn::default(),
    }
}

pub(crate) fn author() -> Author {
    Author { id: "tech_0197c9a0-7d6e-7c3a-8f00-aabbccddeef4".parse().expect("an id"), name: "Sam Okoro".into() }
}

pub(crate) fn decision(verdict: Verdict) -> Decision {
    Decision {
        verdict,
        scope: Scope::Once,
        reason: Some("Fine".into()),
        minutes: 10,
        by: author(),
        at: Time(2_000_000),
        work_seconds: Some(300),
    }
}

/// Every kind of event, with a name for the table.
pub(crate) fn events() -> Vec<(&'static str, Event)> {
    let ended = |ending| Event::Ended(Outcome { ending, exit_code: Some(1), at: Time(4_000_000) });
    vec![
        ("approve", Event::Decided(decision(Verdict::Approve))),
        ("deny", Event::Decided(decision(Verdict::Deny))),
        ("withdraw", Event::Withdrawn(Time(3_000_000))),
        ("ticket closed by hand", Event::TicketClosed(Time(3_000_000))),
        ("time passed, early", Event::TimePassed(Time(3_000_000))),
        ("time passed, late", Event::TimePassed(Time(2_000_000_000))),
        ("revoke", Event::Revoked(author(), Time(3_000_000))),
        ("start", Event::Started(Time(3_000_000), Some("use-1".into()))),
        ("start again, same use", Event::Started(Time(3_500_000), Some("use-1".into()))),
        ("start again, other use", Event::Started(Time(3_500_000), Some("use-2".into()))),
        ("start, late", Event::Started(Time(2_000_000_000), None)),
        ("finished", ended(Ending::Finished)),
        ("failed", ended(Ending::Failed)),
    ]
}
