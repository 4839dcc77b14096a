//! What we know of the ticket of a lane, and which tickets are to be read back.

use countersign_domain::time::Time;
use sqlx::FromRow;

use crate::{Result, Store, engine::Query, lanes::LONGEST_WAIT_S};

/// The ticket of a lane. `now` and `booked` are JSON of the caller's making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// Its lane: the request (or session) it tells of.
    pub lane: String,
    /// Its id on the other side.
    pub psa_id: String,
    /// Its address for people.
    pub url: String,
    /// The ticket as it was last seen, JSON.
    pub now: String,
    /// The time entry that stands on it, JSON; none where none was written.
    pub booked: Option<String>,
    /// When we first knew of it.
    pub opened_at: Time,
    /// When it was last seen.
    pub seen_at: Time,
    /// Since when it may hold actions of ours that this database does not remember: it was restored, or lost the request.
    /// None where it remembers all.
    pub doubt_at: Option<Time>,
}

/// A ticket whose state is to be compared with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToVerify {
    /// Its lane.
    pub lane: String,
    /// Its id on the other side.
    pub psa_id: String,
    /// The ticket as it was before the change, JSON.
    pub before: String,
    /// What was asked for, JSON.
    pub expected: String,
}

#[derive(FromRow)]
struct RawVerify {
    lane: String,
    psa_id: String,
    now: String,
    expected: String,
}

impl Store {
    /// Tickets that are due for a read-back, at most `limit`.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn tickets_to_verify(&self, now: Time, limit: usize) -> Result<Vec<ToVerify>> {
        let query = Query::new(
            "SELECT lane, psa_id, now, expected FROM tickets
             WHERE verify_at IS NOT NULL AND expected IS NOT NULL AND (verify_at <= $1 OR verify_at > $2)
             ORDER BY verify_at LIMIT $3",
        )
        .bind(now)
        // Put off by a clock that was wrong.
        .bind(now.plus_seconds(LONGEST_WAIT_S))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<RawVerify> = self.read().await?.all(&query).await?;
        Ok(rows
            .into_iter()
            .map(|raw| ToVerify { lane: raw.lane, psa_id: raw.psa_id, before: raw.now, expected: raw.expected })
            .collect())
    }

    /// Keeps what a read-back at `at` showed: the ticket as it is. One that is to be read after `at`, because something
    /// else was asked of it meanwhile, stays so.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be kept.
    pub async fn keep_seen(&self, seen: Vec<(String, String)>, at: Time) -> Result<()> {
        self.write(move |tx| {
            let seen = seen.clone();
            Box::pin(async move {
                for (lane, now) in &seen {
                    let query = Query::new(
                        "UPDATE tickets SET now = $1, seen_at = $2, verify_at = CASE WHEN verify_at > $3 AND verify_at <= $4 THEN verify_at END
                         WHERE lane = $5",
                    )
                        .bind(now)
                        .bind(at)
                        .bind(at)
                        .bind(at.plus_seconds(LONGEST_WAIT_S))
                        .bind(lane);
                    tx.conn.execute(&query).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Puts read-backs off until `at`.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be kept.
    pub async fn verify_later(&self, lanes: Vec<String>, at: Time) -> Result<()> {
        self.write(move |tx| {
            let mut query = Query::build("UPDATE tickets SET verify_at = ");
            query.arg(at).push(" WHERE lane IN ").list(lanes.iter());
            Box::pin(async move { tx.conn.execute(&query).await.map(|_| ()) })
        })
        .await
    }

    /// Keeps tickets of lanes that have none yet.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be kept.
    pub async fn adopt_tickets(&self, tickets: Vec<TicketRow>) -> Result<()> {
        self.write(move |tx| {
            let tickets = tickets.clone();
            Box::pin(async move {
                for ticket in tickets {
                    let query = Query::new(
                        "INSERT INTO tickets (lane, psa_id, url, now, opened_at, seen_at, doubt_at)
                         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (lane) DO NOTHING",
                    )
                    .bind(ticket.lane)
                    .bind(ticket.psa_id)
                    .bind(ticket.url)
                    .bind(ticket.now)
                    .bind(ticket.opened_at)
                    .bind(ticket.seen_at)
                    .bind(ticket.doubt_at);
                    tx.conn.execute(&query).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The newest ticket of ours that we know of, by number.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn newest_ticket(&self) -> Result<Option<String>> {
        Ok(self.newest_tickets(1).await?.pop())
    }

    /// The newest tickets of ours that we know of, by number, newest first: the control records of a walk.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn newest_tickets(&self, limit: usize) -> Result<Vec<String>> {
        let query = Query::new("SELECT psa_id FROM tickets ORDER BY LENGTH(psa_id) DESC, psa_id DESC LIMIT $1")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        Ok(self.read().await?.all::<(String,)>(&query).await?.into_iter().map(|(id,)| id).collect())
    }

    /// The newest tickets of ours as they were seen last, newest first.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn newest_tickets_seen(&self, limit: usize) -> Result<Vec<String>> {
        let query = Query::new("SELECT now FROM tickets ORDER BY LENGTH(psa_id) DESC, psa_id DESC LIMIT $1")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        Ok(self.read().await?.all::<(String,)>(&query).await?.into_iter().map(|(now,)| now).collect())
    }

    /// Which of these ids of the other side are tickets we know, former ones too.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn known_tickets(&self, psa_ids: &[String]) -> Result<Vec<String>> {
        let mut known = Vec::new();
        for part in psa_ids.chunks(500) {
            let mut query = Query::build("SELECT psa_id FROM tickets WHERE psa_id IN ");
            query.list(part.iter()).push(" UNION SELECT psa_id FROM former_tickets WHERE psa_id IN ").list(part.iter());
            known.extend(self.read().await?.all::<(String,)>(&query).await?.into_iter().map(|(id,)| id));
        }
        Ok(known)
    }

    /// The tickets that a lane had before its present one: gone, and replaced because a person said so.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn former_tickets(&self, lane: &str) -> Result<Vec<String>> {
        let query = Query::new("SELECT psa_id FROM former_tickets WHERE lane = $1").bind(lane);
        Ok(self.read().await?.all::<(String,)>(&query).await?.into_iter().map(|(id,)| id).collect())
    }
}
