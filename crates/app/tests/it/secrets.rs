//! A wrong secret, at the set-up and later.

use std::time::Duration;

use countersign_app::ticketing::Change;
use countersign_domain::audit::Actor;
use halo_sim::Config;
use serde_json::json;

use crate::house::{House, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_not_kept() {
    let house = House::not_set_up(Config::default()).await;
    let wrong = Change { client_secret: Some("wrong".to_owned()), ..house.connection() };
    let refused = house.app().change_ticketing(Actor::Server, wrong).await.unwrap_err();
    assert_eq!(refused.code(), "connection_failed");
    assert!(refused.to_string().contains("Secret"), "{refused}");
    assert!(!house.app().ticketing().secret_set);
    let nowhere = Change { resource_url: Some("http://192.168.7.7/api".to_owned()), ..house.connection() };
    let refused = house.app().change_ticketing(Actor::Server, nowhere).await.unwrap_err();
    assert!(refused.to_string().contains("halo.allow_hosts"), "{refused}");
    house.set_up(Change::default()).await;
    let odd = Change { status_approved: Some(Some("77".to_owned())), ..Change::default() };
    let refused = house.app().change_ticketing(Actor::Server, odd).await.unwrap_err();
    assert_eq!(refused.code(), "not_offered");
    assert!(refused.to_string().contains("9 (Closed)"), "{refused}");
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_goes_bad_holds_the_worker_and_loses_nothing() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;
    let refused = json!({"kind": "status", "code": 401, "path": "/auth/token", "body": {"error": "invalid_client"}});
    house.halo.fault(refused).await;
    house.halo.control("POST", "/tokens/expire", json!({})).await;
    let mut requests = Vec::new();
    for _ in 0..5 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        requests.push(request);
    }
    until("the trouble is shown", async || house.app().ticketing().trouble.is_some()).await;
    house.halo.forget_calls().await;
    house.clock.forward(Duration::from_secs(200));
    let late = house.ask(&computer).await;
    house.approve(&late).await;
    requests.push(late);
    let calls = house.halo.counts().await;
    assert_eq!(calls, json!({}), "at most once in five minutes");
    house.halo.no_faults().await;
    let new = Change { client_secret: house.connection().client_secret, ..Change::default() };
    house.app().change_ticketing(Actor::Technician(house.admin.id.clone()), new).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.app().ticketing().trouble, None);
    for request in &requests {
        house.assert_told(request).await;
    }
}
