//! The allowance of calls: kept, used up, and spent on what is most urgent.

use std::{sync::Arc, time::Duration};

use countersign_app::{budget::Allowance, ticketing::Change};
use countersign_domain::decision::Verdict;
use countersign_store::ComputerContext;
use halo_sim::{Config, RateLimit};

use crate::{
    house::{Ground, House, until, wish},
    matrix::{ask_and_decide, house},
    quick::{RATE, pause},
};

pub(crate) fn allowance(calls: u32, window_s: u32) -> Change {
    Change { budget: Some(Allowance { calls, window_s, off: false }), ..Change::default() }
}

/// A house whose Halo takes so many calls in a window of its own, in the seconds of the house's clock; all of them left.
pub(crate) async fn limited(
    ground: Ground,
    calls: usize,
    window: Duration,
    set: Change,
) -> (House, Vec<Arc<ComputerContext>>) {
    let rate = ground.rate.unwrap_or(RATE);
    let config = Config { rate_limit: Some(RateLimit { calls, window: window / rate }), ..Config::default() };
    let (house, computers) = house(Ground { config, ..ground }).await;
    house.assert_all_done().await;
    pause(window / rate).await;
    house.set_up(set).await;
    // The first walk of the new settings, which any step waits for.
    house.computer(crate::house::COMPANY, crate::house::LOCATION, "SDG-XRAY-01").await;
    house.assert_all_done().await;
    pause(window / rate).await;
    house.clock.forward(window * 2);
    house.halo.forget_calls().await;
    (house, computers)
}

/// A thousand requests with decisions under 300 calls in 300 s: nine tenths of the allowance are used while there is work,
/// and at most one call in a hundred is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_worked_off_at_nine_tenths_of_the_allowance() {
    let (house, computers) =
        limited(Ground { rate: Some(40), ..Ground::default() }, 300, Duration::from_mins(5), allowance(300, 300)).await;
    let began = house.clock.seconds();
    let requests = ask_and_decide(&house, &[house.app()], &computers, 1000).await;
    until("everything is told", async || house.undone().await.is_empty()).await;
    let took = house.clock.seconds() - began;
    let statuses = house.halo.statuses().await;
    let refused = statuses["429"].as_u64().unwrap_or(0);
    let answered: u64 =
        statuses.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum::<u64>() - refused;
    println!("{answered} calls in {took} s, {refused} refused");
    assert!(refused * 100 <= answered, "{statuses}");
    let allowed = 300 + took;
    assert!(answered * 10 >= allowed * 9, "{answered} of {allowed} in {took} s");
    house.assert_all_done().await;
    house.halo.assert_exactly(&requests).await;
}

/// Halo allows a third of what is set: that is learnt, and next to nothing more is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_allowance_is_learnt() {
    let (house, computers) = limited(Ground::default(), 40, Duration::from_mins(2), allowance(120, 120)).await;
    let first = ask_and_decide(&house, &[house.app()], &computers, 40).await;
    house.assert_all_done().await;
    let learnt = house.app().budget().allowed().unwrap();
    assert!((30..=60).contains(&learnt), "{learnt}");
    house.halo.forget_calls().await;
    let more = ask_and_decide(&house, &[house.app()], &computers, 60).await;
    house.assert_all_done().await;
    let statuses = house.halo.statuses().await;
    assert!(statuses["429"].as_u64().unwrap_or(0) <= 30, "{statuses}");
    house.halo.assert_exactly(&[first, more].concat()).await;
}

/// Nothing is left, and creates wait: a decision goes before them, and syncs after all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_overtake_creates_and_creates_overtake_syncs() {
    let house = House::with(Config::default(), Change::default()).await;
    let computer = house.sample_computer().await;
    let early = house.ask(&computer).await;
    house.until_step(&early.id, "open_ticket", "done").await;
    house.set_up(allowance(10, 60)).await;
    let mut others = Vec::new();
    for _ in 0..60 {
        others.push(house.ask(&computer).await);
    }
    until("nothing is left", async || house.app().budget().waiting()[1] > 0).await;
    // A computer that is new has a record to be looked for.
    house.computer(crate::house::COMPANY, crate::house::LOCATION, "SDG-FD-02").await;
    house.halo.forget_calls().await;
    house.app().decide(&house.admin, &early.id, wish(Verdict::Approve)).await.unwrap();
    house.assert_all_done().await;
    let calls = house.halo.calls().await;
    let decision = calls.iter().position(|made| made == "POST /Actions").unwrap();
    let since = &calls[decision..];
    let creates: Vec<usize> = (0..since.len()).filter(|n| since[*n] == "POST /Tickets").collect();
    assert!(creates.len() >= 40, "the decision went before most creates: {calls:?}");
    // The last ones find nobody waiting before them.
    let syncs = since[..creates[creates.len() - 10]].iter().filter(|made| made.starts_with("GET ")).count();
    assert_eq!(syncs, 0, "{calls:?}");
}

/// A restart does not forget what was spent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_nothing() {
    let mut house = House::with(Config::default(), allowance(30, 600)).await;
    let computer = house.sample_computer().await;
    for _ in 0..40 {
        house.ask(&computer).await;
    }
    until("nothing is left", async || house.app().budget().waiting().iter().sum::<usize>() > 0).await;
    house.crash();
    let spent = house.halo.calls().await.len();
    house.start().await;
    until("it asks for more", async || house.app().budget().waiting().iter().sum::<usize>() > 0).await;
    pause(Duration::from_millis(300)).await;
    assert!(house.halo.calls().await.len() <= spent + 1, "the window is not begun anew");
}
