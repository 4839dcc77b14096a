//! Why a use case did not do what it was asked.

use countersign_domain::{
    caps::{TooMany, Whose},
    decision::Decision,
    request::Refused,
};
use countersign_psa::Fault;

/// Result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

/// Why not. `code` is stable and stands in problem documents; the text is a sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none such, or the caller may not see it.
    #[error("There is no such {0}, or you may not see it.")]
    NotFound(&'static str),
    /// The ticketing system has no record with this id.
    #[error("HaloPSA has no {what} with the id {psa_id}, or hides it from our agent.")]
    NoRecord {
        /// What it would be.
        what: &'static str,
        /// The id that was named.
        psa_id: String,
    },
    /// The caller's role, token or person forbids it.
    #[error("{sentence}")]
    Forbidden {
        /// Stable code.
        code: &'static str,
        /// What is missing and who can change it.
        sentence: String,
    },
    /// What was sent cannot be used.
    #[error("{sentence}")]
    Invalid {
        /// Stable code.
        code: &'static str,
        /// The field it is about.
        field: Option<&'static str>,
        /// What is wrong with it, and what is allowed.
        sentence: String,
    },
    /// Somebody was first.
    #[error("{} decided this at {}.", .0.by.name, .0.at.for_people())]
    AlreadyDecided(Box<Decision>),
    /// Too many requests came before it; nothing of it was kept.
    #[error("{}", too_many(.0))]
    TooMany(TooMany),
    /// It stands in the way of something else.
    #[error("{sentence}")]
    Conflict {
        /// Stable code.
        code: &'static str,
        /// What stands against it.
        sentence: String,
    },
    /// The ticketing system is not set up.
    #[error("The ticketing system is not set up yet. An administrator does that under Settings, Ticketing System.")]
    NotConnected,
    /// The ticketing system did not do it.
    #[error("{0}")]
    Psa(#[from] Fault),
    /// The database failed; nothing of the call was kept.
    #[error("The database failed; nothing of this was kept. Try again.")]
    Store(#[source] countersign_store::Error),
    /// A secret cannot be opened with this key.
    #[error("{0}")]
    Sealed(String),
}

impl Error {
    /// The stable code of the failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) | Self::NoRecord { .. } => "not_found",
            Self::Forbidden { code, .. } | Self::Invalid { code, .. } | Self::Conflict { code, .. } => code,
            Self::AlreadyDecided(_) => "already_decided",
            Self::TooMany(_) => "too_many_requests",
            Self::NotConnected => "not_connected",
            Self::Psa(_) => "psa_failed",
            Self::Store(_) => "database_failed",
            Self::Sealed(_) => "sealed",
        }
    }

    pub(crate) fn invalid(code: &'static str, field: &'static str, sentence: impl Into<String>) -> Self {
        Self::Invalid { code, field: Some(field), sentence: sentence.into() }
    }

    /// An id of the other side that cannot be one; any other failure stays what it is.
    pub(crate) fn of_an_id(field: &'static str, fault: Fault) -> Self {
        if fault.is_our_own() { Self::invalid("bad_field", field, format!("{fault}")) } else { fault.into() }
    }

    pub(crate) fn conflict(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::Conflict { code, sentence: sentence.into() }
    }

    pub(crate) fn forbidden(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::Forbidden { code, sentence: sentence.into() }
    }
}

/// For the end user, who reads it beside the program that he wanted to run.
fn too_many(met: &TooMany) -> String {
    let whose = match met.whose {
        Whose::Computer => "This computer has",
        Whose::Company => "The computers of your company have",
    };
    let minutes = met.retry_after_s.div_ceil(60);
    let minutes = if minutes == 1 { "a minute".to_owned() } else { format!("{minutes} minutes") };
    format!(
        "{whose} asked for rights {} times in ten minutes, which is the most there may be. What was asked before is not \
         lost. Ask again in {minutes}, or call your help desk.",
        met.cap
    )
}

impl From<countersign_store::Error> for Error {
    fn from(error: countersign_store::Error) -> Self {
        match error {
            countersign_store::Error::Taken => Self::conflict("taken", "This name or address is taken already."),
            countersign_store::Error::Stale => {
                Self::conflict("changed_meanwhile", "Somebody changed this meanwhile. Load it again, then try again.")
            }
            other => Self::Store(other),
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::AlreadyDecided(decision) => Self::AlreadyDecided(decision),
            Refused::Is(state) => Self::conflict("not_pending", format!("The request is {} already.", state.as_str())),
            Refused::AlreadyUsed => Self::conflict("already_used", "The grant has been used already."),
            Refused::Revoked => Self::conflict("revoked", "The approval was taken back."),
            Refused::Lapsed => Self::conflict("expired", "The approval was not used in time. Ask again."),
            Refused::Nothing => Self::conflict("nothing_to_do", "Nothing changes by that."),
        }
    }
}
