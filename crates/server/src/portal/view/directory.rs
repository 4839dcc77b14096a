//! Companies, locations, computers, users and contacts: one list, and how each record is tied to the ticketing system.

use askama::Template;
use countersign_app::import::MAX_LINES;
use url::form_urlencoded;

use super::frame::{Empty, Frame, Tab, Tone, When};
use super::sync::SyncLine;
use crate::http::limits::MAX_LIST;
use crate::portal::text::Text;

/// Which of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Companies,
    Locations,
    Computers,
    Users,
    Contacts,
}

impl Kind {
    /// The list's address below `/portal/`, and the part of its text keys.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Companies => "companies",
            Self::Locations => "locations",
            Self::Computers => "computers",
            Self::Users => "users",
            Self::Contacts => "contacts",
        }
    }

    /// A key for this list: `companies-title`, `users-empty`, …
    pub(crate) fn key(self, rest: &str) -> String {
        format!("{}-{rest}", self.path())
    }

    /// Only companies hold tickets back, and have locations and computers.
    pub(crate) fn is_companies(self) -> bool {
        self == Self::Companies
    }

    /// Contacts come with requests and go with their company.
    pub(crate) fn can_be_archived(self) -> bool {
        self != Self::Contacts
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
    /// Linked once; the other side's record is gone or merged, into `into` if that is known.
    Missing {
        name: String,
        into: Option<Candidate>,
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

/// The one next step of a row, with the key of its word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    None,
    /// Ties it to this record of the other side.
    Take(Candidate, &'static str),
    /// Leads to the record's page, where a person chooses.
    Choose(&'static str),
    /// Takes it back into the lists.
    Restore,
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
    /// Locations and computers of a company.
    pub(crate) size: (u64, u64),
    pub(crate) created: When,
    pub(crate) archived: bool,
    /// This person may change it.
    pub(crate) editable: bool,
    /// What happened to this row in the action that was just taken.
    pub(crate) result: Option<RowResult>,
}

impl DirectoryRow {
    pub(crate) fn step(&self) -> Step {
        if !self.editable {
            return Step::None;
        }
        if self.archived {
            return Step::Restore;
        }
        if self.blocked.is_some() {
            return Step::None;
        }
        match &self.link {
            LinkState::Linked { .. } => Step::None,
            LinkState::Unlinked { like: Some(like) } => Step::Take(like.clone(), "link"),
            LinkState::Missing { into: Some(into), .. } => Step::Take(into.clone(), "link-follow"),
            LinkState::Ambiguous { .. } => Step::Choose("link-choose"),
            LinkState::Unlinked { like: None } | LinkState::Missing { into: None, .. } => Step::Choose("link-find"),
        }
    }
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

/// What was done, in a sentence, and the way back where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) tone: Tone,
    pub(crate) text: String,
    pub(crate) back: Option<Back>,
}

/// The way back: the action, the word on its button, and what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Back {
    pub(crate) action: &'static str,
    pub(crate) label: String,
    pub(crate) ids: Vec<String>,
}

/// A question in place, before something is done to the chosen records.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) action: &'static str,
    pub(crate) ids: Vec<String>,
    /// Names the things and the effect; stands on the button, too.
    pub(crate) title: String,
    pub(crate) text: String,
    /// The name that must be typed.
    pub(crate) typed: Option<String>,
    /// What was typed is another name.
    pub(crate) wrong: bool,
}

/// One of several things to choose, and whether it is chosen.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) chosen: bool,
}

/// Which companies a user may see.
#[derive(Debug, Clone)]
pub(crate) struct Sees {
    pub(crate) all: bool,
    pub(crate) companies: Vec<Choice>,
}

/// What "Add" asks for: a name; locations also a company; users an address, a role and companies.
#[derive(Debug, Clone)]
pub(crate) struct Add {
    /// What was typed and not taken; the form is open then.
    pub(crate) open: bool,
    pub(crate) name: String,
    pub(crate) email: String,
    /// A location's company.
    pub(crate) companies: Vec<Choice>,
    /// A user's role.
    pub(crate) roles: Vec<Choice>,
    pub(crate) sees: Option<Sees>,
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
    /// `name` or `newest`.
    pub(crate) sort: &'static str,
    /// The company whose records these are alone.
    pub(crate) of: Option<Candidate>,
    pub(crate) rows: Vec<DirectoryRow>,
    pub(crate) next: Option<String>,
    /// A later page; the first one is elsewhere.
    pub(crate) later: bool,
    pub(crate) empty: Option<Empty>,
    pub(crate) said: Option<Said>,
    pub(crate) ask: Option<Ask>,
    /// How the directory sync stands; none for who sees some companies alone.
    pub(crate) sync: Option<SyncLine>,
    /// Set where this person may add to this list.
    pub(crate) add: Option<Add>,
    /// This person may change records of this list.
    pub(crate) editable: bool,
}

