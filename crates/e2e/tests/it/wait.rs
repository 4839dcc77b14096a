//! Waiting on conditions, stopwatches and seeds: the one place of these tests that looks at the clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long anything may take before a test gives up. Generous: the machine may be busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// A stopwatch.
pub(crate) struct Since(Instant);

impl Since {
    #[expect(clippy::disallowed_methods, reason = "these tests look at programs from outside, on the real clock")]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// When there is nothing within [`PATIENCE`]; says what was waited for.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let since = Since::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(since.elapsed() < PATIENCE, "waited {} s in vain: {what}", PATIENCE.as_secs());
        pause(Duration::from_millis(20)).await;
    }
}

/// Waits for something that comes by itself.
///
/// # Panics
/// When it does not come within [`PATIENCE`].
pub(crate) async fn within<T>(what: &str, coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming)
        .await
        .unwrap_or_else(|_| panic!("waited {} s in vain: {what}", PATIENCE.as_secs()))
}

#[expect(clippy::disallowed_methods, reason = "the pause between two looks at a condition")]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[expect(clippy::disallowed_methods, reason = "ids carry the time, as an endpoint's do")]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_millis()).expect("milliseconds fit")
}

/// Numbers from a seed (splitmix64). The seed is printed, and `E2E_SEED` takes it again.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn seeded(test: &str) -> Self {
        let seed = std::env::var("E2E_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(unix_ms);
        println!("{test}: E2E_SEED={seed}");
        Self(seed)
    }

    /// Numbers from another's.
    pub(crate) fn from(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `most`.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(most.max(1)).expect("fits")).expect("fits")
    }

    /// The id of a new request, as an endpoint makes it.
    pub(crate) fn request_id(&mut self) -> String {
        let mut random = [0; 10];
        let (first, second) = (self.roll().to_le_bytes(), self.roll().to_le_bytes());
        for (place, byte) in random.iter_mut().zip(first.into_iter().chain(second)) {
            *place = byte;
        }
        format!("req_{}", uuid::Builder::from_unix_timestamp_millis(unix_ms(), &random).into_uuid())
    }
}
