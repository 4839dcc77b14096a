//! The answer, and what became of it: `GET /agent/v1/requests/{id}` and `PUT …/outcome`.
//!
//! For: verdict, grant, outcome. Not for: the grant's inside, see [`crate::grant`].
//! Called by the server and the agent. The plain fields here are for showing only; what may be started stands in the
//! signed grant, and without one an `approved` is no approval.

use serde::{Deserialize, Serialize};

use crate::grant::SignedGrant;
use crate::request::{State, Ticket};
use crate::{Id, MAX_ID, MAX_NAME, MAX_REASON, Text, Time};

/// Longest wait that `GET …?wait=` grants, in seconds.
pub const MAX_WAIT_SECONDS: u16 = 55;

/// The answer to `GET /requests/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DecisionAnswer {
    /// The request's id, again.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: Id,
    /// Where it stands.
    pub state: State,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The grant, when approved and not yet used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<SignedGrant>,
    /// Its ticket, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// While pending: until when it waits for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// What was decided, for showing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Decision {
    /// Yes or no.
    pub verdict: Verdict,
    /// Why, in the technician's words to the end user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub reason: Option<Text<MAX_REASON>>,
    /// Who: a technician's name, or a rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub by: Option<Text<MAX_NAME>>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The program may be started.
    Approve,
    /// It may not.
    Deny,
}

/// The body of `PUT /requests/{id}/outcome`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OutcomeBody {
    /// What became of the grant.
    pub outcome: Outcome,
    /// The program's exit code, where it has finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Names one use of the grant. The endpoint writes it down before it first says `started`; the server answers a
    /// repeat with the same value as it answered the first, so that a lost answer does not cost the approval. Two
    /// different values are two uses, and a once-grant has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub use_id: Option<Text<MAX_ID>>,
    /// When, by the endpoint's clock.
    pub at: Time,
}

/// What became of a grant on the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is about to be used: this redeems it, and nothing is started before the 2xx.
    Started,
    /// The program ended.
    Finished,
    /// The program could not be started.
    Failed,
    /// The end user no longer wants it.
    GivenUp,
}
