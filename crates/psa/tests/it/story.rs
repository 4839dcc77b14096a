//! Open, decide, read back, find again: once as it should be, then under each hostile switch.

use countersign_psa::{Cause, Class, SweepRange, TicketChange};
use serde_json::json;

use crate::desk::{Desk, new_action, new_ticket, request};

#[tokio::test]
async fn a_ticket_and_its_decision_stand_as_they_were_sent() {
    let desk = Desk::open().await;
    let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    assert_eq!(opened.now.customer.as_deref(), Some("201"));
    let written = desk.psa.write_action(&new_action(&opened.id, 1)).await.unwrap();
    assert_eq!((written.work_seconds, written.owner.as_deref()), (Some(300), Some("28")));

    let ticket = desk.ticket(&opened.id).await;
    let field = |name: &str| ticket[name].clone();
    assert_eq!(field("client_id"), 201);
    assert_eq!(field("site_id"), 301);
    assert_eq!(field("user_id"), 7001);
    assert_eq!(field("tickettype_id"), 21);
    assert_eq!(field("third_party_id_string"), request(1).as_str());
    assert_eq!(ticket["assets"][0]["id"], 4301);
    assert_eq!(field("status_id"), 9);
    assert_eq!(field("agent_id"), 28);
    assert!(field("dateoccurred").as_str().unwrap().starts_with("2026-09-01T08:00:00"));
    let actions = ticket["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 2, "the opening entry and ours");
    let ours = actions.iter().find(|action| action["id"] == 2).unwrap();
    assert_eq!(ours["hiddenfromuser"], true);
    assert_eq!(ours["who_agentid"], 28);
    assert!((ours["timetaken"].as_f64().unwrap() - 300.0 / 3600.0).abs() < 1e-9);
    assert!(ours["actionarrivaldate"].as_str().unwrap().starts_with("2026-09-01T08:05:00"));
    assert!(ours["actioncompletiondate"].as_str().unwrap().starts_with("2026-09-01T08:10:00"));

    let calls = desk.calls().await;
    let posts: Vec<&String> =
        calls.iter().filter(|call| call.contains("/Tickets") || call.contains("/Actions")).collect();
    assert_eq!(posts.len(), 2, "two calls for request and decision: {calls:?}");
    let urgencies = desk.spent.0.lock().unwrap().clone();
    assert_eq!(urgencies, [countersign_psa::Priority::Create, countersign_psa::Priority::Decision]);

    let now = desk.psa.tickets(std::slice::from_ref(&opened.id)).await.unwrap();
    assert_eq!((now[0].status.as_deref(), now[0].assignee.as_deref()), (Some("9"), Some("28")));
    let actions = desk.psa.actions(&opened.id).await.unwrap();
    assert_eq!(actions.iter().map(|action| action.opening).collect::<Vec<_>>(), [true, false]);
    assert!(actions[1].note.contains(&new_action(&opened.id, 1).reference));
    assert_eq!((actions[1].work_seconds, actions[1].owner_name.as_deref()), (Some(300), Some("Sam Okoro")));
    assert!(desk.psa.ticket_details(&opened.id).await.unwrap().unwrap().contains(request(1).as_str()));
}

/// What holds under every switch: the ticket is there once, has our action once, and is found again.
async fn story(switches: serde_json::Value) {
    let desk = Desk::with_switches(switches.clone()).await;
    let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap_or_else(|error| panic!("{switches}: {error:?}"));
    let other = desk.psa.open_ticket(&new_ticket(2)).await.unwrap();
    let mut action = new_action(&opened.id, 1);
    action.assignee = None;
    desk.psa.write_action(&action).await.unwrap_or_else(|error| panic!("{switches}: {error:?}"));

    let now = desk.psa.ticket(&opened.id).await.unwrap().expect("visible");
    let change = TicketChange {
        id: now.id.clone(),
        ticket_type: now.ticket_type.clone().unwrap(),
        customer: now.customer.clone().unwrap(),
        status: Some("2".into()),
        assignee: None,
    };
    desk.psa.change_ticket(&change).await.unwrap_or_else(|error| panic!("{switches}: {error:?}"));
    let now = desk.psa.tickets(&[opened.id.clone(), other.id.clone(), "999999".into()]).await.unwrap();
    assert_eq!(now.len(), 2, "{switches}");
    assert!(now.iter().any(|ticket| ticket.id == opened.id && ticket.status.as_deref() == Some("2")), "{switches}");

    let actions = desk.psa.actions(&opened.id).await.unwrap();
    let ours = actions.iter().filter(|entry| entry.note.contains(&action.reference)).count();
    assert_eq!((ours, actions.first().map(|entry| entry.opening)), (1, Some(true)), "{switches}");

    let range = SweepRange { down_to: Some("1".into()), control: Some(other.id.clone()) };
    let sweep = desk.psa.sweep(&range).await.unwrap();
    assert!(sweep.complete && sweep.control_seen, "{switches}");
    assert_eq!(sweep.highest.as_deref(), Some(other.id.as_str()), "{switches}");
    let shorts: Vec<Option<&str>> = sweep.found.iter().map(|found| found.short.as_deref()).collect();
    assert_eq!(shorts, [Some(request(2).short().as_str()), Some(request(1).short().as_str())], "{switches}");
    assert_eq!(desk.tickets().await.len(), 2, "{switches}");
}

#[tokio::test]
async fn the_story_holds_under_every_switch() {
    for switches in [
        json!({"post_returns": "array"}),
        json!({"created_status": "200"}),
        json!({"update_strict": true}),
        json!({"honour_who_agentid": false}),
        json!({"honour_backdating": false}),
        json!({"ignore_reference_filter": true}),
        json!({"reference_in_rows": false}),
        json!({"default_order": "oldest"}),
        json!({"unpaged_rows": "50"}),
        json!({"hidden_is": "empty"}),
        json!({"deleted_ticket": "empty"}),
        json!({"deleted_lists": "also"}),
        json!({"user_needs_site": true}),
        json!({"doubles_as": "12.0"}),
        json!({"batch_error": "atomic"}),
        json!({"names_only": "blank"}),
        json!({"post_returns": "array", "update_strict": true, "reference_in_rows": false, "doubles_as": "12.0"}),
    ] {
        story(switches).await;
    }
}

#[tokio::test]
async fn a_contact_without_a_linked_site_brings_its_own() {
    let desk = Desk::with_switches(json!({"user_needs_site": true})).await;
    let mut ticket = new_ticket(1);
    ticket.site = None;
    let opened = desk.psa.open_ticket(&ticket).await.unwrap();
    assert_eq!(desk.ticket(&opened.id).await["site_id"], 301);
    // A contact that vanished costs the contact, not the ticket.
    let mut ticket = new_ticket(2);
    (ticket.site, ticket.contact) = (None, Some("999999".into()));
    desk.psa.open_ticket(&ticket).await.unwrap();
}

#[tokio::test]
async fn who_owns_the_time_is_told_as_halo_has_it() {
    let desk = Desk::with_switches(json!({"honour_who_agentid": false})).await;
    let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    let written = desk.psa.write_action(&new_action(&opened.id, 1)).await.unwrap();
    assert_ne!(written.owner.as_deref(), Some("28"), "the answer, not the wish");
}

#[tokio::test]
async fn a_refused_reassignment_is_an_error_or_shows_in_the_read_back() {
    for how in ["error", "silent"] {
        let desk = Desk::with_switches(json!({"refused_reassign": how})).await;
        desk.agent_right("Can Re-assign Tickets", "No").await;
        let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
        match desk.psa.write_action(&new_action(&opened.id, 1)).await {
            Ok(_) => assert_eq!(how, "silent"),
            Err(fault) => assert_eq!((how, fault.class, fault.cause), ("error", Class::Refused, Cause::NotPermitted)),
        }
        let now = desk.psa.ticket(&opened.id).await.unwrap().unwrap();
        assert_eq!(now.assignee, None, "nobody is shown as nobody");
    }
}

#[tokio::test]
async fn deleted_tickets_are_found_as_deleted() {
    for lists in ["only", "also"] {
        let desk = Desk::with_switches(json!({"deleted_lists": lists})).await;
        let gone = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
        let stays = desk.psa.open_ticket(&new_ticket(2)).await.unwrap();
        desk.control("DELETE", &format!("/tickets/{}", gone.id), json!({})).await;
        let range = SweepRange { down_to: Some(gone.id.clone()), control: Some(stays.id.clone()) };
        let sweep = desk.psa.sweep(&range).await.unwrap();
        let found: Vec<(&str, bool)> = sweep.found.iter().map(|f| (f.ticket.id.as_str(), f.deleted)).collect();
        assert_eq!(found, [(stays.id.as_str(), false), (gone.id.as_str(), true)], "{lists}");
        assert!(desk.psa.ticket(&gone.id).await.unwrap().is_none());
        let lost = SweepRange { down_to: Some("1".into()), control: Some(gone.id.clone()) };
        assert!(!desk.psa.sweep(&lost).await.unwrap().control_seen, "a deleted control is not seen");
    }
}

#[tokio::test]
async fn lost_visibility_shows_in_the_sweep() {
    let desk = Desk::open().await;
    let opened = desk.psa.open_ticket(&new_ticket(1)).await.unwrap();
    desk.agent_right("Tickets Access Level", "No Access").await;
    let sweep = desk.psa.sweep(&SweepRange { down_to: None, control: Some(opened.id) }).await.unwrap();
    assert!(!sweep.complete && !sweep.control_seen && sweep.found.is_empty());
}

#[tokio::test]
async fn a_sweep_stops_at_its_floor_and_reaches_its_control() {
    let desk = Desk::open().await;
    let mut ids = Vec::new();
    for n in 1..=230 {
        ids.push(desk.psa.open_ticket(&new_ticket(n)).await.unwrap().id);
    }
    let near = SweepRange { down_to: Some(ids[225].clone()), control: Some(ids[224].clone()) };
    desk.control("DELETE", "/calls", json!({})).await;
    let sweep = desk.psa.sweep(&near).await.unwrap();
    assert!(sweep.complete && sweep.control_seen);
    assert_eq!(sweep.found.len(), 100, "one page");
    // A control below the floor is walked to.
    let far = SweepRange { down_to: Some(ids[225].clone()), control: Some(ids[3].clone()) };
    let sweep = desk.psa.sweep(&far).await.unwrap();
    assert!(sweep.complete && sweep.control_seen);
    assert_eq!(sweep.found.len(), 230);
    let whole = desk.psa.sweep(&SweepRange::default()).await.unwrap();
    assert_eq!((whole.found.len(), whole.complete, whole.control_seen), (230, true, false));
}
