//! Why a step does not go on: one word that is kept with the step and with each attempt.
//!
//! People find what to do by it: steps of one cause stand together, are tried again together, and raise one alert. Not
//! for: what to do about it on the other side (`psa` knows its settings), and the words of one answer (an attempt keeps
//! them). The decision a reader would undo: a cause is set where the failure is seen, never guessed from words.

use serde::{Deserialize, Serialize};

/// Why a step does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A new ticket may not be made.
    TicketNotPermitted,
    /// A new ticket's content is refused.
    TicketInvalid,
    /// A note, status or assignee may not be written.
    ActionNotPermitted,
    /// The content of a note, status or assignee is refused.
    ActionInvalid,
    /// The ticket is not there, or hidden from our agent.
    TicketGone,
    /// Records may not be read.
    ReadingNotPermitted,
    /// What must be there is not shown, so that nothing can be told from what is not there.
    Hidden,
    /// Nobody knows whether it was applied; it is looked for.
    LookedFor,
    /// Our application is not let in.
    Credentials,
    /// The address is not allowed by this server's own configuration.
    AddressNotAllowed,
    /// Nothing answers there.
    NotReached,
    /// Sent, but not answered in time.
    NoAnswer,
    /// The other side fails.
    ServerFault,
    /// Answered, but not in a form that can be relied on.
    NotUnderstood,
    /// Too many calls.
    RateLimited,
    /// The company is not linked.
    NoLink,
    /// A setting is missing.
    NotSetUp,
    /// The database is older than what stands on the other side.
    Restored,
    /// Steps are not sent at all: nothing came of them yet. Told by alerts, never kept with a step.
    NotSent,
    /// This server failed.
    Ours,
}

impl Cause {
    /// Every cause, what needs a person first.
    pub const ALL: [Self; 20] = [
        Self::TicketNotPermitted,
        Self::TicketInvalid,
        Self::ActionNotPermitted,
        Self::ActionInvalid,
        Self::TicketGone,
        Self::ReadingNotPermitted,
        Self::Hidden,
        Self::Restored,
        Self::Credentials,
        Self::AddressNotAllowed,
        Self::NotReached,
        Self::NoAnswer,
        Self::ServerFault,
        Self::NotUnderstood,
        Self::RateLimited,
        Self::NoLink,
        Self::NotSetUp,
        Self::LookedFor,
        Self::NotSent,
        Self::Ours,
    ];

    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TicketNotPermitted => "ticket_not_permitted",
            Self::TicketInvalid => "ticket_invalid",
            Self::ActionNotPermitted => "action_not_permitted",
            Self::ActionInvalid => "action_invalid",
            Self::TicketGone => "ticket_gone",
            Self::ReadingNotPermitted => "reading_not_permitted",
            Self::Hidden => "hidden",
            Self::LookedFor => "looked_for",
            Self::Credentials => "credentials",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::NotReached => "not_reached",
            Self::NoAnswer => "no_answer",
            Self::ServerFault => "server_fault",
            Self::NotUnderstood => "not_understood",
            Self::RateLimited => "rate_limited",
            Self::NoLink => "no_link",
            Self::NotSetUp => "not_set_up",
            Self::Restored => "restored",
            Self::NotSent => "not_sent",
            Self::Ours => "ours",
        }
    }

    /// Whether it passes by itself, or a person must do something.
    #[must_use]
    pub const fn needs(self) -> Needs {
        match self {
            Self::NotReached
            | Self::NoAnswer
            | Self::ServerFault
            | Self::NotUnderstood
            | Self::RateLimited
            | Self::LookedFor
            | Self::NotSent
            | Self::Ours => Needs::Time,
            Self::TicketNotPermitted
            | Self::TicketInvalid
            | Self::ActionNotPermitted
            | Self::ActionInvalid
            | Self::TicketGone
            | Self::ReadingNotPermitted
            | Self::Hidden
            | Self::Credentials
            | Self::AddressNotAllowed
            | Self::NoLink
            | Self::NotSetUp
            | Self::Restored => Needs::Person,
        }
    }

    /// The cause that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

/// What a cause needs to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// A person.
    Person,
    /// Time: it is tried again by itself.
    Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_word_of_its_own() {
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(cause));
            assert_eq!(serde_json::to_value(cause).ok(), Some(cause.as_str().into()));
        }
    }
}
