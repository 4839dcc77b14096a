//! Claims steps and runs each in a task of its own, until it is told to end.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign_domain::{cause::Cause as Why, effect::StepKind, id::RequestId, time::Time};
use countersign_store::{Attempt, AttemptResult, Claimed, Completed, Context, Freed, Offered};
use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};

use super::{End, FIRST_LOOK_S, lock};
use crate::{App, Error, Result, budget::as_asked_at};

/// Steps that run at the same time.
pub(super) const SLOTS: usize = 64;
/// Steps that run at the same time while calls wait for the allowance. A claimed step cannot be overtaken by one that is
/// not, and knows its request as it was when it was claimed.
const SLOTS_WHEN_SHORT: usize = 6;
/// Attempts that this program may break off in, until a person must look.
const BROKEN_TRIES: i64 = 5;
/// The longest time between two looks for due steps, whatever wakes come or do not come.
const IDLE: Duration = Duration::from_secs(5);
/// When the walk that everything waits for is tried again, where nothing else holds: soon, since one call in a row that
/// fails is mostly bad luck. After a row of failures, or where there is no connection, the pause grows ([`super::Desk`]).
const WALK_AGAIN: Duration = Duration::from_millis(250);

/// Places for steps that run. One that is freed wakes the runner only where it waits for one: looking for due steps costs
/// a transaction.
struct Places {
    slots: Arc<Semaphore>,
    freed: Notify,
    wanted: AtomicBool,
}

impl Default for Places {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(SLOTS)), freed: Notify::new(), wanted: AtomicBool::new(false) }
    }
}

/// What came of a look for due steps.
enum Claiming {
    /// Every free place was taken: look again at once.
    MayBeMore,
    /// There are places, and nothing is due before this is over.
    NothingDue(Duration),
    /// Nothing may be claimed before this is over, or something changes.
    Wait(Duration),
}

/// A place that is taken, until this is dropped.
struct Taken {
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Places>,
}

impl Places {
    fn take(self: &Arc<Self>) -> Taken {
        Taken { permit: self.slots.clone().try_acquire_owned().ok(), places: self.clone() }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        drop(self.permit.take());
        if self.places.wanted.load(Ordering::SeqCst) {
            self.places.freed.notify_one();
        }
    }
}

/// The runner while it is at rest: nothing is due, and there are places. Who accepts a request then offers one of them to
/// its first step, so that accepting it claims that too: no look for what is due, and no commit of its own, stands between
/// a request and its ticket. At any other time the runner looks for what is due, the most urgent first.
#[derive(Default)]
pub(crate) struct Rest(Mutex<Option<AtRest>>);

struct AtRest {
    places: Arc<Places>,
    /// The connection for which the first walk was made.
    epoch: u64,
    started: mpsc::UnboundedSender<(Claimed, Taken)>,
}

/// Ends the rest when the runner is dropped.
struct Resting<'a>(&'a Rest);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        *lock(&self.0.0) = None;
    }
}

impl App {
    /// A place for the first step of a request, if the runner is at rest and nothing stands against sending.
    pub(crate) fn offered(&self) -> Option<Offered> {
        let (place, started) = {
            let rest = lock(&self.inner.rest.0);
            let rest = rest.as_ref().filter(|rest| self.may_send_at_once(rest.epoch))?;
            (rest.places.take(), rest.started.clone())
        };
        place.permit.as_ref()?;
        let start = move |step: Claimed| {
            if started.send((step, place)).is_err() {
                tracing::warn!("the runner ended before it was given a step; that is in doubt after the next start");
            }
        };
        Some(Offered { highest: self.inner.desk.highest(), start: Box::new(start) })
    }

    /// Nothing stands against sending, and the connection is the one that the first walk was made with.
    fn may_send_at_once(&self, epoch: u64) -> bool {
        let desk = &self.inner.desk;
        desk.held_for(self.inner.clock.monotonic()).is_none()
            && desk.width() == SLOTS
            && !desk.has_recovered()
            && desk.epoch.load(Ordering::SeqCst) == epoch
            && self.inner.budget.short_of().is_none()
    }

    /// Runs steps and read-backs, and watches over rights, until the task is dropped. What was being sent then is in doubt after the next start.
    pub async fn run_worker(&self) {
        tokio::join!(self.run_steps(), self.run_read_backs(), self.watch_rights());
    }

