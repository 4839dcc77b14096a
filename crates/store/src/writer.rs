//! Writer tasks: one task, one connection, one bounded queue, one audit chain each.
//!
//! Callers send and wait, so no cancelled caller cancels a transaction. Hot commands that are waiting together are
//! written together, in multi-row statements and one commit (measured: 55,000 rows a second at 64 a commit against
//! 2,400 with single statements); everything else is a unit alone in its transaction, which can be run again.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use crate::{
    Error, Result, Store,
    accept::AcceptJob,
    audit::Chain,
    directory::ContextCache,
    engine::{Conn, Pools, Query},
    lanes::{ClaimJob, CompleteJob},
    requests::TransitionJob,
};

/// Jobs written in one transaction at the most.
const BATCH: usize = 64;
/// Jobs that may wait for one writer.
const QUEUE: usize = 4096;
/// How often a transaction is run again after meeting another.
const RUNS: usize = 8;

/// A transaction of a writer.
pub struct Tx {
    pub(crate) conn: Conn,
    pub(crate) chain: Chain,
}

/// A unit of work that can be run again.
pub(crate) trait Unit: Send {
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, Result<()>>;
    fn finish(self: Box<Self>, outcome: Result<()>);
}

pub(crate) enum Job {
    Accept(AcceptJob),
    Transition(TransitionJob),
    Complete(CompleteJob),
    Claim(ClaimJob),
    Unit(Box<dyn Unit>),
}

pub(crate) struct Writers {
    queues: Vec<mpsc::Sender<Job>>,
}

impl Writers {
    pub(crate) async fn start(pools: &Pools, instance: &str, contexts: ContextCache) -> Result<Self> {
        let mut queues = Vec::new();
        for (number, conn) in pools.writers().await?.into_iter().enumerate() {
            let (queue, jobs) = mpsc::channel(QUEUE);
            let chain = Chain::new(format!("{instance}/{number}"));
            tokio::spawn(write(Tx { conn, chain }, jobs, contexts.clone()));
            queues.push(queue);
        }
        Ok(Self { queues })
    }

    /// Sends a job to the writer that all jobs with this key go to.
    pub(crate) async fn send(&self, key: &str, job: Job) -> Result<()> {
        let writers = self.queues.len().max(1);
        let place = key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % writers;
        self.queues.get(place).ok_or(Error::Closed)?.send(job).await.map_err(|_| Error::Closed)
    }
}

async fn write(mut tx: Tx, mut jobs: mpsc::Receiver<Job>, contexts: ContextCache) {
    let mut next: Option<Job> = None;
    loop {
        let first = match next.take() {
            Some(job) => job,
            None => match jobs.recv().await {
                Some(job) => job,
                None => return,
            },
        };
        if let Job::Unit(unit) = first {
            run_unit(&mut tx, unit).await;
            contexts.clear();
            continue;
        }
        let mut hot = Hot::default();
        hot.take(first);
        while hot.len() < BATCH {
            match jobs.try_recv() {
                Ok(Job::Unit(unit)) => {
                    next = Some(Job::Unit(unit));
                    break;
                }
                Ok(job) => hot.take(job),
                Err(_) => break,
            }
        }
        hot.run(&mut tx).await;
    }
}

async fn run_unit(tx: &mut Tx, mut unit: Box<dyn Unit>) {
    let mut outcome = Err(Error::Closed);
    for _ in 0..RUNS {
        outcome = in_transaction(tx, &mut *unit).await;
        if !matches!(outcome, Err(Error::Conflict(_))) {
            break;
        }
    }
    unit.finish(outcome);
}

async fn in_transaction(tx: &mut Tx, unit: &mut dyn Unit) -> Result<()> {
    let chain = tx.chain.clone();
    tx.conn.begin().await?;
    let outcome = match unit.run(tx).await {
        Ok(()) => tx.conn.execute(&Query::new("COMMIT")).await.map(|_| ()),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        tx.chain = chain;
        roll_back(&mut tx.conn).await;
    }
    outcome
}

async fn roll_back(conn: &mut Conn) {
    if let Err(error) = conn.execute(&Query::new("ROLLBACK")).await {
        tracing::warn!(%error, "a failed transaction could not be rolled back; the database has ended it itself");
    }
}

/// Hot jobs that are written in one transaction.
#[derive(Default)]
pub(crate) struct Hot {
    accepts: Vec<AcceptJob>,
    transitions: Vec<TransitionJob>,
    completes: Vec<CompleteJob>,
    claims: Vec<ClaimJob>,
}

