//! Ticket steps: what is on its way to the ticketing system, what waits, and what needs a person.

use askama::Template;

use super::frame::{Empty, Frame, Tab, Tone, When};
use super::request::{Attempt, fold};
use crate::portal::text::Text;

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct StepRow {
    pub(crate) id: String,
    /// The page of what it tells of.
    pub(crate) href: String,
    /// The request's short form, or the record's kind.
    pub(crate) reference: String,
    /// "Open the ticket", "Write the decision to the ticket".
    pub(crate) what: String,
    /// The request's program; empty where it tells of a record.
    pub(crate) program: String,
    pub(crate) company: String,
    /// The ticket that it writes on: number and address.
    pub(crate) ticket: Option<(String, String)>,
    /// When it was last tried.
    pub(crate) at: Option<When>,
    pub(crate) tries: u64,
    /// When it is tried next.
    pub(crate) next_at: Option<When>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) actions: Actions,
    /// What will not happen where it is given up.
    pub(crate) without_it: String,
}

/// What a person may do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actions {
    RetryAndGiveUp,
    /// Also: have a new ticket made in the place of the one that is gone.
    AlsoNewTicket,
    None,
}

impl StepRow {
    pub(crate) fn can_act(&self) -> bool {
        self.actions != Actions::None
    }

    pub(crate) fn can_make_new(&self) -> bool {
        self.actions == Actions::AlsoNewTicket
    }

    pub(crate) fn head(&self) -> &[Attempt] {
        fold(&self.attempts).0
    }

    pub(crate) fn folded(&self) -> &[Attempt] {
        fold(&self.attempts).1
    }

    pub(crate) fn tail(&self) -> &[Attempt] {
        fold(&self.attempts).2
    }

    /// Attempts between the first and the last. Of many, only the last twenty are behind the fold.
    pub(crate) fn between(&self) -> u64 {
        self.tries.saturating_sub(2)
    }
}

/// A company whose tickets wait for its link.
#[derive(Debug, Clone)]
pub(crate) struct WaitingRow {
    pub(crate) href: String,
    pub(crate) name: String,
    /// "3 tickets".
    pub(crate) count: String,
    pub(crate) since: Option<When>,
}

/// Steps that stand for the same reason.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) tone: Tone,
    /// The cause's word; empty where steps wait for their turn alone.
    pub(crate) key: &'static str,
    pub(crate) title: String,
    /// What it means.
    pub(crate) text: String,
    /// What to change.
    pub(crate) fix: Option<String>,
    /// Where to change it.
    pub(crate) place: Option<String>,
    /// What the last attempts say, without doubles: sentences of ours, with the other side's words in them where it had
    /// some.
    pub(crate) words: Vec<String>,
    /// Since when the first stands here.
    pub(crate) since: Option<When>,
    /// Where the cause is put right, with its label.
    pub(crate) link: Option<(String, String)>,
    /// How many steps there are, those that are not shown among them.
    pub(crate) count: u64,
    pub(crate) steps: Vec<StepRow>,
    /// In the place of steps: companies without a link.
    pub(crate) companies: Vec<WaitingRow>,
    /// The page of the steps that are not shown, with its label.
    pub(crate) more: Option<(String, String)>,
}

impl Cause {
    /// One button for all is offered where there is more than one and each may be tried again.
    pub(crate) fn can_retry_all(&self) -> bool {
        self.count > 1 && !self.steps.is_empty() && self.steps.iter().all(StepRow::can_act)
    }
}

/// A company to filter by.
#[derive(Debug, Clone)]
pub(crate) struct CompanyChoice {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) chosen: bool,
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "steps/page.html")]
pub(crate) struct StepsPage {
    pub(crate) text: Text,
    pub(crate) frame: Frame,
    pub(crate) tabs: Vec<Tab>,
    /// Companies that have steps in this state.
    pub(crate) companies: Vec<CompanyChoice>,
    /// The one cause that is shown, with its title; none where all are.
    pub(crate) only: Option<(&'static str, String)>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) next: Option<String>,
    pub(crate) empty: Option<Empty>,
    pub(crate) said: Option<(Tone, String)>,
}

impl StepsPage {
    pub(crate) fn state(&self) -> &'static str {
        self.tabs.iter().find(|tab| tab.current).map_or("", |tab| tab.state)
    }

    /// The id of the company that is filtered by; empty where none is.
    pub(crate) fn company(&self) -> &str {
        self.companies.iter().find(|company| company.chosen).map_or("", |company| &company.id)
    }

    /// This page's own address, to read it anew.
    pub(crate) fn address(&self) -> String {
        let cause = self.only.as_ref().map_or("", |(key, _)| key);
        format!("/portal/steps?state={}&cause={cause}&company={}", self.state(), self.company())
    }
}