    async fn run_steps(&self) {
        let places = Arc::new(Places::default());
        let (started, mut claimed) = mpsc::unbounded_channel();
        // Dropped with this task, and all its steps with it.
        let mut running = JoinSet::new();
        loop {
            let epoch = self.inner.desk.epoch.load(Ordering::SeqCst);
            let next = self.claim_and_start(&places, &mut running).await.unwrap_or_else(|error| {
                tracing::error!(%error, "no steps could be claimed; again in a second");
                Claiming::Wait(Duration::from_secs(1))
            });
            let resting = Resting(&self.inner.rest);
            let wait = match next {
                Claiming::MayBeMore => Duration::ZERO,
                Claiming::Wait(wait) => wait,
                Claiming::NothingDue(wait) => {
                    *lock(&resting.0.0) = Some(AtRest { places: places.clone(), epoch, started: started.clone() });
                    wait
                }
            };
            let mut waited = std::pin::pin!(self.inner.clock.sleep(wait));
            loop {
                while let Some(ended) = running.try_join_next() {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the end of a step could not be kept; it is in doubt after the next start");
                    }
                }
                let mut steps = Vec::new();
                tokio::select! {
                    _ = claimed.recv_many(&mut steps, SLOTS) => self.start(steps, &mut running).await,
                    () = std::future::ready(()), if wait.is_zero() => break,
                    () = self.wake().runner().notified() => break,
                    () = places.freed.notified() => break,
                    () = &mut waited => break,
                }
            }
        }
    }

    /// Starts what is due.
    async fn claim_and_start(&self, places: &Arc<Places>, running: &mut JoinSet<()>) -> Result<Claiming> {
        // Before the look: whoever frees a place after it sees that one is wanted.
        places.wanted.store(true, Ordering::SeqCst);
        let free = places.slots.available_permits();
        let (free, below) = match self.inner.budget.short_of() {
            None => (free, None),
            Some(_) if SLOTS - free < SLOTS_WHEN_SHORT => (SLOTS_WHEN_SHORT - (SLOTS - free), None),
            Some(0) => (0, None),
            urgent => (free, urgent),
        };
        if free == 0 {
            return Ok(Claiming::Wait(IDLE));
        }
        if let Some(held) = self.inner.desk.held_for(self.inner.clock.monotonic()) {
            return Ok(Claiming::Wait(held.min(IDLE)));
        }
        if !self.first_walk().await? {
            let held = self.inner.desk.held_for(self.inner.clock.monotonic());
            return Ok(Claiming::Wait(held.unwrap_or(WALK_AGAIN).min(IDLE)));
        }
        let busy = SLOTS - places.slots.available_permits();
        let free = free.min(self.inner.desk.width().saturating_sub(busy));
        if free == 0 {
            return Ok(Claiming::Wait(IDLE));
        }
        if self.inner.desk.take_recovered() {
            self.hurry().await;
        }
        places.wanted.store(false, Ordering::SeqCst);
        let claimed = self.store().claim_below(self.now(), free, self.inner.desk.highest(), below).await?;
        let may_be_more = claimed.len() == free;
        let steps: Vec<_> = claimed.into_iter().map(|step| (step, places.take())).collect();
        self.start(steps, running).await;
        if may_be_more {
            return Ok(Claiming::MayBeMore);
        }
        let due = self.store().next_due().await?;
        let micros = due.map_or(i64::MAX, |due| due.0.saturating_sub(self.now().0));
        let wait = Duration::from_micros(u64::try_from(micros.max(1000)).unwrap_or(1000));
        Ok(Claiming::NothingDue(wait.min(IDLE)))
    }

    async fn start(&self, steps: Vec<(Claimed, Taken)>, running: &mut JoinSet<()>) {
        let mut contexts = self.contexts_of(&steps).await;
        for (step, place) in steps {
            let context = match &mut contexts {
                Ok(contexts) => Ok(contexts.remove(&step.subject)),
                Err(error) => Err(error.to_string()),
            };
            let app = self.clone();
            running.spawn(async move {
                Box::pin(app.run_step(step, context)).await;
                drop(place);
            });
        }
    }

    async fn contexts_of(&self, steps: &[(Claimed, Taken)]) -> Result<HashMap<String, Context>> {
        let mut ids: Vec<RequestId> = steps.iter().filter_map(|(step, _)| step.subject.parse().ok()).collect();
        ids.sort();
        ids.dedup();
        let contexts = self.store().contexts(&ids).await?;
        Ok(contexts.into_iter().map(|context| (context.request.request.id.to_string(), context)).collect())
    }

    /// What becomes of a step that found nothing set up. Where another node did that a moment ago, it goes on at once:
    /// nobody lets go again what is parked after that.
    async fn look_for_the_set_up(&self, step: &Claimed) -> Result<End> {
        self.follow_ticketing().await?;
        self.psa()?;
        let words = "The ticketing system was set up by another node meanwhile.";
        Ok(End::again(AttemptResult::Later, words, self.now(), step.doubt_at))
    }

    async fn run_step(&self, step: Claimed, context: std::result::Result<Option<Context>, String>) {
        let version = self.connected().version;
        let completed = self.attempt(step, context).await;
        self.conclude(completed, version).await;
    }

    /// Tries a step; how that ended.
    async fn attempt(&self, step: Claimed, context: std::result::Result<Option<Context>, String>) -> Completed {
        let (started_at, began) = (self.now(), self.inner.clock.monotonic());
        let asked_at = step.id.made_at().unwrap_or(started_at);
        let handled = as_asked_at(asked_at, Box::pin(self.handle(&step, context)));
        let handled = AssertUnwindSafe(handled).catch_unwind().await;
        let now = self.now();
        let end = handled.unwrap_or_else(|_panic| Ok(broken_off(&step, now)));
        let end = match end {
            Err(Error::NotConnected) => self.look_for_the_set_up(&step).await,
            end => end,
        };
        let end = end.unwrap_or_else(|error| match error {
            Error::NotConnected => End::parked(Why::NotSetUp, error.to_string()),
            Error::Psa(fault) => {
                self.failed(&fault, None);
                End::of_fault(&step, &fault, super::Wrote::Nothing, now)
            }
            other => {
                let at = now.plus_millis(super::back_off(&step, None));
                // What the other side answered may have been what could not be kept.
                let doubt = if matches!(other, Error::Sealed(_)) { step.doubt_at.or(Some(now)) } else { step.doubt_at };
                End { cause: Some(Why::Ours), ..End::again(AttemptResult::Later, other.to_string(), at, doubt) }
            }
        });
        self.inner.desk.attempt_ended(&step.id, &end, self.inner.clock.monotonic());
        metrics::counter!("countersign_steps_total", "kind" => step.kind.as_str(), "result" => end.result.as_str())
            .increment(1);
        let ms = self.inner.clock.monotonic().saturating_sub(began).as_millis();
        let attempt = Attempt {
            started_at,
            ended_at: now,
            ms: i64::try_from(ms).unwrap_or(i64::MAX),
            result: end.result,
            status: end.status,
            words: end.words,
            cause: end.cause,
        };
        let expected = end.expected.and_then(|(expected, at)| Some((serde_json::to_string(&expected).ok()?, at)));
        Completed { step, attempt, next: end.next, ticket: end.ticket, expected, audit: end.audit }
    }

    /// Keeps how an attempt ended, and tells whom it concerns. `version` is that of the settings when it began.
    async fn conclude(&self, completed: Completed, version: Option<i64>) {
        let (kind, lane) = (completed.step.kind, completed.step.lane.clone());
        let company = completed.audit.as_ref().and_then(|entry| entry.company.clone());
        let not_set_up = completed.attempt.cause == Some(Why::NotSetUp);
        let freed = self.keep(completed).await;
        if not_set_up && self.connected().version != version {
            self.go_on_after_all().await;
        }
        if kind == StepKind::SyncDirectory {
            // Only now does the sync stand as done.
            self.sync_news();
        } else {
            self.wake().page("ticket.updated", lane, company);
        }
        if freed == Freed::Perhaps || self.inner.desk.has_recovered() {
            self.wake().steps();
        }
    }

    async fn handle(&self, step: &Claimed, context: std::result::Result<Option<Context>, String>) -> Result<End> {
        match (step.kind, context) {
            (StepKind::LinkRecord, _) => self.run_link(step).await,
            (StepKind::SyncDirectory, _) => self.sync_kind(step).await,
            (StepKind::FollowTickets, _) => self.follow_tickets(step).await,
            (StepKind::Reconcile, _) => self.reconcile_by_clock(step).await,
            (_, Err(why)) => Err(Error::Sealed(why)),
            (_, Ok(None)) => Ok(End::not_needed("The request is gone.")),
            (StepKind::OpenTicket, Ok(Some(context))) => self.open_ticket(step, context).await,
            (StepKind::AdjustTicket, Ok(Some(context))) => self.adjust_ticket(step, &context).await,
            (
                StepKind::RecordRequest
                | StepKind::RecordRepeat
                | StepKind::RecordAgain
                | StepKind::RecordDecision
                | StepKind::RecordExpiry
                | StepKind::RecordWithdrawal
                | StepKind::RecordRevocation
                | StepKind::RecordFailure,
                Ok(Some(context)),
            ) => self.record(step, &context).await,
        }
    }

    /// Something was set up while a step found nothing set up: what waited then was let go before the step did.
    async fn go_on_after_all(&self) {
        if let Err(error) = self.go_on_waiting().await {
            tracing::error!(%error, "a step that found nothing set up waits, though it is by now");
        }
    }

    /// After an outage: what waits for its time goes at once.
    async fn hurry(&self) {
        if let Err(error) = self.store().hurry().await {
            tracing::warn!(%error, "steps that waited out an outage go at their own times");
        }
    }

    /// Keeps the end of an attempt, however long the database is away: what was done on the other side is not forgotten.
    async fn keep(&self, completed: Completed) -> Freed {
        loop {
            let error = match self.store().complete(completed.clone()).await {
                Ok(freed) => return freed,
                Err(error) => error,
            };
            tracing::error!(step = %completed.step.id, %error, "the end of a step could not be kept; again in a second");
            if matches!(error, countersign_store::Error::Closed) {
                return Freed::Nothing;
            }
            self.inner.clock.sleep(Duration::from_secs(1)).await;
        }
    }

    async fn run_link(&self, step: &Claimed) -> Result<End> {
        let (next, words) = self.run_link_step(&step.subject).await?;
        self.inner.desk.works();
        Ok(End { next, ..End::done(words) })
    }
}

