//! What every route shares: who calls, how bodies are read, how failures are told.

pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod news;
pub(crate) mod problem;

use std::sync::Arc;

use countersign_app::App;

/// What routes work with.
#[derive(Clone)]
pub(crate) struct Shared {
    /// The use cases.
    pub(crate) app: App,
    /// How this server is set up.
    pub(crate) setup: Arc<Setup>,
}

/// How this server is set up, as far as routes need to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// People reach it by https: cookies are marked so.
    pub(crate) secure: bool,
    /// The demo: no second factor, and a banner that says so.
    pub(crate) demo: bool,
    /// What end users know the provider as.
    pub(crate) provider: Option<String>,
}
