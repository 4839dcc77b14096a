//! Customers, sites, people, assets, agents and configuration: the form of each list, and the look of its rows.

use halo_sim::{Config, Seed, Sim};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Halo;

#[tokio::test]
async fn enveloped_lists_are_enveloped() {
    let halo = Halo::start().await;
    for (path, key) in
        [("Client", "clients"), ("Site", "sites"), ("Users", "users"), ("Asset", "assets"), ("Tickets", "tickets")]
    {
        let (status, body) = halo.get(&format!("/{path}?pageinate=true&page_no=1&page_size=2")).await;
        assert_eq!(status, 200, "{path}");
        assert!(body["page_no"].is_i64() && body["page_size"].is_i64() && body["record_count"].is_i64());
        let rows = body[key].as_array().unwrap();
        for row in rows {
            let (status, one) = halo.get(&format!("/{}/{}", path.to_lowercase(), row["id"])).await;
            assert_eq!((status.as_u16(), &one["id"]), (200, &row["id"]));
        }
        assert_eq!(halo.get(&format!("/{path}/999999")).await.0, 404);
    }
    let (_, all) = halo.get("/Client?pageinate=true&page_no=1&page_size=999").await;
    assert_eq!(all["clients"].as_array().unwrap().len(), all["record_count"], "no cut at 100");
}

#[tokio::test]
async fn configuration_comes_in_bare_arrays() {
    let halo = Halo::start().await;
    for path in [
        "Agent",
        "Team",
        "TicketType",
        "Status",
        "Priority",
        "Outcome",
        "Category",
        "Lookup",
        "AssetType",
        "FieldInfo",
        "SLA",
        "TopLevel",
        "Organisation",
    ] {
        let (status, body) = halo.get(&format!("/{path}")).await;
        assert_eq!(status, 200, "{path}");
        let rows = body.as_array().unwrap_or_else(|| panic!("{path} is no array: {body}"));
        assert!(!rows.is_empty(), "{path}");
        let id = rows[0]["id"].as_str().map_or_else(|| rows[0]["id"].to_string(), str::to_owned);
        let (status, one) = halo.get(&format!("/{path}/{id}")).await;
        assert_eq!((status.as_u16(), &one["id"]), (200, &rows[0]["id"]), "{path}");
    }
    let names = async |path: &str, field: &str| -> Vec<String> {
        let (_, rows) = halo.get(path).await;
        rows.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
    };
    assert!(names("/Status", "name").await.contains(&"Closed".to_owned()));
    let open = names("/Status?excludeclosed=true", "name").await;
    assert!(
        open.contains(&"New".to_owned())
            && !open.contains(&"Closed".to_owned())
            && !open.contains(&"Resolved".to_owned())
    );
    assert!(names("/TicketType?can_create_only=true", "name").await.contains(&"Incident".to_owned()));
    let outcomes = names("/Outcome?tickettype_id=21", "outcome").await;
    assert!(outcomes.contains(&"Private Note".to_owned()) && !outcomes.contains(&"Submit for Approval".to_owned()));
    for lookup in [11, 12, 22, 27] {
        let (_, rows) = halo.get(&format!("/lookup?lookupid={lookup}")).await;
        assert!(!rows.as_array().unwrap().is_empty());
    }
    let (_, kind) = halo.get("/TicketType/21").await;
    let (_, workflow) = halo.get(&format!("/workflow/{}", kind["workflow_id"])).await;
    assert_eq!(workflow["steps"][0]["actions"][0]["action_id"], 7);
    let (_, departments) = halo.get("/TopLevel?agent_departments_only=true&include_teams=true").await;
    assert_eq!(departments[0]["teams"].as_array().unwrap().len(), 3);
    assert_eq!(halo.post("/Status", json!([{ "name": "x" }])).await.0, 403);
}

