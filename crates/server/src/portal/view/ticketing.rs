//! Settings > Ticketing System: the connection to `HaloPSA` and what goes into a ticket.

use askama::Template;

use super::frame::{Frame, Tone};
use super::sync::SyncPanel;
use crate::portal::text::Text;

/// A choice that was read live from the ticketing system.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A select of choices.
#[derive(Debug, Clone)]
pub(crate) struct Select {
    /// The field's name in the form; also the middle of its text keys.
    pub(crate) name: &'static str,
    pub(crate) chosen: Option<String>,
    pub(crate) error: Option<String>,
}

impl Select {
    /// The key of the field's label.
    pub(crate) fn key(&self) -> String {
        format!("tk-{}", self.name)
    }

    /// The key of the field's help.
    pub(crate) fn help_key(&self) -> String {
        format!("tk-{}-help", self.name)
    }

    pub(crate) fn is_chosen(&self, id: &str) -> bool {
        self.chosen.as_deref() == Some(id)
    }

    /// A chosen id that the other side no longer offers: it stays in the list, so that saving does not drop it.
    pub(crate) fn unknown(&self, choices: &[Choice]) -> Option<&str> {
        self.chosen.as_deref().filter(|chosen| !choices.iter().any(|choice| choice.id == *chosen))
    }
}

/// A text field with what was typed and why it was refused.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The field's name in the form; also the middle of its text keys.
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) error: Option<String>,
}

impl Field {
    /// The key of the field's label; `page` is how the page's keys begin.
    pub(crate) fn key(&self, page: &str) -> String {
        format!("{page}-{}", self.name)
    }

    /// The key of the field's help.
    pub(crate) fn help_key(&self, page: &str) -> String {
        format!("{page}-{}-help", self.name)
    }
}

/// Whether a client secret is stored. It is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    Stored,
    Missing,
}

/// Whether a switch is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

impl Switch {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

/// How working time is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    Fixed,
    Measured,
    Off,
}

impl Time {
    /// The value in the form; also the end of its text key.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Measured => "measured",
            Self::Off => "off",
        }
    }

    pub(crate) fn key(self) -> String {
        format!("tk-time-{}", self.name())
    }

    /// Every way, with whether it is the one in force.
    pub(crate) fn all(self) -> [(Self, bool); 3] {
        [Self::Fixed, Self::Measured, Self::Off].map(|time| (time, time == self))
    }
}

/// The lists that Halo offers. Empty while there is no connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choices {
    pub(crate) ticket_types: Vec<Choice>,
    pub(crate) statuses: Vec<Choice>,
    pub(crate) outcomes: Vec<Choice>,
    pub(crate) teams: Vec<Choice>,
    pub(crate) priorities: Vec<Choice>,
}

/// What a ticket is made of, to choose.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) choices: Choices,
    /// Why there is nothing to choose from.
    pub(crate) choices_error: Option<String>,
    pub(crate) ticket_type: Select,
    /// The status of a new ticket, then one per event.
    pub(crate) statuses: Vec<Select>,
    pub(crate) outcome: Select,
    pub(crate) team: Select,
    pub(crate) priority: Select,
    pub(crate) assign: Switch,
    pub(crate) time: Time,
    pub(crate) minutes: Field,
}

/// How far the guided set-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    New,
    Begun,
    Over,
}

impl Setup {
    fn part(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Begun => "begun",
            Self::Over => "over",
        }
    }

    /// The key of the button that leads there.
    pub(crate) fn key(self) -> String {
        format!("setup-{}", self.part())
    }

    /// The key of the sentence beside it.
    pub(crate) fn text_key(self) -> String {
        format!("setup-{}-text", self.part())
    }

    pub(crate) fn is_over(self) -> bool {
        self == Self::Over
    }
}

/// The settings page.
#[derive(Debug, Clone, Template)]
#[template(path = "ticketing/page.html")]
pub(crate) struct TicketingPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    /// Resource address, authorisation address, tenant, client id: in this order.
    pub(crate) connection: Vec<Field>,
    pub(crate) secret: Secret,
    pub(crate) secret_error: Option<String>,
    pub(crate) content: Content,
    /// Whether this person may save.
    pub(crate) edit: Switch,
    /// What saving did.
    pub(crate) said: Option<(Tone, String)>,
    pub(crate) setup: Setup,
    pub(crate) check: Option<Check>,
    pub(crate) sync: Option<SyncPanel>,
}

impl TicketingPage {
    pub(crate) fn has_secret(&self) -> bool {
        self.secret == Secret::Stored
    }
}

/// One line of the live check.
#[derive(Debug, Clone)]
pub(crate) struct CheckLine {
    /// "OK", "Warning", …
    pub(crate) word: String,
    pub(crate) tone: Tone,
    pub(crate) icon: &'static str,
    /// The right, in Halo's words.
    pub(crate) title: String,
    pub(crate) seen: String,
    pub(crate) fix: Option<String>,
    /// The path in Halo.
    pub(crate) place: Option<String>,
}

/// Lines of a check, and how many of each kind.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) lines: Vec<CheckLine>,
    /// What the banner says: Halo refused in use what these lines may not show, since reading cannot prove it.
    pub(crate) trouble: Option<String>,
}

impl Told {
    fn sum(&self, tone: Tone) -> u64 {
        self.lines.iter().map(|line| u64::from(line.tone == tone)).sum()
    }

    pub(crate) fn fails(&self) -> u64 {
        self.sum(Tone::Bad)
    }

    pub(crate) fn warnings(&self) -> u64 {
        self.sum(Tone::Warn)
    }

    pub(crate) fn infos(&self) -> u64 {
        self.sum(Tone::Info)
    }

    pub(crate) fn unknowns(&self) -> u64 {
        self.sum(Tone::Quiet)
    }

    /// Nothing is still being checked, nothing is to be looked at, and nothing was refused in use.
    pub(crate) fn is_fine(&self) -> bool {
        self.sum(Tone::Accent) + self.fails() + self.warnings() == 0 && self.trouble.is_none()
    }

    /// What was refused in use, where no line says so.
    pub(crate) fn unshown(&self) -> Option<&str> {
        self.trouble.as_deref().filter(|_| self.sum(Tone::Accent) + self.fails() == 0)
    }
}

/// The live check: also the fragment that answers "Check".
#[derive(Debug, Clone, Template)]
#[template(path = "ticketing/check.html")]
pub(crate) struct Check {
    pub(crate) text: Text,
    pub(crate) told: Told,
}
