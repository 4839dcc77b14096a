//! The simulator and its controls, read without any code of the product.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_domain::request::Request;
use countersign_egress::{Egress, EgressConfig};
use halo_sim::{Config, Sim};
use serde_json::{Value, json};
use url::Url;

/// Ids of the demo seed.
pub(crate) const API_AGENT: i64 = 22;
pub(crate) const MARIA: i64 = 25;
pub(crate) const SAM: i64 = 28;
pub(crate) const NEW: i64 = 1;
pub(crate) const CLOSED: i64 = 9;

pub(crate) struct Halo {
    sim: Sim,
    /// The controls' way.
    egress: Egress,
    /// The product's way.
    outward: Mutex<Egress>,
}

impl Halo {
    pub(crate) async fn start(config: Config) -> Self {
        let egress = Egress::new(&way()).unwrap();
        Self { sim: Sim::start(config).await.unwrap(), outward: Mutex::new(egress.clone()), egress }
    }

    /// The longest that a product which starts from now on waits for an answer, in the machine's time.
    pub(crate) fn wait_at_most(&self, deadline: Duration) {
        let impatient = Egress::new(&EgressConfig { deadline, ..way() }).unwrap();
        *self.outward.lock().unwrap_or_else(PoisonError::into_inner) = impatient;
    }

