//! The long run: a thousand requests with a decision each, three of ten calls of Halo gone wrong, `kill -9` at fifty
//! random moments. What a server answered for is there in the end, once.
//!
//! Runs when it is asked for; docs/reliability.md says how, and what it showed. The endpoints and the technician know
//! nothing of the kills: who gets no answer asks again, the same thing under the same id.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::Semaphore,
    task::JoinSet,
};

use crate::{
    endpoints::{enrolment, wish},
    http::{Api, Reply, items, text},
    programs::{Sim, command, first_line, folder, kill, run},
    tickets::{bearing, later_actions},
    wait::{Dice, Since, pause, until},
};

/// Requests, each with a decision; `E2E_LONG_RUN` takes another number.
const REQUESTS: usize = 1000;
/// There is a kill for each so many requests; `E2E_LONG_RUN_EACH` takes another number.
const EACH: usize = 20;
const WORKERS: usize = 12;
/// A kill comes up to so long after the request that it was drawn for was begun.
const SPREAD_MS: usize = 500;
/// How long an answer, and in the end everything, may take.
const PATIENCE: Duration = Duration::from_mins(20);
/// Longer than the product waits for Halo's answer.
const LATE_MS: u64 = 31_000;

/// Two runs at the same time would measure each other.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; docs/reliability.md says how it is asked for"]
async fn the_long_run_on_sqlite() {
    let _alone = ALONE.lock().await;
    let mut dice = Dice::seeded("the_long_run_on_sqlite");
    long_run("SQLite", vec![Node::new(Vec::new())], &mut dice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; docs/reliability.md says how it is asked for"]
async fn the_long_run_on_postgresql_with_two_nodes() {
    let _alone = ALONE.lock().await;
    let server = std::env::var("COUNTERSIGN_TEST_POSTGRES").expect("COUNTERSIGN_TEST_POSTGRES (ci/postgres.sh start)");
    let mut dice = Dice::seeded("the_long_run_on_postgresql");
    let name = format!("long_run_{}", std::process::id());
    sql(&server, &format!("CREATE DATABASE {name}")).await;
    let (address, _) = server.rsplit_once('/').expect("an address with a database");
    let mut settings = vec![("COUNTERSIGN_DATABASE".to_owned(), format!("{address}/{name}"))];
    let first = Node::new(settings.clone());
    // One key seals what all nodes share.
    let key = first.data.path().join("countersign.key").display().to_string();
    settings.push(("COUNTERSIGN_KEY_FILE".to_owned(), key));
    long_run("PostgreSQL, two nodes", vec![first, Node::new(settings)], &mut dice).await;
    sql(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

async fn sql(server: &str, statement: &str) {
    let mut psql = Command::new("psql");
    let ended = run(psql.args([server, "-q", "-c", statement]).stdin(Stdio::null())).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// One `countersign serve` on its own data folder.
struct Node {
    data: TempDir,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

/// How long a server took to come back.
struct Back {
    /// From its start until it said that it is ready.
    ready: Duration,
    /// From its start until one of its steps had told Halo something.
    moved: Duration,
}

impl Node {
    fn new(settings: Vec<(String, String)>) -> Self {
        Self { data: folder(), settings, child: None }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command("countersign");
        let settings = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        command.args(args).arg("--data-dir").arg(self.data.path()).current_dir(self.data.path()).envs(settings);
        command
    }

    /// Runs a command to its end; what it printed.
    async fn told(&self, args: &[&str]) -> String {
        let ended = run(&mut self.command(args)).await;
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended.out.trim().to_owned()
    }

    /// Starts it, and waits until it is ready. Its address, and how long that took.
    async fn start(&mut self) -> (Api, Since, Duration) {
        let since = Since::now();
        let mut serve = self.command(&["serve", "--listen", "127.0.0.1:0", "--log-level", "error"]);
        let mut child = serve.stdout(Stdio::piped()).spawn().unwrap();
        let line = first_line(&mut child).await;
        self.child = Some(child);
        let api = Api::new(line.trim().rsplit_once("people reach it at ").unwrap().1);
        until("the server is ready", || async { (api.get("/readyz").await.status == 200).then_some(()) }).await;
        let ready = since.elapsed();
        (api, since, ready)
    }

    async fn kill(&mut self) {
        kill(self.child.as_mut().unwrap()).await;
    }
}

/// Steps of this server that told Halo something, or found it told, since it started.
async fn moved(api: &Api) -> bool {
    let metrics = api.get("/metrics").await.text;
    let told = |line: &&str| {
        line.starts_with("countersign_steps_total{") && ["\"done\"", "\"found\""].iter().any(|end| line.contains(end))
    };
    metrics.lines().any(|line| told(&line))
}

/// Who asks and decides, and where.
struct Desk {
    /// Where each node listens now.
    nodes: Mutex<Vec<Api>>,
    computers: Vec<(String, String)>,
    technician: String,
    technician_name: String,
    agent: Value,
}

/// A request that was answered for: its company, and what was decided.
struct Promised {
    company: String,
    verdict: &'static str,
}

impl Desk {
    fn node(&self, n: usize) -> Api {
        let nodes = self.nodes.lock().unwrap();
        nodes[n % nodes.len()].clone()
    }

    /// Calls until there is an answer, one node after the other.
    async fn answer(&self, first: usize, method: &Method, path: &str, credential: &str, body: &Value) -> Reply {
        let since = Since::now();
        for n in first.. {
            let api = self.node(n).with(credential);
            match api.try_call(method.clone(), path, Some(body.to_string())).await {
                Ok(reply) if reply.status < 500 => return reply,
                Ok(_) | Err(_) => {}
            }
            assert!(since.elapsed() < PATIENCE, "{method} {path} is not answered");
            pause(Duration::from_millis(20)).await;
        }
        unreachable!("it is tried for ever")
    }

    async fn ask(&self, n: usize, id: &str) -> String {
        let (company, credential) = &self.computers[n % self.computers.len()];
        let path = format!("/agent/v1/requests/{id}");
        let reply = self.answer(n, &Method::PUT, &path, credential, &wish(u64::try_from(n).unwrap())).await;
        assert!([200, 201].contains(&reply.status), "{reply:?}");
        company.clone()
    }

    /// The verdict that holds: a decision whose answer was lost stands, and is told as such.
    async fn decide(&self, n: usize, id: &str) -> &'static str {
        let verdict = if n.is_multiple_of(3) { "deny" } else { "approve" };
        let body = json!({ "verdict": verdict, "scope": "once", "reason": "As agreed." });
        let path = format!("/api/v1/requests/{id}/decision");
        let reply = self.answer(n + 1, &Method::POST, &path, &self.technician, &body).await;
        if reply.status != 200 {
            reply.problem(409, "already_decided");
            assert_eq!(reply.body["by"], self.technician_name.as_str(), "{reply:?}");
        }
        verdict
    }
}

/// Sets everything up through the public APIs, with a Halo that works.
async fn set_up(api: &Api, token: &str, sim: &Sim) -> Desk {
    let admin = api.with(token);
    admin.patch("/api/v1/ticketing", sim.connection()).await.ok();
    let choices = admin.get("/api/v1/ticketing/choices").await.ok();
    admin.patch("/api/v1/ticketing", json!({ "ticket_type": choices["suggested"]["ticket_type"] })).await.ok();

    let agents = admin.get("/api/v1/psa-records?kind=technician").await.ok();
    let mail = |agent: &Value| {
        let keys = agent["keys"].as_array().unwrap();
        keys.iter().find_map(|key| key.as_str().filter(|key| key.contains('@')).map(str::to_owned))
    };
    let (agent, email) = items(&agents).iter().find_map(|agent| Some((agent, mail(agent)?))).unwrap();
    let name = text(agent, "psa_name");
    let made = admin.post("/api/v1/technicians", json!({ "email": email, "name": name, "role": "l2" })).await.ok();
    let id = text(&made, "id");
    admin.post(&format!("/api/v1/technicians/{id}/link"), json!({})).await.ok();
    let wish = json!({ "name": "e2e", "technician_id": id, "decide": true });
    let technician = admin.post("/api/v1/tokens", wish).await.ok();

    let wish = json!({ "name": "e2e", "any_company": true });
    let key = admin.post("/api/v1/enrollment-keys", wish).await.ok();
    let customers = admin.get("/api/v1/psa-records?kind=company").await.ok();
    let mut computers = Vec::new();
    for customer in items(&customers) {
        let wish = json!({ "psa_ids": [customer["psa_id"]] });
        let imported = admin.post("/api/v1/companies/import", wish).await.ok();
        let company = text(&imported["items"][0], "id");
        let sites = admin.get(&format!("/api/v1/psa-records?kind=location&company={company}")).await.ok();
        let assets = admin.get(&format!("/api/v1/psa-records?kind=computer&company={company}")).await.ok();
        let (Some(site), company) = (items(&sites).first(), text(customer, "psa_name")) else { continue };
        // Few enough of one company, and few requests of one computer: nobody meets a cap.
        for asset in items(&assets).iter().take(6) {
            let mut body = enrolment(text(&key, "enrollment_key"), company, text(asset, "psa_name"));
            body["location"] = site["psa_name"].clone();
            body["computer"]["machine_id"] = json!(format!("{company} {}", asset["psa_id"]));
            let enrolled = api.post("/agent/v1/enroll", body).await.ok();
            computers.push((company.to_owned(), text(&enrolled, "credential").to_owned()));
        }
    }
    assert!(computers.len() >= 40, "{} computers", computers.len());
    until("all is linked", || async {
        let waiting = admin.get("/api/v1/steps?state=waiting").await.ok();
        items(&waiting).is_empty().then_some(())
    })
    .await;
    Desk {
        nodes: Mutex::new(Vec::new()),
        computers,
        technician: text(&technician, "token").to_owned(),
        technician_name: name.to_owned(),
        agent: agent["psa_id"].clone(),
    }
}

/// Three of ten calls end in one of these ways.
async fn arm(sim: &Sim, dice: &mut Dice) {
    let everywhere = [
        (4.0, json!({ "kind": "status", "code": 500 })),
        (4.0, json!({ "kind": "status_after", "code": 500 })),
        (4.0, json!({ "kind": "cut_before" })),
        (4.0, json!({ "kind": "cut_after" })),
        (3.0, json!({ "kind": "garbage", "form": "html", "when": "before" })),
        (3.0, json!({ "kind": "garbage", "form": "html", "when": "after" })),
        (3.0, json!({ "kind": "garbage", "form": "json", "when": "after" })),
        (3.0, json!({ "kind": "expire_tokens", "times": 1_000_000 })),
    ];
    let on_records = [
        (2.0, json!({ "kind": "status", "code": 429, "retry_after": 1 })),
        // Closes everything for ten seconds.
        (0.1, json!({ "kind": "status", "code": 429 })),
        (2.0, json!({ "kind": "delay", "ms": LATE_MS, "when": "after", "method": "POST" })),
    ];
    let paths = |fault: (f64, Value)| ["/Tickets", "/Actions"].map(|path| (fault.0, fault.1.clone(), path));
    let all = everywhere.into_iter().map(|(percent, fault)| (percent, fault, "*"));
    for (percent, mut fault, path) in all.chain(on_records.into_iter().flat_map(paths)) {
        fault["percent"] = json!(percent);
        fault["path"] = json!(path);
        fault["seed"] = json!(dice.roll() >> 1);
        sim.fault(fault).await;
    }
}

async fn long_run(place: &str, mut nodes: Vec<Node>, dice: &mut Dice) {
    let (requests, each) = (number("E2E_LONG_RUN", REQUESTS), number("E2E_LONG_RUN_EACH", EACH));
    let sim = Sim::with(&["--seed", "demo", "--clients", "14", "--sites", "14", "--assets", "140"]).await;
    for node in &mut nodes {
        node.settings.push(("COUNTERSIGN_HALO_ALLOW_HOSTS".to_owned(), sim.host().to_owned()));
    }
    nodes[0].told(&["admin", "create", "--email", "admin@example.com", "--name", "Sam Okoro"]).await;
    let wish = ["token", "create", "--technician", "admin@example.com", "--name", "e2e", "--decide"];
    let token = nodes[0].told(&wish).await;
    let (api, ..) = nodes[0].start().await;
    let mut desk = set_up(&api, &token, &sim).await;
    desk.nodes.get_mut().unwrap().push(api);
    for node in nodes.iter_mut().skip(1) {
        let (api, ..) = node.start().await;
        desk.nodes.get_mut().unwrap().push(api);
    }
    let calls_before = sim.calls().await["total"].as_u64().unwrap();
    arm(&sim, dice).await;

    let run = Since::now();
    let desk = Arc::new(desk);
    let (begun, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let promised: Arc<Mutex<BTreeMap<String, Promised>>> = Arc::default();
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (desk, begun, open, promised) = (desk.clone(), begun.clone(), open.clone(), promised.clone());
        let mut ids = Dice::from(dice.roll());
        workers.spawn(async move {
            loop {
                open.acquire().await.unwrap().forget();
                let n = begun.fetch_add(1, Ordering::SeqCst);
                if n >= requests {
                    return;
                }
                let id = ids.request_id();
                let company = desk.ask(n, &id).await;
                // Some are decided at once, some while their ticket is being opened.
                pause(Duration::from_millis(u64::try_from(ids.below(4)).unwrap() * 50)).await;
                let verdict = desk.decide(n, &id).await;
                promised.lock().unwrap().insert(id, Promised { company, verdict });
            }
        });
    }

    let mut back = Vec::new();
    open.add_permits(each);
    for part in 0..requests / each {
        let after = part * each + dice.below(each);
        until("the request to kill after", || async { (begun.load(Ordering::SeqCst) > after).then_some(()) }).await;
        pause(Duration::from_millis(u64::try_from(dice.below(SPREAD_MS)).unwrap())).await;
        let which = dice.below(nodes.len());
        nodes[which].kill().await;
        // Whoever has no answer asks again, and the next ones ask for the first time.
        open.add_permits(each);
        let (api, since, ready) = nodes[which].start().await;
        desk.nodes.lock().unwrap()[which] = api.clone();
        until("the outbox goes on", || async { moved(&api).await.then_some(()) }).await;
        back.push(Back { ready, moved: since.elapsed() });
    }
    open.add_permits(requests + WORKERS);
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    let asked = run.elapsed();
    let promised = std::mem::take(&mut *promised.lock().unwrap());
    assert_eq!(promised.len(), requests);
    until_told(&desk).await;
    let told = run.elapsed();

    let faults = sim.faults().await;
    let calls = sim.calls().await;
    sim.forget_faults().await;
    println!("{place}: {requests} requests with a decision each, {} kills", back.len());
    println!("  asked and decided in {:.0} s, all told after {:.0} s", asked.as_secs_f64(), told.as_secs_f64());
    println!("  calls of Halo: {}, ended as {}", calls["total"].as_u64().unwrap() - calls_before, calls["statuses"]);
    let hit = |fault: &Value| format!("{} {}: {}", fault["kind"], fault["path"], fault["hits"]);
    println!("  faults met: {}", faults.iter().map(hit).collect::<Vec<_>>().join(", "));
    spread("ready after the start", back.iter().map(|back| back.ready).collect());
    spread("outbox goes on after the start", back.iter().map(|back| back.moved).collect());

    for (id, promise) in &promised {
        let path = format!("/api/v1/requests/{id}");
        let kept = desk.answer(0, &Method::GET, &path, &desk.technician, &Value::Null).await.ok();
        assert_eq!(kept["decision"]["verdict"], promise.verdict, "{kept}");
    }
    for node in &mut nodes {
        node.kill().await;
    }
    let audit = nodes[0].told(&["audit", "verify"]).await;
    all_once(&sim.state().await, &promised, &desk.agent);

    println!("  every request: one ticket, one action, one time entry, status and assignee right");
    println!("  {audit}");
}

/// What the environment says, or the usual.
fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |number| number.parse().unwrap())
}

fn spread(what: &str, mut spans: Vec<Duration>) {
    spans.sort_unstable();
    let at = |percent: usize| spans[(spans.len() * percent).div_ceil(100).max(1) - 1].as_secs_f64();
    println!("  {what}: p50 {:.2} s, p90 {:.2} s, the longest {:.2} s", at(50), at(90), at(100));
}

/// Waits until every step of a request is over. None may wait for a person. Reading Halo's tickets again goes on for ever.
async fn until_told(desk: &Desk) {
    let since = Since::now();
    let left = async |state: &str| {
        let path = format!("/api/v1/steps?state={state}&limit=5");
        let list = desk.answer(0, &Method::GET, &path, &desk.technician, &Value::Null).await.ok();
        let mut left = items(&list).to_vec();
        left.retain(|step| step["kind"] != "follow_tickets");
        left
    };
    loop {
        let attention = left("attention").await;
        assert!(attention.is_empty(), "waits for a person: {attention:#?}");
        let waiting = left("waiting").await;
        if waiting.is_empty() {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "not told yet: {waiting:#?}");
        pause(Duration::from_millis(500)).await;
    }
}

/// Every request has one ticket, with one action and one time entry, closed, and with the one who decided.
fn all_once(state: &Value, promised: &BTreeMap<String, Promised>, agent: &Value) {
    let rows = |kind: &str| state[kind].as_array().unwrap_or_else(|| panic!("{kind}")).clone();
    let named = |kind: &str, name: &str| {
        rows(kind).into_iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{kind} {name}"))["id"].clone()
    };
    let (closed, agent) = (named("statuses", "Closed"), agent.as_str().unwrap());
    let ours = rows("tickets").iter().filter(|ticket| text(ticket, "summary").contains("[CS-")).count();
    assert_eq!(ours, promised.len(), "tickets of ours");
    for (id, promise) in promised {
        let found = bearing(state, id);
        assert_eq!(found.len(), 1, "tickets of {id}");
        let ticket = found[0];
        assert_eq!(ticket["client_id"], named("clients", &promise.company), "{ticket:#}");
        assert_eq!((&ticket["deleted"], &ticket["status_id"]), (&json!(false), &closed), "{ticket:#}");
        assert_eq!(ticket["agent_id"].to_string(), agent, "{ticket:#}");
        let actions = later_actions(ticket);
        assert_eq!(actions.len(), 1, "{ticket:#}");
        let minutes = actions[0]["timetaken"].as_f64().unwrap() * 60.0;
        assert!((minutes - 5.0).abs() < 1e-6, "{minutes} minutes: {ticket:#}");
        assert_eq!(actions[0]["who_agentid"].to_string(), agent, "{ticket:#}");
        let word = if promise.verdict == "deny" { "denied" } else { "approved" };
        let note = text(&actions[0], "note");
        assert!(note.contains(word) && note.ends_with(&format!("{id}/record_decision/1")), "{note}");
    }
}
