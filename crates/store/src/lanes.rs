//! Lanes: the ordered steps of one request (or session), claimed one at a time, never two of a lane at once.
//!
//! A step is `queued` behind an earlier one of its lane, `waiting` for its time, `parked` until a link is made,
//! `sending`, `attention`, `done` or `given_up`. What was `sending` when its worker ended is in doubt: `doubt_at` says
//! since when, and stays until the doubt is cleared.

use countersign_domain::{
    audit::Entry,
    cause::Cause,
    effect::StepKind,
    id::{CompanyId, StepId},
    request::Request,
    time::Time,
};
use serde::Serialize;
use sqlx::FromRow;

use crate::{
    Error, Result, Store, TicketRow, Tx, audit,
    engine::Query,
    writer::{Job, Waiting, insert_text, rows_text, sizes},
};

/// A step to append.
#[derive(Debug, Clone)]
pub struct NewStep {
    id: StepId,
    lane: String,
    kind: StepKind,
    subject: String,
    company: Option<CompanyId>,
    due_at: Time,
}

impl NewStep {
    /// A step that tells of a request, in its lane: one that was lost.
    #[must_use]
    pub fn told(id: StepId, request: &Request, kind: StepKind) -> Self {
        Self::of(id, request, kind)
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// A step that tells of a request, in its lane.
    pub(crate) fn of(id: StepId, request: &Request, kind: StepKind) -> Self {
        Self {
            id,
            lane: request.lane().to_string(),
            kind,
            subject: request.id.to_string(),
            company: Some(request.company_id.clone()),
            due_at: Time(0),
        }
    }

    /// The step that looks for the record of the other side that `subject` (`kind/id`) belongs to.
    #[must_use]
    pub fn link(id: StepId, subject: String, company: Option<CompanyId>) -> Self {
        Self { id, lane: subject.clone(), kind: StepKind::LinkRecord, subject, company, due_at: Time(0) }
    }

    /// A step of a lane that is known by name.
    #[must_use]
    pub fn adjust(id: StepId, lane: String) -> Self {
        Self::alone(id, lane.clone(), lane, StepKind::AdjustTicket)
    }

    /// A step that tells of no company by itself.
    pub(crate) fn alone(id: StepId, lane: String, subject: String, kind: StepKind) -> Self {
        Self { id, lane, kind, subject, company: None, due_at: Time(0) }
    }
}

const COLUMNS: &str = "id, lane, seq, kind, nth, subject, company_id, priority, state, attempts, due_at";

/// Inserts first steps of new lanes, ready to go.
pub(crate) async fn insert_first_steps(tx: &mut Tx, steps: &[NewStep]) -> Result<()> {
    for part in sizes(steps) {
        let mut query = Query::rows(insert_text("steps", COLUMNS, part.len(), ""));
        for step in part {
            query.add(step.id.as_str());
            query.add(&step.lane);
            query.add(1_i64);
            query.add(step.kind.as_str());
            query.add(1_i64);
            query.add(&step.subject);
            query.add(step.company.as_ref().map(CompanyId::as_str));
            query.add(step.kind.priority());
            query.add("waiting");
            query.add(0_i64);
            query.add(step.due_at);
        }
        tx.conn.execute(&query).await?;
    }
    Ok(())
}

/// Appends a step to its lane: `waiting` if all before it are over, else `queued`. With `at_most`, not if the lane has
/// that many of its kind already.
pub(crate) async fn append_step(tx: &mut Tx, step: &NewStep, at_most: Option<i64>) -> Result<()> {
    let query = Query::new(
        "INSERT INTO steps (id, lane, seq, kind, nth, subject, company_id, priority, state, attempts, due_at)
         SELECT $1, $2, s.seq, $3, s.nth, $4, COALESCE($5, s.company_id), $6,
             CASE WHEN s.undone > 0 THEN 'queued' ELSE 'waiting' END, 0, $7
         FROM (SELECT COALESCE(MAX(seq), 0) + 1 AS seq, COUNT(CASE WHEN kind = $8 THEN 1 END) + 1 AS nth,
                   COUNT(CASE WHEN state NOT IN ('done', 'given_up') THEN 1 END) AS undone, MAX(company_id) AS company_id
               FROM steps WHERE lane = $9) s
         WHERE s.nth <= $10",
    )
    .bind(step.id.as_str())
    .bind(&step.lane)
    .bind(step.kind.as_str())
    .bind(&step.subject)
    .bind(step.company.as_ref().map(CompanyId::as_str))
    .bind(step.kind.priority())
    .bind(step.due_at)
    .bind(step.kind.as_str())
    .bind(&step.lane)
    .bind(at_most.unwrap_or(i64::MAX));
    match tx.conn.execute(&query).await {
        // Two writers appended to one lane: run again, the later one comes behind the other.
        Err(Error::Taken) => Err(Error::Conflict("two steps were appended to one lane".into())),
        outcome => outcome.map(|_| ()),
    }
}

impl Tx {
    /// Appends a step to its lane.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn append_step(&mut self, step: &NewStep) -> Result<()> {
        append_step(self, step, None).await
    }

