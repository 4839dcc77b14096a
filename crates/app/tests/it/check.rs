//! The check as people start it: one at a time, its lines from the start, the test ticket with consent.

use countersign_app::check::{CheckRun, Finished};
use countersign_app::psa::CheckStatus;
use countersign_domain::role::Role;
use serde_json::json;

use crate::house::{House, until};

fn status(run: &CheckRun, id: &str) -> CheckStatus {
    let line = run.lines.iter().find(|line| line.id == id).unwrap();
    line.told.as_ref().unwrap().status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_all_known_from_the_start_and_tick_as_they_are_told() {
    let house = House::new().await;
    house.halo.fault(json!({"kind": "hold", "path": "/Client"})).await;
    assert!(house.app().check_run(&house.admin).is_none());
    house.app().start_check(&house.admin, None).await.unwrap();
    let run = house.app().check_run(&house.admin).unwrap();
    assert!(run.lines.len() > 20);
    assert_eq!(run.finished, Finished::NotYet);
    until("some lines are told, and others not", async || {
        let run = house.app().check_run(&house.admin).unwrap();
        !run.told().is_empty() && run.told().len() < run.lines.len()
    })
    .await;
    // A second call joins the first.
    house.halo.forget_calls().await;
    house.app().start_check(&house.admin, None).await.unwrap();
    house.halo.no_faults().await;
    house.until_check_ended().await;
    let joined = house.app().check_run(&house.admin).unwrap();
    assert_eq!(joined.started_at, run.started_at);
    assert_eq!(joined.told().len(), run.lines.len());
    assert!(house.halo.counts().await.get("POST /auth/token").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_ticket_takes_the_settings_in_force_and_stands_in_the_audit_log() {
    let house = House::new().await;
    house.technician("priya.nair@example.com", "Priya Nair", Role::L1).await;
    until("Priya is linked", async || {
        let wanted = countersign_store::DirectoryQuery { limit: 10, ..Default::default() };
        let people = house.app().technicians(&house.admin, &wanted).await.unwrap();
        people.iter().all(|person| person.link.psa_id.is_some())
    })
    .await;
    // A check that only reads gives way to one with consent.
    house.halo.fault(json!({"kind": "hold", "path": "/Client", "times": 1})).await;
    house.app().start_check(&house.admin, None).await.unwrap();
    until("it is on its way", async || house.halo.hits().await == 1).await;
    let run = house.app().check_ticketing(&house.admin, Some("201")).await.unwrap();
    for line in run.told() {
        assert_eq!(line.status, CheckStatus::Ok, "{line:?}");
    }
    let ticket = run.ticket.unwrap();
    assert!(ticket.url.ends_with(&format!("/ticket?id={}", ticket.id)), "{}", ticket.url);
    let tickets = house.halo.tickets().await;
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0]["id"].to_string(), ticket.id);
    assert_eq!((tickets[0]["tickettype_id"].as_i64(), tickets[0]["status_id"].as_i64()), (Some(21), Some(9)));
    assert_eq!(tickets[0]["timetaken"].as_f64().map(|hours| (hours * 60.0).round()), Some(5.0));
    let log = house.app().audit(&house.admin, Some("ticketing"), None, 50).await.unwrap();
    let entry = log.iter().find(|row| row.action == "ticketing.test_ticket").unwrap();
    assert!(entry.body.contains("201"), "{}", entry.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_change_settings_may_not_write_a_test_ticket() {
    let house = House::new().await;
    let auditor = house.technician("maria.ruiz@example.com", "Maria Ruiz", Role::Auditor).await;
    assert_eq!(house.app().check_ticketing(&auditor, Some("201")).await.unwrap_err().code(), "forbidden");
    let error = house.app().check_ticketing(&house.admin, Some(" ")).await.unwrap_err();
    assert_eq!(error.code(), "customer_missing");
    assert_eq!(house.halo.tickets().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_set_up_there_is_one_line_that_says_so() {
    let house = House::not_set_up(halo_sim::Config::default()).await;
    let run = house.app().check_ticketing(&house.admin, None).await.unwrap();
    assert_eq!((run.lines.len(), status(&run, "connection")), (1, CheckStatus::Unknown));
}
