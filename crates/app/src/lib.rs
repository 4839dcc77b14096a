//! The use cases: what people and endpoints can do, each in a file named by its verb, and the steps that tell the
//! ticketing system.
//!
//! Called by `server`. A use case reads, asks `domain`, and writes once, compare-and-set; after the commit it wakes who
//! waits. Not for: HTTP, HTML, JSON of the outside. The decision a reader would undo: no use case ever calls the
//! ticketing system on the way of a request or a decision; only steps do, and people who ask for it in the settings.

pub mod alerts;
pub mod archive;
pub mod attach;
pub mod attention;
pub mod budget;
pub mod caps;
pub mod check;
pub mod clock;
pub mod customers;
pub mod decide;
pub mod directory;
pub mod enroll;
mod error;
pub mod follow;
pub mod hook;
pub mod import;
pub mod keys;
mod ledger;
pub mod link;
mod made;
mod notes;
pub mod outcome;
pub mod people;
pub mod reconcile;
pub mod requests;
mod rights;
pub mod seal;
pub mod setup;
pub mod sign_in;
pub mod steps;
pub mod submit;
pub mod sync;
pub mod ticketing;
pub mod timers;
pub mod wake;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use countersign_domain::{
    audit::{Actor, Entry},
    id::{CompanyId, ServerId, StepId},
    time::Time,
};
use countersign_notify::Notifier;
use countersign_psa::{Connect, Fault, Psa};
use countersign_store::Store;

pub use countersign_notify as notify;
pub use countersign_psa as psa;
pub use countersign_store::{
    AlertRow, AlertStage, AttemptRow, AuditRow, CauseIs, CauseRow, CompanyRow, ComputerContext, ComputerRow,
    ContactRow, Counts, DirectoryQuery, EnrollmentKeyRow, LinkCounts, LocationRow, Order, RequestQuery, RequestRow,
    Shelf, StepRow, StepState, StepsQuery, TechnicianRow, TicketRow, TokenRow, UnlinkedCounts, Verified,
    WaitingCompany,
};
pub use error::{Error, Result};

use clock::{Clock, Ids};
use seal::Sealer;
use ticketing::Settings;

/// What the use cases are put together from.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids and secrets come from.
    pub ids: Arc<dyn Ids>,
    /// Makes connections to the ticketing system.
    pub connect: Arc<dyn Connect>,
    /// Sends mail and webhooks.
    pub notify: Notifier,
    /// Seals secrets.
    pub sealer: Sealer,
    /// The address under which people reach the portal, without a slash at its end.
    pub public_url: String,
    /// The file that audit checkpoints are copied to, one JSON line each; none copies them to the log alone.
    pub checkpoints: Option<PathBuf>,
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    connect: Arc<dyn Connect>,
    notify: Notifier,
    sealer: Sealer,
    public_url: String,
    checkpoints: Option<PathBuf>,
    server: ServerId,
    keys: keys::Keys,
    wake: wake::Wake,
    budget: Arc<budget::SharedBudget>,
    ticketing: RwLock<Arc<Connected>>,
    vanished: Mutex<Vec<ticketing::Vanished>>,
    caps: caps::InForce,
    desk: steps::Desk,
    rest: steps::Rest,
    heard: follow::Heard,
    reconciling: tokio::sync::Mutex<()>,
    checks: check::Board,
    setup: setup::Board,
    rights: rights::Watch,
}

/// The ticketing settings in force, with the connection made from them.
#[derive(Default)]
struct Connected {
    settings: Arc<Settings>,
    /// What companies have otherwise, and their settings as they hold with it.
    overrides: BTreeMap<CompanyId, ticketing::Overrides>,
    companies: BTreeMap<CompanyId, Arc<Settings>>,
    version: Option<i64>,
    /// None where nothing is set up; the refusal where this server's own configuration does not allow the address. That
    /// is told, and all that would be sent waits.
    psa: Option<std::result::Result<Arc<dyn Psa>, Fault>>,
}

impl App {
    /// Puts the use cases together: reads settings, and makes keys and the server's id at the first start.
    ///
    /// # Errors
    /// When the database cannot be read, or a secret cannot be opened with this key file.
    pub async fn new(parts: Parts) -> Result<Self> {
        let now = parts.clock.now();
        let server = keys::server_id(&parts.store, &*parts.ids).await?;
        let keys = keys::Keys::load(&parts.store, &parts.sealer, &*parts.ids, now).await?;
        let budget = Arc::new(budget::SharedBudget::new(parts.clock.clone(), parts.store.clone()));
        let app = Self {
            inner: Arc::new(Inner {
                store: parts.store,
                clock: parts.clock,
                ids: parts.ids,
                connect: parts.connect,
                notify: parts.notify,
                sealer: parts.sealer,
                public_url: parts.public_url,
                checkpoints: parts.checkpoints,
                server,
                keys,
                wake: wake::Wake::default(),
                budget,
                ticketing: RwLock::default(),
                vanished: Mutex::default(),
                caps: caps::InForce::default(),
                desk: steps::Desk::default(),
                rest: steps::Rest::default(),
                heard: follow::Heard::default(),
                reconciling: tokio::sync::Mutex::default(),
                checks: check::Board::default(),
                setup: setup::Board::default(),
                rights: rights::Watch::default(),
            }),
        };
        app.reload_ticketing().await?;
        app.follow_caps().await?;
        Ok(app)
    }

    /// This installation.
    #[must_use]
    pub fn server_id(&self) -> &ServerId {
        &self.inner.server
    }

    /// The keys that grants and the key set are signed with.
    #[must_use]
    pub fn keys(&self) -> &keys::Keys {
        &self.inner.keys
    }

    /// Who waits for what.
    #[must_use]
    pub fn wake(&self) -> &wake::Wake {
        &self.inner.wake
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The address under which people reach the portal.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.inner.public_url
    }

    /// True if the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ready(&self) -> Result<()> {
        Ok(self.inner.store.ping().await?)
    }

    /// How long a waiting endpoint trusts that it would be woken: for ever where this process alone decides, else until
    /// another node may have decided.
    #[must_use]
    pub fn patience(&self) -> std::time::Duration {
        std::time::Duration::from_secs(if self.store().is_shared() { 1 } else { 60 })
    }

    /// The allowance of calls, as this node knows it.
    #[must_use]
    pub fn budget(&self) -> &budget::SharedBudget {
        &self.inner.budget
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn step_id(&self) -> StepId {
        StepId::from_uuid(self.inner.ids.uuid())
    }

    fn connected(&self) -> Arc<Connected> {
        self.inner.ticketing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn entry<B>(
        &self,
        actor: Actor,
        action: &str,
        object: impl Into<String>,
        company: Option<CompanyId>,
        body: B,
    ) -> Entry<B> {
        Entry { at: self.now(), actor, action: action.to_owned(), object: object.into(), company, body }
    }
}
