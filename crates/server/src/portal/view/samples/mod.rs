//! Views filled by hand: what the tests render, and what a person looks at while changing a template.

pub(super) mod alerts;
pub(super) mod approvals;
pub(super) mod directory;
pub(super) mod request;
pub(super) mod steps;
mod sync;
pub(super) mod ticket_settings;
pub(super) mod ticketing;

use super::frame::*;
use super::problem::*;
use super::sign_in::*;
use crate::portal::text::Text;

fn text() -> Text {
    Text::default()
}

fn at(clock: &str) -> When {
    When { iso: format!("2026-11-24T{clock}Z"), text: clock.to_owned() }
}

fn frame(screen: Screen, title: &str) -> Frame {
    Frame {
        screen,
        title: title.to_owned(),
        person: Person { name: "Maria Ruiz".into(), initials: "MR".into(), role: "Level 3".into() },
        connection: Connection::Connected,
        waiting: 6,
        unlinked: Unlinked { companies: 5, locations: 11, computers: 38, users: 1 },
        settings: Settings::Shown,
        attention: 4,
        banner: None,
        form_token: "sample-token".into(),
        search: String::new(),
    }
}

fn tab(state: &'static str, key: &str, count: Option<u64>, current: bool) -> Tab {
    Tab { state, label: text().t(key), count, current }
}

/// The page behind a one-use link.
pub(super) fn sign_in(link: Link) -> SignInPage {
    SignInPage { text: text(), link, host: "approvals.example.com".into() }
}

/// An error page.
pub(super) fn problem(problem: Problem) -> ProblemPage {
    ProblemPage { text: text(), problem, sentence: None }
}
