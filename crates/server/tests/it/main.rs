//! The program `countersign`, run as its users run it.

mod commands;
mod configuration;
mod program;
mod serving;
