//! The simulator, driven from outside with a plain HTTP client: it must be right by itself, not by agreeing with ours.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets the unexpected should fail there")]

mod client;
mod concurrency;
mod directory;
mod faults;
mod hostile;
mod journal;
mod oauth;
mod pages;
mod program;
mod rights;
mod switches;
mod tickets;
mod webhooks;
