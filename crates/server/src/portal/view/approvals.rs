//! The queue, the request beside it, and the bar in which it is decided.

use askama::Template;

use super::frame::{Frame, Tone, When};
use super::request::{Fact, Past, TicketLink};
use crate::portal::text::Text;

/// How much a request wants a second look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Risk {
    High,
    LookTwice,
    Low,
}

impl Risk {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::High => "risk-high",
            Self::LookTwice => "risk-look-twice",
            Self::Low => "risk-low",
        }
    }

    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::High => Tone::Bad,
            Self::LookTwice => Tone::Warn,
            Self::Low => Tone::Quiet,
        }
    }

    /// Low risk bears no icon: it asks for nothing.
    pub(crate) fn icon(self) -> Option<&'static str> {
        match self {
            Self::High => Some("alert-triangle"),
            Self::LookTwice => Some("eye"),
            Self::Low => None,
        }
    }

    pub(crate) fn is_high(self) -> bool {
        self == Self::High
    }
}

/// One thing that speaks for or against.
#[derive(Debug, Clone)]
pub(crate) struct Reason {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// A decision as the past tense of a request: who, when, which way.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    /// "Approved by Sam Okoro", "Expired", … in the reader's language.
    pub(crate) sentence: String,
    pub(crate) tone: Tone,
    pub(crate) at: Option<When>,
    pub(crate) reason: Option<String>,
}

/// A request in the queue.
#[derive(Debug, Clone)]
pub(crate) struct QueueRow {
    pub(crate) id: String,
    pub(crate) program: String,
    pub(crate) account: String,
    pub(crate) computer: String,
    pub(crate) company: String,
    /// When it was received; the script counts the waiting time from it.
    pub(crate) since: When,
    /// Waiting longer than the set limit.
    pub(crate) late: bool,
    /// It was denied a short while ago.
    pub(crate) again: bool,
    pub(crate) risk: Risk,
    /// The one reason that weighs most.
    pub(crate) weighs: String,
    /// What the end user wrote.
    pub(crate) why: Option<String>,
    /// How often it was asked while waiting, 1 for once.
    pub(crate) asked: u64,
    /// Set where it was decided a moment ago: the row stays in its place and folds.
    pub(crate) decided: Option<Decided>,
    /// What a decision sends back to tell whether the request changed since it was shown.
    pub(crate) version: i64,
}

/// The list of waiting requests: also the fragment that is fetched anew after each event.
#[derive(Debug, Clone, Template)]
#[template(path = "approvals/queue.html")]
pub(crate) struct Queue {
    pub(crate) text: Text,
    pub(crate) rows: Vec<QueueRow>,
    pub(crate) chosen: Option<String>,
    /// How many wait altogether; the list may hold fewer.
    pub(crate) waiting: u64,
    /// The last minutes' choice of validity, kept for the cards of a phone.
    pub(crate) minutes: u32,
    pub(crate) form_token: String,
    /// What is shown in place of an empty list.
    pub(crate) first_run: Option<FirstRun>,
}

impl Queue {
    pub(crate) fn validities(&self) -> Vec<Validity> {
        validities(self.text, self.minutes)
    }

    pub(crate) fn is_chosen(&self, row: &QueueRow) -> bool {
        self.chosen.as_deref() == Some(row.id.as_str())
    }
}

/// What is left to do before a first request can come.
#[derive(Debug, Clone)]
pub(crate) struct FirstRun {
    pub(crate) role: String,
    pub(crate) halo_connected: bool,
    pub(crate) computers: u64,
    pub(crate) others: u64,
    /// The command that enrols a computer, ready to copy, once a key was made.
    pub(crate) enroll_command: Option<String>,
}

impl FirstRun {
    /// How many of the four things are still to do; the account is done by being here.
    pub(crate) fn left(&self) -> u64 {
        u64::from(!self.halo_connected) + u64::from(self.computers == 0) + u64::from(self.others == 0)
    }
}

