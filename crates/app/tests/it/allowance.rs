//! The allowance of calls: kept, used up, and spent on what is most urgent.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use countersign_app::{
    budget::Allowance,
    clock::Clock as _,
    psa::{Budget, Connect, Connection, Discovered, Fault, Priority, Psa, halo::HaloConnect},
    ticketing::Change,
};
use countersign_domain::decision::Verdict;
use countersign_store::ComputerContext;
use serde_json::json;

use crate::{
    house::{Between, Ground, House, until, wish},
    matrix::{ask_and_decide, house},
    quick::{Quick, pause},
};

pub(crate) fn allowance(calls: u32, window_s: u32) -> Change {
    Change { budget: Some(Allowance { calls, window_s, off: false }), ..Change::default() }
}

/// A house whose Halo takes so many calls in a window of so many seconds of the machine's clock; all of them left. The
/// product spends `set`, and nothing of it is spent.
pub(crate) async fn limited(
    ground: Ground,
    (calls, seconds): (u32, u32),
    set: Change,
) -> (House, Vec<Arc<ComputerContext>>) {
    let (house, computers) = house(ground).await;
    house.set_up(set).await;
    // The first walk of the new settings, which any step waits for.
    house.computer(crate::house::COMPANY, crate::house::LOCATION, "SDG-XRAY-01").await;
    house.assert_all_done().await;
    house.clock.forward(Duration::from_mins(11));
    house.halo.forget_calls().await;
    house.halo.fault(json!({ "kind": "rate_limit", "limit": calls, "window_s": seconds })).await;
    (house, computers)
}

/// When each call got its allowance, on the clock of a house.
#[derive(Clone, Default)]
struct Made {
    clock: Arc<OnceLock<Arc<Quick>>>,
    at: Arc<Mutex<Vec<Duration>>>,
}

struct Noting<T>(T, Made);

#[async_trait]
impl Connect for Noting<HaloConnect> {
    fn connect(&self, connection: &Connection, budget: Arc<dyn Budget>) -> Result<Arc<dyn Psa>, Fault> {
        self.0.connect(connection, Arc::new(Noting(budget, self.1.clone())))
    }

    async fn discover(&self, address: &str) -> Result<Discovered, Fault> {
        self.0.discover(address).await
    }
}

#[async_trait]
impl Budget for Noting<Arc<dyn Budget>> {
    async fn acquire(&self, priority: Priority) {
        self.0.acquire(priority).await;
        if let Some(clock) = self.1.clock.get() {
            self.1.at.lock().unwrap().push(clock.monotonic());
        }
    }

    async fn limited(&self, retry_after: Option<Duration>) {
        self.0.limited(retry_after).await;
    }
}

/// A thousand requests with decisions under 300 calls in 300 s: no window holds more, and nine tenths of the allowance are used while
/// there is work. The clock is moved only where nothing is left of the allowance and callers wait for it, so that it does
/// not matter how fast the machine is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_worked_off_at_nine_tenths_of_the_allowance() {
    let made = Made::default();
    let noting = made.clone();
    let between: Between = Arc::new(move |inner| Arc::new(Noting(inner, noting.clone())));
    let ground = Ground { rate: Some(1), between: Some(between), ..Ground::default() };
    let (house, computers) = house(ground).await;
    house.assert_all_done().await;
    house.set_up(allowance(300, 300)).await;
    house.computer(crate::house::COMPANY, crate::house::LOCATION, "SDG-XRAY-01").await;
    house.assert_all_done().await;
    house.clock.forward(Duration::from_mins(11));
    assert!(made.clock.set(Arc::clone(&house.clock)).is_ok());
    let requests = ask_and_decide(&house, &[house.app()], &computers, 1000).await;
    let budget = house.app().budget();
    until_told(&house, async || {
        let is_used_up = budget.used() >= 300 && budget.waiting().iter().sum::<usize>() > 0;
        if is_used_up {
            house.clock.forward(Duration::from_millis(500));
        }
    })
    .await;
    let mut at = made.at.lock().unwrap().clone();
    at.sort();
    assert!(at.len() >= 2000, "{}", at.len());
    for calls in at.windows(301) {
        assert!(calls[300] >= calls[0] + Duration::from_mins(5), "{calls:?}");
    }
    // Each 300th call is the first that a window of its own has room for.
    for (windows, call) in (1..).zip(at.iter().skip(300).step_by(300)) {
        let took = call.saturating_sub(at[0]);
        assert!(took * 9 <= Duration::from_mins(5) * windows * 10, "{windows} windows took {took:?}");
    }
    house.assert_all_done().await;
    house.halo.assert_exactly(&requests).await;
}

/// Waits until no step is left undone; what is to be done between two looks is done often.
async fn until_told(house: &House, mut between: impl AsyncFnMut()) {
    until("everything is told", async || {
        for _ in 0..50 {
            between().await;
            pause(Duration::from_millis(1)).await;
        }
        house.undone().await.is_empty()
    })
    .await;
}

/// Halo allows a third of what is set: that is learnt, and next to nothing more is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_smaller_allowance_is_learnt() {
    // 40 calls in two minutes of the house's clock.
    let (house, computers) = limited(Ground::default(), (40, 6), allowance(120, 120)).await;
    let first = ask_and_decide(&house, &[house.app()], &computers, 40).await;
    house.assert_all_done().await;
    let learnt = house.app().budget().allowed().unwrap();
    assert!((30..=60).contains(&learnt), "{learnt}");
    house.halo.forget_calls().await;
    let more = ask_and_decide(&house, &[house.app()], &computers, 60).await;
    house.assert_all_done().await;
    let statuses = house.halo.statuses().await;
    assert!(statuses["429"].as_u64().unwrap_or(0) <= 20, "{statuses}");
    house.halo.assert_exactly(&[first, more].concat()).await;
}

/// Nothing is left, and creates wait: a decision goes before them, and syncs after all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_overtake_creates_and_creates_overtake_syncs() {
    // A minute is 15 s of the machine's: the decision is there before many creates went.
    let house = House::on(Ground { rate: Some(4), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
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
    house.until_step(&early.id, "record_decision", "done").await;
    until_told(&house, async || house.clock.forward(Duration::from_millis(200))).await;
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
    // The window is two minutes of the machine's.
    let mut house = House::on(Ground { rate: Some(5), ..Ground::default() }).await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    house.assert_all_done().await;
    house.set_up(allowance(30, 600)).await;
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
