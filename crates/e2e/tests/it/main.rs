//! Tests that look at the project from outside: its floors, and its programs as they run.

mod floors;
