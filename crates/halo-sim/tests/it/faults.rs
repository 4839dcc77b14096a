//! Each fault, seen from the wire, with the state as the witness of what was done.

use std::time::Duration;

use halo_sim::{Config, RateLimit};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Halo;

fn ticket() -> Value {
    json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201 }])
}

#[tokio::test]
async fn status_without_and_after_the_work() {
    let halo = Halo::start().await;
    halo.fault(json!({ "method": "POST", "path": "/Tickets", "kind": "status", "code": 503, "times": 1 })).await;
    halo.fault(json!({ "method": "post", "path": "/api/tickets", "kind": "status_after", "code": 500, "body": { "Message": "late" }, "times": 1 })).await;
    assert_eq!(halo.post("/Tickets", ticket()).await.0, 503);
    assert_eq!(halo.tickets().await, 0);
    let (status, body) = halo.post("/tickets", ticket()).await;
    assert_eq!((status.as_u16(), body["Message"].as_str()), (500, Some("late")));
    assert_eq!(halo.tickets().await, 1, "the work was done");
    assert_eq!(halo.post("/Tickets", ticket()).await.0, 201);
    assert_eq!(halo.get("/Tickets").await.0, 200, "another method is left alone");
}

#[tokio::test]
async fn a_cut_is_a_closed_connection() {
    let halo = Halo::start().await;
    for (kind, made) in [("cut_before", 0), ("cut_after", 1)] {
        halo.fault(json!({ "method": "POST", "path": "/Tickets", "kind": kind, "times": 1 })).await;
        let error = halo.call(Method::POST, "/Tickets", Some(&ticket())).await.unwrap_err();
        assert!(error.is_request() && error.status().is_none() && !error.is_timeout(), "{error:?}");
        assert_eq!(halo.tickets().await, made, "{kind}");
    }
    let (_, log) = halo.sim(Method::GET, "/calls", json!(null)).await;
    let cuts: Vec<&Value> = log["calls"].as_array().unwrap().iter().filter(|call| call["cut"] == true).collect();
    assert_eq!(cuts.len(), 2);
    assert_eq!((cuts[0]["path"].as_str(), &cuts[0]["status"]), (Some("/Tickets"), &Value::Null));
    assert_eq!(log["statuses"]["cut"], 2);
}

#[tokio::test]
async fn delays_come_before_or_after() {
    let halo = Halo::start().await;
    for when in ["before", "after"] {
        halo.fault(json!({ "kind": "delay", "ms": 80, "when": when, "times": 1 })).await;
        assert_eq!(halo.get("/Client").await.0, 200);
        let (_, log) = halo.sim(Method::GET, "/calls", json!(null)).await;
        let last = log["calls"].as_array().unwrap().last().unwrap().clone();
        assert!(last["path"] == "/Client" && last["ms"].as_f64().unwrap() >= 80.0, "{last}");
    }
}

#[tokio::test]
async fn what_is_held_waits_before_its_work_or_after_it_until_the_fault_is_disarmed() {
    for (when, made) in [("before", 0), ("after", 1)] {
        let halo = Halo::start().await;
        halo.fault(json!({ "path": "/Tickets", "method": "POST", "kind": "hold", "when": when })).await;
        let url = format!("{}/api/Tickets", halo.sim.url());
        let held = tokio::spawn(halo.http.post(url).bearer_auth(&halo.token).json(&ticket()).send());
        let is_met = async {
            while halo.sim(Method::GET, "/faults", json!(null)).await.1["faults"][0]["hits"] != 1 {}
            while halo.tickets().await != made {}
        };
        tokio::time::timeout(Duration::from_mins(1), is_met)
            .await
            .expect("it is met, and its work done after it alone");
        assert!(!held.is_finished());
        halo.sim(Method::DELETE, "/faults", json!(null)).await;
        assert_eq!(held.await.unwrap().unwrap().status(), 201, "{when}");
        assert_eq!(halo.tickets().await, 1);
    }
}

#[tokio::test]
async fn garbage() {
    let halo = Halo::start().await;
    for (form, start) in [("html", "<!DOCTYPE html>"), ("json", "{\"page_no\""), ("empty", "")] {
        halo.fault(json!({ "path": "/Tickets", "kind": "garbage", "form": form, "times": 1 })).await;
        let (status, body) = halo.post("/Tickets", ticket()).await;
        assert_eq!(status, 200);
        assert!(body.as_str().unwrap().starts_with(start), "{body}");
    }
    assert_eq!(halo.tickets().await, 0);
    halo.fault(json!({ "path": "/Tickets", "kind": "garbage", "when": "after", "times": 1 })).await;
    halo.post("/Tickets", ticket()).await;
    assert_eq!(halo.tickets().await, 1);
}

