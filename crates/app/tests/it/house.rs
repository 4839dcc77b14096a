//! An MSP's server with its worker, its people and computers, over a simulator.

use std::{sync::Arc, time::Duration};

use countersign_app::{
    App, Parts, StepRow, caps,
    clock::{Ids, System},
    decide::Wish,
    enroll::{Enrollment, KeyWish},
    notify::Notifier,
    people::NewTechnician,
    psa::{Connect, halo::HaloConnect},
    seal::Sealer,
    sign_in::hash,
    ticketing::Change,
};
use countersign_domain::{
    audit::Actor,
    decision::{Scope, Verdict},
    directory::Technician,
    id::RequestId,
    link::{Kind, LinkState},
    request::{Request, State},
    role::Role,
};
use countersign_store::{Accepted, ComputerContext, Options, Place, StepState, StepsQuery, Store};
use halo_sim::Config;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    halo::Halo,
    quick::{Quick, RATE, pause},
};

/// Longest wait for a condition, in the machine's time: for a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(5);

/// Waits until a condition holds; `what` names it where it does not in time. It is looked at less often the longer it
/// takes: looks are work, too.
pub(crate) async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let mut gap = Duration::from_millis(10);
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds().await {
            pause(gap).await;
            gap = (gap + gap / 10).min(Duration::from_millis(100));
        }
    });
    assert!(waited.await.is_ok(), "not in time: {what}");
}

/// A server that runs: dropping it ends its worker at once, as a crash would.
pub(crate) struct Running {
    pub(crate) app: App,
    pub(crate) store: Store,
    worker: JoinHandle<()>,
    timers: JoinHandle<()>,
}

impl Running {
    /// Its timers end, as if the machine had no time for them; its worker goes on.
    pub(crate) fn stop_beating(&self) {
        self.timers.abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.abort();
        self.timers.abort();
    }
}

/// What a house stands on, where it is not the usual.
#[derive(Default)]
pub(crate) struct Ground {
    pub(crate) config: Config,
    /// Seconds of the clock in one of the machine's.
    pub(crate) rate: Option<u32>,
    /// A database that several nodes share; SQLite in a folder where there is none.
    pub(crate) shared: Option<Place>,
    /// Stands between the product and the connection.
    pub(crate) between: Option<Between>,
}

/// Puts something between the product and the connection.
pub(crate) type Between = Arc<dyn Fn(HaloConnect) -> Arc<dyn Connect> + Send + Sync>;

pub(crate) struct House {
    pub(crate) halo: Halo,
    pub(crate) clock: Arc<Quick>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) place: Place,
    between: Option<Between>,
    running: Option<Running>,
    pub(crate) admin: Technician,
    pub(crate) key: String,
}

/// What is linked to what in the demo seed.
pub(crate) const COMPANY: &str = "Sample Dental Group";
pub(crate) const LOCATION: &str = "Main Street";
pub(crate) const COMPUTER: &str = "SDG-FD-01";

impl House {
    /// A server that is set up: connected, with a ticket type, and Sam Okoro as its first administrator.
    pub(crate) async fn new() -> Self {
        Self::with(Config::default(), Change::default()).await
    }

    pub(crate) async fn with(config: Config, settings: Change) -> Self {
        let house = Self::not_set_up(config).await;
        house.set_up(settings).await;
        house
    }

    pub(crate) async fn not_set_up(config: Config) -> Self {
        Self::on(Ground { config, ..Ground::default() }).await
    }

    /// A server that is not set up, over a simulator that runs.
    pub(crate) async fn over(halo: Halo) -> Self {
        Self::between(halo, Ground::default()).await
    }

    /// A server that is not set up.
    pub(crate) async fn on(ground: Ground) -> Self {
        let halo = Halo::start(ground.config.clone()).await;
        Self::between(halo, ground).await
    }

