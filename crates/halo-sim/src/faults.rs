//! Faults on demand: what a network, a proxy or a bad day does to a call, armed through `/sim/v1/faults`.
//!
//! A fault matches a method and a path without `/api` (`/Tickets`, `/Tickets/{id}`, `/auth/token`, `*`), a number of
//! times or in a share of the calls. The dice are seeded: the same calls meet the same faults. Delays and holds add up; of
//! the other kinds the first that hits is used.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::answer::Answer;
use crate::clock::Stopwatch;
use crate::words::words;

words! {
    Kind {
        Status "status", Delay "delay", Hold "hold", CutBefore "cut_before", CutAfter "cut_after",
        StatusAfter "status_after", RateLimit "rate_limit", Garbage "garbage", ExpireTokens "expire_tokens",
    }
}
words! { When { Before "before", After "after" } }
words! { Form { Html "html", Json "json", Empty "empty" } }

/// A fault as it is ordered.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// Any method, if left out.
    #[serde(default)]
    method: Option<String>,
    /// Any path, if left out. `*` stands for the rest, `{id}` for one part.
    #[serde(default)]
    path: Option<String>,
    kind: Kind,
    /// How many calls it meets; all, if left out (one for `expire_tokens`).
    #[serde(default)]
    times: Option<u64>,
    /// Of a hundred matching calls it meets this many; all, if left out.
    #[serde(default)]
    percent: Option<f64>,
    /// Matching calls that pass before it counts.
    #[serde(default)]
    skip: u64,
    /// Starts the dice of `percent`.
    #[serde(default)]
    seed: u64,
    /// The answer of `status` and `status_after`.
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    body: Option<Value>,
    /// The length of `delay`, in milliseconds.
    #[serde(default)]
    ms: Option<u64>,
    /// Whether `delay`, `hold` and `garbage` come before the work or after it (`garbage` before: the work is not done).
    #[serde(default)]
    when: Option<When>,
    /// Seconds for a `Retry-After` header on `status` and `status_after`.
    #[serde(default)]
    retry_after: Option<u64>,
    /// What `garbage` looks like (`body` takes its place); with status 200 unless `code` says otherwise.
    #[serde(default)]
    form: Option<Form>,
    /// `rate_limit`: this many calls …
    #[serde(default)]
    limit: Option<usize>,
    /// … in this many seconds.
    #[serde(default)]
    window_s: Option<u64>,
}

struct Fault {
    id: u64,
    order: Order,
    /// Matching calls so far.
    seen: u64,
    /// Calls it met.
    hits: u64,
    dice: u64,
    window: Window,
    /// Calls that `hold` met wait until this is dropped.
    armed: watch::Sender<()>,
}

/// All armed faults.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Vec<Fault>,
    last_id: u64,
}

/// What the faults want of one call.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) before: Waits,
    pub(crate) after: Waits,
    pub(crate) twist: Option<Twist>,
}

/// What a call waits for at one place.
#[derive(Default)]
pub(crate) struct Waits {
    pub(crate) time: Duration,
    /// Each ends when its fault is disarmed.
    pub(crate) holds: Vec<watch::Receiver<()>>,
}

/// What becomes of a call that a fault hits.
pub(crate) enum Twist {
    /// This answer, without the work.
    Instead(Answer),
    /// The work, then this answer.
    After(Answer),
    /// The connection is closed without the work.
    CutBefore,
    /// The work, then the connection is closed.
    CutAfter,
    /// All tokens are void, then the work (which ends in a 401).
    ExpireTokens,
}

impl Faults {
    /// Arms a fault.
    ///
    /// # Errors
    /// A sentence when a field that its kind needs is missing.
    pub(crate) fn arm(&mut self, mut order: Order) -> Result<Value, String> {
        match order.kind {
            Kind::Status | Kind::StatusAfter if order.code.is_none_or(|code| !(200..=599).contains(&code)) => {
                return Err("this kind needs `code`, an HTTP status from 200 to 599".to_owned());
            }
            Kind::Delay if order.ms.is_none() => return Err("`delay` needs `ms`".to_owned()),
            Kind::RateLimit if order.limit.is_none() || order.window_s.is_none() => {
                return Err("`rate_limit` needs `limit` (calls) and `window_s` (seconds)".to_owned());
            }
            Kind::ExpireTokens if order.percent.is_none() => order.times = order.times.or(Some(1)),
            _ => {}
        }
        if order.percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
            return Err("`percent` goes from 0 to 100".to_owned());
        }
        self.last_id += 1;
        let dice = order.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let fault = Fault {
            id: self.last_id,
            order,
            seen: 0,
            hits: 0,
            dice,
            window: Window::default(),
            armed: watch::Sender::new(()),
        };
        let shown = fault.show();
        self.armed.push(fault);
        Ok(shown)
    }

    /// The armed faults, with how often each was met.
    pub(crate) fn list(&self) -> Value {
        self.armed.iter().map(Fault::show).collect()
    }

    /// Disarms one; what it holds goes on.
    pub(crate) fn disarm(&mut self, id: u64) -> bool {
        let before = self.armed.len();
        self.armed.retain(|fault| fault.id != id);
        self.armed.len() < before
    }

    /// Disarms all; what they hold goes on.
    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    /// What becomes of this call. `path` is in lower case, without `api`.
    pub(crate) fn plan(&mut self, method: &str, path: &[String]) -> Plan {
        let mut plan = Plan::default();
        for fault in &mut self.armed {
            let waits = matches!(fault.order.kind, Kind::Delay | Kind::Hold);
            if (plan.twist.is_some() && !waits) || !fault.matches(method, path) || !fault.strikes() {
                continue;
            }
            if !waits {
                plan.twist = fault.twist();
                continue;
            }
            let order = &fault.order;
            let place = match order.when.unwrap_or(When::Before) {
                When::Before => &mut plan.before,
                When::After => &mut plan.after,
            };
            match order.kind {
                Kind::Hold => place.holds.push(fault.armed.subscribe()),
                _ => place.time += Duration::from_millis(order.ms.unwrap_or_default()),
            }
        }
        plan
    }
}

