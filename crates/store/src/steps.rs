//! Steps and attempts as people see them, by cause, and what people do to them: let them go again, give one up, or have
//! a new ticket made for one that is gone.

use std::collections::BTreeSet;

use countersign_domain::{
    audit::Entry,
    cause::Cause,
    id::{CompanyId, StepId},
    request::Request,
    role::Access,
    time::Time,
};
use serde::Serialize;
use sqlx::FromRow;

use crate::{Error, Result, Store, query::Query, requests::only};

/// Where a step stands, as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Waits for its turn, its time or a link, or is being sent.
    Waiting,
    /// Waits for a person.
    Attention,
    /// Over.
    Done,
}

impl StepState {
    /// The state that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "waiting" => Some(Self::Waiting),
            "attention" => Some(Self::Attention),
            "done" => Some(Self::Done),
            _ => None,
        }
    }

    const fn states(self) -> &'static [&'static str] {
        match self {
            Self::Waiting => &["queued", "waiting", "parked", "sending"],
            Self::Attention => &["attention"],
            Self::Done => &["done", "given_up"],
        }
    }
}

/// Which cause steps are listed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CauseIs {
    /// Any, or none.
    #[default]
    Any,
    /// None: they wait for their turn alone.
    None,
    /// This one.
    This(Cause),
}

/// Which steps to list.
#[derive(Debug, Clone, Default)]
pub struct StepsQuery {
    /// In this state. What is done comes newest first, all else oldest first.
    pub state: Option<StepState>,
    /// For this cause.
    pub cause: CauseIs,
    /// Of this company.
    pub company: Option<CompanyId>,
    /// Of this lane.
    pub lane: Option<String>,
    /// After this one.
    pub after: Option<StepId>,
    /// How many at the most.
    pub limit: usize,
}

/// A step as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// Its id.
    pub id: String,
    /// Its lane.
    pub lane: String,
    /// What it does.
    pub kind: String,
    /// What it tells of.
    pub subject: String,
    /// Its state: `queued`, `waiting`, `parked`, `sending`, `attention`, `done`, `given_up`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it goes next, microseconds UTC; 0 is at once.
    pub due_at: i64,
    /// Since when in doubt.
    pub doubt_at: Option<i64>,
    /// The last attempt's words.
    pub words: Option<String>,
    /// Why it does not go on; none where it does, or was not tried yet.
    pub cause: Option<Cause>,
    /// Since when it does not, microseconds UTC.
    pub since: Option<i64>,
    /// The company it belongs to.
    pub company_id: Option<CompanyId>,
    /// That company's name.
    pub company: Option<String>,
    /// Name of the program of the request that it tells of.
    pub program: Option<String>,
    /// The lane's ticket: its id on the other side and its address for people.
    pub ticket: Option<(String, String)>,
}

#[derive(FromRow)]
struct Raw {
    id: String,
    lane: String,
    kind: String,
    subject: String,
    state: String,
    attempts: i64,
    due_at: i64,
    doubt_at: Option<i64>,
    words: Option<String>,
    cause: Option<String>,
    since: Option<i64>,
    company_id: Option<String>,
    company: Option<String>,
    body: Option<String>,
    psa_id: Option<String>,
    url: Option<String>,
}

impl From<Raw> for StepRow {
    fn from(raw: Raw) -> Self {
        let request = raw.body.as_deref().and_then(|body| serde_json::from_str::<Request>(body).ok());
        Self {
            id: raw.id,
            lane: raw.lane,
            kind: raw.kind,
            subject: raw.subject,
            state: raw.state,
            attempts: raw.attempts,
            due_at: raw.due_at,
            doubt_at: raw.doubt_at,
            words: raw.words,
            cause: raw.cause.as_deref().and_then(Cause::parse),
            since: raw.since,
            company_id: raw.company_id.and_then(|id| id.parse().ok()),
            company: raw.company,
            program: request.map(|request| request.asked.program_name()),
            ticket: raw.psa_id.zip(raw.url),
        }
    }
}

const STEPS: &str =
    "SELECT s.id, s.lane, s.kind, s.subject, s.state, s.attempts, s.due_at, s.doubt_at, s.words, s.cause,
    s.since, s.company_id, c.name AS company, r.body, t.psa_id, t.url FROM steps s
    LEFT JOIN companies c ON c.id = s.company_id
    LEFT JOIN requests r ON r.id = s.subject
    LEFT JOIN tickets t ON t.lane = s.lane";

