//! A demo that stays up, and the real endpoint agent beside it: asks, waits, is answered.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    http::{Api, items, text},
    programs::{Demo, Server, Sim, command, finish, run, state_folder},
    tickets::{bearing, later_actions},
    wait::{Since, until},
};

fn agent(state: &Path, args: &[&str]) -> Command {
    let mut agent = command("countersign-agent");
    agent.arg("--state-dir").arg(state).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    agent
}

fn enroll(state: &Path, url: &str, key: &str, company: &str) -> Command {
    agent(state, &["enroll", "--server", url, "--key", key, "--company", company, "--location", "Main Street"])
}

fn request(state: &Path, seconds: &str) -> Command {
    agent(state, &["request", "--reason", "port check", "--wait", seconds, "--", "/usr/bin/env"])
}

/// The pending request that this computer asked for.
async fn pending(portal: &Api, reason: &str) -> Value {
    until("the request is pending", || async {
        let list = portal.get("/api/v1/requests?state=pending").await.ok();
        items(&list).iter().find(|item| item["reason"] == reason).cloned()
    })
    .await
}

async fn decide(portal: &Api, id: &str, verdict: &str) {
    let wish = json!({ "verdict": verdict, "scope": "once", "reason": "Looked at it." });
    portal.post(&format!("/api/v1/requests/{id}/decision"), wish).await.ok();
}

#[tokio::test]
async fn the_agent_is_answered_at_once() {
    let sim = Sim::start("demo").await;
    let demo = Demo::start(&sim).await;
    let (url, key) = (text(&demo.document["endpoint"], "url"), text(&demo.document["endpoint"], "enrollment_key"));
    let portal = Api::new(url).with(text(&demo.document["portal"], "api_token"));
    assert_eq!(items(&portal.get("/api/v1/requests?state=pending").await.ok()).len(), 3, "three wait for the reader");
    let me = portal.get("/api/v1/me").await.ok();
    assert_eq!(me["link"]["state"], "linked", "{me}");

    let (_folder, state) = state_folder();
    let company = text(&demo.document["requests"][0], "company");
    let enrolled = run(&mut enroll(&state, url, key, company)).await;
    assert_eq!(enrolled.code, Some(0), "{enrolled:?}");

    let mut quickest = Duration::MAX;
    for round in 0..3 {
        let asks = request(&state, "80").spawn().unwrap();
        let id = text(&pending(&portal, "port check").await, "id").to_owned();
        decide(&portal, &id, "approve").await;
        let since = Since::now();
        let ended = finish(asks).await;
        let took = since.elapsed();
        println!("round {round}: the agent ended {} ms after the decision was answered", took.as_millis());
        quickest = quickest.min(took);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.starts_with("Approved by ") && ended.out.contains("Looked at it."), "{ended:?}");
        shown_and_used_once(&sim, &portal, &state, &id).await;
    }
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");

    let asks = request(&state, "80").spawn().unwrap();
    decide(&portal, text(&pending(&portal, "port check").await, "id"), "deny").await;
    let ended = finish(asks).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");

    let ended = run(&mut request(&state, "1")).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    decide(&portal, text(&pending(&portal, "port check").await, "id"), "approve").await;
    let ended = run(&mut request(&state, "80")).await;
    assert_eq!(ended.code, Some(0), "the same command goes on with the same request: {ended:?}");
}

/// The ticket tells the decision, and the approval cannot be used again.
async fn shown_and_used_once(sim: &Sim, portal: &Api, state: &Path, id: &str) {
    let ticket = until("the ticket tells the decision", || async {
        let state = sim.state().await;
        let found = bearing(&state, id);
        assert!(found.len() <= 1, "{found:?}");
        found.first().filter(|ticket| !later_actions(ticket).is_empty()).map(|ticket| (*ticket).clone())
    })
    .await;
    assert_eq!(later_actions(&ticket).len(), 1, "{ticket}");
    assert!(text(&later_actions(&ticket)[0], "note").contains("approved this"), "{ticket}");
    let told = portal.get(&format!("/api/v1/requests/{id}")).await.ok();
    assert_eq!(told["grant"]["state"], "redeemed", "{told}");
    assert_eq!(told["ticket"]["id"], json!(ticket["id"].to_string()));
    let kept: Value = serde_json::from_slice(&std::fs::read(state.join("enrollment.json")).unwrap()).unwrap();
    let again = json!({ "outcome": "started", "at": "2026-11-24T08:00:00Z", "use_id": "another use" });
    let computer = portal.with(text(&kept, "credential"));
    computer.put(&format!("/agent/v1/requests/{id}/outcome"), again).await.problem(409, "already_used");
}

#[tokio::test]
async fn a_wrong_server_is_an_error() {
    let (one, other) = (Server::start("").await, Server::start("").await);
    let key = one.enrollment_key().await;
    let (_folder, state) = state_folder();
    let ended = run(&mut request(&state, "1")).await;
    assert_eq!((ended.code, ended.err.contains("not enrolled")), (Some(3), true), "{ended:?}");
    let ended = run(&mut enroll(&state, &other.api.url, &key, "Sample Dental Group")).await;
    assert_eq!(ended.code, Some(3), "another server does not take the key: {ended:?}");
    let ended = run(&mut enroll(&state, "http://127.0.0.1:9", &key, "Sample Dental Group")).await;
    assert_eq!(ended.code, Some(3), "nobody listens there: {ended:?}");

    let ended = run(&mut enroll(&state, &one.api.url, &key, "Sample Dental Group")).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let path = state.join("enrollment.json");
    let kept = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, kept.replace(&one.api.url, &other.api.url)).unwrap();
    let ended = run(&mut request(&state, "5")).await;
    assert_eq!(ended.code, Some(3), "another server does not know the computer: {ended:?}");
    assert!(!ended.err.is_empty() || !ended.out.is_empty(), "it says why");
    std::fs::write(&path, kept.replace(&one.api.url, "http://127.0.0.1:9")).unwrap();
    let ended = run(&mut request(&state, "1")).await;
    assert_eq!(ended.code, Some(3), "what could not be handed over was not asked: {ended:?}");
    // Nothing of this reached the other server.
    assert_eq!(items(&other.api.get("/api/v1/requests").await.ok()).len(), 0);
    assert_eq!(items(&other.api.get("/api/v1/computers").await.ok()).len(), 0);
}
