//! Turns what `domain` and `app` tell into the views' words, tones and times.
//!
//! Not for: whole pages. Called by the portal's routes.

use countersign_app::TechnicianRow;
use countersign_app::requests::TicketView;
use countersign_app::{AttemptRow, RequestRow};
use countersign_domain::decision::Verdict;
use countersign_domain::request::{Asked, Request, State};
use countersign_domain::risk::{self, Level};
use countersign_domain::time::Time;

use super::text::Text;
use super::view::approvals::{Decided, Reason, Risk};
use super::view::frame::{Tone, When};
use super::view::request::{Attempt, Fact, FactStyle, Past, TicketLink};

pub(super) fn when(time: Time) -> When {
    When { iso: time.rfc3339(), text: time.for_people() }
}

/// A time kept as microseconds UTC.
pub(super) fn when_micros(micros: i64) -> When {
    when(Time(micros))
}

/// A span as the pages write it: "24 s", "7 min", "1 h 12 min", "2 min 11 s" below an hour.
pub(super) fn span(seconds: i64) -> String {
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) if h < 24 => format!("{h} h"),
        (h, m, _) if h < 24 => format!("{h} h {m} min"),
        (h, ..) => format!("{} d", h / 24),
    }
}

fn level_tone(level: Level) -> Tone {
    match level {
        Level::High => Tone::Bad,
        Level::LookTwice => Tone::Warn,
        Level::Low => Tone::Ok,
    }
}

/// The level in the views' terms.
pub(super) fn risk_of(risk: &risk::Risk) -> Risk {
    match risk.level {
        Level::High => Risk::High,
        Level::LookTwice => Risk::LookTwice,
        Level::Low => Risk::Low,
    }
}

/// The reasons as sentences, heaviest first; never empty.
pub(super) fn reasons(text: Text, risk: &risk::Risk) -> Vec<Reason> {
    if risk.reasons.is_empty() {
        return vec![Reason { tone: Tone::Quiet, text: text.t("reason-none") }];
    }
    risk.reasons
        .iter()
        .map(|reason| Reason { tone: level_tone(reason.level()), text: text.t(format!("reason-{}", reason.as_str())) })
        .collect()
}

/// The one reason that weighs most.
pub(super) fn weighs(text: Text, risk: &risk::Risk) -> String {
    reasons(text, risk).swap_remove(0).text
}

pub(super) fn state_tone(state: State) -> Tone {
    match state {
        State::Pending => Tone::Accent,
        State::Approved => Tone::Ok,
        State::Denied => Tone::Bad,
        State::Withdrawn | State::Expired | State::Revoked => Tone::Quiet,
    }
}

pub(super) fn state_word(text: Text, state: State) -> String {
    text.t(format!("state-{}", state.as_str()))
}

/// How a request ended; none while it waits.
pub(super) fn decided(text: Text, request: &Request) -> Option<Decided> {
    let (sentence, at) = match (request.state, &request.decision) {
        (State::Pending, _) => return None,
        (State::Withdrawn, _) => (text.t("decided-withdrawn"), None),
        (State::Expired, Some(decision)) => {
            (text.arg("decided-lapsed", "name", &decision.by.name), request.grant.as_ref().map(|grant| grant.until))
        }
        (State::Expired, None) => (text.t("decided-expired"), Some(request.expires_at)),
        (State::Revoked, _) => request.revoked.as_ref().map_or_else(
            || (text.t("state-revoked"), None),
            |(by, at)| (text.arg("decided-revoked", "name", &by.name), Some(*at)),
        ),
        (State::Approved | State::Denied, Some(decision)) => {
            let key = match decision.verdict {
                Verdict::Approve => "decided-approved",
                Verdict::Deny => "decided-denied",
            };
            (text.arg(key, "name", &decision.by.name), Some(decision.at))
        }
        (State::Approved | State::Denied, None) => (state_word(text, request.state), None),
    };
    let reason = request.decision.as_ref().and_then(|decision| decision.reason.clone());
    Some(Decided { sentence, tone: state_tone(request.state), at: at.map(when), reason })
}

