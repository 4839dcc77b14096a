//! Rights that change during use: noticed by what HaloPSA refuses or hides, named by a check, waited out.
//!
//! Steps tell here what they were refused ([`App::failed`]) and what they could not see ([`App::hidden`]). A check that
//! only reads is then run, at most once in five minutes on our own clock; the line that fails becomes the sentence of
//! [`View::trouble`](crate::ticketing::View). While that stands the check is run again, and when the right is back, steps
//! that were refused meanwhile go once more. Not for: a Halo that cannot be reached, which [`steps`](crate::steps) hold
//! for. The decision a reader would undo: a refusal that no line explains is one ticket's own matter, unless Halo calls
//! it a missing right; then the right most likely missing is named, and one step tries whether it is back. What no line
//! explains and nobody suspects may have come back before the check: a step tries that once, and then a person must look.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign_domain::{audit::Actor, time::Time};
use countersign_psa::{Cause, Check, CheckStatus, Class, Fault, Refused};
use countersign_store::Refused as Which;
use tokio::sync::Notify;

use crate::{App, Result, check::CheckRun};

/// How often the check is run by itself.
const PAUSE: Duration = Duration::from_mins(5);
/// Steps that were refused so long before it was noticed belong to it: attempts end a moment before they are told.
const BEFORE_S: i64 = 60;
/// Lines whose failing keeps tickets from being written, in the order in which they are named.
const ABOUT_TICKETS: [&str; 13] = [
    "reach",
    "sign_in",
    "scopes",
    "agent",
    "tickets",
    "ticket_types",
    "team_unassigned",
    "team_others",
    "department",
    "add",
    "view_unassigned",
    "view_others",
    "edit_others",
];
/// Lines that tell of nothing but reading: they explain a refusal of a call that writes nothing.
const ABOUT_READING: [&str; 2] = ["customers", "assets"];

/// What was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Noticed {
    since: Time,
    sign: Sign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    /// Halo says that a right is missing: for a call that writes, or for any.
    NotPermitted { call: Option<Refused>, words: String },
    /// One ticket is not shown, or Halo refuses something else of an action on it, as it does for one that is hidden.
    OneTicket,
    /// What must be visible is not.
    Hidden,
}

/// What stands against our work.
#[derive(Debug, Clone)]
struct Trouble {
    noticed: Noticed,
    sentence: String,
    /// The call that would prove that the right is back; none where a check that reads can tell.
    proof: Option<Refused>,
}

#[derive(Default)]
struct State {
    noticed: Option<Noticed>,
    trouble: Option<Trouble>,
    /// When the last check began.
    checked: Option<Duration>,
    /// The right is back, or none is missing.
    back: Option<Back>,
}

/// What goes again now that nothing stands against it.
#[derive(Debug, Clone, Copy)]
struct Back {
    since: Time,
    which: Which,
}

/// What is known of rights that changed.
#[derive(Default)]
pub(crate) struct Watch {
    state: Mutex<State>,
    changed: Notify,
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notice(&self, noticed: Noticed) {
        let mut state = self.state();
        let known = state.noticed.as_ref().or(state.trouble.as_ref().map(|trouble| &trouble.noticed));
        if known.is_none_or(|known| known.sign == Sign::OneTicket && noticed.sign != Sign::OneTicket) {
            let since = known.map_or(noticed.since, |known| known.since.min(noticed.since));
            state.noticed = Some(Noticed { since, ..noticed });
            drop(state);
            self.changed.notify_one();
        }
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.state().trouble.as_ref().map(|trouble| trouble.sentence.clone())
    }

    /// A call of this kind was carried out.
    pub(crate) fn proved(&self, call: Refused) {
        let mut state = self.state();
        if state.trouble.as_ref().is_some_and(|trouble| trouble.proof == Some(call)) {
            state.back = state.trouble.take().map(|trouble| Back { since: trouble.noticed.since, which: Which::All });
            drop(state);
            self.changed.notify_one();
        }
    }

    /// The connection was made anew: what stood against the old one is looked at again, at once.
    pub(crate) fn connection_changed(&self) {
        let mut state = self.state();
        state.checked = None;
        drop(state);
        self.changed.notify_one();
    }

    /// Whether there is something to do, and in how long.
    fn due(&self, now: Duration) -> Option<Duration> {
        let state = self.state();
        if state.back.is_some() {
            return Some(Duration::ZERO);
        }
        let wanted = state.noticed.is_some() || state.trouble.is_some();
        wanted.then(|| state.checked.map_or(Duration::ZERO, |checked| (checked + PAUSE).saturating_sub(now)))
    }
}

impl App {
    /// A call failed. `call` is what it would have written.
    pub(crate) fn failed(&self, fault: &Fault, call: Option<Refused>) {
        self.inner.desk.fails(fault, self.inner.clock.monotonic());
        let sign = match (fault.cause, fault.class) {
            (Cause::NotPermitted | Cause::Credentials, class) => {
                // A token that is refused says nothing of the call.
                let call = call.filter(|_| class == Class::Refused);
                Sign::NotPermitted { call, words: fault.words.clone() }
            }
            (Cause::Invalid | Cause::NotFound, Class::Refused | Class::Gone) if call == Some(Refused::Action) => {
                Sign::OneTicket
            }
            _ => return,
        };
        self.inner.rights.notice(Noticed { since: self.now().plus_seconds(-BEFORE_S), sign });
    }