    async fn between(halo: Halo, ground: Ground) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Quick::new(ground.rate.unwrap_or(RATE)));
        let place = ground.shared.unwrap_or_else(|| Place::Sqlite(folder.path().join("countersign.db")));
        let running = open(&place, ground.between.as_ref(), &clock, &halo).await;
        let sam = NewTechnician {
            email: "sam.okoro@example.com".to_owned(),
            name: "Sam Okoro".to_owned(),
            role: Role::Administrator,
            companies: None,
        };
        let admin = running.app.add_technician(Actor::Server, sam).await.unwrap().technician;
        // Most stories ask for more than a computer may.
        let uncapped = caps::Change { per_computer: Some(None), per_company: Some(None) };
        running.app.change_caps(&admin, uncapped).await.unwrap();
        let wish = KeyWish { name: "Sample".to_owned(), ..KeyWish::default() };
        let (_, key) = running.app.make_enrollment_key(&admin, wish).await.unwrap();
        Self { halo, clock, folder, place, between: ground.between, running: Some(running), admin, key }
    }

    /// What an administrator types in the set-up.
    pub(crate) fn connection(&self) -> Change {
        let sim = self.halo.sim();
        Change {
            resource_url: Some(format!("{}/api", sim.url())),
            auth_url: Some(format!("{}/auth", sim.url())),
            tenant: Some(Some(sim.tenant().to_owned())),
            client_id: Some(sim.client_id().to_owned()),
            client_secret: Some(sim.client_secret().to_owned()),
            ..Change::default()
        }
    }

    /// The administrator, as who did something.
    pub(crate) fn by(&self) -> Actor {
        Actor::Technician(self.admin.id.clone())
    }

    pub(crate) async fn set_up(&self, settings: Change) {
        let connection = self.connection();
        let change = Change {
            resource_url: connection.resource_url,
            auth_url: connection.auth_url,
            tenant: connection.tenant,
            client_id: connection.client_id,
            client_secret: connection.client_secret,
            ticket_type: settings.ticket_type.or(Some(Some("21".to_owned()))),
            settle_s: settings.settle_s.or(Some(3)),
            budget: settings.budget.or(Some(countersign_app::budget::Allowance { off: true, ..Default::default() })),
            ..settings
        };
        self.app().change_ticketing(self.by(), change).await.unwrap();
        let psa_id = Some(crate::halo::SAM.to_string());
        until("Sam is linked", async || {
            self.app().technician(&self.admin, &self.admin.id).await.unwrap().link.psa_id == psa_id
        })
        .await;
    }

    pub(crate) fn app(&self) -> &App {
        &self.running.as_ref().unwrap().app
    }

    pub(crate) fn store(&self) -> &Store {
        &self.running.as_ref().unwrap().store
    }

    /// The process dies.
    pub(crate) fn crash(&mut self) {
        drop(self.running.take());
    }

    /// The process starts on the folder as it is.
    pub(crate) async fn start(&mut self) {
        self.running = Some(self.another_node().await);
    }

    /// The process starts anew, and waits for an answer of Halo no longer than that, in the machine's time. Not from the
    /// first start on: the set-up is tried once, however slow the machine is.
    pub(crate) async fn start_impatient(&mut self, deadline: Duration) {
        self.crash();
        self.halo.wait_at_most(deadline);
        self.start().await;
    }

    /// One more process on the same database.
    pub(crate) async fn another_node(&self) -> Running {
        open(&self.place, self.between.as_ref(), &self.clock, &self.halo).await
    }

    pub(crate) async fn technician(&self, email: &str, name: &str, role: Role) -> Technician {
        let new = NewTechnician { email: email.to_owned(), name: name.to_owned(), role, companies: None };
        self.app().create_technician(&self.admin, new).await.unwrap().technician
    }

    /// Enrols a computer, and waits until the rule has looked for it.
    pub(crate) async fn computer(&self, company: &str, location: &str, name: &str) -> Arc<ComputerContext> {
        let enrolled = self.app().enroll(enrollment(&self.key, company, location, name)).await.unwrap();
        assert!(!enrolled.held);
        self.app().computer_caller(&enrolled.credential).await.unwrap().unwrap()
    }

    pub(crate) async fn sample_computer(&self) -> Arc<ComputerContext> {
        self.computer(COMPANY, LOCATION, COMPUTER).await
    }

    /// Another computer of the same company.
    pub(crate) async fn other_computer(&self) -> Arc<ComputerContext> {
        self.computer(COMPANY, LOCATION, "SDG-FD-02").await
    }

    /// A request for a program of its own.
    pub(crate) async fn ask(&self, from: &ComputerContext) -> Request {
        self.ask_for(from, &format!("C:\\Setup\\{}.exe", System.uuid().simple())).await
    }

    pub(crate) async fn ask_for(&self, from: &ComputerContext, path: &str) -> Request {
        let id = RequestId::from_uuid(System.uuid());
        match self.app().submit(from, id, asked(path)).await.unwrap() {
            Accepted::New(request) => *request,
            other => panic!("a new id is accepted: {other:?}"),
        }
    }

    pub(crate) async fn approve(&self, request: &Request) -> Request {
        self.app().decide(&self.admin, &request.id, wish(Verdict::Approve)).await.unwrap().request
    }

    pub(crate) async fn deny(&self, request: &Request) -> Request {
        self.app().decide(&self.admin, &request.id, wish(Verdict::Deny)).await.unwrap().request
    }

    pub(crate) async fn request(&self, id: &RequestId) -> Request {
        self.app().request(&self.admin, id).await.unwrap().request
    }

    pub(crate) async fn steps(&self) -> Vec<StepRow> {
        let wanted = StepsQuery { limit: 10_000, ..StepsQuery::default() };
        self.app().steps(&self.admin, &wanted).await.unwrap()
    }

    /// Some of the steps that are not over.
    pub(crate) async fn undone(&self) -> Vec<StepRow> {
        let mut undone = Vec::new();
        for state in [StepState::Attention, StepState::Waiting] {
            let wanted = StepsQuery { state: Some(state), limit: 20, ..StepsQuery::default() };
            undone.extend(self.app().steps(&self.admin, &wanted).await.unwrap());
        }
        undone
    }

    /// The steps of one request's lane.
    pub(crate) async fn steps_of(&self, request: &RequestId) -> Vec<StepRow> {
        let mut steps = self.steps().await;
        steps.retain(|step| step.lane == request.as_str());
        steps
    }

    /// Waits for a step of a request to stand so.
    pub(crate) async fn until_step(&self, request: &RequestId, kind: &str, state: &str) {
        until(&format!("{kind} is {state}"), async || {
            self.steps_of(request).await.iter().any(|step| step.kind == kind && step.state == state)
        })
        .await;
    }

    /// A person lets a step go again. The watch over rights may have done that a moment before.
    pub(crate) async fn let_go(&self, request: &RequestId, kind: &str) {
        let steps = self.steps_of(request).await;
        let step = steps.iter().find(|step| step.kind == kind).unwrap();
        if let Err(error) = self.app().retry_step(&self.admin, &step.id.parse().unwrap()).await {
            assert_eq!(error.code(), "step_over", "{error}");
            assert!(self.audited("ticketing", "steps.retried").await > 0, "nobody else let it go");
        }
    }

    /// Waits until no step is left undone and every ticket was read back.
    pub(crate) async fn assert_all_done(&self) {
        let mut left = Vec::new();
        let mut gap = Duration::from_millis(10);
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                left = self.undone().await;
                let far = self.app().now().plus_seconds(3600);
                if left.is_empty() && self.store().tickets_to_verify(far, 1).await.unwrap().is_empty() {
                    // What a read-back appended comes before its ticket counts as read.
                    left = self.undone().await;
                    if left.is_empty() {
                        return;
                    }
                }
                pause(gap).await;
                gap = (gap + gap / 10).min(Duration::from_millis(100));
            }
        });
        let in_time = waited.await.is_ok();
        assert!(in_time, "left undone: {left:#?}, trouble: {:?}", self.app().ticketing().trouble);
    }

    /// Every attempt of a request's lane: kind and result.
    pub(crate) async fn attempts(&self, request: &RequestId) -> Vec<(String, String)> {
        let detail = self.app().request_detail(&self.admin, request).await.unwrap();
        detail.attempts.into_iter().map(|attempt| (attempt.kind, attempt.result)).collect()
    }

    /// How many of the newest entries of the audit log about an object tell of such an action.
    pub(crate) async fn audited(&self, object: &str, action: &str) -> usize {
        let rows = self.app().audit(&self.admin, Some(object), None, 200).await.unwrap();
        rows.iter().filter(|row| row.action == action).count()
    }

    /// Waits until a record's link stands so.
    pub(crate) async fn until_link(&self, kind: Kind, id: &str, state: LinkState) {
        until(&format!("{} {id} is {}", kind.as_str(), state.as_str()), async || {
            let id = id.to_owned();
            let link = self.store().look_up(move |tx| Box::pin(async move { tx.link(kind, &id).await })).await;
            link.unwrap().state == state
        })
        .await;
    }

    /// A decided request that is told in full: one ticket, one action, one time entry, all as they must be.
    pub(crate) async fn assert_told(&self, request: &Request) -> Value {
        let request = self.request(&request.id).await;
        let ticket = self.halo.ticket_of(request.id.as_str()).await;
        crate::halo::assert_right(&ticket, &request);
        assert!(matches!(request.state, State::Approved | State::Denied));
        ticket
    }
}

