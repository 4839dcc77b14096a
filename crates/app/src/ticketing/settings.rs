//! What the ticketing settings are, and what stands in them before anybody chose.
//!
//! Read by the use cases and steps; written through [`super::Change`] alone. The decision a reader would undo: a value
//! that is `None` is not sent to Halo, whose own defaults then hold.

use std::collections::BTreeMap;

use countersign_domain::{
    decision::Verdict,
    effect::StepKind,
    request::{Request, TicketOn},
    ticket::Texts,
};
use countersign_psa::Visibility;
use serde::{Deserialize, Serialize};

use crate::{budget::Allowance, follow::ClosedByHand};

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
    /// What makes a ticket. Read when a request is accepted.
    pub ticket_on: TicketOn,
    /// Ticket type of new tickets.
    pub ticket_type: Option<String>,
    /// Team of new tickets, by name.
    pub team: Option<String>,
    /// Priority of new tickets.
    pub priority: Option<String>,
    /// First category of new tickets, by its full label.
    pub category: Option<String>,
    /// Where new tickets come from.
    pub source: Option<String>,
    /// Custom fields of new tickets: id or name, and value.
    pub custom_fields: BTreeMap<String, String>,
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
    /// Status after an approval was taken back.
    pub status_revoked: Option<String>,
    /// Status after the approved program could not be started.
    pub status_failed: Option<String>,
    /// Status after the same was asked again soon after a denial: one that opens the ticket again.
    pub status_again: Option<String>,
    /// What becomes of a pending request whose ticket was closed by hand.
    pub closed_by_hand: ClosedByHand,
    /// Outcome of our actions.
    pub outcome: Option<String>,
    /// Assign the ticket to who decided.
    pub assign: Switch,
    /// Working time of a decision.
    pub time: TimeEntry,
    /// Measured time is rounded up to whole steps of so many minutes.
    pub time_step_minutes: u32,
    /// Whether the time is billable; `None` leaves that to Halo.
    pub billable: Option<Switch>,
    /// Charge rate of the time.
    pub charge_rate: Option<String>,
    /// Leave the time out where the decider is linked to no Halo agent.
    pub time_needs_link: Switch,
    /// Who may read our notes.
    pub notes: Visibility,
    /// Halo sends the end user a mail with each note.
    pub mail_user: Switch,
    /// Halo sends the end user a survey.
    pub survey: Switch,
    /// Texts in place of the product's own.
    pub texts: Texts,
    /// What the chosen ids were called when they were chosen, by the setting's name.
    pub chosen: BTreeMap<String, String>,
    /// Seconds after an unanswered call until what was looked for and not found is sent again.
    pub settle_s: u32,
    /// Allowance of calls.
    pub budget: Allowance,
    /// Minutes between two looks at how our tickets stand.
    pub follow_minutes: u32,
    /// Customer of the tickets of companies that are linked to none; none lets them wait for the link.
    pub catch_all_customer: Option<String>,
    /// Tickets of ours that this database does not know are trusted up to this ticket id.
    pub trusted_up_to: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connection: None,
            ticket_on: TicketOn::Request,
            ticket_type: None,
            team: None,
            priority: None,
            category: None,
            source: None,
            custom_fields: BTreeMap::new(),
            status_open: None,
            status_approved: None,
            status_denied: None,
            status_expired: None,
            status_withdrawn: None,
            status_revoked: None,
            status_failed: None,
            status_again: None,
            closed_by_hand: ClosedByHand::Warn,
            outcome: None,
            assign: Switch::On,
            time: TimeEntry::Fixed { minutes: 5 },
            time_step_minutes: 1,
            billable: None,
            charge_rate: None,
            time_needs_link: Switch::Off,
            notes: Visibility::Private,
            mail_user: Switch::Off,
            survey: Switch::Off,
            texts: Texts::default(),
            chosen: BTreeMap::new(),
            settle_s: 90,
            budget: Allowance::default(),
            follow_minutes: 5,
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
            StepKind::RecordRevocation => self.status_revoked.as_ref(),
            StepKind::RecordFailure => self.status_failed.as_ref(),
            StepKind::RecordAgain => self.status_again.as_ref(),
            // A ticket that is there keeps the status that people gave it.
            StepKind::RecordRequest
            | StepKind::RecordRepeat
            | StepKind::AdjustTicket
            | StepKind::LinkRecord
            | StepKind::SyncDirectory
            | StepKind::FollowTickets
            | StepKind::Reconcile => None,
        }
    }
}
