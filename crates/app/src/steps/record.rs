//! Writes one action on a request's ticket: note, time, status and assignee in a single call.

use std::time::Duration;

use countersign_domain::{
    audit::Actor,
    cause::Cause as Why,
    effect::StepKind,
    id::{RequestId, WrongId},
    template::Wrong,
    ticket::{self, Filled, Part},
    time::Time,
    variables::About,
};
use countersign_psa::{ActionNow, Charge, Class, Fault, NewAction, Notify, Psa, Refused, TicketNow, Written};
use countersign_store::{AttemptResult, Claimed, Context, TicketRow};

use super::{End, Expected, Wrote};
use crate::{
    App, Error, Result,
    requests::{Booked, closed_by_hand},
    ticketing::{Settings, Switch},
};

/// How long after an action its ticket is read back. Long enough to gather many into one call.
const READ_BACK_MS: i64 = 700;

impl App {
    pub(super) async fn record(&self, step: &Claimed, context: &Context) -> Result<End> {
        // A repeat that leads by now has a ticket of its own; this step is about the one of its lane.
        let Some(known) = context.request.ticket.as_ref().filter(|ticket| ticket.lane == step.lane) else {
            return Ok(End::not_needed("There is no ticket to write on."));
        };
        let settings = self.ticketing_for(&context.request.request.company_id);
        let lane: RequestId = step.lane.parse().map_err(|error: WrongId| Error::Sealed(error.to_string()))?;
        let made = self.new_action(&settings, context, step.kind, &lane, step.nth, known.psa_id.clone());
        let Some((mut action, failed)) = made else {
            return Ok(End::not_needed("Nothing is to be written."));
        };
        if closed_by_hand(known, &context.request.request).is_some() {
            // Somebody closed the ticket; it stays in the status that he gave it.
            action.status = None;
        }
        let psa = self.psa()?;
        // What was never tried here may have been written all the same, before the database was restored.
        if let Some(doubt_at) = step.doubt_at.or(known.doubt_at)
            && let Some(end) = self.look_for_action(&*psa, step, context, known, &action, doubt_at).await?
        {
            return Ok(end);
        }
        let mut answer = psa.write_action(&action).await;
        let mut kept = None;
        if let (Err(Fault { class: Class::Refused, words, .. }), true) = (&answer, action.assignee.is_some()) {
            // "Can Re-assign: No" is legitimate, and nothing else stops for it. What was refused was not applied.
            kept = Some(format!(" It was not assigned, since Halo refused it so: {words}"));
            action.assignee = None;
            answer = psa.write_action(&action).await;
        }
        match answer {
            Ok(written) => {
                let words = told(&action, &written) + kept.as_deref().unwrap_or("") + &super::text_failed(&failed);
                self.written(context, known, &action, &written, AttemptResult::Done, words)
            }
            Err(fault) => {
                self.failed(&fault, Some(Refused::Action));
                let mut end = End::of_fault(step, &fault, Wrote::Perhaps, self.now());
                // Halo calls a note on a ticket that is gone invalid. Where the look fails, the refusal stands as it came.
                let perhaps_gone = matches!(end.cause, Some(Why::ActionInvalid | Why::TicketGone));
                if perhaps_gone && matches!(psa.ticket(&known.psa_id).await, Ok(None)) {
                    end.cause = Some(Why::TicketGone);
                }
                Ok(end)
            }
        }
    }

