//! Directory records by name and by id, and what can be chosen.

use countersign_domain::link::{Kind, LinkState, find};
use countersign_domain::time::Time;
use countersign_psa::{Class, SweepRange};
use halo_sim::{Config, Seed};
use serde_json::json;

use crate::desk::{Desk, NOW, new_ticket};

async fn ids(desk: &Desk, kind: Kind, customer: Option<&str>, name: &str) -> Vec<String> {
    let found = desk.psa.look_up(kind, customer, name).await.unwrap();
    found.into_iter().map(|theirs| theirs.psa_id).collect()
}

#[tokio::test]
async fn names_are_found_exactly_and_inside_their_customer() {
    for switches in [json!({}), json!({"doubles_as": "12.0", "unpaged_rows": "50"})] {
        let desk = Desk::with_switches(switches).await;
        assert_eq!(ids(&desk, Kind::Company, None, "Sample Dental Group").await, ["201"]);
        assert_eq!(ids(&desk, Kind::Company, None, "  sample  dental GROUP ").await, ["201"]);
        assert!(ids(&desk, Kind::Company, None, "Sample").await.is_empty(), "loosely alike is not the same");
        assert!(ids(&desk, Kind::Company, None, "").await.is_empty());
        // Every second customer has a "Main Street".
        assert_eq!(ids(&desk, Kind::Location, Some("201"), "Main Street").await, ["301"]);
        assert_eq!(ids(&desk, Kind::Location, Some("202"), "Main Street").await, ["303"]);
        assert_eq!(ids(&desk, Kind::Computer, Some("202"), "DFL-YARD-01").await, ["4306"]);
        assert!(ids(&desk, Kind::Computer, Some("201"), "DFL-YARD-01").await.is_empty(), "another customer's");
        assert_eq!(ids(&desk, Kind::Contact, Some("201"), "Alex.Sample@example.org").await, ["7001"]);
        assert!(ids(&desk, Kind::Contact, Some("202"), "alex.sample@example.org").await.is_empty());
        assert_eq!(ids(&desk, Kind::Technician, None, "SAM.OKORO@example.com").await, ["28"]);
        assert!(ids(&desk, Kind::Technician, None, "former.colleague@example.com").await.is_empty(), "disabled");
        assert!(ids(&desk, Kind::Technician, None, "countersign-api@example.com").await.is_empty(), "no person");
        let nowhere = desk.psa.look_up(Kind::Location, None, "Main Street").await.expect_err("which customer?");
        assert_eq!(nowhere.class, Class::Refused);
    }
}

#[tokio::test]
async fn doubles_are_all_found_so_that_nothing_is_linked_by_chance() {
    let desk = Desk::open().await;
    desk.control("PATCH", "/clients/202", json!({"name": "Sample Dental Group"})).await;
    let found = desk.psa.look_up(Kind::Company, None, "Sample Dental Group").await.unwrap();
    assert_eq!(find("Sample Dental Group", &found, NOW).state, LinkState::Ambiguous);
    desk.control("PATCH", "/clients/202", json!({"inactive": true})).await;
    assert_eq!(ids(&desk, Kind::Company, None, "Sample Dental Group").await, ["201"], "inactive ones do not count");
}

#[tokio::test]
async fn records_by_id_show_renames_and_vanish() {
    let desk = Desk::open().await;
    desk.control("PATCH", "/clients/201", json!({"name": "Sample Dental & Partners"})).await;
    let renamed = desk.psa.record(Kind::Company, "201").await.unwrap().unwrap();
    assert_eq!(renamed.psa_name, "Sample Dental & Partners");
    assert_eq!(ids(&desk, Kind::Company, None, "Sample Dental & Partners").await, ["201"]);
    for (kind, id) in
        [(Kind::Location, "301"), (Kind::Computer, "4301"), (Kind::Technician, "28"), (Kind::Contact, "7001")]
    {
        assert!(desk.psa.record(kind, id).await.unwrap().is_some(), "{kind:?}");
        assert!(desk.psa.record(kind, "999999").await.unwrap().is_none(), "{kind:?}");
    }
}

#[tokio::test]
async fn long_lists_are_complete_and_limits_hold() {
    let desk = Desk::with(Config { clients: Some(1300), assets: Some(2500), ..Config::default() }).await;
    let all = desk.psa.records(Kind::Company, None, usize::MAX).await.unwrap();
    let state = desk.control("GET", "/state", json!({})).await;
    let active = state["clients"].as_array().unwrap().iter().filter(|client| client["inactive"] != true).count();
    assert!(active > 1200, "{active}");
    assert_eq!(all.len(), active);
    assert!(all.is_sorted_by_key(|one| one.psa_name.to_lowercase()));
    assert_eq!(desk.psa.records(Kind::Company, None, 20).await.unwrap().len(), 20);
    let people = desk.psa.records(Kind::Technician, None, 100).await.unwrap();
    assert!(people.iter().all(|one| one.psa_id != "1" && one.psa_id != "22" && one.psa_name != "Former Colleague"));
}

