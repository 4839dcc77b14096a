//! Each open question in its other answer. Those about rights and scopes are with their subjects.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Halo, SCOPES};

fn ticket() -> Value {
    json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201, "third_party_id_string": "req_x" }])
}

#[tokio::test]
async fn they_are_listed_and_guarded() {
    let halo = Halo::start().await;
    let (_, all) = halo.sim(Method::GET, "/switches", json!(null)).await;
    for (name, switch) in all.as_object().unwrap() {
        assert_eq!(switch["value"], switch["default"], "{name}");
        for value in switch["allowed"].as_array().unwrap() {
            halo.switch(name, value.clone()).await;
        }
        assert!(!switch["about"].as_str().unwrap().is_empty());
    }
    let (status, body) =
        halo.sim(Method::PATCH, "/switches", json!({ "post_returns": "array", "colour": "red" })).await;
    assert_eq!(status, 422);
    assert!(body["error"].as_str().unwrap().contains("`colour`"));
    let (status, body) = halo.sim(Method::PATCH, "/switches", json!({ "post_returns": "xml" })).await;
    assert_eq!(status, 422);
    assert!(body["error"].as_str().unwrap().contains("object, array"));
    halo.sim(Method::POST, "/reset", json!(null)).await;
    assert_eq!(halo.sim(Method::GET, "/switches", json!(null)).await.1, all, "reset sets the defaults again");
}

#[tokio::test]
async fn the_shape_of_an_answer() {
    let halo = Halo::start().await;
    halo.switch("post_returns", json!("array")).await;
    halo.switch("created_status", json!(200)).await;
    let (status, body) = halo.post("/Tickets", ticket()).await;
    assert_eq!((status.as_u16(), body.as_array().unwrap().len()), (200, 1));
    let id = body[0]["id"].as_i64().unwrap();
    let (status, body) = halo.post("/Actions", json!([{ "ticket_id": id, "outcome": "Note" }])).await;
    assert_eq!((status.as_u16(), body[0]["id"].as_i64()), (200, Some(2)));
    halo.switch("accept_bare_object", json!(true)).await;
    assert_eq!(halo.post("/Tickets", ticket()[0].clone()).await.0, 200);
}

#[tokio::test]
async fn strict_updates() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.switch("update_strict", json!(true)).await;
    assert_eq!(halo.post("/Tickets", json!([{ "id": id, "status_id": 2 }])).await.0, 404);
    let whole = json!([{ "id": id, "status_id": 2, "tickettype_id": 21, "client_id": 201 }]);
    assert_eq!(halo.post("/Tickets", whole).await.0, 201);
}

#[tokio::test]
async fn batches_whole_or_in_part() {
    let halo = Halo::start().await;
    let batch = json!([ticket()[0], { "summary": "bad", "tickettype_id": 21, "client_id": 5 }, ticket()[0]]);
    assert_eq!(halo.post("/Tickets", batch.clone()).await.0, 400);
    assert_eq!(halo.tickets().await, 1, "the ones before it stay");
    halo.switch("batch_error", json!("atomic")).await;
    assert_eq!(halo.post("/Tickets", batch).await.0, 400);
    assert_eq!(halo.tickets().await, 1);
}

#[tokio::test]
async fn owner_and_dates_of_an_action() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.switch("honour_who_agentid", json!("off")).await;
    halo.switch("honour_backdating", json!(false)).await;
    let action =
        json!([{ "ticket_id": id, "outcome": "Note", "who_agentid": 25, "actionarrivaldate": "2020-01-01T00:00:00" }]);
    let (_, action) = halo.post("/Actions", action).await;
    assert_eq!((action["who_agentid"].as_i64(), action["who"].as_str()), (Some(22), Some("Countersign API")));
    assert!(!action["actionarrivaldate"].as_str().unwrap().starts_with("2020"));
}

#[tokio::test]
async fn outcomes_and_tickets_that_are_not_there() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.switch("unknown_outcome", json!("accept")).await;
    let (status, action) = halo.post("/Actions", json!([{ "ticket_id": id, "outcome": "Whatever" }])).await;
    assert_eq!((status.as_u16(), action["outcome"].as_str()), (201, Some("Whatever")));
    halo.switch("action_unknown_ticket", json!(404)).await;
    assert_eq!(halo.post("/Actions", json!([{ "ticket_id": 1, "outcome": "Note" }])).await.0, 404);
}

