//! What a state change wants told to the outside. An effect becomes a step in the request's lane, in the same
//! transaction as the change itself.

use serde::{Deserialize, Serialize};

/// What a step does. A step's row holds this intent and an id; what is sent is read when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Open the ticket of a request.
    OpenTicket,
    /// Write the request as a note on a ticket that a person attached it to, in the place of opening one.
    RecordRequest,
    /// Say on the ticket that the same was asked again while it waited.
    RecordRepeat,
    /// Say that the same was asked again soon after it was denied.
    RecordAgain,
    /// Say who decided what; book the time, set status and assignee.
    RecordDecision,
    /// Say that nobody decided in time, or that an approval was not used in time.
    RecordExpiry,
    /// Say that the end user took it back.
    RecordWithdrawal,
    /// Say that an approval was taken back.
    RecordRevocation,
    /// Say that the approved program could not be started.
    RecordFailure,
    /// Set what the read-back showed not to have moved.
    AdjustTicket,
    /// Find the record of the other side that one of ours belongs to.
    LinkRecord,
    /// Walk over the other side's records of one kind, and put our links right.
    SyncDirectory,
    /// Read how our tickets stand by now: what people did to them on the other side.
    FollowTickets,
    /// Compare what should be on the other side with what is.
    Reconcile,
}

impl StepKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::OpenTicket,
        Self::RecordRequest,
        Self::RecordRepeat,
        Self::RecordAgain,
        Self::RecordDecision,
        Self::RecordExpiry,
        Self::RecordWithdrawal,
        Self::RecordRevocation,
        Self::RecordFailure,
        Self::AdjustTicket,
        Self::LinkRecord,
        Self::SyncDirectory,
        Self::FollowTickets,
        Self::Reconcile,
    ];

    /// The word used on the wire, in references and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenTicket => "open_ticket",
            Self::RecordRequest => "record_request",
            Self::RecordRepeat => "record_repeat",
            Self::RecordAgain => "record_again",
            Self::RecordDecision => "record_decision",
            Self::RecordExpiry => "record_expiry",
            Self::RecordWithdrawal => "record_withdrawal",
            Self::RecordRevocation => "record_revocation",
            Self::RecordFailure => "record_failure",
            Self::AdjustTicket => "adjust_ticket",
            Self::LinkRecord => "link_record",
            Self::SyncDirectory => "sync_directory",
            Self::FollowTickets => "follow_tickets",
            Self::Reconcile => "reconcile",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Which calls go first when the budget is short: decisions before creates before syncs. Lower goes first.
    #[must_use]
    pub const fn priority(self) -> i64 {
        match self {
            Self::RecordDecision
            | Self::RecordExpiry
            | Self::RecordWithdrawal
            | Self::RecordRevocation
            | Self::RecordFailure => 0,
            Self::OpenTicket | Self::RecordRequest | Self::RecordRepeat | Self::RecordAgain | Self::AdjustTicket => 1,
            Self::LinkRecord | Self::SyncDirectory | Self::FollowTickets | Self::Reconcile => 2,
        }
    }
}
