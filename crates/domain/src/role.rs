//! Roles, and which companies a caller may see.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{decision::Scope, id::CompanyId};

/// What a technician may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Decides for once and for a computer.
    L1,
    /// Also for a location and a company.
    L2,
    /// Also everywhere; reads the settings.
    L3,
    /// Everything.
    Administrator,
    /// A customer's own IT: decides up to his company; no settings, no people.
    ClientAdministrator,
    /// Reads.
    Auditor,
}

/// A thing that not every role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Approve, deny or revoke.
    Decide,
    /// Change companies, locations, computers and their links.
    EditDirectory,
    /// Read settings, steps that need attention, and enrolment keys.
    ReadSettings,
    /// Change settings and enrolment keys.
    EditSettings,
    /// Retry or give up the steps of tickets.
    RunSteps,
    /// Create and change technicians and tokens of others.
    EditPeople,
    /// Read the audit log.
    ReadAudit,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::L1, Self::L2, Self::L3, Self::Administrator, Self::ClientAdministrator, Self::Auditor];

    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::L3 => "l3",
            Self::Administrator => "administrator",
            Self::ClientAdministrator => "client_administrator",
            Self::Auditor => "auditor",
        }
    }

    /// The role that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// True if the role has the right.
    #[must_use]
    pub const fn may(self, right: Right) -> bool {
        match right {
            Right::Decide => !matches!(self, Self::Auditor),
            Right::EditDirectory | Right::RunSteps => matches!(self, Self::L2 | Self::L3 | Self::Administrator),
            Right::ReadSettings => matches!(self, Self::L3 | Self::Administrator | Self::Auditor),
            Right::EditSettings | Right::EditPeople => matches!(self, Self::Administrator),
            Right::ReadAudit => matches!(self, Self::Administrator | Self::Auditor),
        }
    }

    /// The widest scope that the role may decide with; none for a role that only reads.
    #[must_use]
    pub const fn widest_scope(self) -> Option<Scope> {
        match self {
            Self::L1 => Some(Scope::Computer),
            Self::L2 | Self::ClientAdministrator => Some(Scope::Company),
            Self::L3 | Self::Administrator => Some(Scope::Everywhere),
            Self::Auditor => None,
        }
    }
}

/// The companies that a caller may see. Every read takes it as an argument (promise P8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// All of them, those of tomorrow too.
    All,
    /// These alone.
    Only(BTreeSet<CompanyId>),
}

impl Access {
    /// True if the caller may see this company.
    #[must_use]
    pub fn covers(&self, company: &CompanyId) -> bool {
        match self {
            Self::All => true,
            Self::Only(companies) => companies.contains(company),
        }
    }
}
