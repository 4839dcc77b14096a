//! Many at once: nothing is lost, nothing is doubled.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use crate::client::Halo;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_creates_are_two_hundred_tickets() {
    let halo = Arc::new(Halo::start().await);
    let mut running = JoinSet::new();
    for _ in 0..200 {
        let halo = Arc::clone(&halo);
        running.spawn(async move { halo.ticket(json!({})).await });
    }
    let ids: HashSet<i64> = running.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 200);
    assert_eq!(halo.tickets().await, 200);

    let id = *ids.iter().min().unwrap();
    let mut running = JoinSet::new();
    for _ in 0..100 {
        let halo = Arc::clone(&halo);
        running.spawn(async move {
            let (status, action) =
                halo.post("/Actions", json!([{ "ticket_id": id, "outcome": "Note", "timetaken": 0.25 }])).await;
            assert_eq!(status, 201);
            action["id"].as_i64().unwrap()
        });
    }
    let actions: HashSet<i64> = running.join_all().await.into_iter().collect();
    assert_eq!(actions, (2..=101).collect());
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.1["timetaken"], 25.0);
}
