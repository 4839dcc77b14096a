//! Neutral nouns: what goes to the ticketing system and what comes back. Ids of the other side are texts.

use countersign_domain::{link::Theirs, time::Time};
use serde::{Deserialize, Serialize};

/// How to reach a ticketing system.
#[derive(Clone)]
pub struct Connection {
    /// Address of the resource server, `https://sample.halopsa.com/api`.
    pub resource_url: String,
    /// Address of the authorisation server, `https://sample.halopsa.com/auth`.
    pub auth_url: String,
    /// Tenant; none where the host name says it.
    pub tenant: Option<String>,
    /// Client id of the application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Address of a ticket for people, with `{id}`; none takes the instance's own.
    pub ticket_url: Option<String>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("resource_url", &self.resource_url)
            .field("auth_url", &self.auth_url)
            .field("tenant", &self.tenant)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What an address told about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Discovered {
    /// Address of the resource server.
    pub resource_url: String,
    /// Address of the authorisation server.
    pub auth_url: String,
    /// Tenant, if it names one.
    pub tenant: Option<String>,
}

/// A ticket to open. What is `None` is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTicket {
    /// Our reference in full: the request's id.
    pub reference: String,
    /// One line; ends with the short reference.
    pub summary: String,
    /// Description, HTML.
    pub html: String,
    /// Ticket type.
    pub ticket_type: String,
    /// Customer.
    pub customer: String,
    /// Site of the customer.
    pub site: Option<String>,
    /// Contact of the customer.
    pub contact: Option<String>,
    /// Asset of the customer.
    pub asset: Option<String>,
    /// Opening status.
    pub status: Option<String>,
    /// Team, by name.
    pub team: Option<String>,
    /// Priority.
    pub priority: Option<String>,
    /// First category, by its full label.
    pub category: Option<String>,
    /// Where it came from.
    pub source: Option<String>,
    /// Custom fields, by id or name, with their values.
    pub custom_fields: Vec<(String, String)>,
    /// When it was received.
    pub occurred_at: Time,
}

/// A ticket that was opened, or found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its id.
    pub id: String,
    /// The ticket as the answer showed it; fields the answer left out are `None`.
    pub now: TicketNow,
}

/// An action to write. What is `None` is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAction {
    /// The ticket.
    pub ticket: String,
    /// Our reference; stands as the visible last words of `html` already.
    pub reference: String,
    /// The note, HTML.
    pub html: String,
    /// Who may read the note.
    pub visibility: Visibility,
    /// Outcome (kind of action).
    pub outcome: Option<String>,
    /// Working time in seconds.
    pub work_seconds: Option<u32>,
    /// How that time is charged.
    pub charge: Charge,
    /// What the end user is sent about it.
    pub notify: Notify,
    /// When the work ended; it began `work_seconds` before.
    pub ended_at: Time,
    /// Who owns the time entry.
    pub owner: Option<String>,
    /// Status to set.
    pub status: Option<String>,
    /// Agent to assign.
    pub assignee: Option<String>,
}

/// How working time is charged. What is `None` is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Charge {
    /// Whether it is billable.
    pub billable: Option<bool>,
    /// The charge rate.
    pub rate: Option<String>,
}

/// What the other side sends the end user about an action. Always said, since its own defaults may be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notify {
    /// A mail.
    pub mail: bool,
    /// A survey.
    pub survey: bool,
}

/// Who may read a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Technicians alone.
    Private,
    /// The end user too.
    Public,
}

/// An action that was written, as the answer showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its id within the ticket.
    pub id: String,
    /// Working time that stands on it, in seconds.
    pub work_seconds: Option<u32>,
    /// Who owns it there.
    pub owner: Option<String>,
    /// The owner's name there.
    pub owner_name: Option<String>,
}

/// A change of a ticket outside of actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketChange {
    /// The ticket.
    pub id: String,
    /// Its type, from the read-back: some versions answer "not found" without it.
    pub ticket_type: String,
    /// Its customer, from the read-back.
    pub customer: String,
    /// Status to set.
    pub status: Option<String>,
    /// Agent to assign.
    pub assignee: Option<String>,
}

/// A ticket as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TicketNow {
    /// Its id.
    pub id: String,
    /// Our full reference, where the row shows it.
    pub reference: Option<String>,
    /// Summary.
    pub summary: String,
    /// Type.
    pub ticket_type: Option<String>,
    /// Customer.
    pub customer: Option<String>,
    /// Site.
    pub site: Option<String>,
    /// Contact.
    pub contact: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// Assigned agent; none where nobody is.
    pub assignee: Option<String>,
    /// Assets, where the answer shows them.
    pub assets: Vec<String>,
    /// Into which ticket it was merged.
    pub merged_into: Option<String>,
}

/// An action as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ActionNow {
    /// Its id within the ticket.
    pub id: String,
    /// Its note, HTML where there is HTML.
    pub note: String,
    /// Working time in seconds.
    pub work_seconds: Option<u32>,
    /// Who owns it.
    pub owner: Option<String>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// True for the entry that the ticket was opened with.
    pub opening: bool,
    /// The application that wrote it, where the other side tells. For finding our own again, not for people.
    #[serde(skip)]
    pub application: Option<String>,
    /// When the work ended, where the other side tells. For finding our own again, not for people.
    #[serde(skip)]
    pub ended_at: Option<Time>,
}

/// How far to walk when looking for tickets of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepRange {
    /// Stop below this ticket id; none walks until the end.
    pub down_to: Option<String>,
    /// A ticket of ours that must be met on the walk, or visibility was lost.
    pub control: Option<String>,
}

