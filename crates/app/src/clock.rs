//! The one place that reads clocks, sleeps and draws ids. Tests move the clock by hand.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use countersign_domain::time::Time;
use tokio::sync::Notify;

/// A clock.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time, which may be set.
    fn now(&self) -> Time;
    /// Time since some point, which is never set.
    fn monotonic(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, span: Duration);
}

/// Draws ids and secrets.
pub trait Ids: Send + Sync {
    /// A new UUID of version 7.
    fn uuid(&self) -> uuid::Uuid;
    /// 32 random bytes.
    fn secret(&self) -> [u8; 32];
}

/// The machine's own clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

#[async_trait]
impl Clock for System {
    fn now(&self) -> Time {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = jiff::Timestamp::now();
        Time(now.as_microsecond())
    }

    fn monotonic(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(|| {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
            std::time::Instant::now()
        });
        START.elapsed()
    }

    async fn sleep(&self, span: Duration) {
        #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
        tokio::time::sleep(span).await;
    }
}

impl Ids for System {
    fn uuid(&self) -> uuid::Uuid {
        #[expect(clippy::disallowed_methods, reason = "the one place that draws ids")]
        uuid::Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // Without randomness of the system no secret is safe: there is nothing to go on with.
        #[expect(clippy::expect_used, reason = "a machine without randomness cannot run this program")]
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        bytes
    }
}

/// A clock that stands still until it is moved; sleepers wake when their time has come.
#[derive(Debug)]
pub struct Manual {
    now: Mutex<Time>,
    moved: Notify,
}

impl Manual {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self { now: Mutex::new(now), moved: Notify::new() }
    }

    /// Moves it forward.
    pub fn forward(&self, span: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Time(now.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)));
        drop(now);
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for Manual {
    fn now(&self) -> Time {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.now().0).unwrap_or(0))
    }

    async fn sleep(&self, span: Duration) {
        let until = self.monotonic() + span;
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if self.monotonic() >= until {
                return;
            }
            moved.await;
        }
    }
}
