//! What the person at the terminal sees.
//!
//! For: the few lines of a request, readable without colour in 80 columns; one line where nobody looks. Not for:
//! deciding what is true.
//! Called by `request` and `enroll`. Everything that came from elsewhere was cleaned when it was parsed (see
//! `countersign_policy::Text`), so no technician's note can move the cursor.

use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::time::Duration;

use countersign_wire::decision::Decision;
use countersign_wire::grant::Uses;
use countersign_wire::request::Ticket;
use countersign_wire::{Text, Time};
use jiff::tz::TimeZone;

use crate::ask::Ending;

const WIDTH: usize = 80;
/// Where texts start, after two spaces and a label.
const COLUMN: usize = 13;

/// What is known of a request, for showing.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its short reference, such as `CS-7K3M9QXA`.
    pub reference: String,
    /// Its ticket.
    pub ticket: Option<Ticket>,
    /// The decision.
    pub decision: Option<Decision>,
    /// How often the approval can be used.
    pub uses: Option<Uses>,
    /// Until when it waits for a decision.
    pub expires_at: Option<Time>,
    /// The last failure, in a sentence.
    pub trouble: Option<String>,
}

/// Where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A terminal with colour.
    Colour,
    /// A terminal without.
    Plain,
    /// A file or pipe: one line per run.
    Line,
}

/// The person's screen.
pub struct Screen {
    output: Output,
    out: Box<dyn Write>,
    /// Whether the last line is one that will be written over.
    open_line: bool,
}

#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Warn,
    Busy,
}

impl Screen {
    /// The screen of this process: standard output, and colour unless `NO_COLOR` or `TERM=dumb` says otherwise
    /// (no-color.org).
    #[must_use]
    pub fn of_process() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let output = match io::stdout().is_terminal() {
            false => Output::Line,
            true if set("NO_COLOR") || dumb => Output::Plain,
            true => Output::Colour,
        };
        Self::new(output, Box::new(io::stdout()))
    }

    /// A screen of some kind that writes to somewhere.
    #[must_use]
    pub fn new(output: Output, out: Box<dyn Write>) -> Self {
        Self { output, out, open_line: false }
    }

    /// The first line: who must approve.
    pub fn asks(&mut self, provider: Option<&str>, reference: &str) {
        if self.output != Output::Line {
            let who = provider.unwrap_or("Your IT provider");
            let name = self.bold("Countersign");
            self.print(&format!("{name}: {who} must approve this. Request {reference}\n"));
        }
    }

    /// Asks for the reason, where there is somebody to ask.
    #[must_use]
    pub fn reason(&mut self) -> Option<String> {
        if self.output == Output::Line || !io::stdin().is_terminal() {
            return None;
        }
        self.print("  Why do you need it? (Enter to skip) ");
        let mut line = String::new();
        // A terminal that went away gives no reason; the request is sent without one.
        io::stdin().lock().read_line(&mut line).ok()?;
        Some(line.trim().to_owned()).filter(|reason| !reason.is_empty())
    }

    /// The line that counts down.
    pub fn waiting(&mut self, left: Duration, known: &Known) {
        if self.output == Output::Line {
            return;
        }
        let seconds = left.as_secs();
        let state = match (&known.trouble, &known.ticket) {
            (Some(_), _) => ", no connection, trying again".to_owned(),
            (None, Some(ticket)) => format!(", ticket #{}", ticket.id),
            (None, None) => String::new(),
        };
        let text = format!("{}:{:02} left{state}   Ctrl-C withdraws", seconds / 60, seconds % 60);
        let text: String = text.chars().take(WIDTH - COLUMN - 1).collect();
        // Back to the start of the line, and clear what was there (ECMA-48: EL).
        let label = self.label("Waiting", Tone::Busy);
        self.print(&format!("\r  {label}{text}\x1b[K"));
        self.open_line = true;
    }

    /// The last lines: how it ended. `waited` is how long this run of the command waited, and `now` the time.
    pub fn ended(&mut self, ending: Ending, known: &Known, waited: Duration, now: Time) {
        let (tone, label, text) = words(ending, known, waited, now);
        if self.output == Output::Line {
            // The sentence for no answer names the ticket itself.
            let ticket = known.ticket.as_ref().filter(|_| ending != Ending::NoAnswer);
            let ticket = ticket.map(|ticket| format!(" Ticket #{}.", ticket.id)).unwrap_or_default();
            self.print(&format!("{label} {text}{ticket} Request {}.\n", known.reference));
            return;
        }
        self.clear_line();
        if matches!(ending, Ending::Approved | Ending::Denied | Ending::Revoked | Ending::Expired) {
            let ticket = known.ticket.as_ref().map(|ticket| format!(", ticket #{}", ticket.id)).unwrap_or_default();
            self.print(&format!("  {:<width$}{}{ticket}\n", "Waited", span(waited), width = COLUMN - 2));
        }
        let lines = wrap(&text, WIDTH - COLUMN);
        for (number, line) in lines.iter().enumerate() {
            let start = if number == 0 { format!("  {}", self.label(label, tone)) } else { " ".repeat(COLUMN) };
            self.print(&format!("{start}{line}\n"));
        }
    }

    /// A line by itself.
    pub fn say(&mut self, line: &str) {
        self.clear_line();
        self.print(&format!("{line}\n"));
    }

    /// Clears the line that counts down, if it stands.
    pub fn clear_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            self.print("\r\x1b[K");
        }
    }

    fn print(&mut self, text: &str) {
        // Where nobody reads any more the exit code still tells.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    fn bold(&self, text: &str) -> String {
        if self.output == Output::Colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn label(&self, text: &str, tone: Tone) -> String {
        let padded = format!("{text:<width$}", width = COLUMN - 2);
        if self.output != Output::Colour {
            return padded;
        }
        let colour = match tone {
            Tone::Good => 32,
            Tone::Bad => 31,
            Tone::Warn => 33,
            Tone::Busy => 34,
        };
        format!("\x1b[1;{colour}m{padded}\x1b[0m")
    }
}

