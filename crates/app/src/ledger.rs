//! What all nodes know of the allowance: the calls that were taken, whether the other side closed, how many it seems to
//! allow, and who waits elsewhere. Pure values; [`crate::budget`] keeps them in the database.
//!
//! Times are the nodes' own clocks, which may differ by seconds and may be set: a time that lies ahead counts as now, so
//! that no jump closes the window for longer than its own length.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use countersign_domain::time::Time;
use serde::{Deserialize, Serialize};

use crate::budget::Allowance;

/// A node that said it waits is believed for so long.
const WAITS_S: i64 = 5;
/// The longest pause between two tries to find that more calls are allowed than learnt: 2 to this power, in windows.
const MOST_STRIKES: u32 = 5;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ledger {
    taken: VecDeque<Taken>,
    /// The other side said "too many calls": none before this.
    closed_until: Time,
    learnt: Option<Learnt>,
    /// Nodes for which there were no calls: their most urgent place, and when they said so.
    waiting: BTreeMap<String, (usize, Time)>,
}

/// Calls that were taken at about the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    at: Time,
    calls: u32,
}

/// The other side allows fewer calls than are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Learnt {
    calls: u32,
    /// When a tenth more is tried.
    grows_at: Time,
    /// How often that was in vain: each doubles the pause before the next try.
    strikes: u32,
}

/// A hundredth of the window: calls taken within it are kept as one.
const fn grain(allowance: Allowance) -> i64 {
    allowance.window_s as i64 * 10_000
}

/// How long a call counts, in microseconds: two hundredths longer than the window, for calls of unequal length, and one
/// for the grain; a second at the least.
const fn span(allowance: Allowance) -> i64 {
    let slack = 3 * grain(allowance);
    allowance.window_s as i64 * 1_000_000 + if slack < 1_000_000 { 1_000_000 } else { slack }
}

/// How long a call is remembered, in microseconds: a tenth of the window longer than that.
const fn kept(allowance: Allowance) -> i64 {
    span(allowance) + 10 * grain(allowance)
}

const fn window_s(allowance: Allowance) -> i64 {
    allowance.window_s as i64
}

fn until(now: Time, then: Time) -> Duration {
    Duration::from_micros(u64::try_from(then.0.saturating_sub(now.0)).unwrap_or(0).max(1000))
}

fn later(now: Time, after: Duration) -> Time {
    now.plus_millis(i64::try_from(after.as_millis()).unwrap_or(i64::MAX / 4000))
}

impl Ledger {
    /// Forgets what is over, and pulls back what lies ahead.
    pub(crate) fn settle(&mut self, now: Time, allowance: Allowance) {
        for taken in &mut self.taken {
            taken.at = taken.at.min(now);
        }
        let kept = kept(allowance);
        self.taken.retain(|taken| taken.at.0.saturating_add(kept) > now.0);
        self.closed_until = self.closed_until.min(now.plus_seconds(600));
        self.waiting.retain(|_, (_, at)| *at <= now && at.plus_seconds(WAITS_S) > now);
        let longest = now.plus_seconds(window_s(allowance) << MOST_STRIKES);
        if let Some(learnt) = &mut self.learnt {
            learnt.grows_at = learnt.grows_at.min(longest);
            if learnt.grows_at <= now {
                learnt.calls = learnt.calls.saturating_add((allowance.calls / 10).max(1));
                learnt.grows_at = now.plus_seconds(window_s(allowance));
            }
            if learnt.calls >= allowance.calls {
                self.learnt = None;
            }
        }
    }

    fn counting(&self, now: Time, allowance: Allowance) -> impl Iterator<Item = &Taken> {
        let span = span(allowance);
        self.taken.iter().filter(move |taken| taken.at.0.saturating_add(span) > now.0)
    }

    /// Calls within the window.
    pub(crate) fn used(&self, now: Time, allowance: Allowance) -> u32 {
        self.counting(now, allowance).map(|taken| taken.calls).sum()
    }

