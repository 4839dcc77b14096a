//! Settings > Ticketing System > From Halo.

use askama::Template;

use super::frame::{Frame, Tone, When};
use super::ticketing::Switch;
use crate::portal::text::Text;

/// A secret that was just made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) url: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "webhook/page.html")]
pub(crate) struct WebhookPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) minutes: String,
    pub(crate) minutes_error: Option<String>,
    /// When the webhook's secret was made; none where there is none.
    pub(crate) made_at: Option<When>,
    /// A user and password are wanted, too.
    pub(crate) basic: Switch,
    pub(crate) made: Option<Made>,
    pub(crate) edit: Switch,
    pub(crate) said: Option<(Tone, String)>,
}