#[tokio::test]
async fn filters_of_the_directory() {
    let halo = Halo::start().await;
    let count = async |path: &str, key: &str| halo.get(path).await.1[key].as_array().unwrap().len();
    assert_eq!(count("/Client?search=dental", "clients").await, 2, "search is loose");
    assert_eq!(count("/Client?includeinactive=true", "clients").await, 12);
    assert_eq!(count("/Client", "clients").await, 11);
    assert_eq!(count("/Site?client_id=203", "sites").await, 3);
    assert_eq!(count("/Asset?client_id=201", "assets").await, 3);
    assert_eq!(count("/Asset?client_id=201&includeinactive=true", "assets").await, 4);
    assert_eq!(count("/Asset?inventory_number=SDG-FD-01", "assets").await, 1);
    assert_eq!(count("/Users?client_id=201&exclude_generaluser=true", "users").await, 3);
    let search =
        json!([{ "filter_name": "emailaddress", "filter_type": 2, "filter_value": "Alex.Sample@example.org" }])
            .to_string();
    assert_eq!(count(&format!("/Users?advanced_search={search}"), "users").await, 1);
}

#[tokio::test]
async fn what_changed_lately_can_be_asked_for() {
    let halo = Halo::start().await;
    for (list, control, id) in
        [("Client", "clients", 201), ("Site", "sites", 301), ("Users", "users", 7001), ("Asset", "assets", 4301)]
    {
        let ids = async |span: &str| {
            let (status, body) = halo.get(&format!("/{list}?includeinactive=true&{span}")).await;
            assert_eq!(status, 200, "{span}: {body}");
            body[control].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert!(ids("lastupdatefromdate=2001-01-01").await.is_empty(), "{list}: nobody wrote anything");
        halo.sim(Method::PATCH, &format!("/{control}/{id}"), json!({ "inactive": true })).await;
        assert_eq!(ids("lastupdatefromdate=2001-01-01").await, [id]);
        assert_eq!(ids("lastupdatefromdate=2001-01-01&lastupdatetodate=2101-01-01").await, [id]);
        assert!(ids("lastupdatefromdate=2101-01-01").await.is_empty());
        assert!(ids("lastupdatetodate=2001-01-01").await.is_empty());
        halo.switch("ignore_update_filter", json!(true)).await;
        assert!(ids("lastupdatefromdate=2101-01-01").await.len() > 3, "{list}: all of them");
        halo.switch("ignore_update_filter", json!(false)).await;
    }
    assert_eq!(halo.get("/Asset?lastupdatefromdate=yesterday").await.0, 400);
}

#[tokio::test]
async fn agents_hide_until_asked_for() {
    let halo = Halo::start().await;
    let names = async |query: &str| -> Vec<String> {
        let (_, rows) = halo.get(&format!("/Agent{query}")).await;
        rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["Maria Ruiz", "Sam Okoro", "Priya Nair"]);
    assert!(names("?includedisabled=true").await.contains(&"Former Colleague".to_owned()));
    assert!(names("?includeapiagents=true").await.contains(&"Countersign API".to_owned()));
    assert!(names("?includeunassigned=true").await.contains(&"Unassigned".to_owned()));
    let (_, me) = halo.get("/Agent/me").await;
    assert_eq!(
        (me["id"].as_i64(), me["isapiagent"].as_bool(), me["is_admin"].as_bool()),
        (Some(22), Some(true), Some(false))
    );
    assert_eq!(me["teams"][0]["otheragent_access"], true);
    assert!(me["departments"][0]["membershiplevel"].is_i64());
    assert_eq!(halo.get("/Users/me").await.1["emailaddress"], "countersign-api@example.com");
}

#[tokio::test]
async fn names_only_keeps_names() {
    let halo = Halo::start().await;
    let (_, client) = halo.get("/Client/201").await;
    assert_eq!(
        (client["name"].as_str(), client["ref"].as_str(), client["main_site_id"].as_i64()),
        (Some("Sample Dental Group"), Some(""), Some(0))
    );
    halo.right("Client Access Level", json!("Read Only")).await;
    let (_, client) = halo.get("/Client/201").await;
    assert_eq!((client["ref"].as_str(), client["main_site_id"].as_i64()), (Some("C-001"), Some(301)));
}

#[tokio::test]
async fn the_other_seed_shares_nothing_with_the_demo() {
    let demo = Halo::start().await;
    let other = Halo::with(Config { seed: Seed::Other, ..Config::default() }).await;
    let (demo, state) = (demo.state().await, other.state().await);
    for kind in ["clients", "sites", "assets", "users", "tickettypes", "statuses", "outcomes", "agents", "teams"] {
        let field = if kind == "outcomes" { "outcome" } else { "name" };
        let key = |rows: &Value| -> Vec<(String, String)> {
            let rows = rows[kind].as_array().unwrap().iter().filter(|row| row["id"] != 1 || kind != "agents");
            let field = if kind == "assets" { "inventory_number" } else { field };
            rows.map(|row| (row["id"].to_string(), row[field].as_str().unwrap().to_owned())).collect()
        };
        let (ours, theirs) = (key(&demo), key(&state));
        assert!(!theirs.is_empty());
        let shared_name = |name: &String| ["Main Street", "General User"].contains(&name.as_str());
        for (id, name) in &theirs {
            assert!(ours.iter().all(|(o, n)| o != id && (n != name || shared_name(name))), "{kind} {id} {name}");
        }
    }
    let (_, ticket) = other
        .post("/Tickets", json!([{ "summary": "x", "details": "y", "tickettype_id": 122, "client_id": 1601 }]))
        .await;
    let id = ticket["id"].as_i64().unwrap();
    let (status, _) = other
        .post("/Actions", json!([{ "ticket_id": id, "outcome": "Worked", "new_status": 48, "timetaken": 0.1 }]))
        .await;
    assert_eq!(status, 201);
    assert_eq!(other.get(&format!("/Tickets/{id}")).await.1["hasbeenclosed"], true);
}

#[tokio::test]
async fn seeds_fill_up_and_come_from_files() {
    let config = Config {
        clients: Some(40),
        sites: Some(60),
        assets: Some(500),
        agents: Some(12),
        seed: Seed::Empty,
        ..Config::default()
    };
    let state = Halo::with(config).await.state().await;
    let count = |kind: &str| state[kind].as_array().unwrap().len();
    assert_eq!((count("clients"), count("sites"), count("assets"), count("agents")), (40, 60, 500, 12));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.json");
    std::fs::write(&file, std::fs::read_to_string("seeds/demo.json").unwrap().replace("Incident", "Trouble")).unwrap();
    let halo = Halo::with(Config { seed: Seed::File(file.clone()), ..Config::default() }).await;
    assert_eq!(halo.get("/TicketType/21").await.1["name"], "Trouble");
    std::fs::write(&file, "{").unwrap();
    let error = Sim::start(Config { seed: Seed::File(file), ..Config::default() }).await.unwrap_err();
    assert!(error.to_string().contains("not in the form of a seed"));
}

#[tokio::test]
async fn a_port_in_use_is_a_sentence() {
    let halo = Halo::start().await;
    let listen = halo.sim.url().trim_start_matches("http://").parse().unwrap();
    let error = Sim::start(Config { listen, ..Config::default() }).await.unwrap_err();
    assert!(error.to_string().contains("choose another address"));
    halo.sim.stop().await;
    Sim::start(Config { listen, ..Config::default() }).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_share_of_the_filled_up_names_stands_twice_and_exactly_that_share() {
    let config =
        Config { seed: Seed::Empty, clients: Some(200), assets: Some(20_000), ambiguous: 5, ..Config::default() };
    let sim = Sim::start(config).await.unwrap();
    let state: Value = crate::client::http()
        .get(format!("{}/sim/v1/state?only=clients,assets", sim.url()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let doubled = |rows: &Value, name: &str| {
        let mut bearers = std::collections::HashMap::new();
        for row in rows.as_array().unwrap() {
            *bearers.entry((row["client_id"].to_string(), row[name].to_string())).or_insert(0) += 1;
        }
        assert!(bearers.values().all(|n| *n <= 2));
        (rows.as_array().unwrap().len(), bearers.values().filter(|n| **n == 2).count())
    };
    assert_eq!(doubled(&state["clients"], "name"), (200, 10));
    assert_eq!(doubled(&state["assets"], "key_field"), (20_000, 1000));
    sim.stop().await;
}
