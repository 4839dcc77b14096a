//! A backup that is taken while requests come in, and a server that is restored from it: nothing is doubled.

use serde_json::json;

use crate::{
    endpoints::Computer,
    http::{items, text},
    programs::{Server, Sim, folder, on, run},
    wait::{Dice, until},
};

/// How many tickets Halo holds of a request.
async fn tickets_of(sim: &Sim, request: &str) -> usize {
    let state = sim.state().await;
    let tickets = state["tickets"].as_array().expect("tickets");
    tickets.iter().filter(|ticket| ticket["third_party_id_string"] == request).count()
}

#[tokio::test]
async fn a_restored_server_makes_no_second_ticket() {
    let mut dice = Dice::seeded("backups");
    let sim = Sim::start("demo").await;
    let mut server = Server::start(sim.host()).await;
    server.connect(&sim).await;
    let key = server.enrollment_key().await;
    let computer = Computer::enroll(&server.api, &key, "Sample Dental Group", "SDG-FD-01").await;
    let mut before = Vec::new();
    let mut after = Vec::new();
    for n in 0..5 {
        let id = dice.request_id();
        computer.ask(&id, n).await.ok();
        before.push(id);
    }

    // Taken under load: requests come in while it runs.
    let place = folder();
    let file = place.path().join("sample.backup");
    let mut taking = on(server.data(), &["backup", file.to_str().expect("a plain path")]);
    let asking = async {
        for n in 5..15 {
            let id = dice.request_id();
            computer.ask(&id, n).await.ok();
            after.push(id);
        }
    };
    let (taken, ()) = tokio::join!(run(&mut taking), asking);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert!(taken.out.contains("rows in all"), "{taken:?}");
    let kept = std::fs::read_to_string(&file).expect("the backup is there");
    let secret = sim.access["client_secret"].as_str().expect("a secret");
    assert!(!kept.contains(secret), "Halo's secret stands in the backup");
    let again = run(&mut on(server.data(), &["backup", file.to_str().expect("a plain path")])).await;
    assert_ne!(again.code, Some(0), "an old backup is not written over");

    // Work done after it was taken, with tickets.
    for n in 15..18 {
        let id = dice.request_id();
        computer.ask(&id, n).await.ok();
        after.push(id);
    }
    for id in before.iter().chain(&after) {
        until("every request has its ticket", || async { (tickets_of(&sim, id).await == 1).then_some(()) }).await;
    }

    let restored = server.kill_and_restore(&file).await;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.out.contains("The key file opens its secrets."), "{restored:?}");
    let computer = Computer { id: computer.id.clone(), api: computer.api.at(&server.api.url) };

    // Halo shows tickets that the restored database does not know: it says so, and makes none.
    until("the server sees that it was restored", || async {
        let trouble = server.api.get("/api/v1/ticketing").await.ok()["trouble"].clone();
        trouble.as_str().is_some_and(|why| why.contains("does not know")).then_some(())
    })
    .await;
    let new = dice.request_id();
    computer.ask(&new, 99).await.ok();
    // The last one of before comes again, from its computer's spool.
    let lost = after.last().expect("one").clone();
    computer.ask(&lost, 17).await.ok();
    until("new tickets wait", || async {
        let steps = server.api.get("/api/v1/steps?state=waiting").await.ok();
        let parked = items(&steps).iter().filter(|step| step["cause"] == "restored").count();
        (parked == 2).then_some(())
    })
    .await;
    assert_eq!(tickets_of(&sim, &new).await, 0);

    server.api.post("/api/v1/ticketing/resume", json!({})).await.ok();
    until("the new request's ticket is made", || async { (tickets_of(&sim, &new).await == 1).then_some(()) }).await;
    let found = until("the one that came again stands on its old ticket", || async {
        let detail = server.api.get(&format!("/api/v1/requests/{lost}")).await.ok();
        (!detail["ticket"].is_null()).then_some(detail)
    })
    .await;
    let approve = json!({ "verdict": "approve", "scope": "once" });
    server.api.post(&format!("/api/v1/requests/{lost}/decision"), approve).await.ok();
    until("nothing waits any more", || async {
        let waiting = server.api.get("/api/v1/steps?state=waiting").await.ok();
        items(&waiting).is_empty().then_some(())
    })
    .await;
    for id in before.iter().chain(&after).chain([&new]) {
        assert_eq!(tickets_of(&sim, id).await, 1, "{id}");
    }
    let state = sim.state().await;
    let tickets = state["tickets"].as_array().expect("tickets");
    let ticket = tickets
        .iter()
        .find(|ticket| ticket["id"].as_i64().is_some_and(|id| id.to_string() == text(&found["ticket"], "id")));
    let told = ticket.expect("the ticket")["actions"].to_string();
    assert!(told.contains(&format!("{lost}/record_decision/1")), "{told}");
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused() {
    let place = folder();
    let file = place.path().join("sample.backup");
    let path = file.to_str().expect("a plain path");
    let none = run(&mut on(place.path(), &["backup", path])).await;
    assert_ne!(none.code, Some(0));
    assert!(none.err.contains("there is no database"), "{none:?}");

    let server = Server::start("").await;
    let taken = run(&mut on(server.data(), &["backup", path])).await;
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let running = run(&mut on(server.data(), &["restore", path, "--force"])).await;
    assert_ne!(running.code, Some(0));
    assert!(running.err.contains("a running server has"), "{running:?}");
    assert!(running.err.contains("Stop it first"), "{running:?}");

    let whole = std::fs::read(&file).expect("it can be read");
    for (bytes, why) in [
        (&whole[..whole.len() / 2], "damaged"),
        (&whole[..0], "not a backup"),
        (&b"SQLite format 3\0"[..], "not a backup"),
    ] {
        std::fs::write(&file, bytes).expect("it can be written");
        let new = folder();
        let refused = run(&mut on(new.path(), &["restore", path])).await;
        assert_ne!(refused.code, Some(0));
        assert!(refused.err.contains(why), "{refused:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_is_a_new_file_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = Server::start("").await;
    let place = folder();
    let file = place.path().join("sample.backup");
    let part = place.path().join("sample.backup.part");
    let others = place.path().join("others.txt");
    std::fs::write(&others, "what somebody else wrote").expect("it can be written");
    let take = async || run(&mut on(server.data(), &["backup", file.to_str().expect("a plain path")])).await;

    std::os::unix::fs::symlink(&others, &part).expect("a link");
    let refused = take().await;
    assert_ne!(refused.code, Some(0));
    assert!(refused.err.contains("sample.backup.part is there"), "{refused:?}");
    assert_eq!(std::fs::read(&others).expect("it is there"), b"what somebody else wrote");
    std::fs::remove_file(&part).expect("the link");

    std::fs::write(&part, "left").expect("it can be written");
    let refused = take().await;
    assert_ne!(refused.code, Some(0));
    assert!(refused.err.contains("sample.backup.part is there"), "{refused:?}");
    assert_eq!(std::fs::read(&part).expect("it is there"), b"left");
    std::fs::remove_file(&part).expect("what was left");

    let taken = take().await;
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let mode = std::fs::metadata(&file).expect("the backup").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!part.exists());
}
