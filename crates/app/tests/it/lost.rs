//! Tickets that are not shown any more, and databases that are older than the tickets.

use std::{fs, path::Path};

use countersign_domain::id::RequestId;
use serde_json::json;

use crate::{
    halo::actions,
    house::{House, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_again_where_tickets_are_hidden() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    let sight = ["Can View Unassigned Tickets", "Can view Tickets that are assigned to other Agents"];
    for right in sight {
        house.halo.right(right, "No").await;
    }
    house.halo.fault(json!({"kind": "cut_after", "path": "/Tickets", "method": "POST", "times": 1})).await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_step(&request.id, "open_ticket", "attention").await;
    assert_eq!(house.app().counts(&house.admin).await.unwrap().attention_steps, 1);
    assert_eq!(house.halo.tickets_of(request.id.as_str()).await.len(), 1);
    // A person looks again: still hidden.
    let step = house.steps_of(&request.id).await.remove(0);
    house.app().retry_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.until_step(&request.id, "open_ticket", "attention").await;
    for right in sight {
        house.halo.right(right, "Yes").await;
    }
    house.app().retry_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.assert_all_done().await;
    house.assert_told(&request).await;
    assert_eq!(house.halo.tickets().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_ticket_is_no_lost_sight() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let mut last = None;
    for _ in 0..3 {
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.assert_all_done().await;
        last = Some(house.halo.ticket_of(request.id.as_str()).await["id"].clone());
    }
    house.halo.control("DELETE", &format!("/tickets/{}", last.unwrap()), json!({})).await;
    for kind in ["cut_before", "cut_after"] {
        house.halo.fault(json!({"kind": kind, "path": "/Tickets", "method": "POST", "times": 1})).await;
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.assert_all_done().await;
        house.assert_told(&request).await;
    }
    assert_eq!(house.halo.tickets().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_deleted_before_its_decision_waits_for_a_person() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    let id = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    house.halo.control("DELETE", &format!("/tickets/{id}"), json!({})).await;
    house.approve(&request).await;
    house.until_step(&request.id, "record_decision", "attention").await;
    let steps = house.steps_of(&request.id).await;
    let step = steps.iter().find(|step| step.kind == "record_decision").unwrap();
    house.app().give_up_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
    house.until_step(&request.id, "record_decision", "given_up").await;
    assert_eq!(house.halo.tickets().await.len(), 1);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn put_back(backup: &Path, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    copy(backup, folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_doubles_nothing_that_was_undone_in_it() {
    let mut house = House::new().await;
    let computer = house.sample_computer().await;
    let before = house.ask(&computer).await;
    house.until_step(&before.id, "open_ticket", "done").await;
    house.assert_all_done().await;
    // The backup is taken with one action and one ticket still to be written.
    house.halo.down().await;
    house.approve(&before).await;
    let unopened = house.ask(&computer).await;
    house.approve(&unopened).await;
    house.crash();
    let backup = tempfile::tempdir().unwrap();
    copy(house.folder.path(), backup.path());
    house.halo.no_faults().await;
    house.start().await;
    house.assert_all_done().await;
    house.crash();
    put_back(backup.path(), house.folder.path());
    house.start().await;
    house.assert_all_done().await;
    for request in [&before, &unopened] {
        house.assert_told(request).await;
    }
    assert_eq!(house.halo.tickets().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_that_a_restored_backup_does_not_know_pause_new_ones_until_a_person_lets_them_go() {
    let mut house = House::new().await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    house.crash();
    let backup = tempfile::tempdir().unwrap();
    copy(house.folder.path(), backup.path());
    house.start().await;
    let forgotten = house.ask(&computer).await;
    house.approve(&forgotten).await;
    house.assert_all_done().await;
    house.crash();
    put_back(backup.path(), house.folder.path());
    house.start().await;
    until("it is seen", async || house.app().ticketing().trouble.is_some()).await;
    let trouble = house.app().ticketing().trouble.unwrap();
    assert!(trouble.contains("restored backup") && trouble.contains("1 tickets"), "{trouble}");
    let new = house.ask(&computer).await;
    house.until_step(&new.id, "open_ticket", "parked").await;
    // The endpoint asks on: it was told that the forgotten one is on disk.
    let asked = crate::house::asked("C:\\Setup\\forgotten.exe");
    let id: RequestId = forgotten.id.clone();
    house.app().submit(&computer, id, asked).await.unwrap();
    house.approve(&forgotten).await;
    house.approve(&new).await;
    house.app().resume_tickets(&house.admin).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.app().ticketing().trouble, None);
    house.assert_told(&new).await;
    let ticket = house.halo.ticket_of(forgotten.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1, "{ticket:#}");
    assert_eq!(house.halo.tickets().await.len(), 3);
}
