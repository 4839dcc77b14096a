//! The directory sync: what it links, follows, misses and leaves alone; and whom it does not hold up.

use std::sync::Arc;

use countersign_app::{
    sync::{KindSummary, SyncKind, SyncState},
    ticketing::Change,
};
use countersign_domain::{
    audit::Actor,
    directory::Computer,
    id::ComputerId,
    link::{How, Kind, Link, LinkState},
};
use countersign_store::{ComputerContext, StepsQuery};
use halo_sim::Config;
use serde_json::json;

use crate::house::{House, LOCATION, until};

/// Waits for the syncs that are on their way.
pub(crate) async fn settled(house: &House) -> SyncState {
    until("the sync is over", async || house.app().directory_sync().await.unwrap().running.is_none()).await;
    house.app().directory_sync().await.unwrap()
}

async fn sync(house: &House, how: SyncKind) -> SyncState {
    settled(house).await;
    house.app().sync_directory(&house.admin, how).await.unwrap();
    let state = settled(house).await;
    assert_eq!(state.trouble, None);
    state
}

pub(crate) fn of(state: &SyncState, kind: Kind) -> KindSummary {
    state.kinds.iter().find(|summary| summary.kind == kind).cloned().unwrap()
}

pub(crate) async fn link(house: &House, kind: Kind, id: &str) -> Link {
    let id = id.to_owned();
    house.store().look_up(move |tx| Box::pin(async move { tx.link(kind, &id).await })).await.unwrap()
}

async fn rename(house: &House, what: &str, name: &str) {
    house.halo.control("PATCH", what, json!({ "name": name })).await;
}

async fn inactive(house: &House, what: &str, inactive: bool) {
    house.halo.control("PATCH", what, json!({ "inactive": inactive })).await;
}