    /// The action that tells of a step as these settings make it, and the text that failed; none where there is nothing
    /// to tell. `lane` and `nth` make its reference.
    pub(crate) fn new_action(
        &self,
        settings: &Settings,
        context: &Context,
        kind: StepKind,
        lane: &RequestId,
        nth: u32,
        ticket: String,
    ) -> Option<(NewAction, Vec<Wrong>)> {
        let request = &context.request.request;
        let reference = ticket::action_reference(lane, kind, nth);
        let (names, page) = (super::open_ticket::names(context), self.request_page(&request.id));
        let server = ticket::server_mark(self.server_id());
        let repeats = context.request.repeats;
        let about = |part| About { request, names: &names, part, repeats, page: &page, server: &server };
        let note = if kind == StepKind::RecordAgain {
            Filled { text: ticket::asked_again(request, &reference), failed: None }
        } else {
            settings.texts.note(&about(Part::of_step(kind, request)?), &reference)
        };
        let decided = kind == StepKind::RecordDecision;
        let by_person = decided || kind == StepKind::RecordRevocation;
        let work_seconds = if decided { work_seconds(settings, context) } else { None };
        let action = NewAction {
            ticket,
            reference,
            html: note.text,
            visibility: settings.notes,
            outcome: settings.outcome.clone(),
            charge: Charge {
                billable: settings.billable.filter(|_| work_seconds.is_some()).map(|set| set == Switch::On),
                rate: settings.charge_rate.clone().filter(|_| work_seconds.is_some()),
            },
            notify: Notify { mail: settings.mail_user == Switch::On, survey: settings.survey == Switch::On },
            work_seconds,
            ended_at: request.decision.as_ref().filter(|_| decided).map_or_else(|| self.now(), |decision| decision.at),
            owner: context.agent.clone().filter(|_| by_person),
            status: settings.status_after(kind, request).cloned(),
            assignee: context.agent.clone().filter(|_| decided && settings.assign == Switch::On),
        };
        Some((action, note.failed.into_iter().collect()))
    }

    /// None where it is certain that nothing was written, and the settle time is over.
    async fn look_for_action(
        &self,
        psa: &dyn Psa,
        step: &Claimed,
        context: &Context,
        known: &TicketRow,
        action: &NewAction,
        doubt_at: Time,
    ) -> Result<Option<End>> {
        let actions = psa.actions(&known.psa_id).await?;
        self.inner.desk.works();
        // The opening entry bears what the end user typed, which could be any text.
        let forgotten = step.kind == StepKind::RecordDecision && known.doubt_at.is_some();
        let is_it = |found: &&ActionNow| {
            let by_reference = !found.opening && found.note.contains(&action.reference);
            by_reference && !(forgotten && is_another_decision(found, action))
        };
        let by_reference = actions.iter().find(is_it);
        if let Some(found) = by_reference.or_else(|| reworded(&actions).find(|found| is_same_work(found, action))) {
            let written = Written {
                id: found.id.clone(),
                work_seconds: found.work_seconds,
                owner: found.owner.clone(),
                owner_name: found.owner_name.clone(),
            };
            let words = format!("Found: Halo had written action {}. Not sent again.", found.id);
            return Ok(Some(self.written(context, known, action, &written, AttemptResult::Found, words)?));
        }
        let is_opened = actions.iter().any(|found| found.opening);
        let other = reworded(&actions).next();
        if (other.is_some() || !is_opened) && psa.ticket(&known.psa_id).await?.is_none() {
            self.hidden_alone();
            let words = format!(
                "Looked for it: ticket {} is not shown any more, so nobody can tell whether it stands there. Restore the \
                 ticket and try again, have a new one made, or give the step up.",
                known.psa_id
            );
            let end = End::attention(AttemptResult::Unseen, words, Some(doubt_at));
            return Ok(Some(End { cause: Some(Why::TicketGone), ..end }));
        }
        if let Some(other) = other {
            let words = format!(
                "Looked for it: action {} is ours, and its note was changed by a person, so nobody can tell whether it is this \
                 one. Give the step up if it is; else remove that action and try again.",
                other.id
            );
            let end = End::attention(AttemptResult::Unseen, words, Some(doubt_at));
            return Ok(Some(End { cause: Some(Why::LookedFor), ..end }));
        }
        if actions.is_empty() {
            self.hidden();
        }
        let unseen = (!is_opened).then_some("the ticket's own opening entry was");
        let mut look = self.look(step, unseen, doubt_at);
        if step.doubt_at.is_none() {
            // Nothing that this process sent is on its way.
            let micros = u64::try_from(self.now().0.saturating_sub(doubt_at.0)).unwrap_or(0);
            look.doubted = Duration::from_micros(micros);
        }
        Ok(look.not_found(step, self.now()))
    }

