//! A person puts a request onto a ticket that is there.

use countersign_app::{
    attach::{CustomerIs, OtherCustomer},
    ticketing::Change,
};
use countersign_domain::{cause::Cause, id::RequestId, request::TicketOn, role::Role};
use halo_sim::Config;
use serde_json::{Value, json};

use crate::{
    halo::{CLOSED, NEW, action_of, actions, note},
    house::{COMPANY, COMPUTER, Ground, House, LOCATION, until},
    nodes::shared,
};

/// The id of a ticket that people made.
async fn made_by_people(house: &House, customer: i64) -> String {
    house.halo.make_ticket("Printer on the ground floor", customer).await
}

async fn ticket(house: &House, id: &str) -> Value {
    let number: i64 = id.parse().unwrap();
    house.halo.tickets().await.into_iter().find(|ticket| ticket["id"] == number).unwrap()
}

async fn first_step_waits(house: &House, request: &RequestId) {
    until("the ticket waits for the link", async || {
        house.steps_of(request).await.iter().any(|step| step.kind == "open_ticket" && step.state == "parked")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_is_told_on_the_ticket_that_a_person_names() {
    let house = House::new().await;
    // Its company is in Halo under another name: no link, no ticket.
    let computer = house.computer("Unlinked Bakery", "Head Office", "UB-01").await;
    let request = house.ask(&computer).await;
    first_step_waits(&house, &request.id).await;
    house.approve(&request).await;
    let theirs = made_by_people(&house, 201).await;
    let found = house.app().attachable(&house.admin, &request.id, &theirs).await.unwrap();
    assert_eq!((found.summary.as_str(), found.customer_is), ("Printer on the ground floor", CustomerIs::NotLinked));
    assert!(found.customer_name.is_some());
    house.app().attach(&house.admin, &request.id, &theirs, OtherCustomer::Refused).await.unwrap();
    house.assert_all_done().await;
    let told = ticket(&house, &theirs).await;
    assert!(note(&action_of(&told, "record_request")).contains("asks to run"));
    action_of(&told, "record_decision");
    assert_eq!(actions(&told).len(), 2);
    assert_eq!(house.halo.tickets().await.len(), 1, "no ticket was made");
    let detail = house.app().request_detail(&house.admin, &request.id).await.unwrap();
    assert_eq!(detail.ticket.unwrap().id, theirs);
    // It has one now.
    let again = house.app().attach(&house.admin, &request.id, &theirs, OtherCustomer::Refused).await.unwrap_err();
    assert_eq!(again.code(), "has_ticket");
    let audit = house.app().audit(&house.admin, Some(request.id.as_str()), None, 50).await.unwrap();
    assert!(audit.iter().any(|row| row.action == "ticket.attached"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ticket_is_attached_while_one_may_have_been_made() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, LOCATION, COMPUTER).await;
    let theirs = made_by_people(&house, 201).await;
    house.halo.fault(json!({ "kind": "cut_after", "method": "POST", "path": "/Tickets", "times": 1 })).await;
    house.halo.fault(json!({ "kind": "status", "code": 500, "method": "GET", "path": "/Tickets" })).await;
    let request = house.ask(&computer).await;
    until("the create is in doubt", async || {
        house.steps_of(&request.id).await.iter().any(|step| step.doubt_at.is_some() && step.state == "waiting")
    })
    .await;
    house.halo.no_faults().await;
    // In between it may have been found: then there is a ticket, and that is said.
    let refused = house.app().attach(&house.admin, &request.id, &theirs, OtherCustomer::Meant).await.unwrap_err();
    assert!(["ticket_in_doubt", "has_ticket"].contains(&refused.code()), "{refused:?}");
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 2);
    assert_eq!(actions(&ticket(&house, &theirs).await).len(), 0, "nothing was written there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_customers_ticket_is_asked_about_and_a_stranger_sees_none() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, LOCATION, COMPUTER).await;
    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    let theirs = made_by_people(&house, 203).await;
    let refused = house.app().attach(&house.admin, &request.id, &theirs, OtherCustomer::Refused).await.unwrap_err();
    assert_eq!(refused.code(), "other_customer", "{refused}");
    let none = house.app().attachable(&house.admin, &request.id, "999999").await.unwrap_err();
    assert_eq!(none.code(), "no_such_ticket");
    let mut stranger = house.technician("l2@example.com", "Priya Nair", Role::L2).await;
    stranger.access = countersign_domain::role::Access::Only([request.company_id.clone()].into());
    let hidden = house.app().attachable(&stranger, &request.id, &theirs).await.unwrap_err();
    assert_eq!(hidden.code(), "no_such_ticket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_disappears_before_the_note_is_replaced() {
    let house = House::new().await;
    let computer = house.computer(COMPANY, LOCATION, COMPUTER).await;
    let theirs = made_by_people(&house, 201).await;
    house.halo.fault(json!({ "kind": "status", "code": 400, "method": "POST", "path": "/Tickets" })).await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "attention").await;
    house.halo.no_faults().await;
    // Refused for now, and certainly not applied.
    house.halo.fault(json!({ "kind": "status", "code": 429, "method": "POST", "path": "/Actions" })).await;
    house.app().attach(&house.admin, &request.id, &theirs, OtherCustomer::Meant).await.unwrap();
    until("the note is tried", async || house.halo.counts().await["POST /Actions"].as_u64() > Some(0)).await;
    house.halo.control("DELETE", &format!("/tickets/{theirs}"), json!({})).await;
    house.halo.no_faults().await;
    house.until_step(&request.id, "record_request", "attention").await;
    let step = house.steps_of(&request.id).await.remove(0);
    assert_eq!(step.cause, Some(Cause::TicketGone), "{step:?}");
    house.app().new_ticket_for_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.approve(&request).await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_not_attached_to_what_is_over() {
    let house = House::new().await;
    let computer = house.computer("Unlinked Bakery", "Head Office", "UB-01").await;
    let request = house.ask(&computer).await;
    first_step_waits(&house, &request.id).await;
    let theirs = made_by_people(&house, 201).await;
    let status = async |status: i64| {
        house.halo.control("PATCH", &format!("/tickets/{theirs}"), json!({ "status_id": status })).await;
    };
    let attach = async || house.app().attach(&house.admin, &request.id, &theirs, OtherCustomer::Refused).await;
    status(CLOSED).await;
    assert_eq!(attach().await.unwrap_err().code(), "ticket_closed");
    status(NEW).await;
    attach().await.unwrap();
    house.assert_all_done().await;
    assert_eq!(actions(&ticket(&house, &theirs).await).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_a_denial_makes_a_ticket_nothing_is_attached_before() {
    let house = House::with(Config::default(), Change { ticket_on: Some(TicketOn::Denial), ..Change::default() }).await;
    let computer = house.computer(COMPANY, LOCATION, COMPUTER).await;
    let theirs = made_by_people(&house, 201).await;
    let request = house.ask(&computer).await;
    let refused = house.app().attach(&house.admin, &request.id, &theirs, OtherCustomer::Meant).await.unwrap_err();
    assert_eq!(refused.code(), "no_ticket_wanted", "{refused}");
}

/// A person attaches requests at the moment in which their tickets are made: either the one or the other, never both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_first_of_a_person_who_attaches_and_a_step_that_opens_is_the_only_one() {
    let Some(place) = shared() else { return };
    let house = House::on(Ground { shared: Some(place), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.computer(COMPANY, LOCATION, COMPUTER).await;
    let theirs = made_by_people(&house, 201).await;
    // Certainly not applied: they go again and again, and may be attached in between.
    house.halo.fault(json!({ "kind": "status", "code": 429, "method": "POST", "path": "/Tickets" })).await;
    let mut attaching = tokio::task::JoinSet::new();
    let mut requests = Vec::new();
    for _ in 0..24 {
        let request = house.ask(&computer).await;
        house.until_step(&request.id, "open_ticket", "waiting").await;
        requests.push(request);
    }
    house.halo.no_faults().await;
    for request in &requests {
        let (app, admin, id, theirs) = (house.app().clone(), house.admin.clone(), request.id.clone(), theirs.clone());
        attaching.spawn(async move {
            let attached = app.attach(&admin, &id, &theirs, OtherCustomer::Meant).await;
            (id, attached.map(|_| ()).map_err(|error| error.code()))
        });
    }
    let attached = attaching.join_all().await;
    house.assert_all_done().await;
    let notes = actions(&ticket(&house, &theirs).await);
    for (id, attached) in attached {
        let told = notes.iter().filter(|action| note(action).contains(&format!("{id}/record_request/1"))).count();
        let opened = house.halo.tickets_of(id.as_str()).await.len();
        match attached {
            Ok(()) => assert_eq!((told, opened), (1, 0), "{id} was attached"),
            Err(code) => {
                assert!(["has_ticket", "ticket_in_doubt"].contains(&code), "{code}");
                assert_eq!((told, opened), (0, 1), "{id} was not attached: {code}");
            }
        }
    }
}
