//! What the server refuses, and how it says so; and that nothing it accepted is lost with it.

use std::net::TcpListener;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    endpoints::{Computer, enrolment, wish},
    http::{items, text},
    programs::{Ended, Server, Sim, folder, on, run},
    tickets::bearing,
    wait::{Dice, until},
};

#[tokio::test]
async fn bad_calls_are_answered_with_problems() {
    let mut dice = Dice::seeded("bad_calls_are_answered_with_problems");
    let server = Server::start("").await;
    let (api, nobody) = (&server.api, server.api.with("cst_wrong"));
    let key = server.enrollment_key().await;
    let computer = Computer::enroll(api, &key, "Sample Dental Group", "PC-1").await;
    let (id, mine) = (dice.request_id(), dice.request_id());
    let request = format!("/api/v1/requests/{id}");
    let ask = format!("/agent/v1/requests/{id}");
    computer.ask(&mine, 1).await.ok();

    api.get("/api/v1/requests/req_1").await.problem(404, "wrong_id");
    api.get(&format!("/api/v1/requests/{}", computer.id)).await.problem(404, "wrong_id");
    api.get(&request).await.problem(404, "not_found");
    api.get("/api/v1/nothing").await.problem(404, "no_such_route");
    api.delete("/api/v1/companies").await.problem(405, "method_not_allowed");
    nobody.get("/api/v1/me").await.problem(401, "unauthenticated");
    computer.api.get("/api/v1/me").await.problem(401, "unauthenticated");
    nobody.get(&ask).await.problem(401, "unauthenticated");
    computer.api.get(&ask).await.problem(404, "not_found");
    computer.api.put("/agent/v1/requests/req_1", wish(1)).await.problem(404, "wrong_id");
    let wrong_key = json!(format!("csk_{}_{}", "0".repeat(32), "0".repeat(32)));
    let mut body = enrolment(&key, "Sample Dental Group", "PC-2");
    body["enrollment_key"] = wrong_key;
    api.post("/agent/v1/enroll", body).await.problem(403, "bad_enrollment_key");

    for text in ["{\"name\":", "name", "\u{0}"] {
        api.call(Method::POST, "/api/v1/companies", Some(text.to_owned())).await.problem(400, "bad_json");
        computer.api.call(Method::PUT, &ask, Some(text.to_owned())).await.problem(400, "bad_json");
    }
    let deep = "[".repeat(100_000);
    api.call(Method::POST, "/api/v1/companies", Some(deep.clone())).await.problem(422, "bad_field");
    let deep = format!("{{\"mood\":{deep}");
    computer.api.call(Method::PUT, &ask, Some(deep)).await.problem(400, "bad_json");
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(300 * 1024));
    api.call(Method::POST, "/api/v1/companies", Some(big.clone())).await.problem(413, "too_large");
    computer.api.call(Method::PUT, &ask, Some(big)).await.problem(413, "too_large");

    let unknown = api.post("/api/v1/companies", json!({ "name": "x", "nom": 1 })).await;
    unknown.problem(422, "unknown_field");
    assert_eq!(unknown.body["field"], "nom", "it is named: {unknown:?}");
    let unknown = api.patch("/api/v1/ticketing", json!({ "budget": { "cals": 3 } })).await;
    unknown.problem(422, "unknown_field");
    assert_eq!(unknown.body["field"], "budget.cals", "{unknown:?}");
    api.get("/api/v1/requests?stat=pending").await.problem(422, "bad_query");
    api.get("/api/v1/requests?state=x").await.problem(422, "bad_field");
    api.get("/api/v1/requests?after=x").await.problem(422, "bad_cursor");
    let decision = format!("/api/v1/requests/{mine}/decision");
    api.post(&decision, json!({ "verdict": "maybe", "scope": "once" })).await.problem(422, "bad_field");
    api.post(&decision, json!({ "verdict": "approve", "scope": "everywhere" }))
        .await
        .problem(422, "scope_not_available");

    // Newer endpoints meet older servers: what is not known is ignored there.
    let mut newer = wish(2);
    newer["mood"] = json!({ "deep": [1, 2] });
    newer["program"]["colour"] = json!("red");
    assert_eq!(computer.api.put(&ask, newer).await.status, 201);
    let mut bad = wish(3);
    bad["program"]["sha256"] = json!("short");
    let refused = computer.api.put(&format!("/agent/v1/requests/{}", dice.request_id()), bad).await;
    refused.problem(422, "bad_field");
    assert_eq!(refused.body["field"], "program.sha256", "{refused:?}");
}

#[tokio::test]
async fn a_halo_that_cannot_be_used() {
    let sim = Sim::start("demo").await;
    let closed = Server::start("").await;
    let refused = closed.api.patch("/api/v1/ticketing", sim.connection()).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let line = format!("halo.allow_hosts = [\"{}\"]", sim.host());
    assert!(text(&refused.body, "detail").contains(&line), "it shows the line to add: {refused:?}");
    for address in ["https://10.0.0.5", "https://169.254.169.254", "https://[::1]"] {
        let refused = closed.api.post("/api/v1/ticketing/discover", json!({ "address": address })).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(text(&refused.body, "detail").contains("halo.allow_hosts = ["), "{refused:?}");
    }
    assert_eq!(closed.api.get("/api/v1/ticketing").await.ok()["client_id"], Value::Null, "nothing of it was kept");
    assert_eq!(sim.calls().await["total"], 0, "and nobody was called");

    // The line itself, in the configuration file.
    std::fs::write(closed.data().join("countersign.toml"), format!("{line}\n")).unwrap();
    let mut server = closed;
    server.kill_and_start_again().await;
    let mut wrong = sim.connection();
    wrong["client_secret"] = json!("not the secret");
    let refused = server.api.patch("/api/v1/ticketing", wrong).await;
    refused.problem(422, "connection_failed");
    assert!(!refused.text.contains("not the secret"), "{refused:?}");
    let mut wrong = sim.connection();
    wrong["resource_url"] = json!(format!("{}/nowhere", sim.url));
    wrong["auth_url"] = json!(format!("{}/nowhere", sim.url));
    server.api.patch("/api/v1/ticketing", wrong).await.problem(422, "connection_failed");
    server.connect(&sim).await;
}