    /// Lets the parked steps of a company go: its link was made.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn unpark(&mut self, company: &CompanyId, now: Time) -> Result<u64> {
        let query = Query::new(
            "UPDATE steps SET state = 'waiting', due_at = $1, words = NULL, cause = NULL, since = NULL
             WHERE state = 'parked' AND company_id = $2",
        )
        .bind(now)
        .bind(company.as_str());
        self.conn.execute(&query).await
    }
}

/// A step that this process may run now; nobody else runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: StepId,
    /// Its lane.
    pub lane: String,
    /// What it does.
    pub kind: StepKind,
    /// Which of its kind in the lane, from 1.
    pub nth: u32,
    /// The request (or `kind/id` of a record) it tells of.
    pub subject: String,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// Since when nobody knows whether an earlier attempt was applied.
    pub doubt_at: Option<Time>,
    /// The highest ticket id seen before the first attempt.
    pub floor: Option<String>,
}

#[derive(FromRow)]
struct RawClaimed {
    id: String,
    lane: String,
    kind: String,
    nth: i64,
    subject: String,
    attempts: i64,
    doubt_at: Option<i64>,
    floor: Option<String>,
}

impl TryFrom<RawClaimed> for Claimed {
    type Error = Error;

    fn try_from(raw: RawClaimed) -> Result<Self> {
        Ok(Self {
            id: raw.id.parse().map_err(|error| Error::corrupt("a step", error))?,
            kind: StepKind::parse(&raw.kind).ok_or_else(|| Error::corrupt(raw.id, "its kind is unknown"))?,
            lane: raw.lane,
            nth: u32::try_from(raw.nth).unwrap_or(1),
            subject: raw.subject,
            attempt: raw.attempts,
            doubt_at: raw.doubt_at.map(Time),
            floor: raw.floor,
        })
    }
}

pub(crate) struct ClaimJob {
    instance: String,
    now: Time,
    limit: i64,
    highest: Option<String>,
    below: Option<i64>,
    waiting: Waiting<Vec<Claimed>>,
}

impl ClaimJob {
    pub(crate) fn finish(self, failure: Option<Error>) {
        self.waiting.finish(failure);
    }
}

pub(crate) async fn write_claims(tx: &mut Tx, jobs: &mut [ClaimJob]) -> Result<()> {
    for job in jobs {
        let lock = if tx.conn.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
        let query = claim_query(&job.instance, job.now, job.limit, job.highest.as_deref(), job.below, lock);
        let rows: Vec<RawClaimed> = tx.conn.all(&query).await?;
        let mut claimed = rows.into_iter().map(Claimed::try_from).collect::<Result<Vec<Claimed>>>()?;
        claimed.sort_by(|a, b| (a.kind.priority(), &a.id).cmp(&(b.kind.priority(), &b.id)));
        job.waiting.result = Some(claimed);
    }
    Ok(())
}

/// No step is put off for longer than this, in seconds: what lies further ahead was put off by a clock that was wrong, and
/// is due.
pub(crate) const LONGEST_WAIT_S: i64 = 2 * 3600;

/// What is due, the most urgent first. It is chosen apart (`MATERIALIZED`), or PostgreSQL might choose again for each row
/// and claim more than the limit. A kind that only a newer node knows is left to that node.
pub(crate) fn claim_query(
    instance: &str,
    now: Time,
    limit: i64,
    highest: Option<&str>,
    below: Option<i64>,
    lock: &str,
) -> Query {
    let mut query =
        Query::build("WITH due AS MATERIALIZED (SELECT id FROM steps WHERE state = 'waiting' AND (due_at <= ");
    query.arg(now).push(" OR due_at > ").arg(now.plus_seconds(LONGEST_WAIT_S)).push(") AND kind IN (");
    for (place, kind) in StepKind::ALL.into_iter().enumerate() {
        query.push(if place == 0 { "'" } else { ", '" }).push(kind.as_str()).push("'");
    }
    query.push(")");
    if let Some(below) = below {
        query.push(" AND priority < ").arg(below);
    }
    query.push(" ORDER BY priority, due_at, id LIMIT ").arg(limit).push(lock);
    query.push(") UPDATE steps SET state = 'sending', attempts = attempts + 1, claimed_by = ").arg(instance);
    query.push(", floor = COALESCE(floor, ").arg(highest);
    query.push(") WHERE id IN (SELECT id FROM due) AND state = 'waiting'");
    query.push(" RETURNING id, lane, kind, nth, subject, attempts, doubt_at, floor");
    query
}

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
/// What waits behind nothing.
pub(crate) const STRANDED: &str = "WHERE state = 'queued' AND seq = (SELECT MIN(q.seq) FROM steps q
    WHERE q.lane = steps.lane AND q.state NOT IN ('done', 'given_up'))";

