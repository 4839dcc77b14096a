//! What a ticket says: the references by which we find our own again, the opening text, and the note of each step.
//!
//! Texts are HTML fragments built from escaped facts (promise P7). They hold true times, since a step may be written
//! long after what it tells of.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{
    decision::{Decision, Verdict},
    effect::StepKind,
    id::RequestId,
    request::{Request, State},
    text::html,
    time::Time,
};

/// The longest summary that is sent, in characters.
const MAX_SUMMARY: usize = 200;

/// Who and what a ticket is about, by the names that people know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Name of the company.
    pub company: String,
    /// Name of the location.
    pub location: String,
    /// Name of the computer.
    pub computer: String,
}

/// The short form of a request's reference as it stands in a summary.
#[must_use]
pub fn reference(request: &RequestId) -> String {
    format!("[{}]", request.short())
}

/// The reference of an action: the visible last words of its note.
///
/// `nth` counts the steps of one kind in one lane, from 1. Never made from a job's id, so that a step written again
/// after a restore has the same words.
#[must_use]
pub fn action_reference(request: &RequestId, kind: StepKind, nth: u32) -> String {
    format!("{request}/{}/{nth}", kind.as_str())
}

/// The summary of a request's ticket. Ends with the reference.
#[must_use]
pub fn summary(request: &Request, names: &Names) -> String {
    let reference = reference(&request.id);
    let room = MAX_SUMMARY - reference.chars().count() - 1;
    let text = format!("Elevation request: {} on {}", request.asked.program_name(), names.computer);
    format!("{} {reference}", crate::text::line(&text, room))
}

fn row(out: &mut String, label: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
        // Writing to a String cannot fail.
        let _infallible = write!(out, "<tr><td>{}</td><td>{}</td></tr>", html(label), html(value));
    }
}

/// The description of a request's ticket.
///
/// `page` is the address of the request in the portal. `server` marks whose ticket it is, so that another installation
/// on the same ticketing system can tell.
#[must_use]
pub fn opening(request: &Request, names: &Names, page: &str, server: &str) -> String {
    let asked = &request.asked;
    let user = &asked.end_user;
    let program = &asked.program;
    let who = user.display_name.as_deref().unwrap_or(&user.account);
    let mut out = format!(
        "<p>{} asks to run <b>{}</b> with more rights on {}.</p>",
        html(who),
        html(&asked.program_name()),
        html(&names.computer)
    );
    if let Some(reason) = asked.reason.as_deref() {
        let _infallible = write!(out, "<p>Reason: {}</p>", html(reason));
    }
    out.push_str("<table>");
    row(&mut out, "Asked at", Some(&request.received_at.for_people()));
    row(&mut out, "Account", Some(&user.account));
    row(&mut out, "E-mail", user.email.as_deref());
    row(&mut out, "Telephone", user.phone.as_deref());
    row(&mut out, "Company", Some(&names.company));
    row(&mut out, "Location", Some(&names.location));
    row(&mut out, "Computer", Some(&names.computer));
    row(&mut out, "Program", Some(program.path.as_str()));
    row(&mut out, "Command line", asked.command_line.as_deref());
    row(&mut out, "Version", program.version.as_ref().map(AsRef::as_ref));
    let publisher = program.publisher.as_ref().map(|publisher| {
        let seal = if publisher.verified { "verified" } else { "not verified" };
        format!("{} ({seal})", publisher.subject)
    });
    row(&mut out, "Publisher", publisher.as_deref());
    let package = program.package.as_ref().map(|package| {
        let version = package.version.as_ref().map_or("", AsRef::as_ref);
        format!("{} {version}", package.name)
    });
    row(&mut out, "Package", package.as_deref());
    row(&mut out, "SHA-256", Some(program.sha256.as_str()));
    row(&mut out, "Runs as", asked.run_as.as_deref());
    row(&mut out, "Started by", asked.parent.as_deref());
    row(&mut out, "Folder", asked.working_dir.as_deref());
    let _infallible = write!(
        out,
        "</table><p><a href=\"{}\">Open in Countersign</a></p><p>{} · {}</p>",
        html(page),
        html(request.id.as_str()),
        html(server)
    );
    out
}

/// The mark of an installation that stands in its tickets' descriptions.
#[must_use]
pub fn server_mark(server: &crate::id::ServerId) -> String {
    format!("Countersign {server}")
}

/// The note of a step's action; none for steps that write none. Ends with the reference, visibly.
///
/// `repeats` is how often the same was asked while it waited, the first time left out.
#[must_use]
pub fn note(request: &Request, kind: StepKind, repeats: u32, reference: &str) -> Option<String> {
    let sentence = match kind {
        StepKind::OpenTicket | StepKind::AdjustTicket | StepKind::LinkRecord | StepKind::SyncDirectory => return None,
        StepKind::RecordDecision => decided(request.decision.as_ref()?, repeats),
        StepKind::RecordRepeat => "<p>The same was asked again while it waited.</p>".to_owned(),
        StepKind::RecordExpiry => match (&request.state, &request.grant) {
            (State::Expired, Some(grant)) => {
                format!("<p>The approval was not used until {}. It has ended.</p>", grant.until.for_people())
            }
            _ => format!("<p>Nobody decided until {}. The request has ended.</p>", request.expires_at.for_people()),
        },
        StepKind::RecordWithdrawal => "<p>The end user took the request back.</p>".to_owned(),
        StepKind::RecordRevocation => {
            let (by, at) = request.revoked.as_ref()?;
            format!("<p>{} took the approval back at {}.</p>", html(&by.name), at.for_people())
        }
        StepKind::RecordFailure => {
            let outcome = request.outcome?;
            let code = outcome.exit_code.map_or_else(String::new, |code| format!(" (exit code {code})"));
            format!("<p>The approved program could not be started{code}, {}.</p>", outcome.at.for_people())
        }
    };
    Some(format!("{sentence}<p>{}</p>", html(reference)))
}

fn decided(decision: &Decision, repeats: u32) -> String {
    let what = match decision.verdict {
        Verdict::Approve => "approved",
        Verdict::Deny => "denied",
    };
    let mut out = format!("<p><b>{}</b> {what} this at {}.", html(&decision.by.name), decision.at.for_people());
    if decision.verdict == Verdict::Approve {
        let _infallible = write!(out, " Once, within {}.", minutes(decision.minutes));
    }
    out.push_str("</p>");
    if let Some(reason) = decision.reason.as_deref() {
        let _infallible = write!(out, "<p>Reason: {}</p>", html(reason));
    }
    if repeats > 0 {
        let times = if repeats == 1 { "once".to_owned() } else { format!("{repeats} times") };
        let _infallible = write!(out, "<p>It was asked again {times} while it waited.</p>");
    }
    out
}

fn minutes(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// How long the working time of a decision is, in seconds: a fixed time, or from the decider's first look to his
/// decision, at least `minimum`, at most half an hour, rounded up to whole minutes.
#[must_use]
pub fn measured_seconds(first_look: Time, decided: Time, minimum: u32) -> u32 {
    let looked = u32::try_from(decided.seconds_since(first_look)).unwrap_or(u32::MAX);
    looked.clamp(minimum.min(1800), 1800).div_ceil(60) * 60
}
