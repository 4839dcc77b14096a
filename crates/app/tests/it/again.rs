//! What is asked again after a denial stands on the ticket of the first: closed there by hand, and compared with it.

use std::{sync::Arc, time::Duration};

use countersign_app::{
    follow::ClosedByHand,
    reconcile::{Repairs, Report, Standing},
    ticketing::{Change, Switch},
};
use countersign_domain::{
    id::RequestId,
    request::{Event, Request, State},
    time::Time,
};
use countersign_store::{ComputerContext, Transition};
use serde_json::json;

use crate::{
    halo::{CLOSED, NEW, actions},
    house::{Ground, House, until},
    nodes::shared,
};

/// A little more than the time between two looks.
const NEXT_LOOK: Duration = Duration::from_mins(6);
const PATH: &str = "C:\\Setup\\again.exe";

/// On SQLite, and on PostgreSQL where the environment names one.
async fn houses(change: &Change) -> Vec<House> {
    let grounds = [Some(Ground::default()), shared().map(|place| Ground { shared: Some(place), ..Ground::default() })];
    let mut houses = Vec::new();
    for ground in grounds.into_iter().flatten() {
        let house = House::on(ground).await;
        house.set_up(change.clone()).await;
        houses.push(house);
    }
    houses
}

fn settings(closed_by_hand: ClosedByHand, status_again: Option<i64>) -> Change {
    Change {
        closed_by_hand: Some(closed_by_hand),
        status_again: Some(status_again.map(|status| status.to_string())),
        settle_s: Some(1),
        ..Change::default()
    }
}

/// Looks at the tickets, and waits until that is done.
async fn look(house: &House) {
    let asked_at = async || {
        let (kept, _) = house.store().setting("ticket_follow").await.unwrap()?;
        serde_json::from_str::<serde_json::Value>(&kept).unwrap()["asked_at"].as_i64()
    };
    until("the time is counted", async || asked_at().await.is_some()).await;
    // Not one that is on its way: it may have read before what it is to see.
    let called = house.clock.now_time().0;
    house.clock.forward(NEXT_LOOK);
    until("the tickets are read", async || asked_at().await >= Some(called)).await;
    house.assert_all_done().await;
}

/// A request that was denied, the same that was asked again, and its repeat; all told, and the ticket read back.
struct Asked {
    computer: Arc<ComputerContext>,
    first: Request,
    again: Request,
    repeat: Request,
}

async fn asked_again(house: &House) -> Asked {
    let computer = house.sample_computer().await;
    let first = house.ask_for(&computer, PATH).await;
    house.deny(&first).await;
    house.assert_all_done().await;
    let (again, repeat) = (house.ask_for(&computer, PATH).await, house.ask_for(&computer, PATH).await);
    assert_eq!((again.again_of.as_ref(), repeat.joined_to.as_ref()), (Some(&first.id), Some(&again.id)));
    house.assert_all_done().await;
    Asked { computer, first, again, repeat }
}

async fn set_status(house: &House, first: &Request, status: i64) {
    let ticket = house.halo.ticket_of(first.id.as_str()).await;
    house.halo.change(&ticket, json!({ "status_id": status })).await;
}

async fn status(house: &House, first: &Request) -> i64 {
    house.halo.ticket_of(first.id.as_str()).await["status_id"].as_i64().unwrap()
}