#[tokio::test]
async fn a_search_finds_what_is_beyond_the_first_thousand() {
    // Two hundred assets at each of thirty sites, and those of one customer.
    let desk = Desk::with(Config { assets: Some(30_000), ..Config::default() }).await;
    let state = desk.control("GET", "/state", json!({})).await;
    let mut of_201 = state["assets"].as_array().unwrap().iter().filter(|asset| asset["client_id"] == 201);
    let (count, last) = (of_201.clone().count(), of_201.next_back().unwrap().clone());
    assert!(count > 1100, "{count}");
    let (id, name) = (last["id"].to_string(), last["inventory_number"].as_str().unwrap().to_owned());
    let first = desk.psa.search(Kind::Computer, Some("201"), "", 1000).await.unwrap();
    assert!(first.len() == 1000 && first.iter().all(|one| one.psa_id != id), "the list alone does not reach it");

    let part = &name.to_lowercase()[3..];
    let found = desk.psa.search(Kind::Computer, Some("201"), &format!("  {part} "), 1000).await.unwrap();
    assert_eq!(found.iter().map(|one| one.psa_id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    let by_id = desk.psa.search(Kind::Computer, Some("201"), &id, 1000).await.unwrap();
    assert!(by_id.iter().any(|one| one.psa_id == id), "by its id too");
    assert!(desk.psa.search(Kind::Computer, Some("202"), &name, 1000).await.unwrap().is_empty(), "another customer's");
    let foreign = desk.psa.search(Kind::Computer, Some("202"), &id, 1000).await.unwrap();
    assert!(foreign.iter().all(|one| one.psa_id != id), "not by its id either");
    let many = desk.psa.search(Kind::Computer, Some("201"), "pc-", 25).await.unwrap();
    assert_eq!(many.len(), 25);

    // A name that stands in a field of the asset's type alone.
    let fields = json!([{"id": 1, "name": "Device Name", "value": "FRONT-DESK-PC", "display": "FRONT-DESK-PC"}]);
    desk.control("PATCH", &format!("/assets/{id}"), json!({ "fields": fields })).await;
    let found = desk.psa.search(Kind::Computer, Some("201"), "front-desk", 1000).await.unwrap();
    assert_eq!(found.iter().map(|one| one.psa_id.as_str()).collect::<Vec<_>>(), [id.as_str()]);

    for (kind, customer, part, wanted) in [
        (Kind::Company, None, "dental  GROUP", "201"),
        (Kind::Location, Some("202"), "main", "303"),
        (Kind::Contact, Some("201"), "alex.sample@", "7001"),
        (Kind::Technician, None, "okoro", "28"),
    ] {
        let found = desk.psa.search(kind, customer, part, 1000).await.unwrap();
        assert_eq!(found.iter().map(|one| one.psa_id.as_str()).collect::<Vec<_>>(), [wanted], "{kind:?}");
        let by_id = desk.psa.search(kind, customer, wanted, 1000).await.unwrap();
        assert!(by_id.iter().any(|one| one.psa_id == wanted), "{kind:?} by id");
    }
}

#[tokio::test]
async fn choices_of_the_demo() {
    let desk = Desk::open().await;
    let choices = desk.psa.choices(None).await.unwrap();
    assert_eq!(choices.suggested.ticket_type.as_deref(), Some("21"));
    assert_eq!(choices.suggested.status_open.as_deref(), Some("1"));
    assert_eq!(choices.suggested.status_closed.as_deref(), Some("9"));
    assert_eq!(choices.suggested.outcome.as_deref(), Some("7"));
    let closed: Vec<&str> = choices.statuses.iter().filter(|status| status.closed).map(|s| s.id.as_str()).collect();
    assert_eq!(closed, ["8", "9"]);
    assert!(choices.outcomes.iter().all(|outcome| outcome.id != "599" && outcome.id != "511"), "not of this workflow");
    assert!(choices.agents.iter().any(|agent| agent.name == "Sam Okoro"));
    assert!(choices.teams.iter().any(|team| team.name == "1st Line Support"));
    let ids = |list: &[countersign_psa::Choice]| list.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&choices.priorities), ["41", "42", "43", "44"], "those of the type's service level alone");
    assert_eq!(ids(&choices.charge_rates), ["1", "2"]);
    assert!(ids(&choices.sources).contains(&"31".to_owned()));
    assert!(ids(&choices.categories).contains(&"Software>Elevation".to_owned()));
    assert!(choices.categories.iter().all(|category| category.name != "Routine"), "of the second field");
    assert!(choices.custom_fields.iter().any(|field| field.name == "CFComputer" && field.label == "Computer"));
    assert_eq!(ids(&desk.psa.choices(Some("26")).await.unwrap().priorities), ["45", "46"]);
    let change = desk.psa.choices(Some("24")).await.unwrap();
    assert!(change.outcomes.iter().any(|outcome| outcome.id == "511"));
    assert!(change.outcomes.iter().all(|outcome| outcome.id != "508"));
}