pub(crate) async fn write_completed(tx: &mut Tx, jobs: &mut [CompleteJob]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let all: Vec<&Completed> = jobs.iter().map(|job| &*job.completed).collect();
    let done: Vec<&Completed> = all.iter().copied().filter(|completed| completed.next == Next::Done).collect();
    for part in sizes(&done) {
        let text = rows_text("done", DONE, 2, part.len());
        let mut query = Query::rows(text);
        for completed in part {
            query.add(completed.step.id.as_str());
            query.add(completed.attempt.ended_at);
        }
        tx.conn.execute(&query).await?;
    }
    for job in jobs.iter() {
        set_undone(tx, &job.completed, &job.instance).await?;
    }
    insert_attempts(tx, &all).await?;
    upsert_tickets(tx, &all).await?;
    let mut promoted = 0;
    for part in sizes(&done) {
        let text = rows_text("promote", PROMOTE, part.len(), 1);
        let mut query = Query::rows(text);
        for completed in part {
            query.add(&completed.step.lane);
        }
        promoted += tx.conn.execute(&query).await?;
    }
    let entries: Vec<Entry> = all.iter().filter_map(|completed| completed.audit.clone()).collect();
    audit::append(&mut tx.conn, &mut tx.chain, &entries).await?;
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
    for part in sizes(all) {
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
        tx.conn.execute(&query).await?;
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
        tx.conn.execute(&query).await?;
    }
    for part in sizes(&with) {
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
        tx.conn.execute(&query).await?;
    }
    Ok(())
}

impl Store {
    /// Claims up to `limit` steps that are due. `highest` is the highest ticket id seen so far.
    ///
    /// # Errors
    /// [`Error::Database`] where nothing was claimed.
    pub async fn claim(&self, now: Time, limit: usize, highest: Option<String>) -> Result<Vec<Claimed>> {
        self.claim_below(now, limit, highest, None).await
    }

    /// The same, of steps alone that are more urgent than `below`: see [`StepKind::priority`].
    ///
    /// # Errors
    /// [`Error::Database`] where nothing was claimed.
    pub async fn claim_below(
        &self,
        now: Time,
        limit: usize,
        highest: Option<String>,
        below: Option<i64>,
    ) -> Result<Vec<Claimed>> {
        let (waiting, answer) = Waiting::new();
        let job = ClaimJob {
            instance: self.inner.instance.clone(),
            now,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            highest,
            below,
            waiting,
        };
        self.inner.writers.send("claim", Job::Claim(job)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

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

    /// On SQLite's start: what was being sent when the last process ended is in doubt.
    pub(crate) async fn doubt_everything_sending(&self, now: Time) -> Result<()> {
        self.write(move |tx| {
            let query = Query::new(
                "UPDATE steps SET state = 'waiting', doubt_at = $1, due_at = $2, claimed_by = NULL WHERE state = 'sending'",
            )
            .bind(now)
            .bind(now);
            Box::pin(async move { tx.conn.execute(&query).await.map(|_| ()) })
        })
        .await
    }

    /// Lets go what waits behind nothing. Two nodes that end and append at the same moment can leave such a step.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn promote_stranded(&self) -> Result<u64> {
        let mut probe = Query::build("SELECT COUNT(*) FROM steps ");
        probe.push(STRANDED);
        let found: Option<(i64,)> = self.read().await?.one(&probe).await?;
        if found.is_none_or(|(n,)| n == 0) {
            return Ok(0);
        }
        self.write(move |tx| {
            let mut query = Query::build("UPDATE steps SET state = 'waiting' ");
            query.push(STRANDED);
            Box::pin(async move { tx.conn.execute(&query).await })
        })
        .await
    }

    /// When the next waiting step is due; none where none waits.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn next_due(&self) -> Result<Option<Time>> {
        let query = Query::new("SELECT MIN(due_at) FROM steps WHERE state = 'waiting'");
        let due: Option<(Option<i64>,)> = self.read().await?.one(&query).await?;
        Ok(due.and_then(|(due,)| due).map(Time))
    }
}