async fn told_closed_at(house: &House, id: &RequestId) -> Option<Time> {
    house.app().request_detail(&house.admin, id).await.unwrap().ticket.unwrap().closed_by_hand_at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_ticket_withdraws_what_was_asked_again_and_what_joined_it() {
    for house in houses(&settings(ClosedByHand::Withdraw, Some(NEW))).await {
        let Asked { first, again, repeat, .. } = asked_again(&house).await;
        assert_eq!(status(&house, &first).await, NEW, "asking again opened it");
        look(&house).await;
        assert_eq!(house.request(&again.id).await.state, State::Pending);
        let before = actions(&house.halo.ticket_of(first.id.as_str()).await).len();
        set_status(&house, &first, CLOSED).await;
        look(&house).await;
        for id in [&again.id, &repeat.id] {
            until("it is withdrawn", async || house.request(id).await.state == State::Withdrawn).await;
            assert_eq!(house.audited(id.as_str(), "request.withdrawn").await, 1);
        }
        assert_eq!(house.audited(again.id.as_str(), "ticket.closed_by_hand").await, 1);
        assert_eq!(house.request(&first.id).await.state, State::Denied);
        look(&house).await;
        let ticket = house.halo.ticket_of(first.id.as_str()).await;
        assert_eq!((status(&house, &first).await, actions(&ticket).len()), (CLOSED, before), "nothing more is written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_asking_again_left_closed_was_closed_by_nobody() {
    for house in houses(&settings(ClosedByHand::Withdraw, None)).await {
        let Asked { first, again, .. } = asked_again(&house).await;
        for _ in 0..3 {
            look(&house).await;
        }
        assert_eq!(status(&house, &first).await, CLOSED, "by the denial");
        assert_eq!(house.request(&again.id).await.state, State::Pending);
        assert_eq!(
            (told_closed_at(&house, &again.id).await, house.audited(again.id.as_str(), "ticket.closed_by_hand").await),
            (None, 0)
        );
        // Opened by a person and closed again, it was.
        set_status(&house, &first, NEW).await;
        look(&house).await;
        assert_eq!(house.request(&again.id).await.state, State::Pending);
        set_status(&house, &first, CLOSED).await;
        look(&house).await;
        until("it is withdrawn", async || house.request(&again.id).await.state == State::Withdrawn).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_is_told_on_what_was_asked_again_and_its_decision_leaves_the_status() {
    let change = Change { status_denied: Some(Some(NEW.to_string())), ..settings(ClosedByHand::Warn, Some(NEW)) };
    for house in houses(&change).await {
        let Asked { computer, first, again, .. } = asked_again(&house).await;
        look(&house).await;
        set_status(&house, &first, CLOSED).await;
        look(&house).await;
        until("it is told", async || told_closed_at(&house, &again.id).await.is_some()).await;
        assert_eq!(house.request(&again.id).await.state, State::Pending);
        house.deny(&again).await;
        house.assert_all_done().await;
        assert_eq!(status(&house, &first).await, CLOSED, "a person's word holds");
        // Asked once more, it is another matter: the status for that is set, and the closing was not of this one.
        let third = house.ask_for(&computer, PATH).await;
        house.assert_all_done().await;
        assert_eq!((third.again_of.as_ref(), status(&house, &first).await), (Some(&first.id), NEW));
        assert_eq!(told_closed_at(&house, &third.id).await, None);
        // Closed before the next look: that it was open is known from the read-back.
        set_status(&house, &first, CLOSED).await;
        look(&house).await;
        until("it is told", async || told_closed_at(&house, &third.id).await.is_some()).await;
    }
}

/// Asking again sets no status, and the denial left the ticket open: that it was so is known before the next look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_open_when_it_was_asked_again_may_be_closed_at_once() {
    let change = Change { status_denied: Some(Some(NEW.to_string())), ..settings(ClosedByHand::Withdraw, None) };
    for house in houses(&change).await {
        let Asked { first, again, repeat, .. } = asked_again(&house).await;
        assert_eq!(status(&house, &first).await, NEW, "the denial left it open");
        set_status(&house, &first, CLOSED).await;
        look(&house).await;
        for id in [&again.id, &repeat.id] {
            until("it is withdrawn", async || house.request(id).await.state == State::Withdrawn).await;
        }
        assert_eq!(house.audited(again.id.as_str(), "ticket.closed_by_hand").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_may_mean_nothing_to_what_was_asked_again() {
    for house in houses(&settings(ClosedByHand::Leave, Some(NEW))).await {
        let Asked { first, again, .. } = asked_again(&house).await;
        look(&house).await;
        set_status(&house, &first, CLOSED).await;
        look(&house).await;
        assert_eq!(
            (house.request(&again.id).await.state, told_closed_at(&house, &again.id).await),
            (State::Pending, None)
        );
    }
}

async fn reconcile(house: &House, repairs: Repairs) -> Report {
    house.app().reconcile(30, repairs).await.unwrap()
}

/// A dry run tells it of this request and changes nothing, a round repairs it, and the next has nothing to tell.
async fn assert_repaired(house: &House, request: &Request, what: &str) {
    for (repairs, standing) in [(Repairs::Off, Standing::Repairable), (Repairs::On, Standing::Repaired)] {
        let steps = house.steps().await.len();
        let report = reconcile(house, repairs).await;
        assert_eq!(report.lines.len(), 1, "{:#?}", report.lines);
        let line = &report.lines[0];
        assert_eq!(
            (line.request.as_deref(), line.what.as_str(), line.standing),
            (Some(request.id.as_str()), what, standing)
        );
        assert!(repairs == Repairs::On || house.steps().await.len() == steps);
    }
    house.assert_all_done().await;
    assert_eq!(reconcile(house, Repairs::On).await.lines, [], "{what}");
}

/// How many notes of these kinds stand on the ticket.
async fn notes(house: &House, first: &Request) -> [usize; 2] {
    let ticket = house.halo.ticket_of(first.id.as_str()).await;
    ["record_again", "record_decision"].map(|kind| {
        actions(&ticket).iter().filter(|action| crate::halo::note(action).contains(&format!("/{kind}/"))).count()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_again_is_compared_with_the_ticket() {
    // A refusal with an assignee is tried once more without; here it is to be the one call.
    let change = Change { assign: Some(Switch::Off), ..settings(ClosedByHand::Warn, Some(NEW)) };
    for house in houses(&change).await {
        let Asked { computer, first, again, .. } = asked_again(&house).await;
        let report = reconcile(&house, Repairs::On).await;
        assert_eq!((report.requests, report.tickets, report.lines), (2, 1, Vec::new()));
        // Written, and refused: the note is found.
        let fault = json!({"kind": "status_after", "code": 400, "path": "/Actions", "method": "POST"});
        house.halo.fault(fault.clone()).await;
        house.deny(&again).await;
        until("its step needs a person", async || {
            let steps = house.steps_of(&first.id).await;
            steps.iter().any(|step| step.subject == again.id.as_str() && step.state == "attention")
        })
        .await;
        house.halo.no_faults().await;
        assert_repaired(&house, &again, "lost_done").await;
        assert_eq!(notes(&house, &first).await, [1, 2]);
        // The same of the note that says that it was asked again.
        house.halo.fault(fault).await;
        let third = house.ask_for(&computer, PATH).await;
        house.until_step(&first.id, "record_again", "attention").await;
        house.halo.no_faults().await;
        assert_repaired(&house, &third, "lost_done").await;
        assert_eq!(notes(&house, &first).await, [2, 2]);
        // A decision that was kept without its step.
        let decision = house.request(&first.id).await.decision.unwrap();
        let (decided, _) = house.request(&third.id).await.apply(Event::Decided(decision)).unwrap();
        let change = Transition { requests: vec![decided], ..Transition::default() };
        assert!(house.store().transition(change).await.unwrap());
        assert_repaired(&house, &third, "no_action").await;
        assert_eq!(notes(&house, &first).await, [2, 3]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_is_gone_is_told_of_what_waits_on_it() {
    for house in houses(&settings(ClosedByHand::Warn, Some(NEW))).await {
        let Asked { first, again, .. } = asked_again(&house).await;
        let computer = house.other_computer().await;
        // The newest ticket must be there to be seen.
        house.ask(&computer).await;
        house.assert_all_done().await;
        let ticket = house.halo.ticket_of(first.id.as_str()).await;
        house.halo.control("DELETE", &format!("/tickets/{}", ticket["id"]), json!({})).await;
        let told = |report: Report| -> Vec<_> {
            report.lines.into_iter().map(|line| (line.request.unwrap(), line.what, line.standing)).collect()
        };
        let gone = |request: &Request, standing| (request.id.to_string(), "gone".to_owned(), standing);
        let lines = told(reconcile(&house, Repairs::On).await);
        assert_eq!(lines, [gone(&first, Standing::Note), gone(&again, Standing::Left)]);
    }
}