/// Two computers of two companies, all of it linked.
async fn linked() -> (House, Arc<ComputerContext>, Arc<ComputerContext>) {
    let house = House::new().await;
    let one = house.sample_computer().await;
    let two = house.computer("Demo Freight Lines", LOCATION, "DFL-DISP-01").await;
    house.assert_all_done().await;
    for computer in [&one, &two] {
        assert_eq!(link(&house, Kind::Computer, computer.computer.id.as_str()).await.state, LinkState::Linked);
    }
    (house, one, two)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_connection_is_followed_by_a_full_sync_and_changes_come_by_the_clock() {
    let house = House::new().await;
    let state = settled(&house).await;
    let kinds: Vec<Kind> = state.kinds.iter().map(|summary| summary.kind).collect();
    assert_eq!(kinds, [Kind::Company, Kind::Location, Kind::Computer, Kind::Technician, Kind::Contact]);
    assert_eq!((of(&state, Kind::Technician).linked, of(&state, Kind::Company).seen), (1, 12));
    assert!(state.full_at.is_some() && state.changes_at.is_none());
    house.clock.forward(std::time::Duration::from_mins(16));
    until("a sync by change came", async || house.app().directory_sync().await.unwrap().changes_at.is_some()).await;
    let first = settled(&house).await.full_at;
    house.clock.forward(std::time::Duration::from_hours(25));
    until("a full one came", async || house.app().directory_sync().await.unwrap().full_at != first).await;
    settled(&house).await;
    house.app().change_ticketing(Actor::Technician(house.admin.id.clone()), house.connection()).await.unwrap();
    assert!(house.app().directory_sync().await.unwrap().running.is_some());
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_that_a_sync_links_has_everything_linked_before_its_tickets_go() {
    for how in [SyncKind::Full, SyncKind::Changes] {
        let house = House::new().await;
        let computer = house.computer("Our name for it", LOCATION, "SDG-FD-01").await;
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        house.until_step(&request.id, "open_ticket", "parked").await;
        settled(&house).await;
        rename(&house, "/clients/201", "Our name for it").await;
        house.halo.forget_calls().await;
        sync(&house, how).await;
        house.assert_all_done().await;
        let ticket = house.assert_told(&request).await;
        assert_eq!((&ticket["client_id"], &ticket["site_id"]), (&json!(201), &json!(301)), "{how:?}");
        assert_eq!((&ticket["assets"][0]["id"], &ticket["user_id"]), (&json!(4301), &json!(7001)), "{how:?}");
        let calls = house.halo.control("GET", "/calls", json!({})).await;
        let asked =
            calls["calls"].as_array().unwrap().iter().any(|call| {
                call["path"] == "/Client" && call["query"].as_str().unwrap().contains("lastupdatefromdate=20")
            });
        assert_eq!(asked, how == SyncKind::Changes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_followed_by_id_and_told_in_the_log() {
    let (house, computer, _) = linked().await;
    rename(&house, "/clients/201", "Sample Dental Partners").await;
    house.halo.control("PATCH", "/assets/4301", json!({"key_field": "FRONT-DESK", "inventory_number": "T-1"})).await;
    sync(&house, SyncKind::Changes).await;
    let company = link(&house, Kind::Company, computer.computer.company_id.as_str()).await;
    assert_eq!((company.state, company.psa_name.as_deref()), (LinkState::Linked, Some("Sample Dental Partners")));
    let asset = link(&house, Kind::Computer, computer.computer.id.as_str()).await;
    assert_eq!((asset.psa_id.as_deref(), asset.psa_name.as_deref()), (Some("4301"), Some("FRONT-DESK")));
    let log = house.app().audit(&house.admin, Some(computer.computer.company_id.as_str()), None, 50).await.unwrap();
    let told: Vec<&str> = log.iter().filter(|row| row.action == "links.synced").map(|row| row.body.as_str()).collect();
    assert!(told.iter().any(|body| body.contains("FRONT-DESK") && body.contains("SDG-FD-01")), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_by_change_is_given_what_changed_alone_and_lives_with_a_halo_that_gives_all() {
    for ignored in [false, true] {
        let (house, computer, other) = linked().await;
        house.halo.switches(json!({ "ignore_update_filter": ignored })).await;
        rename(&house, "/clients/201", "Sample Dental Partners").await;
        inactive(&house, "/assets/4301", true).await;
        house.halo.forget_calls().await;
        let state = sync(&house, SyncKind::Changes).await;
        let company = link(&house, Kind::Company, computer.computer.company_id.as_str()).await;
        assert_eq!(company.psa_name.as_deref(), Some("Sample Dental Partners"));
        assert_eq!(link(&house, Kind::Computer, computer.computer.id.as_str()).await.state, LinkState::Missing);
        assert_eq!(link(&house, Kind::Computer, other.computer.id.as_str()).await.state, LinkState::Linked);
        assert_eq!((of(&state, Kind::Company).linked, of(&state, Kind::Company).seen), (2, 12));
        let log = house.halo.control("GET", "/calls", json!({})).await;
        let mut given = Vec::new();
        for (path, list) in [("/Client", "clients"), ("/Site", "sites"), ("/Asset", "assets"), ("/Users", "users")] {
            let mut calls = log["calls"].as_array().unwrap().iter().filter(|call| call["path"] == path);
            given.push(house.halo.get_again(calls.next().unwrap()).await[list].as_array().unwrap().len());
        }
        if ignored {
            assert!(given.iter().all(|rows| *rows > 10), "{given:?}");
        } else {
            assert_eq!(given, [1, 0, 1, 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_vanished_is_missing_and_left_out_of_tickets_until_it_is_back() {
    let (house, computer, other) = linked().await;
    inactive(&house, "/assets/4301", true).await;
    house.halo.control("DELETE", "/sites/301", json!({})).await;
    let state = sync(&house, SyncKind::Full).await;
    assert_eq!((of(&state, Kind::Computer).missing, of(&state, Kind::Location).missing), (1, 1));
    let asset = link(&house, Kind::Computer, computer.computer.id.as_str()).await;
    assert_eq!((asset.state, asset.psa_id.as_deref()), (LinkState::Missing, Some("4301")));
    assert_eq!(link(&house, Kind::Computer, other.computer.id.as_str()).await.state, LinkState::Linked);
    let request = house.ask(&computer).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!((&ticket["client_id"], ticket["assets"].as_array().map(Vec::len)), (&json!(201), Some(0)));
    // A newer asset of its name is for a person to take, and the old one is linked by itself when it is back.
    inactive(&house, "/assets/4301", false).await;
    sync(&house, SyncKind::Changes).await;
    let asset = link(&house, Kind::Computer, computer.computer.id.as_str()).await;
    assert_eq!((asset.state, asset.psa_id.as_deref(), asset.candidates.len()), (LinkState::Linked, Some("4301"), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_customer_is_missing_with_a_suggestion_and_its_tickets_wait() {
    let (house, computer, _) = linked().await;
    // Merged: the old record is out of use, the other one bears the name.
    inactive(&house, "/clients/201", true).await;
    rename(&house, "/clients/211", "Sample Dental Group Inc.").await;
    let state = sync(&house, SyncKind::Full).await;
    assert_eq!(of(&state, Kind::Company).missing, 1);
    let company = link(&house, Kind::Company, computer.computer.company_id.as_str()).await;
    assert_eq!((company.state, company.candidates[0].psa_id.as_str()), (LinkState::Missing, "211"));
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.until_step(&request.id, "open_ticket", "parked").await;
    // Pressing Link finds no such name, and does not cut what is missing.
    let link_again =
        house.app().link(&house.admin, Kind::Company, computer.computer.company_id.as_str(), None).await.unwrap();
    assert_eq!(link_again.state, LinkState::Missing);
    inactive(&house, "/clients/201", false).await;
    sync(&house, SyncKind::Changes).await;
    house.assert_all_done().await;
    assert_eq!(house.assert_told(&request).await["client_id"], 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_sight_of_a_list_marks_nothing_as_missing() {
    let (house, computer, _) = linked().await;
    house.halo.right("Client Access Level", "No Access").await;
    let state = sync(&house, SyncKind::Full).await;
    for kind in [Kind::Company, Kind::Location] {
        let summary = of(&state, kind);
        assert_eq!((summary.linked, summary.missing), (2, 0), "{summary:?}");
        assert!(summary.note.as_ref().is_some_and(|note| note.contains("rights of the agent")), "{summary:?}");
    }
    assert_eq!(of(&state, Kind::Computer).note, None);
    house.halo.right("Client Access Level", "Read Only").await;
    let state = sync(&house, SyncKind::Full).await;
    assert_eq!(of(&state, Kind::Company).note, None);
    assert_eq!(link(&house, Kind::Company, computer.computer.company_id.as_str()).await.state, LinkState::Linked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_tied_or_cut_is_left_alone() {
    let (house, computer, other) = linked().await;
    let bakery = house.app().create_company(&house.admin, "The bakers").await.unwrap().company.id;
    house.app().link(&house.admin, Kind::Company, bakery.as_str(), Some("207")).await.unwrap();
    house.app().unlink(&house.admin, Kind::Computer, computer.computer.id.as_str()).await.unwrap();
    house.app().link(&house.admin, Kind::Computer, other.computer.id.as_str(), Some("4305")).await.unwrap();
    rename(&house, "/clients/208", "The bakers").await;
    for how in [SyncKind::Full, SyncKind::Changes] {
        sync(&house, how).await;
        let their_link = link(&house, Kind::Company, bakery.as_str()).await;
        assert_eq!((their_link.psa_id.as_deref(), their_link.how), (Some("207"), Some(How::Manual)));
        let cut = link(&house, Kind::Computer, computer.computer.id.as_str()).await;
        assert_eq!((cut.state, cut.how), (LinkState::Unlinked, Some(How::Manual)));
        assert_eq!(link(&house, Kind::Computer, other.computer.id.as_str()).await.psa_id.as_deref(), Some("4305"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_refused_or_shows_names_only_is_a_note_and_the_rest_goes_on() {
    let (house, ..) = linked().await;
    house.halo.switches(json!({"no_access_list": "403", "names_only": "blank"})).await;
    house.halo.right("Assets Access Level", "No Access").await;
    house.halo.right("Client Access Level", "View (Names Only)").await;
    let created = house.app().create_company(&house.admin, "Sample Bakery Ltd").await.unwrap().company.id;
    house.assert_all_done().await;
    rename(&house, "/clients/207", "Sample Bakery Ltd").await;
    let state = sync(&house, SyncKind::Full).await;
    assert_eq!(link(&house, Kind::Company, created.as_str()).await.psa_id.as_deref(), Some("207"), "names do");
    let assets = of(&state, Kind::Computer);
    assert!(assets.note.unwrap().starts_with("Halo does not show our agent its assets"), "a refused list");
    assert_eq!((assets.linked, assets.missing), (2, 0));
    assert!(of(&state, Kind::Contact).note.unwrap().contains("mail addresses"));
    assert_eq!((of(&state, Kind::Location).note, of(&state, Kind::Technician).note), (None, None));
    assert!(state.full_at.is_some());
    house.assert_all_done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_lies_about_its_length_links_and_misses_nothing() {
    let (house, computer, other) = linked().await;
    let rows = json!([{"id": 4304, "key_field": "DFL-DISP-01", "client_id": 202, "site_id": 303}]);
    let lie = json!({"page_no": 1, "page_size": 1000, "record_count": 5000, "assets": rows});
    house.halo.fault(json!({"method": "GET", "path": "/Asset", "kind": "garbage", "body": lie})).await;
    let state = sync(&house, SyncKind::Full).await;
    let summary = of(&state, Kind::Computer);
    assert!(summary.note.as_ref().is_some_and(|note| note.contains("has holes")), "{summary:?}");
    for computer in [computer, other] {
        assert_eq!(link(&house, Kind::Computer, computer.computer.id.as_str()).await.state, LinkState::Linked);
    }
    assert_eq!(of(&state, Kind::Contact).note, None, "the rest went on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_halo_is_asked_again_for_the_page_that_failed_alone() {
    let house = House::with(Config { assets: Some(5000), ..Config::default() }, Change::default()).await;
    settled(&house).await;
    house.halo.forget_calls().await;
    let busy = json!({"method": "GET", "path": "/Asset", "kind": "status", "code": 429, "retry_after": 5, "skip": 3, "times": 2});
    house.halo.fault(busy).await;
    let state = sync(&house, SyncKind::Full).await;
    assert_eq!(of(&state, Kind::Computer).seen, 5000);
    assert_eq!(
        house.halo.counts().await["GET /Asset"],
        5 + 1 + 2,
        "pages, the empty one behind them, and two refusals"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sync_at_a_time_however_often_it_is_asked_for() {
    let house = House::new().await;
    settled(&house).await;
    house.halo.forget_calls().await;
    house.halo.fault(json!({"method": "GET", "path": "/Client", "kind": "hold"})).await;
    let (app, admin) = (house.app(), &house.admin);
    let asked = tokio::join!(
        app.sync_directory(admin, SyncKind::Full),
        app.sync_directory(admin, SyncKind::Full),
        app.sync_directory(admin, SyncKind::Changes)
    );
    asked.0.and(asked.1).and(asked.2).unwrap();
    assert!(app.directory_sync().await.unwrap().running.is_some());
    house.halo.no_faults().await;
    // A full one is more than what runs.
    settled(&house).await;
    let counts = house.halo.counts().await;
    assert!(counts["GET /Agent"].as_u64().unwrap() <= 2, "{counts:#}");
    let wanted = StepsQuery { lane: Some("directory".to_owned()), limit: 99, ..StepsQuery::default() };
    assert!(app.steps(admin, &wanted).await.unwrap().iter().all(|step| step.state == "done"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_two_chunks_is_made_good_by_running_again() {
    let mut house = House::with(Config { assets: Some(3500), ..Config::default() }, Change::default()).await;
    let first = house.sample_computer().await.computer.clone();
    house.assert_all_done().await;
    let state = house.halo.control("GET", "/state?only=assets", json!({})).await;
    let names: Vec<String> = state["assets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|asset| asset["client_id"] == 201 && asset["inactive"] != true && asset["id"] != 4301)
        .map(|asset| asset["key_field"].as_str().unwrap().to_owned())
        .collect();
    // More than two chunks, with names that are there and names that are not.
    let wanted: Vec<String> = names.iter().cloned().chain((0..2300).map(|n| format!("NOT-THERE-{n}"))).collect();
    fill(&house, &first, &wanted).await;
    house.app().sync_directory(&house.admin, SyncKind::Full).await.unwrap();
    let untried = async || {
        let rows = house.store().sync_rows(Kind::Computer, None, None, 10_000).await.unwrap();
        rows.iter().filter(|row| row.link.at.is_none()).count()
    };
    until("a chunk is written", async || untried().await < wanted.len()).await;
    house.crash();
    house.start().await;
    let state = settled(&house).await;
    let computers = of(&state, Kind::Computer);
    let there = u64::try_from(names.len()).unwrap();
    assert_eq!((computers.linked, computers.unlinked), (there + 1, 2300));
    house.assert_all_done().await;
    assert!(house.app().verify_audit().await.unwrap().faults.is_empty());
}

/// Computers at the place of another, past the enrolment.
async fn fill(house: &House, at: &Computer, names: &[String]) {
    let made: Vec<Computer> = names
        .iter()
        .map(|name| Computer {
            id: ComputerId::from_uuid(uuid()),
            name: name.clone(),
            machine_id: format!("machine of {name}"),
            ..at.clone()
        })
        .collect();
    crate::scale::insert(house.store(), made).await;
}

fn uuid() -> uuid::Uuid {
    use countersign_app::clock::Ids as _;
    countersign_app::clock::System.uuid()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alike_names_are_suggested_and_never_linked_by_themselves() {
    let house = House::new().await;
    let company = house.app().create_company(&house.admin, "Sample Dental Group, Ltd.").await.unwrap().company.id;
    sync(&house, SyncKind::Full).await;
    let found = link(&house, Kind::Company, company.as_str()).await;
    assert_eq!((found.state, found.psa_id), (LinkState::Unlinked, None));
    let suggested: Vec<&str> = found.candidates.iter().map(|candidate| candidate.psa_id.as_str()).collect();
    assert_eq!(suggested.first(), Some(&"201"));
    assert!(found.candidates.iter().all(|candidate| candidate.score < 1.0));
    house.app().link(&house.admin, Kind::Company, company.as_str(), Some("201")).await.unwrap();
    sync(&house, SyncKind::Full).await;
    assert_eq!(link(&house, Kind::Company, company.as_str()).await.how, Some(How::Manual));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_companies_of_one_name_are_not_tied_to_one_customer() {
    let house = House::new().await;
    let ours = house.app().create_company(&house.admin, "Not in Halo").await.unwrap().company.id;
    let tied = house.app().create_company(&house.admin, "The hotel").await.unwrap().company.id;
    house.app().link(&house.admin, Kind::Company, tied.as_str(), Some("205")).await.unwrap();
    house.assert_all_done().await;
    rename(&house, "/clients/205", "Not in Halo").await;
    for _ in 0..2 {
        sync(&house, SyncKind::Full).await;
        let asked = link(&house, Kind::Company, ours.as_str()).await;
        assert_eq!((asked.state, asked.candidates.len()), (LinkState::Ambiguous, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_for_all_takes_what_would_wait() {
    let house = House::new().await;
    let computer = house.computer("Nobody knows us", "Back door", "PC-1").await;
    let waiting = house.ask(&computer).await;
    house.approve(&waiting).await;
    house.until_step(&waiting.id, "open_ticket", "parked").await;
    assert_eq!(house.app().ticketing_settings().catch_all_customer, None, "off by default");
    let set = async |customer: Option<&str>| {
        let change = Change { catch_all_customer: Some(customer.map(str::to_owned)), ..Change::default() };
        house.app().change_ticketing(Actor::Technician(house.admin.id.clone()), change).await
    };
    for wrong in ["999", "215", "x"] {
        assert!(set(Some(wrong)).await.is_err(), "{wrong}");
    }
    set(Some("209")).await.unwrap();
    house.assert_all_done().await;
    let ticket = house.assert_told(&waiting).await;
    assert_eq!((&ticket["client_id"], ticket["assets"].as_array().map(Vec::len)), (&json!(209), Some(0)));
    let text = ticket["details_html"].as_str().or(ticket["details"].as_str()).unwrap();
    assert!(text.contains("Nobody knows us") && text.contains(&waiting.received_at.for_people()), "{text}");
    let at_once = house.ask(&computer).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(at_once.id.as_str()).await["client_id"], 209);
    set(None).await.unwrap();
    let late = house.ask(&computer).await;
    house.until_step(&late.id, "open_ticket", "parked").await;
}
