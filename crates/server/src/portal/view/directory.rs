//! Companies, locations, computers and users: one list, and how each record is tied to the ticketing system.

use askama::Template;

use super::frame::{Empty, Frame, Tab, Tone};
use crate::portal::text::Text;

/// Which of the four lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Companies,
    Locations,
    Computers,
    Users,
}

impl Kind {
    /// The list's address below `/portal/`, and the part of its text keys.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Companies => "companies",
            Self::Locations => "locations",
            Self::Computers => "computers",
            Self::Users => "users",
        }
    }

    /// A key for this list: `companies-title`, `users-empty`, …
    pub(crate) fn key(self, rest: &str) -> String {
        format!("{}-{rest}", self.path())
    }

    /// Only companies hold tickets back.
    pub(crate) fn holds_tickets(self) -> bool {
        self == Self::Companies
    }
}

/// How a record is tied, and with it the one next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkState {
    Linked {
        name: String,
        id: String,
    },
    /// `like` is the nearest record on the other side, if any comes near.
    Unlinked {
        like: Option<Candidate>,
    },
    Ambiguous {
        candidates: u64,
    },
    /// Linked once; the other side's record is gone or merged.
    Missing {
        name: String,
    },
}

impl LinkState {
    pub(crate) fn is_linked(&self) -> bool {
        matches!(self, Self::Linked { .. })
    }

    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Linked { .. } => "link-linked",
            Self::Unlinked { .. } => "link-unlinked",
            Self::Ambiguous { .. } => "link-ambiguous",
            Self::Missing { .. } => "link-missing",
        }
    }

    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Linked { .. } => "plain",
            Self::Unlinked { .. } => "outline",
            Self::Ambiguous { .. } => "warn",
            Self::Missing { .. } => "bad",
        }
    }

    pub(crate) fn icon(&self) -> &'static str {
        match self {
            Self::Linked { .. } => "link",
            Self::Unlinked { .. } => "unlink",
            Self::Ambiguous { .. } => "git-fork",
            Self::Missing { .. } => "help-circle",
        }
    }
}

/// One record.
#[derive(Debug, Clone)]
pub(crate) struct DirectoryRow {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The company of a location or computer; a user's e-mail address; empty for a company.
    pub(crate) under: String,
    pub(crate) link: LinkState,
    /// Its company has no link yet, so this one cannot have one; the sentence says so.
    pub(crate) blocked: Option<String>,
    /// Tickets that wait for this record's link.
    pub(crate) waiting: u64,
    /// What happened to this row in the action that was just taken.
    pub(crate) result: Option<RowResult>,
}

/// A line of a bulk result, in its row.
#[derive(Debug, Clone)]
pub(crate) struct RowResult {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// A row alone: the fragment that answers an action on it.
#[derive(Debug, Clone, Template)]
#[template(path = "directory/row.html")]
pub(crate) struct RowPart {
    pub(crate) text: Text,
    pub(crate) kind: Kind,
    pub(crate) row: DirectoryRow,
}

/// The question before many links are taken away.
#[derive(Debug, Clone)]
pub(crate) struct UnlinkAsk {
    pub(crate) ids: Vec<String>,
}

impl UnlinkAsk {
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.ids.len()).unwrap_or(u64::MAX)
    }
}

/// What "Add" asks for: companies a name, users also an address and a role.
#[derive(Debug, Clone)]
pub(crate) struct Add {
    /// The roles to choose from, with their names; none for companies.
    pub(crate) roles: Vec<(&'static str, String)>,
}

/// The list.
#[derive(Debug, Clone, Template)]
#[template(path = "directory/page.html")]
pub(crate) struct DirectoryPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) kind: Kind,
    /// "5 without a link."
    pub(crate) summary: String,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) query: String,
    pub(crate) rows: Vec<DirectoryRow>,
    pub(crate) next: Option<String>,
    pub(crate) empty: Option<Empty>,
    /// What the action that led here did, in a sentence.
    pub(crate) said: Option<RowResult>,
    pub(crate) ask: Option<UnlinkAsk>,
    /// Set where this person may add to this list.
    pub(crate) add: Option<Add>,
}

impl DirectoryPage {
    pub(crate) fn state(&self) -> &'static str {
        self.tabs.iter().find(|tab| tab.current).map_or("", |tab| tab.state)
    }
}

/// Who tied a link, and when.
#[derive(Debug, Clone)]
pub(crate) struct LinkedHow {
    pub(crate) how: String,
    pub(crate) at: Option<super::frame::When>,
}

/// A record of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// One record: its name to change, its link, and the records of the other side to choose from.
#[derive(Debug, Clone, Template)]
#[template(path = "directory/one.html")]
pub(crate) struct RecordPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    /// A user's e-mail address, by which Halo's agent is found.
    pub(crate) email: Option<String>,
    pub(crate) under: String,
    pub(crate) link: LinkState,
    pub(crate) blocked: Option<String>,
    /// "by name", "by hand", with the time.
    pub(crate) linked_how: Option<LinkedHow>,
    /// Those that fit.
    pub(crate) candidates: Vec<Candidate>,
    /// All others, to choose from by typing.
    pub(crate) others: Vec<Candidate>,
    /// Why there are none to choose from.
    pub(crate) others_error: Option<String>,
    pub(crate) waiting: u64,
    pub(crate) said: Option<RowResult>,
    /// A one-use link that was just made for a user; shown once.
    pub(crate) sign_in_link: Option<String>,
    /// What was typed, and why it was not taken.
    pub(crate) error: Option<String>,
}
