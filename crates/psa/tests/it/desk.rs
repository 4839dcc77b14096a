//! A simulator, a connection to it, and samples to send.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use countersign_domain::id::RequestId;
use countersign_domain::time::Time;
use countersign_egress::{Egress, EgressConfig};
use countersign_psa::halo::HaloConnect;
use countersign_psa::{
    Budget, Charge, Check, CheckNews, CheckPlan, Connect, Connection, NewAction, NewTicket, Notify, Priority, Psa,
    Visibility,
};
use halo_sim::{Config, Sim};
use serde_json::{Value, json};
use url::Url;

/// 2026-09-01 08:00:00 UTC.
pub(crate) const NOW: Time = Time(1_788_249_600_000_000);

#[derive(Default)]
pub(crate) struct Spent(pub(crate) Mutex<Vec<Priority>>);

#[async_trait]
impl Budget for Spent {
    async fn acquire(&self, priority: Priority) {
        self.0.lock().unwrap().push(priority);
    }

    async fn limited(&self, _retry_after: Option<Duration>) {}
}

pub(crate) struct Desk {
    pub(crate) sim: Sim,
    pub(crate) psa: Arc<dyn Psa>,
    pub(crate) spent: Arc<Spent>,
    egress: Egress,
}

pub(crate) fn egress(allow: &[&str]) -> Egress {
    let allow_hosts = allow.iter().map(|&host| host.to_owned()).collect();
    Egress::new(&EgressConfig { allow_hosts, ..EgressConfig::default() }).unwrap()
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let sim = Sim::start(config).await.unwrap();
        let egress = egress(&["127.0.0.1"]);
        let spent = Arc::new(Spent::default());
        let psa = HaloConnect::new(egress.clone()).connect(&connection(&sim), Arc::<Spent>::clone(&spent)).unwrap();
        Self { sim, psa, spent, egress }
    }

    pub(crate) async fn with_switches(switches: Value) -> Self {
        let desk = Self::open().await;
        desk.control("PATCH", "/switches", switches).await;
        desk
    }

    /// A call on the simulator's own controls.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let url: Url = format!("{}/sim/v1{path}", self.sim.url()).parse().unwrap();
        let client = self.egress.client_for(&[&url]).unwrap();
        let request = match method {
            "GET" => client.get(url),
            "POST" => client.post(url),
            "DELETE" => client.delete(url),
            _ => client.patch(url),
        };
        let response = request.json(&body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{method} {path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) async fn fault(&self, path: &str, kind: &str, more: Value) {
        let mut fault = json!({"method": "POST", "path": path, "kind": kind, "times": 1});
        fault.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.control("POST", "/faults", fault).await;
    }

    pub(crate) async fn tickets(&self) -> Vec<Value> {
        self.control("GET", "/state", json!({})).await["tickets"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn ticket(&self, id: &str) -> Value {
        let found = self.tickets().await.into_iter().find(|ticket| ticket["id"].as_i64() == id.parse().ok());
        found.unwrap_or_else(|| panic!("no ticket {id}"))
    }

    /// How many API calls arrived, by method and path without ids.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let calls = self.control("GET", "/calls", json!({})).await;
        let calls = calls["calls"].as_array().cloned().unwrap_or_default();
        calls
            .iter()
            .map(|call| format!("{} {}", call["method"].as_str().unwrap(), call["path"].as_str().unwrap()))
            .collect()
    }

    pub(crate) async fn agent_right(&self, right: &str, value: &str) {
        self.control("PATCH", "/agents/22/rights", json!({ right: value })).await;
    }
}

pub(crate) fn connection(sim: &Sim) -> Connection {
    Connection {
        resource_url: format!("{}/api", sim.url()),
        auth_url: format!("{}/auth", sim.url()),
        tenant: Some(sim.tenant().to_owned()),
        client_id: sim.client_id().to_owned(),
        client_secret: sim.client_secret().to_owned(),
        ticket_url: None,
    }
}

pub(crate) fn request(n: u128) -> RequestId {
    format!("req_0197c9a0-7d6e-7c3a-8f00-{n:012x}").parse().unwrap()
}

pub(crate) fn new_ticket(n: u128) -> NewTicket {
    let request = request(n);
    NewTicket {
        summary: format!("Elevation request: setup.exe on SDG-FD-01 [{}]", request.short()),
        html: format!("<p>Alex asks.</p><p>{request}</p>"),
        reference: request.to_string(),
        ticket_type: "21".into(),
        customer: "201".into(),
        site: Some("301".into()),
        contact: Some("7001".into()),
        asset: Some("4301".into()),
        status: Some("1".into()),
        team: None,
        priority: None,
        category: None,
        source: None,
        custom_fields: Vec::new(),
        occurred_at: NOW,
    }
}

pub(crate) fn new_action(ticket: &str, n: u128) -> NewAction {
    let reference = format!("{}/record_decision/1", request(n));
    NewAction {
        ticket: ticket.into(),
        html: format!("<p><b>Sam Okoro</b> approved this.</p><p>{reference}</p>"),
        reference,
        visibility: Visibility::Private,
        outcome: Some("7".into()),
        work_seconds: Some(300),
        charge: Charge::default(),
        notify: Notify::default(),
        ended_at: NOW.plus_seconds(600),
        owner: Some("28".into()),
        status: Some("9".into()),
        assignee: Some("28".into()),
    }
}

/// All lines of a check that only reads.
pub(crate) async fn check(psa: &dyn Psa) -> Vec<Check> {
    let lines = Mutex::new(Vec::new());
    let plan = CheckPlan { ticket_type: Some("21".into()), ..CheckPlan::default() };
    psa.check(&plan, &|news| {
        if let CheckNews::Line(line) = news {
            lines.lock().unwrap().push(line);
        }
    })
    .await;
    lines.into_inner().unwrap()
}
