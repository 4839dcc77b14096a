//! A page for what went wrong: what is, what it means, what to do.

use askama::Template;

use crate::portal::text::Text;

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    NotFound,
    Forbidden,
    /// The form's token or origin did not fit: usually a page that was open over a sign-out.
    Stale,
    /// The form is larger than its route takes.
    TooLarge,
    /// The use case says no, in its own sentence.
    Refused,
    Internal,
    /// The store or another part does not answer; nothing was changed.
    Unavailable,
}

impl Problem {
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Forbidden | Self::Stale => 403,
            Self::Refused => 409,
            Self::TooLarge => 413,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    fn part(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Forbidden => "forbidden",
            Self::Stale => "stale",
            Self::TooLarge => "too-large",
            Self::Refused => "refused",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    pub(crate) fn title_key(self) -> String {
        format!("problem-{}-title", self.part())
    }

    pub(crate) fn text_key(self) -> String {
        format!("problem-{}-text", self.part())
    }
}

/// The page. It stands without the frame: what failed may be what the frame needs.
#[derive(Debug, Clone, Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage {
    pub(crate) text: Text,
    pub(crate) problem: Problem,
    /// A sentence that says more than the general one.
    pub(crate) sentence: Option<String>,
}
