//! The guided set-up: a new application is waited for, what was typed is kept, and customers become companies once.

use std::{collections::BTreeSet, time::Duration};

use countersign_app::{
    customers::Which,
    setup::{Attempt, SecretKept, Step, Typed},
};
use countersign_domain::link::LinkState;
use halo_sim::Config;
use serde_json::json;

use crate::house::{Ground, House, until};

fn typed(house: &House) -> Typed {
    let change = house.connection();
    Typed {
        resource_url: change.resource_url.unwrap(),
        auth_url: change.auth_url.unwrap(),
        tenant: change.tenant.flatten().unwrap(),
        client_id: change.client_id.unwrap(),
    }
}

/// Tries a connection to its end.
async fn tried(house: &House, typed: Typed, secret: Option<&str>) -> Attempt {
    house.app().start_connecting(&house.admin, typed, secret).await.unwrap().await.unwrap();
    house.app().connecting().unwrap().state
}

async fn tokens_asked(house: &House) -> usize {
    let calls = house.halo.control("GET", "/calls", json!({})).await;
    let all = calls["calls"].as_array().unwrap();
    all.iter().filter(|call| call["path"].as_str().is_some_and(|path| path.ends_with("/token"))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_halo_knows_after_some_seconds_is_let_in() {
    let house = House::not_set_up(Config::default()).await;
    let body = json!({ "error": "invalid_client", "error_description": "Not known" });
    house.halo.fault(json!({"path": "/auth/token", "kind": "status", "code": 401, "times": 4, "body": body})).await;
    let secret = house.halo.sim().client_secret().to_owned();
    assert_eq!(tried(&house, typed(&house), Some(&secret)).await, Attempt::InForce);
    assert!(house.app().connecting().unwrap().tries >= 5);
    let progress = house.app().setup_progress().await.unwrap();
    assert_eq!(progress.typed, None);
    assert!(progress.passed.contains(&Step::Connection));
    assert_eq!(house.app().secret_kept().await.unwrap(), SecretKept::InForce);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_is_given_up_after_half_a_minute_and_what_was_in_force_stays() {
    // So slow that half a minute is not over before the machine has asked for a token twice.
    let house = House::on(Ground { rate: Some(8), ..Ground::default() }).await;
    house.set_up(countersign_app::ticketing::Change::default()).await;
    let before = house.app().ticketing_settings();
    let wrong = Typed { client_id: "other".to_owned(), ..typed(&house) };
    let began = house.clock.now_time();
    let Attempt::Failed { code, field, sentence } = tried(&house, wrong.clone(), Some("wrong")).await else {
        panic!("it is not let in")
    };
    assert_eq!((code, field), ("invalid_client", Some("client_secret")));
    assert!(sentence.contains("Details tab"), "{sentence}");
    let took = house.clock.now_time().seconds_since(began);
    assert!((30..60).contains(&took), "{took} s");
    assert_eq!(house.app().ticketing_settings(), before);
    // What was typed is there for the next try, the secret too.
    assert_eq!(house.app().setup_progress().await.unwrap().typed, Some(wrong));
    assert_eq!(house.app().secret_kept().await.unwrap(), SecretKept::Typed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_refusal_than_an_unknown_application_is_told_at_once() {
    let house = House::not_set_up(Config::default()).await;
    let body = json!({ "error": "invalid_scope" });
    house.halo.fault(json!({"path": "/auth/token", "kind": "status", "code": 400, "body": body})).await;
    let secret = house.halo.sim().client_secret().to_owned();
    let state = tried(&house, typed(&house), Some(&secret)).await;
    assert!(matches!(&state, Attempt::Failed { code: "connection_failed", .. }), "{state:?}");
    assert!(tokens_asked(&house).await <= 3, "it is not asked again and again");
    let nothing = tried(&house, Typed::default(), None).await;
    assert!(matches!(nothing, Attempt::Failed { code: "missing", field: Some("resource_url"), .. }), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_try_takes_the_place_of_one_that_goes_on() {
    let house = House::not_set_up(Config::default()).await;
    let wrong = Typed { client_id: "other".to_owned(), ..typed(&house) };
    let first = house.app().start_connecting(&house.admin, wrong, Some("wrong")).await.unwrap();
    until("it is asked again", async || matches!(house.app().connecting().unwrap().state, Attempt::NotKnownYet(_)))
        .await;
    let secret = house.halo.sim().client_secret().to_owned();
    assert_eq!(tried(&house, typed(&house), Some(&secret)).await, Attempt::InForce);
    house.clock.forward(Duration::from_mins(1));
    first.await.unwrap();
    assert_eq!(house.app().connecting().unwrap().state, Attempt::InForce);
    assert_eq!(house.app().setup_progress().await.unwrap().typed, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_secret_or_address_keeps_every_link() {
    let house = House::new().await;
    let wanted = ["201".to_owned(), "202".to_owned()];
    let before = house.app().import_companies(&house.admin, &wanted).await.unwrap();
    let url = house.connection().resource_url.unwrap().replace("127.0.0.1", "localhost");
    let secret = house.halo.sim().client_secret().to_owned();
    let moved = Typed { resource_url: url.clone(), ..typed(&house) };
    let state = tried(&house, moved, Some(&secret)).await;
    assert!(state.is_over());
    for row in before {
        let now = house.app().company(&house.admin, &row.company.id).await.unwrap();
        assert_eq!((now.link.state, now.link.psa_id), (LinkState::Linked, row.link.psa_id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_customers_become_companies_once_and_without_a_call_for_each() {
    let house =
        House::with(Config { clients: Some(500), ..Config::default() }, countersign_app::ticketing::Change::default())
            .await;
    house.halo.control("DELETE", "/calls", json!({})).await;
    house.app().start_import(&house.admin, Which::All).await.unwrap().await.unwrap();
    let import = house.app().import().unwrap();
    assert_eq!((import.seen, import.failed), (import.total, 0), "{:?}", import.failures);
    let linked = house.app().linked_customers(&house.admin).await.unwrap();
    assert_eq!(linked.len(), import.total);
    let calls = house.halo.control("GET", "/calls", json!({})).await;
    let one_by_one = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["path"].as_str().is_some_and(|path| path.to_lowercase().contains("/client/")));
    assert_eq!(one_by_one.count(), 0);
    house.app().start_import(&house.admin, Which::All).await.unwrap().await.unwrap();
    assert_eq!(house.app().import().unwrap().made, 0, "nothing is made twice");
    let one = house.app().start_import(&house.admin, Which::Only(BTreeSet::from(["nothing".to_owned()]))).await;
    assert_eq!(one.unwrap_err().code(), "none_chosen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_customers_of_one_name_become_two_companies_and_an_unlinked_company_of_the_name_is_taken() {
    let house = House::new().await;
    let hand = house.app().create_company(&house.admin, "sample bakery").await.unwrap().company.id;
    house.app().unlink(&house.admin, countersign_domain::link::Kind::Company, hand.as_str()).await.unwrap();
    house.halo.control("PATCH", "/clients/208", json!({"name": "Sample Bakery"})).await;
    house.app().forget_customers();
    let both = Which::Only(BTreeSet::from(["207".to_owned(), "208".to_owned()]));
    house.app().start_import(&house.admin, both).await.unwrap().await.unwrap();
    let import = house.app().import().unwrap();
    assert_eq!((import.linked, import.made, import.failed), (1, 1, 0), "{:?}", import.failures);
    let linked = house.app().linked_customers(&house.admin).await.unwrap();
    assert!(linked.contains("207") && linked.contains("208"), "{linked:?}");
    let first = house.app().company(&house.admin, &hand).await.unwrap();
    assert!(matches!(first.link.psa_id.as_deref(), Some("207" | "208")));
}
