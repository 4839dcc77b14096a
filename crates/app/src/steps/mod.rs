//! What the ticketing system must be told, told: the worker that claims steps, and a handler for each kind.
//!
//! A handler gets its step and the request as it is now; it calls the provider at most once for anything that writes,
//! and says how that ended. What may be done about it is decided in one place, [`End::of_fault`].

mod adjust_ticket;
mod duplicates;
mod follow_tickets;
mod open_ticket;
mod read_back;
mod record;
mod runner;
mod sync_directory;
mod walk;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign_domain::{
    audit::Entry, cause::Cause as Why, effect::StepKind, id::StepId, template::Wrong, time::Time,
};
use countersign_psa::{Cause, Class, Fault};
use countersign_store::{AttemptResult, Claimed, Next, TicketRow};
use serde::{Deserialize, Serialize};

use crate::{App, requests::Names};
pub(crate) use runner::Rest;
use runner::SLOTS;

/// What a ticket should look like after a step, and what it looked like before: a value that a person set meanwhile is
/// not touched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Expected {
    status: Option<String>,
    assignee: Option<String>,
    before_status: Option<String>,
    before_assignee: Option<String>,
    /// It was set once more outside of actions already.
    adjusted: bool,
}

/// What a ticket was opened with: reconciling compares it with what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) ticket_type: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) site: Option<String>,
    pub(crate) contact: Option<String>,
    pub(crate) asset: Option<String>,
}

/// How a step's attempt ended.
pub(crate) struct End {
    result: AttemptResult,
    status: Option<u16>,
    words: String,
    cause: Option<Why>,
    next: Next,
    ticket: Option<TicketRow>,
    expected: Option<(Expected, Time)>,
    audit: Option<Entry>,
}

impl End {
    fn done(words: impl Into<String>) -> Self {
        Self {
            result: AttemptResult::Done,
            status: None,
            words: words.into(),
            cause: None,
            next: Next::Done,
            ticket: None,
            expected: None,
            audit: None,
        }
    }

    fn not_needed(words: impl Into<String>) -> Self {
        Self { result: AttemptResult::NotNeeded, ..Self::done(words) }
    }

    fn parked(cause: Why, words: impl Into<String>) -> Self {
        Self { result: AttemptResult::Parked, cause: Some(cause), next: Next::Parked, ..Self::done(words) }
    }

    fn again(result: AttemptResult, words: impl Into<String>, at: Time, doubt_at: Option<Time>) -> Self {
        Self { result, next: Next::Again { at, doubt_at }, ..Self::done(words) }
    }

    fn attention(result: AttemptResult, words: impl Into<String>, doubt_at: Option<Time>) -> Self {
        Self { result, next: Next::Attention { doubt_at }, ..Self::done(words) }
    }

    /// What becomes of a step whose call failed. `doubt_at` is the doubt there was before the call.
    ///
    /// A call that only read leaves the doubt as it was; one that wrote and has no certain end begins a new one.
    fn of_fault(step: &Claimed, fault: &Fault, wrote: Wrote, now: Time) -> Self {
        let doubt = match wrote {
            Wrote::Nothing => step.doubt_at,
            Wrote::Perhaps => None,
        };
        let end = match fault.class {
            Class::Refused | Class::Gone => Self::attention(AttemptResult::Refused, fault.to_string(), doubt),
            Class::Later(after) => {
                let at = now.plus_millis(back_off(step, after));
                Self::again(AttemptResult::Later, fault.to_string(), at, doubt)
            }
            Class::Unknown => match wrote {
                Wrote::Nothing => {
                    let at = now.plus_millis(back_off(step, None));
                    Self::again(AttemptResult::Later, fault.to_string(), at, doubt)
                }
                Wrote::Perhaps => {
                    Self::again(AttemptResult::Unknown, fault.to_string(), now.plus_seconds(FIRST_LOOK_S), Some(now))
                }
            },
        };
        Self { status: fault.status, cause: Some(cause_of(step.kind, fault.cause)), ..end }
    }
}

