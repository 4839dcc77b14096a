//! Lanes of the server's own, whose steps come round again and again: the directory sync, reading tickets, reconciling.
//!
//! One lane for each, so that one step of it runs at a time over all nodes. What is over is forgotten after a while.

use countersign_domain::{effect::StepKind, id::StepId, time::Time};
use sqlx::FromRow;

use crate::{NewStep, Result, Store, Tx, query::Query};

/// The lane in which tickets are read.
pub const TICKETS_LANE: &str = "tickets";
/// The lane in which requests and tickets are compared.
pub const RECONCILE_LANE: &str = "reconcile";

/// A step of such a lane that is not over.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RoundRow {
    /// What it is about.
    pub subject: String,
    /// Its state.
    pub state: String,
    /// The last attempt's words, where it is tried again.
    pub words: Option<String>,
}

const UNDONE: &str =
    "SELECT subject, state, words FROM steps WHERE lane = $1 AND state NOT IN ('done', 'given_up') ORDER BY seq";

impl NewStep {
    /// A step of a lane of the server's own.
    #[must_use]
    pub fn round(id: StepId, lane: &str, subject: String, kind: StepKind) -> Self {
        Self::alone(id, lane.to_owned(), subject, kind)
    }
}

impl Tx {
    /// The steps of a lane that are not over, in their order.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn undone_in(&mut self, lane: &str) -> Result<Vec<RoundRow>> {
        self.conn.all(&Query::new(UNDONE).bind(lane)).await
    }

    /// Appends steps to a lane of the server's own, and forgets those of it that were over before `before`.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be written.
    pub async fn append_rounds(&mut self, lane: &str, steps: &[NewStep], before: Time) -> Result<()> {
        for step in steps {
            self.append_step(step).await?;
        }
        let attempts = Query::new("DELETE FROM attempts WHERE lane = $1 AND started_at < $2").bind(lane).bind(before);
        self.conn.execute(&attempts).await?;
        let steps = Query::new("DELETE FROM steps WHERE lane = $1 AND state IN ('done', 'given_up') AND ended_at < $2")
            .bind(lane)
            .bind(before);
        self.conn.execute(&steps).await.map(|_| ())
    }
}

impl Store {
    /// The steps of a lane that are not over, in their order.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn undone_in(&self, lane: &str) -> Result<Vec<RoundRow>> {
        self.read().await?.all(&Query::new(UNDONE).bind(lane)).await
    }
}
