//! The allowance of calls to the ticketing system: one for all workers and nodes of this installation, a sliding window
//! that allows bursts, decisions before creates before syncs, learnt from "too many calls".
//!
//! Called by every call to the other side, through [`Budget`]. What was taken stands in one row of the database, read
//! and written ten calls at a time, so that nodes do not spend twice and a restart does not forget. The decision a
//! reader would undo: the window is a little longer than the other side's, since a call that is counted here at its
//! start is counted there when it arrives, and calls do not take equally long.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use countersign_domain::time::Time;
use countersign_psa::{Budget, Priority};
use countersign_store::Store;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{Error, Result, clock::Clock, ledger::Ledger};

/// How many calls may be made in which span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Calls.
    pub calls: u32,
    /// In so many seconds.
    pub window_s: u32,
    /// No limit at all.
    pub off: bool,
}

impl Default for Allowance {
    /// Halo names no figure; users of 2022 and 2023 quote 300 in 5 minutes from its error text.
    fn default() -> Self {
        Self { calls: 300, window_s: 300, off: false }
    }
}

/// The row in the database.
const ROW: &str = "psa_budget";
/// Calls that are taken from the row at once, at the most. No more than wait: what is not used is lost.
const LEASE: usize = 10;
/// How long to wait where nothing says when; twice as long where it comes again after that, up to [`UNTOLD_MOST`].
const UNTOLD: Duration = Duration::from_secs(2);
/// The longest such wait, and how long after one it counts as coming again.
const UNTOLD_MOST: Duration = Duration::from_secs(10);
/// The longest span that a "too many calls" closes the window for.
const LONGEST: Duration = Duration::from_mins(10);
/// When the row is looked at again where other nodes may have changed it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// When a caller that others go before looks again; it is woken earlier when they went.
const OVERTAKEN: Duration = Duration::from_secs(10);
/// How long calls that were taken from the row, and that nobody waits for any more, may still be made.
const STALE: Duration = Duration::from_secs(2);
/// How often a write of the row is tried while other nodes write it.
const TRIES: usize = 20;

/// What this process knows and who waits in it.
#[derive(Default)]
struct Here {
    allowance: Allowance,
    /// Calls taken from the row and not made yet, and when they were taken.
    taken: usize,
    taken_at: Duration,
    /// The row has none before this.
    dry_until: Duration,
    /// The other side said "too many calls": none before this.
    closed_until: Duration,
    /// The last wait for which nothing said how long.
    untold: Duration,
    /// Callers that wait: the first goes first.
    waiting: BTreeSet<Place>,
    /// The last turn that was given.
    turns: u64,
    /// One of them reads the row for all.
    leasing: bool,
    /// The row as it was seen last.
    seen: Ledger,
}

impl Here {
    /// How long to wait after a "too many calls" that does not say it.
    fn untold(&mut self, now: Duration) -> Duration {
        if now < self.closed_until {
            // It was on its way when another one was refused.
            return self.closed_until.saturating_sub(now);
        }
        let again = now < self.closed_until + UNTOLD_MOST;
        self.untold = if again { (self.untold * 2).clamp(UNTOLD, UNTOLD_MOST) } else { UNTOLD };
        self.untold
    }
}

/// A caller's place in the line: its priority, when its work was asked for, and its turn.
type Place = (usize, Time, u64);

tokio::task_local! {
    /// When the work of this task was asked for.
    static ASKED_AT: Time;
}

/// Does work whose calls stand in the line where they would if they had come when the work was asked for: what had to be
/// looked for first, or waited out an outage, is not behind what came later.
pub(crate) async fn as_asked_at<F: Future>(at: Time, work: F) -> F::Output {
    ASKED_AT.scope(at, work).await
}

/// What a caller does next.
enum Turn {
    Go,
    Lease(usize),
    Wait(Duration),
}

/// The allowance. See the module.
pub struct SharedBudget {
    clock: Arc<dyn Clock>,
    store: Store,
    here: Mutex<Here>,
    freed: Notify,
}