/// What stands behind a fault, as people find it: a refusal means one thing for a new ticket and another for a note.
const fn cause_of(kind: StepKind, cause: Cause) -> Why {
    match (cause, kind) {
        (Cause::AddressNotAllowed, _) => Why::AddressNotAllowed,
        (Cause::NotReached, _) => Why::NotReached,
        (Cause::Credentials | Cause::UnknownClient, _) => Why::Credentials,
        (Cause::RateLimited, _) => Why::RateLimited,
        (Cause::NoAnswer, _) => Why::NoAnswer,
        (Cause::NotUnderstood, _) => Why::NotUnderstood,
        (Cause::ServerFault, _) => Why::ServerFault,
        (
            Cause::NotPermitted | Cause::Invalid | Cause::NotFound,
            StepKind::LinkRecord | StepKind::SyncDirectory | StepKind::FollowTickets | StepKind::Reconcile,
        ) => Why::ReadingNotPermitted,
        (Cause::NotPermitted, StepKind::OpenTicket) => Why::TicketNotPermitted,
        (Cause::Invalid | Cause::NotFound, StepKind::OpenTicket) => Why::TicketInvalid,
        (Cause::NotPermitted, _) => Why::ActionNotPermitted,
        (Cause::Invalid, _) => Why::ActionInvalid,
        (Cause::NotFound, _) => Why::TicketGone,
    }
}

/// What a step in doubt was looked for and not found among.
struct Look {
    /// What had to be shown, and was not: then nothing was learnt.
    unseen: Option<&'static str>,
    /// Since when the step is in doubt.
    doubt_at: Time,
    /// For how long it is, on a clock that is never set, as far as this process knows.
    doubted: Duration,
    /// How long until what is not there may be sent again.
    settle: Duration,
}

impl Look {
    /// What becomes of a step that was not found; none where it may be sent again now.
    fn not_found(&self, step: &Claimed, now: Time) -> Option<End> {
        let doubt_at = Some(self.doubt_at);
        if let Some(what) = self.unseen {
            let words = format!(
                "Looked for it, but {what} not shown either. Nothing is sent again before that is seen: look at the rights to \
                 see tickets in Halo."
            );
            return Some(if step.attempt >= UNSEEN_WALKS {
                End { cause: Some(Why::Hidden), ..End::attention(AttemptResult::Unseen, words, doubt_at) }
            } else {
                let at = now.plus_millis(back_off(step, None));
                End { cause: Some(Why::Hidden), ..End::again(AttemptResult::Unseen, words, at, doubt_at) }
            });
        }
        let left = self.settle.checked_sub(self.doubted).filter(|left| !left.is_zero())?;
        let words =
            format!("Looked for it: not there. Sent again at {} if it is still not.", after(now, left).for_people());
        let next = after(now, next_look(self.doubted, self.settle));
        Some(End { cause: Some(Why::LookedFor), ..End::again(AttemptResult::Absent, words, next, doubt_at) })
    }
}

impl App {
    /// A look that found nothing.
    fn look(&self, step: &Claimed, unseen: Option<&'static str>, doubt_at: Time) -> Look {
        Look {
            unseen,
            doubt_at,
            doubted: self.inner.desk.doubted(&step.id, doubt_at, self.inner.clock.monotonic()),
            settle: Duration::from_secs(u64::from(self.ticketing_settings().settle_s)),
        }
    }
}

/// What to add to an attempt's words where an administrator's text failed.
fn text_failed(failed: &[Wrong]) -> String {
    match failed.first() {
        None => String::new(),
        Some(wrong) => {
            tracing::warn!(%wrong, "a text of the ticketing settings failed; the product's own was sent");
            format!(" A text of the settings failed, so the product's own was sent: {wrong}")
        }
    }
}

/// Whether the failed call could have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrote {
    Nothing,
    Perhaps,
}

/// Seconds after an attempt of which nobody knows its end, until it is looked for; again after [`SECOND_LOOK`], and
/// once more when the settle time is over.
const FIRST_LOOK_S: i64 = 2;
const SECOND_LOOK: Duration = Duration::from_secs(10);
/// How long a doubt is remembered that another node may have ended.
const DOUBT_KEPT: Duration = Duration::from_hours(24);
/// Walks that did not see their control record, until a person must look.
const UNSEEN_WALKS: i64 = 5;

