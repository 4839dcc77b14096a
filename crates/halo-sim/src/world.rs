//! The state: the records, the tokens, the switches, and the journal that makes them outlive a kill.
//!
//! Handlers read [`World::book`] freely and change it only through [`World::record`], which writes the same change to the
//! journal. A change is a whole record, never an instruction: replay cannot come out differently from the first run.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::journal::{Journal, JournalError};
use crate::model::{
    Action, Agent, Asset, Attachment, Book, Client, Notification, Site, Ticket, User, Webhook, WebhookEvent,
};
use crate::switches::Switches;

/// What the API application signs in with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) tenant: String,
}

/// An access token that was handed out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: Stamp,
    /// The agent as it was then, for the `stale_permissions` switch.
    pub(crate) agent: Option<Agent>,
}

/// One change of the state, as the journal keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Client(Client),
    Site(Site),
    User(User),
    Asset(Asset),
    Agent(Agent),
    /// The scopes that the API application is given from now on; tokens keep theirs.
    Scopes(Vec<String>),
    Ticket(Box<Ticket>),
    Action(Box<Action>),
    ActionGone {
        ticket_id: i64,
        id: i64,
    },
    /// A directory record that a person removed; `kind` as in the controls' paths.
    Gone {
        kind: String,
        id: i64,
    },
    Attachment(Attachment),
    AttachmentGone(i64),
    Webhook(Webhook),
    WebhookGone(i64),
    Notification(Notification),
    WebhookEvent(WebhookEvent),
    Token(Token),
    /// All tokens handed out so far are void.
    TokensGone,
    Switches(Switches),
    /// Back to the seed.
    Reset,
}

impl Change {
    /// Notes when a directory record was written; tickets and actions say it themselves.
    fn stamp(&mut self, now: Stamp) {
        match self {
            Self::Client(row) => row.last_modified = Some(now),
            Self::Site(row) => row.last_modified = Some(now),
            Self::User(row) => row.last_modified = Some(now),
            Self::Asset(row) => row.last_modified = Some(now),
            _ => {}
        }
    }
}

/// The first line of a journal: what everything after it builds on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Beginning {
    pub(crate) credentials: Credentials,
    pub(crate) book: Book,
}

/// All that the simulator knows.
pub(crate) struct World {
    beginning: Beginning,
    pub(crate) book: Book,
    pub(crate) switches: Switches,
    tokens: HashMap<String, Token>,
    by_reference: HashMap<String, BTreeSet<i64>>,
    journal: Option<Journal>,
    /// Tickets with an event that no webhook has been told yet.
    pub(crate) told: Vec<crate::webhooks::Event>,
}

impl World {
    /// A world from its seed, without a journal.
    pub(crate) fn new(beginning: Beginning) -> Self {
        let mut world = Self {
            book: beginning.book.clone(),
            beginning,
            switches: Switches::default(),
            tokens: HashMap::new(),
            by_reference: HashMap::new(),
            journal: None,
            told: Vec::new(),
        };
        world.index();
        world
    }

    /// A world that goes on where its journal ended, or begins a new one.
    ///
    /// # Errors
    /// When the file cannot be read, is no journal, or cannot be written.
    pub(crate) fn with_journal(beginning: Beginning, path: &std::path::Path) -> Result<Self, JournalError> {
        let (journal, old) = Journal::open(path, &beginning)?;
        let mut beginning = old.beginning.unwrap_or(beginning);
        crate::seed::settle(&mut beginning.book);
        let mut world = Self::new(beginning);
        for change in old.changes {
            world.apply(change);
        }
        world.journal = Some(journal);
        Ok(world)
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.beginning.credentials
    }

    fn index(&mut self) {
        self.by_reference.clear();
        for ticket in self.book.tickets.values() {
            self.by_reference.entry(ticket.third_party_id_string.clone()).or_default().insert(ticket.id);
        }
    }

    /// Ids of the tickets that carry this `third_party_id_string`.
    pub(crate) fn tickets_by_reference(&self, reference: &str) -> impl Iterator<Item = i64> {
        self.by_reference.get(reference).into_iter().flatten().copied()
    }

    /// A token that is good now.
    pub(crate) fn token(&self, text: &str) -> Option<&Token> {
        self.tokens.get(text).filter(|token| token.expires > Stamp::now())
    }

    /// Makes a change: in memory, and in the journal's buffer.
    pub(crate) fn record(&mut self, mut change: Change) {
        change.stamp(Stamp::now());
        if let Some(journal) = &mut self.journal {
            journal.append(&change);
        }
        self.apply(change);
    }

    /// Hands the journal's buffer to the system; a killed process does not lose it any more.
    ///
    /// # Errors
    /// When the file cannot be written: nothing that was just done may be answered as done.
    pub(crate) fn commit(&mut self) -> std::io::Result<()> {
        self.journal.as_mut().map_or(Ok(()), Journal::flush)
    }

    fn apply(&mut self, change: Change) {
        let book = &mut self.book;
        match change {
            Change::Client(row) => book.clients.put(row),
            Change::Site(row) => book.sites.put(row),
            Change::User(row) => book.users.put(row),
            Change::Asset(row) => book.assets.put(row),
            Change::Agent(row) => book.agents.put(row),
            Change::Scopes(scopes) => book.application_scopes = scopes,
            Change::Ticket(row) => self.apply_ticket(*row),
            Change::Action(row) => book.timelines.entry(row.ticket_id).or_default().put(*row),
            Change::ActionGone { ticket_id, id } => {
                if let Some(actions) = book.timelines.get_mut(&ticket_id) {
                    actions.remove(id);
                }
            }
            Change::Gone { kind, id } => match kind.as_str() {
                "clients" => drop(book.clients.remove(id)),
                "sites" => drop(book.sites.remove(id)),
                "users" => drop(book.users.remove(id)),
                _ => drop(book.assets.remove(id)),
            },
            Change::Attachment(row) => book.attachments.put(row),
            Change::AttachmentGone(id) => {
                book.attachments.remove(id);
            }
            Change::Webhook(row) => book.webhooks.put(row),
            Change::WebhookGone(id) => {
                book.webhooks.remove(id);
            }
            Change::Notification(row) => book.notifications.put(row),
            Change::WebhookEvent(row) => book.webhook_events.put(row),
            Change::Token(token) => {
                let now = Stamp::now();
                self.tokens.retain(|_, old| old.expires > now);
                self.tokens.insert(token.text.clone(), token);
            }
            Change::TokensGone => self.tokens.clear(),
            Change::Switches(switches) => self.switches = switches,
            Change::Reset => {
                self.book = self.beginning.book.clone();
                self.switches = Switches::default();
                self.index();
            }
        }
    }

    fn apply_ticket(&mut self, row: Ticket) {
        let old = self.book.tickets.get(row.id).map(|old| old.third_party_id_string.as_str());
        if let Some(old) = old.filter(|old| *old != row.third_party_id_string)
            && let Some(ids) = self.by_reference.get_mut(old)
        {
            ids.remove(&row.id);
        }
        self.by_reference.entry(row.third_party_id_string.clone()).or_default().insert(row.id);
        self.book.tickets.put(row);
    }
}
