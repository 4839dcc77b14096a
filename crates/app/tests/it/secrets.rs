//! A wrong secret, at the set-up and later; an address that our own configuration does not allow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use countersign_app::{
    psa::{Budget, CheckStatus, Connect, Connection, Discovered, Fault, Psa, halo::HaloConnect},
    ticketing::Change,
};
use countersign_domain::audit::Actor;
use countersign_egress::{Egress, EgressConfig};
use halo_sim::Config;
use serde_json::json;

use crate::house::{Between, Ground, House, until};

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
    // So slow that five minutes do not pass by themselves.
    let house = House::on(Ground { rate: Some(2), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
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

/// Whether the configuration allows Halo's address.
static ALLOWED: AtomicBool = AtomicBool::new(true);

struct Configured(HaloConnect);

#[async_trait]
impl Connect for Configured {
    fn connect(&self, connection: &Connection, budget: Arc<dyn Budget>) -> Result<Arc<dyn Psa>, Fault> {
        if ALLOWED.load(Ordering::SeqCst) {
            return self.0.connect(connection, budget);
        }
        HaloConnect::new(Egress::new(&EgressConfig::default()).unwrap()).connect(connection, budget)
    }

    async fn discover(&self, address: &str) -> Result<Discovered, Fault> {
        self.0.discover(address).await
    }
}

/// Started without what allowed Halo's address: it runs, says what to add, and what is to be told waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_configuration_does_not_allow_halos_address_starts_and_says_so() {
    let between: Between = Arc::new(|inner| Arc::new(Configured(inner)));
    let mut house = House::on(Ground { between: Some(between), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.assert_all_done().await;
    house.crash();
    ALLOWED.store(false, Ordering::SeqCst);
    house.start().await;
    let trouble = house.app().ticketing().trouble.unwrap();
    assert!(trouble.contains("halo.allow_hosts = [\"127.0.0.1"), "{trouble}");
    assert!(house.app().ticketing().secret_set);
    let run = house.app().check_ticketing(&house.admin, None).await.unwrap();
    let check = run.told().into_iter().next().unwrap();
    assert_eq!(check.status, CheckStatus::Fail);
    assert!(check.seen.contains("halo.allow_hosts"), "{check:?}");
    let new = house.ask(&computer).await;
    for request in [&known, &new] {
        house.approve(request).await;
    }
    assert!(house.app().verify_audit().await.unwrap().faults.is_empty());
    house.clock.forward(Duration::from_mins(30));
    assert_eq!(house.app().counts(&house.admin).await.unwrap().attention_steps, 0);
    assert!(house.attempts(&new.id).await.is_empty(), "nothing is tried");
    house.crash();
    ALLOWED.store(true, Ordering::SeqCst);
    house.start().await;
    house.assert_all_done().await;
    for request in [&known, &new] {
        house.assert_told(request).await;
    }
    assert_eq!(house.app().ticketing().trouble, None);
}
