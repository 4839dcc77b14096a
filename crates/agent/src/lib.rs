//! The endpoint program: gathers the facts of a program, asks, waits, shows the answer.
//!
//! For: `countersign-agent`. Not for: deciding anything; a technician or a rule does, on the server.
//! Called by `main.rs` and by tests. Elevates nothing yet: what is here ends with a redeemed grant and an exit code.
//! It is a library so that its parts can be tested without a process; nobody else is meant to use it.

pub mod ask;
pub mod client;
pub mod config;
pub mod enroll;
pub mod facts;
pub mod platform;
pub mod request;
pub mod show;
pub mod spool;
