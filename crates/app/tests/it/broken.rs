//! What is wrong with us and not with Halo: a handler that panics, a clock that jumps.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use countersign_app::{
    psa::{Budget, Connect, Connection, Discovered, Fault, Priority, Psa, halo::HaloConnect},
    ticketing::Change,
};
use halo_sim::Config;
use serde_json::json;

use crate::house::{Ground, House, until};

/// How many of the next calls of new tickets break off.
static BREAKS: AtomicI64 = AtomicI64::new(0);

/// Panics where a call asks for its allowance.
struct Fragile<T>(T);

#[async_trait]
impl Connect for Fragile<HaloConnect> {
    fn connect(&self, connection: &Connection, budget: Arc<dyn Budget>) -> Result<Arc<dyn Psa>, Fault> {
        self.0.connect(connection, Arc::new(Fragile(budget)))
    }

    async fn discover(&self, address: &str) -> Result<Discovered, Fault> {
        self.0.discover(address).await
    }
}

#[async_trait]
impl Budget for Fragile<Arc<dyn Budget>> {
    async fn acquire(&self, priority: Priority) {
        self.0.acquire(priority).await;
        assert!(
            priority != Priority::Create || BREAKS.fetch_sub(1, Ordering::SeqCst) <= 0,
            "this call breaks off, as the test wants"
        );
    }

    async fn limited(&self, retry_after: Option<Duration>) {
        self.0.limited(retry_after).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_breaks_off_is_looked_for_and_goes_on() {
    let house =
        House::on(Ground { between: Some(Arc::new(|inner| Arc::new(Fragile(inner)))), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;

    BREAKS.store(1, Ordering::SeqCst);
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
    let broken = ("open_ticket".to_owned(), "unknown".to_owned());
    assert!(house.attempts(&request.id).await.contains(&broken), "everybody sees that it broke off");

    // One that breaks off again and again waits for a person.
    BREAKS.store(i64::MAX, Ordering::SeqCst);
    let stuck = house.ask(&computer).await;
    house.until_step(&stuck.id, "open_ticket", "attention").await;
    BREAKS.store(0, Ordering::SeqCst);
    let step = house.steps_of(&stuck.id).await.remove(0);
    house.app().retry_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.approve(&stuck).await;
    house.assert_all_done().await;
    house.assert_told(&stuck).await;
}

const DAY: i64 = 24 * 3600;
const TEN_YEARS: i64 = 3652 * DAY;

/// Looked for at two and ten seconds and at the end of the settle time; sent again only then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_looked_for_thrice_and_sent_again_after_the_settle_time() {
    // The machine's own seconds: what it is late does not count as much.
    let house = House::on(Ground { rate: Some(1), ..Ground::default() }).await;
    house.set_up(Change { settle_s: Some(40), ..Change::default() }).await;
    let computer = house.sample_computer().await;
    house.halo.fault(json!({"kind": "cut_before", "path": "/Tickets", "method": "POST", "times": 1})).await;
    let request = house.ask(&computer).await;
    let tried = async || {
        let mut attempts = house.app().request_detail(&house.admin, &request.id).await.unwrap().attempts;
        attempts.retain(|attempt| attempt.kind == "open_ticket");
        attempts
    };
    for (nth, seconds) in [(1, 2), (2, 8), (3, 30)] {
        until("it was tried", async || tried().await.len() >= nth).await;
        house.clock.forward(Duration::from_secs(seconds));
    }
    house.approve(&request).await;
    house.assert_all_done().await;
    let attempts = tried().await;
    let results: Vec<&str> = attempts.iter().map(|attempt| attempt.result.as_str()).collect();
    assert_eq!(results, ["unknown", "absent", "absent", "done"]);
    let since = |n: usize| (attempts[n].started_at - attempts[0].ended_at) / 1_000_000;
    assert!((2..9).contains(&since(1)), "{}", since(1));
    assert!((10..30).contains(&since(2)), "{}", since(2));
    assert!(since(3) >= 40, "{}", since(3));
}

/// A clock that is set forward ends no settle time: the call may still be under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_forward_sends_nothing_again_before_its_time() {
    for jump in [DAY, TEN_YEARS] {
        let mut house = House::with(Config::default(), Change { settle_s: Some(40), ..Change::default() }).await;
        let computer = house.sample_computer().await;
        let known = house.ask(&computer).await;
        house.deny(&known).await;
        house.assert_all_done().await;
        house.start_impatient(Duration::from_millis(400)).await;
        // Under way for 1.2 s, of which the product waits 0.4 s; the settle time is 2 s.
        let slow =
            json!({"kind": "delay", "ms": 1200, "when": "before", "path": "/Tickets", "method": "POST", "times": 1});
        house.halo.fault(slow).await;
        let request = house.ask(&computer).await;
        // An approval would run out on the way.
        house.deny(&request).await;
        let lost = ("open_ticket".to_owned(), "unknown".to_owned());
        until("nobody waits any more", async || house.attempts(&request.id).await.contains(&lost)).await;
        house.clock.jump(jump);
        house.assert_all_done().await;
        until("the late call is over", async || house.halo.ended_after(1200.0).await).await;
        house.assert_told(&request).await;
    }
}

/// A clock that is set back makes nothing wait for years: neither a step that waits for its time, nor a read-back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_back_lets_nothing_stick() {
    for jump in [-DAY, -TEN_YEARS] {
        for path in ["/Tickets", "/Actions"] {
            let house = House::new().await;
            let computer = house.sample_computer().await;
            let known = house.ask(&computer).await;
            house.approve(&known).await;
            house.halo.fault(json!({"kind": "cut_before", "path": path, "method": "POST", "times": 1})).await;
            let request = house.ask(&computer).await;
            house.approve(&request).await;
            let lost = "unknown".to_owned();
            until("the call is cut", async || {
                house.attempts(&request.id).await.iter().chain(&house.attempts(&known.id).await).any(|a| a.1 == lost)
            })
            .await;
            house.clock.jump(jump);
            house.assert_all_done().await;
            house.assert_told(&request).await;
            house.assert_told(&known).await;
        }
    }
}