/// A handler panicked: a fault of this program, of which nobody knows whether it struck before or after a call.
fn broken_off(step: &Claimed, now: Time) -> End {
    tracing::error!(step = %step.id, attempt = step.attempt, "a step broke off; it is in doubt");
    let words = "This program broke off in the middle of it, which is a fault of its own. It is looked for first.";
    let end = if step.attempt < BROKEN_TRIES {
        End::again(AttemptResult::Unknown, words, now.plus_seconds(FIRST_LOOK_S), Some(now))
    } else {
        End::attention(AttemptResult::Unknown, words, Some(now))
    };
    End { cause: Some(Why::Ours), ..end }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use countersign_domain::audit::Actor;
    use countersign_egress::{Egress, EgressConfig};
    use countersign_notify::Notifier;
    use countersign_psa::{Budget, Connect, Connection, Discovered, Fault, Psa};
    use countersign_store::{NewStep, Options, Place, Store};

    use super::*;
    use crate::{
        Parts,
        clock::{Clock as _, Ids as _, Manual, System},
        seal::Sealer,
        ticketing::Change,
    };

    struct Nowhere;

    #[async_trait]
    impl Connect for Nowhere {
        fn connect(&self, _: &Connection, _: Arc<dyn Budget>) -> std::result::Result<Arc<dyn Psa>, Fault> {
            unreachable!("nothing is connected")
        }

        async fn discover(&self, _: &str) -> std::result::Result<Discovered, Fault> {
            unreachable!("nothing is looked for")
        }
    }

    /// What the set-up lets go is what is parked when it ends; this step is parked a moment later.
    #[tokio::test]
    async fn what_found_nothing_set_up_goes_on_where_something_was_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Manual::new(Time(1_788_249_600_000_000)));
        let place = Place::Sqlite(folder.path().join("countersign.db"));
        let options = Options { place, instance: System.uuid().to_string() };
        let store = Store::open(options, clock.now()).await.unwrap();
        let app = App::new(Parts {
            store: store.clone(),
            clock: Arc::<Manual>::clone(&clock),
            ids: Arc::new(System),
            connect: Arc::new(Nowhere),
            notify: Notifier::new(Egress::new(&EgressConfig::default()).unwrap()),
            sealer: Sealer::new(&[7; 32]),
            public_url: "https://countersign.example.com".to_owned(),
            checkpoints: None,
        })
        .await
        .unwrap();
        for is_set_up_meanwhile in [false, true] {
            let lane = format!("tickets {is_set_up_meanwhile}");
            let new = NewStep::round(app.step_id(), &lane, String::new(), StepKind::FollowTickets);
            store
                .write(move |tx| {
                    let new = new.clone();
                    Box::pin(async move { tx.append_step(&new).await })
                })
                .await
                .unwrap();
            let step = store.claim(app.now(), 1, None).await.unwrap().remove(0);
            let id = step.id.clone();
            let version = app.connected().version;
            let completed = app.attempt(step, Ok(None)).await;
            assert_eq!(completed.attempt.cause, Some(Why::NotSetUp));
            if is_set_up_meanwhile {
                let change = Change { settle_s: Some(30), ..Change::default() };
                app.change_ticketing(Actor::Server, change).await.unwrap();
            }
            app.conclude(completed, version).await;
            let state = store.step(&countersign_domain::role::Access::All, &id).await.unwrap().unwrap().state;
            assert_eq!(state, if is_set_up_meanwhile { "waiting" } else { "parked" });
        }
    }
}