/// An attempt with the step it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AttemptRow {
    /// The step.
    pub step_id: String,
    /// Which attempt, from 1.
    pub n: i64,
    /// What the step does.
    pub kind: String,
    /// When it began, microseconds UTC.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: i64,
    /// How long it took.
    pub ms: i64,
    /// How it ended.
    pub result: String,
    /// HTTP status.
    pub status: Option<i64>,
    /// Words.
    pub words: String,
    /// Why the step did not go on, one of the words of [`Cause`].
    pub cause: Option<String>,
}

const ATTEMPTS: &str = "SELECT step_id, n, kind, started_at, ended_at, ms, result, status, words, cause FROM attempts";
/// Attempts of a step that a list shows: the first, and so many of the last.
const SHOWN: i64 = 20;

/// Steps that stand for one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseRow {
    /// The cause; none where steps wait for their turn alone.
    pub cause: Option<Cause>,
    /// How many.
    pub steps: u64,
    /// Since when the first of them.
    pub since: Option<Time>,
    /// When the first of them goes next; none where none waits for its time.
    pub next_at: Option<Time>,
}

#[derive(FromRow)]
struct RawCause {
    cause: Option<String>,
    steps: i64,
    since: Option<i64>,
    next_at: Option<i64>,
}

impl From<RawCause> for CauseRow {
    fn from(raw: RawCause) -> Self {
        Self {
            cause: raw.cause.as_deref().and_then(Cause::parse),
            steps: u64::try_from(raw.steps).unwrap_or(0),
            since: raw.since.map(Time),
            next_at: raw.next_at.filter(|at| *at > 0).map(Time),
        }
    }
}

/// A company with steps that wait for a person, their time or a link.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct WaitingCompany {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many steps.
    pub steps: i64,
    /// Since when the first of them, microseconds UTC.
    pub since: Option<i64>,
}

fn in_states(query: &mut Query, states: &[&str]) {
    query.push("s.state IN (");
    for (place, state) in states.iter().enumerate() {
        query.push(if place == 0 { "'" } else { ", '" }).push(state).push("'");
    }
    query.push(")");
}