#[tokio::test]
async fn choices_under_other_names() {
    let desk = Desk::with(Config { seed: Seed::Other, ..Config::default() }).await;
    let choices = desk.psa.choices(None).await.unwrap();
    let suggested = &choices.suggested;
    let status = |id: &Option<String>| choices.statuses.iter().find(|status| Some(&status.id) == id.as_ref()).unwrap();
    assert!(choices.ticket_types.iter().any(|kind| Some(&kind.id) == suggested.ticket_type.as_ref()));
    assert!(!status(&suggested.status_open).closed && status(&suggested.status_closed).closed);
    let outcome = choices.outcomes.iter().find(|outcome| Some(&outcome.id) == suggested.outcome.as_ref()).unwrap();
    assert!(!outcome.sends_mail && outcome.sets_status.is_none());
}

#[tokio::test]
async fn a_walk_shows_every_customers_records_and_those_out_of_use() {
    let desk = Desk::with(Config { clients: Some(40), assets: Some(2500), ..Config::default() }).await;
    // Asked for what changed, a Halo may give all.
    desk.control("PATCH", "/switches", json!({ "ignore_update_filter": true })).await;
    let mut walk = desk.psa.walk(Kind::Computer, Some(NOW));
    let (mut rows, mut told) = (Vec::new(), Vec::new());
    while let Some(page) = walk.next().await.unwrap() {
        rows.extend(page.rows);
        told.push((page.seen, page.total));
    }
    assert_eq!(told, [(1000, Some(2500)), (2000, Some(2500)), (2500, Some(2500))]);
    assert_eq!(rows.len(), 2500);
    let old = rows.iter().find(|row| row.psa_id == "4350").unwrap();
    assert_eq!((old.inactive, old.customer.as_deref()), (true, Some("201")));
    let calls = desk.control("GET", "/calls", json!({})).await;
    let query = calls["calls"].as_array().unwrap().last().unwrap()["query"].as_str().unwrap().to_owned();
    assert!(query.contains("lastupdatefromdate=2026-09-01T08%3A00%3A00"), "{query}");
    let mut agents = desk.psa.walk(Kind::Technician, None);
    let page = agents.next().await.unwrap().unwrap();
    let keys = |id: &str| page.rows.iter().find(|row| row.psa_id == id).map(|row| (row.inactive, row.keys.len()));
    assert_eq!(
        (keys("28"), keys("30"), keys("22"), keys("1")),
        (Some((false, 1)), Some((true, 1)), Some((false, 0)), None)
    );
    assert_eq!(agents.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_walk_over_a_list_that_counts_more_than_it_gives_ends_with_a_fault() {
    let desk = Desk::open().await;
    let same = json!({"page_no": 1, "page_size": 1000, "record_count": 5000, "clients": [{"id": 201, "name": "Sample Dental Group"}]});
    let fault = json!({"method": "GET", "path": "/Client", "kind": "garbage", "body": same});
    desk.control("POST", "/faults", fault).await;
    let mut walk = desk.psa.walk(Kind::Company, None);
    assert_eq!(walk.next().await.unwrap().unwrap().rows.len(), 1);
    let fault = loop {
        match walk.next().await {
            Ok(page) => assert!(page.is_some(), "the list has no end that can be relied on"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.cause, countersign_psa::Cause::NotUnderstood);
    assert!(fault.words.contains("has holes"), "{fault}");
}

/// A page that fails is asked for again where the one before it came; on a page's fourth failure the walk is given up.
#[tokio::test]
async fn a_long_walk_over_tickets_outlasts_pages_that_fail() {
    let desk = Desk::open().await;
    for n in 1..=130 {
        desk.psa.open_ticket(&new_ticket(n)).await.unwrap();
    }
    let fault = async |skip: u64, times: u64, code: u16| {
        desk.control("DELETE", "/faults", json!({})).await;
        desk.fault("/Tickets", "status", json!({ "method": "GET", "code": code, "skip": skip, "times": times })).await;
    };
    for code in [500, 429] {
        fault(1, 3, code).await;
        let changed = desk.psa.changed_tickets(Time(0), 1000).await.unwrap();
        assert!(changed.len() >= 130, "{}", changed.len());
        fault(1, 4, code).await;
        assert!(desk.psa.changed_tickets(Time(0), 1000).await.is_err());
        fault(0, 1, code).await;
        assert!(desk.psa.changed_tickets(Time(0), 1000).await.is_err(), "a Halo that is down is asked once");
    }
    // The second walk of a sweep begins where the first one was answered.
    let newest = desk.psa.changed_tickets(Time(0), 100).await.unwrap().remove(0).id;
    fault(1, 3, 500).await;
    let range = SweepRange { down_to: Some(newest), control: None };
    assert!(desk.psa.sweep(&range).await.unwrap().complete);
}
