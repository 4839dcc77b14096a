//! From Halo back: what people do to tickets there is read, told, and never set back; webhooks only wake the reading.

use std::time::Duration;

use countersign_app::{follow::ClosedByHand, hook::Basic, requests::TicketView, ticketing::Change};
use countersign_domain::{id::RequestId, request::Request, request::State, time::Time};
use halo_sim::Config;
use serde_json::{Value, json};

use crate::{
    halo::{CLOSED, MARIA, NEW, actions},
    house::{Ground, House, until},
};

/// A little more than the time between two looks.
const NEXT_LOOK: Duration = Duration::from_mins(6);

async fn with(closed_by_hand: ClosedByHand) -> House {
    House::with(Config::default(), Change { closed_by_hand: Some(closed_by_hand), ..Change::default() }).await
}

/// A request that waits, with its ticket, and the ticket's number.
async fn waiting(house: &House) -> (Request, String) {
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    let id = house.halo.ticket_of(request.id.as_str()).await["id"].to_string();
    (request, id)
}

/// Moves the clock to after the next look; the first sets the time from which it is counted.
async fn next_look(house: &House) {
    until("the time is counted", async || house.store().setting("ticket_follow").await.unwrap().is_some()).await;
    house.clock.forward(NEXT_LOOK);
}

async fn view(house: &House, id: &RequestId) -> TicketView {
    house.app().request_detail(&house.admin, id).await.unwrap().ticket.unwrap()
}

/// How often Halo was asked for tickets.
async fn looks(house: &House) -> u64 {
    house.halo.counts().await["GET /Tickets"].as_u64().unwrap_or(0)
}

