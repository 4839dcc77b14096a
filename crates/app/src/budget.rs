//! The allowance of calls to the ticketing system: a sliding window that allows bursts, decisions before creates before
//! syncs, learnt from "too many calls".

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use countersign_psa::{Budget, Priority};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::clock::Clock;

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

#[derive(Default)]
struct Window {
    allowance: Allowance,
    made: VecDeque<Duration>,
    closed_until: Duration,
    waiting: [usize; 3],
}

/// The window of this process.
pub struct SlidingWindow {
    clock: Arc<dyn Clock>,
    window: Mutex<Window>,
    freed: Notify,
}

/// How long to wait where nothing says when.
const UNTOLD: Duration = Duration::from_secs(10);

impl SlidingWindow {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, window: Mutex::default(), freed: Notify::new() }
    }

    pub(crate) fn set(&self, allowance: Allowance) {
        self.lock().allowance = allowance;
        self.freed.notify_waiters();
    }

    /// Calls made within the window now.
    #[must_use]
    pub fn used(&self) -> usize {
        let now = self.clock.monotonic();
        let mut window = self.lock();
        window.forget(now);
        window.made.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, or says how long until it is worth asking again.
    fn take(&self, priority: Priority) -> Option<Duration> {
        let now = self.clock.monotonic();
        let mut window = self.lock();
        if now < window.closed_until {
            return Some(window.closed_until.saturating_sub(now));
        }
        if window.allowance.off {
            return None;
        }
        window.forget(now);
        let span = Duration::from_secs(u64::from(window.allowance.window_s));
        let full = window.made.len() >= usize::try_from(window.allowance.calls).unwrap_or(usize::MAX);
        let overtaken = window.waiting.iter().take(place(priority)).any(|waiting| *waiting > 0);
        if full || overtaken {
            let oldest = window.made.front().copied().unwrap_or(now);
            return Some((oldest + span).saturating_sub(now).max(Duration::from_millis(10)));
        }
        window.made.push_back(now);
        None
    }
}

impl Window {
    fn forget(&mut self, now: Duration) {
        let span = Duration::from_secs(u64::from(self.allowance.window_s));
        while self.made.front().is_some_and(|made| *made + span <= now) {
            self.made.pop_front();
        }
    }
}

const fn place(priority: Priority) -> usize {
    match priority {
        Priority::Decision => 0,
        Priority::Create => 1,
        Priority::Sync => 2,
    }
}

/// Counts a caller as waiting for as long as it waits, even if it is cancelled.
struct Queued<'w> {
    window: &'w SlidingWindow,
    place: usize,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.window.lock().waiting.get_mut(self.place) {
            *waiting = waiting.saturating_sub(1);
        }
        self.window.freed.notify_waiters();
    }
}

#[async_trait]
impl Budget for SlidingWindow {
    async fn acquire(&self, priority: Priority) {
        if self.take(priority).is_none() {
            return;
        }
        let place = place(priority);
        if let Some(waiting) = self.lock().waiting.get_mut(place) {
            *waiting += 1;
        }
        let _queued = Queued { window: self, place };
        loop {
            let freed = self.freed.notified();
            let Some(wait) = self.take(priority) else { return };
            tokio::select! {
                () = freed => {}
                () = self.clock.sleep(wait) => {}
            }
        }
    }

    fn limited(&self, retry_after: Option<Duration>) {
        let until = self.clock.monotonic() + retry_after.unwrap_or(UNTOLD).min(Duration::from_mins(10));
        let mut window = self.lock();
        window.closed_until = window.closed_until.max(until);
        metrics::counter!("countersign_psa_limited_total").increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Manual;
    use countersign_domain::time::Time;

    #[tokio::test]
    async fn a_burst_passes_then_decisions_go_first() {
        let clock = Arc::new(Manual::new(Time(1_000_000)));
        let window = Arc::new(SlidingWindow::new(clock.clone()));
        window.set(Allowance { calls: 3, window_s: 60, off: false });
        for _ in 0..3 {
            window.acquire(Priority::Sync).await;
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for priority in [Priority::Sync, Priority::Create, Priority::Decision] {
            let (window, order) = (window.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                window.acquire(priority).await;
                order.lock().unwrap().push(priority);
            }));
        }
        while window.lock().waiting != [1, 1, 1] {
            tokio::task::yield_now().await;
        }
        assert!(order.lock().unwrap().is_empty());
        clock.forward(Duration::from_secs(61));
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [Priority::Decision, Priority::Create, Priority::Sync]);
    }

    #[tokio::test]
    async fn too_many_calls_closes_the_window_for_as_long_as_named() {
        let clock = Arc::new(Manual::new(Time(1_000_000)));
        let window = SlidingWindow::new(clock.clone());
        window.set(Allowance { off: true, ..Allowance::default() });
        window.limited(Some(Duration::from_secs(30)));
        assert_eq!(window.take(Priority::Decision), Some(Duration::from_secs(30)));
        clock.forward(Duration::from_secs(31));
        assert_eq!(window.take(Priority::Decision), None);
    }
}