impl SharedBudget {
    pub(crate) fn new(clock: Arc<dyn Clock>, store: Store) -> Self {
        Self { clock, store, here: Mutex::default(), freed: Notify::new() }
    }

    pub(crate) fn set(&self, allowance: Allowance) {
        let mut here = self.here();
        here.allowance = allowance;
        here.dry_until = Duration::ZERO;
        drop(here);
        self.freed.notify_waiters();
    }

    /// Calls made within the window, by all nodes, as far as this one knows.
    #[must_use]
    pub fn used(&self) -> usize {
        let here = self.here();
        usize::try_from(here.seen.used(self.clock.now(), here.allowance)).unwrap_or(usize::MAX)
    }

    /// Calls allowed within the window now: fewer than set, where the other side showed that it allows fewer. None where
    /// there is no limit.
    #[must_use]
    pub fn allowed(&self) -> Option<u32> {
        let here = self.here();
        (!here.allowance.off).then(|| here.seen.limit(here.allowance))
    }

    /// Callers of this node that wait, most urgent first: decisions, creates, syncs.
    #[must_use]
    pub fn waiting(&self) -> [usize; 3] {
        let mut waiting = [0; 3];
        for (priority, ..) in &self.here().waiting {
            if let Some(count) = waiting.get_mut(*priority) {
                *count += 1;
            }
        }
        waiting
    }

    /// The priority of the most urgent callers that wait, where nothing is left: what is begun now waits as well, unless
    /// it is more urgent. None where there are calls left.
    pub(crate) fn short_of(&self) -> Option<i64> {
        let now = self.clock.monotonic();
        let here = self.here();
        let (place, ..) = *here.waiting.first()?;
        let short = now < here.dry_until || now < here.closed_until;
        short.then(|| i64::try_from(place).unwrap_or(0))
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, place: Place) -> Turn {
        let now = self.clock.monotonic();
        let mut here = self.here();
        if now < here.closed_until {
            return Turn::Wait(here.closed_until.saturating_sub(now));
        }
        if here.allowance.off {
            return Turn::Go;
        }
        if here.waiting.first().is_some_and(|first| *first < place) {
            return Turn::Wait(OVERTAKEN);
        }
        if here.taken > 0 && now < here.taken_at + STALE {
            here.taken -= 1;
            return Turn::Go;
        }
        here.taken = 0;
        if here.leasing {
            return Turn::Wait(OVERTAKEN);
        }
        if now < here.dry_until {
            return Turn::Wait(here.dry_until.saturating_sub(now));
        }
        here.leasing = true;
        Turn::Lease(here.waiting.len().clamp(1, LEASE))
    }

    /// Takes calls from the row for all who wait here.
    async fn lease(&self, place: usize, wanted: usize) {
        let leasing = Leasing(self);
        let node = self.store.is_shared().then(|| self.store.instance().to_owned());
        let wanted = u32::try_from(wanted).unwrap_or(1);
        let allowance = self.here().allowance;
        let taken = self.change(move |ledger, now| ledger.take(now, allowance, node.as_deref(), place, wanted)).await;
        let now = self.clock.monotonic();
        let mut here = self.here();
        match taken {
            Ok(Ok(calls)) => {
                here.taken = usize::try_from(calls).unwrap_or(0);
                here.taken_at = now;
            }
            Ok(Err(wait)) => {
                let look_again = if self.store.is_shared() { LOOK_AGAIN } else { wait };
                here.dry_until = now + wait.min(look_again);
            }
            Err(error) => {
                tracing::error!(%error, "the allowance of calls could not be read or written; again in a second");
                here.dry_until = now + LOOK_AGAIN;
            }
        }
        drop(here);
        drop(leasing);
    }

