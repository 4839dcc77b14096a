//! Steps and attempts as people see them, and what people do to a step: let it go again, or give it up.

use countersign_domain::{audit::Entry, id::StepId, role::Access, time::Time};
use serde::Serialize;
use sqlx::FromRow;

use crate::{Result, Store, engine::Query, requests::only};

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

/// Which steps to list.
#[derive(Debug, Clone, Default)]
pub struct StepsQuery {
    /// In this state.
    pub state: Option<StepState>,
    /// Of this lane.
    pub lane: Option<String>,
    /// After this one.
    pub after: Option<StepId>,
    /// How many at the most.
    pub limit: usize,
}

/// A step as people see it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
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
    /// Name of the company it belongs to.
    pub company: Option<String>,
}

const STEPS: &str = "SELECT s.id, s.lane, s.kind, s.subject, s.state, s.attempts, s.due_at, s.doubt_at, s.words,
    c.name AS company FROM steps s LEFT JOIN companies c ON c.id = s.company_id";

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
}

impl Store {
    /// Steps that the caller may see, oldest first. Steps of no company are seen with access to all alone.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn steps(&self, access: &Access, wanted: &StepsQuery) -> Result<Vec<StepRow>> {
        let mut conn = self.read().await?;
        let mut rows: Vec<StepRow> = Vec::new();
        // A statement for each state, so that each walks an index in order and stops at the limit.
        for state in wanted.state.map_or(&[""][..], StepState::states) {
            let mut query = Query::build(STEPS);
            query.push(" WHERE 1 = 1");
            only(&mut query, "s.company_id", access);
            if !state.is_empty() {
                query.push(" AND s.state = '").push(state).push("'");
            }
            if let Some(lane) = &wanted.lane {
                query.push(" AND s.lane = ").arg(lane);
            }
            if let Some(after) = &wanted.after {
                query.push(" AND s.id > ").arg(after.as_str());
            }
            query.push(" ORDER BY s.id LIMIT ").arg(i64::try_from(wanted.limit).unwrap_or(i64::MAX));
            rows.extend(conn.all::<StepRow>(&query).await?);
        }
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows.truncate(wanted.limit);
        Ok(rows)
    }

    /// One step, if the caller may see it.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn step(&self, access: &Access, id: &StepId) -> Result<Option<StepRow>> {
        let mut query = Query::build(STEPS);
        query.push(" WHERE s.id = ").arg(id.as_str());
        only(&mut query, "s.company_id", access);
        self.read().await?.one(&query).await
    }

    /// Every attempt of a lane's steps, oldest first.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn attempts(&self, lane: &str) -> Result<Vec<AttemptRow>> {
        let query = Query::new(
            "SELECT step_id, n, kind, started_at, ended_at, ms, result, status, words FROM attempts
             WHERE lane = $1 ORDER BY started_at, step_id, n",
        )
        .bind(lane);
        self.read().await?.all(&query).await
    }

    /// A person lets a step go again, at once. False if it does not wait for a person or for its time.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn retry_step(&self, id: &StepId, now: Time, audit: Entry) -> Result<bool> {
        let id = id.clone();
        self.write(move |tx| {
            let query = Query::new(
                "UPDATE steps SET state = 'waiting', due_at = $1 WHERE id = $2 AND state IN ('attention', 'waiting', 'parked')",
            )
            .bind(now)
            .bind(id.as_str());
            let audit = audit.clone();
            Box::pin(async move {
                let changed = tx.conn.execute(&query).await? == 1;
                if changed {
                    tx.audit(&audit).await?;
                }
                Ok(changed)
            })
        })
        .await
    }

    /// A person gives a step up; the next of its lane may go. False if it is over or being sent.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn give_up_step(&self, id: &StepId, now: Time, audit: Entry) -> Result<bool> {
        let id = id.clone();
        self.write(move |tx| {
            let query = Query::new(
                "UPDATE steps SET state = 'given_up', ended_at = $1 WHERE id = $2 AND state IN ('attention', 'waiting', 'parked', 'queued')",
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
}