    fn written(
        &self,
        context: &Context,
        known: &TicketRow,
        action: &NewAction,
        written: &Written,
        result: AttemptResult,
        words: String,
    ) -> Result<End> {
        self.inner.desk.works();
        self.inner.rights.proved(Refused::Action);
        let now = self.now();
        let broken = |error: serde_json::Error| Error::Sealed(error.to_string());
        let booked = action
            .work_seconds
            .map(|asked| Booked {
                work_seconds: written.work_seconds.unwrap_or(asked),
                owner: written.owner.clone(),
                owner_name: written.owner_name.clone(),
            })
            .map(|booked| serde_json::to_string(&booked))
            .transpose()
            .map_err(broken)?;
        let before: TicketNow = serde_json::from_str(&known.now).map_err(broken)?;
        let expected = Expected {
            status: action.status.clone(),
            assignee: action.assignee.clone(),
            before_status: before.status,
            before_assignee: before.assignee,
            adjusted: false,
        };
        let request = &context.request.request;
        // What asks again may set nothing, but whether it found the ticket open tells who closed it after that.
        let verify = expected.status.is_some() || expected.assignee.is_some() || request.again_of.is_some();
        let body = serde_json::json!({ "ticket": known.psa_id, "action": written.id, "reference": action.reference, "result": result });
        let audit =
            self.entry(Actor::Server, "ticket.written", request.id.to_string(), Some(request.company_id.clone()), body);
        Ok(End {
            result,
            ticket: Some(TicketRow { booked, ..known.clone() }),
            expected: verify.then(|| (expected, now.plus_millis(READ_BACK_MS))),
            audit: Some(audit),
            ..End::done(words)
        })
    }
}

/// Actions of our application whose note bears no reference any more: a person changed it. The entry that the ticket was
/// opened with tells which application is ours.
fn reworded(actions: &[ActionNow]) -> impl Iterator<Item = &ActionNow> {
    let ours = actions.iter().find(|action| action.opening).and_then(|opening| opening.application.as_ref());
    actions.iter().filter(move |action| {
        !action.opening
            && ours.is_some()
            && action.application.as_ref() == ours
            && !action.note.contains(RequestId::PREFIX)
    })
}

/// The second witness, for an action whose note was changed: the same working time, ended at the same second.
fn is_same_work(found: &ActionNow, action: &NewAction) -> bool {
    let seconds = |work: Option<u32>| work.unwrap_or(0);
    let at = found.ended_at.is_some_and(|at| at.0.abs_diff(action.ended_at.0) < 2_000_000);
    at && seconds(action.work_seconds) > 0 && seconds(found.work_seconds) == seconds(action.work_seconds)
}

/// A decision that this database forgot when it was restored, and that was another one than a person made since: its note
/// bears the reference, but tells of another time in other words. The ticket then tells both.
fn is_another_decision(found: &ActionNow, action: &NewAction) -> bool {
    let other_time = found.ended_at.is_some_and(|at| at.0.abs_diff(action.ended_at.0) >= 2_000_000);
    other_time && words(&found.note) != words(&action.html)
}

/// The words of a note, without its markup and without what holds a digit: times and references.
fn words(html: &str) -> Vec<&str> {
    let texts = html.split('<').filter_map(|piece| piece.rsplit('>').next());
    let plain = texts.flat_map(|text| text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation()));
    plain.filter(|word| !word.is_empty() && !word.contains(|c: char| c.is_ascii_digit())).collect()
}

/// The decision's working time, unless it would stand under nobody's name and that is not wanted.
fn work_seconds(settings: &Settings, context: &Context) -> Option<u32> {
    let unlinked = context.agent.is_none() && settings.time_needs_link == Switch::On;
    context.request.request.decision.as_ref().and_then(|decision| decision.work_seconds).filter(|_| !unlinked)
}

fn told(action: &NewAction, written: &Written) -> String {
    use std::fmt::Write as _;
    let mut words = format!("Action {}: note", written.id);
    if let Some(seconds) = written.work_seconds.or(action.work_seconds).filter(|seconds| *seconds > 0) {
        let owner = written.owner_name.as_deref().unwrap_or(if action.owner.is_some() {
            "the technician's agent"
        } else {
            "the API agent"
        });
        // Writing to a String cannot fail.
        let _infallible = write!(words, ", {} min booked to {owner}", f64::from(seconds) / 60.0);
    }
    words.push('.');
    words
}
