//! The stories: what people, endpoints and HaloPSA do to each other, told from their beginning to the ticket that is left.
//!
//! Each test has a database of its own in a temporary folder, a simulator of its own, and the real connection between
//! them. Time runs fast and can be moved forward; nothing sleeps for a span, everything waits for a condition.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the fixtures of tests may fail loudly, as tests do")]

mod access;
mod again;
mod alerts;
mod allowance;
mod archive;
mod attached;
mod attention;
mod back;
mod backlog;
mod broken;
mod calls;
mod check;
mod computers;
mod crash;
mod faults;
mod floods;
mod halo;
mod house;
mod import;
mod links;
mod lost;
mod matrix;
mod nodes;
mod outage;
mod quick;
mod reconcile;
mod rights;
mod scale;
mod secrets;
mod seed_linking;
mod seed_records;
mod sentences;
mod settings;
mod setup;
mod stories;
mod switches;
mod sync;
