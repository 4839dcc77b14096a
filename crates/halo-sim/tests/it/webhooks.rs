//! Webhooks: set up by a person or through the API, delivered to a real listener.

use halo_sim::Config;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::client::{API_AGENT, Halo};

/// Takes one delivery and answers 200; gives back head and body.
async fn receive(listener: &TcpListener) -> (String, Value) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_str(body) {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            return (head.to_owned(), body);
        }
    }
}

#[tokio::test]
async fn a_person_sets_one_up() {
    let halo = Halo::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/halo/secret?x=1", listener.local_addr().unwrap());
    let hook = json!({ "url": url, "basic_username": "u", "basic_password": "p" });
    let (status, hook) = halo.sim(Method::POST, "/webhooks", hook).await;
    assert_eq!((status.as_u16(), hook.get("basic_password")), (201, None));

    let id = halo.ticket(json!({})).await;
    let (head, body) = receive(&listener).await;
    assert!(head.starts_with("POST /hooks/halo/secret?x=1 HTTP/1.1") && head.contains("Authorization: Basic dTpw"));
    assert_eq!((body["event"].as_str(), body["object_id"].as_i64()), (Some("new ticket logged"), Some(id)));
    halo.post("/Actions", json!([{ "ticket_id": id, "outcome": "Note", "new_status": 9 }])).await;
    let (_, body) = receive(&listener).await;
    assert_eq!(
        (body["event"].as_str(), body["ticket"]["status_id"].as_i64()),
        (Some("ticket status changed"), Some(9))
    );
    assert_eq!(body["webhook_id"], hook["id"]);
    let change = json!({ "status_id": 1 });
    halo.sim(Method::PATCH, &format!("/tickets/{id}"), change).await;
    let (_, by_person) = receive(&listener).await;
    assert_eq!(by_person["ticket"]["status_id"], 1, "what a person does is told at once");
    assert!(body["message"].as_str().unwrap().contains(&format!("{id:07}")));
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn the_api_needs_an_administrator() {
    let config = Config { application_scopes: Some(vec!["all".to_owned()]), ..Config::default() };
    let mut halo = Halo::with(config).await;
    halo.token = halo.new_token("all").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = json!([{ "name": "h", "url": format!("http://{}/", listener.local_addr().unwrap()), "type": 0, "method": 0, "active": true, "batch_method": 1 }]);
    assert_eq!(halo.post("/Webhook", hook.clone()).await.0, 403);
    halo.sim(Method::PATCH, &format!("/agents/{API_AGENT}"), json!({ "is_admin": true })).await;
    let (status, hook) = halo.post("/Webhook", hook).await;
    assert_eq!(status, 201, "{hook}");
    let guid = hook["id"].as_str().unwrap();
    let notification =
        json!([{ "webhook_id": guid, "type": -2, "delivery_method": 6, "eventno": "39", "conditions": [] }]);
    assert_eq!(halo.post("/Notification", notification).await.0, 201);

    let id = halo.ticket(json!({})).await;
    halo.post("/Tickets", json!([{ "id": id, "status_id": 2 }])).await;
    halo.post("/Tickets", json!([{ "id": id, "status_id": 9 }])).await;
    let (_, body) = receive(&listener).await;
    assert_eq!(body.as_array().unwrap().len(), 1, "batched deliveries are arrays");
    assert_eq!(body[0]["ticket"]["status_id"], 9, "only the closing one was asked for");
    assert_eq!(halo.get("/Webhook?type=0").await.1.as_array().unwrap().len(), 1);
    assert_eq!(halo.delete(&format!("/Webhook/{guid}")).await.0, 200);
    assert_eq!(halo.get(&format!("/Webhook/{guid}")).await.0, 404);
    assert_eq!(halo.get("/Application").await.1[0]["loginas_agent_id"], API_AGENT);
}