    /// A simulator in a thread of its own, with that thread's number, so that its work can be told from ours.
    pub(crate) async fn apart(config: Config) -> (Self, i32) {
        let (sent, started) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let halo = Self::start(config).await;
                let task = std::fs::read_link("/proc/thread-self").unwrap();
                let task = task.file_name().unwrap().to_str().unwrap().parse().unwrap();
                assert!(sent.send((halo, task)).is_ok());
                std::future::pending::<()>().await;
            });
        });
        started.await.unwrap()
    }

    pub(crate) fn sim(&self) -> &Sim {
        &self.sim
    }

    pub(crate) fn egress(&self) -> Egress {
        self.outward.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

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

    /// Arms a fault; see `POST /sim/v1/faults`.
    pub(crate) async fn fault(&self, fault: Value) {
        self.control("POST", "/faults", fault).await;
    }

    pub(crate) async fn no_faults(&self) {
        self.control("DELETE", "/faults", json!({})).await;
    }

    /// From now on nothing gets an answer.
    pub(crate) async fn down(&self) {
        self.fault(json!({"kind": "status", "code": 503})).await;
    }

    pub(crate) async fn switches(&self, switches: Value) {
        self.control("PATCH", "/switches", switches).await;
    }

    pub(crate) async fn right(&self, name: &str, value: &str) {
        self.control("PATCH", &format!("/agents/{API_AGENT}/rights"), json!({ name: value })).await;
    }

    /// A ticket that has nothing to do with us; its id.
    pub(crate) async fn make_ticket(&self, summary: &str, customer: i64) -> String {
        let ticket = json!({ "summary": summary, "tickettype_id": 21, "client_id": customer });
        let made = self.post("/Tickets", ticket).await;
        made.pointer("/0/id").or_else(|| made.get("id")).unwrap().to_string()
    }

    async fn token(&self) -> String {
        let http = self.egress.client_for(&[&self.sim.url().parse().unwrap()]).unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.sim.client_id()),
            ("client_secret", self.sim.client_secret()),
            ("scope", "read:tickets edit:tickets read:customers read:assets"),
        ];
        let url = self.sim.url();
        let token: Value =
            http.post(format!("{url}/auth/token")).form(&form).send().await.unwrap().json().await.unwrap();
        token["access_token"].as_str().unwrap().to_owned()
    }

    /// What a call on a list that the log holds is answered with, told by asking again.
    pub(crate) async fn get_again(&self, call: &Value) -> Value {
        let (path, query) = (call["path"].as_str().unwrap(), call["query"].as_str().unwrap());
        let url = format!("{}/api{path}?{query}", self.sim.url()).parse().unwrap();
        let http = self.egress.client_for(&[&url]).unwrap();
        http.get(url).bearer_auth(self.token().await).send().await.unwrap().json().await.unwrap()
    }

    /// Calls the API as our application does, past the product.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let http = self.egress.client_for(&[&self.sim.url().parse().unwrap()]).unwrap();
        let (url, token) = (self.sim.url(), self.token().await);
        let answer =
            http.post(format!("{url}/api{path}")).bearer_auth(token).json(&json!([body])).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// Makes a second ticket with the reference of the first, as a Halo does that lets a lost call through twice.
    pub(crate) async fn post_again(&self, ticket: &Value) {
        let copy = json!({
            "summary": ticket["summary"], "tickettype_id": ticket["tickettype_id"], "client_id": ticket["client_id"],
            "third_party_id_string": ticket["third_party_id_string"],
        });
        self.post("/Tickets", copy).await;
    }

    /// Changes the words of an action, as a person would.
    pub(crate) async fn reword(&self, ticket: &Value, action: &Value, words: &str) {
        let change = json!({"id": action["id"], "ticket_id": ticket["id"], "note": words, "note_html": words});
        self.post("/Actions", change).await;
    }

    /// A person changes a ticket.
    pub(crate) async fn change(&self, ticket: &Value, change: Value) {
        self.control("PATCH", &format!("/tickets/{}", ticket["id"]), change).await;
    }

    pub(crate) async fn tickets(&self) -> Vec<Value> {
        let state = self.control("GET", "/state?only=tickets", json!({})).await;
        state["tickets"].as_array().cloned().unwrap()
    }

    /// The tickets that were opened for a request.
    pub(crate) async fn tickets_of(&self, request: &str) -> Vec<Value> {
        let mut tickets = self.tickets().await;
        tickets.retain(|ticket| ticket["third_party_id_string"] == request);
        tickets
    }

    /// The one ticket of a request.
    pub(crate) async fn ticket_of(&self, request: &str) -> Value {
        let mut tickets = self.tickets_of(request).await;
        assert_eq!(tickets.len(), 1, "tickets of {request}: {tickets:#?}");
        tickets.remove(0)
    }

    /// How many calls there were of each kind, `POST /Tickets` for one.
    pub(crate) async fn counts(&self) -> Value {
        self.control("GET", "/calls", json!({})).await["counts"].take()
    }

    /// How many calls ended with each status.
    pub(crate) async fn statuses(&self) -> Value {
        self.control("GET", "/calls", json!({})).await["statuses"].take()
    }

    /// The calls so far in their order, `POST /Tickets` for one.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let log = self.control("GET", "/calls", json!({})).await;
        let calls = log["calls"].as_array().cloned().unwrap();
        calls
            .iter()
            .map(|call| format!("{} {}", call["method"].as_str().unwrap(), call["path"].as_str().unwrap()))
            .collect()
    }

    /// The queries of the calls of a path, in their order.
    pub(crate) async fn queries(&self, path: &str) -> Vec<String> {
        let log = self.control("GET", "/calls", json!({})).await;
        let calls = log["calls"].as_array().cloned().unwrap();
        let of = calls.iter().filter(|call| call["path"] == path);
        of.map(|call| call["query"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// True when a call that took so long is over, whoever still waited for it.
    pub(crate) async fn ended_after(&self, ms: f64) -> bool {
        let log = self.control("GET", "/calls", json!({})).await;
        log["calls"].as_array().unwrap().iter().any(|call| call["ms"].as_f64().unwrap() >= ms)
    }

    /// Holds the next call that writes there, `when` its work is still to be done or is done, until there are no faults.
    pub(crate) async fn hold(&self, path: &str, when: &str) {
        self.fault(json!({"kind": "hold", "when": when, "path": path, "method": "POST", "times": 1})).await;
    }

    /// How many calls met a fault.
    pub(crate) async fn hits(&self) -> u64 {
        let faults = self.control("GET", "/faults", json!({})).await;
        faults["faults"].as_array().unwrap().iter().filter_map(|fault| fault["hits"].as_u64()).sum()
    }

    pub(crate) async fn forget_calls(&self) {
        self.control("DELETE", "/calls", json!({})).await;
    }
}

fn way() -> EgressConfig {
    EgressConfig { allow_hosts: vec!["127.0.0.1".to_owned()], ..EgressConfig::default() }
}

/// The actions of a ticket that are not its opening entry, oldest first.
pub(crate) fn actions(ticket: &Value) -> Vec<Value> {
    let mut actions = ticket["actions"].as_array().cloned().unwrap();
    actions.sort_by_key(|action| action["id"].as_i64());
    assert_eq!(actions[0]["outcome"], "Opened");
    actions.split_off(1)
}

pub(crate) fn note(action: &Value) -> &str {
    action["note_html"].as_str().unwrap()
}

/// One action that bears this kind's reference.
pub(crate) fn action_of(ticket: &Value, kind: &str) -> Value {
    let mut found = actions(ticket);
    found.retain(|action| note(action).contains(&format!("/{kind}/")));
    assert_eq!(found.len(), 1, "{kind} on {ticket:#}");
    found.remove(0)
}

/// Booked minutes, rounded.
pub(crate) fn minutes(action: &Value) -> i64 {
    format!("{:.0}", action["timetaken"].as_f64().unwrap() * 60.0).parse().unwrap()
}

/// A decided request's ticket is right in every field: one action, one time entry, status and assignee.
pub(crate) fn assert_right(ticket: &Value, request: &Request) {
    let actions = actions(ticket);
    assert_eq!(actions.len(), 1, "{ticket:#}");
    let action = &actions[0];
    assert!(note(action).contains(&format!("{}/record_decision/1", request.id)), "{action:#}");
    assert_eq!(minutes(action), 5);
    assert_eq!(action["who_agentid"], SAM);
    assert_eq!(ticket["status_id"], CLOSED);
    assert_eq!(ticket["agent_id"], SAM);
    assert!(ticket["summary"].as_str().unwrap().ends_with(&format!("[{}]", request.id.short())));
}

impl Halo {
    /// Each of these decided requests has exactly one ticket, right in every field, and there is no other ticket.
    pub(crate) async fn assert_exactly(&self, requests: &[Request]) {
        let tickets = self.tickets().await;
        let mut bearing: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for ticket in &tickets {
            bearing.entry(ticket["third_party_id_string"].as_str().unwrap_or("none")).or_default().push(ticket);
        }
        for request in requests {
            let found = bearing.remove(request.id.as_str()).unwrap_or_default();
            assert_eq!(found.len(), 1, "tickets of {}: {found:#?}", request.id);
            assert_right(found[0], request);
        }
        assert!(bearing.is_empty(), "{bearing:#?}");
    }
}
