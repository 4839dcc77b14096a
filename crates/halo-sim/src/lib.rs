//! A stand-in for HaloPSA: its token endpoint, its API with its quirks, its rights; plus controls to break it on purpose.
//!
//! For developing and testing programs that talk to HaloPSA, without a HaloPSA. It keeps its own records in memory (in a
//! file too, if told so), and knows nothing of any client: the same requests that a tenant would take, it takes, and what
//! a tenant would refuse, it refuses. Where nobody could say what HaloPSA does, there is a switch.
//!
//! ```no_run
//! # async fn example() -> Result<(), halo_sim::StartError> {
//! let sim = halo_sim::Sim::start(halo_sim::Config::default()).await?;
//! println!("{} {} {}", sim.url(), sim.client_id(), sim.client_secret());
//! sim.stop().await;
//! # Ok(())
//! # }
//! ```

mod actions;
mod answer;
mod attachments;
mod calls;
mod clock;
mod control;
mod directory;
mod faults;
mod journal;
mod lists;
mod lookups;
mod model;
mod oauth;
mod pages;
mod query;
mod rights;
mod seed;
mod serve;
mod switches;
mod ticket_writes;
mod tickets;
mod webhooks;
mod words;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use journal::JournalError;
use serve::{Cut, Door, Shared};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use world::{Beginning, Credentials, World};

/// Which records a simulator starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seed {
    /// A small service desk with "Incident" tickets and sample customers.
    #[default]
    Demo,
    /// Another one: other ids, other names of types, statuses, outcomes and customers.
    Other,
    /// The demo's configuration without customers and people.
    Empty,
    /// A JSON file in the form of the shipped `seeds/demo.json`.
    File(PathBuf),
}

/// How many API calls are taken in a rolling window of time; more are answered 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls in the window.
    pub calls: usize,
    /// The window's length.
    pub window: Duration,
}

/// How a simulator is set up. `Default` is the demo seed on a free port of the loopback, without limit and file.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The records to start with.
    pub seed: Seed,
    /// Fill up with sample customers to this many.
    pub clients: Option<usize>,
    /// Fill up with sample sites to this many, over all customers.
    pub sites: Option<usize>,
    /// Fill up with sample assets (`PC-000001`, …) to this many, over all sites.
    pub assets: Option<usize>,
    /// Fill up with sample agents to this many.
    pub agents: Option<usize>,
    /// Of a hundred sample customers, and of a hundred sample assets of a site, this many bear the name of the one before
    /// them; at most 50.
    pub ambiguous: usize,
    /// The limit on `/api` calls; none by default.
    pub rate_limit: Option<RateLimit>,
    /// A file that keeps everything, so that a killed simulator goes on where it was. A file that already holds a state
    /// wins over `seed`, the counts and the credentials.
    pub snapshot: Option<PathBuf>,
    /// How long a token is good; HaloPSA gives an hour.
    pub token_lifetime: Duration,
    /// The tenant's name.
    pub tenant: String,
    /// The application's id; random if none.
    pub client_id: Option<String>,
    /// The application's secret; random if none.
    pub client_secret: Option<String>,
    /// The scopes that the application was given; the seed's if none.
    pub application_scopes: Option<Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: Seed::Demo,
            clients: None,
            sites: None,
            assets: None,
            agents: None,
            ambiguous: 0,
            rate_limit: None,
            snapshot: None,
            token_lifetime: Duration::from_hours(1),
            tenant: "sample".to_owned(),
            client_id: None,
            client_secret: None,
            application_scopes: None,
        }
    }
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another address with --listen, or end the program that uses it"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The seed file cannot be read.
    #[error("the seed file {path} cannot be read: {source}; name an existing file, or one of demo, other, empty")]
    SeedUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The seed file is none.
    #[error("the seed file {path} is not in the form of a seed: {source}; see seeds/demo.json for the form")]
    SeedInvalid {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The snapshot file cannot be used.
    #[error(transparent)]
    Snapshot(#[from] JournalError),
}

/// A running simulator. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    credentials: Credentials,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Sim {
    /// Starts a simulator in the current tokio runtime; when this returns, it answers.
    ///
    /// # Errors
    /// When the address is taken, or the seed or snapshot file cannot be used.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let beginning = Beginning {
            credentials: Credentials {
                client_id: config.client_id.clone().unwrap_or_else(clock::random_guid),
                client_secret: config.client_secret.clone().unwrap_or_else(|| {
                    let secret = format!("{}-{}", clock::random_guid(), clock::random_guid());
                    secret.replace('-', "")
                }),
                tenant: config.tenant.clone(),
            },
            book: seed::book(&config)?,
        };
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let world = match &config.snapshot {
            Some(path) => World::with_journal(beginning, path)?,
            None => World::new(beginning),
        };
        let credentials = world.credentials().clone();
        let (stop, mut stopping) = watch::channel(false);
        let shared = Shared::new(world, config.rate_limit, config.token_lifetime, address, stopping.clone());
        let app = axum::Router::new().fallback(serve::handle).with_state(Arc::new(shared));
        let serving = axum::serve(Door(listener), app.into_make_service_with_connect_info::<Cut>());
        let serving = serving.with_graceful_shutdown(async move {
            // An error means that the handle is gone, which stops as well.
            drop(stopping.wait_for(|stop| *stop).await);
        });
        let server = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the simulator's server ended");
            }
        });
        Ok(Self { address, credentials, stop, server })
    }

    /// Where it listens, without `/api`: `http://127.0.0.1:7601`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The API application's client id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.credentials.client_id
    }

    /// The API application's secret.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.credentials.client_secret
    }

    /// The tenant's name.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.credentials.tenant
    }

    /// Lets running calls end, closes the rest, and returns when nothing listens any more.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.server.await {
            tracing::warn!(%error, "the simulator's server did not end cleanly");
        }
    }
}
