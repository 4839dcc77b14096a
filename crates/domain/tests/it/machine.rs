//! State by event, and what always holds whatever happens in whatever order.

use std::fmt::Write as _;

use countersign_domain::{
    decision::Verdict,
    grant::GrantState,
    request::{Event, Request, State, TicketOn},
    time::Time,
};
use proptest::prelude::*;

use crate::sample::{decision, events, request};

fn after(start: Request, events: &[Event]) -> Request {
    events.iter().fold(start, |request, event| {
        let before = request.clone();
        request.apply(event.clone()).map_or(before, |(request, _)| request)
    })
}

fn starts() -> Vec<(&'static str, Request)> {
    let approve = || Event::Decided(decision(Verdict::Approve));
    let by_name = |name: &str| events().into_iter().find(|(n, _)| *n == name).expect("an event").1;
    vec![
        ("pending", request()),
        ("approved", after(request(), &[approve()])),
        ("approved and used", after(request(), &[approve(), by_name("start")])),
        ("approved, used, ended", after(request(), &[approve(), by_name("start"), by_name("finished")])),
        ("denied", after(request(), &[by_name("deny")])),
        ("withdrawn", after(request(), &[by_name("withdraw")])),
        ("expired, never decided", after(request(), &[by_name("time passed, late")])),
        ("expired, never used", after(request(), &[approve(), by_name("time passed, late")])),
        ("revoked", after(request(), &[approve(), by_name("revoke")])),
    ]
}

#[test]
fn the_table_of_states_and_events() {
    let mut table = String::new();
    for (state, start) in starts() {
        writeln!(table, "{state}").expect("a String");
        for (event, what) in events() {
            let outcome = match start.clone().apply(what) {
                Ok((request, told)) => {
                    let grant = request.grant.as_ref().map_or("no grant".into(), |grant| format!("{:?}", grant.state));
                    let told: Vec<&str> = told.iter().map(|kind| kind.as_str()).collect();
                    format!("{}, {grant}, tells [{}]", request.state.as_str(), told.join(", "))
                }
                Err(refused) => format!("refused: {refused}"),
            };
            writeln!(table, "  {event:<24} {outcome}").expect("a String");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_ticket_on_denial_is_opened_by_the_denial_and_nothing_else_is_told() {
    use countersign_domain::effect::StepKind::{OpenTicket, RecordDecision, RecordExpiry};
    let told_by = |on: TicketOn, name: &str| {
        let start = Request { ticket_on: on, ..request() };
        let event = events().into_iter().find(|(n, _)| *n == name).expect("an event").1;
        start.apply(event).expect("it applies").1
    };
    for on in [TicketOn::Denial, TicketOn::DenialOrExpiry] {
        assert_eq!(told_by(on, "deny"), [OpenTicket, RecordDecision]);
        assert!(told_by(on, "approve").is_empty() && told_by(on, "withdraw").is_empty());
        let approved = after(Request { ticket_on: on, ..request() }, &[Event::Decided(decision(Verdict::Approve))]);
        for name in ["revoke", "time passed, late", "start"] {
            let event = events().into_iter().find(|(n, _)| *n == name).expect("an event").1;
            assert!(approved.clone().apply(event).expect("it applies").1.is_empty(), "{name}");
        }
    }
    assert!(told_by(TicketOn::Denial, "time passed, late").is_empty());
    assert_eq!(told_by(TicketOn::DenialOrExpiry, "time passed, late"), [OpenTicket, RecordExpiry]);
}

#[test]
fn a_repeat_tells_nothing_of_its_own() {
    let mut joined = request();
    joined.joined_to = Some("req_0197c9a0-7d6e-7c3a-8f00-aabbccddeef9".parse().expect("an id"));
    let (decided, told) = joined.apply(Event::Decided(decision(Verdict::Approve))).expect("it is pending");
    assert_eq!(decided.state, State::Approved);
    assert!(told.is_empty());
}

#[test]
fn the_moment_of_expiry_itself_is_too_late() {
    let pending = request();
    assert!(pending.clone().apply(Event::TimePassed(Time(pending.expires_at.0 - 1))).is_err());
    assert!(pending.clone().apply(Event::TimePassed(pending.expires_at)).is_ok());
    let approved = after(request(), &[Event::Decided(decision(Verdict::Approve))]);
    let until = approved.grant.as_ref().expect("a grant").until;
    assert!(approved.clone().apply(Event::Started(until, None)).is_err());
    assert!(approved.apply(Event::Started(Time(until.0 - 1), None)).is_ok());
}

proptest! {
    /// Whatever happens in whatever order: the first decision stands, a grant is used at most once and only while it
    /// may be, the version counts every change, and what is over stays over.
    #[test]
    fn nothing_in_any_order_breaks_the_promises(picks in proptest::collection::vec(0_usize..12, 0..40)) {
        let all = events();
        let mut current = request();
        let mut first_decision = None;
        let mut redeemed = 0;
        for pick in picks {
            let (name, event) = all[pick].clone();
            let before = current.clone();
            match current.apply(event) {
                Ok((next, told)) => {
                    prop_assert_eq!(next.version, before.version + 1, "{}", name);
                    prop_assert!(told.len() <= 1);
                    if next.grant.as_ref().map(|g| g.state) == Some(GrantState::Redeemed)
                        && before.grant.as_ref().map(|g| g.state) != Some(GrantState::Redeemed)
                    {
                        redeemed += 1;
                        prop_assert_eq!(before.state, State::Approved);
                    }
                    prop_assert!(
                        before.state == State::Pending || next.state != State::Pending,
                        "{} went back to pending", name
                    );
                    current = next;
                }
                Err(_) => current = before,
            }
            if let Some(decision) = &current.decision {
                let first = first_decision.get_or_insert_with(|| decision.clone());
                prop_assert_eq!(first, decision, "the first decision was overwritten");
            }
            prop_assert!(current.grant.is_none() || current.decision.is_some(), "a grant without a decision");
        }
        prop_assert!(redeemed <= 1);
    }
}
