//! A clock that runs faster than the machine's, and can be moved forward by hand.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use countersign_app::clock::Clock;
use countersign_domain::time::Time;
use tokio::sync::Notify;

/// Seconds of this clock in one second of the machine's. A look after two seconds comes after 0.1 s.
pub(crate) const RATE: u32 = 20;
/// 2026-09-01 08:00:00 UTC.
const START: i64 = 1_788_249_600_000_000;

pub(crate) struct Quick {
    began: Instant,
    rate: u32,
    ahead: Mutex<Duration>,
    /// Microseconds that the time was set by.
    set: AtomicI64,
    moved: Notify,
}

#[expect(clippy::disallowed_methods, reason = "the tests' own clock stands on the machine's")]
fn machine() -> Instant {
    Instant::now()
}

/// Gives the machine time between two looks at a condition.
#[expect(clippy::disallowed_methods, reason = "the tests' own clock stands on the machine's")]
pub(crate) async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

impl Quick {
    /// A clock with so many seconds in one of the machine's.
    pub(crate) fn new(rate: u32) -> Self {
        Self { began: machine(), rate, ahead: Mutex::default(), set: AtomicI64::new(0), moved: Notify::new() }
    }

    pub(crate) fn now_time(&self) -> Time {
        self.now()
    }

    /// Sets the time; the clock that is never set goes on as it was.
    pub(crate) fn jump(&self, seconds: i64) {
        self.set.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Whole seconds of the clock that is never set.
    pub(crate) fn seconds(&self) -> u64 {
        self.monotonic().as_secs()
    }

    pub(crate) fn forward(&self, span: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += span;
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for Quick {
    fn now(&self) -> Time {
        Time(START + self.set.load(Ordering::SeqCst) + i64::try_from(self.monotonic().as_micros()).unwrap())
    }

    fn monotonic(&self) -> Duration {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        machine().saturating_duration_since(self.began) * self.rate + ahead
    }

    async fn sleep(&self, span: Duration) {
        let until = self.monotonic() + span;
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let left = until.saturating_sub(self.monotonic());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = moved => {}
                () = pause(left / self.rate + Duration::from_millis(1)) => {}
            }
        }
    }
}
