//! The guided set-up of the ticketing system: its frame, and the steps that connect.

use askama::Template;

use super::frame::{Frame, Tone};
use super::ticketing::{Content, Field, Switch, Told};
use crate::portal::text::Text;

/// Where the pages of the set-up begin.
pub(crate) const ROOT: &str = "/portal/settings/ticketing/setup";

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Passed,
    Open,
    /// Not before there is a connection.
    Closed,
}

/// One step in the list beside the page.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// Its word in the address; also the middle of its text keys.
    pub(crate) word: &'static str,
    pub(crate) number: usize,
    pub(crate) standing: Standing,
    pub(crate) here: bool,
}

impl Mark {
    pub(crate) fn key(&self) -> String {
        format!("setup-{}", self.word)
    }

    pub(crate) fn href(&self) -> String {
        format!("{ROOT}/{}", self.word)
    }

    pub(crate) fn is_passed(&self) -> bool {
        self.standing == Standing::Passed
    }

    /// The page that is shown needs no link, and what is closed has none.
    pub(crate) fn is_link(&self) -> bool {
        !self.here && self.standing != Standing::Closed
    }
}

/// What every page of the set-up shows beside its step.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    pub(crate) marks: Vec<Mark>,
    /// The word of the step that is shown.
    pub(crate) word: &'static str,
    /// One sentence over the step.
    pub(crate) said: Option<(Tone, String)>,
}

impl Steps {
    pub(crate) fn title_key(&self) -> String {
        format!("setup-{}-title", self.word)
    }

    pub(crate) fn text_key(&self) -> String {
        format!("setup-{}-text", self.word)
    }

    fn at(&self) -> usize {
        self.marks.iter().position(|mark| mark.here).unwrap_or_default()
    }

    pub(crate) fn number(&self) -> u64 {
        u64::try_from(self.at() + 1).unwrap_or_default()
    }

    pub(crate) fn back(&self) -> Option<String> {
        let before = self.at().checked_sub(1)?;
        self.marks.get(before).map(Mark::href)
    }

    /// Where the step's form goes.
    pub(crate) fn here(&self) -> String {
        format!("{ROOT}/{}", self.word)
    }
}

/// The page for those who may read the settings and not change them.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/reader.html")]
pub(crate) struct ReaderPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    /// Who may.
    pub(crate) administrators: Vec<String>,
}

/// One setting in Halo to tick.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Its id; also the middle of its text keys.
    pub(crate) id: &'static str,
    pub(crate) ticked: bool,
}

impl Item {
    pub(crate) fn key(&self) -> String {
        format!("agent-{}", self.id)
    }

    pub(crate) fn value_key(&self) -> String {
        format!("agent-{}-value", self.id)
    }

    pub(crate) fn help_key(&self) -> String {
        format!("agent-{}-help", self.id)
    }
}

/// Settings that stand on one screen of Halo.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The middle of its text keys.
    pub(crate) id: &'static str,
    pub(crate) items: Vec<Item>,
}

impl Group {
    pub(crate) fn key(&self) -> String {
        format!("agent-group-{}", self.id)
    }

    pub(crate) fn text_key(&self) -> String {
        format!("agent-group-{}-text", self.id)
    }

    pub(crate) fn place_key(&self) -> String {
        format!("agent-group-{}-place", self.id)
    }
}

/// Step 1: the API-only agent.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/agent.html")]
pub(crate) struct AgentPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    pub(crate) groups: Vec<Group>,
}

impl AgentPage {
    fn items(&self) -> impl Iterator<Item = &Item> {
        self.groups.iter().flat_map(|group| &group.items)
    }

    pub(crate) fn ticked(&self) -> String {
        self.items().filter(|item| item.ticked).count().to_string()
    }

    pub(crate) fn all(&self) -> String {
        self.items().count().to_string()
    }
}

/// Step 2: the application.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/application.html")]
pub(crate) struct ApplicationPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
}

impl ApplicationPage {
    /// The four permissions by their real names.
    pub(crate) fn scopes() -> [&'static str; 4] {
        ["read:tickets", "edit:tickets", "read:customers", "read:assets"]
    }
}

/// Which secret is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretAt {
    Nowhere,
    InForce,
    /// Typed, and not taken by Halo yet.
    Typed,
}

impl SecretAt {
    /// What the empty field says.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Nowhere => "setup-secret-none",
            Self::InForce => "setup-secret-kept",
            Self::Typed => "setup-secret-typed",
        }
    }
}

/// The form of step 3: also the fragment that answers it.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/connection_form.html")]
pub(crate) struct ConnectionForm {
    pub(crate) text: Text,
    pub(crate) form_token: String,
    /// Any address of Halo's, to find the others by.
    pub(crate) address: Field,
    /// Resource server, authorisation server, tenant, client id: in this order.
    pub(crate) fields: Vec<Field>,
    pub(crate) secret: SecretAt,
    pub(crate) secret_error: Option<String>,
    pub(crate) said: Option<(Tone, String)>,
    /// The line that would allow a refused address.
    pub(crate) line: Option<String>,
    /// Whether a connection is in force, which this one would replace.
    pub(crate) replaces: Switch,
}

impl ConnectionForm {
    pub(crate) fn root() -> &'static str {
        ROOT
    }
}

/// Step 3 while a connection is being tried; asks for itself again.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/connecting.html")]
pub(crate) struct ConnectingPart {
    pub(crate) text: Text,
    pub(crate) tries: u64,
    pub(crate) seconds: u64,
    /// Halo's words, where it does not know the application yet.
    pub(crate) words: Option<String>,
}

impl ConnectingPart {
    pub(crate) fn root() -> &'static str {
        ROOT
    }
}

/// What step 3 shows.
#[derive(Debug, Clone)]
pub(crate) enum ConnectionShown {
    Form(ConnectionForm),
    Trying(ConnectingPart),
}

/// Step 3: addresses, id, secret.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/connection.html")]
pub(crate) struct ConnectionPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    pub(crate) shown: ConnectionShown,
}

/// A run of the check, as far as it is: the fragment of steps 4 and 7 that asks for itself again while it runs.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/lines.html")]
pub(crate) struct Lines {
    pub(crate) text: Text,
    pub(crate) form_token: String,
    /// The word of the step it stands in.
    pub(crate) word: &'static str,
    pub(crate) told: Told,
    /// How many lines are still to come.
    pub(crate) left: u64,
    pub(crate) running: Switch,
    /// The test ticket: its id and its address.
    pub(crate) ticket: Option<(String, String)>,
}

impl Lines {
    /// Nothing stands against going on: the run is over and no line fails.
    pub(crate) fn is_good(&self) -> bool {
        !self.running.is_on() && self.told.fails() == 0
    }

    pub(crate) fn root() -> &'static str {
        ROOT
    }

    pub(crate) fn back(&self) -> String {
        format!("{ROOT}/{}", if self.word == "test" { "customers" } else { "connection" })
    }
}

/// Step 4: the live check.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/check.html")]
pub(crate) struct CheckPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    /// None before the first run.
    pub(crate) lines: Option<Lines>,
}

/// Step 5's fields: also the fragment that answers another ticket type.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/ticket_fields.html")]
pub(crate) struct TicketFields {
    pub(crate) text: Text,
    pub(crate) content: Content,
}

impl TicketFields {
    pub(crate) fn root() -> &'static str {
        ROOT
    }
}

/// Step 5: what a ticket is made of.
#[derive(Debug, Clone, Template)]
#[template(path = "setup/tickets.html")]
pub(crate) struct TicketsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) steps: Steps,
    pub(crate) fields: TicketFields,
}
