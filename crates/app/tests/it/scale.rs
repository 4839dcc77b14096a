//! The directory sync at the size of a large provider: 500 customers, 100,000 assets. Counts, not timings; the timing is
//! a test of its own that runs when it is asked for (`docs/performance.md`).

use std::time::Duration;

use countersign_app::{
    budget::Allowance,
    clock::{Ids as _, System},
    sign_in::hash,
    sync::SyncState,
    ticketing::Change,
};
use countersign_domain::{
    audit::Actor,
    directory::{Company, Computer, Location},
    id::{CompanyId, ComputerId, LocationId},
    link::Kind,
    time::Time,
};
use countersign_store::Store;
use halo_sim::{Config, Seed};
use serde_json::json;

use crate::{halo::Halo, house::House, quick::pause, sync::of};

const CUSTOMERS: usize = 500;
const ASSETS: usize = 100_000;

/// Writes computers past the enrolment; the credential of each is `sample-` and its id.
pub(crate) async fn insert(store: &Store, computers: Vec<Computer>) {
    for part in computers.chunks(5000) {
        let part = part.to_vec();
        store
            .write(move |tx| {
                let part = part.clone();
                Box::pin(async move {
                    for computer in &part {
                        tx.insert_computer(computer, &hash(&format!("sample-{}", computer.id))).await?;
                    }
                    Ok(())
                })
            })
            .await
            .unwrap();
    }
}

/// True for what bears the name of the one before it, of a hundred exactly `percent`.
fn is_double(n: usize, percent: usize) -> bool {
    (n + 1) * percent / 100 > n * percent / 100
}

/// A company for each name of a customer, with a computer for each name of that customer's first `assets` assets.
async fn directory(store: &Store, percent: usize, assets: usize) -> (usize, Vec<Computer>) {
    let mut computers = Vec::new();
    let mut companies = 0;
    for customer in (0..CUSTOMERS).filter(|n| !is_double(*n, percent)) {
        companies += 1;
        let company = Company {
            id: CompanyId::from_uuid(System.uuid()),
            name: format!("Sample Customer {:05}", customer + 1),
            former_names: Vec::new(),
            created_at: Time(1),
        };
        let location = Location {
            id: LocationId::from_uuid(System.uuid()),
            company_id: company.id.clone(),
            name: "Main".to_owned(),
            created_at: Time(1),
        };
        for round in (0..assets).filter(|n| !is_double(*n, percent)) {
            let name = format!("PC-{:06}", round * CUSTOMERS + customer + 1);
            computers.push(Computer {
                id: ComputerId::from_uuid(System.uuid()),
                company_id: company.id.clone(),
                location_id: location.id.clone(),
                os: "Windows".to_owned(),
                os_version: "11".to_owned(),
                machine_id: format!("machine of {name}"),
                name,
                agent_version: "0.1.0".to_owned(),
                held: false,
                created_at: Time(1),
            });
        }
        store
            .write(move |tx| {
                let (company, location) = (company.clone(), location.clone());
                Box::pin(async move {
                    tx.insert_company(&company).await?;
                    tx.insert_location(&location).await
                })
            })
            .await
            .unwrap();
    }
    insert(store, computers.clone()).await;
    (companies, computers)
}

fn config(ambiguous: usize) -> Config {
    Config { seed: Seed::Empty, clients: Some(CUSTOMERS), assets: Some(ASSETS), ambiguous, ..Config::default() }
}

async fn connect(house: &House) {
    let budget = Some(Allowance { off: true, ..Allowance::default() });
    let change = Change { budget, ..house.connection() };
    house.app().change_ticketing(Actor::Technician(house.admin.id.clone()), change).await.unwrap();
}

/// Waits for the sync that a new connection begins, however long it takes.
async fn over(house: &House) -> SyncState {
    loop {
        let state = house.app().directory_sync().await.unwrap();
        if state.running.is_none() && state.full_at.is_some() {
            return state;
        }
        pause(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_assets_with_doubles_are_linked_exactly_in_few_calls_while_requests_come_in() {
    let house = House::not_set_up(config(5)).await;
    let (companies, computers) = directory(house.store(), 5, ASSETS / CUSTOMERS).await;
    assert_eq!((companies, computers.len()), (475, 475 * 190));
    connect(&house).await;
    let one = house.app().computer_caller(&format!("sample-{}", computers[0].id)).await.unwrap().unwrap();
    let mut accepted = 0;
    while house.app().directory_sync().await.unwrap().running.is_some() {
        house.ask(&one).await;
        accepted += 1;
        pause(Duration::from_millis(50)).await;
    }
    assert!(accepted > 3, "{accepted} requests were accepted meanwhile");
    let state = over(&house).await;
    let counts = |kind| {
        let summary = of(&state, kind);
        assert_eq!((summary.missing, &summary.note), (0, &None), "{summary:?}");
        (summary.seen, summary.linked, summary.ambiguous, summary.unlinked)
    };
    // 25 names of customers stand twice, and 10 of the 190 names of assets of each customer.
    assert_eq!(counts(Kind::Company), (500, 450, 25, 0));
    assert_eq!(counts(Kind::Location), (500, 450, 0, 25));
    assert_eq!(counts(Kind::Computer), (100_000, 450 * 180, 450 * 10, 25 * 190));
    let calls = house.halo.control("GET", "/calls", json!({})).await;
    let walked = |list: &str| {
        let calls = calls["calls"].as_array().unwrap().iter();
        calls.filter(|call| call["path"] == list && call["query"].as_str().unwrap().contains("page_size=1000")).count()
    };
    // 100 pages of assets; behind each list the page that has no more.
    assert_eq!(["/Client", "/Site", "/Asset", "/Users"].map(walked), [2, 2, 101, 2]);
}

/// How much work the linking of 100,000 computers to 100,000 assets is: this process's time on a processor, without the
/// simulator's. Prints it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: cargo test --release --test it -- --ignored --nocapture linking_a_hundred_thousand"]
async fn linking_a_hundred_thousand_computers() {
    let (halo, task) = Halo::apart(config(0)).await;
    let house = House::over(halo).await;
    let (_, computers) = directory(house.store(), 0, ASSETS / CUSTOMERS).await;
    assert_eq!(computers.len(), ASSETS);
    let work = || cpu("/proc/self/stat") - cpu(&format!("/proc/self/task/{task}/stat"));
    let before = work();
    connect(&house).await;
    let state = over(&house).await;
    let spent = work() - before;
    assert_eq!(of(&state, Kind::Computer).linked, 100_000);
    let (before, full) = (work(), state.full_at);
    house.app().sync_directory(&house.admin, countersign_app::sync::SyncKind::Full).await.unwrap();
    while over(&house).await.full_at == full {
        pause(Duration::from_millis(20)).await;
    }
    println!("linked 100,000 computers: {spent:.2} s of work; a sync with nothing to change: {:.2} s", work() - before);
}

/// Seconds on a processor so far, in the kernel and out of it, at a hundredth of a second.
fn cpu(stat: &str) -> f64 {
    let text = std::fs::read_to_string(stat).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
