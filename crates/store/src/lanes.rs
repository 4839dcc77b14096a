//! Lanes: the ordered steps of one request (or session), claimed one at a time, never two of a lane at once.
//!
//! A step is `queued` behind an earlier one of its lane, `waiting` for its time, `parked` until a link is made,
//! `sending`, `attention`, `done` or `given_up`. What was `sending` when its worker ended is in doubt: `doubt_at` says
//! since when, and stays until the doubt is cleared.

use countersign_domain::{
    effect::StepKind,
    id::{CompanyId, StepId},
    request::Request,
    time::Time,
};
use sqlx::FromRow;

use crate::{
    Error, Result, Store, Tx,
    query::{Query, ROWS, insert_text},
    writer::{Job, Waiting},
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

/// A runner's place for the step that opens a request's ticket. Where that step is written, it is claimed in the commit of
/// its request, which spares a look for it and a second commit.
pub struct Offered {
    /// The highest ticket id seen so far.
    pub highest: Option<String>,
    /// Takes the step after the commit, whoever waits for the request's answer by then. Dropped where there is none.
    pub start: Box<dyn FnOnce(Claimed) + Send + Sync>,
}

/// The first step of a lane, and how it begins.
pub(crate) struct FirstStep {
    pub(crate) step: NewStep,
    /// By whom it is claimed at once, and the highest ticket id that was seen before.
    pub(crate) claimed: Option<(String, Option<String>)>,
}

impl FirstStep {
    /// The step as its runner is given it.
    pub(crate) fn claim(&self) -> Option<Claimed> {
        let (_, highest) = self.claimed.as_ref()?;
        Some(Claimed {
            id: self.step.id.clone(),
            lane: self.step.lane.clone(),
            kind: self.step.kind,
            nth: 1,
            subject: self.step.subject.clone(),
            attempt: 1,
            doubt_at: None,
            floor: highest.clone(),
        })
    }
}

const COLUMNS: &str =
    "id, lane, seq, kind, nth, subject, company_id, priority, state, attempts, due_at, claimed_by, floor";

/// Inserts first steps of new lanes, ready to go or claimed.
pub(crate) async fn insert_first_steps(tx: &mut Tx, steps: &[FirstStep]) -> Result<()> {
    for part in steps.chunks(ROWS) {
        let mut query = Query::rows(insert_text("steps", COLUMNS, part.len(), ""));
        for FirstStep { step, claimed } in part {
            let (state, attempts) = if claimed.is_some() { ("sending", 1_i64) } else { ("waiting", 0) };
            query.add(step.id.as_str());
            query.add(&step.lane);
            query.add(1_i64);
            query.add(step.kind.as_str());
            query.add(1_i64);
            query.add(&step.subject);
            query.add(step.company.as_ref().map(CompanyId::as_str));
            query.add(step.kind.priority());
            query.add(state);
            query.add(attempts);
            query.add(step.due_at);
            query.add(claimed.as_ref().map(|(instance, _)| instance.as_str()));
            query.add(claimed.as_ref().and_then(|(_, highest)| highest.as_deref()));
        }
        tx.conn.execute_later(query).await?;
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
    match tx.conn.execute_later(query).await {
        // Two writers appended to one lane: run again, the later one comes behind the other.
        Err(Error::Taken) => Err(Error::Conflict("two steps were appended to one lane".into())),
        outcome => outcome,
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

/// What waits behind nothing.
pub(crate) const STRANDED: &str = "WHERE state = 'queued' AND seq = (SELECT MIN(q.seq) FROM steps q
    WHERE q.lane = steps.lane AND q.state NOT IN ('done', 'given_up'))";

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
