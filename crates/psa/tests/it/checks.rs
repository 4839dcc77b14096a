//! The live check names what is missing.

use countersign_psa::{Check, CheckStatus, Connect, halo::HaloConnect};
use halo_sim::Config;
use serde_json::json;

use crate::desk::{Desk, Spent, check, connection, egress};

fn status(checks: &[Check], id: &str) -> CheckStatus {
    line(checks, id).status
}

fn line<'a>(checks: &'a [Check], id: &str) -> &'a Check {
    checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no line {id} in {checks:?}"))
}

#[tokio::test]
async fn a_good_set_up_is_ok_but_for_what_needs_a_write() {
    let desk = Desk::open().await;
    // The simulator has no tickets yet; then an empty list is right, and the check cannot know.
    let without_tickets = check(&*desk.psa).await;
    assert_eq!(status(&without_tickets, "tickets"), CheckStatus::Warn);
    desk.psa.open_ticket(&crate::desk::new_ticket(1)).await.unwrap();
    for check in check(&*desk.psa).await {
        let expected = if check.id == "writes" { CheckStatus::Unknown } else { CheckStatus::Ok };
        assert_eq!(check.status, expected, "{check:?}");
    }
}

#[tokio::test]
async fn a_missing_right_is_named() {
    for (right, value, id) in [
        ("Tickets Access Level", "No Access", "tickets"),
        ("Client Access Level", "No Access", "customers"),
        ("Assets Access Level", "No Access", "assets"),
    ] {
        for list in ["empty", "403"] {
            let desk = Desk::with_switches(json!({"no_access_list": list})).await;
            desk.psa.open_ticket(&crate::desk::new_ticket(1)).await.unwrap();
            desk.agent_right(right, value).await;
            let checks = check(&*desk.psa).await;
            let line = line(&checks, id);
            let expected = if list == "403" { CheckStatus::Fail } else { CheckStatus::Warn };
            assert_eq!(line.status, expected, "{right}: {line:?}");
            assert!(line.fix.as_deref().unwrap().contains(right), "{line:?}");
        }
    }
}

#[tokio::test]
async fn scopes_too_few_and_too_many_are_named() {
    for (scopes, expected, words) in [
        (vec!["edit:tickets", "read:customers"], CheckStatus::Fail, "read:assets"),
        (vec!["edit:tickets", "read:customers", "read:assets"], CheckStatus::Ok, ""),
    ] {
        let scopes = Some(scopes.into_iter().map(str::to_owned).collect());
        let desk = Desk::with(Config { application_scopes: scopes, ..Config::default() }).await;
        let checks = check(&*desk.psa).await;
        let line = line(&checks, "scopes");
        assert_eq!(line.status, expected, "{line:?}");
        assert!(line.seen.contains(words), "{line:?}");
    }
}

#[tokio::test]
async fn a_wrong_secret_scope_or_tenant_is_told_and_can_be_tried_at_once() {
    let desk = Desk::open().await;
    let mut wrong = connection(&desk.sim);
    wrong.client_secret = "not it".into();
    let connect = HaloConnect::new(egress(&["127.0.0.1"]));
    let psa = connect.connect(&wrong, std::sync::Arc::new(Spent::default())).unwrap();
    for _ in 0..2 {
        let checks = check(&*psa).await;
        assert_eq!(status(&checks, "reach"), CheckStatus::Ok);
        assert_eq!(status(&checks, "sign_in"), CheckStatus::Fail);
        assert!(line(&checks, "sign_in").fix.as_deref().unwrap().contains("secret"));
        assert_eq!(status(&checks, "agent"), CheckStatus::Unknown);
    }
    let tries = desk.calls().await.iter().filter(|call| call.contains("/auth/token")).count();
    assert_eq!(tries, 2, "a person's check tries each time");

    desk.control("PATCH", "/switches", json!({"wrong_tenant": "html"})).await;
    let mut wrong = connection(&desk.sim);
    wrong.tenant = Some("elsewhere".into());
    let psa = connect.connect(&wrong, std::sync::Arc::new(Spent::default())).unwrap();
    let checks = check(&*psa).await;
    assert_eq!(status(&checks, "sign_in"), CheckStatus::Fail);
    assert!(line(&checks, "sign_in").fix.as_deref().unwrap().contains("Tenant"), "{checks:?}");
}

#[tokio::test]
async fn an_application_without_an_agent_is_told() {
    let desk = Desk::with_switches(json!({"application_login": "none"})).await;
    let checks = check(&*desk.psa).await;
    assert_eq!(status(&checks, "agent"), CheckStatus::Fail, "{checks:?}");
    assert!(line(&checks, "agent").fix.as_deref().unwrap().contains("None"));
}
