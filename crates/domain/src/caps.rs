//! How many requests one computer, and one company, may bring within ten minutes.
//!
//! A cap keeps a computer that has gone wild from filling everybody's queue. The decision a reader would undo: what
//! joins a pending request does not count, since it brings nobody any work.

use serde::{Deserialize, Serialize};

/// The span that is counted over, in seconds.
pub const WINDOW_S: i64 = 600;

/// The most requests within [`WINDOW_S`]; none is no cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Caps {
    /// Of one computer.
    pub per_computer: Option<u32>,
    /// Of all computers of one company.
    pub per_company: Option<u32>,
}

impl Default for Caps {
    fn default() -> Self {
        Self { per_computer: Some(30), per_company: Some(200) }
    }
}

impl Caps {
    /// No cap at all.
    pub const OFF: Self = Self { per_computer: None, per_company: None };
}

/// Whose requests were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The computer's own.
    Computer,
    /// Those of all computers of its company.
    Company,
}

/// A request that was not accepted, because there were too many before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Whose.
    pub whose: Whose,
    /// The cap that was met.
    pub cap: u32,
    /// Seconds until the next one is accepted, at least 1.
    pub retry_after_s: u32,
}