impl Hot {
    fn len(&self) -> usize {
        self.accepts.len() + self.transitions.len() + self.completes.len() + self.claims.len()
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Accept(job) => self.accepts.push(job),
            Job::Transition(job) => self.transitions.push(job),
            Job::Complete(job) => self.completes.push(job),
            Job::Claim(job) => self.claims.push(job),
            Job::Unit(_) => {}
        }
    }

    /// Writes all of them; where that fails for a reason that lies in one of them, each alone.
    async fn run(mut self, tx: &mut Tx) {
        match self.attempt(tx).await {
            Ok(()) => self.finish(None),
            Err(Error::Conflict(_) | Error::Taken) => {
                for mut one in self.singles() {
                    let mut outcome = Err(Error::Closed);
                    for _ in 0..RUNS {
                        outcome = one.attempt(tx).await;
                        if !matches!(outcome, Err(Error::Conflict(_) | Error::Taken)) {
                            break;
                        }
                    }
                    one.finish(outcome.err());
                }
            }
            Err(error) => self.finish(Some(error)),
        }
    }

    async fn attempt(&mut self, tx: &mut Tx) -> Result<()> {
        let chain = tx.chain.clone();
        tx.conn.begin().await?;
        let outcome = match self.statements(tx).await {
            Ok(()) => tx.conn.execute(&Query::new("COMMIT")).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            tx.chain = chain;
            roll_back(&mut tx.conn).await;
        }
        outcome
    }

    async fn statements(&mut self, tx: &mut Tx) -> Result<()> {
        crate::accept::write(tx, &mut self.accepts).await?;
        crate::requests::write(tx, &mut self.transitions).await?;
        crate::lanes::write_completed(tx, &mut self.completes).await?;
        crate::lanes::write_claims(tx, &mut self.claims).await
    }

    fn singles(self) -> impl Iterator<Item = Self> {
        let accepts = self.accepts.into_iter().map(|job| Self { accepts: vec![job], ..Self::default() });
        let transitions = self.transitions.into_iter().map(|job| Self { transitions: vec![job], ..Self::default() });
        let completes = self.completes.into_iter().map(|job| Self { completes: vec![job], ..Self::default() });
        let claims = self.claims.into_iter().map(|job| Self { claims: vec![job], ..Self::default() });
        accepts.chain(transitions).chain(completes).chain(claims)
    }

    /// Answers every caller: with what was written, or with the failure of all.
    fn finish(self, failure: Option<Error>) {
        let failed = failure.map(|error| error.to_string());
        let reply = |what: &Option<String>| what.clone().map(|why| Error::Database(why.into()));
        for job in self.accepts {
            job.finish(reply(&failed));
        }
        for job in self.transitions {
            job.finish(reply(&failed));
        }
        for job in self.completes {
            job.finish(reply(&failed));
        }
        for job in self.claims {
            job.finish(reply(&failed));
        }
    }
}

/// A caller that waits for a result.
pub(crate) struct Waiting<T> {
    pub(crate) result: Option<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T> Waiting<T> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Self { result: None, reply }, answer)
    }

    pub(crate) fn finish(self, failure: Option<Error>) {
        let outcome = match (failure, self.result) {
            (Some(error), _) => Err(error),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(Error::Closed),
        };
        if self.reply.send(outcome).is_err() {
            tracing::debug!("a caller left before its write was done; the write stands");
        }
    }
}

struct Closure<F, T> {
    work: F,
    waiting: Waiting<T>,
}

impl<F, T> Unit for Closure<F, T>
where
    T: Send + 'static,
    F: for<'c> FnMut(&'c mut Tx) -> BoxFuture<'c, Result<T>> + Send,
{
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, Result<()>> {
        Box::pin(async move {
            self.waiting.result = Some((self.work)(tx).await?);
            Ok(())
        })
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        self.waiting.finish(outcome.err());
    }
}

impl Store {
    /// Runs `work` in a transaction of its own. It may be run again from the start, so it clones what it uses.
    ///
    /// # Errors
    /// Whatever `work` or the commit answers; then nothing of it is kept.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnMut(&'c mut Tx) -> BoxFuture<'c, Result<T>> + Send + 'static,
    {
        let (waiting, answer) = Waiting::new();
        self.inner.writers.send("unit", Job::Unit(Box::new(Closure { work, waiting }))).await?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

/// Cuts rows into parts of 64, 8 and 1, so that few statement texts serve every number.
pub(crate) fn sizes<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = match rest.len() {
            0 => return None,
            64.. => 64,
            8.. => 8,
            _ => 1,
        };
        let (part, after) = rest.split_at(size);
        rest = after;
        Some(part)
    })
}

type Texts = Mutex<HashMap<(&'static str, &'static str, usize, usize), Arc<str>>>;

fn cached(
    key: (&'static str, &'static str, usize, usize),
    make: impl FnOnce() -> String,
) -> Arc<str> {
    static TEXTS: LazyLock<Texts> = LazyLock::new(Texts::default);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.entry(key).or_insert_with(|| make().into()).clone()
}

/// `INSERT INTO table (columns) VALUES (…), (…) tail`, made once per number of rows.
pub(crate) fn insert_text(table: &'static str, columns: &'static str, rows: usize, tail: &str) -> Arc<str> {
    let width = columns.split(',').count();
    cached((table, columns, width, rows), || {
        format!("INSERT INTO {table} ({columns}) VALUES {} {tail}", places(width, rows))
    })
}

/// A text with one `{}` where the places of `rows` rows of `width` values go, made once per number of rows.
pub(crate) fn rows_text(name: &'static str, text: &'static str, width: usize, rows: usize) -> Arc<str> {
    cached((name, text, width, rows), || text.replacen("{}", &places(width, rows), 1))
}

fn places(width: usize, rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
