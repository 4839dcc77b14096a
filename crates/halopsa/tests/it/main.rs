//! The client against servers that behave badly in every way we could think of, and against the simulator.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the fixtures of tests may fail loudly, as tests do"
)]

mod failures;
mod paging;
mod sending;
mod simulator;
mod stub;
mod tokens;
