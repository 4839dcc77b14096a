//! What we know of the ticket of a lane, and which tickets are to be read back.

use countersign_domain::{id::RequestId, request::Request, time::Time};
use sqlx::FromRow;

use crate::{Result, Store, Tx, lanes::LONGEST_WAIT_S, query::Query};

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
    /// Since when it is not shown any more: deleted, or hidden from our agent.
    pub gone_at: Option<Time>,
    /// When it was seen to be closed by hand while its request was pending.
    pub closed_by_hand_at: Option<Time>,
    /// What it was opened with, JSON; none for tickets from before that was kept.
    pub sent: Option<String>,
}

/// A ticket with the request it tells of.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The ticket.
    pub ticket: TicketRow,
    /// The request that it was made for, or the last one that asked again.
    pub request: Request,
    /// Whether the ticket was open since that request is told on it. The denial before closes it, and what asks again may
    /// leave it so: then nobody has closed it by hand.
    pub was_open: bool,
}

#[derive(FromRow)]
struct RawFollowed {
    body: String,
    was_open: i64,
    lane: String,
    psa_id: String,
    url: String,
    now: String,
    booked: Option<String>,
    opened_at: i64,
    seen_at: i64,
    doubt_at: Option<i64>,
    gone_at: Option<i64>,
    closed_by_hand_at: Option<i64>,
    sent: Option<String>,
}

impl TryFrom<RawFollowed> for Followed {
    type Error = crate::Error;

    fn try_from(raw: RawFollowed) -> Result<Self> {
        Ok(Self {
            request: crate::requests::parse(&raw.body)?,
            was_open: raw.was_open == 1,
            ticket: TicketRow {
                lane: raw.lane,
                psa_id: raw.psa_id,
                url: raw.url,
                now: raw.now,
                booked: raw.booked,
                opened_at: Time(raw.opened_at),
                seen_at: Time(raw.seen_at),
                doubt_at: raw.doubt_at.map(Time),
                gone_at: raw.gone_at.map(Time),
                closed_by_hand_at: raw.closed_by_hand_at.map(Time),
                sent: raw.sent,
            },
        })
    }
}

const FOLLOWED: &str = "SELECT r.body, t.lane, t.psa_id, t.url, t.now, t.booked, t.opened_at, t.seen_at, t.doubt_at,
    t.gone_at, t.closed_by_hand_at, t.sent, CASE WHEN r.again_of IS NULL OR t.open_for = r.id THEN CAST(1 AS BIGINT)
    ELSE CAST(0 AS BIGINT) END AS was_open";
/// A ticket's request is the newest of those that are told on it.
const OF_TICKETS: &str = " FROM tickets t JOIN requests r ON r.id = COALESCE((SELECT a.id FROM requests a
    WHERE a.again_of = t.lane AND a.joined_to IS NULL ORDER BY a.received_at DESC, a.id DESC LIMIT 1), t.lane)";
const OF_PENDING: &str = " FROM requests r JOIN tickets t ON t.lane = COALESCE(r.again_of, r.id)
    WHERE r.state = 'pending' AND r.joined_to IS NULL";
/// Keeps for which request a ticket was seen open: the last that asked again. Only where that was told before `$2`, and
/// nothing of ours is on its way that may close the ticket.
const SEEN_OPEN: &str = "UPDATE tickets SET open_for = a.subject FROM (SELECT lane, subject, ended_at FROM steps
        WHERE lane = $1 AND kind = 'record_again' ORDER BY seq DESC LIMIT 1) a
    WHERE tickets.lane = a.lane AND a.ended_at <= $2 AND tickets.verify_at IS NULL
    AND (tickets.open_for IS NULL OR tickets.open_for <> a.subject)
    AND NOT EXISTS (SELECT 1 FROM steps u WHERE u.lane = a.lane AND u.state NOT IN ('done', 'given_up'))
    AND tickets.psa_id = $3";

/// What was learnt of a ticket on the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketNews {
    /// It is shown so now (JSON).
    Seen(String),
    /// It is not shown any more.
    Gone,
    /// It was closed by hand; counts only while this request is still pending.
    ClosedByHand(RequestId),
    /// It is open again.
    OpenAgain,
    /// It is open while what asks again waits, and closing it will be a person's doing. Counts only once that is told on
    /// it.
    Open,
    /// It was merged into another, which takes its place.
    Merged {
        /// The other's id.
        psa_id: String,
        /// The other's address for people.
        url: String,
        /// The other as it is shown (JSON).
        now: String,
    },
}

