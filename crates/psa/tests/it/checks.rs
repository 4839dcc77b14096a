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
async fn an_empty_list_is_never_called_good() {
    let desk = Desk::with(Config { seed: halo_sim::Seed::Empty, ..Config::default() }).await;
    let checks = check(&*desk.psa).await;
    for (id, expected) in [
        ("tickets", CheckStatus::Unknown),
        ("customers", CheckStatus::Warn),
        ("assets", CheckStatus::Warn),
        ("view_unassigned", CheckStatus::Unknown),
        ("agents", CheckStatus::Warn),
    ] {
        assert_eq!(status(&checks, id), expected, "{:?}", line(&checks, id));
    }
}

#[tokio::test]
async fn scopes_too_few_and_too_many_are_named() {
    for (scopes, expected, words) in [
        (vec!["edit:tickets", "read:customers"], CheckStatus::Fail, "read:assets"),
        (vec!["edit:tickets", "read:customers", "read:assets"], CheckStatus::Info, "read:tickets"),
        (vec!["read:tickets", "edit:tickets", "read:customers", "read:assets"], CheckStatus::Ok, ""),
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