/// What the bar at the foot of a request asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The sentence of scope and time, Deny and Approve.
    Decide,
    /// The question before a high-risk request is approved. A denial is never asked twice: it harms nothing.
    ConfirmApprove,
}

/// The decision bar: also the fragment that answers "Approve…" and a refused decision.
#[derive(Debug, Clone, Template)]
#[template(path = "approvals/bar.html")]
pub(crate) struct Bar {
    pub(crate) text: Text,
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) form_token: String,
    pub(crate) risk: Risk,
    pub(crate) ask: Ask,
    /// What was typed, kept over a refused form.
    pub(crate) reason: String,
    pub(crate) minutes: u32,
    /// Why the decision was not taken, tied to the reason field.
    pub(crate) error: Option<String>,
    /// What will happen, in one sentence.
    pub(crate) outcome: String,
    /// Set where somebody has decided: the buttons give way to this sentence.
    pub(crate) decided: Option<Decided>,
    /// Why this person may not decide; the buttons are disabled with it.
    pub(crate) may_not: Option<String>,
    /// The request that comes next, for the sentence's button.
    pub(crate) next: Option<String>,
}

impl Bar {
    pub(crate) fn validities(&self) -> Vec<Validity> {
        validities(self.text, self.minutes)
    }

    /// The chosen validity in words.
    pub(crate) fn span(&self) -> String {
        duration(self.text, self.minutes)
    }
}

/// A choice of validity: minutes, and its text.
pub(crate) struct Validity {
    pub(crate) minutes: u32,
    pub(crate) label: String,
    pub(crate) chosen: bool,
}

/// The validities offered, in minutes.
const VALIDITIES: [u32; 6] = [15, 60, 240, 480, 1440, 10080];

/// The validities to offer, with `chosen` among them even if it is none of the usual ones.
fn validities(text: Text, chosen: u32) -> Vec<Validity> {
    let mut all = VALIDITIES.to_vec();
    if !all.contains(&chosen) {
        all.push(chosen);
        all.sort_unstable();
    }
    all.into_iter()
        .map(|minutes| Validity { minutes, label: duration(text, minutes), chosen: minutes == chosen })
        .collect()
}

/// A span in its largest whole unit: "15 minutes", "4 hours", "7 days".
pub(crate) fn duration(text: Text, minutes: u32) -> String {
    if minutes.is_multiple_of(1440) {
        text.count("span-days", u64::from(minutes / 1440))
    } else if minutes.is_multiple_of(60) {
        text.count("span-hours", u64::from(minutes / 60))
    } else {
        text.count("span-minutes", u64::from(minutes))
    }
}

/// The request shown beside the queue: also the fragment that a row fetches.
#[derive(Debug, Clone, Template)]
#[template(path = "approvals/pane.html")]
pub(crate) struct Pane {
    pub(crate) text: Text,
    pub(crate) id: String,
    pub(crate) program: String,
    pub(crate) account: String,
    pub(crate) computer: String,
    pub(crate) company: String,
    pub(crate) location: String,
    pub(crate) asked_at: When,
    pub(crate) asked: u64,
    pub(crate) risk: Risk,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) why: Option<String>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) command_line: Option<String>,
    pub(crate) ticket: TicketLink,
    /// What a person did to the ticket that needs to be known.
    pub(crate) warning: Option<String>,
    /// What was asked on this computer before, newest first.
    pub(crate) before: Vec<Past>,
    pub(crate) bar: Bar,
    /// What the decision that led here did: the script tells it and goes on to the next request.
    pub(crate) said: Option<String>,
}

/// The whole screen.
#[derive(Debug, Clone, Template)]
#[template(path = "approvals/page.html")]
pub(crate) struct ApprovalsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) queue: Queue,
    pub(crate) pane: Option<Pane>,
    /// A request's own address was opened: where there is room for one of the two, it is the request.
    pub(crate) request_first: RequestFirst,
}

/// Which of list and request a narrow screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFirst {
    Yes,
    No,
}

impl RequestFirst {
    pub(crate) fn view(self) -> &'static str {
        match self {
            Self::Yes => "request",
            Self::No => "list",
        }
    }
}
