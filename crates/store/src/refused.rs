//! Steps that the other side refused, or that were not shown what must be there, go again.
//!
//! Called by the watch over rights, in the transaction that tells the audit log of it.

use countersign_domain::time::Time;

use crate::{Result, Tx, query::Query};

/// Which of the steps that were refused, or saw nothing, go again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// All.
    All,
    /// The oldest alone.
    Oldest,
    /// Those that had not met that before.
    New,
}

impl Tx {
    /// Lets steps go again that wait for a person since a refusal, or since tickets were not shown, at or after `since`:
    /// those of them that are meant. How many.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn retry_refused(&mut self, since: Time, now: Time, which: Refused) -> Result<u64> {
        let never = Time(i64::MIN);
        let (met_before, most) = match which {
            Refused::All => (never, i64::MAX),
            Refused::Oldest => (never, 1),
            Refused::New => (since, i64::MAX),
        };
        let query = Query::new(
            "UPDATE steps SET state = 'waiting', due_at = $1 WHERE state = 'attention' AND id IN (
                 SELECT s.id FROM steps s WHERE s.state = 'attention' AND EXISTS (
                     SELECT 1 FROM attempts a
                     WHERE a.step_id = s.id AND a.ended_at >= $2 AND a.result IN ('refused', 'unseen')
                 ) AND NOT EXISTS (
                     SELECT 1 FROM attempts a
                     WHERE a.step_id = s.id AND a.ended_at < $3 AND a.result IN ('refused', 'unseen')
                 ) ORDER BY s.id LIMIT $4
             )",
        )
        .bind(now)
        .bind(since)
        .bind(met_before)
        .bind(most);
        self.conn.execute(&query).await
    }
}
