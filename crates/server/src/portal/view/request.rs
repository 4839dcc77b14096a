//! One request as a page of its own, and the list of all of them.

use askama::Template;

use super::approvals::{Bar, Reason, Risk};
use super::frame::{Empty, Frame, Tab, Tone, When};
use crate::portal::text::Text;

/// A named fact of the program.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Shown in place of a long value such as a hash; the whole one is what gets copied.
    pub(crate) short: Option<String>,
    pub(crate) style: FactStyle,
}

/// How a fact's value is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactStyle {
    Plain,
    /// Paths, hashes, commands.
    Mono,
    /// A publisher whose signature was verified.
    Verified,
    /// A publisher that is only claimed, or none.
    Unverified,
}

/// The ticket as a request names it.
#[derive(Debug, Clone)]
pub(crate) enum TicketLink {
    /// Open in the ticketing system.
    Open { number: String, url: Option<String>, status: Option<String> },
    /// Not there yet; the sentence says why.
    Waiting(String),
    /// There will be none; the sentence says why.
    None(String),
}

/// An earlier request.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) href: String,
    pub(crate) at: When,
    pub(crate) name: String,
    pub(crate) by: String,
    pub(crate) word: String,
    pub(crate) tone: Tone,
}

/// Whose part of the story an entry is: the filter over the time line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Endpoint,
    People,
    Ticket,
}

impl Side {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::People => "people",
            Self::Ticket => "ticket",
        }
    }
}

/// One entry of the time line.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: When,
    pub(crate) side: Side,
    pub(crate) tone: Tone,
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    /// A sentence below the title.
    pub(crate) detail: String,
    /// What a person wrote, in quotation marks.
    pub(crate) quote: Option<String>,
    /// The attempts of a ticket step. More than three fold to the first, the last, and "5 more".
    pub(crate) attempts: Vec<Attempt>,
}

impl Entry {
    /// The attempts that stand in sight before the fold.
    pub(crate) fn head(&self) -> &[Attempt] {
        fold(&self.attempts).0
    }

    /// The attempts behind the fold.
    pub(crate) fn folded(&self) -> &[Attempt] {
        fold(&self.attempts).1
    }

    /// The last attempt, where a fold stands before it.
    pub(crate) fn tail(&self) -> &[Attempt] {
        fold(&self.attempts).2
    }
}

/// More than three attempts fold to the first, those behind the fold, and the last.
pub(crate) fn fold(attempts: &[Attempt]) -> (&[Attempt], &[Attempt], &[Attempt]) {
    match attempts {
        [first, between @ .., last] if between.len() > 1 => {
            (std::slice::from_ref(first), between, std::slice::from_ref(last))
        }
        few => (few, &[], &[]),
    }
}

/// One call to the ticketing system, as a person reads it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) at: When,
    /// "201, 388 ms", "No answer", "Found", "Refused".
    pub(crate) answer: String,
    pub(crate) tone: Tone,
    pub(crate) sentence: String,
    /// What a call that did not go well says of itself, with the other side's words in it where it had some.
    pub(crate) words: Option<String>,
}

/// What the ticketing system holds for this request.
#[derive(Debug, Clone)]
pub(crate) struct TicketCard {
    pub(crate) link: TicketLink,
    pub(crate) reference: String,
    pub(crate) assigned_to: Option<String>,
    /// "5 min, Maria Ruiz".
    pub(crate) time: Option<String>,
    /// "2 of 2 done".
    pub(crate) steps: String,
    /// What a person did to it that needs to be known.
    pub(crate) warning: Option<String>,
}

/// The request that another of the same program, person and computer joined.
#[derive(Debug, Clone)]
pub(crate) struct JoinedTo {
    pub(crate) href: String,
    pub(crate) reference: String,
    pub(crate) program: String,
    pub(crate) account: String,
    pub(crate) at: When,
}

/// A request's own page.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/one.html")]
pub(crate) struct RequestPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) id: String,
    /// The short form, as it stands in the ticket.
    pub(crate) reference: String,
    pub(crate) program: String,
    pub(crate) state: String,
    pub(crate) state_tone: Tone,
    /// "j.ortiz on DEMO-LT-203".
    pub(crate) account: String,
    pub(crate) computer: String,
    pub(crate) company: String,
    pub(crate) location: String,
    /// "decided by Maria Ruiz in 2 min 11 s".
    pub(crate) summary: String,
    pub(crate) story: Vec<Entry>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) command_line: Option<String>,
    pub(crate) risk: Risk,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) ticket: TicketCard,
    /// The request that this one joined.
    pub(crate) joined_to: Option<JoinedTo>,
    /// Those that joined this one, newest first; the last few.
    pub(crate) joined: Vec<Past>,
    /// This program here before, newest first.
    pub(crate) before: Vec<Past>,
    /// While it waits, the same bar as beside the queue.
    pub(crate) bar: Option<Bar>,
    /// An unused grant can be taken back.
    pub(crate) revocable: Offered,
    /// It can be attached to a ticket by hand.
    pub(crate) attachable: Offered,
}

/// Whether the page offers an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    Yes,
    No,
}

impl RequestPage {
    /// A person may name the ticket, while there is none or its own is in trouble.
    pub(crate) fn can_attach(&self) -> bool {
        self.attachable == Offered::Yes
    }

    pub(crate) fn can_revoke(&self) -> bool {
        self.revocable == Offered::Yes
    }

    /// The ticket's number and address, where it is open.
    pub(crate) fn open_ticket(&self) -> Option<(&str, &str)> {
        match &self.ticket.link {
            TicketLink::Open { number, url: Some(url), .. } => Some((number, url)),
            _ => None,
        }
    }
}

/// A request in the list.
#[derive(Debug, Clone)]
pub(crate) struct RequestRow {
    pub(crate) id: String,
    pub(crate) program: String,
    pub(crate) account: String,
    pub(crate) computer: String,
    pub(crate) company: String,
    pub(crate) state: String,
    pub(crate) tone: Tone,
    pub(crate) by: String,
    pub(crate) asked_at: When,
    pub(crate) ticket: TicketLink,
}

/// All requests, by state and search.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/page.html")]
pub(crate) struct RequestsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) query: String,
    pub(crate) rows: Vec<RequestRow>,
    /// The cursor of the next page.
    pub(crate) next: Option<String>,
    pub(crate) empty: Option<Empty>,
}

impl RequestsPage {
    pub(crate) fn state(&self) -> &'static str {
        self.tabs.iter().find(|tab| tab.current).map_or("", |tab| tab.state)
    }
}
