//! Every route of the served OpenAPI document, as nobody, as a computer, and as a technician of another company.
//!
//! The table says what each caller gets. A route that is not in it fails the test, so that nobody adds one without
//! saying who may see it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    endpoints::Computer,
    http::{Api, items, text},
    programs::{Server, Sim},
    wait::{Dice, until},
};

/// What a technician gets who may see one other company only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stranger {
    /// What is asked for does not exist for him.
    NotFound,
    /// A list without a row.
    Empty,
    /// His role does not do it.
    Forbidden,
    /// An answer without anything of the other company: his own rows, his own record, events of his.
    Own,
}
use Stranger::{Empty, Forbidden, NotFound, Own};

/// Method, path, body, and what the stranger gets. `{…}` stands for records of the other company.
const API: &[(&str, &str, &str, Stranger)] = &[
    ("GET", "/api/v1/requests", "", Empty),
    ("GET", "/api/v1/requests/{id}", "", NotFound),
    ("GET", "/api/v1/requests/{id}/ticket", "", NotFound),
    ("POST", "/api/v1/requests/{id}/ticket", r#"{"psa_id":"2001"}"#, NotFound),
    ("GET", "/api/v1/requests/{id}/attachable/{psa_id}", "", NotFound),
    ("POST", "/api/v1/requests/{id}/decision", r#"{"verdict":"approve","scope":"once"}"#, NotFound),
    ("POST", "/api/v1/requests/{id}/revoke", "", NotFound),
    ("GET", "/api/v1/companies", "", Own),
    ("POST", "/api/v1/companies", r#"{"name":"Specimen Architects"}"#, Forbidden),
    ("POST", "/api/v1/companies/import", r#"{"psa_ids":["203"]}"#, Forbidden),
    ("GET", "/api/v1/companies/{id}", "", NotFound),
    ("PATCH", "/api/v1/companies/{id}", r#"{"name":"Taken Over"}"#, NotFound),
    ("GET", "/api/v1/companies/export", "", Own),
    ("POST", "/api/v1/companies/import-csv", "name\nSpecimen Architects", Forbidden),
    ("GET", "/api/v1/locations", "", Empty),
    ("GET", "/api/v1/locations/export", "", Own),
    ("POST", "/api/v1/locations/import-csv", "name,company\nBack Door,{company}", Own),
    ("POST", "/api/v1/locations", r#"{"company_id":"{company}","name":"Back Door"}"#, NotFound),
    ("GET", "/api/v1/locations/{id}", "", NotFound),
    ("PATCH", "/api/v1/locations/{id}", r#"{"name":"Taken Over"}"#, NotFound),
    ("GET", "/api/v1/computers", "", Empty),
    ("GET", "/api/v1/computers/export", "", Own),
    ("GET", "/api/v1/computers/{id}", "", NotFound),
    ("PATCH", "/api/v1/computers/{id}", r#"{"name":"TAKEN-OVER"}"#, NotFound),
    ("POST", "/api/v1/computers/{id}/confirm", "", NotFound),
    ("GET", "/api/v1/contacts", "", Empty),
    ("GET", "/api/v1/contacts/export", "", Own),
    ("GET", "/api/v1/contacts/{id}", "", NotFound),
    ("POST", "/api/v1/{list}/{id}/link", "{}", NotFound),
    ("DELETE", "/api/v1/{list}/{id}/link", "", NotFound),
    ("POST", "/api/v1/links", r#"{"kind":"company","ids":["{company}"]}"#, Own),
    ("GET", "/api/v1/psa-records", "?kind=computer&company={company}", NotFound),
    ("GET", "/api/v1/ticketing/webhook", "", Own),
    ("POST", "/api/v1/ticketing/webhook", "{}", Forbidden),
    ("DELETE", "/api/v1/ticketing/webhook", "", Forbidden),
    ("GET", "/api/v1/reconcile", "", Forbidden),
    ("POST", "/api/v1/reconcile", r#"{"dry_run":true}"#, Forbidden),
    ("GET", "/api/v1/directory/sync", "", Forbidden),
    ("POST", "/api/v1/directory/sync", r#"{"kind":"full"}"#, Forbidden),
    ("GET", "/api/v1/steps", "", Own),
    ("GET", "/api/v1/steps/causes", "", Own),
    ("GET", "/api/v1/steps/{id}", "", NotFound),
    ("POST", "/api/v1/steps/{id}/retry", "", NotFound),
    ("POST", "/api/v1/steps/{id}/give-up", "", NotFound),
    ("POST", "/api/v1/steps/{id}/new-ticket", "", NotFound),
    ("POST", "/api/v1/steps/retry", r#"{"company":"{company}","ids":["{step}"]}"#, Own),
    ("GET", "/api/v1/alerts", "", Own),
    ("PATCH", "/api/v1/alerts", r#"{"after_minutes":20}"#, Forbidden),
    ("POST", "/api/v1/alerts/test", "", Forbidden),
    ("GET", "/api/v1/caps", "", Own),
    ("PATCH", "/api/v1/caps", r#"{"per_computer":60}"#, Forbidden),
    ("GET", "/api/v1/technicians", "", Own),
    ("GET", "/api/v1/technicians/export", "", Own),
    ("POST", "/api/v1/technicians/import-csv", "name,email,role\nNew,new@example.com,l1", Forbidden),
    ("POST", "/api/v1/technicians", r#"{"email":"new@example.com","name":"New","role":"l1"}"#, Forbidden),
    ("GET", "/api/v1/technicians/{id}", "", Own),
    ("PATCH", "/api/v1/technicians/{id}", r#"{"role":"auditor"}"#, Forbidden),
    ("GET", "/api/v1/ticketing", "", Own),
    ("PATCH", "/api/v1/ticketing", r#"{"settle_s":20}"#, Forbidden),
    ("POST", "/api/v1/ticketing/check", "{}", Own),
    ("POST", "/api/v1/ticketing/test-ticket", r#"{"customer":"201"}"#, Forbidden),
    ("GET", "/api/v1/ticketing/choices", "", Own),
    ("GET", "/api/v1/ticketing/texts", "", Own),
    ("POST", "/api/v1/ticketing/preview", r#"{"request":"{request}","event":"opened"}"#, NotFound),
    ("GET", "/api/v1/companies/{id}/ticketing", "", NotFound),
    ("PATCH", "/api/v1/companies/{id}/ticketing", r#"{"time_step_minutes":5}"#, NotFound),
    ("DELETE", "/api/v1/companies/{id}/ticketing", "", NotFound),
    ("POST", "/api/v1/ticketing/discover", r#"{"address":"https://example.com"}"#, Forbidden),
    ("POST", "/api/v1/ticketing/resume", "", Forbidden),
    ("GET", "/api/v1/enrollment-keys", "", Empty),
    ("POST", "/api/v1/enrollment-keys", r#"{"company_id":"{company}"}"#, Forbidden),
    ("DELETE", "/api/v1/enrollment-keys/{id}", "", Forbidden),
    ("GET", "/api/v1/tokens", "", Own),
    ("POST", "/api/v1/tokens", r#"{"name":"x","technician_id":"{technician}"}"#, Forbidden),
    ("DELETE", "/api/v1/tokens/{id}", "", NotFound),
    ("GET", "/api/v1/audit", "", Forbidden),
    ("GET", "/api/v1/events", "", Own),
    ("GET", "/api/v1/me", "", Own),
];

/// The endpoint API: a technician's token is nobody's credential there, and another computer's request does not exist.
const AGENT: &[(&str, &str)] = &[
    ("POST", "/agent/v1/enroll"),
    ("GET", "/agent/v1/keys"),
    ("PUT", "/agent/v1/requests/{id}"),
    ("GET", "/agent/v1/requests/{id}"),
    ("DELETE", "/agent/v1/requests/{id}"),
    ("PUT", "/agent/v1/requests/{id}/outcome"),
];

/// A server with one company of which the stranger may know nothing.
struct House {
    _sim: Sim,
    server: Server,
    key: String,
    computer: Computer,
    company: String,
    own_company: String,
    technician: String,
    request: String,
    steps: String,
    ids: Vec<(&'static str, String)>,
}

const SECRET_COMPANY: &str = "Placeholder Legal LLP";
const SECRET_WORDS: [&str; 4] = [SECRET_COMPANY, "PLL-SECRET-01", "priya", "/opt/sample/tool-7"];

impl House {
    async fn build() -> Self {
        let mut dice = Dice::seeded("routes");
        let sim = Sim::start("demo").await;
        let server = Server::start(sim.host()).await;
        server.connect(&sim).await;
        let (api, key) = (&server.api, server.enrollment_key().await);
        let computer = Computer::enroll(api, &key, SECRET_COMPANY, "PLL-SECRET-01").await;
        let request = dice.request_id();
        computer.ask(&request, 7).await.ok();
        let detail = until("the request's ticket is open", || async {
            let detail = api.get(&format!("/api/v1/requests/{request}")).await.ok();
            (!detail["ticket"].is_null()).then_some(detail)
        })
        .await;
        let named = |kind: &str| text(&detail[kind], "id").to_owned();
        let bound = json!({ "name": "bound", "company_id": named("company") });
        let bound = api.post("/api/v1/enrollment-keys", bound).await.ok();
        let own = api.post("/api/v1/companies", json!({ "name": "Sample Bakery" })).await.ok();
        let me = api.get("/api/v1/me").await.ok();
        let token = items(&api.get("/api/v1/tokens").await.ok())[0].clone();
        let step = text(&detail["steps"][0], "id").to_owned();
        let contact = items(&api.get("/api/v1/contacts").await.ok()).first().map(|c| text(c, "id").to_owned());
        let ids = vec![
            ("requests", request.clone()),
            ("companies", named("company")),
            ("{list}", named("company")),
            ("locations", named("location")),
            ("computers", named("computer")),
            ("contacts", contact.unwrap_or_else(|| format!("contact_{}", &request[4..]))),
            ("steps", step.clone()),
            ("technicians", text(&me, "id").to_owned()),
            ("enrollment-keys", text(&bound, "id").to_owned()),
            ("tokens", text(&token, "id").to_owned()),
        ];
        Self {
            company: named("company"),
            own_company: text(&own, "id").to_owned(),
            technician: text(&me, "id").to_owned(),
            steps: step,
            _sim: sim,
            server,
            key,
            computer,
            request,
            ids,
        }
    }

    /// The path with the other company's records in it, and the body.
    fn call(&self, path: &str, body: &str) -> (String, Option<String>) {
        let kind = path.split('/').nth(3).unwrap_or_default();
        let id = self.ids.iter().find(|(list, _)| *list == kind).map(|(_, id)| id.as_str()).unwrap_or_default();
        let body = body.replace("{company}", &self.company).replace("{technician}", &self.technician);
        let body = body.replace("{step}", &self.steps);
        let body = body.replace("{request}", &self.request);
        let path = path.replace("{id}", id).replace("{list}", "companies");
        let path = path.replace("{id}", id).replace("{list}", "companies").replace("{psa_id}", "2001");
        match body.strip_prefix('?') {
            Some(query) => (format!("{path}?{query}"), None),
            None => (path, (!body.is_empty()).then_some(body)),
        }
    }

    /// A technician of that role who may see one other company, or nothing at all.
    async fn stranger(&self, role: &str) -> Api {
        let new = json!({
            "email": format!("{role}@example.com"), "name": format!("Stranger {role}"), "role": role,
            "companies": [self.own_company],
        });
        let made = self.server.api.post("/api/v1/technicians", new).await.ok();
        let wish = json!({ "name": "e2e", "technician_id": made["id"], "decide": role != "auditor" });
        self.server.api.with(text(&self.server.api.post("/api/v1/tokens", wish).await.ok(), "token"))
    }

    /// Nothing of the other company stands in this answer.
    #[track_caller]
    fn tells_nothing(&self, role: &str, call: &str, told: &str) {
        let ids = [&self.company, &self.request, &self.steps, &self.computer.id];
        for word in SECRET_WORDS.into_iter().chain(ids.map(String::as_str)) {
            // Its own words back, where a call named them.
            assert!(!told.contains(word) || call.contains(word), "{role} {call} tells {word:?}: {told}");
        }
    }
}

fn method(word: &str) -> Method {
    word.parse().expect("a method")
}

#[tokio::test]
async fn the_table_names_every_route() {
    let server = Server::start("").await;
    let document = server.api.get("/api/openapi.json").await.ok();
    let mut routes = BTreeSet::new();
    for (path, calls) in document["paths"].as_object().expect("paths") {
        for word in calls.as_object().expect("methods").keys() {
            routes.insert((word.to_uppercase(), path.clone()));
        }
    }
    let rows = API.iter().map(|row| (row.0, row.1)).chain(AGENT.iter().copied());
    let listed: BTreeSet<_> = rows.map(|(word, path)| (word.to_owned(), path.to_owned())).collect();
    assert_eq!(routes, listed, "each route has a row that says who may see what");
}

#[tokio::test]
async fn every_route_as_nobody_and_as_a_computer() {
    let house = House::build().await;
    let nobody = Api::new(&house.server.api.url);
    for (word, path, body, _) in API {
        let (path, body) = house.call(path, body);
        for caller in [&nobody, &house.computer.api] {
            caller.call(method(word), &path, body.clone()).await.problem(401, "unauthenticated");
        }
    }
    let other = Computer::enroll(&house.server.api, &house.key, "Sample Bakery", "SB-01").await;
    let said = json!({ "outcome": "started", "at": "2026-11-24T08:00:00Z" }).to_string();
    for (word, path) in AGENT.iter().filter(|(_, path)| *path != "/agent/v1/enroll") {
        let path = path.replace("{id}", &house.request);
        let body = match *word {
            "PUT" if path.ends_with("/outcome") => Some(said.clone()),
            "PUT" => Some(crate::endpoints::wish(7).to_string()),
            _ => None,
        };
        for caller in [&nobody, &house.server.api] {
            caller.call(method(word), &path, body.clone()).await.problem(401, "unauthenticated");
        }
        if path.contains(&house.request) {
            let answer = other.api.call(method(word), &path, body).await;
            answer.problem(404, "not_found");
            house.tells_nothing("another computer", &path, &answer.text);
        }
    }
    let still = house.server.api.get(&format!("/api/v1/requests/{}", house.request)).await.ok();
    assert_eq!(still["state"], "pending", "nobody changed it: {still}");
}

#[tokio::test]
async fn every_route_as_a_technician_of_another_company() {
    let house = House::build().await;
    let before = house.server.api.get(&format!("/api/v1/requests/{}", house.request)).await.ok();
    for role in ["l3", "administrator", "l1", "l2", "client_administrator", "auditor"] {
        let stranger = house.stranger(role).await;
        let mut unexpected = Vec::new();
        for (word, path, body, expected) in API {
            let (address, body) = house.call(path, body);
            let answer = stranger.call(method(word), &address, body.clone()).await;
            let call = format!("{word} {address} {}", body.unwrap_or_default());
            house.tells_nothing(role, &call, &answer.text);
            let fits = match expected {
                NotFound => answer.status == 404,
                Forbidden => answer.status == 403,
                Empty => answer.status == 200 && answer.body["items"] == json!([]),
                Own => answer.status == 200,
            };
            // Other roles may do less than the one of the table; these two read more, of their own companies.
            let less = role != "l3" && [403, 404].contains(&answer.status);
            let reads = ["auditor", "administrator"].contains(&role) && *word == "GET" && answer.status == 200;
            if !(fits || less || reads) {
                unexpected.push(format!("{call}: {expected:?}, but {} {}", answer.status, answer.text));
            }
        }
        assert!(unexpected.is_empty(), "{role}:\n{}", unexpected.join("\n"));
    }
    let now = house.server.api.get(&format!("/api/v1/requests/{}", house.request)).await.ok();
    let frozen = |detail: &Value| (detail["state"].clone(), detail["version"].clone(), detail["company"].clone());
    assert_eq!(frozen(&before), frozen(&now), "no stranger changed it");
}
