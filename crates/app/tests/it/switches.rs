//! Every answer that a tenant may give to what nobody could tell about HaloPSA: the right end state all the same.

use serde_json::{Value, json};

use crate::{
    halo::{API_AGENT, CLOSED, SAM, action_of, actions, minutes},
    house::{House, until},
};

/// Two requests, one of them with its answers lost, are told under these switches.
async fn told_under(switches: Value) {
    let house = House::new().await;
    house.halo.switches(switches.clone()).await;
    let computer = house.sample_computer().await;
    let plain = house.ask(&computer).await;
    house.approve(&plain).await;
    house.assert_all_done().await;
    house.assert_told(&plain).await;
    for path in ["/Tickets", "/Actions"] {
        house.halo.fault(json!({"kind": "cut_after", "path": path, "method": "POST", "times": 1})).await;
    }
    let lost = house.ask(&computer).await;
    house.deny(&lost).await;
    house.assert_all_done().await;
    let ticket = house.assert_told(&lost).await;
    assert_eq!((&ticket["client_id"], &ticket["site_id"]), (&json!(201), &json!(301)), "{switches}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_forms_of_the_same_answers() {
    for switches in [
        json!({"post_returns": "array"}),
        json!({"created_status": 200}),
        json!({"update_strict": true}),
        json!({"ignore_reference_filter": true}),
        json!({"reference_in_rows": false}),
        json!({"default_order": "oldest"}),
        json!({"deleted_lists": "also"}),
        json!({"doubles_as": "12.0"}),
        json!({"honour_backdating": false}),
        json!({"user_needs_site": true}),
        json!({"unknown_outcome": "accept"}),
    ] {
        told_under(switches).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_them_at_once() {
    told_under(json!({
        "post_returns": "array", "created_status": 200, "update_strict": true, "ignore_reference_filter": true,
        "reference_in_rows": false, "default_order": "oldest", "deleted_lists": "also", "doubles_as": "12.0",
        "honour_backdating": false, "user_needs_site": true, "hidden_is": "empty", "deleted_ticket": "empty",
        "unpaged_rows": "50", "foreign_asset": "400", "stale_permissions": true, "names_only": "blank",
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_halo_does_not_honour_is_shown_as_it_is() {
    let house = House::new().await;
    house.halo.switches(json!({"honour_who_agentid": false})).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    let action = action_of(&ticket, "record_decision");
    assert_eq!((&action["who_agentid"], minutes(&action)), (&json!(API_AGENT), 5));
    assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(CLOSED), &json!(SAM)));
    let seen = house.app().request_detail(&house.admin, &request.id).await.unwrap().ticket.unwrap();
    assert_eq!(seen.time_owner.as_deref(), Some("Countersign API"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_assignment_stops_nothing_else() {
    for refused in ["error", "silent"] {
        let house = House::new().await;
        house.halo.switches(json!({"refused_reassign": refused})).await;
        house.halo.right("Can Re-assign Tickets", "No").await;
        let computer = house.sample_computer().await;
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.assert_all_done().await;
        let ticket = house.halo.ticket_of(request.id.as_str()).await;
        assert_eq!(actions(&ticket).len(), 1, "{refused}: {ticket:#}");
        let action = action_of(&ticket, "record_decision");
        assert_eq!((&action["who_agentid"], minutes(&action)), (&json!(SAM), 5), "{refused}");
        assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(CLOSED), &json!(1)), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_sets_meanwhile_stays() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    house.halo.fault(json!({"kind": "cut_after", "path": "/Actions", "method": "POST", "times": 1})).await;
    house.approve(&request).await;
    until("the answer is lost", async || {
        house.attempts(&request.id).await.contains(&("record_decision".to_owned(), "unknown".to_owned()))
    })
    .await;
    let id = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    let path = format!("/tickets/{id}");
    house.halo.control("PATCH", &path, json!({"status_id": 2, "agent_id": crate::halo::MARIA})).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1);
    assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(2), &json!(crate::halo::MARIA)));
}
