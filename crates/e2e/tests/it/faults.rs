//! The story while Halo loses answers, breaks off, fails and forgets tokens: one ticket, one action, one time entry each.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    AT_ONCE,
    demo::document,
    programs::{Sim, folder, run},
    tickets::{Expected, all_right},
};

async fn with(fault: Value) {
    let _turn = AT_ONCE.acquire().await.unwrap();
    let sim = Sim::start("demo").await;
    sim.fault(fault.clone()).await;
    let data = folder();
    let ended = run(sim.demo(data.path()).arg("--once")).await;
    assert_eq!(ended.code, Some(0), "{fault}: {ended:?}");
    assert!(sim.hits().await > 0, "{fault} was met");
    all_right(&document(&ended), &sim.state().await, Expected::DEMO);
}

async fn every_fault_on(path: &str) {
    let kinds = [
        json!({ "kind": "cut_after", "times": 2 }),
        json!({ "kind": "cut_before", "times": 2 }),
        json!({ "kind": "status_after", "code": 500, "times": 2 }),
        json!({ "kind": "garbage", "when": "before", "times": 2 }),
        json!({ "kind": "garbage", "when": "after", "form": "json", "times": 2 }),
        json!({ "kind": "expire_tokens", "times": 2 }),
    ];
    let mut runs = JoinSet::new();
    for mut fault in kinds {
        fault["method"] = json!("POST");
        fault["path"] = json!(path);
        runs.spawn(with(fault));
    }
    runs.join_all().await;
}

#[tokio::test]
async fn on_tickets() {
    every_fault_on("/Tickets").await;
}

#[tokio::test]
async fn on_actions() {
    every_fault_on("/Actions").await;
}