/// What a walk met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Tickets that bear a reference of ours, or of another installation: newest first, deleted ones after.
    pub found: Vec<Found>,
    /// The highest ticket id met, ours or not.
    pub highest: Option<String>,
    /// True if the walk got below `down_to`, or to the end of a non-empty list.
    pub complete: bool,
    /// True if the control ticket was met on the walk without deleted tickets.
    pub control_seen: bool,
}

/// A ticket that bears a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The ticket.
    pub ticket: TicketNow,
    /// The short reference, `CS-7K3M9QXA`, from the summary.
    pub short: Option<String>,
    /// Met on the walk of deleted tickets.
    pub deleted: bool,
}

/// A page of a walk over records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordsPage {
    /// The records.
    pub rows: Vec<Theirs>,
    /// How many were met so far, this page included.
    pub seen: u64,
    /// How many there are in all, if the other side says so; it can be wrong.
    pub total: Option<u64>,
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Choice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A custom field to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CustomFieldChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What people read.
    pub label: String,
}

/// A status to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StatusChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// A ticket in it is closed.
    pub closed: bool,
}

/// An outcome to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutcomeChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Hidden from the end user.
    pub private: bool,
    /// Sends a mail by itself.
    pub sends_mail: bool,
    /// Sets a status of its own.
    pub sets_status: Option<String>,
}

/// What can be chosen in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Choices {
    /// Ticket types that our application may create.
    pub ticket_types: Vec<Choice>,
    /// Statuses of the ticket type asked for.
    pub statuses: Vec<StatusChoice>,
    /// Outcomes of the ticket type asked for.
    pub outcomes: Vec<OutcomeChoice>,
    /// Priorities of the service level of the ticket type asked for; none where our agent may not read them.
    pub priorities: Vec<Choice>,
    /// Teams.
    pub teams: Vec<Choice>,
    /// Agents that tickets can be assigned to.
    pub agents: Vec<Choice>,
    /// First categories. The id is the full label, since tickets name them by it.
    #[serde(default)]
    pub categories: Vec<Choice>,
    /// Where tickets come from.
    #[serde(default)]
    pub sources: Vec<Choice>,
    /// Charge rates.
    #[serde(default)]
    pub charge_rates: Vec<Choice>,
    /// Custom fields, by name and label; empty also where our agent may not read them.
    #[serde(default)]
    pub custom_fields: Vec<CustomFieldChoice>,
    /// What fits most: used for settings that nobody chose yet.
    pub suggested: Suggested,
}

/// What fits most.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suggested {
    /// "Incident" where there is one, else the first that can be created.
    pub ticket_type: Option<String>,
    /// The type's own first status, else "New", else the first that is open.
    pub status_open: Option<String>,
    /// "Closed" where there is one, else the first closed one.
    pub status_closed: Option<String>,
    /// A private note that sends no mail and sets no status.
    pub outcome: Option<String>,
}

/// How one line of a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Worth knowing, nothing to do.
    Info,
    /// Works, but something will not.
    Warn,
    /// Does not work.
    Fail,
    /// Cannot be told without writing, or because an earlier line failed.
    Unknown,
}

/// One line of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Check {
    /// Stable id of the line.
    pub id: String,
    /// What was tried, in the other side's own words.
    pub title: String,
    /// How it ended.
    pub status: CheckStatus,
    /// What was seen.
    pub seen: String,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Where to change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#where: Option<String>,
}

/// A line before it is known how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckTitle {
    /// Stable id of the line.
    pub id: &'static str,
    /// What is tried, in the other side's own words.
    pub title: &'static str,
}

/// What a check is told of us, so that its lines can be about what we shall do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckPlan {
    /// Ticket type of new tickets; none while it is not chosen.
    pub ticket_type: Option<String>,
    /// Team of new tickets, by name; none leaves it to the ticket type.
    pub team: Option<String>,
    /// Tickets of ours as they were seen last: those that were not deleted must be visible.
    pub known: Vec<TicketNow>,
    /// Mail addresses of our technicians.
    pub emails: Vec<String>,
    /// Whether tickets are assigned to who decided.
    pub assigning: Assigning,
    /// Consent to write a test ticket, and how.
    pub write: Option<WriteTest>,
}

/// Whether tickets are assigned to who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assigning {
    /// They are.
    #[default]
    On,
    /// They keep their agent.
    Off,
}

/// What was refused, for [`Psa::suspect`](crate::Psa::suspect).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A new ticket.
    Create,
    /// An action on a ticket.
    Action,
}

/// How to write the test ticket. What is `None` is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteTest {
    /// Reference of the test ticket, by which it is found again.
    pub reference: String,
    /// Short form of it, in the summary.
    pub short: String,
    /// Customer.
    pub customer: String,
    /// Priority.
    pub priority: Option<String>,
    /// Opening status.
    pub status_open: Option<String>,
    /// Status that closes it.
    pub status_closed: Option<String>,
    /// Outcome of the actions.
    pub outcome: Option<String>,
    /// Who may read the notes.
    pub visibility: Visibility,
    /// Working time of the action, in seconds.
    pub work_seconds: u32,
    /// Agents that our technicians are linked to.
    pub technicians: Vec<String>,
    /// When the test began.
    pub now: Time,
}

/// What a check tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckNews {
    /// A line is known.
    Line(Check),
    /// The test ticket was opened.
    Ticket {
        /// Its id.
        id: String,
    },
}

/// Hears what a check tells.
pub type Tell<'a> = &'a (dyn Fn(CheckNews) + Send + Sync);