async fn open(place: &Place, between: Option<&Between>, clock: &Arc<Quick>, halo: &Halo) -> Running {
    let instance = System.uuid().to_string();
    let options = || Options { place: place.clone(), instance: instance.clone() };
    // The lock of a process that just died is free when its last task has ended.
    let mut store = Store::open(options(), clock.now_time()).await;
    for _ in 0..6000 {
        if store.is_ok() {
            break;
        }
        pause(Duration::from_millis(10)).await;
        store = Store::open(options(), clock.now_time()).await;
    }
    let store = store.unwrap();
    let connect = HaloConnect::new(halo.egress());
    let app = App::new(Parts {
        store: store.clone(),
        clock: Arc::<Quick>::clone(clock),
        ids: Arc::new(System),
        connect: between
            .map_or_else(|| Arc::new(connect.clone()) as Arc<dyn Connect>, |between| between(connect.clone())),
        notify: Notifier::new(halo.egress()),
        sealer: Sealer::new(&[7; 32]),
        public_url: "https://countersign.example.com".to_owned(),
        checkpoints: None,
    })
    .await
    .unwrap();
    let worker = tokio::spawn({
        let app = app.clone();
        async move { app.run_worker().await }
    });
    let timers = tokio::spawn({
        let app = app.clone();
        async move { Box::pin(app.run_timers()).await }
    });
    Running { app, store, worker, timers }
}

pub(crate) fn wish(verdict: Verdict) -> Wish {
    Wish { verdict, scope: Scope::Once, reason: Some("As agreed.".to_owned()), minutes: None, seen_version: None }
}

pub(crate) fn enrollment(key: &str, company: &str, location: &str, name: &str) -> Enrollment {
    Enrollment {
        key_hash: hash(key),
        company: company.to_owned(),
        location: location.to_owned(),
        name: name.to_owned(),
        os: "Windows".to_owned(),
        os_version: "11".to_owned(),
        machine_id: format!("machine-{company}-{name}"),
        agent_version: "0.1.0".to_owned(),
        old_credential_hash: None,
    }
}

pub(crate) fn asked(path: &str) -> countersign_domain::request::Asked {
    serde_json::from_value(json!({
        "end_user": {"account": "SDG\\alex", "user_id": null, "display_name": "Alex Sample",
            "email": "alex.sample@example.org", "phone": null},
        "program": {"path": path, "sha256": "5e".repeat(32)},
        "command_line": format!("\"{path}\" /quiet"), "run_as": null, "parent": null, "working_dir": null,
        "reason": "A printer needs it.", "requested_at": 0,
    }))
    .unwrap()
}
