//! Two nodes over one PostgreSQL database: whatever becomes of calls and of nodes, one ticket and one action each.

use std::{io::Write as _, sync::Once, time::Duration};

use countersign_app::{
    clock::{Ids as _, System},
    ticketing::Change,
};
use countersign_store::Place;
use serde_json::json;

use crate::{
    allowance::{allowance, limited},
    house::{Ground, House, until},
    matrix::{CELLS, arm, ask_and_decide, house, is_late, prepare},
};

/// A new schema on the server that the environment names; none where it names none.
pub(crate) fn shared() -> Option<Place> {
    static TOLD: Once = Once::new();
    let Ok(url) = std::env::var("COUNTERSIGN_TEST_POSTGRES") else {
        TOLD.call_once(|| {
            let words = "skipped on PostgreSQL: COUNTERSIGN_TEST_POSTGRES is not set (ci/postgres.sh start)\n";
            // Past the test harness, which would swallow it.
            std::io::stderr().write_all(words.as_bytes()).unwrap();
        });
        return None;
    };
    Some(Place::Postgres { url, schema: Some(format!("app_{}", System.uuid().simple())) })
}

fn on(place: Place) -> Ground {
    Ground { shared: Some(place), ..Ground::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_matrix_on_two_nodes() {
    let Some(place) = shared() else { return };
    let (mut house, computers) = house(on(place)).await;
    let mut other = house.another_node().await;
    let mut requests = Vec::new();
    // Those that need another settle time are the last.
    let (late, others): (Vec<&str>, Vec<&str>) = CELLS.iter().partition(|cell| is_late(cell));
    for cell in others.into_iter().chain(late) {
        if is_late(cell) {
            prepare(&mut house, cell).await;
            other = house.another_node().await;
        }
        arm(&house, cell).await;
        requests
            .extend(ask_and_decide(&house, &[house.app(), &other.app], &computers, crate::matrix::requests(60)).await);
        house.assert_all_done().await;
        house.halo.no_faults().await;
        house.clock.forward(Duration::from_mins(11));
    }
    house.halo.assert_exactly(&requests).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_in_the_middle_leaves_nothing_undone_and_nothing_twice() {
    let Some(place) = shared() else { return };
    let (house, computers) = house(on(place)).await;
    for cell in ["cut_after", "late_answer", "fault_before"] {
        let other = house.another_node().await;
        arm(&house, cell).await;
        house.halo.fault(json!({"kind": "delay", "ms": 100, "when": "after"})).await;
        let before = house.halo.tickets().await.len();
        let requests = ask_and_decide(&house, &[house.app(), &other.app], &computers, 60).await;
        until("some are told", async || house.halo.tickets().await.len() >= before + 20).await;
        drop(other);
        house.assert_all_done().await;
        house.halo.no_faults().await;
        for request in &requests {
            house.assert_told(request).await;
        }
        house.clock.forward(Duration::from_mins(11));
    }
    assert_eq!(house.halo.tickets().await.len(), 180);
}

/// A node hangs in a call, does not beat, and its step is taken over; then its answer comes after all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_lost_while_its_call_is_on_its_way() {
    for path in ["/Tickets", "/Actions"] {
        let Some(place) = shared() else { return };
        let mut house = House::on(on(place)).await;
        house.set_up(Change::default()).await;
        let computer = house.sample_computer().await;
        let before = house.ask(&computer).await;
        house.approve(&before).await;
        house.assert_all_done().await;
        let slow = house.another_node().await;
        house.crash();
        house.halo.hold(path, "after").await;
        let requests = ask_and_decide(&house, &[&slow.app], &[computer], 1).await;
        until("the call is on its way", async || house.halo.hits().await > 0).await;
        slow.stop_beating();
        house.start().await;
        house.assert_all_done().await;
        let (kind, id) = (if path == "/Tickets" { "open_ticket" } else { "record_decision" }, &requests[0].id);
        let found = (kind.to_owned(), "found".to_owned());
        assert!(house.attempts(id).await.contains(&found), "it was taken over and found");
        // The late success is kept as what it was.
        house.halo.no_faults().await;
        until("the late answer is kept", async || {
            house.attempts(id).await.contains(&(kind.to_owned(), "done".to_owned()))
        })
        .await;
        house.assert_told(&requests[0]).await;
        house.assert_all_done().await;
    }
}

/// A node that does not know yet what another one set up looks before it lets a step wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_not_heard_of_the_set_up_lets_nothing_wait_for_it() {
    let Some(place) = shared() else { return };
    let mut house = House::on(on(place)).await;
    let late = house.another_node().await;
    // It hears of nothing.
    late.stop_beating();
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    house.assert_all_done().await;
    house.crash();
    // Longer than a link counts as made while a step ran.
    house.clock.forward(Duration::from_mins(5));
    let requests = ask_and_decide(&house, &[&late.app], &[computer], 1).await;
    until("its ticket is there", async || !house.halo.tickets().await.is_empty()).await;
    house.start().await;
    house.assert_told(&requests[0]).await;
    house.assert_all_done().await;
}

/// An allowance that two nodes spend is kept as that of one: the other side refuses next to nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_spend_one_allowance() {
    let Some(place) = shared() else { return };
    let (house, computers) = limited(on(place), (60, 6), allowance(60, 120)).await;
    let other = house.another_node().await;
    until("the set-up's calls are forgotten", async || other.app.budget().used() == 0).await;
    let requests = ask_and_decide(&house, &[house.app(), &other.app], &computers, 90).await;
    house.assert_all_done().await;
    let statuses = house.halo.statuses().await;
    let refused = statuses["429"].as_u64().unwrap_or(0);
    assert!(refused <= 4, "{statuses}");
    house.halo.assert_exactly(&requests).await;
}
