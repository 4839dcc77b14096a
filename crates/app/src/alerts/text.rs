//! The words of an alert: plain text for mail, JSON for a webhook.
//!
//! Company names and the other side's words come from outside: each is one cleaned line, and none stands in a subject.

use std::fmt::Write as _;

use countersign_domain::{cause::Cause, text::line, time::Time};
use countersign_psa::advice::advice;

use super::tell::Kind;

/// What is told.
pub(super) struct Alert {
    pub(super) kind: Kind,
    pub(super) at: Time,
    /// The portal's address, without a slash at its end.
    pub(super) portal: String,
    /// None for a test.
    pub(super) about: Option<About>,
}

/// What it is about.
pub(super) struct About {
    pub(super) cause: Cause,
    pub(super) since: Time,
    pub(super) steps: u64,
    pub(super) companies: Vec<String>,
    pub(super) words: Vec<String>,
}

impl Alert {
    pub(super) fn subject(&self) -> String {
        let Some(about) = &self.about else { return "Countersign: a test of the alerts".to_owned() };
        let title = advice(about.cause).title;
        match self.kind {
            Kind::Cleared => format!("Countersign: over: {title}"),
            Kind::Reminder => format!("Countersign: still: {title} ({})", steps(about.steps)),
            Kind::Raised | Kind::Test => format!("Countersign: {title} ({})", steps(about.steps)),
        }
    }

    fn page(&self) -> String {
        match (&self.about, self.kind) {
            (Some(_), Kind::Raised | Kind::Reminder) => format!("{}/portal/steps", self.portal),
            _ => format!("{}/portal/settings/alerts", self.portal),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let mut say = |words: &str| {
            // Writing to a String cannot fail.
            let _infallible = writeln!(out, "{words}");
        };
        match &self.about {
            None => say("This is a test. Alerts of this server reach you."),
            Some(about) if self.kind == Kind::Cleared => {
                say(&format!("Over: {}.", advice(about.cause).title));
                say(&format!("It began at {}. No step stands for it any more.", about.since.for_people()));
            }
            Some(about) => {
                let advice = advice(about.cause);
                say(&format!("{}.", advice.title));
                say(advice.means);
                say("");
                say(&format!("{}, the first since {}.", steps(about.steps), about.since.for_people()));
                if !about.companies.is_empty() {
                    let names: Vec<String> = about.companies.iter().map(|name| line(name, 100)).collect();
                    say(&format!("Among them: {}", names.join("; ")));
                }
                for words in &about.words {
                    say(&format!("In its words: {}", line(words, 300)));
                }
                for (what, words) in [("Do", advice.fix), ("Where", advice.place)] {
                    if let Some(words) = words {
                        say(&format!("{what}: {words}"));
                    }
                }
                say("");
                say("Decisions and endpoints are not held up by this. Nothing is lost; each step waits.");
            }
        }
        say("");
        say(&self.page());
        out
    }

    pub(super) fn json(&self, id: &str) -> String {
        let mut body = serde_json::json!({
            "id": id,
            "event": format!("alert.{}", self.kind.as_str()),
            "at": self.at.rfc3339(),
            "page": self.page(),
        });
        if let (Some(about), Some(body)) = (&self.about, body.as_object_mut()) {
            let advice = advice(about.cause);
            let lines = |all: &[String], max| all.iter().map(|one| line(one, max)).collect::<Vec<_>>();
            for (name, value) in [
                ("cause", about.cause.as_str().into()),
                ("title", advice.title.into()),
                ("means", advice.means.into()),
                ("fix", advice.fix.into()),
                ("where", advice.place.into()),
                ("steps", about.steps.into()),
                ("since", about.since.rfc3339().into()),
                ("companies", lines(&about.companies, 100).into()),
                ("words", lines(&about.words, 300).into()),
            ] {
                body.insert(name.to_owned(), value);
            }
        }
        body.to_string()
    }
}

fn steps(count: u64) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_stay_on_their_line_and_out_of_the_subject() {
        let hostile = "Sample\r\nBcc: all@example.org\u{202E}\n\nDear".to_owned();
        let about = About {
            cause: Cause::NoLink,
            since: Time(0),
            steps: 2,
            companies: vec![hostile.clone()],
            words: vec![hostile],
        };
        let alert = Alert {
            kind: Kind::Raised,
            at: Time(0),
            portal: "https://desk.example.com".to_owned(),
            about: Some(about),
        };
        assert_eq!(alert.subject(), "Countersign: Companies without a link (2 steps)");
        let text = alert.text();
        assert!(text.contains("Among them: Sample Bcc: all@example.org"), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("Bcc") || line.starts_with("Dear")), "{text}");
        assert!(!text.contains('\u{202E}') && !text.contains('\r'), "{text}");
        let body: serde_json::Value = serde_json::from_str(&alert.json("alert-1")).unwrap_or_default();
        assert_eq!(body["event"], "alert.raised");
        assert_eq!(body["steps"], 2);
    }
}
