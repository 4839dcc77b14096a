//! Rights that are taken away while the server works: the banner says which and where, work waits, and ends right when
//! they are given back.

use std::time::Duration;

use countersign_app::ticketing::Change;
use countersign_domain::{
    link::{Kind, LinkState},
    request::Request,
};
use countersign_store::ComputerContext;
use serde_json::json;

use crate::{
    halo::API_AGENT,
    house::{Ground, House, until},
};

/// The check runs once in this time.
const PAUSE: Duration = Duration::from_secs(301);

/// A house whose clock is so slow that this time does not pass by itself.
pub(crate) async fn slow() -> House {
    let house = House::on(Ground { rate: Some(2), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    house
}

impl House {
    async fn until_banner(&self, words: &[&str]) {
        until(&format!("the banner says {words:?}"), async || {
            let banner = self.app().ticketing().trouble.unwrap_or_default();
            words.iter().all(|word| banner.contains(word))
        })
        .await;
    }

    /// Steps were refused so often in all, and none is on its way.
    async fn until_tried(&self, times: i64) {
        until(&format!("steps were tried {times} times"), async || {
            let steps = self.undone().await;
            let still = steps.iter().all(|step| step.state == "attention" || step.attempts == 0);
            still && steps.iter().map(|step| step.attempts).sum::<i64>() == times
        })
        .await;
    }

    /// The check notices by itself that all is well again.
    async fn until_well(&self) {
        self.clock.forward(PAUSE);
        until("the banner is gone", async || self.app().ticketing().trouble.is_none()).await;
    }

    /// A request whose ticket and decision stand in Halo.
    async fn told(&self, computer: &ComputerContext) -> Request {
        let request = self.ask(computer).await;
        self.approve(&request).await;
        self.assert_all_done().await;
        request
    }

    /// The check that is run when something was noticed has ended.
    pub(crate) async fn until_checked(&self) {
        until("the check has run", async || self.checks().await > 0).await;
        self.until_check_ended().await;
    }

    /// A check has run, and ended.
    pub(crate) async fn until_check_ended(&self) {
        until("the check has ended", async || {
            let run = self.app().check_run(&self.admin);
            run.is_some_and(|run| run.finished == countersign_app::check::Finished::Yes)
        })
        .await;
    }

    async fn checks(&self) -> u64 {
        let counts = self.halo.counts().await;
        counts["GET /Agent/me"].as_u64().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_that_is_refused_names_the_level_and_goes_on_when_it_is_back() {
    let house = slow().await;
    let computer = house.sample_computer().await;
    house.told(&computer).await;
    house.halo.right("Tickets Access Level", "Read Only").await;
    house.halo.forget_calls().await;
    let mut requests = Vec::new();
    for _ in 0..3 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        requests.push(request);
    }
    for request in &requests {
        house.until_step(&request.id, "open_ticket", "attention").await;
    }
    house.until_banner(&["Tickets Access Level: Read and Modify", "Feature Access › Tickets Access Level"]).await;
    assert_eq!(house.checks().await, 1, "one check, however much is refused");
    house.halo.right("Tickets Access Level", "Read and Modify").await;
    house.until_well().await;
    house.assert_all_done().await;
    for request in &requests {
        house.assert_told(request).await;
    }
    assert_eq!(house.halo.tickets().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_worth_nothing_names_the_agent() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    house.told(&computer).await;
    let path = format!("/agents/{API_AGENT}");
    house.halo.control("PATCH", &path, json!({ "isdisabled": true })).await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_banner(&["Agent to log in as", "may be disabled", "Enable the agent", "Agents"]).await;
    let steps = house.steps_of(&request.id).await;
    assert!(steps.iter().all(|step| ["waiting", "queued", "sending"].contains(&step.state.as_str())), "{steps:?}");
    house.halo.control("PATCH", &path, json!({ "isdisabled": false })).await;
    house.until_well().await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_are_suddenly_empty_name_the_right_to_see() {
    for (right, words) in [
        ("Can View Unassigned Tickets", "Can view Unassigned Tickets"),
        ("Can see Unassigned Tickets for this Team", "Can see Unassigned Tickets for this Team"),
    ] {
        let house = House::new().await;
        let computer = house.sample_computer().await;
        let waits = house.ask(&computer).await;
        house.until_step(&waits.id, "open_ticket", "done").await;
        house.halo.right(right, "No").await;
        house.halo.fault(json!({"kind": "cut_after", "path": "/Tickets", "method": "POST", "times": 1})).await;
        let lost = house.ask(&computer).await;
        house.approve(&lost).await;
        house.until_banner(&[words, "Teams & Agents"]).await;
        house.approve(&waits).await;
        house.until_step(&waits.id, "record_decision", "attention").await;
        house.halo.right(right, "Yes").await;
        house.until_well().await;
        house.assert_all_done().await;
        house.assert_told(&lost).await;
        house.assert_told(&waits).await;
        assert_eq!(house.halo.tickets().await.len(), 2, "nothing was sent twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_only_a_write_can_prove_is_suspected_and_one_step_tries_it() {
    for (right, refused) in [("Can add new Tickets", 1), ("Can Edit Tickets Which Are Not Assigned To Them", 2)] {
        let house = slow().await;
        let computer = house.sample_computer().await;
        let before = house.ask(&computer).await;
        house.until_step(&before.id, "open_ticket", "done").await;
        house.halo.right(right, "No").await;
        house.approve(&before).await;
        let after = house.ask(&computer).await;
        house.approve(&after).await;
        house.until_banner(&["HaloPSA does not allow", right, "Tickets Permissions"]).await;
        // One step tries whether the right is back, and one more after each pause.
        house.until_tried(refused + 1).await;
        house.clock.forward(PAUSE);
        house.until_tried(refused + 2).await;
        house.until_banner(&["HaloPSA does not allow", right]).await;
        house.halo.right(right, "Yes").await;
        house.until_well().await;
        house.assert_all_done().await;
        house.assert_told(&before).await;
        house.assert_told(&after).await;
        assert_eq!(house.halo.tickets().await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_that_are_taken_from_the_application_are_named_once_its_token_is_renewed() {
    for ungranted in ["narrow", "error"] {
        let house = House::new().await;
        let computer = house.sample_computer().await;
        house.told(&computer).await;
        house.halo.switches(json!({ "ungranted_scope": ungranted })).await;
        let scopes = ["read:tickets", "read:customers", "read:assets"];
        house.halo.control("PATCH", "/application", json!({ "scopes": scopes })).await;
        house.halo.control("POST", "/tokens/expire", json!({})).await;
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.until_banner(&["missing: edit:tickets", "Applications › Permissions"]).await;
        let scopes = ["read:tickets", "edit:tickets", "read:customers", "read:assets"];
        house.halo.control("PATCH", "/application", json!({ "scopes": scopes })).await;
        house.until_well().await;
        house.assert_all_done().await;
        house.assert_told(&request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_is_gone_raises_no_banner() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    let id = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    house.halo.control("DELETE", &format!("/tickets/{id}"), json!({})).await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "attention").await;
    house.until_checked().await;
    assert_eq!(house.app().ticketing().trouble, None);
    let steps = house.steps_of(&request.id).await;
    assert!(steps.iter().any(|step| step.kind == "record_decision" && step.state == "attention"));
}

/// A request whose decision's answer was lost, and Halo shows nothing of its ticket's actions: a right might be missing, but
/// none is. The next check is five minutes away; the clock is so slow that they do not pass by themselves.
async fn nothing_shown() -> (House, Request) {
    let house = House::on(Ground { rate: Some(4), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    let (gone, request) = (house.ask(&computer).await, house.ask(&computer).await);
    for request in [&gone, &request] {
        house.until_step(&request.id, "open_ticket", "done").await;
    }
    let id = house.halo.ticket_of(gone.id.as_str()).await["id"].clone();
    house.halo.control("DELETE", &format!("/tickets/{id}"), json!({})).await;
    house.approve(&gone).await;
    house.until_checked().await;
    house.halo.fault(json!({"kind": "cut_after", "path": "/Actions", "method": "POST", "times": 1})).await;
    let empty = json!({"record_count": 0, "actions": []});
    house.halo.fault(json!({"kind": "garbage", "path": "/Actions", "method": "GET", "body": empty})).await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "attention").await;
    assert_eq!(house.audited("ticketing", "steps.retried").await, 0);
    (house, request)
}

async fn tries(house: &House, request: &Request) -> i64 {
    let steps = house.steps_of(&request.id).await;
    steps.iter().find(|step| step.kind == "record_decision").unwrap().attempts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_line_explains_goes_again_once() {
    let (house, request) = nothing_shown().await;
    let before = tries(&house, &request).await;
    let other = house.other_computer().await;
    house.clock.forward(PAUSE);
    until("it goes again", async || tries(&house, &request).await > before).await;
    for _ in 0..4 {
        house.until_step(&request.id, "record_decision", "attention").await;
        house.clock.forward(PAUSE);
        // Time enough for whatever would let it go.
        let meanwhile = house.ask(&other).await;
        house.until_step(&meanwhile.id, "open_ticket", "done").await;
    }
    assert_eq!(tries(&house, &request).await, before + 1);
    assert_eq!(house.audited("ticketing", "steps.retried").await, 1);
    assert_eq!(house.app().ticketing().trouble, None);
}

/// The right came back before the check that would have named it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_again_before_the_check_goes_again_by_itself() {
    let (house, request) = nothing_shown().await;
    house.halo.no_faults().await;
    house.clock.forward(PAUSE);
    house.until_step(&request.id, "record_decision", "done").await;
    house.assert_told(&request).await;
    assert_eq!(house.audited("ticketing", "steps.retried").await, 1);
}

/// A refusal to read, which only lines about reading explain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_may_not_be_read_are_looked_for_when_they_may() {
    let house = slow().await;
    house.halo.switches(json!({ "no_access_list": "403" })).await;
    house.halo.right("Assets Access Level", "No Access").await;
    let computer = house.sample_computer().await.computer.id.clone();
    house.until_banner(&["Assets Access Level: Read Only", "Feature Access › Assets Access Level"]).await;
    until("its step waits for a person", async || {
        let steps = house.steps().await;
        steps.iter().any(|step| step.subject == format!("computer/{computer}") && step.state == "attention")
    })
    .await;
    house.halo.right("Assets Access Level", "Read Only").await;
    house.until_well().await;
    house.until_link(Kind::Computer, computer.as_str(), LinkState::Linked).await;
}
