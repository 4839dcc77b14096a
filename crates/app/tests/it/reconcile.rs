//! Comparing requests with tickets: what is safe is repaired, the rest is told, and a dry run changes nothing.

use countersign_app::{
    clock::{Ids as _, System},
    reconcile::{Line, Repairs, Report, Standing},
    ticketing::{Change, Switch},
};
use countersign_domain::{
    id::RequestId,
    request::{Event, Request, TicketOn},
    ticket::server_mark,
};
use countersign_store::Transition;
use halo_sim::Config;
use serde_json::{Value, json};

use crate::{
    halo::{MARIA, NEW, actions},
    house::House,
};

/// A house with one request that was approved and told.
async fn told() -> (House, Request, Value) {
    let house = House::with(Config::default(), Change { settle_s: Some(1), ..Change::default() }).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.assert_told(&request).await;
    (house, request, ticket)
}

async fn reconcile(house: &House, repairs: Repairs) -> Report {
    house.app().reconcile(30, repairs).await.unwrap()
}

#[track_caller]
fn only(report: &Report) -> &Line {
    assert_eq!(report.lines.len(), 1, "{:#?}", report.lines);
    &report.lines[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_is_as_it_should_be_nothing_is_told_and_one_walk_is_made() {
    let (house, _, _) = told().await;
    let computer = house.other_computer().await;
    for _ in 0..5 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
    }
    house.assert_all_done().await;
    house.halo.forget_calls().await;
    let report = reconcile(&house, Repairs::On).await;
    assert_eq!((report.requests, report.tickets, &report.lines), (6, 6, &Vec::new()));
    let counts = house.halo.counts().await;
    assert_eq!(counts["GET /Tickets"], 2, "a walk and one of what is deleted: {counts}");
    assert_eq!(counts["POST /Actions"], Value::Null);
    assert_eq!(house.app().last_reconcile(&house.admin).await.unwrap(), Some(report));
}

/// A dry run tells it and changes nothing, a round repairs it, and the next has nothing to tell.
async fn assert_repaired(house: &House, request: &Request, what: &str) {
    let steps = house.steps_of(&request.id).await;
    let told = house.app().audit(&house.admin, None, None, 1000).await.unwrap().len();
    let tickets = house.halo.tickets().await;
    for _ in 0..2 {
        let dry = reconcile(house, Repairs::Off).await;
        assert_eq!((only(&dry).what.as_str(), only(&dry).standing), (what, Standing::Repairable));
        assert_eq!(house.steps_of(&request.id).await, steps, "a dry run changes nothing");
    }
    assert_eq!(house.halo.tickets().await, tickets, "nothing is written in Halo");
    assert_eq!(house.app().audit(&house.admin, None, None, 1000).await.unwrap().len(), told, "nothing is told of it");
    assert_eq!(house.app().last_reconcile(&house.admin).await.unwrap(), None, "nor is it kept");
    let report = reconcile(house, Repairs::On).await;
    assert_eq!((only(&report).what.as_str(), only(&report).standing), (what, Standing::Repaired));
    house.assert_all_done().await;
    assert_eq!(reconcile(house, Repairs::On).await.lines, [], "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_was_written_and_refused_is_found_and_not_written_twice() {
    // A refusal with an assignee is tried once more without; here it is to be the one call.
    let house = House::with(Config::default(), Change { assign: Some(Switch::Off), ..Change::default() }).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    house.halo.fault(json!({"kind": "status_after", "code": 400, "path": "/Actions", "method": "POST"})).await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "attention").await;
    house.halo.no_faults().await;
    assert_repaired(&house, &request, "lost_done").await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1, "nothing is written twice: {ticket:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_without_a_step_is_written() {
    let (house, _, _) = told().await;
    let computer = house.other_computer().await;
    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    let decision = house.request(&told_request(&house).await).await.decision.unwrap();
    let (decided, _) = request.clone().apply(Event::Decided(decision)).unwrap();
    let change = Transition { requests: vec![decided], ..Transition::default() };
    assert!(house.store().transition(change).await.unwrap());
    assert_repaired(&house, &request, "no_action").await;
    house.assert_told(&request).await;
}

/// A request that was told.
async fn told_request(house: &House) -> RequestId {
    let steps = house.steps().await;
    steps.iter().find(|step| step.kind == "record_decision").unwrap().lane.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_a_denial_makes_a_ticket_what_waits_needs_none() {
    let settings = Change { ticket_on: Some(TicketOn::Denial), settle_s: Some(1), ..Change::default() };
    let house = House::with(Config::default(), settings).await;
    let computer = house.sample_computer().await;
    let denied = house.ask(&computer).await;
    house.ask(&computer).await;
    let approved = house.ask(&computer).await;
    house.deny(&denied).await;
    house.approve(&approved).await;
    house.assert_all_done().await;
    assert_eq!(reconcile(&house, Repairs::On).await.lines, []);
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_did_to_a_ticket_that_is_over_is_shown_from_then_on() {
    let (house, request, ticket) = told().await;
    house.halo.change(&ticket, json!({ "status_id": NEW, "agent_id": MARIA })).await;
    let shown = async || house.app().request_detail(&house.admin, &request.id).await.unwrap().ticket.unwrap().now;
    let before = shown().await;
    reconcile(&house, Repairs::Off).await;
    assert_eq!(shown().await, before, "a dry run changes nothing");
    assert_eq!(reconcile(&house, Repairs::On).await.lines, []);
    let now = shown().await;
    assert_eq!((now.status, now.assignee), (Some(NEW.to_string()), Some(MARIA.to_string())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_made_and_refused_is_found_by_its_reference() {
    let (house, _, _) = told().await;
    let computer = house.other_computer().await;
    house.halo.fault(json!({"kind": "status_after", "code": 400, "path": "/Tickets", "method": "POST"})).await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_step(&request.id, "open_ticket", "attention").await;
    house.halo.no_faults().await;
    assert_repaired(&house, &request, "ticket_found").await;
    house.assert_told(&request).await;
    assert_eq!(house.halo.tickets_of(request.id.as_str()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_had_a_ticket_is_apart_from_what_lost_it() {
    let (house, request, ticket) = told().await;
    let computer = house.other_computer().await;
    house.halo.fault(json!({"kind": "status", "code": 400, "path": "/Tickets", "method": "POST"})).await;
    let never = house.ask(&computer).await;
    house.until_step(&never.id, "open_ticket", "attention").await;
    house.halo.no_faults().await;
    house.halo.control("DELETE", &format!("/tickets/{}", ticket["id"]), json!({})).await;
    // The newest ticket is gone as well, so another must be there to be seen.
    let seen = house.ask(&computer).await;
    house.until_step(&seen.id, "open_ticket", "done").await;
    let report = reconcile(&house, Repairs::On).await;
    let of = |what: &str| {
        report.lines.iter().find(|line| line.what == what).unwrap_or_else(|| panic!("{what}: {:#?}", report.lines))
    };
    assert_eq!(
        (of("attention").request.as_deref(), of("attention").standing),
        (Some(never.id.as_str()), Standing::Left)
    );
    assert!(of("attention").fix.is_some());
    assert_eq!((of("gone").request.as_deref(), of("gone").standing), (Some(request.id.as_str()), Standing::Note));
    assert!(of("gone").words.contains("deleted"), "{report:#?}");
    let step = house.steps_of(&never.id).await.remove(0).id;
    house.app().give_up_step(&house.admin, &step.parse().unwrap()).await.unwrap();
    let report = reconcile(&house, Repairs::On).await;
    assert!(report.lines.iter().any(|line| line.what == "given_up" && line.standing == Standing::Note), "{report:#?}");
    assert_eq!(report.count(Standing::Left), 0, "{report:#?}");
    assert_eq!(house.halo.tickets_of(request.id.as_str()).await.len(), 1, "no new one for what is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_is_not_as_it_was_sent_is_told_with_what_differs() {
    let (house, request, ticket) = told().await;
    house.halo.control("PATCH", &format!("/tickets/{}", ticket["id"]), json!({ "client_id": 203, "site_id": 0 })).await;
    let report = reconcile(&house, Repairs::On).await;
    let line = only(&report);
    assert_eq!((line.what.as_str(), line.standing), ("fields", Standing::Left));
    assert_eq!(line.request.as_deref(), Some(request.id.as_str()));
    assert!(line.words.contains("customer 203 in place of"), "{}", line.words);
    assert!(line.fix.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_and_an_assignee_that_a_person_set_are_nothing_to_tell() {
    let (house, _, ticket) = told().await;
    house
        .halo
        .control("PATCH", &format!("/tickets/{}", ticket["id"]), json!({ "status_id": 2, "agent_id": MARIA }))
        .await;
    assert_eq!(reconcile(&house, Repairs::On).await.lines, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ticket_and_one_of_nobody_are_told() {
    let (house, request, ticket) = told().await;
    house.halo.post_again(&ticket).await;
    let report = reconcile(&house, Repairs::Off).await;
    assert_eq!((only(&report).what.as_str(), only(&report).standing), ("second_ticket", Standing::Repairable));
    assert_eq!(only(&report).request.as_deref(), Some(request.id.as_str()));
    reconcile(&house, Repairs::On).await;
    assert_eq!(reconcile(&house, Repairs::On).await.lines, [], "it was closed with a note");
    // As after a restore: a ticket of this server's, of a request that the database does not have.
    house.halo.post_again(&ticket).await;
    let strange_id = RequestId::from_uuid(System.uuid()).to_string();
    let tickets = house.halo.tickets_of(request.id.as_str()).await;
    let strange = tickets.iter().map(|ticket| ticket["id"].as_i64().unwrap()).max().unwrap();
    let mark = server_mark(house.app().server_id());
    let change = json!({ "third_party_id_string": strange_id, "details": mark, "details_html": mark });
    house.halo.control("PATCH", &format!("/tickets/{strange}"), change).await;
    let report = reconcile(&house, Repairs::On).await;
    let line = report.lines.iter().find(|line| line.what == "unknown_request").unwrap_or_else(|| panic!("{report:#?}"));
    assert_eq!((line.request.as_deref(), line.standing), (Some(strange_id.as_str()), Standing::Left));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_sight_is_one_line_and_concludes_nothing() {
    let (house, request, _) = told().await;
    let computer = house.other_computer().await;
    let waits = house.ask(&computer).await;
    house.assert_all_done().await;
    house.halo.right("Can view unassigned Tickets", "No").await;
    house.halo.right("Can view Tickets that are assigned to other Agents", "No").await;
    let report = reconcile(&house, Repairs::On).await;
    let line = only(&report);
    assert_eq!((line.what.as_str(), line.standing), ("hidden", Standing::Left), "{report:#?}");
    for id in [&request.id, &waits.id] {
        let detail = house.app().request_detail(&house.admin, id).await.unwrap();
        assert_eq!(detail.ticket.unwrap().gone_at, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_is_made_once_a_day() {
    let (house, _, _) = told().await;
    assert_eq!(house.app().last_reconcile(&house.admin).await.unwrap(), None);
    for _ in 0..2 {
        let before = house.app().last_reconcile(&house.admin).await.unwrap().map(|report| report.at);
        crate::house::until("the clock is heard", async || {
            let (kept, _) = house.store().setting("reconcile").await.unwrap().unwrap_or_default();
            kept.contains("begun_at")
        })
        .await;
        house.clock.forward(std::time::Duration::from_hours(24));
        crate::house::until("a round is made", async || {
            house.app().last_reconcile(&house.admin).await.unwrap().map(|report| report.at) > before
        })
        .await;
    }
}
