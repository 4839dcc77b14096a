//! What a ticket says: the references by which we find our own again, the opening text, and the note of each step.
//!
//! Texts are templates, the product's own or an administrator's, filled with escaped facts (promise P7). They hold true
//! times, since a step may be written long after what it tells of. The decision a reader would undo: references are not
//! part of a template. They are put at the end here, whatever it says, or a ticket could not be found again (promise P1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    decision::Verdict,
    effect::StepKind,
    id::RequestId,
    request::Request,
    template::{self, Form, Wrong},
    text::{html, line},
    time::Time,
    variables::About,
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

/// One of the texts of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The ticket's one line.
    Summary,
    /// The ticket's description.
    Description,
    /// The note of an approval.
    Approved,
    /// The note of a denial.
    Denied,
    /// The note where time ran out.
    Expired,
    /// The note where the end user took it back.
    Withdrawn,
    /// The note where an approval was taken back.
    Revoked,
    /// The note where the program could not be started.
    Failed,
    /// The note of the first repeat.
    Repeated,
}

impl Part {
    /// Every text.
    pub const ALL: [Self; 9] = [
        Self::Summary,
        Self::Description,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Withdrawn,
        Self::Revoked,
        Self::Failed,
        Self::Repeated,
    ];

    /// The word used on the wire and in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Description => "description",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
            Self::Repeated => "repeated",
        }
    }

    /// The text that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == word)
    }

    /// What its template makes.
    #[must_use]
    pub const fn form(self) -> Form {
        match self {
            Self::Summary => Form::Line,
            Self::Description
            | Self::Approved
            | Self::Denied
            | Self::Expired
            | Self::Withdrawn
            | Self::Revoked
            | Self::Failed
            | Self::Repeated => Form::Html,
        }
    }

    /// The product's own template.
    #[must_use]
    pub const fn default_template(self) -> &'static str {
        match self {
            Self::Summary => "Elevation request: {{ program }} on {{ computer }}",
            Self::Description => include_str!("../texts/description.html"),
            Self::Approved => include_str!("../texts/approved.html"),
            Self::Denied => include_str!("../texts/denied.html"),
            Self::Expired => include_str!("../texts/expired.html"),
            Self::Withdrawn => "<p>The end user took the request back.</p>",
            Self::Revoked => "<p>{{ by }} took the approval back at {{ at }}.</p>",
            Self::Failed => include_str!("../texts/failed.html"),
            Self::Repeated => "<p>The same was asked again while it waited.</p>",
        }
    }

    /// The text that a step writes as its note; none for steps that write none, or have nothing to tell yet.
    #[must_use]
    pub fn of_step(kind: StepKind, request: &Request) -> Option<Self> {
        match kind {
            StepKind::OpenTicket
            | StepKind::RecordAgain
            | StepKind::AdjustTicket
            | StepKind::LinkRecord
            | StepKind::SyncDirectory
            | StepKind::FollowTickets
            | StepKind::Reconcile => None,
            StepKind::RecordDecision => Some(match request.decision.as_ref()?.verdict {
                Verdict::Approve => Self::Approved,
                Verdict::Deny => Self::Denied,
            }),
            StepKind::RecordRequest => Some(Self::Description),
            StepKind::RecordRepeat => Some(Self::Repeated),
            StepKind::RecordExpiry => Some(Self::Expired),
            StepKind::RecordWithdrawal => Some(Self::Withdrawn),
            StepKind::RecordRevocation => request.revoked.as_ref().map(|_| Self::Revoked),
            StepKind::RecordFailure => request.outcome.map(|_| Self::Failed),
        }
    }
}

/// The templates that an administrator wrote in place of the product's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(BTreeMap<Part, String>);

/// A text, filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// Why it is the product's own and not the administrator's, where his failed.
    pub failed: Option<Wrong>,
}

impl Texts {
    /// The template in force.
    #[must_use]
    pub fn template(&self, part: Part) -> &str {
        self.own(part).unwrap_or_else(|| part.default_template())
    }

