//! Asking: `PUT /agent/v1/requests/{id}`.
//!
//! For: the body of a request and the answer to it. Not for: who asks; computer and company come from the credential,
//! and no field here may say otherwise.
//! Called by the server and the agent. The id is made on the endpoint (`req_` + a UUID of version 7), before anything is sent, so
//! that a repeat after a lost answer is the same request.

use serde::{Deserialize, Serialize};

use crate::grant::{Arguments, arguments_hash};
use crate::{Id, MAX_NAME, MAX_REASON, MAX_URL, Name, ProgramFacts, Sha256, Text, Time};

/// Most characters of a command line. A longer one is cut for show; its hash is of the whole.
pub const MAX_COMMAND_LINE: usize = 8192;
/// Most characters of an e-mail address: RFC 5321, 4.5.3.1.3.
pub const MAX_EMAIL: usize = 254;
/// Most characters of a telephone number.
pub const MAX_PHONE: usize = 50;

/// The body of `PUT /requests/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RequestBody {
    /// The person at the computer.
    pub end_user: EndUser,
    /// The program to be started.
    pub program: ProgramFacts,
    /// Program and arguments as a person would type them, for show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub command_line: Option<Text<MAX_COMMAND_LINE>>,
    /// [`arguments_hash`] of the name the program is called by and its arguments, which a grant is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments_hash: Option<Sha256>,
    /// The account it is to run as; the system's administrator when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub run_as: Option<Text<MAX_NAME>>,
    /// Name of the process that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub parent: Option<Text<{ countersign_policy::facts::MAX_PATH }>>,
    /// Where it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub working_dir: Option<Text<{ countersign_policy::facts::MAX_PATH }>>,
    /// Why it is wanted, in the end user's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub reason: Option<Text<MAX_REASON>>,
    /// When, by the endpoint's clock: for show; order is by the server's.
    pub requested_at: Time,
}

impl RequestBody {
    /// What a grant for this request says about arguments.
    ///
    /// An endpoint that sent no hash gets one over its command line as a single argument: bound to what was approved,
    /// and never "any arguments" by omission.
    #[must_use]
    pub fn arguments(&self) -> Arguments {
        Arguments::Exact {
            sha256: self
                .arguments_hash
                .clone()
                .unwrap_or_else(|| arguments_hash(self.command_line.iter().map(|line| line.as_str().as_bytes()))),
        }
    }
}

/// The person at the computer, as the system knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EndUser {
    /// Account name.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub account: Name<MAX_NAME>,
    /// The system's own id of the account: a user number, or a security identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub user_id: Option<Text<MAX_NAME>>,
    /// Full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub display_name: Option<Text<MAX_NAME>>,
    /// E-mail address. It may tie the person to a contact; it is never proof of anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub email: Option<Text<MAX_EMAIL>>,
    /// Telephone number for a call back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub phone: Option<Text<MAX_PHONE>>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has decided.
    Pending,
    /// A technician or a rule said yes.
    Approved,
    /// A technician or a rule said no.
    Denied,
    /// The end user took it back.
    Withdrawn,
    /// Nobody decided in time, or the approval was not used in time.
    Expired,
    /// A technician took the approval back.
    Revoked,
}

/// The answer to `PUT /requests/{id}` (201, or 200 on a repeat).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RequestAnswer {
    /// The request's id, again.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: Id,
    /// Where it stands.
    pub state: State,
    /// The waiting request of the same kind that it joined; one decision answers all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub joined_to: Option<Id>,
    /// Its ticket, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
}

/// A ticket as the end user is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ticket {
    /// Its number in the ticketing system.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub id: Id,
    /// Where to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub url: Option<Text<MAX_URL>>,
}
