//! The program `countersign`, run as its users run it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod commands;
mod configuration;
#[cfg(feature = "demo")]
mod load;
mod program;
mod serving;