#[tokio::test]
async fn ids_that_are_none_of_halos_are_named() {
    let sim = Sim::start("demo").await;
    let server = Server::start(sim.host()).await;
    server.connect(&sim).await;
    let api = &server.api;
    let import = "/api/v1/companies/import";
    let refused = api.post(import, json!({ "psa_ids": ["202", "Sample Dental Group"] })).await;
    refused.problem(422, "bad_field");
    assert_eq!(refused.body["field"], "psa_ids", "{refused:?}");
    assert!(text(&refused.body, "detail").contains("Sample Dental Group"), "{refused:?}");
    let unknown = api.post(import, json!({ "psa_ids": ["202", "999999"] })).await;
    unknown.problem(404, "not_found");
    assert!(text(&unknown.body, "detail").contains("999999"), "{unknown:?}");
    assert!(items(&api.get("/api/v1/companies").await.ok()).is_empty(), "nothing was made of either list");

    let company = api.post("/api/v1/companies", json!({ "name": "Stand-in Clinic" })).await;
    let link = format!("/api/v1/companies/{}/link", text(&company.body, "id"));
    let refused = api.post(&link, json!({ "psa_id": "202a" })).await;
    refused.problem(422, "bad_field");
    assert_eq!(refused.body["field"], "psa_id", "{refused:?}");
    api.post(&link, json!({ "psa_id": "999999" })).await.problem(404, "not_found");
    api.get("/api/v1/ticketing/choices?ticket_type=Incident").await.problem(422, "bad_field");
    let found = api.get("/api/v1/psa-records?kind=company&q=freight").await.ok();
    assert_eq!(items(&found).len(), 1, "{found}");
    assert_eq!(items(&found)[0]["psa_id"], "202");
}

#[track_caller]
fn refuses(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = ended.err.lines().last().unwrap_or_default();
    assert!(line.starts_with("error: "), "{ended:?}");
    for word in words {
        assert!(line.contains(word), "{word:?} stands in {line:?}");
    }
    assert!(!ended.err.contains("panicked"), "{ended:?}");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let data = folder();
    let serve = |args: &[&str]| {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(args);
        on(data.path(), &all)
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(&run(&mut on(data.path(), &["serve", "--listen", &address])).await, &[&address, "--listen"]);

    let made = run(&mut on(data.path(), &["migrate"])).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let path = |name: &str| data.path().join(name).display().to_string();
    std::fs::create_dir(path("a-folder")).unwrap();
    std::fs::write(path("garbage"), "no database, ".repeat(1000)).unwrap();
    std::fs::write(path("key"), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let at = |name: &str| format!("sqlite:{}", path(name));
    refuses(&run(&mut serve(&["--database", &at("a-folder")])).await, &["a-folder", "cannot be opened"]);
    refuses(&run(&mut serve(&["--database", &at("garbage")])).await, &["garbage", "cannot be opened"]);
    refuses(&run(&mut serve(&["--database", &at("nowhere/x.db")])).await, &["nowhere/x.db"]);
    refuses(&run(&mut serve(&["--database", "postgres://u:hush@127.0.0.1:9/x"])).await, &["127.0.0.1:9"]);
    refuses(&run(&mut serve(&["--database", "mysql://u:hush@db/x"])).await, &["database", "sqlite:PATH"]);
    refuses(&run(&mut on(data.path(), &["serve", "--listen", "nonsense"])).await, &["listen", "nonsense"]);
}

#[tokio::test]
async fn nothing_accepted_is_lost_with_the_server() {
    let mut dice = Dice::seeded("nothing_accepted_is_lost_with_the_server");
    let sim = Sim::start("demo").await;
    let mut server = Server::start(sim.host()).await;
    server.connect(&sim).await;
    let key = server.enrollment_key().await;
    let mut computer = Computer::enroll(&server.api, &key, "Specimen Credit Union", "SCU-TELLER-01").await;
    let mut asked = Vec::new();
    for number in 0..6 {
        let id = dice.request_id();
        assert_eq!(computer.ask(&id, number).await.status, 201);
        server.kill_and_start_again().await;
        computer.api = computer.api.at(&server.api.url);
        let kept = server.api.get(&format!("/api/v1/requests/{id}")).await.ok();
        assert_eq!(kept["state"], "pending", "{kept}");
        assert_eq!(computer.ask(&id, number).await.status, 200, "a repeat changes nothing");
        asked.push(id);
    }
    for id in &asked {
        let told = until("the ticket follows", || async {
            let request = server.api.get(&format!("/api/v1/requests/{id}")).await.ok();
            let done = request["steps"].as_array()?.iter().all(|step| step["state"] == "done");
            (done && !request["ticket"].is_null()).then_some(request)
        })
        .await;
        let state = sim.state().await;
        let tickets = bearing(&state, id);
        assert_eq!(tickets.len(), 1, "one ticket: {tickets:?}");
        assert_eq!(told["ticket"]["id"], json!(tickets[0]["id"].to_string()));
        assert_eq!(tickets[0]["client_name"], "Specimen Credit Union");
    }
    assert_eq!(items(&server.api.get("/api/v1/requests").await.ok()).len(), asked.len());
}
