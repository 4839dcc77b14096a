//! The guided set-up of the ticketing system: how far it is, what was typed and is not in force yet, and the trying of a
//! new connection.
//!
//! Called by the portal's set-up pages. Not for: what is in force; those settings are [`ticketing`](crate::ticketing)'s.
//! The decision a reader would undo: what was typed is kept before it is tried, the secret sealed. The way out of a
//! refusal may be a restart of this server, and Halo shows a secret once.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_domain::{audit::Actor, directory::Technician, role::Right, time::Time};
use countersign_psa::{Cause, Fault};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    App, Error, Result,
    customers::{Import, Kept},
    people::require,
    ticketing::Change,
};

const DOCUMENT: &str = "ticketing_setup";
const SECRET: &str = "psa_client_secret_typed";
const SECRET_PLACE: &str = "secrets/psa_client_secret_typed/sealed";

/// For how long a client id that Halo does not know is tried again: a new application takes seconds to be known
/// everywhere at Halo.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// How many ticks are kept.
const TICKS: usize = 100;

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The API-only agent and its rights.
    Agent,
    /// The application that logs in as that agent.
    Application,
    /// Addresses, client id and secret.
    Connection,
    /// The live check.
    Check,
    /// What a ticket is made of.
    Tickets,
    /// Customers as companies.
    Customers,
    /// The test ticket.
    Test,
    /// What is left to do.
    Done,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 8] = [
        Self::Agent,
        Self::Application,
        Self::Connection,
        Self::Check,
        Self::Tickets,
        Self::Customers,
        Self::Test,
        Self::Done,
    ];

    /// Its word in an address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Application => "application",
            Self::Connection => "connection",
            Self::Check => "check",
            Self::Tickets => "tickets",
            Self::Customers => "customers",
            Self::Test => "test",
            Self::Done => "done",
        }
    }

    /// The step that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }

    /// The one after it; the last is its own.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL.into_iter().find(|step| *step > self).unwrap_or(Self::Done)
    }
}

/// What was typed of a connection and is not in force yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Resource server.
    pub resource_url: String,
    /// Authorisation server.
    pub auth_url: String,
    /// Tenant; may be empty.
    pub tenant: String,
    /// Client id.
    pub client_id: String,
}

/// How far the set-up is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Steps that were left by going on.
    pub passed: BTreeSet<Step>,
    /// What was ticked of the first step's list.
    pub ticked: BTreeSet<String>,
    /// A connection that was typed and is not in force yet.
    pub typed: Option<Typed>,
}

impl Progress {
    /// Where to go on.
    #[must_use]
    pub fn here(&self) -> Step {
        Step::ALL.into_iter().find(|step| !self.passed.contains(step)).unwrap_or(Step::Done)
    }

    /// True if the set-up was gone through to its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.passed.contains(&Step::Done)
    }
}

/// Whether a secret is at hand. It is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKept {
    /// None.
    No,
    /// The one in force.
    InForce,
    /// One was typed that Halo has not taken yet.
    Typed,
}

/// How a connection is being tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connecting {
    /// When the try began.
    pub started_at: Time,
    /// How often Halo was asked.
    pub tries: u32,
    /// How it stands.
    pub state: Attempt,
}

/// How a try stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// Halo is being asked.
    Asking,
    /// Halo does not know the application yet, and is asked again; these are its words.
    NotKnownYet(String),
    /// The connection is in force.
    InForce,
    /// It is not, and what was in force before still is.
    Failed {
        /// Stable code.
        code: &'static str,
        /// The field it is about.
        field: Option<&'static str>,
        /// What was seen, and what to do.
        sentence: String,
    },
}

impl Attempt {
    /// True once nothing more comes.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::InForce | Self::Failed { .. })
    }
}

/// The longer works of the set-up, and what is remembered between its pages. Of this process.
pub(crate) struct Board {
    connecting: watch::Sender<Option<Connecting>>,
    pub(crate) import: watch::Sender<Option<Import>>,
    pub(crate) customers: Mutex<Option<Kept>>,
    /// Who tries a connection later takes the place of who tried before.
    round: Mutex<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            connecting: watch::Sender::new(None),
            import: watch::Sender::new(None),
            customers: Mutex::default(),
            round: Mutex::default(),
        }
    }
}

