//! Halo is down, for a while or for a day; a call hangs; a step is stuck. Nobody else waits for that.

use std::time::Duration;

use countersign_app::{
    budget::Allowance,
    clock::{Ids as _, System},
    ticketing::Change,
};
use countersign_domain::{
    decision::Verdict,
    id::RequestId,
    request::{Request, State},
};
use halo_sim::Config;
use serde_json::json;

use crate::{
    halo::{CLOSED, SAM, action_of, actions, minutes},
    house::{Ground, House, until, wish},
    quick::pause,
};

/// Places that a ticket may be away from its own: of so many steps that run at the same time, any may be first.
const AT_ONCE: usize = 16;

/// Ten minutes without Halo: the circuit opens, and it is tried gently.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halo_that_is_down_is_tried_gently() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;
    house.halo.down().await;
    let mut requests = Vec::new();
    for _ in 0..40 {
        requests.push(house.ask(&computer).await);
    }
    until("it is seen", async || house.app().ticketing().trouble.is_some()).await;
    house.halo.forget_calls().await;
    for _ in 0..120 {
        house.clock.forward(Duration::from_secs(5));
        pause(Duration::from_millis(10)).await;
    }
    let calls = house.halo.calls().await;
    // Half a second, one, two, … and then every 32 s, for ten minutes and as long as the machine took.
    assert!((5..60).contains(&calls.len()), "{} calls: {calls:?}", calls.len());
    house.halo.no_faults().await;
    for request in &requests {
        house.approve(request).await;
    }
    house.assert_all_done().await;
    requests.push(first);
    house.halo.assert_exactly(&requests).await;
}

/// After a start one walk comes before all else. A part of it that fails again and again is tried again every second, and
/// does not count as a Halo that is down: it answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_walk_that_fails_in_part_is_no_outage() {
    let mut house = House::on(Ground { rate: Some(3), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.assert_all_done().await;
    // Whose ticket this is, stands in its description.
    let mut strange = house.halo.ticket_of(known.id.as_str()).await;
    strange["third_party_id_string"] = json!(RequestId::from_uuid(System.uuid()));
    house.halo.post_again(&strange).await;
    house.halo.fault(json!({"kind": "status", "code": 500, "path": "/Tickets/{id}", "method": "GET"})).await;
    house.crash();
    house.start().await;
    // More failures than make an outage of bad luck.
    until("it is tried", async || house.halo.hits().await >= 10).await;
    let began = house.clock.seconds();
    until("it is tried again", async || house.halo.hits().await >= 18).await;
    let took = house.clock.seconds() - began;
    assert!(took < 40, "an outage's pauses would add up to two minutes: {took} s");
    house.halo.no_faults().await;
    house.approve(&known).await;
    house.assert_all_done().await;
    house.assert_told(&known).await;
}

/// A day without Halo: every decision reaches its endpoint at once; then the backlog is told in order, within
/// the allowance, nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn halo_is_down_for_a_day() {
    let budget = Some(Allowance { calls: 30, window_s: 60, off: false });
    let house = House::with(Config::default(), Change { budget, ..Change::default() }).await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    house.halo.down().await;
    let mut requests = Vec::new();
    for n in 0..72 {
        let request = house.ask(&computer).await;
        let verdict = if n % 4 == 0 { Verdict::Deny } else { Verdict::Approve };
        house.app().decide(&house.admin, &request.id, wish(verdict)).await.unwrap();
        // What the endpoint reads when it is woken.
        let decided = house.app().request(&house.admin, &request.id).await.unwrap().request;
        assert_eq!(
            (decided.state, decided.grant.is_some()),
            if n % 4 == 0 { (State::Denied, false) } else { (State::Approved, true) }
        );
        requests.push(request);
        house.clock.forward(Duration::from_mins(20));
        pause(Duration::from_millis(5)).await;
    }
    house.halo.no_faults().await;
    house.halo.forget_calls().await;
    let began = house.clock.seconds();
    house.assert_all_done().await;
    let took = house.clock.seconds() - began;
    let calls = house.halo.calls().await.len();
    assert!(u64::try_from(calls).unwrap() <= 60 + took / 2, "{calls} calls in {took} s");
    assert_eq!(house.halo.tickets().await.len(), requests.len() + 1);
    assert_in_order(&house, &requests).await;
    for (n, request) in requests.iter().enumerate() {
        let ticket = house.halo.ticket_of(request.id.as_str()).await;
        assert_eq!(minutes(&action_of(&ticket, "record_decision")), 5);
        // What was approved and not used has run out meanwhile, but for the last ones.
        let told = actions(&ticket).len();
        assert!(if n % 4 == 0 { told == 1 } else { told <= 2 }, "{ticket:#}");
        assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(CLOSED), &json!(SAM)));
    }
}

/// The tickets were opened in the order in which the requests were asked, but for those that were on their way at the
/// same time.
async fn assert_in_order(house: &House, requests: &[Request]) {
    let mut tickets = house.halo.tickets().await;
    tickets.sort_by_key(|ticket| ticket["id"].as_i64());
    let place = |request: &Request| {
        tickets.iter().position(|ticket| ticket["third_party_id_string"] == request.id.as_str()).unwrap()
    };
    let places: Vec<usize> = requests.iter().map(place).collect();
    // The first one is the known one's.
    for (n, place) in places.iter().enumerate() {
        assert!(place.abs_diff(n + 1) <= AT_ONCE, "{n}: {places:?}");
    }
}

/// A call that hangs, and a ticket that Halo refuses, hold up their own lanes alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_is_stuck_delays_no_other() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.until_step(&first.id, "open_ticket", "done").await;
    house.halo.hold("/Tickets", "after").await;
    let hung = house.ask(&computer).await;
    until("it hangs", async || house.halo.hits().await == 1).await;
    house.halo.fault(json!({"kind": "status", "code": 400, "path": "/Tickets", "method": "POST", "times": 1})).await;
    let refused = house.ask(&computer).await;
    house.until_step(&refused.id, "open_ticket", "attention").await;
    let mut others = Vec::new();
    for _ in 0..30 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        others.push(request);
    }
    for request in &others {
        house.until_step(&request.id, "record_decision", "done").await;
    }
    assert_eq!(house.steps_of(&hung.id).await[0].state, "sending", "the others did not wait for it");
    // What was refused is not sent again by itself.
    assert_eq!(house.attempts(&refused.id).await, [("open_ticket".to_owned(), "refused".to_owned())]);
    assert_eq!(house.halo.tickets_of(refused.id.as_str()).await.len(), 0);
}
