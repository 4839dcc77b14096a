//! The request's state machine as a table, under random events, and the texts of tickets.

mod machine;
mod sample;
mod texts;
