#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! [`Client`] signs in with client credentials, keeps one token for all callers, and speaks in typed records that
//! tolerate what differs between Halo's versions: unknown and missing fields, numbers written as text, lists with and
//! without an envelope. Every failure says whether the call was [done or not](ErrorKind), so that a caller can decide
//! what to do without making a second ticket.
//!
//! Not here: what is written into a ticket, when to try again, how calls are budgeted ([`Permit`] asks its user).
//!
//! The decision a reader would undo: nothing is ever repeated, except one call after a rejected token, which Halo
//! has certainly not carried out. A POST whose answer is lost may have made a ticket; only the caller can find out.

mod actions;
mod agents;
mod assets;
mod customers;
mod dates;
mod error;
mod instance;
mod lists;
mod lookups;
mod loose;
mod paging;
mod permit;
mod send;
mod tickets;
mod token;
mod unreached;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use actions::{Action, ActionFilter, NewAction, Notify};
pub use agents::{AGENT_UNASSIGNED, Agent, AgentDepartment, AgentFilter, AgentTeam, AgentTicketType, Claim};
pub use assets::{Asset, AssetField, AssetFilter};
pub use customers::{Customer, CustomerFilter, Inactive, Site, SiteFilter, User, UserFilter};
pub use error::{Error, ErrorKind, TokenError, UnknownCause, Unreached};
pub use instance::{AuthInfo, InstanceInfo};
pub use lists::Record;
pub use lookups::{
    Category, Closed, FieldInfo, Lookup, Outcome, Priority, Status, Team, TicketType, TicketTypeFilter, Workflow,
    WorkflowAction, WorkflowStep,
};
pub use paging::{End, Pages};
pub use permit::{Permit, Unlimited, Urgency};
pub use tickets::{AssetRef, CustomField, Deleted, NewTicket, Order, Ticket, TicketChange, TicketFilter};
pub use token::{IdToken, SignIn, TokenInfo};

use token::Tokens;

/// The scopes that reading and writing tickets, customers and assets needs; teams, agents and types have none.
pub const TICKET_SCOPES: &str = "read:tickets edit:tickets read:customers read:assets";

/// The HTTP client that carries the calls, made by the caller: it decides on proxies, certificates, and which
/// addresses may be reached.
///
/// It must not follow redirects and must not retry by itself; a connect timeout shorter than [`Config::deadline`]
/// lets an unreachable server be told apart from a call whose outcome is unknown.
#[derive(Debug, Clone)]
pub struct Http(reqwest::Client);

impl From<reqwest::Client> for Http {
    fn from(client: reqwest::Client) -> Self {
        Self(client)
    }
}

/// A text that is never shown: its `Debug` form is `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Which customer of a hosted Halo is meant, and where the token request says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenant {
    /// As the query parameter `tenant`: the usual form.
    Query(String),
    /// As a field of the form.
    Form(String),
}

/// Where a Halo is and how to sign in there: the values its page "HaloPSA API" shows.
#[derive(Debug, Clone)]
pub struct Config {
    /// The resource server, such as `https://example.halopsa.com/api`.
    pub resource: Url,
    /// The authorisation server, such as `https://example.halopsa.com/auth`. Some hosted Halos have it elsewhere.
    pub auth: Url,
    /// The tenant, if the host name does not say it.
    pub tenant: Option<Tenant>,
    /// The client id of the API application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Scopes to ask for, separated by spaces. A token without scopes is issued and then useless.
    pub scope: String,
    /// Longest time one call may take, from its sending to its last byte, on the monotonic clock.
    pub deadline: Duration,
    /// Largest answer read, in bytes after decompression.
    pub max_body: usize,
    /// For how long a rejected sign-in is answered from memory, so that a wrong secret is not tried over and over.
    pub refusal_pause: Duration,
}

impl Config {
    /// A configuration with the scopes for tickets, 30 s a call, 32 MiB an answer and 5 minutes of pause after a
    /// rejected sign-in.
    #[must_use]
    pub fn new(resource: Url, auth: Url, client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Self {
        Self {
            resource,
            auth,
            tenant: None,
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            scope: TICKET_SCOPES.to_owned(),
            deadline: Duration::from_secs(30),
            max_body: 32 << 20,
            refusal_pause: Duration::from_mins(5),
        }
    }
}

/// A connection to one Halo. Cheap to clone; all clones share the token.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    urgency: Urgency,
}

struct Inner {
    http: reqwest::Client,
    config: Config,
    tokens: Tokens,
    permit: Arc<dyn Permit>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.inner.config).field("urgency", &self.urgency).finish()
    }
}

impl Client {
    /// A client that signs in at its first call. `permit` is asked before every call; [`Unlimited`] never waits.
    #[must_use]
    pub fn new(http: Http, config: Config, permit: Arc<dyn Permit>) -> Self {
        let inner = Inner { http: http.0, config, tokens: Tokens::default(), permit };
        Self { inner: Arc::new(inner), urgency: Urgency::default() }
    }

    /// The same connection, whose calls ask the permit with this urgency.
    #[must_use]
    pub fn at(&self, urgency: Urgency) -> Self {
        Self { inner: Arc::clone(&self.inner), urgency }
    }

    /// The configuration this client was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }
}
