//! The store on both engines: every story here runs on SQLite and, where `COUNTERSIGN_TEST_POSTGRES` names a server, on
//! PostgreSQL, so that every statement is prepared and run on both.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the fixtures of tests may fail loudly, as tests do")]

mod accept;
mod archive;
mod attach;
mod attention;
mod audit;
mod backup;
mod directory;
mod lanes;
mod opening;
mod people;
mod reconcile;
mod requests;
mod settings;
mod support;
mod sync;
mod tickets;