    /// Calls that may be within the window.
    pub(crate) fn limit(&self, allowance: Allowance) -> u32 {
        self.learnt.map_or(allowance.calls, |learnt| learnt.calls.min(allowance.calls))
    }

    /// Takes up to `wanted` calls; how long until it is worth asking again where there is none. `node` is named where
    /// others share the allowance: its callers of this place go behind more urgent ones elsewhere.
    pub(crate) fn take(
        &mut self,
        now: Time,
        allowance: Allowance,
        node: Option<&str>,
        place: usize,
        wanted: u32,
    ) -> Result<u32, Duration> {
        self.settle(now, allowance);
        let overtaken = self.waiting.iter().any(|(other, (urgent, _))| Some(other.as_str()) != node && *urgent < place);
        let room = self.limit(allowance).saturating_sub(self.used(now, allowance));
        let wait = if now < self.closed_until {
            until(now, self.closed_until)
        } else if room == 0 {
            let oldest = self.counting(now, allowance).next().map_or(now, |taken| taken.at);
            until(now, Time(oldest.0.saturating_add(span(allowance))))
        } else if overtaken {
            until(now, now.plus_seconds(1))
        } else {
            let calls = wanted.min(room);
            match self.taken.back_mut() {
                Some(last) if now.0 - last.at.0 < grain(allowance) => last.calls += calls,
                _ => self.taken.push_back(Taken { at: now, calls }),
            }
            if let Some(node) = node {
                self.waiting.remove(node);
            }
            return Ok(calls);
        };
        if let Some(node) = node {
            let said = self.waiting.get(node).is_some_and(|(urgent, at)| *urgent == place && at.plus_seconds(2) > now);
            if !said {
                self.waiting.insert(node.to_owned(), (place, now));
            }
        }
        Err(wait)
    }