#[tokio::test]
async fn rate_limits() {
    let halo = Halo::start().await;
    halo.fault(json!({ "path": "/Client", "kind": "rate_limit", "limit": 2, "window_s": 60 })).await;
    assert_eq!(halo.get("/Client").await.0, 200);
    assert_eq!(halo.get("/Client").await.0, 200);
    let answer = halo.call(Method::GET, "/Client", None).await.unwrap();
    assert_eq!(answer.status(), 429);
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));

    let rate_limit = Some(RateLimit { calls: 3, window: Duration::from_millis(300) });
    let halo = Halo::with(Config { rate_limit, ..Config::default() }).await;
    for _ in 0..3 {
        assert_eq!(halo.get("/Status").await.0, 200);
    }
    assert_eq!(halo.get("/Status").await.0, 429);
    halo.switch("retry_after", json!(false)).await;
    assert!(halo.call(Method::GET, "/Status", None).await.unwrap().headers().get("retry-after").is_none());
    let admitted = async { while halo.get("/Status").await.0 != 200 {} };
    tokio::time::timeout(Duration::from_mins(1), admitted).await.expect("the window rolls on");
}

#[tokio::test]
async fn tokens_expire_on_demand() {
    let mut halo = Halo::start().await;
    halo.fault(json!({ "kind": "expire_tokens" })).await;
    assert_eq!(halo.get("/Client").await.0, 401);
    assert_eq!(halo.get("/Client").await.0, 401, "the token stays void");
    halo.token = halo.new_token(crate::client::SCOPES).await;
    assert_eq!(halo.get("/Client").await.0, 200);
}

#[tokio::test]
async fn a_share_of_the_calls_the_same_each_time() {
    let run = async || {
        let halo = Halo::start().await;
        halo.fault(json!({ "path": "/Status", "kind": "status", "code": 500, "percent": 30, "seed": 7 })).await;
        let mut hits = Vec::new();
        for _ in 0..100 {
            hits.push(halo.get("/Status").await.0 == 500);
        }
        hits
    };
    let (one, two) = (run().await, run().await);
    assert_eq!(one, two);
    let hits = one.iter().filter(|hit| **hit).count();
    assert!((15..=45).contains(&hits), "{hits} of 100");
}

#[tokio::test]
async fn where_faults_strike() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.fault(json!({ "path": "/Tickets/{id}", "kind": "status", "code": 502 })).await;
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.0, 502);
    assert_eq!(halo.get("/Tickets").await.0, 200);
    halo.fault(json!({ "path": "/auth/token", "kind": "status", "code": 504, "skip": 1 })).await;
    halo.new_token("read:tickets").await;
    let form = [("grant_type", "client_credentials")];
    let answer = halo.http.post(format!("{}/auth/token", halo.sim.url())).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 504);
    let (_, list) = halo.sim(Method::GET, "/faults", json!(null)).await;
    assert_eq!((list["faults"][0]["hits"].as_u64(), list["faults"][1]["seen"].as_u64()), (Some(1), Some(2)));
    assert_eq!(halo.sim(Method::DELETE, "/faults/1", json!(null)).await.0, 204);
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.0, 200);
    for bad in [
        json!({ "kind": "fire" }),
        json!({ "kind": "status" }),
        json!({ "kind": "delay" }),
        json!({ "kind": "rate_limit", "limit": 1 }),
        json!({ "kind": "cut_after", "percent": 120 }),
        json!({ "kind": "cut_after", "pth": "/Tickets" }),
    ] {
        assert_eq!(halo.sim(Method::POST, "/faults", bad.clone()).await.0, 422, "{bad}");
    }
}

#[tokio::test]
async fn the_call_log_counts() {
    let halo = Halo::start().await;
    halo.sim(Method::DELETE, "/calls", json!(null)).await;
    let id = halo.ticket(json!({})).await;
    halo.get(&format!("/tickets/{id}?includedetails=true")).await;
    halo.get("/Tickets/1").await;
    let (_, log) = halo.sim(Method::GET, "/calls", json!(null)).await;
    assert_eq!(log["total"], 3);
    assert_eq!(log["counts"], json!({ "POST /Tickets": 1, "GET /tickets/{id}": 1, "GET /Tickets/{id}": 1 }));
    assert_eq!(log["statuses"], json!({ "200": 1, "201": 1, "404": 1 }));
    assert_eq!(log["calls"][1]["query"], "includedetails=true");
    assert!(log["calls"][0]["ms"].is_f64());
}