    /// Tickets of ours that must be visible were not.
    pub(crate) fn hidden(&self) {
        self.inner.rights.notice(Noticed { since: self.now().plus_seconds(-BEFORE_S), sign: Sign::Hidden });
    }

    /// One ticket is not shown any more: it is gone, or hidden.
    pub(crate) fn hidden_alone(&self) {
        self.inner.rights.notice(Noticed { since: self.now().plus_seconds(-BEFORE_S), sign: Sign::OneTicket });
    }

    /// Looks at rights whenever something was noticed, until the task is dropped.
    pub(crate) async fn watch_rights(&self) {
        loop {
            match self.inner.rights.due(self.inner.clock.monotonic()) {
                None => self.inner.rights.changed.notified().await,
                Some(Duration::ZERO) => {
                    if let Err(error) = self.look_at_rights().await {
                        tracing::warn!(%error, "rights could not be looked at; they are again in five minutes");
                    }
                }
                Some(wait) => tokio::select! {
                    () = self.inner.clock.sleep(wait) => {}
                    () = self.inner.rights.changed.notified() => {}
                },
            }
        }
    }

    async fn look_at_rights(&self) -> Result<()> {
        let back = self.inner.rights.state().back.take();
        if let Some(back) = back {
            return self.go_again(back).await;
        }
        self.inner.rights.state().checked = Some(self.inner.clock.monotonic());
        // What it shows is judged at its end, as that of a person's check is.
        self.check_by_itself().await?;
        let probe = {
            let state = self.inner.rights.state();
            state.trouble.as_ref().filter(|trouble| trouble.proof.is_some()).map(|trouble| trouble.noticed.since)
        };
        match probe {
            // Reading cannot tell whether it is back. One step can.
            Some(since) => self.go_again(Back { since, which: Which::Oldest }).await,
            None => Ok(()),
        }
    }

    /// What a check that ended says about what was noticed.
    pub(crate) fn judge(&self, run: &CheckRun) {
        let mut state = self.inner.rights.state();
        let before = state.trouble.take();
        let Some(noticed) = state.noticed.take().or_else(|| before.as_ref().map(|before| before.noticed.clone()))
        else {
            return;
        };
        let told = run.told();
        let only_read = matches!(noticed.sign, Sign::NotPermitted { call: None, .. });
        let reading = ABOUT_READING.iter().filter(|_| only_read);
        let mut ids = ABOUT_TICKETS.iter().chain(reading);
        let failing = ids.find_map(|id| told.iter().find(|line| line.id == *id && stands_against(line)));
        state.trouble = match (failing, &noticed.sign) {
            (Some(line), _) => Some(Trouble { sentence: sentence(line), proof: None, noticed: noticed.clone() }),
            (None, Sign::NotPermitted { call: Some(call), words }) => self.suspicion(&noticed, *call, words, &told),
            (None, Sign::NotPermitted { call: None, .. } | Sign::Hidden | Sign::OneTicket) => None,
        };
        let is_over = state.trouble.is_none();
        // One ticket's own refusal is for a person, unless a line explained it before.
        if is_over && (noticed.sign != Sign::OneTicket || before.is_some()) {
            let which = if before.is_some() { Which::All } else { Which::New };
            state.back = Some(Back { since: noticed.since, which });
        }
        drop(state);
        self.inner.rights.changed.notify_one();
    }

    fn suspicion(&self, noticed: &Noticed, call: Refused, words: &str, told: &[Check]) -> Option<Trouble> {
        let suspect = self.psa().ok()?.suspect(call);
        // A write test tells what reading cannot.
        if told.iter().any(|line| line.id == suspect.id && line.status == CheckStatus::Ok) {
            return None;
        }
        let sentence = format!("{words}. Most likely it is \"{}\". {}", suspect.title, to_do(&suspect));
        Some(Trouble { sentence, proof: Some(call), noticed: noticed.clone() })
    }

    /// Steps that were refused since then go again. A refusal was not applied, so nothing is done twice.
    async fn go_again(&self, Back { since, which }: Back) -> Result<()> {
        let (app, now) = (self.clone(), self.now());
        let steps = self
            .store()
            .write(move |tx| {
                let app = app.clone();
                Box::pin(async move {
                    let steps = tx.retry_refused(since, now, which).await?;
                    if steps > 0 {
                        let body = serde_json::json!({ "steps": steps, "since": since });
                        tx.audit(&app.entry(Actor::Server, "steps.retried", "ticketing", None, body)).await?;
                    }
                    Ok(steps)
                })
            })
            .await?;
        if steps > 0 {
            tracing::info!(steps, "steps that HaloPSA had refused go again");
        }
        self.wake().steps();
        Ok(())
    }
}

fn stands_against(line: &Check) -> bool {
    let is_only_warned_of = line.id == "department" || ABOUT_READING.contains(&line.id.as_str());
    line.status == CheckStatus::Fail || (line.status == CheckStatus::Warn && is_only_warned_of)
}

fn sentence(line: &Check) -> String {
    format!("HaloPSA, \"{}\": {}. {}", line.title, line.seen, to_do(line))
}

fn to_do(line: &Check) -> String {
    let fix = line.fix.as_deref().unwrap_or("Ask your administrator of HaloPSA");
    match &line.r#where {
        Some(place) => format!("{fix}: {place}."),
        None => format!("{fix}."),
    }
}