    /// The other side answered "too many calls". That call was not counted there, and all that count together are as
    /// many as it allows.
    pub(crate) fn limited(&mut self, now: Time, allowance: Allowance, after: Duration) {
        self.settle(now, allowance);
        if let Some(last) = self.taken.back_mut() {
            last.calls = last.calls.saturating_sub(1);
        }
        let begins = self.closed_until <= now;
        self.closed_until = self.closed_until.max(later(now, after));
        let (used, limit) = (self.used(now, allowance), self.limit(allowance));
        let with_those_just_over: u32 = self.taken.iter().map(|taken| taken.calls).sum();
        if used < limit / 2 && with_those_just_over >= limit {
            // There, the calls of the window before count a moment longer.
            return;
        }
        let strikes = match self.learnt {
            None => 0,
            // Of many that were on their way, the first counts.
            Some(learnt) if !begins => learnt.strikes,
            Some(learnt) => (learnt.strikes + 1).min(MOST_STRIKES),
        };
        // Others may have used the allowance: a few are always tried.
        let fewest = (allowance.calls / 10).max(1);
        let calls = used.clamp(fewest, limit.max(fewest));
        let grows_at = now.plus_seconds(window_s(allowance) << strikes);
        self.learnt = Some(Learnt { calls, grows_at, strikes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_795_000_000_000_000);
    const SET: Allowance = Allowance { calls: 100, window_s: 100, off: false };

    fn drain(ledger: &mut Ledger, now: Time) -> u32 {
        let mut all = 0;
        while let Ok(calls) = ledger.take(now, SET, None, 0, 10) {
            all += calls;
        }
        all
    }

    #[test]
    fn a_burst_passes_and_comes_again_a_little_after_the_window() {
        let mut ledger = Ledger::default();
        assert_eq!(drain(&mut ledger, NOW), 100);
        assert_eq!(ledger.take(NOW, SET, None, 0, 10), Err(Duration::from_secs(103)));
        assert_eq!(drain(&mut ledger, NOW.plus_seconds(102)), 0);
        assert_eq!(drain(&mut ledger, NOW.plus_seconds(103)), 100);
    }

    #[test]
    fn more_urgent_callers_of_another_node_go_first() {
        let mut ledger = Ledger::default();
        assert_eq!(drain(&mut ledger, NOW), 100);
        let decision = ledger.take(NOW.plus_seconds(102), SET, Some("one"), 0, 1);
        assert!(decision.is_err());
        let at = NOW.plus_seconds(103);
        assert_eq!(ledger.take(at, SET, Some("two"), 1, 10), Err(Duration::from_secs(1)));
        assert_eq!(ledger.take(at, SET, Some("one"), 0, 1), Ok(1));
        assert_eq!(ledger.take(at, SET, Some("two"), 1, 10), Ok(10));
        // A node that went away holds nobody up.
        assert!(ledger.take(at, Allowance { calls: 11, ..SET }, Some("one"), 0, 1).is_err());
        assert_eq!(ledger.take(at.plus_seconds(WAITS_S), SET, Some("two"), 1, 10), Ok(10));
    }

    #[test]
    fn too_many_calls_teaches_how_many_are_allowed_and_more_is_tried_less_and_less_often() {
        let mut ledger = Ledger::default();
        // Sixty were made; the other side allows forty of them.
        let mut made = 0;
        while made < 60 {
            made += ledger.take(NOW, SET, None, 0, 10).unwrap();
        }
        for _ in 0..20 {
            ledger.limited(NOW, SET, Duration::from_secs(30));
        }
        assert_eq!((ledger.used(NOW, SET), ledger.limit(SET)), (40, 40));
        assert_eq!(ledger.take(NOW, SET, None, 0, 1), Err(Duration::from_secs(30)));
        let mut now = NOW.plus_seconds(103);
        assert_eq!(drain(&mut ledger, now), 50, "a tenth more is tried a window later");
        for strikes in 1..=7_u32 {
            for _ in 0..10 {
                ledger.limited(now, SET, Duration::from_secs(1));
            }
            assert_eq!(ledger.limit(SET), 40);
            let pause = 100 << strikes.min(MOST_STRIKES);
            assert_eq!(drain(&mut ledger, now.plus_seconds(pause - 1)), 40);
            now = now.plus_seconds(pause + 103);
            assert_eq!(drain(&mut ledger, now), 50);
        }
    }

    #[test]
    fn a_call_that_comes_a_moment_too_early_teaches_nothing() {
        let mut ledger = Ledger::default();
        assert_eq!(drain(&mut ledger, NOW), 100);
        let now = NOW.plus_seconds(103);
        assert_eq!(ledger.take(now, SET, None, 0, 10), Ok(10));
        ledger.limited(now, SET, Duration::from_secs(1));
        assert_eq!((ledger.limit(SET), ledger.learnt), (100, None));
        assert_eq!(ledger.take(now, SET, None, 0, 10), Err(Duration::from_secs(1)));
    }

    #[test]
    fn one_that_was_too_much_for_once_is_forgotten() {
        let mut ledger = Ledger::default();
        ledger.limited(NOW, SET, Duration::from_secs(1));
        assert_eq!(ledger.limit(SET), 10, "others may have used it all; a few are tried");
        for windows in 1..=9 {
            ledger.settle(NOW.plus_seconds(100 * windows), SET);
        }
        assert_eq!((ledger.limit(SET), ledger.learnt), (100, None));
    }

    #[test]
    fn a_clock_that_jumps_closes_nothing_for_longer_than_a_window() {
        let year = 365 * 24 * 3600;
        for jump in [-10 * year, -24 * 3600, 24 * 3600, 10 * year] {
            let mut ledger = Ledger::default();
            assert_eq!(drain(&mut ledger, NOW), 100);
            ledger.limited(NOW, SET, Duration::from_secs(30));
            let jumped = NOW.plus_seconds(jump);
            ledger.settle(jumped, SET);
            assert!(drain(&mut ledger, jumped.plus_seconds(600)) >= 99, "{jump}");
        }
    }
}
