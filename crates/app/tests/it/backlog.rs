//! Many changed tickets: read in rounds, each with its own attempts, so that what was read is kept.

use std::{collections::HashMap, time::Duration};

use countersign_app::{follow::ClosedByHand, ticketing::Change};
use countersign_domain::{
    id::RequestId,
    request::{Request, State},
};
use halo_sim::Config;
use serde_json::{Value, json};

use crate::{
    halo::{CLOSED, MARIA, SAM},
    house::{House, until},
    quick::pause,
};

/// A little more than the time between two looks.
const NEXT_LOOK: Duration = Duration::from_mins(6);

/// The tickets of all requests in Halo.
async fn tickets(house: &House) -> HashMap<String, Value> {
    let by_request = |ticket: Value| (ticket["third_party_id_string"].as_str().unwrap_or_default().to_owned(), ticket);
    house.halo.tickets().await.into_iter().map(by_request).collect()
}

/// Who is assigned to a request's ticket, as far as we know.
async fn assignee(house: &House, id: &RequestId) -> Option<String> {
    house.app().request_detail(&house.admin, id).await.unwrap().ticket.unwrap().now.assignee
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_changes_are_seen_once_each_though_three_of_ten_calls_fail() {
    let change = Change { closed_by_hand: Some(ClosedByHand::Withdraw), ..Change::default() };
    let house = House::with(Config::default(), change).await;
    let computer = house.sample_computer().await;
    let (mut waiting, mut denied) = (Vec::new(), Vec::new());
    for n in 0..1000 {
        let request = house.ask(&computer).await;
        if n % 4 == 0 {
            denied.push(house.deny(&request).await);
        } else {
            waiting.push(request);
        }
    }
    house.assert_all_done().await;
    house.halo.fault(json!({"kind": "status", "code": 500, "percent": 30, "method": "GET", "path": "*"})).await;
    let tickets = tickets(&house).await;
    let person = async |request: &Request, change: Value| {
        house.halo.change(&tickets[request.id.as_str()], change).await;
    };
    for request in &waiting {
        person(request, json!({ "status_id": CLOSED })).await;
    }
    for request in &denied {
        person(request, json!({ "agent_id": MARIA })).await;
    }
    house.clock.forward(NEXT_LOOK);
    for request in &waiting {
        until("it is withdrawn", async || house.request(&request.id).await.state == State::Withdrawn).await;
    }
    for request in &denied {
        until("the new assignee is seen", async || assignee(&house, &request.id).await == Some(MARIA.to_string()))
            .await;
    }
    house.halo.no_faults().await;
    house.assert_all_done().await;
    house.clock.forward(NEXT_LOOK);
    house.assert_all_done().await;
    for request in &waiting {
        for action in ["ticket.closed_by_hand", "request.withdrawn"] {
            assert_eq!(house.audited(request.id.as_str(), action).await, 1, "{action} of {}", request.id);
        }
    }
}

/// What is over is read because it was listed as changed, and by nothing else: a change that was listed must not be lost
/// with the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_lost_when_the_process_ends_between_two_calls() {
    let mut house = House::new().await;
    let computer = house.sample_computer().await;
    let mut decided = Vec::new();
    for _ in 0..120 {
        let request = house.ask(&computer).await;
        decided.push(house.deny(&request).await);
    }
    // While one waits, it is looked.
    house.ask(&computer).await;
    house.assert_all_done().await;
    let tickets = tickets(&house).await;
    // Two pages of the list, and two rounds of tickets.
    for (calls, agent) in [(1, MARIA), (2, SAM), (3, MARIA), (4, SAM)] {
        for request in &decided {
            house.halo.change(&tickets[request.id.as_str()], json!({ "agent_id": agent })).await;
        }
        house.halo.fault(json!({"kind": "delay", "ms": 300, "method": "GET", "path": "/Tickets"})).await;
        house.clock.forward(NEXT_LOOK);
        until("the call to end in", async || house.halo.hits().await >= calls).await;
        house.crash();
        pause(Duration::from_millis(400)).await;
        house.halo.no_faults().await;
        // Longer than what one look overlaps with the one before it.
        house.clock.forward(NEXT_LOOK * 5);
        house.start().await;
        let new = Some(agent.to_string());
        for request in &decided {
            until("the change is seen", async || assignee(&house, &request.id).await == new).await;
        }
        house.assert_all_done().await;
    }
}
