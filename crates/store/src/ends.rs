//! How attempts end: the step, its attempt, its ticket and the next of its lane, in one transaction.
//!
//! Called by `app` when a step has run. Ends that wait together are written together. The decision a reader would undo: a
//! success is kept whoever holds the step by then, since it is true; everything else only while the step is still ours.

use countersign_domain::{audit::Entry, cause::Cause, time::Time};
use serde::Serialize;

use crate::{
    Error, Result, Store, TicketRow, Tx, audit,
    lanes::Claimed,
    query::{Query, ROWS, in_text, insert_text, rows_text},
    writer::{Job, Waiting},
};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// Applied, and answered so.
    Done,
    /// Refused; a person must act.
    Refused,
    /// Certainly not applied; goes again.
    Later,
    /// Nobody can tell; it is looked for.
    Unknown,
    /// Looked for, and found: an earlier attempt had been applied.
    Found,
    /// Looked for, and not there.
    Absent,
    /// Looked for, but what must have been seen was not seen either.
    Unseen,
    /// Nothing was to be sent.
    NotNeeded,
    /// Waits for a link.
    Parked,
}

impl AttemptResult {
    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Later => "later",
            Self::Unknown => "unknown",
            Self::Found => "found",
            Self::Absent => "absent",
            Self::Unseen => "unseen",
            Self::NotNeeded => "not_needed",
            Self::Parked => "parked",
        }
    }
}

/// One attempt, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    pub ended_at: Time,
    /// How long it took, by a clock that is never set.
    pub ms: i64,
    /// How it ended.
    pub result: AttemptResult,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// The other side's words, or a sentence of ours.
    pub words: String,
    /// Why the step does not go on; none where it does.
    pub cause: Option<Cause>,
}

/// What becomes of a step after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is over; the next of its lane may go.
    Done,
    /// It goes again at this time; `doubt` where nobody knows whether it was applied.
    Again {
        /// When.
        at: Time,
        /// Since when in doubt.
        doubt_at: Option<Time>,
    },
    /// It waits for its company's link.
    Parked,
    /// It waits for a person; `doubt` as above.
    Attention {
        /// Since when in doubt.
        doubt_at: Option<Time>,
    },
}

/// The end of an attempt, written in one transaction with what it brought.
#[derive(Debug, Clone)]
pub struct Completed {
    /// The step, as it was claimed.
    pub step: Claimed,
    /// The attempt.
    pub attempt: Attempt,
    /// What becomes of the step.
    pub next: Next,
    /// The lane's ticket as known now, where the attempt brought news of it.
    pub ticket: Option<TicketRow>,
    /// What the ticket should look like now (JSON), and when to read it back.
    pub expected: Option<(String, Time)>,
    /// The audit entry, where something was written on the other side.
    pub audit: Option<Entry>,
}

/// Whether the end of an attempt gave the runner something to look for: a step that is due now, or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// Nothing is due that was not before.
    Nothing,
    /// A step may have become due, or has a new time.
    Perhaps,
}

pub(crate) struct CompleteJob {
    completed: Box<Completed>,
    instance: String,
    waiting: Waiting<Freed>,
}

impl CompleteJob {
    /// What rows are written in the order of.
    pub(crate) fn key(&self) -> &str {
        self.completed.step.id.as_str()
    }

    pub(crate) fn finish(self, failure: Option<Error>) {
        self.waiting.finish(failure);
    }
}

/// A late success is recorded whoever holds the step now.
pub(crate) const DONE: &str = "WITH v (id, at) AS (VALUES {}) UPDATE steps SET state = 'done', ended_at = v.at,
    doubt_at = NULL, claimed_by = NULL, cause = NULL, since = NULL FROM v WHERE steps.id = v.id AND steps.state <> 'done'";
/// Lets the first undone step of each lane go. Its state stands in a CASE: SQLite would walk every queued step otherwise.
pub(crate) const PROMOTE: &str = "UPDATE steps SET state = 'waiting'
    WHERE CASE state WHEN 'queued' THEN 1 ELSE 0 END = 1 AND lane IN {}
    AND seq = (SELECT MIN(q.seq) FROM steps q WHERE q.lane = steps.lane AND q.state NOT IN ('done', 'given_up'))";
pub(crate) async fn write_completed(tx: &mut Tx, jobs: &mut [CompleteJob]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let all: Vec<&Completed> = jobs.iter().map(|job| &*job.completed).collect();
    let done: Vec<&Completed> = all.iter().copied().filter(|completed| completed.next == Next::Done).collect();
    for part in done.chunks(ROWS) {
        let text = rows_text("done", DONE, 2, part.len());
        let mut query = Query::rows(text);
        for completed in part {
            query.add(completed.step.id.as_str());
            query.add(completed.attempt.ended_at);
        }
        tx.conn.execute_later(query).await?;
    }
    for job in jobs.iter() {
        set_undone(tx, &job.completed, &job.instance).await?;
    }
    insert_attempts(tx, &all).await?;
    upsert_tickets(tx, &all).await?;
    let entries: Vec<Entry> = all.iter().filter_map(|completed| completed.audit.clone()).collect();
    audit::append(&mut tx.conn, &mut tx.chain, &entries).await?;
    let mut promoted = 0;
    for part in done.chunks(ROWS) {
        let text = in_text("promote", PROMOTE, part.len());
        let mut query = Query::rows(text);
        for completed in part {
            query.add(&completed.step.lane);
        }
        promoted += tx.conn.execute(&query).await?;
    }
    for job in jobs {
        let more = promoted > 0 || job.completed.next != Next::Done;
        job.waiting.result = Some(if more { Freed::Perhaps } else { Freed::Nothing });
    }
    Ok(())
}

