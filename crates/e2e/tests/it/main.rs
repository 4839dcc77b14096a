//! Tests that look at the project from outside: its floors, and its programs as they run.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers may fail loudly, as tests do"
)]

mod back;
mod backups;
mod check;
mod demo;
mod endpoints;
mod faults;
mod floors;
mod http;
mod kills;
mod long_run;
mod programs;
mod races;
mod refusals;
mod routes;
mod tickets;
mod wait;
mod waiting;

/// Stories told at the same time: each is a stand-in and a server, and most of their time they wait.
static AT_ONCE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(6);
