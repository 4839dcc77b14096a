//! The ticketing system (PSA) in neutral words, and HaloPSA behind them.
//!
//! `app` speaks to the trait [`Psa`] alone; what the other side calls things, how it pages and how it fails is the
//! business of [`halo`]. Not for: retrying, waiting, deciding what to do about a failure — that is the step runner's
//! work, which needs to know just one thing: [`Class`], whether a call was done, refused, certainly not done, or nobody
//! can tell. The decision a reader would undo: no call here is ever repeated on its own, but for a page of a walk over
//! tickets, which changes nothing and would have to begin anew.

pub mod advice;
pub mod halo;
pub mod model;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use countersign_domain::{
    link::{Kind, Theirs},
    time::Time,
};

pub use model::*;

/// How a call ended that did not end well. A call that ended well is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Answered with a refusal; a person must act. Repeating it changes nothing.
    Refused,
    /// The ticket (or other record) it was about is not there, or hidden from us.
    Gone,
    /// Certainly not applied: may be sent again, not before this span where one was named.
    Later(Option<Duration>),
    /// Nobody can tell whether it was applied: nothing may be posted before it is looked for.
    Unknown,
}

/// What stands behind a failure, for words and counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The address is not allowed by this server's own configuration.
    AddressNotAllowed,
    /// Nothing answers there.
    NotReached,
    /// The token endpoint does not know client id and secret, or does not know them yet.
    UnknownClient,
    /// The token endpoint refuses scope, grant or tenant.
    Credentials,
    /// A right or scope is missing.
    NotPermitted,
    /// The call's content is refused.
    Invalid,
    /// The record is not there or hidden.
    NotFound,
    /// Too many calls.
    RateLimited,
    /// Sent, but cut off or too slow.
    NoAnswer,
    /// Answered, but not in a form that can be relied on.
    NotUnderstood,
    /// The other side failed.
    ServerFault,
}

/// A call that did not end well.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", as_sentences(words, fix))]
pub struct Fault {
    /// What may be done about it.
    pub class: Class,
    /// What stands behind it.
    pub cause: Cause,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// What happened to which thing, with the other side's own words where it had any.
    pub words: String,
    /// What a person does about it now; empty where `words` say so, or where there is nothing to do.
    pub fix: String,
}

impl Fault {
    /// True where what was asked cannot be asked, so that nothing was sent: an id that is none, an address that is none.
    #[must_use]
    pub fn is_our_own(&self) -> bool {
        self.cause == Cause::Invalid && self.status.is_none()
    }
}

/// Both as sentences, one after the other.
fn as_sentences(words: &str, fix: &str) -> String {
    let full = |text: &str| {
        let text = text.trim_end();
        if text.is_empty() || text.ends_with(['.', '!', '?', '…', ']']) {
            text.to_owned()
        } else {
            format!("{text}.")
        }
    };
    match (full(words), full(fix)) {
        (words, fix) if fix.is_empty() => words,
        (words, fix) => format!("{words} {fix}"),
    }
}

/// Which calls go first when the allowance is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A decision's action, and what a person waits for: checks, choices.
    Decision,
    /// A new ticket, and the walk that one waits for.
    Create,
    /// Reading back, directory.
    Sync,
}

/// The allowance of calls that all workers share. Implemented by `app`.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Waits until a call of this priority may be made.
    async fn acquire(&self, priority: Priority);
    /// Hears that the other side answered "too many calls".
    async fn limited(&self, retry_after: Option<Duration>);
}