impl Tx {
    /// Keeps news of a lane's ticket that were read at `at`; false where they change nothing any more: another ticket
    /// has taken its place, it was seen later, or was known so already.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be kept.
    pub async fn keep_ticket_news(&mut self, lane: &str, psa_id: &str, news: &TicketNews, at: Time) -> Result<bool> {
        let mut query = Query::build("UPDATE tickets SET ");
        match news {
            TicketNews::Seen(now) => {
                query.push("now = ").arg(now).push(", gone_at = NULL, seen_at = ").arg(at);
                query.push(" WHERE seen_at <= ").arg(at);
            }
            TicketNews::Gone => {
                query.push("gone_at = ").arg(at).push(" WHERE gone_at IS NULL AND seen_at <= ").arg(at);
            }
            TicketNews::ClosedByHand(request) => {
                query.push("closed_by_hand_at = ").arg(at);
                query.push(" WHERE EXISTS (SELECT 1 FROM requests r WHERE r.id = ").arg(request.as_str());
                // What was closed before this was asked again is another closing.
                query.push(" AND r.state = 'pending' AND (tickets.closed_by_hand_at IS NULL");
                query.push(" OR (r.again_of IS NOT NULL AND tickets.closed_by_hand_at < r.received_at)))");
            }
            TicketNews::Open => {
                let open = Query::new(SEEN_OPEN).bind(lane).bind(at).bind(psa_id);
                return Ok(self.conn.execute(&open).await? == 1);
            }
            TicketNews::OpenAgain => {
                query.push("closed_by_hand_at = NULL WHERE closed_by_hand_at IS NOT NULL");
            }
            TicketNews::Merged { psa_id: into, url, now } => {
                let former = Query::new(
                    "INSERT INTO former_tickets (lane, psa_id, url, now, booked, replaced_at)
                     SELECT lane, psa_id, url, now, booked, $1 FROM tickets WHERE lane = $2 AND psa_id = $3
                     ON CONFLICT (lane, psa_id) DO NOTHING",
                )
                .bind(at)
                .bind(lane)
                .bind(psa_id);
                self.conn.execute(&former).await?;
                query.push("psa_id = ").arg(into).push(", url = ").arg(url).push(", now = ").arg(now);
                query.push(", gone_at = NULL, seen_at = ").arg(at).push(" WHERE 1 = 1");
            }
        }
        query.push(" AND lane = ").arg(lane).push(" AND psa_id = ").arg(psa_id);
        Ok(self.conn.execute(&query).await? == 1)
    }
}

/// A ticket as a read-back showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBack {
    /// Its lane.
    pub lane: String,
    /// Its id on the other side.
    pub psa_id: String,
    /// The ticket, JSON.
    pub now: String,
    /// Whether it is shown in a status that is not a closed one.
    pub is_open: bool,
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
    /// The tickets of requests that wait for a decision, the newest `limit`.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn open_tickets(&self, limit: usize) -> Result<Vec<Followed>> {
        let mut query = Query::build(FOLLOWED);
        query.push(OF_PENDING).push(" ORDER BY r.received_at DESC, r.id DESC LIMIT ");
        query.arg(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<RawFollowed> = self.read().await?.all(&query).await?;
        rows.into_iter().map(Followed::try_from).collect()
    }

    /// The tickets of ours among these ids of the other side.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn tickets_by_id(&self, psa_ids: &[String]) -> Result<Vec<Followed>> {
        let mut found = Vec::new();
        for part in psa_ids.chunks(500) {
            let mut query = Query::build(FOLLOWED);
            query.push(OF_TICKETS).push(" WHERE t.psa_id IN ").list(part.iter());
            let rows: Vec<RawFollowed> = self.read().await?.all(&query).await?;
            for row in rows {
                found.push(row.try_into()?);
            }
        }
        Ok(found)
    }

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

    /// Keeps what a read-back showed that began at `at`: the ticket as it is. One that is to be read after `at`, because
    /// something else was asked of it meanwhile, stays so.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be kept.
    pub async fn keep_seen(&self, seen: Vec<ReadBack>, at: Time) -> Result<()> {
        self.write(move |tx| {
            let seen = seen.clone();
            Box::pin(async move {
                for ReadBack { lane, psa_id, now, is_open } in &seen {
                    let query = Query::new(
                        "UPDATE tickets SET now = $1, seen_at = $2, gone_at = NULL,
                         verify_at = CASE WHEN verify_at > $3 AND verify_at <= $4 THEN verify_at END
                         WHERE lane = $5",
                    )
                    .bind(now)
                    .bind(at)
                    .bind(at)
                    .bind(at.plus_seconds(LONGEST_WAIT_S))
                    .bind(lane);
                    tx.conn.execute(&query).await?;
                    if *is_open {
                        tx.keep_ticket_news(lane, psa_id, &TicketNews::Open, at).await?;
                    }
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