    /// Reads the row, changes it and writes it, again where another node wrote it meanwhile.
    async fn change<T: Send + 'static>(
        &self,
        change: impl Fn(&mut Ledger, Time) -> T + Clone + Send + Sync + 'static,
    ) -> Result<T> {
        let mut tries = 0;
        loop {
            let (change, now) = (change.clone(), self.clock.now());
            let written = self.store.write(move |tx| {
                let change = change.clone();
                Box::pin(async move {
                    let row = tx.setting(ROW).await?;
                    // What cannot be read is a row of another version: the window begins anew.
                    let before: Ledger =
                        row.as_ref().and_then(|(json, _)| serde_json::from_str(json).ok()).unwrap_or_default();
                    let mut ledger = before.clone();
                    let outcome = change(&mut ledger, now);
                    if ledger != before
                        && let Ok(json) = serde_json::to_string(&ledger)
                    {
                        tx.set_setting(ROW, &json, row.map(|(_, version)| version)).await?;
                    }
                    Ok((outcome, ledger))
                })
            });
            match written.await {
                Ok((outcome, ledger)) => {
                    self.here().seen = ledger;
                    return Ok(outcome);
                }
                Err(countersign_store::Error::Stale) if tries < TRIES => tries += 1,
                Err(error) => return Err(Error::from(error)),
            }
        }
    }
}

/// The same numbers as [`countersign_domain::effect::StepKind::priority`].
const fn place(priority: Priority) -> usize {
    match priority {
        Priority::Decision => 0,
        Priority::Create => 1,
        Priority::Sync => 2,
    }
}

/// Counts a caller as waiting for as long as it waits, even if it is cancelled.
struct Queued<'b> {
    budget: &'b SharedBudget,
    place: Place,
}

impl<'b> Queued<'b> {
    fn new(budget: &'b SharedBudget, priority: usize) -> Self {
        let asked_at = ASKED_AT.try_with(|at| *at).unwrap_or_else(|_| budget.clock.now());
        let mut here = budget.here();
        here.turns += 1;
        let place = (priority, asked_at, here.turns);
        here.waiting.insert(place);
        drop(here);
        Self { budget, place }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.budget.here().waiting.remove(&self.place);
        self.budget.freed.notify_waiters();
    }
}

/// The row is being read, even if whoever reads it is cancelled.
struct Leasing<'b>(&'b SharedBudget);

impl Drop for Leasing<'_> {
    fn drop(&mut self) {
        self.0.here().leasing = false;
        self.0.freed.notify_waiters();
    }
}

#[async_trait]
impl Budget for SharedBudget {
    async fn acquire(&self, priority: Priority) {
        let place = place(priority);
        let queued = Queued::new(self, place);
        loop {
            let freed = self.freed.notified();
            match self.turn(queued.place) {
                Turn::Go => return,
                Turn::Lease(wanted) => self.lease(place, wanted).await,
                Turn::Wait(span) => tokio::select! {
                    () = freed => {}
                    () = self.clock.sleep(span) => {}
                },
            }
        }
    }

    async fn limited(&self, retry_after: Option<Duration>) {
        metrics::counter!("countersign_psa_limited_total").increment(1);
        let (after, allowance) = {
            let now = self.clock.monotonic();
            let mut here = self.here();
            let after = retry_after.unwrap_or_else(|| here.untold(now)).min(LONGEST);
            here.closed_until = here.closed_until.max(now + after);
            (after, here.allowance)
        };
        if allowance.off {
            return;
        }
        if let Err(error) = self.change(move |ledger, now| ledger.limited(now, allowance, after)).await {
            tracing::error!(%error, "other nodes do not know yet that the other side answered \"too many calls\"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_limit_that_does_not_say_when_is_short_and_several_in_a_row_are_not() {
        let at = Duration::from_millis;
        let mut here = Here::default();
        let mut refused = |now| {
            let after = here.untold(now);
            here.closed_until = now + after;
            after
        };
        assert_eq!(refused(at(60_000)), at(2000));
        assert_eq!(refused(at(60_500)), at(1500), "it was on its way");
        assert_eq!(refused(at(62_000)), at(4000));
        assert_eq!(refused(at(66_100)), at(8000));
        assert_eq!(refused(at(75_000)), at(10_000));
        assert_eq!(refused(at(85_000)), at(10_000), "never longer");
        assert_eq!(refused(at(106_000)), at(2000), "calls passed for a while");
    }
}
