//! A clock that runs faster than the machine's, and can be moved forward by hand.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use countersign_app::clock::Clock;
use countersign_domain::time::Time;
use tokio::sync::Notify;

/// Seconds of this clock in one second of the machine's. A look after two seconds comes after 0.1 s.
const RATE: u32 = 20;
/// 2026-09-01 08:00:00 UTC.
const START: i64 = 1_788_249_600_000_000;

pub(crate) struct Quick {
    began: Instant,
    ahead: Mutex<Duration>,
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
    pub(crate) fn new() -> Self {
        Self { began: machine(), ahead: Mutex::default(), moved: Notify::new() }
    }

    pub(crate) fn now_time(&self) -> Time {
        self.now()
    }

    pub(crate) fn forward(&self, span: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += span;
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for Quick {
    fn now(&self) -> Time {
        Time(START + i64::try_from(self.monotonic().as_micros()).unwrap())
    }

    fn monotonic(&self) -> Duration {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        machine().saturating_duration_since(self.began) * RATE + ahead
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
                () = pause(left / RATE + Duration::from_millis(1)) => {}
            }
        }
    }
}
