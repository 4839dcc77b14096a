//! One contract, held against the simulator with each of its hostile answers: what a step needs to know must be right
//! whichever Halo is on the other side. What happened is read from the simulator's own state, never through our client.

#![expect(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "fixtures may fail loudly")]

mod checks;
mod connecting;
mod desk;
mod faults;
mod finding;
mod sentences;
mod story;
mod stub;
mod table;