async fn set_undone(tx: &mut Tx, completed: &Completed, instance: &str) -> Result<()> {
    let (state, due_at, doubt_at) = match &completed.next {
        Next::Done => return Ok(()),
        Next::Again { at, doubt_at } => ("waiting", *at, *doubt_at),
        Next::Attention { doubt_at } => ("attention", Time(0), *doubt_at),
        // A doubt stays while its step is parked.
        Next::Parked => ("parked", completed.attempt.ended_at.plus_seconds(1), completed.step.doubt_at),
    };
    let mut query = Query::build("UPDATE steps SET state = ");
    if completed.next == Next::Parked {
        // A link that was made while the step ran found nothing to unpark: the step goes again instead.
        let while_it_ran = completed.attempt.started_at.plus_seconds(-60);
        query.push("CASE WHEN EXISTS (SELECT 1 FROM links k WHERE k.kind = 'company' AND k.id = steps.company_id");
        query.push(" AND k.state = 'linked' AND k.at > ").arg(while_it_ran).push(") THEN 'waiting' ELSE 'parked' END");
    } else {
        query.arg(state);
    }
    // Only while it is still ours: a step that another node took over is that node's business.
    query.push(", doubt_at = ").arg(doubt_at).push(", due_at = ").arg(due_at);
    query.push(", words = ").arg(&completed.attempt.words);
    query.push(", cause = ").arg(completed.attempt.cause.map(Cause::as_str));
    query.push(", since = COALESCE(since, ").arg(completed.attempt.ended_at).push(")");
    query.push(", claimed_by = NULL WHERE id = ").arg(completed.step.id.as_str());
    query.push(" AND state = 'sending' AND claimed_by = ").arg(instance);
    query.push(" AND attempts = ").arg(completed.step.attempt);
    tx.conn.execute(&query).await.map(|_| ())
}

async fn insert_attempts(tx: &mut Tx, all: &[&Completed]) -> Result<()> {
    const COLUMNS: &str = "step_id, n, lane, kind, started_at, ended_at, ms, result, status, words, cause";
    for part in all.chunks(ROWS) {
        let text = insert_text("attempts", COLUMNS, part.len(), "ON CONFLICT (step_id, n) DO NOTHING");
        let mut query = Query::rows(text);
        for completed in part {
            let attempt = &completed.attempt;
            query.add(completed.step.id.as_str());
            query.add(completed.step.attempt);
            query.add(&completed.step.lane);
            query.add(completed.step.kind.as_str());
            query.add(attempt.started_at);
            query.add(attempt.ended_at);
            query.add(attempt.ms);
            query.add(attempt.result.as_str());
            query.add(attempt.status.map(i64::from));
            query.add(&attempt.words);
            query.add(attempt.cause.map(Cause::as_str));
        }
        tx.conn.execute_later(query).await?;
    }
    Ok(())
}

async fn upsert_tickets(tx: &mut Tx, all: &[&Completed]) -> Result<()> {
    const COLUMNS: &str = "lane, psa_id, url, now, booked, opened_at, seen_at, doubt_at, sent, expected, verify_at";
    let with: Vec<(&TicketRow, &Completed)> =
        all.iter().filter_map(|completed| completed.ticket.as_ref().map(|ticket| (ticket, *completed))).collect();
    for completed in all.iter().filter(|completed| completed.ticket.is_none()) {
        let Some((expected, verify_at)) = &completed.expected else { continue };
        let query = Query::new("UPDATE tickets SET expected = $1, verify_at = $2 WHERE lane = $3")
            .bind(expected)
            .bind(*verify_at)
            .bind(&completed.step.lane);
        tx.conn.execute_later(query).await?;
    }
    for part in with.chunks(ROWS) {
        let text = insert_text(
            "tickets",
            COLUMNS,
            part.len(),
            "ON CONFLICT (lane) DO UPDATE SET psa_id = excluded.psa_id, url = excluded.url, now = excluded.now,
             booked = COALESCE(excluded.booked, tickets.booked), seen_at = excluded.seen_at,
             sent = COALESCE(excluded.sent, tickets.sent),
             expected = COALESCE(excluded.expected, tickets.expected), verify_at = COALESCE(excluded.verify_at, tickets.verify_at)",
        );
        let mut query = Query::rows(text);
        for (ticket, completed) in part {
            query.add(&ticket.lane);
            query.add(&ticket.psa_id);
            query.add(&ticket.url);
            query.add(&ticket.now);
            query.add(ticket.booked.as_deref());
            query.add(ticket.opened_at);
            query.add(ticket.seen_at);
            query.add(ticket.doubt_at);
            query.add(ticket.sent.as_deref());
            query.add(completed.expected.as_ref().map(|(json, _)| json.as_str()));
            query.add(completed.expected.as_ref().map(|(_, at)| *at));
        }
        tx.conn.execute_later(query).await?;
    }
    Ok(())
}

impl Store {
    /// Writes the end of an attempt; whether it is worth looking for due steps.
    ///
    /// # Errors
    /// [`Error::Database`] where nothing was kept; the step stays claimed and is in doubt after the next start.
    pub async fn complete(&self, completed: Completed) -> Result<Freed> {
        let (waiting, answer) = Waiting::new();
        let key = completed.step.lane.clone();
        let job = CompleteJob { completed: Box::new(completed), instance: self.inner.instance.clone(), waiting };
        self.inner.writers.send(&key, Job::Complete(job)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
