//! A decision: verdict with scope, reason, author and time.

use serde::{Deserialize, Serialize};

use crate::{id::TechnicianId, time::Time};

/// Approve or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The program may be elevated.
    Approve,
    /// It may not.
    Deny,
}

/// How far a verdict reaches. Wider than `once` it builds a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This request alone.
    Once,
    /// Every such request from this computer.
    Computer,
    /// … from this location.
    Location,
    /// … from this company.
    Company,
    /// … from anywhere.
    Everywhere,
}

impl Scope {
    /// Every scope, narrowest first.
    pub const ALL: [Self; 5] = [Self::Once, Self::Computer, Self::Location, Self::Company, Self::Everywhere];

    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Computer => "computer",
            Self::Location => "location",
            Self::Company => "company",
            Self::Everywhere => "everywhere",
        }
    }
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The technician.
    pub id: TechnicianId,
    /// His name at the time of the decision.
    pub name: String,
}

/// A verdict with its author and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Approve or deny.
    pub verdict: Verdict,
    /// How far it reaches.
    pub scope: Scope,
    /// What is told to the end user and written into the ticket.
    pub reason: Option<String>,
    /// How long the grant can be used, in minutes from the decision.
    pub minutes: u32,
    /// Who decided.
    pub by: Author,
    /// When.
    pub at: Time,
    /// Working time to book, in seconds, measured or fixed by the settings; none where nothing is booked.
    pub work_seconds: Option<u32>,
}
