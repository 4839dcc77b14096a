//! Settings > Alerts: who is told by mail or webhook when steps wait too long.

use askama::Template;

use super::frame::{Frame, Tone, When};
use super::ticketing::Switch;
use crate::portal::text::Text;

/// A field of the form. `name` is also the middle of its text keys.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) kind: FieldKind,
    pub(crate) error: Option<String>,
}

/// How a field is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Text,
    Number,
    /// Never shown; the placeholder says where one is kept.
    Secret(Option<String>),
    /// Values with their labels.
    Choice(Vec<(&'static str, String)>),
}

impl Field {
    pub(crate) fn key(&self) -> String {
        format!("alerts-{}", self.name)
    }

    pub(crate) fn help_key(&self) -> String {
        format!("alerts-{}-help", self.name)
    }

    pub(crate) fn choices(&self) -> Option<&[(&'static str, String)]> {
        match &self.kind {
            FieldKind::Choice(choices) => Some(choices),
            FieldKind::Text | FieldKind::Number | FieldKind::Secret(_) => None,
        }
    }

    pub(crate) fn secret(&self) -> Option<&str> {
        match &self.kind {
            FieldKind::Secret(kept) => Some(kept.as_deref().unwrap_or_default()),
            FieldKind::Text | FieldKind::Number | FieldKind::Choice(_) => None,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        self.kind == FieldKind::Number
    }
}

/// Fields that belong together.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// The middle of its text keys.
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<Field>,
}

impl Section {
    pub(crate) fn title_key(&self) -> String {
        format!("alerts-{}-title", self.name)
    }

    pub(crate) fn text_key(&self) -> String {
        format!("alerts-{}-text", self.name)
    }
}

/// An alert that was raised and is not over.
#[derive(Debug, Clone)]
pub(crate) struct OpenAlert {
    pub(crate) title: String,
    /// "By mail", "To the webhook".
    pub(crate) target: String,
    pub(crate) since: When,
    pub(crate) told_at: Option<When>,
    /// Why it could not be told, and when it is tried again.
    pub(crate) failure: Option<(String, When)>,
}

/// How a test went.
#[derive(Debug, Clone)]
pub(crate) struct Tested {
    pub(crate) tone: Tone,
    pub(crate) sentence: String,
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "alerts/page.html")]
pub(crate) struct AlertsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) sections: Vec<Section>,
    pub(crate) open: Vec<OpenAlert>,
    pub(crate) tested: Vec<Tested>,
    /// A target is set, so that there is something to test.
    pub(crate) target: Switch,
    pub(crate) edit: Switch,
    pub(crate) said: Option<(Tone, String)>,
}
