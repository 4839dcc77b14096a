//! What the demo tells: lines for people while it goes on, and one document for programs.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Result;
use serde::Serialize;

use super::halo::Access;

/// The demo's document.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Document {
    pub(super) portal: Portal,
    pub(super) endpoint: Endpoint,
    pub(super) halo: Access,
    pub(super) requests: Vec<Request>,
}

/// How to reach the portal.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Portal {
    pub(super) url: String,
    pub(super) sign_in_url: String,
    pub(super) api_token: String,
}

/// How to enrol a computer.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Endpoint {
    pub(super) url: String,
    pub(super) enrollment_key: String,
}

/// One request of the story, as it ended.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) company: String,
    pub(super) computer: String,
    pub(super) program: String,
    pub(super) state: String,
    pub(super) decided_by: String,
    pub(super) waited_ms: i64,
    pub(super) ticket: Ticket,
}

/// Its ticket, as Halo shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Ticket {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) status: String,
    pub(super) assigned_to: String,
    pub(super) time_minutes: f64,
    pub(super) time_owner: String,
}

/// Whom the demo speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// People.
    Text,
    /// A program: one line of JSON on standard output, everything else on standard error.
    Json,
}

/// Says things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Say {
    form: Form,
}

impl Say {
    pub(super) const fn new(form: Form) -> Self {
        Self { form }
    }

    pub(super) fn line(self, line: impl AsRef<str>) {
        match self.form {
            Form::Text => println!("  {}", line.as_ref()),
            Form::Json => eprintln!("  {}", line.as_ref()),
        }
    }

    pub(super) fn wrong(self, what: &str) {
        self.line(format!("NOT RIGHT: {what}"));
    }

    pub(super) fn document(self, document: &Document) -> Result<()> {
        match self.form {
            Form::Json => {
                let mut out = std::io::stdout().lock();
                serde_json::to_writer(&mut out, document)?;
                out.write_all(b"\n")?;
                out.flush()?;
            }
            Form::Text => table(document),
        }
        Ok(())
    }

    pub(super) fn invite(self, document: &Document) {
        if self.form == Form::Json {
            return;
        }
        println!();
        println!("  Three requests wait for you. Sign in (the link works once):");
        println!("    {}", bold(&document.portal.sign_in_url));
        println!("  Ask yourself, from another terminal:");
        println!("    cargo run --release --bin countersign-agent -- enroll --server {} \\", document.endpoint.url);
        println!(
            "      --key {} --company \"Sample Dental Group\" --location \"Main Street\"",
            document.endpoint.enrollment_key
        );
        println!("    cargo run --release --bin countersign-agent -- request -- /usr/bin/env");
        println!("  What the HaloPSA stand-in holds: {}/sim/v1/state", document.halo.url);
        println!("  Ctrl-C ends it.");
    }
}

fn bold(text: &str) -> String {
    if std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

fn table(document: &Document) {
    println!();
    println!(
        "  {:<8} {:<24} {:<24} {:<9} {:<12} {:<12} {:>5}  Time of",
        "Ticket", "Program", "Company", "Request", "Status", "Assigned to", "Time"
    );
    for request in &document.requests {
        let ticket = &request.ticket;
        println!(
            "  {:<8} {:<24} {:<24} {:<9} {:<12} {:<12} {:>3} min {}",
            format!("#{}", ticket.id),
            cut(&request.program, 24),
            cut(&request.company, 24),
            request.state,
            cut(&ticket.status, 12),
            cut(&ticket.assigned_to, 12),
            ticket.time_minutes,
            ticket.time_owner
        );
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}
