//! What reconciling reads and writes: requests with the steps of their lanes, and steps that are to look again.

use countersign_domain::{id::RequestId, time::Time};
use sqlx::FromRow;

use crate::{NewStep, RequestRow, Result, Store, Tx, lanes::append_step, query::Query};

/// A step of a lane, as far as reconciling looks at it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct LaneStep {
    /// Its id.
    pub id: String,
    /// Its lane.
    pub lane: String,
    /// The request it tells of.
    pub subject: String,
    /// What it does.
    pub kind: String,
    /// Which of its kind in the lane, from 1.
    pub nth: i64,
    /// Its state.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// The last attempt's words, where it is not over.
    pub words: Option<String>,
    /// Since when it does not go on, microseconds UTC.
    pub since: Option<i64>,
}

impl Tx {
    /// Appends a step that first looks whether it was done before, down to the ticket `floor`. It is the `nth` of its kind
    /// in its lane, or it is not appended (false): somebody else did meanwhile.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn append_in_doubt(&mut self, step: &NewStep, nth: i64, doubt_at: Time, floor: &str) -> Result<bool> {
        append_step(self, step, Some(nth)).await?;
        let query = Query::new("UPDATE steps SET doubt_at = $1, floor = $2 WHERE id = $3")
            .bind(doubt_at)
            .bind(floor)
            .bind(step.id());
        Ok(self.conn.execute(&query).await? == 1)
    }

    /// Lets a step that waits go at once, and look first whether it was done before, down to the ticket `floor` or to its
    /// own, whichever is lower; false where it does not wait.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn look_again(&mut self, step: &str, doubt_at: Time, floor: &str, now: Time) -> Result<bool> {
        let query = Query::new(
            "UPDATE steps SET state = 'waiting', due_at = $1, doubt_at = COALESCE(doubt_at, $2),
                 floor = CASE WHEN (LENGTH(floor), floor) < (LENGTH($3), $4) THEN floor ELSE $5 END
             WHERE id = $6 AND state IN ('attention', 'waiting', 'parked')",
        )
        .bind(now)
        .bind(doubt_at)
        .bind(floor)
        .bind(floor)
        .bind(floor)
        .bind(step);
        Ok(self.conn.execute(&query).await? == 1)
    }
}

impl Store {
    /// Requests that joined no other, received at `since` or later, oldest first, after one of them.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn heads_since(&self, since: Time, after: Option<&RequestRow>, limit: usize) -> Result<Vec<RequestRow>> {
        let mut conn = self.read().await?;
        let mut query = Query::build("SELECT id FROM requests WHERE joined_to IS NULL AND received_at >= ");
        query.arg(since);
        if let Some(after) = after {
            query.push(" AND (received_at, id) > (").arg(after.request.received_at);
            query.push(", ").arg(after.request.id.as_str()).push(")");
        }
        query.push(" ORDER BY received_at, id LIMIT ").arg(i64::try_from(limit).unwrap_or(i64::MAX));
        let ids: Vec<(String,)> = conn.all(&query).await?;
        let ids: Vec<RequestId> = ids.into_iter().filter_map(|(id,)| id.parse().ok()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = crate::requests::by_ids(&mut conn, &ids).await?;
        rows.sort_by(|a, b| (a.request.received_at, &a.request.id).cmp(&(b.request.received_at, &b.request.id)));
        Ok(rows)
    }

    /// Every step of these lanes, each lane's in its order.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn lane_steps(&self, lanes: &[String]) -> Result<Vec<LaneStep>> {
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = Query::build(
            "SELECT id, lane, subject, kind, nth, state, attempts, words, since FROM steps WHERE lane IN ",
        );
        query.list(lanes.iter()).push(" ORDER BY lane, seq");
        self.read().await?.all(&query).await
    }

    /// The ticket that no ticket opened at `since` or later has a lower number than: the newest before, or the lowest of
    /// them. None where no ticket of ours is known. One that took another's place may be newer than its lane.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn ticket_before(&self, since: Time) -> Result<Option<String>> {
        let mut conn = self.read().await?;
        let before = Query::new(
            "SELECT psa_id FROM tickets WHERE opened_at < $1 AND lane NOT IN (SELECT lane FROM former_tickets)
             ORDER BY LENGTH(psa_id) DESC, psa_id DESC LIMIT 1",
        )
        .bind(since);
        if let Some((id,)) = conn.one::<(String,)>(&before).await? {
            return Ok(Some(id));
        }
        let lowest = Query::new(
            "SELECT psa_id FROM (SELECT psa_id FROM tickets UNION SELECT psa_id FROM former_tickets) known
             ORDER BY LENGTH(psa_id), psa_id LIMIT 1",
        );
        Ok(conn.one::<(String,)>(&lowest).await?.map(|(id,)| id))
    }
}
