//! What the audit log says of one event. The chain that makes it tamper-evident is the store's.

use serde::{Deserialize, Serialize};

use crate::{
    id::{CompanyId, ComputerId, TechnicianId},
    time::Time,
};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person, in the portal or with a token.
    Technician(TechnicianId),
    /// An endpoint.
    Computer(ComputerId),
    /// Somebody at the server's own command line.
    CommandLine,
    /// The server itself: a timer, a worker, a check.
    Server,
}

impl Actor {
    /// The text under which the log keeps the actor.
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::Technician(id) => id.to_string(),
            Self::Computer(id) => id.to_string(),
            Self::CommandLine => "command_line".to_owned(),
            Self::Server => "server".to_owned(),
        }
    }
}

/// One entry, not yet chained. Its particulars are JSON, or whatever becomes an object of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<B = serde_json::Value> {
    /// When it happened.
    pub at: Time,
    /// Who did it.
    pub actor: Actor,
    /// What happened, as `noun.verb`: `request.decided`.
    pub action: String,
    /// To which thing: its id.
    pub object: String,
    /// The company it belongs to, if any; readers see only their companies' entries.
    pub company: Option<CompanyId>,
    /// The particulars. Never a secret.
    pub body: B,
}