#[tokio::test]
async fn references() {
    let halo = Halo::start().await;
    halo.post("/Tickets", ticket()).await;
    halo.ticket(json!({ "third_party_id_string": "req_y" })).await;
    let count = async || halo.get("/Tickets?third_party_id_string=req_x").await.1["record_count"].clone();
    assert_eq!(count().await, 1);
    halo.switch("ignore_reference_filter", json!(true)).await;
    assert_eq!(count().await, 2);
    halo.switch("reference_in_rows", json!(false)).await;
    let (_, list) = halo.get("/Tickets").await;
    assert!(list["tickets"][0].get("third_party_id_string").is_none());
    let id = list["tickets"][0]["id"].as_i64().unwrap();
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.1["third_party_id_string"], "req_y");
}

#[tokio::test]
async fn orders_pages_and_deleted_tickets() {
    let halo = Halo::start().await;
    let (a, b) = (halo.ticket(json!({})).await, halo.ticket(json!({})).await);
    let first = async || halo.get("/Tickets").await.1["tickets"][0]["id"].as_i64().unwrap();
    assert_eq!(first().await, b);
    halo.switch("default_order", json!("oldest")).await;
    assert_eq!(first().await, a);
    halo.switch("incomplete_paging", json!(false)).await;
    assert_eq!(halo.get("/Tickets?pageinate=true&page_size=1").await.1["tickets"].as_array().unwrap().len(), 1);

    halo.delete(&format!("/Tickets/{a}")).await;
    for (value, expected) in [("404", 404), ("empty", 200), ("shown", 200)] {
        halo.switch("deleted_ticket", json!(value)).await;
        let (status, body) = halo.get(&format!("/Tickets/{a}")).await;
        assert_eq!(status, expected);
        assert_eq!(body.get("id").is_some(), value == "shown");
    }
    assert_eq!(halo.get("/Tickets?deleted=true").await.1["record_count"], 1);
    halo.switch("deleted_lists", json!("also")).await;
    assert_eq!(halo.get("/Tickets?deleted=true").await.1["record_count"], 2);
    halo.switch("delete_tickets", json!(false)).await;
    assert_eq!(halo.delete(&format!("/Tickets/{b}")).await.0, 403);
}

#[tokio::test]
async fn the_directory() {
    let halo = Halo::start().await;
    assert!(halo.get("/Site/301").await.1["client_id"].is_i64());
    halo.switch("doubles_as", json!("12.0")).await;
    assert!(halo.get("/Site/301").await.1["client_id"].is_f64());
    assert!(halo.get("/Users/7001").await.1["site_id"].is_f64());
    halo.switch("names_only", json!("blank")).await;
    assert_eq!(halo.get("/Users/7001").await.1["emailaddress"], "");
    halo.switch("names_only", json!("deny")).await;
    assert_eq!(halo.get("/Site").await.1["record_count"], 0);
    halo.switch("foreign_asset", json!("400")).await;
    let foreign = json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201, "assets": [{ "id": 4304 }] }]);
    assert_eq!(halo.post("/Tickets", foreign).await.0, 400);
    halo.switch("user_needs_site", json!(true)).await;
    let user = json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201, "user_id": 7001 }]);
    assert_eq!(halo.post("/Tickets", user).await.0, 400);
    halo.switch("unpaged_rows", json!(50)).await;
    assert_eq!(halo.get("/Client").await.0, 200);
}

#[tokio::test]
async fn tokens() {
    let mut halo = Halo::start().await;
    let ask = async |scope: &str, tenant: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", halo.sim.client_id()),
            ("client_secret", halo.sim.client_secret()),
            ("scope", scope),
            ("tenant", tenant),
        ];
        let url = format!("{}/auth/token", halo.sim.url());
        let answer = halo.http.post(url).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let both = "read:tickets edit:customers";
    assert_eq!(ask(both, "").await.0, 200);
    halo.switch("ungranted_scope", json!("error")).await;
    let (status, body) = ask(both, "").await;
    assert_eq!(status, 400);
    assert!(body.contains("invalid_scope"));
    halo.switch("wrong_tenant", json!("html")).await;
    assert!(ask(SCOPES, "foreign").await.1.starts_with("<!DOCTYPE html>"));
    halo.switch("wrong_tenant", json!("ignore")).await;
    assert_eq!(ask(SCOPES, "foreign").await.0, 200);
    halo.switch("application_login", json!("none")).await;
    assert!(!ask(SCOPES, "").await.1.contains("id_token"));
    halo.token = halo.new_token(SCOPES).await;
    assert_eq!(halo.get("/Agent/me").await.0, 404);
    assert_eq!(halo.get("/Tickets").await.0, 403);
    halo.switch("scopeless_token", json!(403)).await;
    halo.token = halo.new_token("").await;
    assert_eq!(halo.get("/Tickets").await.0, 403);
    halo.switch("lookups_need_scope", json!(true)).await;
    halo.token = halo.new_token("read:customers").await;
    assert_eq!(halo.get("/Agent").await.0, 200, "agents are not configuration");
    assert_eq!(halo.get("/Status").await.0, 403);
}
