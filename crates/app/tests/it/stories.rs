//! The plain stories: asked, decided, withdrawn, run out, revoked, failed, repeated.

use std::time::Duration;

use countersign_app::{Error, ticketing::Change};
use countersign_domain::{
    grant::GrantState,
    link::{Kind, LinkState},
    request::{Ending, State},
};
use serde_json::json;

use crate::{
    halo::{API_AGENT, CLOSED, NEW, SAM, action_of, actions, minutes, note},
    house::{Ground, House, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_chooses_what_fits_the_ticket_type() {
    let house = House::new().await;
    let view = house.app().ticketing();
    assert!(view.secret_set);
    assert_eq!(view.trouble, None);
    let settings = view.settings;
    assert_eq!(settings.ticket_type.as_deref(), Some("21"));
    assert_eq!(settings.status_open.as_deref(), Some("1"));
    assert_eq!(settings.status_approved.as_deref(), Some("9"));
    assert_eq!(settings.status_denied.as_deref(), Some("9"));
    assert_eq!(settings.outcome.as_deref(), Some("7"));
    assert!(!serde_json::to_string(&house.app().ticketing()).unwrap().contains(house.halo.sim().client_secret()));
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_request_has_one_ticket_with_all_that_hangs_on_it() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask_for(&computer, "C:\\Setup\\printer.exe").await;
    house.until_step(&request.id, "open_ticket", "done").await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(ticket["status_id"], NEW);
    assert_eq!(actions(&ticket), Vec::<serde_json::Value>::new());
    let decided = house.approve(&request).await;
    assert_eq!(decided.state, State::Approved);
    assert_eq!(decided.grant.unwrap().state, GrantState::Issued);
    house.assert_all_done().await;

    let ticket = house.assert_told(&request).await;
    assert_eq!(ticket["client_id"], 201);
    assert_eq!(ticket["site_id"], 301);
    assert_eq!(ticket["user_id"], 7001);
    assert_eq!(ticket["assets"][0]["id"], 4301);
    assert_eq!(ticket["tickettype_id"], 21);
    assert_eq!(ticket["summary"], format!("Elevation request: printer.exe on SDG-FD-01 [{}]", request.id.short()));
    let action = action_of(&ticket, "record_decision");
    assert_eq!(action["hiddenfromuser"], true);
    assert_eq!(action["sendemail"], false);
    assert_eq!(action["outcome_id"], 7);
    assert!(note(&action).contains("Sam Okoro") && note(&action).contains("As agreed."));

    let seen = house.app().request_detail(&house.admin, &request.id).await.unwrap().ticket.unwrap();
    assert_eq!(seen.id, ticket["id"].to_string());
    assert_eq!(seen.status.as_deref(), Some("Closed"));
    assert_eq!(seen.assigned_to.as_deref(), Some("Sam Okoro"));
    assert_eq!(seen.time_minutes, Some(5.0));
    assert_eq!(seen.time_owner.as_deref(), Some("Sam Okoro"));
    assert!(house.app().verify_audit().await.unwrap().faults.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_closes_the_ticket_and_gives_no_grant() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    let decided = house.deny(&request).await;
    assert_eq!((decided.state, decided.grant), (State::Denied, None));
    house.assert_all_done().await;
    let ticket = house.assert_told(&request).await;
    assert!(note(&action_of(&ticket, "record_decision")).contains("denied"));
    let refused = house.app().redeem(&computer.computer.id, &request.id, None).await.unwrap_err();
    assert_eq!(refused.code(), "not_pending");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taken_back_before_anything_was_sent_leaves_no_ticket_and_after_it_a_closed_one() {
    // So slow that the minute in which nothing is sent does not pass by itself.
    let house = House::on(Ground { rate: Some(2), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    let sent = house.ask(&computer).await;
    house.until_step(&sent.id, "open_ticket", "done").await;
    house.app().withdraw(&computer.computer.id, &sent.id).await.unwrap();
    house.app().withdraw(&computer.computer.id, &sent.id).await.unwrap();
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(sent.id.as_str()).await;
    action_of(&ticket, "record_withdrawal");
    assert_eq!(actions(&ticket).len(), 1);
    assert_eq!(ticket["status_id"], CLOSED);

    let later = json!({"kind": "status", "code": 429, "retry_after": 60, "path": "/Tickets", "method": "POST"});
    house.halo.fault(later).await;
    let unsent = house.ask(&computer).await;
    until("the first call was refused for now", async || !house.attempts(&unsent.id).await.is_empty()).await;
    house.app().withdraw(&computer.computer.id, &unsent.id).await.unwrap();
    house.halo.no_faults().await;
    house.clock.forward(Duration::from_mins(1));
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets_of(unsent.id.as_str()).await.len(), 0);
    assert_eq!(
        house
            .app()
            .decide(&house.admin, &unsent.id, crate::house::wish(countersign_domain::decision::Verdict::Approve))
            .await
            .unwrap_err()
            .code(),
        "not_pending"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_decides_or_nobody_uses_runs_out_and_is_told() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let undecided = house.ask(&computer).await;
    let unused = house.ask(&computer).await;
    house.approve(&unused).await;
    house.assert_all_done().await;
    house.clock.forward(Duration::from_hours(4));
    until("the grant has lapsed", async || house.request(&unused.id).await.state == State::Expired).await;
    assert_eq!(house.request(&undecided.id).await.state, State::Pending);
    assert_eq!(house.app().redeem(&computer.computer.id, &unused.id, None).await.unwrap_err().code(), "expired");
    house.clock.forward(Duration::from_hours(21));
    until("the request has run out", async || house.request(&undecided.id).await.state == State::Expired).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(undecided.id.as_str()).await;
    let action = action_of(&ticket, "record_expiry");
    assert!(note(&action).contains("Nobody decided"));
    assert_eq!((actions(&ticket).len(), minutes(&action), &ticket["status_id"]), (1, 0, &json!(CLOSED)));
    let ticket = house.halo.ticket_of(unused.id.as_str()).await;
    assert!(note(&action_of(&ticket, "record_expiry")).contains("not used"));
    assert_eq!(actions(&ticket).len(), 2);
    assert_eq!(actions(&ticket).iter().map(minutes).sum::<i64>(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_approval_and_a_program_that_would_not_start_are_told() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let revoked = house.ask(&computer).await;
    house.approve(&revoked).await;
    house.app().revoke(&house.admin, &revoked.id).await.unwrap();
    assert_eq!(house.app().redeem(&computer.computer.id, &revoked.id, None).await.unwrap_err().code(), "revoked");

    let failed = house.ask(&computer).await;
    house.approve(&failed).await;
    house.app().redeem(&computer.computer.id, &failed.id, None).await.unwrap();
    for _ in 0..2 {
        house.app().ended(&computer.computer.id, &failed.id, Ending::Failed, Some(740)).await.unwrap();
    }
    assert_eq!(house.app().revoke(&house.admin, &failed.id).await.unwrap_err().code(), "already_used");

    let good = house.ask(&computer).await;
    house.approve(&good).await;
    house.app().redeem(&computer.computer.id, &good.id, None).await.unwrap();
    house.app().ended(&computer.computer.id, &good.id, Ending::Finished, Some(0)).await.unwrap();
    house.assert_all_done().await;

    let ticket = house.halo.ticket_of(revoked.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 2);
    let action = action_of(&ticket, "record_revocation");
    assert!(note(&action).contains("Sam Okoro took the approval back"));
    assert_eq!(action["who_agentid"], SAM);
    let ticket = house.halo.ticket_of(failed.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 2);
    let action = action_of(&ticket, "record_failure");
    assert!(note(&action).contains("740"));
    assert_eq!(action["who_agentid"], API_AGENT);
    house.assert_told(&good).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_join_are_noted_once_counted_with_the_decision_and_have_grants_of_their_own() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let path = "C:\\Setup\\again.exe";
    let first = house.ask_for(&computer, path).await;
    let mut repeats = Vec::new();
    for _ in 0..3 {
        let repeat = house.ask_for(&computer, path).await;
        assert_eq!(repeat.joined_to.as_ref(), Some(&first.id));
        repeats.push(repeat);
    }
    // Deciding a repeat decides what it joined.
    house.approve(&repeats[1]).await;
    for repeat in &repeats {
        assert_eq!(house.request(&repeat.id).await.grant.unwrap().state, GrantState::Issued);
        house.app().redeem(&computer.computer.id, &repeat.id, None).await.unwrap();
        assert_eq!(
            house.app().redeem(&computer.computer.id, &repeat.id, None).await.unwrap_err().code(),
            "already_used"
        );
    }
    assert_eq!(house.request(&first.id).await.grant.unwrap().state, GrantState::Issued);
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 1);
    let ticket = house.halo.ticket_of(first.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 2);
    action_of(&ticket, "record_repeat");
    let action = action_of(&ticket, "record_decision");
    assert!(note(&action).contains("asked again 3 times"), "{}", note(&action));
    assert_eq!(actions(&ticket).iter().map(minutes).sum::<i64>(), 5);
    // A new one after the decision is no repeat.
    assert_eq!(house.ask_for(&computer, path).await.joined_to, None);
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_takes_the_place_of_what_was_taken_back() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let path = "C:\\Setup\\heir.exe";
    let first = house.ask_for(&computer, path).await;
    let heir = house.ask_for(&computer, path).await;
    let third = house.ask_for(&computer, path).await;
    house.assert_all_done().await;
    house.app().withdraw(&computer.computer.id, &first.id).await.unwrap();
    assert_eq!(house.request(&heir.id).await.joined_to, None);
    assert_eq!(house.request(&third.id).await.joined_to, Some(heir.id.clone()));
    house.approve(&heir).await;
    assert_eq!(house.request(&third.id).await.state, State::Approved);
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 2);
    let ticket = house.halo.ticket_of(first.id.as_str()).await;
    action_of(&ticket, "record_withdrawal");
    let ticket = house.halo.ticket_of(heir.id.as_str()).await;
    action_of(&ticket, "record_decision");
    assert_eq!(actions(&ticket).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decided_while_halo_is_down_is_told_when_it_is_back() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    house.until_link(Kind::Computer, computer.computer.id.as_str(), LinkState::Linked).await;
    house.halo.down().await;
    let mut requests = Vec::new();
    for _ in 0..5 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.app().redeem(&computer.computer.id, &request.id, None).await.unwrap();
        requests.push(request);
    }
    until("a call has failed", async || !house.attempts(&requests[0].id).await.is_empty()).await;
    house.halo.no_faults().await;
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 5);
    for request in &requests {
        house.assert_told(request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_id_again_changes_nothing_and_is_nobody_elses() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    let asked = crate::house::asked("C:\\other.exe");
    let again = house.app().submit(&computer, request.id.clone(), asked.clone()).await.unwrap();
    assert_eq!(again, countersign_store::Accepted::Repeat(Box::new(request.clone())));
    let other = house.computer(crate::house::COMPANY, crate::house::LOCATION, "SDG-FD-02").await;
    let refused = house.app().submit(&other, request.id.clone(), asked).await.unwrap_err();
    assert!(matches!(refused, Error::NotFound("request")));
    assert_eq!(house.app().own_request(&other.computer.id, &request.id).await.unwrap_err().code(), "not_found");
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 1);
}
