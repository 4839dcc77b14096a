//! Settings > Limits: how many requests a computer and a company may bring.

use askama::Template;

use super::frame::{Frame, Tone};
use super::ticketing::Switch;
use crate::portal::text::Text;

/// One cap. `name` is also the end of its text keys.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) error: Option<String>,
}

impl Field {
    pub(crate) fn key(&self) -> String {
        format!("caps-{}", self.name)
    }

    pub(crate) fn help_key(&self) -> String {
        format!("caps-{}-help", self.name)
    }
}

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
