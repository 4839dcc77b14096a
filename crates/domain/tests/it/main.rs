//! The request's state machine as a table, under random events, and the texts of tickets.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends here")]

mod machine;
mod sample;
mod texts;
