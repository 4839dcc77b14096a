//! What a person reads where HaloPSA cannot be used: when he saves a connection, in the check's lines, in the banner, and
//! under an attempt of a step. The sentences themselves are held word for word beside the provider; here it is held that
//! they arrive in every place, whole, and that nothing is kept of a connection that does not work.

use countersign_app::{psa::CheckStatus, ticketing::Change};
use countersign_domain::id::RequestId;
use halo_sim::Config;
use serde_json::{Value, json};

use crate::house::{House, until};

/// Ends as a sentence does, and is no library's word to a programmer.
fn is_a_sentence(text: &str) {
    assert!(text.ends_with(['.', ')', ']']) && text.contains(' '), "{text:?}");
    for bare in ["error sending request", "client error", "hyper", "..", ". ."] {
        assert!(!text.contains(bare), "{bare:?} in {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saving_a_connection_that_does_not_work_says_why_and_keeps_nothing() {
    let house = House::not_set_up(Config::default()).await;
    let sim = house.halo.sim().url();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = |text: &str| Some(text.to_owned());
    let addresses = |root: &str| Change {
        resource_url: Some(format!("{root}/api")),
        auth_url: Some(format!("{root}/auth")),
        ..house.connection()
    };
    let page = json!({"kind": "garbage", "form": "html"});
    let at = |path: &str, fault: &Value| {
        let mut fault = fault.clone();
        fault["path"] = json!(path);
        fault
    };
    let nothing = Value::Null;
    for (what, change, fault, words) in [
        (
            "wrong secret",
            Change { client_secret: text("not it"), ..house.connection() },
            nothing.clone(),
            ["The specified client credentials are invalid", "secret"],
        ),
        (
            "wrong tenant",
            Change { tenant: Some(text("elsewhere")), ..house.connection() },
            nothing.clone(),
            ["The specified tenant is not valid", "tenant"],
        ),
        (
            "a page in place of a token",
            house.connection(),
            at("/auth/token", &page),
            ["a web page titled \"Maintenance\"", "Authorisation Server"],
        ),
        (
            "a page in place of its addresses",
            house.connection(),
            at("/authinfo", &page),
            ["a web page titled \"Maintenance\"", "/api"],
        ),
        (
            "a server that fails",
            house.connection(),
            at("/auth/token", &json!({"kind": "status", "code": 503})),
            ["Service Unavailable", "try again"],
        ),
        (
            "nobody listens",
            addresses(&format!("http://{closed}")),
            nothing.clone(),
            ["the connection is refused", "Check"],
        ),
        (
            "no such host",
            addresses("https://halo.invalid"),
            nothing.clone(),
            ["There is no host halo.invalid", "Check"],
        ),
        (
            "https where there is none",
            addresses(&sim.replace("http://", "https://")),
            nothing.clone(),
            ["does not speak https", "Check"],
        ),
        (
            "an address that is not allowed",
            addresses("https://10.0.0.1"),
            nothing.clone(),
            ["10.0.0.1 is a private address", "halo.allow_hosts = [\"10.0.0.1\"]"],
        ),
        ("no address", addresses("halo"), nothing.clone(), ["is not an address", "https://example.halopsa.com/api"]),
    ] {
        if !fault.is_null() {
            house.halo.fault(fault).await;
        }
        let refused = house.app().change_ticketing(house.by(), change).await.expect_err(what).to_string();
        for words in words {
            assert!(refused.to_lowercase().contains(&words.to_lowercase()), "{what}: {words:?} in {refused:?}");
        }
        is_a_sentence(&refused);
        assert_eq!(house.app().ticketing().settings.connection, None, "{what}");
        assert!(!house.app().ticketing().secret_set, "{what}");
        house.halo.no_faults().await;
    }
    house.app().change_ticketing(house.by(), house.connection()).await.unwrap();
}

/// The attempt of a request's opening that says this.
async fn attempt_says(house: &House, request: &RequestId, told: &str) {
    until(&format!("an attempt says {told:?}"), async || {
        let detail = house.app().request_detail(&house.admin, request).await.unwrap();
        detail.attempts.iter().any(|attempt| attempt.words == told)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_failed_says_why_and_what_to_do() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    house.assert_all_done().await;
    for (fault, told) in [
        (
            json!({"kind": "garbage", "form": "html"}),
            "HaloPSA's answer to the ticket is not what was asked for: a web page titled \"Maintenance\". If HaloPSA works \
             in a browser, check the resource server under Settings, Ticketing System: it is on HaloPSA's page \"HaloPSA \
             API\" and ends with /api.",
        ),
        (
            json!({"kind": "status", "code": 503}),
            "HaloPSA failed at the ticket: a web page titled \"Service Unavailable\". This is on HaloPSA's side; if it \
             goes on, look at its status page or ask its support.",
        ),
        (
            json!({"kind": "status", "code": 403, "body": {"Message": "You do not have permission to do this."}}),
            "HaloPSA does not allow the ticket: You do not have permission to do this. Give the application the permission \
             edit:tickets, and its agent Tickets Access Level: Read and Modify, and Can add new Tickets: Yes.",
        ),
        (
            json!({"kind": "status", "code": 400, "body": {"Message": "Please select a category"}}),
            "HaloPSA refuses the ticket: Please select a category. Change what it names, in HaloPSA or under Settings, \
             Ticketing System, and try again.",
        ),
    ] {
        let mut fault = fault;
        fault["path"] = json!("/Tickets");
        fault["method"] = json!("POST");
        fault["times"] = json!(1);
        house.halo.fault(fault).await;
        let request = house.ask(&computer).await;
        attempt_says(&house, &request.id, told).await;
        // Where a right may be missing, the watch over rights tries again by itself. What is wrong with one ticket waits.
        if told.contains("try again.") {
            house.until_step(&request.id, "open_ticket", "attention").await;
            let steps = house.steps_of(&request.id).await;
            let step = steps.iter().find(|step| step.kind == "open_ticket").unwrap();
            house.app().retry_step(&house.admin, &step.id.parse().unwrap()).await.unwrap();
        }
        house.assert_all_done().await;
        assert_eq!(house.halo.tickets_of(request.id.as_str()).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_changed_in_halo_later_is_told_in_banner_check_and_attempt() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    house.assert_all_done().await;
    let body = json!({"error": "invalid_client", "error_description": "The specified client credentials are invalid."});
    house.halo.fault(json!({"path": "/auth/token", "kind": "status", "code": 401, "body": body})).await;
    house.halo.control("POST", "/tokens/expire", json!({})).await;
    let request = house.ask(&computer).await;
    let told = "HaloPSA does not know our application by this id and secret: The specified client credentials are \
                invalid. Copy client id and secret anew from the application's Details tab in HaloPSA and enter them under \
                Settings, Ticketing System; a secret is shown only once.";
    attempt_says(&house, &request.id, told).await;
    until("the banner says it", async || house.app().ticketing().trouble.as_deref() == Some(told)).await;
    let checks = house.app().check_ticketing(&house.admin, None).await.unwrap().told();
    let line = checks.iter().find(|check| check.status == CheckStatus::Fail).unwrap();
    assert!(line.seen.contains("The specified client credentials are invalid"), "{line:?}");
    assert!(line.fix.as_ref().is_some_and(|fix| fix.contains("secret")), "{line:?}");

    house.halo.no_faults().await;
    house.app().change_ticketing(house.by(), house.connection()).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.halo.tickets_of(request.id.as_str()).await.len(), 1);
    assert_eq!(house.app().ticketing().trouble, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_could_not_be_looked_for_says_why_under_its_step_and_is_looked_for_again() {
    let house = House::new().await;
    house.assert_all_done().await;
    house.halo.fault(json!({"path": "/Client", "kind": "garbage", "form": "html", "times": 1})).await;
    let company = house.app().create_company(&house.admin, "Sample Bakery").await.unwrap().company.id;
    let told =
        "HaloPSA's answer to the list of customers is not what was asked for: a web page titled \"Maintenance\".";
    let step =
        async || house.steps().await.into_iter().find(|step| step.subject == format!("company/{company}")).unwrap();
    until("the step was tried", async || step().await.attempts > 0).await;
    house.assert_all_done().await;
    let (_, attempts) = house.app().step_attempts(&house.admin, &step().await.id.parse().unwrap()).await.unwrap();
    assert!(attempts[0].words.starts_with(told), "{attempts:?}");
    assert!(house.app().company(&house.admin, &company).await.unwrap().link.psa_id.is_some());
}