impl Fault {
    fn show(&self) -> Value {
        let mut shown = serde_json::to_value(&self.order).unwrap_or_default();
        if let Some(fields) = shown.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
            fields.insert("id".to_owned(), json!(self.id));
            fields.insert("seen".to_owned(), json!(self.seen));
            fields.insert("hits".to_owned(), json!(self.hits));
        }
        shown
    }

    fn matches(&self, method: &str, path: &[String]) -> bool {
        let any = |text: &str| text.is_empty() || text == "*";
        let method_fits =
            self.order.method.as_deref().is_none_or(|wanted| any(wanted) || wanted.eq_ignore_ascii_case(method));
        let path_fits = self.order.path.as_deref().is_none_or(|wanted| any(wanted) || path_matches(wanted, path));
        method_fits && path_fits
    }

    /// Counts a matching call and says whether the fault meets it.
    fn strikes(&mut self) -> bool {
        self.seen += 1;
        if self.seen <= self.order.skip || self.order.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        let hit = self.order.percent.is_none_or(|percent| self.roll() < percent);
        self.hits += u64::from(hit);
        hit
    }

    /// A number from 0 to below 100 (splitmix64).
    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        f64::from(u32::try_from(z % 10_000).unwrap_or_default()) / 100.0
    }

    fn twist(&mut self) -> Option<Twist> {
        let order = &self.order;
        let code = order.code.unwrap_or(200);
        let answer = || {
            let answer = match &order.body {
                None if code >= 500 => Answer::html(code, "Service Unavailable"),
                None => Answer::empty(code),
                Some(Value::String(text)) => Answer::text(code, text),
                Some(value) => Answer::json(code, value.clone()),
            };
            match order.retry_after {
                Some(seconds) => answer.with("retry-after", seconds.to_string()),
                None => answer,
            }
        };
        match order.kind {
            Kind::Delay | Kind::Hold => None,
            Kind::Status => Some(Twist::Instead(answer())),
            Kind::StatusAfter => Some(Twist::After(answer())),
            Kind::CutBefore => Some(Twist::CutBefore),
            Kind::CutAfter => Some(Twist::CutAfter),
            Kind::ExpireTokens => Some(Twist::ExpireTokens),
            Kind::Garbage => {
                let answer = match order.form.unwrap_or(Form::Html) {
                    _ if order.body.is_some() => answer(),
                    Form::Html => Answer::html(code, "Maintenance"),
                    Form::Json => Answer::text(code, "{\"page_no\":1,\"tickets\":[{\"id\":")
                        .with("content-type", "application/json"),
                    Form::Empty => Answer::empty(code),
                };
                Some(if order.when == Some(When::After) { Twist::After(answer) } else { Twist::Instead(answer) })
            }
            Kind::RateLimit => {
                let window = Duration::from_secs(order.window_s.unwrap_or_default());
                let limit = order.limit.unwrap_or(usize::MAX);
                self.window.admit(limit, window).err().map(|wait| Twist::Instead(too_many(limit, window, wait)))
            }
        }
    }
}

/// Whether a fault's path means this one. A leading `/api` does not count.
fn path_matches(wanted: &str, path: &[String]) -> bool {
    let wanted = wanted.to_lowercase();
    let mut parts = wanted.split('/').filter(|part| !part.is_empty()).peekable();
    if parts.peek() == Some(&"api") {
        parts.next();
    }
    let mut rest = path.iter();
    for part in parts.by_ref() {
        if part == "*" {
            return true;
        }
        match rest.next() {
            Some(_) if part.starts_with('{') => {}
            Some(segment) if segment == part => {}
            _ => return false,
        }
    }
    rest.next().is_none()
}

/// 429 with the wait in whole seconds.
pub(crate) fn too_many(limit: usize, window: Duration, wait: Duration) -> Answer {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let text = format!("API calls quota exceeded! maximum admitted {limit} per {}s.", window.as_secs_f64());
    Answer::text(429, &text).with("retry-after", seconds.max(1).to_string())
}

/// A rolling window of calls.
#[derive(Default)]
pub(crate) struct Window(VecDeque<Stopwatch>);

impl Window {
    /// Takes a call in, or says how long until the next is.
    ///
    /// # Errors
    /// The time until the window has room.
    pub(crate) fn admit(&mut self, limit: usize, window: Duration) -> Result<(), Duration> {
        while self.0.front().is_some_and(|call| call.elapsed() >= window) {
            self.0.pop_front();
        }
        if self.0.len() < limit {
            self.0.push_back(Stopwatch::start());
            return Ok(());
        }
        let oldest = self.0.front().map_or(window, |call| window.saturating_sub(call.elapsed()));
        Err(oldest)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
