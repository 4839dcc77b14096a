//! Ticket steps: what is on its way to the ticketing system, what waits, and what needs a person.

use askama::Template;

use super::frame::{Empty, Frame, Tab, Tone, When};
use super::request::Attempt;
use crate::portal::text::Text;

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct StepRow {
    pub(crate) id: String,
    /// The page of what it tells of.
    pub(crate) href: String,
    /// The request's short form, or the record's kind.
    pub(crate) reference: String,
    /// "Open ticket", "Record decision".
    pub(crate) what: String,
    pub(crate) company: String,
    /// When it was last tried.
    pub(crate) at: Option<When>,
    pub(crate) tries: u64,
    /// When it is tried next.
    pub(crate) next_at: Option<When>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) actions: Actions,
}

/// What a person may do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actions {
    RetryAndGiveUp,
    None,
}

impl StepRow {
    pub(crate) fn can_act(&self) -> bool {
        self.actions == Actions::RetryAndGiveUp
    }
}

/// Steps that stand for the same reason.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) tone: Tone,
    pub(crate) title: String,
    /// What it means, and where to change it.
    pub(crate) text: String,
    /// The other side's own words.
    pub(crate) words: Option<String>,
    /// Where the cause is put right, with its label.
    pub(crate) link: Option<(String, String)>,
    pub(crate) steps: Vec<StepRow>,
}

impl Cause {
    /// One button for all is offered where there is more than one and each may be tried again.
    pub(crate) fn can_retry_all(&self) -> bool {
        self.steps.len() > 1 && self.steps.iter().all(StepRow::can_act)
    }

    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.steps.len()).unwrap_or(u64::MAX)
    }
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "steps/page.html")]
pub(crate) struct StepsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) next: Option<String>,
    pub(crate) empty: Option<Empty>,
    pub(crate) said: Option<(Tone, String)>,
}

impl StepsPage {
    pub(crate) fn state(&self) -> &'static str {
        self.tabs.iter().find(|tab| tab.current).map_or("", |tab| tab.state)
    }
}
