//! A started simulator and a plain client with a token, for all tests.

use halo_sim::{Config, Sim};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// What the set-up document asks for, under the real names.
pub(crate) const SCOPES: &str = "read:tickets edit:tickets read:customers read:assets";

/// The demo seed's API agent.
pub(crate) const API_AGENT: i64 = 22;

pub(crate) struct Halo {
    pub(crate) sim: Sim,
    pub(crate) http: reqwest::Client,
    pub(crate) token: String,
}

pub(crate) fn http() -> reqwest::Client {
    // Another test may have installed it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

impl Halo {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let sim = Sim::start(config).await.unwrap();
        let mut halo = Self { sim, http: http(), token: String::new() };
        halo.token = halo.new_token(SCOPES).await;
        halo
    }

    pub(crate) async fn new_token(&self, scope: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.sim.client_id()),
            ("client_secret", self.sim.client_secret()),
            ("scope", scope),
        ];
        let answer = self.http.post(format!("{}/auth/token", self.sim.url())).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Response> {
        let request = self.http.request(method, format!("{}/api{path}", self.sim.url())).bearer_auth(&self.token);
        match body {
            Some(body) => request.json(body).send().await,
            None => request.send().await,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.call(Method::GET, path, None).await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        read(self.call(Method::POST, path, Some(&body)).await.unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (StatusCode, Value) {
        read(self.call(Method::DELETE, path, None).await.unwrap()).await
    }

    /// A control call.
    pub(crate) async fn sim(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("{}/sim/v1{path}", self.sim.url());
        read(self.http.request(method, url).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn switch(&self, name: &str, value: Value) {
        let (status, body) = self.sim(Method::PATCH, "/switches", json!({ name: value })).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn right(&self, name: &str, value: Value) {
        let path = format!("/agents/{API_AGENT}/rights");
        let (status, body) = self.sim(Method::PATCH, &path, json!({ name: value })).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn fault(&self, fault: Value) {
        let (status, body) = self.sim(Method::POST, "/faults", fault).await;
        assert_eq!(status, 201, "{body}");
    }

    pub(crate) async fn state(&self) -> Value {
        let (status, body) = self.sim(Method::GET, "/state", json!(null)).await;
        assert_eq!(status, 200);
        body
    }

    /// Makes a ticket of the demo seed's first customer, with `more` over it, and answers its id.
    pub(crate) async fn ticket(&self, more: Value) -> i64 {
        let mut ticket =
            json!({ "summary": "Elevation request", "details": "why", "tickettype_id": 21, "client_id": 201 });
        ticket.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, body) = self.post("/Tickets", json!([ticket])).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_i64().unwrap()
    }

    /// How many tickets the simulator really holds.
    pub(crate) async fn tickets(&self) -> usize {
        self.state().await["tickets"].as_array().unwrap().len()
    }
}

async fn read(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
