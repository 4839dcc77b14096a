//! The only SQL: SQLite and PostgreSQL behind one set of functions.
//!
//! Called by `app` alone (and by the server's `main`, which opens it). Reads go to a pool of readers; every write goes
//! through a [`writer`] task, so that a cancelled caller never leaves a transaction open. Not for: deciding anything;
//! what may change and how is `domain`'s, this crate compares-and-sets. The decision a reader would undo: there is no
//! ORM and no row type per table; the requests' state machine is kept as one JSON body beside the columns that are
//! searched.

mod accept;
mod alerts;
mod archive;
mod attach;
mod audit;
pub mod backup;
mod contexts;
mod credentials;
mod directory;
mod ends;
mod engine;
mod enrollment;
mod error;
mod joined;
mod lanes;
mod links;
mod lists;
mod nodes;
mod people;
#[cfg(test)]
mod plans;
mod pools;
mod query;
mod reader;
mod recent;
mod reconcile;
mod refused;
mod requests;
mod rounds;
mod settings;
mod steps;
mod sync;
mod tickets;
mod writer;

use std::{path::PathBuf, sync::Arc};

pub use accept::{Accepted, NewRequest};
pub use alerts::{AlertRow, AlertStage};
pub use audit::{AuditRow, Checkpoint, Head, Verified};
pub use contexts::Context;
pub use credentials::ComputerContext;
pub use directory::{CompanyRow, ComputerRow, ContactRow, LocationRow};
pub use ends::{Attempt, AttemptResult, Completed, Freed, Next};
pub use enrollment::{EnrollmentKeyRow, NewEnrollmentKey};
pub use error::Error;
pub use lanes::{Claimed, NewStep, Offered};
pub use lists::{DirectoryQuery, LinkCounts, Order, Shelf, UnlinkedCounts};
pub use people::{NewToken, PortalSession, TechnicianRow, TokenRow};
pub use reconcile::LaneStep;
pub use refused::Refused;
pub use requests::{Counts, RequestQuery, RequestRow, Transition};
pub use rounds::{RECONCILE_LANE, RoundRow, TICKETS_LANE};
pub use steps::{AttemptRow, CauseIs, CauseRow, StepRow, StepState, StepsQuery, WaitingCompany};
pub use sync::{SYNC_LANE, SyncRow};
pub use tickets::{Followed, ReadBack, TicketNews, TicketRow, ToVerify};
pub use writer::Tx;

use pools::Pools;
use query::Query;

/// Result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A file, locked for this process.
    Sqlite(PathBuf),
    /// A server: `postgres://…`.
    Postgres {
        /// The address, with its password.
        url: String,
        /// The schema to use; none takes the connection's own.
        schema: Option<String>,
    },
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub place: Place,
    /// A name that no other start of any node has: names the audit chains and the claims of this process.
    pub instance: String,
}

/// The database.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pools: Pools,
    writers: writer::Writers,
    instance: String,
    contexts: credentials::ContextCache,
    recent: Arc<recent::Recent>,
}

impl Store {
    /// Opens the database, creates or migrates it, and starts its writers.
    ///
    /// On SQLite, what was being sent when the last process ended is in doubt from now on, `now` being microseconds UTC.
    ///
    /// # Errors
    /// [`Error::Open`] names the file or server and what stood against it: another process has it, it cannot be
    /// reached, its schema is newer than this program.
    pub async fn open(options: Options, now: countersign_domain::time::Time) -> Result<Self> {
        let lock = match &options.place {
            Place::Sqlite(path) => Some(pools::lock(path)?),
            Place::Postgres { .. } => None,
        };
        let pools = Pools::open(&options.place).await?;
        pools.migrate(&options.place).await?;
        let contexts = credentials::ContextCache::new(lock.is_some());
        let writers = writer::Writers::start(&pools, &options.instance, &contexts, lock);
        let recent = Arc::new(recent::Recent::new(matches!(options.place, Place::Postgres { .. })));
        let inner = Inner { pools, writers, instance: options.instance, contexts, recent };
        let store = Self { inner: Arc::new(inner) };
        if matches!(options.place, Place::Sqlite(_)) {
            store.doubt_everything_sending(now).await?;
        }
        Ok(store)
    }

    /// True if other processes may write to the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.inner.pools, Pools::Postgres { .. })
    }

    /// The name of this process.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.inner.instance
    }

    /// Makes sure that the database answers a read, and that the writers take jobs.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Closed`] where it does not.
    pub async fn ping(&self) -> Result<()> {
        let _one: Option<(i64,)> = self.read().await?.one(&Query::new("SELECT CAST(1 AS BIGINT)")).await?;
        if self.inner.writers.alive() { Ok(()) } else { Err(Error::Closed) }
    }

    /// Ends the writers after what was sent to them, closes every connection and lets go of the file's lock. Whatever is
    /// called on this store afterwards answers [`Error::Closed`] or [`Error::Database`].
    pub async fn close(&self) {
        self.inner.writers.stop().await;
        self.inner.pools.close().await;
    }

    async fn read(&self) -> Result<engine::Conn> {
        self.inner.pools.reader().await
    }
}
