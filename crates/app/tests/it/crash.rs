//! The process dies around every call: what it had begun is found, not done twice.

use std::time::Duration;

use countersign_app::{clock::Clock as _, ticketing::Change};
use halo_sim::Config;
use serde_json::{Value, json};

use crate::{
    halo::actions,
    house::{Ground, House, until},
};

/// Long enough on the machine's clock (one second) for a call that died with its caller to be over.
fn patient() -> Change {
    Change { settle_s: Some(20), ..Change::default() }
}

/// Dies while a call of `path` is on its way, before Halo did its work or after.
async fn dies_during(path: &str, when: &str) {
    let mut house = House::with(Config::default(), patient()).await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;
    let slow = json!({"kind": "delay", "ms": 800, "when": when, "path": path, "method": "POST", "times": 1});
    house.halo.fault(slow).await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    until("the call is on its way", async || met(&house).await).await;
    if when == "after" {
        until("Halo did its work", async || {
            let tickets = house.halo.tickets_of(request.id.as_str()).await;
            tickets.first().is_some_and(|ticket| path == "/Tickets" || !actions(ticket).is_empty())
        })
        .await;
    }
    house.crash();
    house.start().await;
    house.assert_all_done().await;
    until("the call of the dead is over", async || house.halo.ended_after(800.0).await).await;
    house.assert_told(&request).await;
    assert_eq!(house.halo.tickets().await.len(), 2, "{path} {when}");
}

/// The fault was met.
async fn met(house: &House) -> bool {
    let faults = house.halo.control("GET", "/faults", json!({})).await;
    faults["faults"].as_array().unwrap().iter().any(|fault: &Value| fault["hits"] != 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn around_a_create() {
    dies_during("/Tickets", "before").await;
    dies_during("/Tickets", "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn around_an_action() {
    dies_during("/Actions", "before").await;
    dies_during("/Actions", "after").await;
}

/// A ticket whose answer died with the process is no sign of an older database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_being_sent_is_not_in_doubt() {
    let mut house = House::with(Config::default(), patient()).await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;
    let elsewhere = house.computer("Company of no Customer", "Main Street", "PC-01").await;
    let waits = house.ask(&elsewhere).await;
    house.until_step(&waits.id, "open_ticket", "parked").await;
    let slow = json!({"kind": "delay", "ms": 800, "when": "after", "path": "/Tickets", "method": "POST", "times": 1});
    house.halo.fault(slow).await;
    let request = house.ask(&computer).await;
    until("Halo did its work", async || !house.halo.tickets_of(request.id.as_str()).await.is_empty()).await;
    house.crash();
    house.start().await;
    house.until_step(&request.id, "open_ticket", "done").await;
    assert!(house.attempts(&request.id).await.contains(&("open_ticket".to_owned(), "found".to_owned())));
    assert_eq!(house.steps_of(&waits.id).await[0].doubt_at, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn again_and_again_while_answers_get_lost() {
    let mut house = House::with(Config::default(), patient()).await;
    let computer = house.sample_computer().await;
    house
        .halo
        .fault(json!({"kind": "cut_after", "method": "POST", "path": "/Tickets", "percent": 40, "seed": 1}))
        .await;
    house
        .halo
        .fault(json!({"kind": "cut_after", "method": "POST", "path": "/Actions", "percent": 40, "seed": 2}))
        .await;
    let mut requests = Vec::new();
    for round in 0..8_usize {
        for _ in 0..3 {
            let request = house.ask(&computer).await;
            house.approve(&request).await;
            requests.push(request);
        }
        until("some were told", async || house.halo.tickets().await.len() >= round * 2).await;
        house.crash();
        house.start().await;
    }
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), requests.len());
    for request in &requests {
        house.assert_told(request).await;
    }
    assert!(house.app().verify_audit().await.unwrap().faults.is_empty());
}

/// The first walk fails eight times in a row: no outage, and what waits goes on within seconds of the machine's clock, with
/// less than a second between two tries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_start_that_meets_bad_luck_the_outbox_goes_on_within_seconds() {
    let mut house = House::on(Ground { rate: Some(1), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    house.assert_all_done().await;
    house.halo.down().await;
    let request = house.ask(&computer).await;
    house.crash();
    house.halo.no_faults().await;
    house.halo.fault(json!({"kind": "status", "code": 500, "method": "GET", "path": "/Tickets", "times": 8})).await;
    house.start().await;
    let began = house.clock.monotonic();
    house.until_step(&request.id, "open_ticket", "done").await;
    assert_eq!(house.halo.hits().await, 8);
    let took = house.clock.monotonic().saturating_sub(began);
    assert!(took < Duration::from_secs(8), "{took:?}");
}