impl App {
    /// How far the set-up is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn setup_progress(&self) -> Result<Progress> {
        Ok(match self.store().setting(DOCUMENT).await? {
            Some((value, _)) => read(&value),
            None => Progress::default(),
        })
    }

    /// Which secret is at hand.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn secret_kept(&self) -> Result<SecretKept> {
        Ok(match self.store().secret(SECRET).await? {
            Some(_) => SecretKept::Typed,
            None if self.ticketing().secret_set => SecretKept::InForce,
            None => SecretKept::No,
        })
    }

    /// Remembers that somebody went on from a step.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not.
    pub async fn pass_step(&self, by: &Technician, step: Step) -> Result<()> {
        require(by, Right::EditSettings)?;
        self.change_progress(move |progress| {
            progress.passed.insert(step);
        })
        .await
    }

    /// Keeps what is ticked of the first step's list.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not.
    pub async fn tick(&self, by: &Technician, ticked: Vec<String>) -> Result<()> {
        require(by, Right::EditSettings)?;
        self.change_progress(move |progress| progress.ticked = ticked.iter().take(TICKS).cloned().collect()).await
    }

    /// Keeps what was typed, and tries it in the background: until it is in force, until Halo refuses it, or, while Halo
    /// does not know the application, for 30 seconds. [`connecting`](Self::connecting) tells how it stands; who awaits
    /// the handle sees the end, who drops it lets it go on.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not. What Halo says is told by [`connecting`](Self::connecting).
    pub async fn start_connecting(
        &self,
        by: &Technician,
        typed: Typed,
        secret: Option<&str>,
    ) -> Result<JoinHandle<()>> {
        self.keep_typed(by, &typed, secret).await?;
        let change = Change {
            resource_url: Some(typed.resource_url),
            auth_url: Some(typed.auth_url),
            tenant: Some(Some(typed.tenant)),
            client_id: Some(typed.client_id),
            client_secret: self.typed_secret().await?,
            ..Change::default()
        };
        let round = {
            let mut round = self.inner.setup.round.lock().unwrap_or_else(PoisonError::into_inner);
            *round += 1;
            *round
        };
        let begun = Connecting { started_at: self.now(), tries: 0, state: Attempt::Asking };
        self.inner.setup.connecting.send_replace(Some(begun));
        let (app, actor) = (self.clone(), Actor::Technician(by.id.clone()));
        Ok(tokio::spawn(async move {
            let state = match app.connect_patiently(round, actor, change).await {
                Ok(()) => Attempt::InForce,
                Err(Error::Invalid { code, field, sentence }) => Attempt::Failed { code, field, sentence },
                Err(error) => Attempt::Failed { code: error.code(), field: None, sentence: error.to_string() },
            };
            app.tell_connecting(round, |now| now.state = state);
        }))
    }

    /// How the last connection that was tried stands; none where none was tried by this process.
    #[must_use]
    pub fn connecting(&self) -> Option<Connecting> {
        self.inner.setup.connecting.borrow().clone()
    }

    fn tell_connecting(&self, round: u64, change: impl FnOnce(&mut Connecting)) {
        let newest = self.inner.setup.round.lock().unwrap_or_else(PoisonError::into_inner);
        if *newest == round {
            self.inner.setup.connecting.send_if_modified(|now| now.as_mut().map(change).is_some());
        }
    }

    async fn connect_patiently(&self, round: u64, actor: Actor, change: Change) -> Result<()> {
        let (_, _, psa) = self.connection_after(&self.ticketing_settings(), &change).await?;
        let clock = self.clock();
        let began = clock.monotonic();
        loop {
            self.tell_connecting(round, |now| now.tries += 1);
            let Err(fault) = psa.sign_in().await else { break };
            if fault.cause != Cause::UnknownClient {
                // What else stands against it is told by the lines of the try below.
                break;
            }
            if clock.monotonic().saturating_sub(began) >= PATIENCE {
                return Err(not_known(&fault));
            }
            self.tell_connecting(round, |now| now.state = Attempt::NotKnownYet(fault.words));
            clock.sleep(PAUSE).await;
        }
        self.change_ticketing(actor, change).await?;
        self.forget_typed().await
    }

    /// Keeps what was typed, without trying it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not.
    pub async fn keep_typed(&self, by: &Technician, typed: &Typed, secret: Option<&str>) -> Result<()> {
        require(by, Right::EditSettings)?;
        let typed = typed.clone();
        self.change_progress(move |progress| progress.typed = Some(typed.clone())).await?;
        let Some(secret) = secret.map(str::trim).filter(|secret| !secret.is_empty()) else { return Ok(()) };
        let sealed = self.inner.sealer.seal(SECRET_PLACE, secret.as_bytes(), &*self.inner.ids)?;
        let now = self.now();
        self.store()
            .write(move |tx| {
                let sealed = sealed.clone();
                Box::pin(async move { tx.set_secret(SECRET, &sealed, now).await })
            })
            .await?;
        Ok(())
    }

    async fn typed_secret(&self) -> Result<Option<String>> {
        let Some(sealed) = self.store().secret(SECRET).await? else { return Ok(None) };
        let secret = self.inner.sealer.open(SECRET_PLACE, &sealed)?;
        Ok(Some(String::from_utf8_lossy(&secret).into_owned()))
    }

    async fn forget_typed(&self) -> Result<()> {
        self.store().write(|tx| Box::pin(async move { tx.forget_secret(SECRET).await })).await?;
        self.change_progress(|progress| {
            progress.typed = None;
            progress.passed.insert(Step::Connection);
        })
        .await
    }

    async fn change_progress(&self, change: impl Fn(&mut Progress) + Send + Sync + Clone + 'static) -> Result<()> {
        self.store()
            .write(move |tx| {
                let change = change.clone();
                Box::pin(async move {
                    let before = tx.setting(DOCUMENT).await?;
                    let mut progress = before.as_ref().map_or_else(Progress::default, |(value, _)| read(value));
                    change(&mut progress);
                    let value = serde_json::json!(progress).to_string();
                    tx.set_setting(DOCUMENT, &value, before.map(|(_, version)| version)).await
                })
            })
            .await?;
        Ok(())
    }
}

/// Progress that a newer version wrote, and this one cannot read, is begun anew: nothing in force hangs on it.
fn read(value: &str) -> Progress {
    serde_json::from_str(value).unwrap_or_else(|error| {
        tracing::warn!(%error, "the progress of the set-up cannot be read, and begins anew");
        Progress::default()
    })
}

fn not_known(fault: &Fault) -> Error {
    let sentence = format!(
        "Halo does not know this Client ID with this Client Secret, for {} s now: {}. Copy both anew from the application's \
         Details tab; a secret that is in doubt is made new there.",
        PATIENCE.as_secs(),
        fault.words.trim_end_matches('.')
    );
    Error::invalid("invalid_client", "client_secret", sentence)
}