/// The program's facts, the weightiest first.
pub(super) fn facts(text: Text, asked: &Asked) -> Vec<Fact> {
    let program = &asked.program;
    let fact = |key: &str, value: String, style| Fact { name: text.t(key), value, short: None, style };
    let mut facts = Vec::new();
    facts.push(match &program.publisher {
        Some(publisher) if publisher.verified => {
            fact("fact-publisher", publisher.subject.to_string(), FactStyle::Verified)
        }
        Some(publisher) => {
            fact("fact-publisher", text.arg("publisher-unverified", "name", &publisher.subject), FactStyle::Unverified)
        }
        None => fact("fact-publisher", text.t("publisher-none"), FactStyle::Unverified),
    });
    if let Some(package) = &program.package {
        let version = package.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        facts.push(fact("fact-package", format!("{}{version}", package.name), FactStyle::Plain));
    }
    facts.push(fact("fact-path", program.path.to_string(), FactStyle::Mono));
    let hash = program.sha256.to_string();
    let short = hash.get(..8).zip(hash.get(56..)).map(|(head, tail)| format!("{head}…{tail}"));
    facts.push(Fact { short, ..fact("fact-hash", hash, FactStyle::Mono) });
    let run_as = asked.run_as.clone().unwrap_or_else(|| text.t("run-as-default"));
    facts.push(fact("fact-run-as", run_as, FactStyle::Plain));
    for (key, value, style) in [
        ("fact-parent", asked.parent.clone(), FactStyle::Mono),
        ("fact-folder", asked.working_dir.clone(), FactStyle::Mono),
        ("fact-version", program.version.as_ref().map(ToString::to_string), FactStyle::Plain),
        ("fact-owner", program.owner.as_ref().map(ToString::to_string), FactStyle::Plain),
        ("fact-size", program.size.map(size), FactStyle::Plain),
        ("fact-contact", contact(asked), FactStyle::Plain),
    ] {
        facts.extend(value.map(|value| fact(key, value, style)));
    }
    facts
}

/// How the end user can be reached, as far as the endpoint told it.
fn contact(asked: &Asked) -> Option<String> {
    let user = &asked.end_user;
    let parts: Vec<&str> =
        [&user.display_name, &user.email, &user.phone].into_iter().filter_map(Option::as_deref).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A size in decimal units, to one place: "88.4 MB".
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    units.into_iter().find(|(unit, _)| bytes >= *unit).map_or_else(
        || format!("{bytes} B"),
        |(unit, name)| {
            let tenths = bytes / (unit / 10);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        },
    )
}

/// The ticket of a request, or why there is none yet. `attention` is true where one of its steps needs a person.
pub(super) fn ticket(text: Text, row: &RequestRow, ticket: Option<&TicketView>, standing: Standing) -> TicketLink {
    match (ticket, standing) {
        (Some(ticket), _) => TicketLink::Open {
            number: ticket.id.clone(),
            url: Some(ticket.url.clone()).filter(|url| !url.is_empty()),
            status: ticket.status.clone(),
        },
        (None, Standing::NotConnected) => TicketLink::None(text.t("ticket-not-set")),
        (None, _) if !row.request.makes_ticket() => TicketLink::None(text.t("ts-no-ticket")),
        (None, _) if !row.company_linked => TicketLink::Waiting(text.t("ticket-waits-link")),
        (None, Standing::Attention) => TicketLink::Waiting(text.t("ticket-attention")),
        (None, Standing::OnItsWay) if row.request.state == State::Withdrawn => TicketLink::None(text.t("ticket-none")),
        (None, Standing::OnItsWay) => TicketLink::Waiting(text.t("ticket-on-its-way")),
    }
}

/// What a person did to a ticket that needs to be known.
pub(super) fn ticket_warning(text: Text, ticket: &TicketView) -> Option<String> {
    let by_hand = ticket.closed_by_hand_at.map(|_| text.t("ticket-closed-by-hand"));
    ticket.gone_at.map(|_| text.t("ticket-gone")).or(by_hand)
}

/// Why a ticket may be missing, as far as the page knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    NotConnected,
    Attention,
    OnItsWay,
}

/// An earlier request; `name` is what the list tells apart: the program, or the computer.
pub(super) fn past(text: Text, row: &RequestRow, name: String) -> Past {
    let by = row.request.decision.as_ref().map(|decision| decision.by.name.clone()).unwrap_or_default();
    Past {
        href: format!("/portal/requests/{}", row.request.id),
        at: when(row.request.received_at),
        name,
        by,
        word: state_word(text, row.request.state),
        tone: state_tone(row.request.state),
    }
}

/// One call to the ticketing system.
pub(super) fn attempt(text: Text, row: &AttemptRow) -> Attempt {
    let result = row.result.as_str();
    let tone = match result {
        "done" | "found" => Tone::Ok,
        "not_needed" => Tone::Info,
        "refused" => Tone::Bad,
        _ => Tone::Warn,
    };
    let answer = match row.status {
        Some(status) => text.arg2("attempt-status", "status", status.to_string(), "ms", row.ms.to_string()),
        None => text.t(format!("attempt-{result}")),
    };
    let words = Some(row.words.clone()).filter(|words| !words.is_empty());
    let general = text.t(format!("attempt-sentence-{result}"));
    // Where a call did not go well, the words tell why and what to do; else they say the same and more.
    let (sentence, words) = match result {
        "refused" | "later" | "unknown" => (general, words),
        _ => (words.unwrap_or(general), None),
    };
    Attempt { at: when_micros(row.started_at), answer, tone, sentence, words }
}

/// A technician's companies in a few words are not told here; his role is.
pub(super) fn role(text: Text, row: &TechnicianRow) -> String {
    text.t(format!("role-{}", row.technician.role.as_str()))
}
