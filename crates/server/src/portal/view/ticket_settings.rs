//! Settings of tickets, for the house or for one company: fields in sections, and the preview of a text.

use askama::Template;

use super::frame::{Frame, Tone};
use super::ticketing::Switch;
use crate::portal::text::Text;

/// One of several values.
#[derive(Debug, Clone)]
pub(crate) struct Choose {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) chosen: Switch,
}

/// How a setting is typed.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Select(Vec<Choose>),
    Short(String),
    /// Lines of text, and how many are shown.
    Lines(String, u8),
    Code(String, u8),
}

/// Whose value a company's page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// There is only one.
    House,
    Inherited,
    Own,
}

/// One setting.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// Its name in the form, which also makes its text keys.
    pub(crate) name: String,
    /// Its name in the API; several fields of a form can make one.
    pub(crate) api_name: &'static str,
    pub(crate) input: Input,
    pub(crate) error: Option<String>,
    /// That what is chosen is not offered any more.
    pub(crate) gone: Option<String>,
    pub(crate) whose: Whose,
}

impl Setting {
    /// The key of its label.
    pub(crate) fn key(&self) -> String {
        format!("ts-{}", self.name)
    }

    /// The key of its help.
    pub(crate) fn help_key(&self) -> String {
        format!("ts-{}-help", self.name)
    }

    pub(crate) fn is_own(&self) -> bool {
        self.whose == Whose::Own
    }

    pub(crate) fn is_inherited(&self) -> bool {
        self.whose == Whose::Inherited
    }
}

/// A part of the page.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) settings: Vec<Setting>,
}

impl Section {
    /// The key of its title.
    pub(crate) fn key(&self) -> String {
        format!("ts-section-{}", self.name)
    }

    /// The key of the sentence below it.
    pub(crate) fn text_key(&self) -> String {
        format!("ts-section-{}-text", self.name)
    }

    pub(crate) fn has_preview(&self) -> bool {
        self.name == "texts"
    }
}

/// A variable that a text may use.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) meaning: String,
    pub(crate) example: &'static str,
}

/// The settings page.
#[derive(Debug, Clone, Template)]
#[template(path = "ticket_settings/page.html")]
pub(crate) struct TicketSettingsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    /// The address of the page; the forms' stand below it.
    pub(crate) base: String,
    /// The company's name and the address of its page; none for the house.
    pub(crate) company: Option<(String, String)>,
    pub(crate) sections: Vec<Section>,
    pub(crate) variables: Vec<Variable>,
    /// Why the lists are empty.
    pub(crate) choices_error: Option<String>,
    pub(crate) edit: Switch,
    pub(crate) said: Option<(Tone, String)>,
    pub(crate) preview: Preview,
}

/// A field that would be sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) called: Option<String>,
}

/// How a ticket or a note would look: also the fragment that answers typing.
#[derive(Debug, Clone, Template)]
#[template(path = "ticket_settings/preview.html")]
pub(crate) struct Preview {
    pub(crate) text: Text,
    pub(crate) base: String,
    pub(crate) requests: Vec<Choose>,
    pub(crate) events: Vec<Choose>,
    pub(crate) summary: Option<String>,
    /// A whole document for a frame that runs nothing.
    pub(crate) document: Option<String>,
    pub(crate) fields: Vec<Sent>,
    /// Why there is nothing to see, or what failed.
    pub(crate) notes: Vec<String>,
}