/// A ticketing system.
#[async_trait]
pub trait Psa: Send + Sync {
    /// Opens a ticket.
    async fn open_ticket(&self, ticket: &NewTicket) -> Result<Opened, Fault>;
    /// Writes one action on a ticket.
    async fn write_action(&self, action: &NewAction) -> Result<Written, Fault>;
    /// Sets what a read-back showed not to have moved. `change` carries type and customer from that read-back.
    async fn change_ticket(&self, change: &TicketChange) -> Result<(), Fault>;
    /// Reads tickets as they are now, up to 100 in one call. What is hidden or gone is left out.
    async fn tickets(&self, ids: &[String]) -> Result<Vec<TicketNow>, Fault>;
    /// The statuses of all ticket types. [`Psa::choices`] offers those of one.
    async fn statuses(&self) -> Result<Vec<StatusChoice>, Fault>;
    /// Tickets of everybody that changed since a time, newest first, among the first `limit` rows that come.
    async fn changed_tickets(&self, since: Time, limit: usize) -> Result<Vec<TicketNow>, Fault>;
    /// Reads one ticket with its assets; none where it is hidden or gone.
    async fn ticket(&self, id: &str) -> Result<Option<TicketNow>, Fault>;
    /// Reads the actions of a ticket, the opening entry among them, oldest first.
    async fn actions(&self, ticket: &str) -> Result<Vec<ActionNow>, Fault>;
    /// Walks tickets of all customers from the newest down, for what is ours. See [`SweepRange`].
    async fn sweep(&self, range: &SweepRange) -> Result<Sweep, Fault>;
    /// The description of a ticket, to see whose it is; none where it is hidden or gone.
    async fn ticket_details(&self, id: &str) -> Result<Option<String>, Fault>;

    /// Records that `name` could mean (for technicians and contacts: the mail address), among those of `customer`
    /// where the kind lives inside one. Complete, and filtered again on this side. Disabled agents and the pseudo-agent
    /// for "nobody" are left out.
    async fn look_up(&self, kind: Kind, customer: Option<&str>, name: &str) -> Result<Vec<Theirs>, Fault>;
    /// One record by its id; none where it is hidden or gone.
    async fn record(&self, kind: Kind, id: &str) -> Result<Option<Theirs>, Fault>;
    /// Records of a kind to choose from, those of `customer` where the kind lives inside one, at most `limit`.
    async fn records(&self, kind: Kind, customer: Option<&str>, limit: usize) -> Result<Vec<Theirs>, Fault>;
    /// Up to `limit` records that bear `part` in one of their names, or whose id it is, by name; the first ones where it
    /// is empty. For a person who chooses: inside `customer` where the kind lives in one.
    async fn search(&self, kind: Kind, customer: Option<&str>, part: &str, limit: usize) -> Result<Vec<Theirs>, Fault>;
    /// Begins a walk over every record of a kind, of all customers, with those out of use; only what changed since a
    /// time, where one is named and the other side can tell. Calls nothing before its first page is asked for.
    fn walk(&self, kind: Kind, since: Option<Time>) -> Box<dyn Records>;

    /// Signs in with a fresh token, and nothing else.
    async fn sign_in(&self) -> Result<(), Fault>;
    /// What can be chosen in the settings; statuses, outcomes and priorities as they apply to `ticket_type`.
    async fn choices(&self, ticket_type: Option<&str>) -> Result<Choices, Fault>;
    /// Whether the connection lets us in: the first two lines of [`check`](Self::check), with a fresh token.
    async fn knock(&self) -> Vec<Check>;
    /// The lines that a check will tell, in their order.
    fn check_lines(&self, plan: &CheckPlan) -> Vec<CheckTitle>;
    /// Tries out the connection and every right, one line per thing, each told once as soon as it is known. With
    /// [`CheckPlan::write`] a test ticket is walked through its life.
    async fn check(&self, plan: &CheckPlan, tell: Tell<'_>);
    /// The right that most likely is missing where a call was refused and a check that reads finds nothing wrong.
    fn suspect(&self, refused: Refused) -> Check;
    /// The address of a ticket for a person's browser.
    fn ticket_url(&self, id: &str) -> String;
}

/// A walk over the records of a kind.
#[async_trait]
pub trait Records: Send {
    /// The next page, none at the end. After a fault the same page can be asked for again, unless the list itself is
    /// not to be relied on ([`Cause::NotUnderstood`]).
    async fn next(&mut self) -> Result<Option<RecordsPage>, Fault>;
}

/// Makes connections when settings change. Put together by the server, which knows the allowed addresses.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Makes a connection; does not call the other side.
    ///
    /// # Errors
    /// When an address is malformed or not allowed.
    fn connect(&self, connection: &Connection, budget: Arc<dyn Budget>) -> Result<Arc<dyn Psa>, Fault>;
    /// Asks an address where its resource and authorisation servers are, and of which tenant.
    async fn discover(&self, address: &str) -> Result<Discovered, Fault>;
}
