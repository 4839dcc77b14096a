//! What each page shows, as plain values, and the template that shows it.
//!
//! A view knows nothing of use cases or storage: the routes turn what `app` tells into these values, and a test can fill
//! them by hand. Every address that a page names is built here or in its template. Called by the portal's routes.
//!
//! The decision a reader would undo: times are handed over in UTC and written again in the reader's zone by the page's
//! script, because the server does not know where the reader sits.

pub(crate) mod alerts;
pub(crate) mod approvals;
pub(crate) mod attach;
pub(crate) mod caps;
pub(crate) mod directory;
pub(crate) mod frame;
pub(crate) mod problem;
pub(crate) mod request;
pub(crate) mod setup;
pub(crate) mod setup_lists;
pub(crate) mod sign_in;
pub(crate) mod steps;
pub(crate) mod sync;
pub(crate) mod ticket_settings;
pub(crate) mod ticketing;
pub(crate) mod webhook;

#[cfg(test)]
mod samples;
#[cfg(test)]
pub(crate) mod tests;
