//! Tests that look at the project from outside: its floors, and its programs as they run.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends here")]

mod floors;