impl DirectoryPage {
    pub(crate) fn state(&self) -> &'static str {
        self.tabs.iter().find(|tab| tab.current).map_or("", |tab| tab.state)
    }

    /// What is looked at is the archived half.
    pub(crate) fn is_archive(&self) -> bool {
        self.state() == "archived"
    }

    /// The list's address with another tab, order or place.
    pub(crate) fn href(&self, state: &str, sort: &str, after: &str) -> String {
        let company = self.of.as_ref().map_or("", |of| of.id.as_str());
        let parts = [("state", state), ("q", &self.query), ("company", company), ("after", after)];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        if sort != "name" {
            query.append_pair("sort", sort);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/portal/{}{mark}{query}", self.kind.path())
    }
}

/// Who tied a link, and when.
#[derive(Debug, Clone)]
pub(crate) struct LinkedHow {
    pub(crate) how: String,
    pub(crate) at: Option<When>,
}

/// A record of the other side, or a company of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) name: String,
    /// How alike the names are, in words; none where they are the same.
    pub(crate) alike: Option<String>,
}

/// Records of the other side to choose from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Others {
    /// What was looked for.
    pub(crate) find: String,
    /// An id that was typed and refused.
    pub(crate) typed: String,
    pub(crate) found: Vec<Candidate>,
    /// That more fit, in a sentence.
    pub(crate) more: Option<String>,
    /// Why there are none to choose from.
    pub(crate) error: Option<String>,
}

/// What of a record can be changed, as it is or as it was typed and refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edit {
    pub(crate) name: String,
    /// A user's e-mail address, by which Halo's agent is found.
    pub(crate) email: Option<String>,
    /// A computer's location.
    pub(crate) locations: Vec<Choice>,
    /// A user's role.
    pub(crate) roles: Vec<Choice>,
    pub(crate) sees: Option<Sees>,
    /// A user's own accounts, one a line.
    pub(crate) accounts: Option<String>,
}

/// One record: what can be changed of it, its link, and the records of the other side to choose from.
#[derive(Debug, Clone, Template)]
#[template(path = "directory/one.html")]
pub(crate) struct RecordPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) under: String,
    pub(crate) link: LinkState,
    pub(crate) blocked: Option<String>,
    /// "by name", "by hand", with the time.
    pub(crate) linked_how: Option<LinkedHow>,
    /// Those that fit.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) others: Others,
    pub(crate) waiting: u64,
    pub(crate) size: (u64, u64),
    pub(crate) archived: Option<When>,
    pub(crate) editable: bool,
    pub(crate) edit: Edit,
    /// Archiving it asks for its name.
    pub(crate) type_name: bool,
    pub(crate) said: Option<Said>,
    /// A one-use link that was just made for a user; shown once.
    pub(crate) sign_in_link: Option<String>,
    /// What was chosen to link to, and why it was not taken.
    pub(crate) error: Option<String>,
}

/// What becomes of a line of a list.
#[derive(Debug, Clone)]
pub(crate) struct ImportLine {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) tone: Tone,
    pub(crate) word: String,
    pub(crate) detail: String,
    /// The record's page, once there is one.
    pub(crate) href: Option<String>,
}

/// What a list would do, or did.
#[derive(Debug, Clone)]
pub(crate) struct Imported {
    pub(crate) summary: String,
    pub(crate) tone: Tone,
    pub(crate) lines: Vec<ImportLine>,
    /// How many more there are.
    pub(crate) hidden: u64,
    /// Columns that mean nothing here.
    pub(crate) ignored: Option<String>,
    /// The label of the button that does it; none once it is done, or where there is nothing to do.
    pub(crate) go: Option<String>,
    /// What the preview was of.
    pub(crate) digest: String,
}

/// A list is read in: pasted or chosen, looked at, then done.
#[derive(Debug, Clone, Template)]
#[template(path = "directory/import.html")]
pub(crate) struct ImportPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) kind: Kind,
    pub(crate) csv: String,
    pub(crate) imported: Option<Imported>,
    pub(crate) error: Option<String>,
}

impl ImportPage {
    pub(crate) fn largest() -> usize {
        MAX_LIST
    }

    fn most(&self, key: &str) -> String {
        let size = format!("{} MiB", MAX_LIST / 1024 / 1024);
        self.text.arg2(key, "lines", MAX_LINES.to_string(), "size", size)
    }

    pub(crate) fn limits(&self) -> String {
        self.most("import-limits")
    }

    pub(crate) fn too_large(&self) -> String {
        self.most("import-too-large")
    }
}
