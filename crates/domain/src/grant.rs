//! A grant: what an approval allows, and how far it has been used.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Validity of a grant that is good for one use, in minutes, where the decision names none (four hours).
pub const DEFAULT_MINUTES: u32 = 240;
/// The longest validity that a decision may name, in minutes (seven days).
pub const MAX_MINUTES: u32 = 7 * 24 * 60;

/// How far a grant has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// Given, not yet used.
    Issued,
    /// Used: the endpoint was told that it may start the program.
    Redeemed,
    /// Taken back before it was used.
    Revoked,
    /// Not used in time.
    Lapsed,
}

/// What an approval allows: the program of its request, on its computer, for its user, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// How far it has gone.
    pub state: GrantState,
    /// When it was given.
    pub issued_at: Time,
    /// Until when it can be used.
    pub until: Time,
    /// When it was used.
    pub redeemed_at: Option<Time>,
    /// How the endpoint named that use: a repeat with the same name is the same use, so that a lost answer does not
    /// cost the approval.
    #[serde(default)]
    pub use_id: Option<String>,
}