/// The label and the sentence for an ending.
fn words(ending: Ending, known: &Known, waited: Duration, now: Time) -> (Tone, &'static str, String) {
    let trouble = known.trouble.as_deref().unwrap_or("The server gave no answer.");
    match ending {
        Ending::Approved => {
            let uses = known.uses.map_or("", |uses| if uses == Uses::Once { ", once" } else { "" });
            (Tone::Good, "Approved", verdict(known, uses))
        }
        Ending::Denied => (Tone::Bad, "Denied", verdict(known, "")),
        Ending::Revoked => (
            Tone::Bad,
            "Revoked",
            "A technician took this approval back. Run the command again to ask anew.".to_owned(),
        ),
        Ending::NoAnswer => {
            let until = known.expires_at.map(|time| format!(" until {}", when(time, now))).unwrap_or_default();
            let what =
                known.ticket.as_ref().map_or("The request".to_owned(), |ticket| format!("Ticket #{}", ticket.id));
            let text = format!(
                "in {}. {what} stays open{until}. Run the same command later: once approved, it is answered at once.",
                span(waited)
            );
            (Tone::Warn, "No answer", text)
        }
        Ending::Expired => {
            (Tone::Warn, "Expired", "Nobody decided in time. Run the command again to ask anew.".to_owned())
        }
        Ending::Withdrawn => (Tone::Warn, "Withdrawn", "Nothing is asked for any more.".to_owned()),
        Ending::WithdrawnHere => (
            Tone::Warn,
            "Withdrawn",
            "on this computer. The server could not be told; the next request from here tells it.".to_owned(),
        ),
        Ending::NotSent => {
            (Tone::Bad, "Not sent", format!("{trouble} The request is kept; run the same command again to send it."))
        }
        Ending::NotRedeemed => (
            Tone::Bad,
            "Not used",
            format!(
                "It is approved, but whether that still holds could not be asked. {trouble} Run the same command again."
            ),
        ),
        Ending::Used => (
            Tone::Bad,
            "Used",
            "This approval was used already, or its time is over. Run the command again to ask anew.".to_owned(),
        ),
        Ending::Misfit(misfit) => {
            (Tone::Bad, "Not valid", format!("An approval came, but {misfit}. Run the command again to ask anew."))
        }
        Ending::Refused => (Tone::Bad, "Refused", trouble.to_owned()),
    }
}

fn verdict(known: &Known, uses: &str) -> String {
    let Some(decision) = &known.decision else { return format!("by the server{uses}.") };
    let by = decision.by.as_ref().map_or("the server", |by| by.as_str());
    match decision.reason.as_ref().map(Text::as_str).filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => format!("by {by}{uses}: “{}”", reason.trim()),
        None => format!("by {by}{uses}."),
    }
}

/// A span of time as people say it: `42 s`, `5 min`, `1 h 12 min`.
#[must_use]
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A moment in local time: `22:14`, `tomorrow 22:14`, `2026-11-30 22:14`.
fn when(time: Time, now: Time) -> String {
    let local = |time: Time| {
        jiff::Timestamp::from_microsecond(time.micros()).unwrap_or_default().to_zoned_datetime(TimeZone::system())
    };
    let (then, today) = (local(time), local(now).date());
    let clock = then.strftime("%H:%M");
    if then.date() == today {
        format!("{clock}")
    } else if today.tomorrow().is_ok_and(|tomorrow| tomorrow == then.date()) {
        format!("tomorrow {clock}")
    } else {
        format!("{} {clock}", then.date())
    }
}

/// Breaks a text at spaces into lines of at most `width` characters; a longer word is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(width) {
            let part: String = part.iter().collect();
            match lines.last_mut() {
                Some(line) if line.is_empty() => *line = part,
                Some(line) if line.chars().count() + 1 + part.chars().count() <= width => {
                    line.push(' ');
                    line.push_str(&part);
                }
                _ => lines.push(part),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (seconds, text) in [(0, "0 s"), (42, "42 s"), (60, "1 min"), (283, "4 min 43 s"), (4_320, "1 h 12 min")] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let text = format!("by Sam Okoro: “{} {}”", "a few words ".repeat(20), "x".repeat(200));
        let lines = wrap(&text, 67);
        assert!(lines.iter().all(|line| line.chars().count() <= 67), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn a_moment_is_said_in_days() {
        let at = |text: &str| Time::parse(text).unwrap();
        let now = at("2026-11-24T12:00:00Z");
        assert!(!when(at("2026-11-24T12:01:00Z"), now).contains('-'));
        assert!(when(at("2026-11-25T12:00:00Z"), now).starts_with("tomorrow "));
        assert!(when(at("2026-11-30T12:00:00Z"), now).starts_with("2026-11-30 "));
    }
}
