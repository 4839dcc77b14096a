//! What can go wrong, without a type of the database library in it.

use std::error::Error as StdError;

/// Why a store call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be opened.
    #[error("the database {place} cannot be opened: {why}")]
    Open {
        /// File or server, without a password.
        place: String,
        /// What stood against it.
        why: String,
    },
    /// The database failed; nothing of the call was kept.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn StdError + Send + Sync>),
    /// Two writers met; the transaction can be run again.
    #[error("two writers met")]
    Conflict(#[source] Box<dyn StdError + Send + Sync>),
    /// A value is taken that must be unique.
    #[error("this already exists")]
    Taken,
    /// Somebody changed it meanwhile.
    #[error("it was changed meanwhile")]
    Stale,
    /// What was read is not what was once written.
    #[error("the database holds {what} that cannot be read: {why}")]
    Corrupt {
        /// Which thing.
        what: String,
        /// Why it cannot be read.
        why: String,
    },
    /// The writers have stopped.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    pub(crate) fn corrupt(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), why: why.to_string() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let Some(database) = error.as_database_error() {
            if database.is_unique_violation() {
                return Self::Taken;
            }
            if matches!(database.code().as_deref(), Some("40001" | "40P01")) {
                return Self::Conflict(Box::new(error));
            }
        }
        Self::Database(Box::new(error))
    }
}
