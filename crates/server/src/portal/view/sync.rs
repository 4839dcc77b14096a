//! The directory sync: a line above the lists, and a panel among the ticketing settings.
//!
//! Both are fragments that fetch themselves anew; the pages that hold them know nothing of what they show.

use askama::Template;

use super::frame::When;
use crate::portal::text::Text;

/// What line and panel have in common.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// The page that holds it, below `/portal/`.
    pub(crate) from: &'static str,
    pub(crate) form_token: String,
    /// How far a sync is that runs.
    pub(crate) running: Option<String>,
    /// Why it gets no further.
    pub(crate) trouble: Option<String>,
    pub(crate) full_at: Option<When>,
    pub(crate) changes_at: Option<When>,
    /// This person may ask for a sync.
    pub(crate) may_ask: bool,
}

/// The line above a list.
#[derive(Debug, Clone, Template)]
#[template(path = "sync/line.html")]
pub(crate) struct SyncLine {
    pub(crate) text: Text,
    pub(crate) sync: Standing,
    /// What is worth knowing about the kind of the list.
    pub(crate) note: Option<String>,
}

/// How one kind of record stands.
#[derive(Debug, Clone)]
pub(crate) struct SyncedKind {
    /// As Halo calls it.
    pub(crate) name: String,
    pub(crate) seen: String,
    /// Ours: linked, unlinked, ambiguous, missing.
    pub(crate) counts: [String; 4],
    pub(crate) note: Option<String>,
}

/// The panel of the settings.
#[derive(Debug, Clone, Template)]
#[template(path = "sync/panel.html")]
pub(crate) struct SyncPanel {
    pub(crate) text: Text,
    pub(crate) sync: Standing,
    pub(crate) kinds: Vec<SyncedKind>,
}
