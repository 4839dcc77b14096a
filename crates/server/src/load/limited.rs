//! A burst under a limit of calls: how much of the allowance is used, how much is refused, and who goes before whom.
//!
//! The stand-in refuses what is beyond the limit, and the server has the same allowance. Everything is read from the
//! stand-in's own list of calls.

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::Result;
use countersign_app::clock::{Clock as _, System};
use serde::Serialize;
use serde_json::json;

use super::{
    asking::Asking,
    books::{Books, Call},
    report::{Meter, Phase},
};
use crate::call::Caller;

/// Requests of the burst, at the most.
const BURST: usize = 1000;
/// How long the burst may take.
const PATIENCE: Duration = Duration::from_hours(2);
const PAUSE: Duration = Duration::from_millis(500);

/// So many calls in so many seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    calls: u32,
    window_s: u32,
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts =
            text.split_once('/').and_then(|(calls, seconds)| Some((calls.parse().ok()?, seconds.parse().ok()?)));
        match parts {
            Some((calls, window_s)) if calls > 0 && window_s > 0 => Ok(Self { calls, window_s }),
            _ => Err("give calls and seconds, such as 300/30"),
        }
    }
}

/// What a burst under a limit showed.
#[derive(Debug, Serialize)]
pub(super) struct Limited {
    limit_calls: u32,
    limit_window_s: u32,
    pub(super) requests: usize,
    /// Calls that were answered, and calls that were refused with 429.
    pub(super) answered: usize,
    pub(super) refused: usize,
    /// From the first call to the last.
    pub(super) took_s: f64,
    /// Of the calls that were allowed in this time, the share that was used.
    pub(super) used_share: f64,
    /// Of all calls, the share that was refused.
    pub(super) refused_share: f64,
    /// Decisions that were written before the last ticket was opened: without an order it would be next to none.
    pub(super) decisions_before_last_ticket: usize,
    /// Calls of the directory sync, which was asked for before the decisions, and those of them before the last ticket.
    pub(super) sync_calls: usize,
    pub(super) sync_calls_before_last_ticket: usize,
}

impl Limited {
    #[expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
    fn of(limit: Limit, requests: usize, took: Duration, calls: &[Call]) -> Self {
        let made: Vec<&Call> = calls.iter().filter(|call| call.path != "/auth/token").collect();
        let refused = made.iter().filter(|call| call.status == Some(429)).count();
        let answered: Vec<&Call> = made.iter().copied().filter(|call| call.status != Some(429)).collect();
        let is = |call: &Call, method: &str, path: &str| call.method == method && call.path == path;
        let last = answered.iter().rposition(|call| is(call, "POST", "/Tickets")).unwrap_or(0);
        let before = |kind: &dyn Fn(&Call) -> bool| answered.iter().take(last).filter(|call| kind(call)).count();
        // Agents and users are read for other reasons, too.
        let is_sync =
            |call: &Call| call.method == "GET" && ["/Client", "/Site", "/Asset"].contains(&call.path.as_str());
        let took_s = took.as_secs_f64();
        let allowed = f64::from(limit.calls) * (1.0 + took_s / f64::from(limit.window_s));
        Self {
            limit_calls: limit.calls,
            limit_window_s: limit.window_s,
            requests,
            answered: answered.len(),
            refused,
            took_s,
            used_share: answered.len() as f64 / allowed,
            refused_share: refused as f64 / (made.len() as f64).max(1.0),
            decisions_before_last_ticket: before(&|call| is(call, "POST", "/Actions")),
            sync_calls: answered.iter().filter(|call| is_sync(call)).count(),
            sync_calls_before_last_ticket: before(&is_sync),
        }
    }

    pub(super) fn print(&self) {
        println!(
            "{} requests with decisions under {} calls in {} s: {} calls in {:.0} s, {:.1} % of what is allowed; {} \
             refused, {:.2} %",
            self.requests,
            self.limit_calls,
            self.limit_window_s,
            self.answered,
            self.took_s,
            self.used_share * 100.0,
            self.refused,
            self.refused_share * 100.0
        );
        println!(
            "Before the last ticket: {} of {} decisions, {} of {} calls of a directory sync asked for before them",
            self.decisions_before_last_ticket, self.requests, self.sync_calls_before_last_ticket, self.sync_calls
        );
    }
}

/// Asks and decides a burst under the limit, until all is told; then lifts the limit.
pub(super) async fn burst(
    asking: &Arc<Asking>,
    admin: &Caller,
    books: &Books,
    meter: Meter<'_>,
    (limit, requests, width): (Limit, usize, usize),
) -> Result<(Phase, Limited)> {
    let requests = requests.min(BURST);
    books.limit(limit.calls, limit.window_s).await?;
    let allowance = json!({ "budget": { "calls": limit.calls, "window_s": limit.window_s, "off": false } });
    admin.patch("/api/v1/ticketing", &allowance).await?;
    let before = books.log().await?.len();
    let began = System.monotonic();
    let mut done = asking.until_accepted(requests, width).await?;
    admin.post("/api/v1/directory/sync", &json!({ "kind": "full" })).await?;
    asking.decide_and_on(done.ids.clone(), width).await?;
    done.calling = System.monotonic().saturating_sub(began);
    asking.until_nothing_waits_for(PATIENCE, PAUSE).await?;
    let took = System.monotonic().saturating_sub(began);
    let log = books.log().await?;
    let limited = Limited::of(limit, requests, took, log.get(before..).unwrap_or_default());
    let phase = meter.end(done).await?;
    books.lift_limit().await?;
    admin.patch("/api/v1/ticketing", &json!({ "budget": { "off": true } })).await?;
    Ok((phase, limited))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(words: &str) -> Vec<Call> {
        let call = |letter: char| {
            let (method, path, status) = match letter {
                'T' => ("POST", "/Tickets", 201),
                'A' => ("POST", "/Actions", 201),
                'S' => ("GET", "/Asset", 200),
                'R' => ("GET", "/Tickets", 200),
                'x' => ("POST", "/Tickets", 429),
                _ => ("POST", "/auth/token", 200),
            };
            Call { method: method.to_owned(), path: path.to_owned(), status: Some(status) }
        };
        words.chars().map(call).collect()
    }

    #[test]
    fn shares_and_places_are_counted_from_the_calls() {
        let limit = "4/10".parse().unwrap();
        let limited = Limited::of(limit, 4, Duration::from_secs(20), &calls("oTTATASxTARAS"));
        assert_eq!((limited.answered, limited.refused), (11, 1));
        // 4 at once and 4 in each 10 s.
        assert!((limited.used_share - 11.0 / 12.0).abs() < 1e-9, "{limited:?}");
        assert!((limited.refused_share - 1.0 / 12.0).abs() < 1e-9, "{limited:?}");
        assert_eq!(limited.decisions_before_last_ticket, 2);
        assert_eq!((limited.sync_calls, limited.sync_calls_before_last_ticket), (2, 1));
    }

    #[test]
    fn a_limit_is_calls_and_seconds() {
        for wrong in ["", "300", "0/5", "5/0", "a/b"] {
            assert!(wrong.parse::<Limit>().is_err(), "{wrong}");
        }
    }
}
