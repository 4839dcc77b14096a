//! `countersign demo --once` against stand-ins of every temper.

use serde_json::{Value, json};

use crate::{
    programs::{Ended, Sim, command, folder, run},
    tickets::{Assigned, Expected, Owner, all_right, is_complete},
    wait::Since,
};

/// The document that a demo printed as its only line.
#[track_caller]
pub(crate) fn document(ended: &Ended) -> Value {
    assert_eq!(ended.out.lines().count(), 1, "one line: {ended:?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

async fn told(sim: &Sim) -> (Ended, Value) {
    let data = folder();
    let ended = run(sim.demo(data.path()).arg("--once")).await;
    let document = document(&ended);
    is_complete(&document);
    let kept: Value = serde_json::from_slice(&std::fs::read(data.path().join("demo.json")).unwrap()).unwrap();
    assert_eq!(kept, document, "demo.json says the same");
    (ended, document)
}

#[tokio::test]
async fn the_story_is_told_and_every_ticket_is_right() {
    let sim = Sim::start("demo").await;
    let since = Since::now();
    let (ended, document) = told(&sim).await;
    let took = since.elapsed();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    println!("the story took {} ms", took.as_millis());
    assert!(took.as_secs() < 15, "{took:?}");
    assert_eq!(document["halo"], sim.access);
    all_right(&document, &sim.state().await, Expected::DEMO);
    let counts = sim.calls().await["counts"].clone();
    assert_eq!((counts["POST /Tickets"].as_u64(), counts["POST /Actions"].as_u64()), (Some(5), Some(5)), "{counts}");
}

#[tokio::test]
async fn with_its_own_stand_in() {
    let ended = run(command("countersign").args([
        "demo",
        "--once",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--halo-listen",
        "127.0.0.1:0",
    ]))
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    is_complete(&document(&ended));
}

#[tokio::test]
async fn another_halo_has_other_ids_and_names() {
    let sim = Sim::start("other").await;
    let (ended, document) = told(&sim).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = Expected { ticket_type: "Helpdesk Call", status: "Done", ..Expected::DEMO };
    all_right(&document, &sim.state().await, expected);
}

async fn switched(switches: Value, expected: Expected) {
    let sim = Sim::start("demo").await;
    sim.switch(switches.clone()).await;
    let (ended, document) = told(&sim).await;
    assert_eq!(ended.code, Some(0), "{switches}: {ended:?}");
    all_right(&document, &sim.state().await, expected);
}

#[tokio::test]
async fn a_halo_that_wants_type_and_customer_on_updates() {
    switched(json!({ "update_strict": true }), Expected::DEMO).await;
}

#[tokio::test]
async fn a_halo_that_answers_with_arrays() {
    switched(json!({ "post_returns": "array", "created_status": 200 }), Expected::DEMO).await;
}

#[tokio::test]
async fn a_halo_that_ignores_the_filter_by_reference() {
    switched(json!({ "ignore_reference_filter": true, "reference_in_rows": false }), Expected::DEMO).await;
}

#[tokio::test]
async fn a_halo_that_books_all_time_to_its_api_agent() {
    switched(json!({ "honour_who_agentid": false }), Expected { owner: Owner::ApiAgent, ..Expected::DEMO }).await;
}

#[tokio::test]
async fn a_halo_that_would_refuse_in_silence_and_has_no_reason_to() {
    switched(json!({ "refused_reassign": "silent", "refused_status": "silent" }), Expected::DEMO).await;
}

/// "Can Re-assign Tickets: No" is a way to set Halo up: nothing else may stop for it.
#[tokio::test]
async fn a_halo_that_refuses_to_reassign_in_silence() {
    let sim = Sim::start("demo").await;
    sim.switch(json!({ "refused_reassign": "silent" })).await;
    sim.right("Can Re-assign Tickets", "No").await;
    let (ended, document) = told(&sim).await;
    all_right(&document, &sim.state().await, Expected { assigned: Assigned::ToNobody, ..Expected::DEMO });
    let wrong: Vec<&str> = ended.err.lines().filter(|line| line.contains("NOT RIGHT")).collect();
    assert!(wrong.iter().all(|line| line.contains("assignee")), "{wrong:#?}");
    assert_eq!((ended.code, wrong.len()), (Some(1), 5), "the demo wanted them assigned, and says so: {ended:?}");
}
