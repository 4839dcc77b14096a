//! Whatever becomes of a call: one ticket, one action, one time entry (promise P1).

use std::time::Duration;

use countersign_domain::request::Request;
use serde_json::{Value, json};

use crate::{
    halo::{actions, note},
    house::{COMPANY, House, LOCATION, until},
};

/// Every way a writing call can go wrong that no person has to do anything about.
fn kinds() -> Vec<Value> {
    vec![
        json!({"kind": "cut_after"}),
        json!({"kind": "cut_before"}),
        json!({"kind": "status", "code": 500}),
        json!({"kind": "status", "code": 503}),
        json!({"kind": "status", "code": 408}),
        json!({"kind": "status_after", "code": 500}),
        json!({"kind": "status_after", "code": 504}),
        json!({"kind": "garbage", "form": "html", "when": "before"}),
        json!({"kind": "garbage", "form": "html", "when": "after"}),
        json!({"kind": "garbage", "form": "json", "when": "after"}),
        json!({"kind": "garbage", "form": "empty", "when": "after"}),
        json!({"kind": "expire_tokens"}),
        json!({"kind": "status", "code": 401}),
        json!({"kind": "status", "code": 401, "times": 2}),
        json!({"kind": "rate_limit", "limit": 0, "window_s": 1}),
        json!({"kind": "status", "code": 429}),
    ]
}

pub(crate) fn with(mut fault: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        fault.as_object_mut().unwrap().entry(name).or_insert(value.clone());
    }
    fault
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_once_on_a_create_and_once_on_an_action() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    for kind in kinds() {
        for path in ["/Tickets", "/Actions"] {
            house.halo.fault(with(kind.clone(), &json!({"path": path, "method": "POST", "times": 1}))).await;
            let request = house.ask(&computer).await;
            house.approve(&request).await;
            house.assert_all_done().await;
            house.assert_told(&request).await;
            house.halo.no_faults().await;
        }
    }
    assert_eq!(house.halo.tickets().await.len(), kinds().len() * 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_very_first_create_may_go_wrong_too() {
    for kind in [json!({"kind": "cut_before"}), json!({"kind": "cut_after"}), json!({"kind": "status", "code": 500})] {
        let house = House::new().await;
        let computer = house.sample_computer().await;
        house.halo.fault(with(kind.clone(), &json!({"path": "/Tickets", "method": "POST", "times": 1}))).await;
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.assert_all_done().await;
        house.assert_told(&request).await;
    }
}

/// Forty requests from four computers, all decided, while three of ten calls go wrong.
async fn storm(faults: Vec<Value>) {
    let house = House::new().await;
    let mut computers = Vec::new();
    for name in ["SDG-FD-01", "SDG-FD-02", "SDG-XRAY-01", "SDG-NEW-01"] {
        computers.push(house.computer(COMPANY, LOCATION, name).await);
    }
    for (seed, fault) in faults.into_iter().enumerate() {
        house.halo.fault(with(fault, &json!({"percent": 30, "seed": seed}))).await;
    }
    let mut requests: Vec<Request> = Vec::new();
    for n in 0..40 {
        let request = house.ask(&computers[n % computers.len()]).await;
        house.approve(&request).await;
        requests.push(request);
    }
    house.assert_all_done().await;
    house.halo.no_faults().await;
    let tickets = house.halo.tickets().await;
    assert_eq!(tickets.len(), 40);
    let mut bearing: Vec<&str> = tickets.iter().filter_map(|ticket| ticket["third_party_id_string"].as_str()).collect();
    bearing.sort_unstable();
    bearing.dedup();
    assert_eq!(bearing.len(), 40);
    for request in &requests {
        house.assert_told(request).await;
    }
}

/// Everything but the token endpoint, where a 401 means a wrong secret.
pub(crate) fn everywhere_but_sign_in(fault: &Value) -> Vec<Value> {
    ["/Tickets", "/Tickets/{id}", "/Actions", "/Client", "/Site", "/Asset", "/Users", "/Agent"]
        .map(|path| with(fault.clone(), &json!({ "path": path })))
        .to_vec()
}

macro_rules! storms {
    ($($name:ident: $faults:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            storm($faults).await;
        }
    )*};
}

