//! Every way a POST can end badly has its class, and what was done is found again.

use std::time::Duration;

use countersign_psa::{Cause, Class, SweepRange};
use halo_sim::Config;
use serde_json::{Value, json};

use crate::desk::{Desk, new_action, new_ticket, request};

/// Arms one fault on the ticket POST; returns the class and how many tickets there are afterwards.
async fn create_under(kind: &str, more: Value) -> (Class, Cause, usize) {
    let desk = Desk::open().await;
    let control = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    desk.fault("/Tickets", kind, more).await;
    let fault = desk.psa.open_ticket(&new_ticket(2)).await.expect_err(kind);
    let there = desk.tickets().await.len() - 1;
    // The sweep tells the truth either way.
    let range = SweepRange { down_to: Some(control.id.clone()), control: Some(control.id) };
    let sweep = desk.psa.sweep(&range).await.unwrap();
    assert!(sweep.complete && sweep.control_seen, "{kind}");
    let reference = request(2).to_string();
    let found = sweep.found.iter().filter(|found| found.ticket.reference.as_deref() == Some(&reference)).count();
    assert_eq!(found, there, "{kind}");
    (fault.class, fault.cause, there)
}

#[tokio::test]
async fn classes_of_a_failed_create() {
    let cases = [
        ("status", json!({"code": 500}), Class::Unknown, Cause::ServerFault, 0),
        ("status", json!({"code": 503}), Class::Unknown, Cause::ServerFault, 0),
        ("status", json!({"code": 400, "body": {"Message": "No"}}), Class::Refused, Cause::Invalid, 0),
        ("status", json!({"code": 403}), Class::Refused, Cause::NotPermitted, 0),
        ("status", json!({"code": 404}), Class::Gone, Cause::NotFound, 0),
        ("status_after", json!({"code": 500}), Class::Unknown, Cause::ServerFault, 1),
        ("status_after", json!({"code": 504}), Class::Unknown, Cause::ServerFault, 1),
        ("cut_before", json!({}), Class::Unknown, Cause::NoAnswer, 0),
        ("cut_after", json!({}), Class::Unknown, Cause::NoAnswer, 1),
        ("garbage", json!({"form": "html", "when": "after"}), Class::Unknown, Cause::NotUnderstood, 1),
        ("garbage", json!({"form": "json", "when": "before"}), Class::Unknown, Cause::NotUnderstood, 0),
        ("garbage", json!({"form": "empty", "when": "after"}), Class::Unknown, Cause::NotUnderstood, 1),
    ];
    for (kind, more, class, cause, there) in cases {
        assert_eq!(create_under(kind, more.clone()).await, (class, cause, there), "{kind} {more}");
    }
}

#[tokio::test]
async fn cuts_after_an_action_leave_exactly_one_and_it_is_found() {
    for (kind, there) in [("cut_after", 1), ("cut_before", 0)] {
        let desk = Desk::open().await;
        let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
        desk.fault("/Actions", kind, json!({})).await;
        let action = new_action(&opened.id, 1);
        let fault = desk.psa.write_action(&action).await.expect_err(kind);
        assert_eq!(fault.class, Class::Unknown);
        let actions = desk.psa.actions(&opened.id).await.unwrap();
        assert!(actions[0].opening, "the control record");
        assert_eq!(actions.iter().filter(|entry| entry.note.contains(&action.reference)).count(), there);
    }
}

#[tokio::test]
async fn expired_tokens_are_renewed_without_a_word() {
    let desk = Desk::open().await;
    desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    desk.fault("/Tickets", "expire_tokens", json!({})).await;
    desk.psa.open_ticket(&new_ticket(2)).await.unwrap();
    assert_eq!(desk.tickets().await.len(), 2);
}

#[tokio::test]
async fn limits_name_their_span() {
    let desk = Desk::open().await;
    desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    let limit = json!({"method": "POST", "path": "/Tickets", "kind": "rate_limit", "limit": 0, "window_s": 9});
    desk.control("POST", "/faults", limit).await;
    let fault = desk.psa.open_ticket(&new_ticket(2)).await.expect_err("limited");
    assert_eq!(fault.cause, Cause::RateLimited);
    assert!(matches!(fault.class, Class::Later(Some(span)) if span <= Duration::from_secs(9)), "{fault:?}");
}

#[tokio::test]
async fn a_halo_that_is_gone_is_later() {
    let desk = Desk::open().await;
    let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    let Desk { sim, psa, .. } = desk;
    sim.stop().await;
    let fault = psa.write_action(&new_action(&opened.id, 1)).await.expect_err("gone");
    assert_eq!((fault.class, fault.cause), (Class::Later(None), Cause::NotReached));
    let fault = psa.tickets(&[opened.id]).await.expect_err("gone");
    assert_eq!(fault.class, Class::Later(None));
}

#[tokio::test]
async fn failed_reads_are_later_never_unknown() {
    let desk = Desk::open().await;
    let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    for kind in ["cut_before", "garbage"] {
        desk.fault("*", kind, json!({"method": "GET"})).await;
        let fault = desk.psa.ticket(&opened.id).await.expect_err(kind);
        assert_eq!(fault.class, Class::Later(None), "{kind}");
    }
}

#[tokio::test]
async fn a_short_scope_is_said() {
    let scopes = Some(vec!["read:customers".to_owned()]);
    let desk = Desk::with(Config { application_scopes: scopes, ..Config::default() }).await;
    let fault = desk.psa.open_ticket(&new_ticket(1)).await.expect_err("no scope");
    assert_eq!((fault.class, fault.cause), (Class::Refused, Cause::NotPermitted));
    assert!(!fault.words.is_empty());
}

#[tokio::test]
async fn ids_that_are_none_never_leave_the_house() {
    let desk = Desk::open().await;
    let mut ticket = new_ticket(1);
    ticket.customer = "1 or 2".into();
    assert_eq!(desk.psa.open_ticket(&ticket).await.expect_err("no id").class, Class::Refused);
    assert_eq!(desk.psa.ticket("../Agent/me").await.expect_err("no id").class, Class::Refused);
    assert!(desk.calls().await.is_empty());
}
