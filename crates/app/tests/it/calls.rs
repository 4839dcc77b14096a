//! How few calls it takes, and which go first.

use std::time::Duration;

use countersign_app::{budget::Allowance, ticketing::Change};
use halo_sim::Config;
use serde_json::json;

use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_its_decision_is_two_calls_and_a_share_of_a_read_back() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;
    house.halo.forget_calls().await;
    let mut requests = Vec::new();
    for _ in 0..20 {
        requests.push(house.ask(&computer).await);
    }
    for request in &requests {
        house.approve(request).await;
    }
    house.assert_all_done().await;
    let mut counts = house.halo.counts().await.as_object().cloned().unwrap();
    assert_eq!(counts.remove("POST /Tickets"), Some(json!(20)));
    assert_eq!(counts.remove("POST /Actions"), Some(json!(20)));
    let read_backs = counts.remove("GET /Tickets").unwrap().as_u64().unwrap();
    assert!(read_backs <= 20, "{read_backs}");
    assert!(counts.is_empty(), "{counts:?}");
    for request in &requests {
        house.assert_told(request).await;
    }
}

/// Approvals that are taken back, and approvals that run out: one call more each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_step_is_one_call_more() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;
    let mut requests = Vec::new();
    for _ in 0..10 {
        requests.push(house.ask(&computer).await);
    }
    for request in &requests {
        house.approve(request).await;
    }
    house.assert_all_done().await;
    house.halo.forget_calls().await;
    let (taken_back, left) = requests.split_at(4);
    for request in taken_back {
        house.app().revoke(&house.admin, &request.id).await.unwrap();
    }
    house.assert_all_done().await;
    let mut counts = house.halo.counts().await.as_object().cloned().unwrap();
    assert_eq!(counts.remove("POST /Actions"), Some(json!(4)));
    let read_backs = counts.remove("GET /Tickets").map_or(0, |count| count.as_u64().unwrap());
    assert!(read_backs <= 4, "{read_backs}");
    assert!(counts.is_empty(), "{counts:?}");

    house.halo.forget_calls().await;
    house.clock.forward(Duration::from_hours(5));
    for request in left.iter().chain([&first]) {
        house.until_step(&request.id, "record_expiry", "done").await;
    }
    house.assert_all_done().await;
    let counts = house.halo.counts().await;
    assert_eq!((&counts["POST /Actions"], &counts["POST /Tickets"]), (&json!(7), &json!(null)), "{counts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_serves_everything() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    for _ in 0..5 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
    }
    house.assert_all_done().await;
    let counts = house.halo.counts().await;
    let tokens: u64 = counts
        .as_object()
        .unwrap()
        .iter()
        .filter(|(call, _)| call.to_lowercase().contains("/token"))
        .filter_map(|(_, count)| count.as_u64())
        .sum();
    // One for the trial of the set-up, one for the connection that is kept.
    assert!((1..=2).contains(&tokens), "{counts:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allowance_is_kept_and_everything_is_told_in_the_end() {
    let budget = Some(Allowance { calls: 40, window_s: 30, off: false });
    let house = House::with(Config::default(), Change { budget, ..Change::default() }).await;
    let computer = house.sample_computer().await;
    let mut requests = Vec::new();
    for _ in 0..30 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        requests.push(request);
    }
    house.assert_all_done().await;
    for request in &requests {
        house.assert_told(request).await;
    }
    assert_eq!(house.halo.tickets().await.len(), 30);
}
