//! Nodes that share a database: each beats, and what a silent one was sending is taken over.
//!
//! Called by the timers of `app`, which judge silence by their own clock. The decision a reader would undo: a beat is a
//! number and no time, since the clocks of two machines need not agree.

use countersign_domain::time::Time;

use crate::{Result, Store, query::Query};

impl Store {
    /// Takes the steps that a node which is gone was sending; they are in doubt. How many.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where nothing was taken.
    pub async fn take_over(&self, instance: &str, now: Time) -> Result<u64> {
        let instance = instance.to_owned();
        self.write(move |tx| {
            let take = Query::new(
                "UPDATE steps SET state = 'waiting', doubt_at = $1, due_at = $2, claimed_by = NULL
                 WHERE state = 'sending' AND claimed_by = $3",
            )
            .bind(now)
            .bind(now)
            .bind(&instance);
            let forget = Query::new("DELETE FROM nodes WHERE id = $1").bind(&instance);
            Box::pin(async move {
                let taken = tx.conn.execute(&take).await?;
                tx.conn.execute(&forget).await?;
                Ok(taken)
            })
        })
        .await
    }

    /// Beats for this node, and tells every node's beat.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn beat(&self) -> Result<Vec<(String, i64)>> {
        let id = self.inner.instance.clone();
        self.write(move |tx| {
            let beat = Query::new(
                "INSERT INTO nodes (id, beat) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET beat = nodes.beat + 1",
            )
            .bind(&id);
            Box::pin(async move {
                tx.conn.execute(&beat).await?;
                tx.conn.all(&Query::new("SELECT id, beat FROM nodes ORDER BY id")).await
            })
        })
        .await
    }
}
