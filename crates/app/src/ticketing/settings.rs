//! What the ticketing settings are, and what stands in them before anybody chose.
//!
//! Read by the use cases and steps; written through [`super::Change`] alone. The decision a reader would undo: a value
//! that is `None` is not sent to Halo, whose own defaults then hold.

use countersign_domain::{decision::Verdict, effect::StepKind, request::Request};
use countersign_psa::Visibility;
use serde::{Deserialize, Serialize};

use crate::budget::Allowance;

/// Working time of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum TimeEntry {
    /// None is written.
    Off,
    /// Always the same.
    Fixed {
        /// Minutes.
        minutes: u32,
    },
    /// From the decider's first look to his decision, rounded up to whole minutes, at most 30.
    Measured {
        /// At least so many minutes.
        minimum_minutes: u32,
    },
}

/// Whether a setting acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// How to reach Halo; the secret is kept apart and never comes back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConnectionSettings {
    /// Resource server.
    pub resource_url: String,
    /// Authorisation server.
    pub auth_url: String,
    /// Tenant.
    pub tenant: Option<String>,
    /// Client id.
    pub client_id: String,
    /// Address of a ticket for people, with `{id}`.
    pub ticket_url: Option<String>,
}

/// The ticketing settings. What is `None` is not sent to Halo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The connection; none until the set-up.
    pub connection: Option<ConnectionSettings>,
    /// Ticket type of new tickets.
    pub ticket_type: Option<String>,
    /// Team of new tickets, by name.
    pub team: Option<String>,
    /// Priority of new tickets.
    pub priority: Option<String>,
    /// Status at opening.
    pub status_open: Option<String>,
    /// Status after an approval.
    pub status_approved: Option<String>,
    /// Status after a denial.
    pub status_denied: Option<String>,
    /// Status after the request, or its approval, ran out.
    pub status_expired: Option<String>,
    /// Status after the end user took it back.
    pub status_withdrawn: Option<String>,
    /// Outcome of our actions.
    pub outcome: Option<String>,
    /// Assign the ticket to who decided.
    pub assign: Switch,
    /// Working time of a decision.
    pub time: TimeEntry,
    /// Leave the time out where the decider is linked to no Halo agent.
    pub time_needs_link: Switch,
    /// Who may read our notes.
    pub notes: Visibility,
    /// Seconds after an unanswered call until what was looked for and not found is sent again.
    pub settle_s: u32,
    /// Allowance of calls.
    pub budget: Allowance,
    /// Customer of the tickets of companies that are linked to none; none lets them wait for the link.
    pub catch_all_customer: Option<String>,
    /// Tickets of ours that this database does not know are trusted up to this ticket id.
    pub trusted_up_to: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connection: None,
            ticket_type: None,
            team: None,
            priority: None,
            status_open: None,
            status_approved: None,
            status_denied: None,
            status_expired: None,
            status_withdrawn: None,
            outcome: None,
            assign: Switch::On,
            time: TimeEntry::Fixed { minutes: 5 },
            time_needs_link: Switch::Off,
            notes: Visibility::Private,
            settle_s: 90,
            budget: Allowance::default(),
            catch_all_customer: None,
            trusted_up_to: None,
        }
    }
}

impl Settings {
    /// The status that a step sets, if any.
    #[must_use]
    pub fn status_after(&self, kind: StepKind, request: &Request) -> Option<&String> {
        match kind {
            StepKind::RecordDecision => match request.decision.as_ref()?.verdict {
                Verdict::Approve => self.status_approved.as_ref(),
                Verdict::Deny => self.status_denied.as_ref(),
            },
            StepKind::RecordExpiry => self.status_expired.as_ref(),
            StepKind::RecordWithdrawal => self.status_withdrawn.as_ref(),
            StepKind::OpenTicket => self.status_open.as_ref(),
            StepKind::RecordRepeat
            | StepKind::RecordRevocation
            | StepKind::RecordFailure
            | StepKind::AdjustTicket
            | StepKind::LinkRecord
            | StepKind::SyncDirectory => None,
        }
    }
}
