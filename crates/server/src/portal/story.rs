//! The story of a request as a time line: the endpoint, the people, and every attempt at the ticket.
//!
//! Called by a request's page. The decision a reader would undo: entries are ordered by the server's times alone; a step
//! that was not tried yet stands where what it tells of happened.

use countersign_app::requests::RequestDetail;
use countersign_app::{AttemptRow, StepRow};
use countersign_domain::decision::Verdict;
use countersign_domain::request::{Ending, Request, State};
use countersign_domain::time::Time;

use super::text::Text;
use super::view::approvals::duration;
use super::view::frame::Tone;
use super::view::request::{Entry, Side};
use super::words;

/// An entry with the moment by which it is ordered.
type Dated = (Time, Entry);

fn entry(at: Time, side: Side, tone: Tone, icon: &'static str, title: String) -> Dated {
    let entry = Entry {
        at: words::when(at),
        side,
        tone,
        icon,
        title,
        detail: String::new(),
        quote: None,
        attempts: Vec::new(),
    };
    (at, entry)
}

/// The whole story, oldest first.
pub(super) fn of(text: Text, detail: &RequestDetail, now: Time) -> Vec<Entry> {
    let request = &detail.row.request;
    let account = &request.asked.end_user.account;
    let title = text.arg2("story-asked", "account", account, "computer", &detail.row.computer);
    let mut asked = entry(request.received_at, Side::Endpoint, Tone::Quiet, "hand-stop", title);
    asked.1.quote.clone_from(&request.asked.reason);
    if detail.row.repeats > 0 {
        asked.1.detail = text.count("asked-times", u64::from(detail.row.repeats) + 1);
    }
    if request.again_of.is_some() {
        let mut again = text.t("story-asked-again");
        if !asked.1.detail.is_empty() {
            again = format!("{again} {}", asked.1.detail);
        }
        asked.1.detail = again;
    }
    let mut story = vec![asked];
    story.extend(answers(text, request));
    story.extend(endings(text, request));
    for step in &detail.steps {
        let attempts: Vec<&AttemptRow> = detail.attempts.iter().filter(|row| row.step_id == step.id).collect();
        story.push(told(text, request, step, &attempts, now));
    }
    story.sort_by_key(|(at, _)| *at);
    story.into_iter().map(|(_, entry)| entry).collect()
}

/// What people answered, or that nobody did.
fn answers(text: Text, request: &Request) -> Vec<Dated> {
    let mut entries = Vec::new();
    if let Some(decision) = &request.decision {
        let (title, icon) = match decision.verdict {
            Verdict::Approve => {
                let span = duration(text, decision.minutes);
                (text.arg2("story-approved", "name", &decision.by.name, "span", span), "check")
            }
            Verdict::Deny => (text.arg("story-denied", "name", &decision.by.name), "x"),
        };
        let mut answer = entry(decision.at, Side::People, Tone::Accent, icon, title);
        answer.1.quote.clone_from(&decision.reason);
        entries.push(answer);
    }
    if let Some((by, at)) = &request.revoked {
        entries.push(entry(*at, Side::People, Tone::Accent, "ban", text.arg("story-revoked", "name", &by.name)));
    }
    if request.state == State::Expired {
        let (at, key) = match &request.grant {
            Some(grant) => (grant.until, "story-lapsed"),
            None => (request.expires_at, "story-expired"),
        };
        entries.push(entry(at, Side::Endpoint, Tone::Quiet, "clock", text.t(key)));
    }
    entries
}

/// What became of the program.
fn endings(text: Text, request: &Request) -> Vec<Dated> {
    let mut entries = Vec::new();
    if let Some(at) = request.grant.as_ref().and_then(|grant| grant.redeemed_at) {
        entries.push(entry(at, Side::Endpoint, Tone::Quiet, "key", text.t("story-redeemed")));
    }
    if let Some(outcome) = &request.outcome {
        let (key, tone) = match outcome.ending {
            Ending::Finished => ("story-finished", Tone::Quiet),
            Ending::Failed => ("story-failed", Tone::Bad),
            Ending::GivenUp => ("story-given-up", Tone::Quiet),
        };
        let mut ending = entry(outcome.at, Side::Endpoint, tone, "flag", text.t(key));
        if let Some(code) = outcome.exit_code {
            ending.1.detail = text.arg("story-exit", "code", code.to_string());
        }
        entries.push(ending);
    }
    entries
}

/// A step of the ticket with its attempts.
fn told(text: Text, request: &Request, step: &StepRow, attempts: &[&AttemptRow], now: Time) -> Dated {
    let (tone, waits_for) = match step.state.as_str() {
        "done" => (Tone::Ok, None),
        "attention" => (Tone::Bad, Some("step-state-attention")),
        "given_up" => (Tone::Quiet, Some("step-state-given-up")),
        "parked" => (Tone::Warn, Some("step-state-link")),
        _ if step.attempts > 0 => (Tone::Warn, Some("step-state-retry")),
        _ => (Tone::Quiet, Some("step-state-waiting")),
    };
    let doing = if waits_for.is_some() { "-doing" } else { "" };
    let title = text.t(format!("story-step-{}{doing}", step.kind));
    let at = attempts.first().map_or_else(|| told_of(request, &step.kind, now), |first| Time(first.started_at));
    let mut told = entry(at, Side::Ticket, tone, "ticket", title);
    told.1.detail = waits_for.map(|key| text.t(key)).unwrap_or_default();
    told.1.attempts = attempts.iter().map(|row| words::attempt(text, row)).collect();
    told
}

/// When what a step tells of happened.
fn told_of(request: &Request, kind: &str, now: Time) -> Time {
    match kind {
        "open_ticket" | "record_request" | "record_repeat" | "record_again" | "link_record" => request.received_at,
        "record_decision" => request.decision.as_ref().map_or(now, |decision| decision.at),
        "record_revocation" => request.revoked.as_ref().map_or(now, |(_, at)| *at),
        "record_failure" => request.outcome.map_or(now, |outcome| outcome.at),
        "record_expiry" => request.grant.as_ref().map_or(request.expires_at, |grant| grant.until),
        _ => now,
    }
}
