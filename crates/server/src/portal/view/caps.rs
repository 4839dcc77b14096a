//! Settings > Limits: how many requests a computer and a company may bring.

use askama::Template;

use super::frame::{Frame, Tone};
use super::ticketing::{Field, Switch};
use crate::portal::text::Text;

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "caps/page.html")]
pub(crate) struct CapsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) said: Option<(Tone, String)>,
    pub(crate) fields: Vec<Field>,
    /// Whether the caller may change them.
    pub(crate) edit: Switch,
}
