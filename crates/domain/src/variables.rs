//! What a text of a ticket may tell: one list, from which templates get their values, and page and API their help.
//!
//! Called by [`crate::template`] and by whoever shows the list. The decision a reader would undo: every value is a text
//! or nothing, so that `{% if reason %}` means what it says everywhere.

use crate::{
    request::{Request, State},
    text::line,
    ticket::{Names, Part},
    time::Time,
};

/// What a text is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The request as it is now.
    pub request: &'a Request,
    /// The names round it.
    pub names: &'a Names,
    /// Which text.
    pub part: Part,
    /// How often the same was asked again while it waited.
    pub repeats: u32,
    /// Address of the request in the portal.
    pub page: &'a str,
    /// The mark of this installation.
    pub server: &'a str,
}

/// One variable.
#[derive(Clone, Copy)]
pub struct Variable {
    /// Its name in a template. What it means stands in the portal's texts, by this name.
    pub name: &'static str,
    /// An example, plainly one.
    pub example: &'static str,
    pub(crate) of: fn(&About<'_>) -> Option<String>,
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn variable(name: &'static str, example: &'static str, of: fn(&About<'_>) -> Option<String>) -> Variable {
    Variable { name, example, of }
}

/// Every variable, in the order in which people read them.
pub const VARIABLES: &[Variable] = &[
    variable("program", "printer-setup.exe", |about| Some(about.request.asked.program_name())),
    variable("who", "Maria Ruiz", |about| {
        let user = &about.request.asked.end_user;
        Some(user.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&user.account).to_owned())
    }),
    variable("account", "SAMPLE\\maria", |about| Some(about.request.asked.end_user.account.clone())),
    variable("email", "maria.ruiz@example.org", |about| text(about.request.asked.end_user.email.as_deref())),
    variable("phone", "+44 20 7946 0000", |about| text(about.request.asked.end_user.phone.as_deref())),
    variable("reason", "The printer needs its driver", |about| text(about.request.asked.reason.as_deref())),
    variable("company", "Example Company", |about| Some(about.names.company.clone())),
    variable("location", "Main Street", |about| Some(about.names.location.clone())),
    variable("computer", "PC-014", |about| Some(about.names.computer.clone())),
    variable("path", "C:\\Setup\\printer-setup.exe", |about| {
        Some(about.request.asked.program.path.as_str().to_owned())
    }),
    variable("command_line", "printer-setup.exe /quiet", |about| text(about.request.asked.command_line.as_deref())),
    variable("version", "4.2.1", |about| text(about.request.asked.program.version.as_ref().map(AsRef::as_ref))),
    variable("publisher", "Sample Printers Ltd (verified)", |about| {
        let publisher = about.request.asked.program.publisher.as_ref()?;
        let seal = if publisher.verified { "verified" } else { "not verified" };
        Some(format!("{} ({seal})", publisher.subject))
    }),
    variable("package", "sample-tool 1.0", |about| {
        let package = about.request.asked.program.package.as_ref()?;
        let version = package.version.as_ref().map_or("", AsRef::as_ref);
        Some(line(&format!("{} {version}", package.name), 400))
    }),
    variable("sha256", "5e5e5e5e…", |about| Some(about.request.asked.program.sha256.as_str().to_owned())),
    variable("run_as", "SYSTEM", |about| text(about.request.asked.run_as.as_deref())),
    variable("parent", "C:\\Windows\\explorer.exe", |about| text(about.request.asked.parent.as_deref())),
    variable("folder", "C:\\Setup", |about| text(about.request.asked.working_dir.as_deref())),
    variable("asked_at", "2026-11-24 14:02:07 UTC", |about| Some(about.request.received_at.for_people())),
    variable("by", "Sam Okoro", |about| match (about.part, &about.request.revoked) {
        (Part::Revoked, Some((by, _))) => Some(by.name.clone()),
        _ => about.request.decision.as_ref().map(|decision| decision.by.name.clone()),
    }),
    variable("at", "2026-11-24 14:03:11 UTC", |about| at(about).map(Time::for_people)),
    variable("decision_reason", "As agreed", |about| text(about.request.decision.as_ref()?.reason.as_deref())),
    variable("validity", "4 h", |about| about.request.decision.as_ref().map(|decision| minutes(decision.minutes))),
    variable("work_minutes", "5", |about| {
        let seconds = about.request.decision.as_ref()?.work_seconds?;
        Some(seconds.div_ceil(60).to_string())
    }),
    variable("repeats", "3", |about| (about.repeats > 0).then(|| about.repeats.to_string())),
    variable("unused", "yes", |about| lapsed(about.request).map(|_| "yes".to_owned())),
    variable("exit_code", "740", |about| about.request.outcome.as_ref()?.exit_code.map(|code| code.to_string())),
    variable("url", "https://countersign.example.com/portal/requests/req_…", |about| Some(about.page.to_owned())),
    variable("request", "req_0197c9a0-…", |about| Some(about.request.id.to_string())),
    variable("reference", "[CS-7K3M9QXA]", |about| Some(crate::ticket::reference(&about.request.id))),
    variable("server", "Countersign server_0197c9a0-…", |about| Some(about.server.to_owned())),
];

fn text(value: Option<&str>) -> Option<String> {
    value.filter(|value| !value.trim().is_empty()).map(str::to_owned)
}

/// When what the text tells of happened.
fn at(about: &About<'_>) -> Option<Time> {
    let request = about.request;
    match about.part {
        Part::Summary | Part::Description => Some(request.received_at),
        Part::Approved | Part::Denied => request.decision.as_ref().map(|decision| decision.at),
        Part::Expired => Some(lapsed(request).unwrap_or(request.expires_at)),
        Part::Revoked => request.revoked.as_ref().map(|(_, at)| *at),
        Part::Failed => request.outcome.as_ref().map(|outcome| outcome.at),
        Part::Withdrawn | Part::Repeated => None,
    }
}

/// Until when an approval that was not used could have been.
fn lapsed(request: &Request) -> Option<Time> {
    request.grant.as_ref().filter(|_| request.state == State::Expired).map(|grant| grant.until)
}

fn minutes(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
