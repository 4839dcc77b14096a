//! From Halo back, with the programs: a webhook of the stand-in wakes the server, and `reconcile` tells what differs.

use serde_json::{Value, json};

use crate::{
    endpoints::Computer,
    http::{Api, text},
    programs::{Server, Sim, on, run},
    wait::{Dice, until},
};

/// A server with one request whose ticket is open: the request's id, and its ticket's number.
async fn with_ticket(sim: &Sim, server: &Server) -> (String, String) {
    server.connect(sim).await;
    let key = server.enrollment_key().await;
    let computer = Computer::enroll(&server.api, &key, "Sample Dental Group", "SDG-FD-01").await;
    let request = Dice::seeded("back").request_id();
    computer.ask(&request, 7).await.ok();
    let detail = until("the ticket is open", || async {
        let detail = server.api.get(&format!("/api/v1/requests/{request}")).await.ok();
        (!detail["ticket"].is_null()).then_some(detail)
    })
    .await;
    (request, text(&detail["ticket"], "id").to_owned())
}

#[tokio::test]
async fn a_webhook_of_halo_wakes_the_reading() {
    let sim = Sim::start("demo").await;
    let server = Server::start(sim.host()).await;
    let (request, ticket) = with_ticket(&sim, &server).await;
    let made = server.api.post("/api/v1/ticketing/webhook", json!({ "basic": true })).await.ok();
    let hook = json!({ "url": made["url"], "name": "Countersign", "basic_username": made["user"],
        "basic_password": made["password"], "batch_method": 1 });
    sim.person("POST", "/webhooks", hook).await;
    let closed = sim.status("Closed").await;
    sim.person("PATCH", &format!("/tickets/{ticket}"), json!({ "status_id": closed })).await;
    until("the server heard of it", || async {
        let detail = server.api.get(&format!("/api/v1/requests/{request}")).await.ok();
        (!detail["ticket"]["closed_by_hand_at"].is_null()).then_some(())
    })
    .await;
    // Everything else that arrives there is answered, and changes nothing.
    let nobody = Api::new(&server.api.url);
    let path = text(&made, "url").trim_start_matches(server.api.url.as_str()).to_owned();
    let answer = nobody.call("POST".parse().expect("a method"), &path, Some("{}".to_owned())).await;
    answer.problem(404, "not_found");
    let wrong = format!("/hooks/halo/{}", "x".repeat(43));
    nobody.call("POST".parse().expect("a method"), &wrong, Some("{}".to_owned())).await.problem(404, "not_found");
    // Without a user, the address is enough; the one before is good for nothing.
    let open = server.api.post("/api/v1/ticketing/webhook", json!({})).await.ok();
    let post = async |path: &str, body: String| {
        let path = path.trim_start_matches(server.api.url.as_str());
        nobody.call("POST".parse().expect("a method"), path, Some(body)).await
    };
    post(text(&made, "url"), "{}".to_owned()).await.problem(404, "not_found");
    let many: Vec<Value> = (0..1000).map(|n| json!({ "id": format!("d{n}"), "object_id": n + 1 })).collect();
    for body in ["{".to_owned(), "[]".to_owned(), "<html>".to_owned(), Value::from(many).to_string()] {
        assert_eq!(post(text(&open, "url"), body).await.status, 202);
    }
    post(text(&open, "url"), "x".repeat(300 * 1024)).await.problem(413, "too_large");
    let state = server.api.get("/api/v1/ticketing/webhook").await.ok();
    assert_eq!((&state["set"], &state["basic"]), (&json!(true), &json!(false)));
    let secret = text(&open, "url").rsplit('/').next().expect("a secret").to_owned();
    assert!(!state.to_string().contains(&secret), "{state}");
}

#[tokio::test]
async fn the_command_tells_what_differs_and_ends_so() {
    let sim = Sim::start("demo").await;
    let mut server = Server::start(sim.host()).await;
    let (request, ticket) = with_ticket(&sim, &server).await;
    let whole = server.api.post("/api/v1/reconcile", json!({ "dry_run": true })).await.ok();
    assert_eq!((&whole["left"], &whole["requests"], &whole["items"]), (&json!(0), &json!(1), &json!([])), "{whole}");
    sim.person("PATCH", &format!("/tickets/{ticket}"), json!({ "client_id": 203, "site_id": 0 })).await;
    let busy = run(&mut on(server.data(), &["reconcile", "--halo-allow-hosts", sim.host()])).await;
    assert_eq!(busy.code, Some(2), "{busy:?}");
    assert!(busy.err.contains("POST /api/v1/reconcile"), "{busy:?}");
    server.kill().await;
    let command = ["reconcile", "--dry-run", "--halo-allow-hosts", sim.host()];
    let table = run(&mut on(server.data(), &command)).await;
    assert_eq!(table.code, Some(1), "{table:?}");
    assert!(table.out.contains(&request) && table.out.contains("customer 203 in place of"), "{table:?}");
    let one = run(on(server.data(), &command).arg("--json")).await;
    assert_eq!(one.code, Some(1), "{one:?}");
    let report: Value = serde_json::from_str(&one.out).expect("one JSON document");
    assert_eq!(
        (&report["dry_run"], &report["left"], &report["items"][0]["what"]),
        (&json!(true), &json!(1), &json!("fields"))
    );
}
