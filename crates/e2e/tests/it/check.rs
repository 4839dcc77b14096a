//! The live check by API and by `doctor`, and the test ticket with consent.

use serde_json::{Value, json};

use crate::{
    http::text,
    programs::{Server, Sim, on, run},
};

fn line<'d>(document: &'d Value, id: &str) -> &'d Value {
    let lines = document["checks"].as_array().expect("lines");
    lines.iter().find(|line| line["id"] == id).unwrap_or_else(|| panic!("{id} in {document}"))
}

#[tokio::test]
async fn the_check_asks_for_consent_before_it_writes() {
    let sim = Sim::start("demo").await;
    let mut server = Server::start(sim.host()).await;
    server.connect(&sim).await;
    let check = "/api/v1/ticketing/check";

    let read = server.api.post(check, json!({})).await.ok();
    assert_eq!(line(&read, "customers")["status"], "ok", "{read}");
    assert_eq!(line(&read, "add")["status"], "unknown");
    assert_eq!(read["ticket"], Value::Null);
    for (body, code, field) in [
        (json!({ "write_test": true }), "customer_missing", "customer"),
        (json!({ "customer": "201" }), "write_test_missing", "write_test"),
    ] {
        let refused = server.api.post(check, body).await;
        refused.problem(422, code);
        assert_eq!(refused.body["field"], field, "{refused:?}");
    }
    server.api.post("/api/v1/ticketing/test-ticket", json!({ "customer": "" })).await.problem(422, "customer_missing");
    assert_eq!(sim.state().await["tickets"].as_array().map(Vec::len), Some(0), "nothing was written");

    let written = server.api.post("/api/v1/ticketing/test-ticket", json!({ "customer": "201" })).await.ok();
    assert_eq!(line(&written, "add")["status"], "ok", "{written}");
    assert_eq!(line(&written, "test_ticket")["status"], "ok", "{written}");
    assert_eq!(text(&written["ticket"], "url"), format!("{}/ticket?id={}", sim.url, text(&written["ticket"], "id")));

    server.kill().await;
    let doctor = |args: &[&str]| {
        let mut all = vec!["doctor", "--json", "--halo-allow-hosts", sim.host()];
        all.extend(args);
        on(server.data(), &all)
    };
    let told = run(&mut doctor(&["--write-test", "--customer", "202"])).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(line(&told, "halo.test_ticket")["status"], "ok", "{told}");
    assert_eq!(run(&mut doctor(&["--write-test"])).await.code, Some(2), "consent alone names no customer");
    assert_eq!(run(&mut doctor(&["--customer", "202"])).await.code, Some(2), "a customer alone is no consent");
    let state = sim.state().await;
    let tickets = state["tickets"].as_array().expect("tickets");
    assert_eq!(tickets.len(), 2);
    assert!(tickets.iter().all(|ticket| ticket["status_id"] == 9), "both are closed: {tickets:?}");
}