impl Store {
    /// Steps that the caller may see: what is done newest first, all else oldest first. Steps of no company are seen with
    /// access to all alone.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn steps(&self, access: &Access, wanted: &StepsQuery) -> Result<Vec<StepRow>> {
        let mut conn = self.read().await?;
        let mut rows: Vec<StepRow> = Vec::new();
        let newest_first = wanted.state == Some(StepState::Done);
        let (than, order) = if newest_first { ("<", "DESC") } else { (">", "ASC") };
        // A statement for each state, so that each walks an index in order and stops at the limit.
        for state in wanted.state.map_or(&[""][..], StepState::states) {
            let mut query = Query::build(STEPS);
            query.push(" WHERE 1 = 1");
            only(&mut query, "s.company_id", access);
            if !state.is_empty() {
                query.push(" AND s.state = '").push(state).push("'");
            }
            match wanted.cause {
                CauseIs::Any => {}
                CauseIs::None => {
                    query.push(" AND s.cause IS NULL");
                }
                CauseIs::This(cause) => {
                    query.push(" AND s.cause = ").arg(cause.as_str());
                }
            }
            if let Some(company) = &wanted.company {
                query.push(" AND s.company_id = ").arg(company.as_str());
            }
            if let Some(lane) = &wanted.lane {
                query.push(" AND s.lane = ").arg(lane);
            }
            if let Some(after) = &wanted.after {
                query.push(&format!(" AND s.id {than} ")).arg(after.as_str());
            }
            query.push(&format!(" ORDER BY s.id {order} LIMIT ")).arg(i64::try_from(wanted.limit).unwrap_or(i64::MAX));
            rows.extend(conn.all::<Raw>(&query).await?.into_iter().map(StepRow::from));
        }
        rows.sort_by(|a, b| if newest_first { b.id.cmp(&a.id) } else { a.id.cmp(&b.id) });
        rows.truncate(wanted.limit);
        Ok(rows)
    }

    /// How many steps stand for which cause, among what the caller may see; of `company` alone where one is given.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn causes(
        &self,
        access: &Access,
        state: StepState,
        company: Option<&CompanyId>,
    ) -> Result<Vec<CauseRow>> {
        let mut query = Query::build(
            "SELECT s.cause, COUNT(*) AS steps, MIN(s.since) AS since,
             MIN(CASE s.state WHEN 'waiting' THEN s.due_at END) AS next_at FROM steps s WHERE ",
        );
        in_states(&mut query, state.states());
        only(&mut query, "s.company_id", access);
        if let Some(company) = company {
            query.push(" AND s.company_id = ").arg(company.as_str());
        }
        query.push(" GROUP BY s.cause");
        let mut rows: Vec<CauseRow> =
            self.read().await?.all::<RawCause>(&query).await?.into_iter().map(CauseRow::from).collect();
        let rank = |row: &CauseRow| Cause::ALL.iter().position(|cause| row.cause == Some(*cause)).unwrap_or(usize::MAX);
        rows.sort_by_key(rank);
        Ok(rows)
    }

    /// Companies with steps in this state that the caller may see, of one cause where one is given, by name.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn companies_of_steps(
        &self,
        access: &Access,
        state: StepState,
        cause: Option<Cause>,
        limit: usize,
    ) -> Result<Vec<WaitingCompany>> {
        let mut query = Query::build(
            "SELECT c.id, c.name, COUNT(*) AS steps, MIN(s.since) AS since FROM steps s
             JOIN companies c ON c.id = s.company_id WHERE ",
        );
        in_states(&mut query, state.states());
        only(&mut query, "s.company_id", access);
        if let Some(cause) = cause {
            query.push(" AND s.cause = ").arg(cause.as_str());
        }
        query.push(" GROUP BY c.id, c.name, c.name_key ORDER BY c.name_key, c.id LIMIT ");
        query.arg(i64::try_from(limit).unwrap_or(i64::MAX));
        self.read().await?.all(&query).await
    }

    /// Every cause for which steps stand right now, over all companies, those that are being sent again too.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn all_causes(&self) -> Result<Vec<CauseRow>> {
        let query = Query::new(
            "SELECT s.cause, COUNT(*) AS steps, MIN(s.since) AS since,
             MIN(CASE s.state WHEN 'waiting' THEN s.due_at END) AS next_at
             FROM steps s WHERE s.cause IS NOT NULL GROUP BY s.cause",
        );
        Ok(self.read().await?.all::<RawCause>(&query).await?.into_iter().map(CauseRow::from).collect())
    }

    /// The first step that waits and was never tried, and how many there are. Ids are made by servers and grow with time.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn first_unsent(&self) -> Result<Option<(StepId, u64)>> {
        let query = Query::new("SELECT MIN(id), COUNT(*) FROM steps WHERE state = 'waiting' AND cause IS NULL");
        let found: Option<(Option<String>, i64)> = self.read().await?.one(&query).await?;
        let Some((Some(id), count)) = found else { return Ok(None) };
        let id = id.parse().map_err(|error| Error::corrupt("a step", error))?;
        Ok(Some((id, u64::try_from(count).unwrap_or(0))))
    }

    /// One step, if the caller may see it.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn step(&self, access: &Access, id: &StepId) -> Result<Option<StepRow>> {
        let mut query = Query::build(STEPS);
        query.push(" WHERE s.id = ").arg(id.as_str());
        only(&mut query, "s.company_id", access);
        Ok(self.read().await?.one::<Raw>(&query).await?.map(StepRow::from))
    }

    /// Every attempt of a lane's steps, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn attempts(&self, lane: &str) -> Result<Vec<AttemptRow>> {
        let mut query = Query::build(ATTEMPTS);
        query.push(" WHERE lane = ").arg(lane).push(" ORDER BY started_at, step_id, n");
        self.read().await?.all(&query).await
    }

    /// The attempts of these steps, each step's oldest first: its first, and its last twenty.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn attempts_of(&self, steps: &[String]) -> Result<Vec<AttemptRow>> {
        let mut query = Query::build(ATTEMPTS);
        query.push(" WHERE step_id IN ").list(steps.iter());
        query.push(" AND (n = 1 OR n > (SELECT s.attempts FROM steps s WHERE s.id = step_id) - ").arg(SHOWN);
        query.push(") ORDER BY step_id, n");
        self.read().await?.all(&query).await
    }

    /// A person lets steps go again, at once. Those that went: each waited for a person, for its time or for a link.
    ///
    /// # Errors
    /// [`Error::Database`] where nothing was written.
    pub async fn retry_steps(&self, steps: Vec<(StepId, Entry)>, now: Time) -> Result<Vec<String>> {
        self.write(move |tx| {
            let mut query = Query::build("UPDATE steps SET state = 'waiting', due_at = ");
            query.arg(now).push(" WHERE id IN ").list(steps.iter().map(|(id, _)| id.as_str()));
            query.push(" AND state IN ('attention', 'waiting', 'parked') RETURNING id");
            let steps = steps.clone();
            Box::pin(async move {
                let gone: BTreeSet<String> =
                    tx.conn.all::<(String,)>(&query).await?.into_iter().map(|(id,)| id).collect();
                for (id, audit) in steps {
                    if gone.contains(id.as_str()) {
                        tx.audit(&audit).await?;
                    }
                }
                Ok(gone.into_iter().collect())
            })
        })
        .await
    }

    /// A person gives a step up; the next of its lane may go. False if it is over or being sent.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn give_up_step(&self, id: &StepId, now: Time, audit: Entry) -> Result<bool> {
        let id = id.clone();
        self.write(move |tx| {
            let query = Query::new(
                "UPDATE steps SET state = 'given_up', ended_at = $1, cause = NULL, since = NULL
                 WHERE id = $2 AND state IN ('attention', 'waiting', 'parked', 'queued')",
            )
            .bind(now)
            .bind(id.as_str());
            let promote = Query::new(
                "UPDATE steps SET state = 'waiting' WHERE state = 'queued' AND lane = (SELECT o.lane FROM steps o WHERE o.id = $1)
                 AND seq = (SELECT MIN(q.seq) FROM steps q WHERE q.lane = steps.lane AND q.state NOT IN ('done', 'given_up'))",
            )
            .bind(id.as_str());
            let audit = audit.clone();
            Box::pin(async move {
                let changed = tx.conn.execute(&query).await? == 1;
                if changed {
                    tx.conn.execute(&promote).await?;
                    tx.audit(&audit).await?;
                }
                Ok(changed)
            })
        })
        .await
    }

    /// A person has a new ticket made in the place of one that is gone: the lane's first step is done again, and this step
    /// comes after it, or is the first. The old ticket is kept as a former one. It does not matter whether the step was let
    /// go meanwhile and waits for its turn.
    ///
    /// # Errors
    /// [`Error::Stale`] where the step does not stand before a ticket that is gone, and nothing was changed.
    pub async fn replace_ticket(&self, id: &StepId, now: Time, audit: Entry) -> Result<()> {
        let id = id.clone();
        self.write(move |tx| {
            let (id, audit) = (id.clone(), audit.clone());
            Box::pin(async move {
                let back = Query::new(
                    "UPDATE steps SET state = 'queued', doubt_at = NULL, floor = NULL, cause = NULL, since = NULL
                     WHERE id = $1 AND state IN ('attention', 'waiting') AND cause = 'ticket_gone' RETURNING lane",
                )
                .bind(id.as_str());
                let Some((lane,)) = tx.conn.one::<(String,)>(&back).await? else { return Err(Error::Stale) };
                let open = Query::new(
                    "UPDATE steps SET kind = 'open_ticket', state = 'waiting', due_at = $1, doubt_at = NULL, floor = NULL,
                         cause = NULL, since = NULL, ended_at = NULL
                     WHERE lane = $2 AND kind IN ('open_ticket', 'record_request') AND (state = 'done' OR id = $3)",
                )
                .bind(now)
                .bind(&lane)
                .bind(id.as_str());
                if tx.conn.execute(&open).await? != 1 {
                    return Err(Error::Stale);
                }
                let keep = Query::new(
                    "INSERT INTO former_tickets (lane, psa_id, url, now, booked, replaced_at)
                     SELECT lane, psa_id, url, now, booked, $1 FROM tickets WHERE lane = $2
                     ON CONFLICT (lane, psa_id) DO NOTHING",
                )
                .bind(now)
                .bind(&lane);
                tx.conn.execute(&keep).await?;
                tx.conn.execute(&Query::new("DELETE FROM tickets WHERE lane = $1").bind(&lane)).await?;
                tx.audit(&audit).await
            })
        })
        .await
    }
}
