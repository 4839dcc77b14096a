//! Writer tasks: one task, one connection, one bounded queue, one audit chain each.
//!
//! Callers send and wait, so no cancelled caller cancels a transaction. Hot commands that are waiting together are
//! written together, in multi-row statements and one commit (measured: 55,000 rows a second at 64 a commit against
//! 2,400 with single statements); everything else is a unit alone in its transaction, which can be run again.

use std::{fs::File, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Error, Result, Store, accept::AcceptJob, audit::Chain, credentials::ContextCache, ends::CompleteJob, engine::Conn,
    lanes::ClaimJob, pools::Pools, requests::TransitionJob,
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

/// What is written in one transaction, and can be run again.
pub(crate) trait Work: Send {
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, Result<()>>;
}

/// A unit of work that is alone in its transaction.
pub(crate) trait Unit: Work {
    fn finish(self: Box<Self>, outcome: Result<()>);
}

pub(crate) enum Job {
    Accept(AcceptJob),
    Transition(TransitionJob),
    Complete(CompleteJob),
    Claim(ClaimJob),
    Unit(Box<dyn Unit>),
    /// The writer ends, and answers when it has let go of the database.
    Stop(oneshot::Sender<()>),
}

pub(crate) struct Writers {
    queues: Vec<mpsc::Sender<Job>>,
}

impl Writers {
    /// Starts the writer tasks. `lock` is held until the last of them ends.
    pub(crate) fn start(pools: &Pools, instance: &str, contexts: &ContextCache, lock: Option<File>) -> Self {
        let lock = Arc::new(lock);
        let queues = (0..pools.writers()).map(|number| {
            let (queue, jobs) = mpsc::channel(QUEUE);
            let writer = Writer {
                pools: pools.clone(),
                name: format!("{instance}/{number}"),
                connections: 0,
                tx: None,
                contexts: contexts.clone(),
                _lock: lock.clone(),
            };
            tokio::spawn(writer.write(jobs));
            queue
        });
        Self { queues: queues.collect() }
    }

    /// Sends a job to the writer that all jobs with this key go to.
    pub(crate) async fn send(&self, key: &str, job: Job) -> Result<()> {
        let writers = self.queues.len().max(1);
        let place =
            key.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % writers;
        self.queues.get(place).ok_or(Error::Closed)?.send(job).await.map_err(|_| Error::Closed)
    }

    /// True while every writer takes jobs.
    pub(crate) fn alive(&self) -> bool {
        self.queues.iter().all(|queue| !queue.is_closed())
    }

    /// Ends every writer after what it was sent before.
    pub(crate) async fn stop(&self) {
        for queue in &self.queues {
            let (reply, stopped) = oneshot::channel();
            if queue.send(Job::Stop(reply)).await.is_ok() && stopped.await.is_err() {
                tracing::debug!("a writer had ended before it was told to");
            }
        }
    }
}

/// One writer: its connection, made anew where it was lost, and its chain, a new one for each connection. A commit whose
/// answer was lost may stand, so that nobody can tell where the chain of a lost connection ends.
struct Writer {
    pools: Pools,
    name: String,
    connections: u32,
    tx: Option<Tx>,
    contexts: ContextCache,
    _lock: Arc<Option<File>>,
}

/// Why a transaction was not kept.
struct Failed {
    error: Error,
    /// It may lie in one of several jobs: each alone may pass.
    apart: bool,
}

impl Writer {
    async fn write(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut next: Option<Job> = None;
        loop {
            let job = match next.take() {
                Some(job) => job,
                None => match jobs.recv().await {
                    Some(job) => job,
                    None => return,
                },
            };
            let mut hot = Hot::default();
            next = match hot.take(job) {
                None => hot.fill(&mut jobs),
                Some(Job::Unit(unit)) => {
                    self.run_unit(unit).await;
                    continue;
                }
                Some(Job::Stop(reply)) => {
                    drop(self);
                    if reply.send(()).is_err() {
                        tracing::debug!("whoever stopped the writer did not wait for it");
                    }
                    return;
                }
                other => other,
            };
            self.run_hot(hot).await;
        }
    }

    async fn run_unit(&mut self, mut unit: Box<dyn Unit>) {
        let outcome = self.run_again(&mut *unit, |error| matches!(error, Error::Conflict(_))).await;
        // Before the answer, so that its caller reads what it wrote.
        self.contexts.clear();
        unit.finish(outcome);
    }

    /// Writes all of them; where that fails for a reason that may lie in one of them, each alone.
    async fn run_hot(&mut self, mut hot: Hot) {
        match self.transaction(&mut hot).await {
            Ok(()) => hot.finish(None),
            Err(failed) if failed.apart => {
                for mut one in hot.singles() {
                    let again = |error: &Error| matches!(error, Error::Conflict(_) | Error::Taken);
                    let outcome = self.run_again(&mut one, again).await;
                    one.finish(outcome.err());
                }
            }
            Err(failed) => hot.finish(Some(failed.error)),
        }
    }

    async fn run_again(&mut self, work: &mut dyn Work, again: impl Fn(&Error) -> bool) -> Result<()> {
        let mut outcome = Ok(());
        for _ in 0..RUNS {
            outcome = self.transaction(work).await.map_err(|failed| failed.error);
            if !outcome.as_ref().is_err_and(&again) {
                break;
            }
        }
        outcome
    }

    /// Runs `work` in a transaction. The connection is out of its place meanwhile: what a panic left in it is not used.
    async fn transaction(&mut self, work: &mut dyn Work) -> std::result::Result<(), Failed> {
        let mut tx = self.begin().await.map_err(|error| Failed { error, apart: false })?;
        let chain = tx.chain.clone();
        let failed = match AssertUnwindSafe(work.run(&mut tx)).catch_unwind().await {
            Ok(Ok(())) => {
                let with_others = tx.conn.holds();
                match tx.conn.commit().await {
                    Ok(()) => {
                        self.tx = Some(tx);
                        return Ok(());
                    }
                    Err(error) => Failed { apart: with_others || matches!(error, Error::Conflict(_)), error },
                }
            }
            Ok(Err(error)) => Failed { error, apart: true },
            Err(_panic) => {
                tracing::error!("a write panicked; nothing of it is kept");
                tx.conn.discard();
                return Err(Failed { error: Error::Database("a write panicked".into()), apart: true });
            }
        };
        tx.chain = chain;
        if tx.conn.roll_back().await {
            self.tx = Some(tx);
        } else {
            tx.conn.discard();
        }
        Err(failed)
    }

    /// A transaction on the connection at hand or, where that one was lost since it was last used, on a new one.
    async fn begin(&mut self) -> Result<Tx> {
        if let Some(mut tx) = self.tx.take() {
            match tx.conn.begin().await {
                Ok(()) => return Ok(tx),
                Err(error) => {
                    tracing::warn!(%error, "a writer lost its connection");
                    tx.conn.discard();
                }
            }
        }
        let conn = self.pools.writer().await?;
        self.connections += 1;
        let mut tx = Tx { conn, chain: Chain::new(format!("{}/{}", self.name, self.connections)) };
        match tx.conn.begin().await {
            Ok(()) => Ok(tx),
            Err(error) => {
                tx.conn.discard();
                Err(error)
            }
        }
    }
}

/// Hot jobs that are written in one transaction.
#[derive(Default)]
struct Hot {
    accepts: Vec<AcceptJob>,
    transitions: Vec<TransitionJob>,
    completes: Vec<CompleteJob>,
    claims: Vec<ClaimJob>,
}

impl Work for Hot {
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, Result<()>> {
        Box::pin(self.statements(tx))
    }
}

impl Hot {
    fn len(&self) -> usize {
        self.accepts.len() + self.transitions.len() + self.completes.len() + self.claims.len()
    }

    /// Takes a hot job in; any other comes back.
    fn take(&mut self, job: Job) -> Option<Job> {
        match job {
            Job::Accept(job) => self.accepts.push(job),
            Job::Transition(job) => self.transitions.push(job),
            Job::Complete(job) => self.completes.push(job),
            Job::Claim(job) => self.claims.push(job),
            other @ (Job::Unit(_) | Job::Stop(_)) => return Some(other),
        }
        None
    }

    /// Takes in what is waiting, up to the first job that is not hot; that one comes back. Rows are written in one order
    /// by all writers, so that they seldom wait for each other in a circle.
    fn fill(&mut self, jobs: &mut mpsc::Receiver<Job>) -> Option<Job> {
        let mut next = None;
        while self.len() < BATCH && next.is_none() {
            match jobs.try_recv() {
                Ok(job) => next = self.take(job),
                Err(_) => break,
            }
        }
        self.transitions.sort_by(|a, b| a.key().cmp(b.key()));
        self.completes.sort_by(|a, b| a.key().cmp(b.key()));
        next
    }

    async fn statements(&mut self, tx: &mut Tx) -> Result<()> {
        // A kind's last statements go with the commit or alone: with those of the next kind they were a text for each pair
        // of numbers.
        crate::accept::write(tx, &mut self.accepts).await?;
        if !self.transitions.is_empty() {
            tx.conn.flush().await?;
            crate::requests::write(tx, &mut self.transitions).await?;
        }
        if !self.completes.is_empty() {
            tx.conn.flush().await?;
            crate::ends::write_completed(tx, &mut self.completes).await?;
        }
        if !self.claims.is_empty() {
            tx.conn.flush().await?;
            crate::lanes::write_claims(tx, &mut self.claims).await?;
        }
        Ok(())
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

impl<F, T> Work for Closure<F, T>
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
}

impl<F, T> Unit for Closure<F, T>
where
    T: Send + 'static,
    F: for<'c> FnMut(&'c mut Tx) -> BoxFuture<'c, Result<T>> + Send,
{
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
