//! What the clients refuse to call, told by real requests.

#![expect(clippy::expect_used, reason = "the fixtures of tests may fail loudly, as tests do")]

use std::time::Duration;

use countersign_egress::{BodyError, Egress, EgressConfig, read_capped};
use url::Url;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn egress(allow: &[&str]) -> Egress {
    let allow_hosts = allow.iter().map(|&host| host.to_owned()).collect();
    Egress::new(&EgressConfig { allow_hosts, ..EgressConfig::default() }).expect("set up")
}

fn url(text: &str) -> Url {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The whole chain of an error, as an operator would read it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

#[test]
fn digits_in_every_disguise_are_refused() {
    let egress = egress(&[]);
    for text in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[fd00:ec2::254]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://１２７.０.０.１/",
        "https://0/",
    ] {
        let refusal = egress.check(&url(text)).expect_err(text);
        assert!(refusal.to_string().contains("halo.allow_hosts = ["), "{text}: {refusal}");
    }
}

#[test]
fn scheme_and_credentials_are_checked() {
    let egress = egress(&["halo.corp.example"]);
    for text in ["http://halo.example.com/", "ftp://halo.example.com/", "file:///etc/passwd", "data:text/plain,x"] {
        egress.check(&url(text)).expect_err(text);
    }
    egress.check(&url("https://10.0.0.1@halo.corp.example/")).expect_err("user name");
    egress.check(&url("https://:secret@halo.corp.example/")).expect_err("password");
    egress.check(&url("http://halo.corp.example/api")).expect("named hosts may be plain");
    egress.check(&url("https://halo.example.com/api")).expect("public names pass until they resolve");
}

#[test]
fn the_refusal_shows_the_line() {
    let refusal = egress(&[]).check(&url("http://10.0.0.5:8443/api")).expect_err("private");
    assert_eq!(refusal.line_to_add().as_deref(), Some(r#"halo.allow_hosts = ["10.0.0.5:8443"]"#));
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_refused_at_connect_time() {
    let target = url("https://localhost:1/");
    let client = egress(&[]).client_for(&[&target]).expect("names pass the first check");
    let error = client.get(target).send().await.expect_err("loopback");
    assert!(error.is_connect(), "nothing may have been sent");
    let text = chain(&error);
    assert!(text.contains("loopback") && text.contains(r#"halo.allow_hosts = ["localhost"]"#), "{text}");
}

#[tokio::test]
async fn named_hosts_are_reached_and_redirects_are_not_followed() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/");
    Mock::given(any()).respond_with(answer).expect(1).mount(&server).await;
    let target = url(&server.uri().replace("127.0.0.1", "localhost"));
    let egress = egress(&["localhost"]);
    let client = egress.client_for(&[&target]).expect("allowed");
    let response = client.get(target).send().await.expect("reached");
    assert_eq!(response.status().as_u16(), 302);
}

#[tokio::test]
async fn a_large_body_is_given_up() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 5000])).mount(&server).await;
    let target = url(&server.uri());
    let client = egress(&["127.0.0.1"]).client_for(&[&target]).expect("allowed");
    let get = || async { client.get(target.clone()).send().await.expect("reached") };
    assert_eq!(read_capped(get().await, 5000).await.expect("fits").len(), 5000);
    assert!(matches!(read_capped(get().await, 4999).await, Err(BodyError::TooLarge(4999))));
}

#[tokio::test]
async fn the_deadline_holds_for_a_server_that_never_answers() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let target = url(&format!("http://{}", listener.local_addr().expect("address")));
    let config = EgressConfig {
        allow_hosts: vec!["127.0.0.1".into()],
        deadline: Duration::from_millis(100),
        ..EgressConfig::default()
    };
    let client = Egress::new(&config).expect("set up").client_for(&[&target]).expect("allowed");
    let error = client.get(target).send().await.expect_err("silence");
    assert!(error.is_timeout() && !error.is_connect());
}
