//! `kill -9` in the middle of the story: started again it goes on, and nothing is there twice.
//!
//! When to kill is told by the stand-in: it does a call's work and keeps the answer back (or keeps the call back before
//! its work), and the demo is killed while it waits.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    AT_ONCE,
    demo::document,
    programs::{Sim, folder, kill, run},
    tickets::{Expected, all_right},
    wait::{Dice, until},
};

/// Kills at the call that the fault meets, starts again, compares. False if the story ended before.
async fn killed_at(fault: Value) -> bool {
    let _turn = AT_ONCE.acquire().await.unwrap();
    let sim = Sim::start("demo").await;
    sim.fault(fault.clone()).await;
    let data = folder();
    let mut child = sim.demo(data.path()).arg("--once").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the call to be killed at", || async { (sim.hits().await > 0).then_some(()) }).await;
    let met = child.try_wait().unwrap().is_none();
    kill(&mut child).await;
    sim.forget_faults().await;
    let ended = run(sim.demo(data.path()).arg("--once")).await;
    assert_eq!(ended.code, Some(0), "{fault}: {ended:?}");
    all_right(&document(&ended), &sim.state().await, Expected::DEMO);
    met
}

/// The answer of this call never comes.
fn after_work(method: &str, path: &str, skip: u64) -> Value {
    json!({ "kind": "delay", "when": "after", "ms": 60_000, "method": method, "path": path, "skip": skip, "times": 1 })
}

/// This call is under way when its sender dies.
fn under_way(method: &str, path: &str, skip: u64) -> Value {
    json!({ "kind": "delay", "when": "before", "ms": 300, "method": method, "path": path, "skip": skip, "times": 1 })
}

async fn all(faults: Vec<Value>) {
    let mut runs = JoinSet::new();
    for fault in faults {
        runs.spawn(killed_at(fault));
    }
    let met = runs.join_all().await;
    assert!(met.iter().all(|met| *met), "every fault met the story before its end: {met:?}");
}

#[tokio::test]
async fn killed_at_a_ticket_or_an_action() {
    let mut faults = Vec::new();
    for path in ["/Tickets", "/Actions"] {
        faults.extend((0..5).map(|skip| after_work("POST", path, skip)));
        faults.extend([0, 3].map(|skip| under_way("POST", path, skip)));
    }
    all(faults).await;
}

/// Twelve calls, spread over the story; every call with `E2E_KILLS=all`.
#[tokio::test]
async fn killed_at_any_call() {
    let sim = Sim::start("demo").await;
    let data = folder();
    let ended = run(sim.demo(data.path()).arg("--once")).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // A look at a changed list more or less is normal between two runs; beyond these the story is over.
    let calls = sim.calls().await["total"].as_u64().unwrap().saturating_sub(8);
    let mut dice = Dice::seeded("killed_at_any_call");
    let points: Vec<u64> = if std::env::var("E2E_KILLS").is_ok_and(|word| word == "all") {
        (0..calls).collect()
    } else {
        (0..12).map(|part| (part * calls + dice.roll() % calls) / 12).collect()
    };
    println!("killed at calls {points:?} of {calls}");
    all(points.into_iter().map(|skip| after_work("*", "*", skip)).collect()).await;
}