/// Milliseconds until a step goes again: doubling from one second to one minute (a longer outage holds all steps), a
/// tenth more or less so that many do not meet, and never before a span that the other side named.
fn back_off(step: &Claimed, after: Option<Duration>) -> i64 {
    let doublings = u32::try_from(step.attempt.clamp(1, 7) - 1).unwrap_or(0);
    let base = 1000_i64.saturating_mul(1 << doublings).min(60_000);
    let spread = i64::try_from(step.id.as_str().bytes().map(u64::from).sum::<u64>() % 200).unwrap_or(100) - 100;
    let own = base + base * spread / 1000;
    after.map_or(own, |after| own.max(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
}

/// How long until a step that is in doubt for so long goes next: the next look, or the end of the settle time.
fn next_look(doubted: Duration, settle: Duration) -> Duration {
    let next = if doubted < SECOND_LOOK && SECOND_LOOK < settle { SECOND_LOOK } else { settle };
    next.saturating_sub(doubted)
}

fn after(now: Time, span: Duration) -> Time {
    Time(now.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

/// What the handlers of this process share.
#[derive(Default)]
pub(crate) struct Desk {
    epoch: AtomicU64,
    names: Mutex<Arc<Names>>,
    highest: Mutex<Option<String>>,
    trouble: Mutex<Option<String>>,
    paused: Mutex<Option<String>>,
    hold: Mutex<Hold>,
    walks: tokio::sync::Mutex<Option<Arc<walk::Walk>>>,
    started: tokio::sync::Mutex<Option<u64>>,
    late: Mutex<duplicates::Late>,
    /// Since when steps are in doubt, on the clock that is never set: a clock that jumps must not end a settle time.
    /// With the doubt's own time: a doubt that began anew, perhaps on another node, is not as old as the one before it.
    doubts: Mutex<HashMap<StepId, (Time, Duration)>>,
}

/// Until when nothing is claimed, since the other side cannot be reached or refuses our application.
#[derive(Default)]
struct Hold {
    until: Duration,
    /// Failures since something worked last.
    failures: u32,
    /// After an outage: how many steps may run at the same time. One is tried; each call that works lets one more go, so
    /// that what waited goes in order, and the other side is not met with everything at once.
    width: Option<usize>,
    /// It works again, and what waited for its time may go at once.
    recovered: bool,
}

/// Failures in a row that make an outage of what may be bad luck.
const STREAK: u32 = 8;

/// Pause after the application was refused: a wrong secret is not tried more often by itself.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// The connection was made anew: what was learnt of the old one is forgotten.
    pub(crate) fn connection_changed(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        *lock(&self.hold) = Hold::default();
        *lock(&self.trouble) = None;
    }

    /// What stands against our work, `rights` among it: what a person must do comes first.
    pub(crate) fn trouble(&self, rights: Option<String>) -> Option<String> {
        lock(&self.paused).clone().or(rights).or_else(|| lock(&self.trouble).clone())
    }

    pub(crate) async fn names(&self, app: &App) -> Arc<Names> {
        let held = lock(&self.names).clone();
        if !held.agents.is_empty() {
            return held;
        }
        let stored = app.stored_names().await.unwrap_or_default();
        let stored = Arc::new(stored);
        lock(&self.names).clone_from(&stored);
        stored
    }

    fn highest(&self) -> Option<String> {
        lock(&self.highest).clone()
    }

    fn raise_highest(&self, id: &str) {
        let mut highest = lock(&self.highest);
        if highest.as_deref().is_none_or(|known| by_number(known) < by_number(id)) {
            *highest = Some(id.to_owned());
        }
    }

    /// For how long a step is in doubt: since its last attempt ended here, or since this process first looked for it.
    fn doubted(&self, step: &StepId, doubt_at: Time, now: Duration) -> Duration {
        let mut doubts = lock(&self.doubts);
        let known = doubts.entry(step.clone()).or_insert((doubt_at, now));
        if known.0 != doubt_at {
            *known = (doubt_at, now);
        }
        now.saturating_sub(known.1)
    }

    /// Remembers when a doubt began, and forgets one that is over.
    fn attempt_ended(&self, step: &StepId, end: &End, now: Duration) {
        let mut doubts = lock(&self.doubts);
        match (&end.next, end.result) {
            (
                Next::Again { doubt_at: Some(at), .. } | Next::Attention { doubt_at: Some(at) },
                AttemptResult::Unknown,
            ) => {
                doubts.retain(|_, (_, since)| now.saturating_sub(*since) < DOUBT_KEPT);
                doubts.insert(step.clone(), (*at, now));
            }
            (Next::Done, _) => {
                doubts.remove(step);
            }
            (Next::Again { .. } | Next::Parked | Next::Attention { .. }, _) => {}
        }
    }

    /// The other side works: whatever was held goes on.
    fn works(&self) {
        let mut hold = lock(&self.hold);
        let width = hold.width.map(|width| width + 1).filter(|width| *width < SLOTS);
        *hold = Hold { recovered: hold.recovered || hold.width == Some(1), width, ..Hold::default() };
        drop(hold);
        *lock(&self.trouble) = None;
    }

    /// An outage is over, and what waited for its time does not know it yet.
    fn has_recovered(&self) -> bool {
        lock(&self.hold).recovered
    }

    /// True once after an outage.
    fn take_recovered(&self) -> bool {
        std::mem::take(&mut lock(&self.hold).recovered)
    }

    /// How many steps may run at the same time.
    fn width(&self) -> usize {
        lock(&self.hold).width.unwrap_or(SLOTS)
    }

    /// The other side cannot be reached, or refuses our application: nothing is claimed for a while.
    pub(crate) fn fails(&self, fault: &Fault, now: Duration) {
        let mut hold = lock(&self.hold);
        if hold.until > now {
            // It was on its way when the hold began.
            return;
        }
        let bad_luck = match (fault.cause, fault.class) {
            (
                Cause::NotReached
                | Cause::AddressNotAllowed
                | Cause::UnknownClient
                | Cause::Credentials
                | Cause::RateLimited,
                _,
            ) => 0,
            (Cause::ServerFault | Cause::NoAnswer | Cause::NotUnderstood, _)
            | (Cause::NotPermitted, Class::Later(_)) => STREAK,
            // It answers, and about this step alone.
            (Cause::NotPermitted | Cause::Invalid | Cause::NotFound, _) => return,
        };
        hold.failures = hold.failures.saturating_add(1);
        let Some(over) = hold.failures.checked_sub(bad_luck + 1) else { return };
        let growing = Duration::from_millis(500 * (1 << over.min(6)));
        let pause = match (fault.cause, fault.class) {
            (Cause::UnknownClient | Cause::Credentials, _) => REFUSED_PAUSE,
            (Cause::RateLimited, Class::Later(Some(after))) => after,
            _ => growing,
        };
        hold.until = now + pause;
        hold.width = (fault.cause != Cause::RateLimited).then_some(1);
        drop(hold);
        *lock(&self.trouble) = Some(fault.to_string());
    }

    fn held_for(&self, now: Duration) -> Option<Duration> {
        let until = lock(&self.hold).until;
        (until > now).then(|| until.saturating_sub(now))
    }
}

/// The order of numbers kept as texts: the longer one is higher.
pub(crate) fn by_number(id: &str) -> (usize, &str) {
    let digits = id.trim_start_matches('0');
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts_are_ordered_as_numbers() {
        assert!(by_number("99") < by_number("100"));
        assert!(by_number("0100") == by_number("100"));
        assert!(by_number("2001") < by_number("2010"));
    }

    #[test]
    fn looks_come_at_two_and_ten_seconds_and_at_the_end_of_the_settle_time() {
        for (doubted, settle, left) in [(2, 90, 8), (10, 90, 80), (2, 10, 8), (2, 3, 1), (7, 3, 0)] {
            let next = next_look(Duration::from_secs(doubted), Duration::from_secs(settle));
            assert_eq!(next, Duration::from_secs(left), "{doubted} of {settle}");
        }
    }

    /// Two nodes: this one looked for an action in vain, the other sent it once more and does not know how that ended.
    #[test]
    fn a_doubt_that_began_anew_is_as_young_as_it_is() {
        let desk = Desk::default();
        let step = StepId::from_uuid(uuid::Uuid::from_u128(1));
        let at = Duration::from_secs;
        assert_eq!(desk.doubted(&step, Time(1), at(100)), at(0));
        assert_eq!(desk.doubted(&step, Time(1), at(130)), at(30));
        assert_eq!(desk.doubted(&step, Time(2), at(131)), at(0));
        assert_eq!(desk.doubted(&step, Time(2), at(140)), at(9));
    }
}