storms! {
    storm_of_cuts_after: vec![json!({"kind": "cut_after"})];
    storm_of_cuts_before: vec![json!({"kind": "cut_before"})];
    storm_of_faults: vec![json!({"kind": "status", "code": 500})];
    storm_of_faults_after: vec![json!({"kind": "status_after", "code": 500})];
    storm_of_pages: vec![json!({"kind": "garbage", "form": "html", "when": "after"})];
    storm_of_limits: everywhere_but_sign_in(&json!({"kind": "rate_limit", "limit": 0, "window_s": 1}));
    storm_of_rejected_tokens: everywhere_but_sign_in(&json!({"kind": "status", "code": 401}));
    storm_of_ended_tokens: vec![json!({"kind": "expire_tokens"})];
}

/// A request whose create got no answer and became two tickets, before anybody looked for it; and the first of them.
async fn doubled(house: &House) -> (Request, Value) {
    let computer = house.sample_computer().await;
    // The walk that everything waits for is over with the first ticket.
    let before = house.ask_for(&computer, "/usr/bin/before").await;
    house.until_step(&before.id, "open_ticket", "done").await;
    let nobody_looks = json!({"kind": "status", "code": 503, "path": "/Tickets", "method": "GET"});
    let nobody_looks = house.halo.control("POST", "/faults", nobody_looks).await;
    let lost = json!({"kind": "cut_after", "path": "/Tickets", "method": "POST", "times": 1});
    house.halo.fault(lost).await;
    let request = house.ask(&computer).await;
    until("Halo has made the ticket", async || house.halo.tickets_of(request.id.as_str()).await.len() == 1).await;
    let first = house.halo.ticket_of(request.id.as_str()).await;
    house.halo.post_again(&first).await;
    house.halo.control("DELETE", &format!("/faults/{}", nobody_looks["id"]), json!({})).await;
    (request, first)
}

async fn double_of(house: &House, request: &Request, first: &Value) -> Value {
    let tickets = house.halo.tickets_of(request.id.as_str()).await;
    assert_eq!(tickets.len(), 2, "{tickets:?}");
    tickets.into_iter().find(|ticket| ticket["id"] != first["id"]).unwrap()
}

fn told(ticket: &Value) -> String {
    actions(ticket).iter().map(|action| note(action).to_owned()).collect::<Vec<_>>().join("\n")
}

/// The answer to a create is lost, and Halo has made two tickets of it: the first stays, the other says why it is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ticket_that_halo_let_through_is_closed_with_a_note() {
    let house = House::new().await;
    let (request, first) = doubled(&house).await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "done").await;
    let tickets = house.halo.tickets_of(request.id.as_str()).await;
    let kept = tickets.iter().find(|ticket| ticket["id"] == first["id"]).unwrap();
    assert!(told(kept).contains("record_decision/1"), "{}", told(kept));
    let double = double_of(&house, &request, &first).await;
    assert!(told(&double).contains(&format!("Ticket {} tells its story", first["id"])), "{}", told(&double));
    assert_eq!(double["hasbeenclosed"], json!(true), "{double}");
    assert_eq!(actions(&double).len(), 1, "the note is written once");
}

/// A double that Halo lets nobody close holds up neither its request nor anything else; it is tried again later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ticket_that_cannot_be_closed_holds_up_nothing() {
    let house = House::new().await;
    house.halo.fault(json!({"kind": "status", "code": 403, "path": "/Actions", "method": "POST"})).await;
    let (request, first) = doubled(&house).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    house.halo.no_faults().await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "done").await;
    house.clock.forward(Duration::from_mins(11));
    until("the double is closed later", async || {
        double_of(&house, &request, &first).await["hasbeenclosed"] == json!(true)
    })
    .await;
}
