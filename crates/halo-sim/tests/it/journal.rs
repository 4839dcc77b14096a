//! With a snapshot file, a simulator that was killed goes on exactly where it was.

use std::io::Write as _;

use halo_sim::{Config, Sim};
use reqwest::Method;
use serde_json::json;

use crate::client::{API_AGENT, Halo};

#[tokio::test]
async fn it_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config { snapshot: Some(folder.path().join("halo.jsonl")), ..Config::default() };
    let halo = Halo::with(config()).await;
    let id = halo.ticket(json!({ "third_party_id_string": "req_1" })).await;
    halo.post("/Actions", json!([{ "ticket_id": id, "outcome": "Note", "note": "kept", "new_status": 2 }])).await;
    halo.fault(json!({ "method": "POST", "path": "/Tickets", "kind": "cut_after", "times": 1 })).await;
    let cut = json!([{ "summary": "cut", "tickettype_id": 21, "client_id": 201, "third_party_id_string": "req_2" }]);
    halo.call(Method::POST, "/Tickets", Some(&cut)).await.unwrap_err();
    halo.switch("update_strict", json!(true)).await;
    halo.right("Can Re-assign Tickets", json!("No")).await;
    halo.sim(Method::PATCH, "/clients/201", json!({ "name": "Renamed" })).await;
    halo.sim(Method::DELETE, "/assets/4301", json!(null)).await;
    let before = halo.state().await;
    let (token, client_id, secret) =
        (halo.token.clone(), halo.sim.client_id().to_owned(), halo.sim.client_secret().to_owned());
    // A line that was cut short by the kill: its answer never went out.
    let mut file = std::fs::OpenOptions::new().append(true).open(folder.path().join("halo.jsonl")).unwrap();
    file.write_all(b"{\"ticket\":{\"id\":99,").unwrap();
    drop(halo);

    let sim = Sim::start(config()).await.unwrap();
    assert_eq!((sim.client_id(), sim.client_secret()), (client_id.as_str(), secret.as_str()));
    let again = Halo { sim, http: crate::client::http(), token };
    assert_eq!(again.state().await, before);
    let (status, list) = again.get("/Tickets?third_party_id_string=req_2").await;
    assert_eq!(
        (status.as_u16(), list["record_count"].as_i64()),
        (200, Some(1)),
        "the old token and the cut call's ticket are good"
    );
    assert_eq!(again.post("/Tickets", json!([{ "id": id, "summary": "x" }])).await.0, 404, "the switch is kept");
    assert_eq!(again.ticket(json!({})).await, id + 2, "ids go on");
    let (_, rights) = again.sim(Method::GET, &format!("/agents/{API_AGENT}/rights"), json!(null)).await;
    assert_eq!(rights["Can Re-assign Tickets"], "No");

    again.sim(Method::POST, "/reset", json!(null)).await;
    let token = again.token.clone();
    drop(again);
    let third = Halo { sim: Sim::start(config()).await.unwrap(), http: crate::client::http(), token };
    assert_eq!(third.tickets().await, 0, "the reset is kept too");
    assert_eq!(third.get("/Client/201").await.1["name"], "Sample Dental Group");
}

#[tokio::test]
async fn a_foreign_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    std::fs::write(&path, "Dear Sir or Madam,\n").unwrap();
    let error = Sim::start(Config { snapshot: Some(path.clone()), ..Config::default() }).await.unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "Dear Sir or Madam,\n");
    let error =
        Sim::start(Config { snapshot: Some(folder.path().join("no/folder")), ..Config::default() }).await.unwrap_err();
    assert!(error.to_string().contains("check that the folder exists"));
}

#[tokio::test]
async fn a_seed_with_tickets_comes_back_with_their_actions() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    let mut book: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string("seeds/demo.json").unwrap()).unwrap();
    book["tickets"] = json!([{ "id": 500, "summary": "old", "details": "d", "tickettype_id": 21, "client_id": 201, "site_id": 301,
        "status_id": 1, "agent_id": 1, "team_id": 61, "priority_id": 43, "sla_id": 31, "dateoccurred": "2020-01-01T08:00:00" }]);
    std::fs::write(&seed, book.to_string()).unwrap();
    let snapshot = Some(folder.path().join("halo.jsonl"));
    for _ in 0..2 {
        let config =
            Config { seed: halo_sim::Seed::File(seed.clone()), snapshot: snapshot.clone(), ..Config::default() };
        let halo = Halo::with(config).await;
        assert_eq!(halo.get("/Actions?ticket_id=500").await.1["actions"][0]["outcome"], "Opened");
        halo.sim(Method::POST, "/reset", json!(null)).await;
        assert_eq!(halo.get("/Actions?ticket_id=500").await.1["record_count"], 1);
    }
}
