//! The fault matrix: three of ten calls end in one way, hundreds of requests are asked and decided meanwhile, and in the
//! end each has exactly one ticket with exactly its action and its time entry (promise P1).

use std::{sync::Arc, time::Duration};

use countersign_app::{
    App,
    clock::{Ids as _, System},
    ticketing::Change,
};
use countersign_domain::{decision::Verdict, id::RequestId, request::Request};
use countersign_store::{Accepted, ComputerContext};
use serde_json::{Value, json};

use crate::{
    faults::{everywhere_but_sign_in, with},
    house::{COMPANY, Ground, House, LOCATION, asked, wish},
};

/// Requests of each cell of the matrix; `COUNTERSIGN_MATRIX` takes another number, for a longer run.
pub(crate) fn requests(usual: usize) -> usize {
    std::env::var("COUNTERSIGN_MATRIX").map_or(usual, |number| number.parse().unwrap())
}
/// The longest that the product waits for an answer, in the machine's time.
pub(crate) const DEADLINE: Duration = Duration::from_millis(600);
/// A call that is late comes after it.
const LATE_MS: u64 = 800;
/// Much longer than a late call is under way, though it is a twentieth of it on the machine's clock.
const SETTLE_FOR_LATE_S: u32 = 40;

/// Every way a call can go wrong that no person has to do anything about.
pub(crate) fn cell(name: &str) -> Vec<Value> {
    match name {
        "cut_before" => vec![json!({"kind": "cut_before"})],
        "cut_after" => vec![json!({"kind": "cut_after"})],
        "fault_before" => vec![json!({"kind": "status", "code": 500})],
        "fault_after" => vec![json!({"kind": "status_after", "code": 500})],
        "late_work" => vec![json!({"kind": "delay", "ms": LATE_MS, "when": "before", "method": "POST"})],
        "late_answer" => vec![json!({"kind": "delay", "ms": LATE_MS, "when": "after", "method": "POST"})],
        "limit_that_says_when" => everywhere_but_sign_in(&json!({"kind": "rate_limit", "limit": 0, "window_s": 1})),
        "limit_that_does_not" => everywhere_but_sign_in(&json!({"kind": "status", "code": 429})),
        "ended_tokens" => vec![json!({"kind": "expire_tokens"})],
        "rejected_tokens" => everywhere_but_sign_in(&json!({"kind": "status", "code": 401})),
        "page_before" => vec![json!({"kind": "garbage", "form": "html", "when": "before"})],
        "page_after" => vec![json!({"kind": "garbage", "form": "html", "when": "after"})],
        "broken_json" => vec![json!({"kind": "garbage", "form": "json", "when": "after"})],
        "empty_answer" => vec![json!({"kind": "garbage", "form": "empty", "when": "after"})],
        other => panic!("{other}"),
    }
}

/// Arms the faults of a cell on three of ten calls.
pub(crate) async fn arm(house: &House, name: &str) {
    for (seed, fault) in cell(name).into_iter().enumerate() {
        house.halo.fault(with(fault, &json!({"percent": 30, "seed": seed}))).await;
    }
}

/// A server for every cell, and twelve computers of two companies.
pub(crate) async fn house(ground: Ground) -> (House, Vec<Arc<ComputerContext>>) {
    let house = House::on(ground).await;
    house.set_up(Change::default()).await;
    let mut computers = Vec::new();
    for n in 1..=6 {
        computers.push(house.computer(COMPANY, LOCATION, &format!("SDG-FD-{n:02}")).await);
        computers.push(house.computer("Demo Freight Lines", "Depot North", &format!("DFL-DISP-{n:02}")).await);
    }
    (house, computers)
}

/// Asks and decides; what is asked of one of these nodes is decided on the next. Half are decided at once.
pub(crate) async fn ask_and_decide(
    house: &House,
    nodes: &[&App],
    computers: &[Arc<ComputerContext>],
    requests: usize,
) -> Vec<Request> {
    let mut all = Vec::new();
    let mut undecided = Vec::new();
    for n in 0..requests {
        let id = RequestId::from_uuid(System.uuid());
        let program = asked(&format!("C:\\Setup\\{}.exe", id.short()));
        let accepted = nodes[n % nodes.len()].submit(&computers[n % computers.len()], id, program).await.unwrap();
        let Accepted::New(request) = accepted else { panic!("a new id is no repeat") };
        if n % 2 == 0 {
            decide(house, nodes[(n + 1) % nodes.len()], &request, n).await;
        } else {
            undecided.push((n, request.clone()));
        }
        all.push(*request);
    }
    for (n, request) in undecided {
        decide(house, nodes[(n + 1) % nodes.len()], &request, n).await;
    }
    all
}

async fn decide(house: &House, node: &App, request: &Request, n: usize) {
    let verdict = if n.is_multiple_of(3) { Verdict::Deny } else { Verdict::Approve };
    node.decide(&house.admin, &request.id, wish(verdict)).await.unwrap();
}

pub(crate) fn is_late(cell: &str) -> bool {
    cell.starts_with("late_")
}

/// Where calls of this cell come too late, the product must not wait for them, and they must be over before it sends again.
pub(crate) async fn prepare(house: &mut House, name: &str) {
    if is_late(name) {
        let change = Change { settle_s: Some(SETTLE_FOR_LATE_S), ..Change::default() };
        house.app().change_ticketing(house.by(), change).await.unwrap();
        house.start_impatient(DEADLINE).await;
    }
}

async fn play(name: &str) {
    let (mut house, computers) = house(Ground::default()).await;
    prepare(&mut house, name).await;
    arm(&house, name).await;
    let requests = ask_and_decide(&house, &[house.app()], &computers, requests(300)).await;
    house.assert_all_done().await;
    assert!(house.halo.hits().await > 50, "the faults were met");
    house.halo.no_faults().await;
    house.halo.assert_exactly(&requests).await;
}

macro_rules! cells {
    ($($name:ident)*) => {
        /// The names of all cells.
        pub(crate) const CELLS: &[&str] = &[$(stringify!($name)),*];

        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                play(stringify!($name)).await;
            }
        )*
    };
}

cells! {
    cut_before cut_after fault_before fault_after late_work late_answer limit_that_says_when limit_that_does_not
    ended_tokens rejected_tokens page_before page_after broken_json empty_answer
}
