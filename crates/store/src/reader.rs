//! Reads that use the same functions as a transaction, and small reads and writes of steps as a whole.

use countersign_domain::time::Time;
use futures_util::future::BoxFuture;

use crate::{Result, Store, Tx, audit::Chain, query::Query};

impl Store {
    /// Runs `work` on a reader's connection: it sees what is committed and cannot write.
    ///
    /// # Errors
    /// Whatever `work` answers.
    pub async fn look_up<T, F>(&self, work: F) -> Result<T>
    where
        F: for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T>> + Send,
    {
        let mut tx = Tx { conn: self.read().await?, chain: Chain::new(String::new()) };
        work(&mut tx).await
    }

    /// Lets every step go that waits, for its time or for a link.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn go_on(&self, now: Time) -> Result<u64> {
        self.write(move |tx| {
            let query = Query::new(
                "UPDATE steps SET state = 'waiting', due_at = $1
                 WHERE state = 'parked' OR (state = 'waiting' AND due_at > $2)",
            )
            .bind(now)
            .bind(now);
            Box::pin(async move { tx.conn.execute(&query).await })
        })
        .await
    }

    /// Lets every step go that waits for its time alone, in the order in which they were asked for.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn hurry(&self) -> Result<u64> {
        self.write(move |tx| {
            // 0, and not now: those that were tried last are not behind those that were tried first.
            let query = Query::new("UPDATE steps SET due_at = 0 WHERE state = 'waiting' AND due_at > 0");
            Box::pin(async move { tx.conn.execute(&query).await })
        })
        .await
    }

    /// Puts every undone step that writes on the other side in doubt, since `doubt_at`, and with it the tickets of all that
    /// is pending: this database is older than what was written. Tickets are looked for above `floor`.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn doubt_undone(&self, doubt_at: Time, floor: String) -> Result<u64> {
        self.write(move |tx| {
            let query = Query::new(
                "UPDATE steps SET doubt_at = $1, floor = $2 WHERE doubt_at IS NULL AND kind NOT IN
                 ('link_record', 'adjust_ticket', 'sync_directory', 'follow_tickets', 'reconcile') AND state IN ('queued', 'waiting', 'parked', 'attention')",
            )
            .bind(doubt_at)
            .bind(&floor);
            let tickets = Query::new(
                "UPDATE tickets SET doubt_at = $1 WHERE doubt_at IS NULL AND lane IN
                     (SELECT COALESCE(again_of, joined_to, id) FROM requests WHERE state = 'pending')",
            )
            .bind(doubt_at);
            Box::pin(async move {
                tx.conn.execute(&tickets).await?;
                tx.conn.execute(&query).await
            })
        })
        .await
    }

    /// Those of these lanes whose ticket is being opened, or may have been: a process that ended explains a ticket that
    /// the database does not know.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn opening_in_doubt(&self, lanes: &[String]) -> Result<Vec<String>> {
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = Query::build(
            "SELECT lane FROM steps WHERE kind = 'open_ticket' AND (doubt_at IS NOT NULL OR state = 'sending') AND lane IN ",
        );
        query.list(lanes.iter());
        Ok(self.read().await?.all::<(String,)>(&query).await?.into_iter().map(|(lane,)| lane).collect())
    }

    /// Those of these lanes that have a step which opens their ticket, whatever became of it.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn lanes_that_open(&self, lanes: &[String]) -> Result<Vec<String>> {
        let mut query = Query::build("SELECT DISTINCT lane FROM steps WHERE kind = 'open_ticket' AND lane IN ");
        query.list(lanes.iter());
        Ok(self.read().await?.all::<(String,)>(&query).await?.into_iter().map(|(lane,)| lane).collect())
    }

    /// The lowest ticket id that any step in doubt must be looked for above.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn lowest_floor(&self) -> Result<Option<String>> {
        let query = Query::new(
            "SELECT floor FROM steps WHERE state IN ('waiting', 'sending') AND doubt_at IS NOT NULL AND floor IS NOT NULL
             ORDER BY LENGTH(floor), floor LIMIT 1",
        );
        Ok(self.read().await?.one::<(String,)>(&query).await?.map(|(floor,)| floor))
    }

    /// What the ticket of a lane should look like, JSON.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn expected_of(&self, lane: &str) -> Result<Option<String>> {
        let query = Query::new("SELECT expected FROM tickets WHERE lane = $1").bind(lane);
        Ok(self.read().await?.one::<(Option<String>,)>(&query).await?.and_then(|(expected,)| expected))
    }
}