    /// The administrator's template, if there is one.
    #[must_use]
    pub fn own(&self, part: Part) -> Option<&str> {
        self.0.get(&part).map(String::as_str)
    }

    /// Puts a template in the place of the product's own; nothing, blanks or the product's own itself take it away.
    ///
    /// # Errors
    /// [`Wrong`] where it would not work.
    pub fn set(&mut self, part: Part, template: Option<&str>) -> Result<(), Wrong> {
        // Forms send lines the way mail does.
        let template = template.map(|text| text.replace("\r\n", "\n"));
        match template
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty() && *text != part.default_template().trim())
        {
            None => {
                self.0.remove(&part);
            }
            Some(text) => {
                template::check(part.form(), text)?;
                self.0.insert(part, text.to_owned());
            }
        }
        Ok(())
    }

    fn fill(&self, about: &About<'_>) -> Filled {
        let form = about.part.form();
        let failed = match self.own(about.part).map(|own| template::fill(form, own, about)) {
            Some(Ok(text)) => return Filled { text, failed: None },
            Some(Err(wrong)) => Some(wrong),
            None => None,
        };
        // The product's own are tried out by a test; were one to fail all the same, the reference is still told.
        let text = template::fill(form, about.part.default_template(), about).unwrap_or_default();
        Filled { text, failed }
    }

    /// The summary of a request's ticket: one line that ends with the reference.
    #[must_use]
    pub fn summary(&self, about: &About<'_>) -> Filled {
        let filled = self.fill(&About { part: Part::Summary, ..*about });
        let reference = reference(&about.request.id);
        let room = MAX_SUMMARY - reference.chars().count() - 1;
        let text = line(&filled.text, MAX_SUMMARY);
        let rest = text.strip_suffix(reference.as_str()).unwrap_or(&text).trim_end();
        let text = format!("{} {reference}", line(rest, room));
        Filled { text: text.trim_start().to_owned(), ..filled }
    }

    /// The description of a request's ticket. Its last words are the request's id and whose ticket it is.
    #[must_use]
    pub fn description(&self, about: &About<'_>) -> Filled {
        let filled = self.fill(&About { part: Part::Description, ..*about });
        let last = format!("{} · {}", about.request.id, about.server);
        Filled { text: with_last_words(&filled.text, &last), ..filled }
    }

    /// The note of an action. Its last words are the action's reference, visibly.
    #[must_use]
    pub fn note(&self, about: &About<'_>, reference: &str) -> Filled {
        let filled = self.fill(about);
        Filled { text: with_last_words(&filled.text, reference), ..filled }
    }
}

/// The note of a request that asks again for what was denied; an administrator has no text of his own for it.
#[must_use]
pub fn asked_again(request: &Request, reference: &str) -> String {
    let reason = request.asked.reason.as_deref();
    let reason = reason.map_or_else(String::new, |reason| format!("<p>Reason: {}</p>", html(reason)));
    let at = request.received_at.for_people();
    with_last_words(&format!("<p>The same was asked again at {at}.</p>{reason}"), reference)
}

fn with_last_words(text: &str, words: &str) -> String {
    format!("{}<p>{}</p>", text.trim_end(), html(words))
}

/// The mark of an installation that stands in its tickets' descriptions.
#[must_use]
pub fn server_mark(server: &crate::id::ServerId) -> String {
    format!("Countersign {server}")
}

/// How long the working time of a decision is, in seconds: from the decider's first look to his decision, at least
/// `minimum` seconds, rounded up to whole steps of `step_minutes`, at most half an hour.
#[must_use]
pub fn measured_seconds(first_look: Time, decided: Time, minimum: u32, step_minutes: u32) -> u32 {
    let looked = u32::try_from(decided.seconds_since(first_look)).unwrap_or(u32::MAX);
    let step = step_minutes.clamp(1, 30) * 60;
    (looked.clamp(minimum.min(1800), 1800).div_ceil(step) * step).min(1800)
}