async fn person(house: &House, ticket: &str, change: Value) {
    house.halo.control("PATCH", &format!("/tickets/{ticket}"), change).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_sets_is_seen_and_never_set_back() {
    let house = House::new().await;
    let (request, ticket) = waiting(&house).await;
    person(&house, &ticket, json!({ "agent_id": MARIA })).await;
    next_look(&house).await;
    until("the new assignee is seen", async || view(&house, &request.id).await.now.assignee == Some(MARIA.to_string()))
        .await;
    // And after the decision: it is read because it changed, though nothing waits for it. Another request waits.
    house.approve(&request).await;
    let computer = house.other_computer().await;
    house.ask(&computer).await;
    house.assert_all_done().await;
    person(&house, &ticket, json!({ "status_id": NEW, "agent_id": MARIA })).await;
    next_look(&house).await;
    until("the new status is seen", async || {
        let now = view(&house, &request.id).await.now;
        (now.status, now.assignee) == (Some(NEW.to_string()), Some(MARIA.to_string()))
    })
    .await;
    next_look(&house).await;
    house.assert_all_done().await;
    let shown = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!((&shown["status_id"], &shown["agent_id"]), (&json!(NEW), &json!(MARIA)), "a person's word holds");
    assert_eq!(view(&house, &request.id).await.closed_by_hand_at, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_closed_by_hand_is_told_and_stays_closed() {
    let house = with(ClosedByHand::Warn).await;
    let (request, ticket) = waiting(&house).await;
    person(&house, &ticket, json!({ "status_id": CLOSED })).await;
    next_look(&house).await;
    until("it is told", async || view(&house, &request.id).await.closed_by_hand_at.is_some()).await;
    assert_eq!(house.request(&request.id).await.state, State::Pending);
    assert_eq!(house.audited(request.id.as_str(), "ticket.closed_by_hand").await, 1);
    // Open again, and nothing is told any more.
    person(&house, &ticket, json!({ "status_id": NEW })).await;
    next_look(&house).await;
    until("it is not told any more", async || view(&house, &request.id).await.closed_by_hand_at.is_none()).await;
    assert_eq!(house.audited(request.id.as_str(), "ticket.open_again").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_on_a_ticket_closed_by_hand_leaves_its_status() {
    let house =
        House::with(Config::default(), Change { status_denied: Some(Some(NEW.to_string())), ..Change::default() })
            .await;
    let (request, ticket) = waiting(&house).await;
    // The denial's status would open the ticket again.
    person(&house, &ticket, json!({ "status_id": CLOSED })).await;
    next_look(&house).await;
    until("it is told", async || view(&house, &request.id).await.closed_by_hand_at.is_some()).await;
    house.deny(&request).await;
    house.assert_all_done().await;
    let shown = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(shown["status_id"], CLOSED);
    assert_eq!(actions(&shown).len(), 1, "the decision is told all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_closed_by_hand_withdraws_its_request_and_all_that_joined() {
    let house = with(ClosedByHand::Withdraw).await;
    let computer = house.sample_computer().await;
    let request = house.ask_for(&computer, "C:\\Setup\\same.exe").await;
    let repeat = house.ask_for(&computer, "C:\\Setup\\same.exe").await;
    assert_eq!(repeat.joined_to.as_ref(), Some(&request.id));
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    let before = actions(&ticket).len();
    person(&house, &ticket["id"].to_string(), json!({ "status_id": CLOSED })).await;
    next_look(&house).await;
    for id in [&request.id, &repeat.id] {
        until("it is withdrawn", async || house.request(id).await.state == State::Withdrawn).await;
        assert_eq!(house.audited(id.as_str(), "request.withdrawn").await, 1);
    }
    next_look(&house).await;
    house.assert_all_done().await;
    let shown = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(shown["status_id"], CLOSED);
    assert_eq!(actions(&shown).len(), before, "nothing is written on what was closed");
    assert_eq!(house.halo.tickets().await.len(), 1, "no repeat gets a ticket of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_by_hand_is_a_companys_own_matter() {
    let house = with(ClosedByHand::Warn).await;
    let (request, ticket) = waiting(&house).await;
    let own = Change { closed_by_hand: Some(ClosedByHand::Withdraw), ..Change::default() };
    house.app().change_company_ticketing(&house.admin, &request.company_id, own, &[]).await.unwrap();
    let minutes = Change { follow_minutes: Some(9), ..Change::default() };
    let refused = house.app().change_company_ticketing(&house.admin, &request.company_id, minutes, &[]).await;
    assert_eq!(refused.unwrap_err().code(), "not_per_company");
    person(&house, &ticket, json!({ "status_id": CLOSED })).await;
    next_look(&house).await;
    until("it is withdrawn", async || house.request(&request.id).await.state == State::Withdrawn).await;
}

/// What was kept of how far the reading is, moved by so many seconds, as a call's query says it.
async fn asked_at(house: &House, seconds: i64) -> Option<(Time, String)> {
    let (kept, _) = house.store().setting("ticket_follow").await.unwrap()?;
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let at = Time(kept["asked_at"].as_i64()?);
    let words = at.plus_seconds(seconds).rfc3339();
    Some((at, words.chars().take(19).collect::<String>().replace(':', "%3A")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_no_ticket_is_open_nothing_is_asked() {
    let house = House::new().await;
    let (request, _) = waiting(&house).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    until("no round is on its way", async || house.store().undone_in("tickets").await.unwrap().is_empty()).await;
    until("the time is counted", async || asked_at(&house, 0).await.is_some()).await;
    let before = looks(&house).await;
    for _ in 0..3 {
        let (last, _) = asked_at(&house, 0).await.unwrap();
        house.clock.forward(NEXT_LOOK);
        until("the time is counted on", async || asked_at(&house, 0).await.unwrap().0 > last).await;
    }
    assert_eq!(looks(&house).await, before);
    // A request that waits is a reason to look again.
    let computer = house.other_computer().await;
    house.ask(&computer).await;
    house.assert_all_done().await;
    let before = looks(&house).await;
    house.clock.forward(NEXT_LOOK);
    until("it is looked", async || looks(&house).await > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_it_is_asked_for_what_changed_since_the_last_look() {
    // So slow that no round begins between this look and the end of the process.
    let mut house = House::on(Ground { rate: Some(4), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    waiting(&house).await;
    next_look(&house).await;
    house.assert_all_done().await;
    let (_, kept) = asked_at(&house, -5 * 60).await.unwrap();
    house.crash();
    house.halo.forget_calls().await;
    house.clock.forward(Duration::from_hours(2));
    house.start().await;
    let since =
        async || house.halo.queries("/Tickets").await.into_iter().find(|query| query.contains("lastupdatefrom"));
    until("it is looked", async || since().await.is_some()).await;
    let asked = since().await.unwrap();
    assert!(asked.contains(&kept), "{asked} is not from {kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_closed_by_hand_may_be_left_alone() {
    let house = with(ClosedByHand::Leave).await;
    let (request, ticket) = waiting(&house).await;
    person(&house, &ticket, json!({ "status_id": CLOSED })).await;
    next_look(&house).await;
    until("the status is seen", async || view(&house, &request.id).await.now.status == Some(CLOSED.to_string())).await;
    assert_eq!(view(&house, &request.id).await.closed_by_hand_at, None);
    assert_eq!(house.request(&request.id).await.state, State::Pending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_ticket_is_told_and_never_made_anew() {
    let house = House::new().await;
    let (request, ticket) = waiting(&house).await;
    house.halo.control("DELETE", &format!("/tickets/{ticket}"), json!({})).await;
    next_look(&house).await;
    until("it is told", async || view(&house, &request.id).await.gone_at.is_some()).await;
    next_look(&house).await;
    next_look(&house).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets().await.len(), 1, "no new one");
    assert_eq!(house.audited(request.id.as_str(), "ticket.gone").await, 1, "told once");
    // Restored there, it is as before.
    person(&house, &ticket, json!({ "deleted": false })).await;
    next_look(&house).await;
    until("it is shown again", async || view(&house, &request.id).await.gone_at.is_none()).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tickets_out_of_sight_at_once_are_a_right_and_not_gone() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let mut requests = Vec::new();
    for _ in 0..12 {
        requests.push(house.ask(&computer).await);
    }
    house.assert_all_done().await;
    house.halo.right("Can view unassigned Tickets", "No").await;
    next_look(&house).await;
    until("a round says so", async || {
        let attempts = house.store().attempts("tickets").await.unwrap();
        attempts.iter().any(|attempt| attempt.words.contains("a right that was taken away"))
    })
    .await;
    for request in &requests {
        assert_eq!(view(&house, &request.id).await.gone_at, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_ticket_is_followed() {
    let house = House::new().await;
    let (request, ticket) = waiting(&house).await;
    let computer = house.other_computer().await;
    let other = house.ask(&computer).await;
    house.until_step(&other.id, "open_ticket", "done").await;
    let into = house.halo.ticket_of(other.id.as_str()).await["id"].to_string();
    let merged = json!({ "merged_into_id": into.parse::<i64>().unwrap() });
    person(&house, &ticket, merged).await;
    next_look(&house).await;
    until("it is followed", async || view(&house, &request.id).await.id == into).await;
    assert_eq!(house.audited(request.id.as_str(), "ticket.merged").await, 1);
    house.approve(&request).await;
    house.assert_all_done().await;
    let shown = house.halo.tickets_of(other.id.as_str()).await.remove(0);
    let reference = format!("{}/record_decision/1", request.id);
    let told = actions(&shown).iter().filter(|action| crate::halo::note(action).contains(&reference)).count();
    assert_eq!(told, 1, "the decision stands where the ticket went: {shown:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_merged_tickets_none_counts_as_gone() {
    let house = House::new().await;
    let (target, into) = waiting(&house).await;
    let computer = house.other_computer().await;
    let mut requests = Vec::new();
    for _ in 0..25 {
        requests.push(house.ask(&computer).await);
    }
    house.assert_all_done().await;
    // More tickets that are seen than are not, or it would be taken for a right.
    for _ in 0..30 {
        house.ask(&computer).await;
    }
    house.assert_all_done().await;
    let merged = json!({ "merged_into_id": into.parse::<i64>().unwrap() });
    for request in &requests {
        let ticket = house.halo.ticket_of(request.id.as_str()).await;
        house.halo.change(&ticket, merged.clone()).await;
    }
    until("all are followed", async || {
        next_look(&house).await;
        house.assert_all_done().await;
        let known = house.store().tickets_by_id(std::slice::from_ref(&into)).await.unwrap();
        known.len() == 1 + requests.len()
    })
    .await;
    for request in requests.iter().chain([&target]) {
        assert_eq!(house.audited(request.id.as_str(), "ticket.gone").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_waits_out_an_outage_and_goes_on() {
    let house = House::new().await;
    let (request, ticket) = waiting(&house).await;
    house.halo.down().await;
    person(&house, &ticket, json!({ "agent_id": MARIA })).await;
    next_look(&house).await;
    until("a look fails", async || {
        house.store().undone_in("tickets").await.unwrap().iter().any(|step| step.words.is_some())
    })
    .await;
    next_look(&house).await;
    assert_eq!(house.store().undone_in("tickets").await.unwrap().len(), 1, "one at a time");
    house.halo.no_faults().await;
    next_look(&house).await;
    until("the new assignee is seen", async || view(&house, &request.id).await.now.assignee == Some(MARIA.to_string()))
        .await;
    house.assert_all_done().await;
}

/// The secret of a new webhook.
async fn secret(house: &House, basic: Basic) -> (String, Option<(String, String)>) {
    let made = house.app().make_halo_webhook(&house.admin, basic).await.unwrap();
    (made.url.rsplit_once('/').unwrap().1.to_owned(), made.basic)
}

fn delivery(id: usize, ticket: &str) -> Value {
    json!({ "id": format!("delivery-{id}"), "event": "ticket status changed", "object_id": ticket.parse::<i64>().unwrap(),
        "ticket": { "id": 1, "status_id": CLOSED, "agent_id": 999 } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_wakes_the_reading_and_is_believed_in_nothing() {
    // So slow that no look comes by itself.
    let house = House::on(Ground { rate: Some(4), ..Ground::default() }).await;
    house.set_up(Change { closed_by_hand: Some(ClosedByHand::Withdraw), ..Change::default() }).await;
    let (request, ticket) = waiting(&house).await;
    let (secret, _) = secret(&house, Basic::Off).await;
    person(&house, &ticket, json!({ "agent_id": MARIA })).await;
    let before = looks(&house).await;
    // It lies: the ticket is neither closed nor agent 999's.
    let body = delivery(1, &ticket).to_string();
    assert_eq!(house.app().hear(&secret, None, body.as_bytes()).await.unwrap(), 1);
    until("the ticket is read", async || view(&house, &request.id).await.now.assignee == Some(MARIA.to_string())).await;
    house.assert_all_done().await;
    assert_eq!(house.request(&request.id).await.state, State::Pending);
    assert_eq!(looks(&house).await - before, 1, "one call for it");
    // Delivered once more, it is nothing new.
    assert_eq!(house.app().hear(&secret, None, body.as_bytes()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_deliveries_makes_few_calls() {
    // The machine's own seconds: the storm lasts as long as the machine needs for it.
    let house = House::on(Ground { rate: Some(1), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let (_, ticket) = waiting(&house).await;
    let (secret, _) = secret(&house, Basic::Off).await;
    let before = looks(&house).await;
    for n in 0..1000 {
        // Tickets of everybody, ours among them.
        let id = if n % 10 == 0 { ticket.clone() } else { (900_000 + n).to_string() };
        let body = delivery(n, &id).to_string();
        house.app().hear(&secret, None, body.as_bytes()).await.unwrap();
    }
    until("it is read", async || looks(&house).await > before).await;
    house.assert_all_done().await;
    house.clock.forward(Duration::from_secs(20));
    house.assert_all_done().await;
    let calls = looks(&house).await - before;
    assert!(calls <= 10, "{calls} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_deliveries_do_nothing() {
    let house = House::new().await;
    let (request, ticket) = waiting(&house).await;
    let (secret, basic) = secret(&house, Basic::On).await;
    let (user, password) = basic.unwrap();
    let basic = Some((user.as_str(), password.as_str()));
    let body = b"{}".as_slice();
    for (secret, basic) in [
        ("", basic),
        ("wrong", basic),
        (secret.as_str(), None),
        (secret.as_str(), Some((user.as_str(), "wrong"))),
        (secret.as_str(), Some(("someone", password.as_str()))),
    ] {
        let refused = house.app().hear(secret, basic, body).await.unwrap_err();
        assert_eq!(refused.code(), "not_found");
    }
    let before = view(&house, &request.id).await;
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let long = json!({ "id": "x".repeat(100_000), "object_id": 1 }).to_string();
    let many = Value::Array((0..5000).map(|n| delivery(n, "7")).collect()).to_string();
    for body in [
        "",
        "null",
        "7",
        "\"text\"",
        "[]",
        "[[[]]]",
        "{",
        "<html>",
        "\u{0}",
        &deep,
        &long,
        &many,
        r#"{"object_id":{"id":1}}"#,
        r#"{"object_id":-1}"#,
        r#"{"object_id":"1; DROP TABLE tickets"}"#,
        r#"{"object_id":1e400}"#,
        r#"{"ticket":"1"}"#,
        r#"{"id":7,"object_id":null,"ticket":{"id":[1]}}"#,
    ] {
        house.app().hear(&secret, basic, body.as_bytes()).await.unwrap();
    }
    house.clock.forward(Duration::from_mins(1));
    next_look(&house).await;
    house.assert_all_done().await;
    let after = view(&house, &request.id).await;
    assert_eq!((before.now, before.id), (after.now, after.id));
    // A good one is heard as before.
    person(&house, &ticket, json!({ "agent_id": MARIA })).await;
    let good = delivery(1_000_000, &ticket).to_string();
    assert_eq!(house.app().hear(&secret, basic, good.as_bytes()).await.unwrap(), 1);
    until("the ticket is read", async || view(&house, &request.id).await.now.assignee == Some(MARIA.to_string())).await;
    // Replaced, the first secret is good for nothing; revoked, none is.
    let (newer, _) = self::secret(&house, Basic::Off).await;
    assert!(house.app().hear(&secret, basic, body).await.is_err());
    house.app().hear(&newer, None, body).await.unwrap();
    house.app().revoke_halo_webhook(&house.admin).await.unwrap();
    assert!(house.app().hear(&newer, None, body).await.is_err());
    assert!(house.app().halo_webhook(&house.admin).await.unwrap().is_none());
}
