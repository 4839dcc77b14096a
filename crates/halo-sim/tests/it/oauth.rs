//! The token endpoint, row by row, and what a token opens.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use halo_sim::Config;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::client::{Halo, SCOPES};

impl Halo {
    async fn ask(&self, query: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let url = format!("{}/auth/token{query}", self.sim.url());
        let answer = self.http.post(url).form(form).send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap())
    }
}

fn claims(jwt: &str) -> Value {
    let parts: Vec<&str> = jwt.split('.').collect();
    assert_eq!(parts.len(), 3);
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_has_every_field() {
    let halo = Halo::start().await;
    let (id, secret) = (halo.sim.client_id(), halo.sim.client_secret());
    let good = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", SCOPES)];
    for query in ["", "?tenant=sample"] {
        let (status, body) = halo.ask(query, &good).await;
        assert_eq!(status, 200);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], SCOPES);
        assert_eq!(claims(body["access_token"].as_str().unwrap())["scope"], SCOPES);
        let me = claims(body["id_token"].as_str().unwrap());
        assert_eq!(me["name"], "Countersign API");
        assert_eq!(me["email"], "countersign-api@example.com");
        assert_eq!(me["agent_id"], 22);
    }
    let (status, _) = halo.ask("", &[good.as_slice(), &[("tenant", "sample")]].concat()).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn each_mistake_has_its_oauth_error() {
    let halo = Halo::start().await;
    let (id, secret) = (halo.sim.client_id(), halo.sim.client_secret());
    let table: [(&str, &str, &str, &str, u16, &str); 9] = [
        ("client_credentials", id, "wrong", SCOPES, 401, "invalid_client"),
        ("client_credentials", "unknown", secret, SCOPES, 401, "invalid_client"),
        ("client_credentials", id, secret, "read:ticket", 400, "invalid_scope"),
        ("client_credentials", id, secret, "read:tickets read:agents", 400, "invalid_scope"),
        ("client_credentials", id, secret, "edit:customers", 400, "invalid_scope"),
        ("password", id, secret, SCOPES, 400, "unauthorized_client"),
        ("made_up", id, secret, SCOPES, 400, "unsupported_grant_type"),
        ("", id, secret, SCOPES, 400, "invalid_request"),
        ("client_credentials", "", secret, SCOPES, 400, "invalid_request"),
    ];
    for (grant, id, secret, scope, status, error) in table {
        let form = [("grant_type", grant), ("client_id", id), ("client_secret", secret), ("scope", scope)];
        let (got, body) = halo.ask("", &form).await;
        assert_eq!((got.as_u16(), body["error"].as_str()), (status, Some(error)), "{grant} {id} {scope}");
        assert!(body["error_description"].is_string() && body["error_uri"].is_string());
    }
    let good = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", SCOPES)];
    assert_eq!(halo.ask("?tenant=foreign", &good).await.0, 400);
}

#[tokio::test]
async fn a_basic_header_signs_in_too() {
    let halo = Halo::start().await;
    let url = format!("{}/auth/token", halo.sim.url());
    let form = [("grant_type", "client_credentials"), ("scope", SCOPES)];
    let good = halo.http.post(&url).basic_auth(halo.sim.client_id(), Some(halo.sim.client_secret()));
    assert_eq!(good.form(&form).send().await.unwrap().status(), 200);
    let bad = halo.http.post(&url).header("authorization", format!("Basic {}", BASE64_STANDARD.encode("a:b")));
    let answer = bad.form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    let json = halo.http.post(&url).json(&json!({ "grant_type": "client_credentials" })).send().await.unwrap();
    assert_eq!(json.status(), 400);
}

#[tokio::test]
async fn scopes_open_and_close() {
    let mut halo = Halo::start().await;
    halo.token = halo.new_token("").await;
    assert_eq!(halo.get("/Tickets").await.0, 401, "a token without scope is of no use");
    halo.token = halo.new_token("read:customers").await;
    assert_eq!(halo.get("/Client").await.0, 200);
    assert_eq!(halo.get("/Tickets").await.0, 403);
    assert_eq!(halo.get("/Asset").await.0, 403);
    assert_eq!(halo.get("/Status").await.0, 200, "configuration has no scope of its own");
    halo.token = halo.new_token("edit:tickets").await;
    assert_eq!(halo.get("/Tickets").await.0, 200, "edit covers read");
    halo.token = halo.new_token("read:tickets").await;
    assert_eq!(halo.post("/Tickets", json!([{ "summary": "x" }])).await.0, 403);
    halo.token = halo.new_token("all").await;
    assert_eq!(halo.get("/Tickets").await.0, 200, "`all` narrows to what the application was given");
    halo.token = "made-up".to_owned();
    let answer = halo.call(reqwest::Method::GET, "/Tickets", None).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn tokens_end() {
    let config = Config { token_lifetime: std::time::Duration::ZERO, ..Config::default() };
    let halo = Halo::with(config).await;
    assert_eq!(halo.get("/Tickets").await.0, 401);
}

#[tokio::test]
async fn what_needs_no_token() {
    let halo = Halo::start().await;
    let get = async |path: &str| halo.http.get(format!("{}{path}", halo.sim.url())).send().await.unwrap();
    let info: Value = get("/api/authinfo").await.json().await.unwrap();
    assert_eq!(info["auth_url"], format!("{}/auth", halo.sim.url()));
    assert_eq!(info["tenant_id"], "sample");
    for path in ["/auth/.well-known/openid-configuration", "/.well-known/openid-configuration"] {
        let document: Value = get(path).await.json().await.unwrap();
        assert_eq!(document["token_endpoint"], format!("{}/auth/token", halo.sim.url()));
    }
    assert_eq!(get("/api/Tickets").await.status(), 401);
    assert_eq!(get("/nothing").await.status(), 404);
    let (status, info) = halo.get("/InstanceInfo").await;
    assert_eq!((status.as_u16(), info["agent_url"].as_str()), (200, Some(halo.sim.url().as_str())));
}

#[tokio::test]
async fn permissions_can_be_taken_away_from_the_application() {
    let halo = Halo::start().await;
    let less = "edit:tickets read:customers";
    let scopes: Vec<&str> = less.split(' ').collect();
    let answer = halo.sim(reqwest::Method::PATCH, "/application", json!({ "scopes": scopes })).await;
    assert_eq!(answer.0, 204);
    assert_eq!(halo.get("/Asset").await.0, 200, "the token that is out keeps what it had");
    let (id, secret) = (halo.sim.client_id(), halo.sim.client_secret());
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", SCOPES)];
    assert_eq!(halo.ask("", &form).await.1["scope"], less);
    let refused = halo.sim(reqwest::Method::PATCH, "/application", json!({ "scopes": ["read:ticket"] })).await;
    assert_eq!(refused.0, 422, "{:?}", refused.1);
}
