//! The ticketing settings.

use super::sync::{sync, synced};
use super::{frame, text};
use crate::portal::view::frame::*;
use crate::portal::view::sync::*;
use crate::portal::view::ticketing::*;

fn field(name: &'static str, value: &str) -> Field {
    Field { name, value: value.into(), error: None }
}

fn select(name: &'static str, chosen: &str) -> Select {
    Select { name, chosen: Some(chosen.into()), error: None }
}

/// The settings with a connection and a finished check.
pub(in crate::portal::view) fn ticketing() -> TicketingPage {
    let choice = |id: &str, name: &str| Choice { id: id.into(), name: name.into() };
    let line = |word: &str, tone, icon, title: &str, seen: &str| CheckLine {
        word: text().t(word),
        tone,
        icon,
        title: title.into(),
        seen: seen.into(),
        fix: None,
        place: None,
    };
    let mut fails = line(
        "check-word-fail",
        Tone::Bad,
        "circle-x",
        "Can see Unassigned Tickets for this Team",
        "Off for team Service Desk; new tickets would vanish from our sight",
    );
    fails.fix = Some("Switch it on, then check again.".into());
    fails.place = Some("Teams › Service Desk › Agents › Countersign API".into());
    TicketingPage {
        text: text(),
        frame: frame(Screen::Ticketing, "Ticketing System"),
        connection: vec![
            field("resource_url", "https://halo.example.com/api"),
            field("auth_url", "https://halo.example.com/auth"),
            field("tenant", "sample"),
            field("client_id", "6f0d2c1e-0000-4000-8000-000000000000"),
        ],
        secret: Secret::Stored,
        secret_error: None,
        content: Content {
            choices: Choices {
                ticket_types: vec![choice("1", "Incident"), choice("2", "Elevation")],
                statuses: vec![choice("1", "New"), choice("9", "Closed")],
                outcomes: vec![choice("5", "Private note")],
                teams: vec![choice("Service Desk", "Service Desk")],
                priorities: vec![choice("3", "Medium")],
            },
            choices_error: None,
            ticket_type: select("ticket_type", "2"),
            statuses: vec![
                select("status_open", "1"),
                select("status_approved", "9"),
                select("status_denied", "9"),
                select("status_expired", "77"),
                select("status_withdrawn", ""),
            ],
            outcome: select("outcome", "5"),
            team: select("team", "Service Desk"),
            priority: select("priority", ""),
            assign: Switch::On,
            time: Time::Fixed,
            minutes: field("minutes", "5"),
        },
        edit: Switch::On,
        said: None,
        setup: Setup::Over,
        check: Some(Check {
            text: text(),
            told: Told {
                trouble: None,
                lines: vec![
                    line("check-word-ok", Tone::Ok, "circle-check", "Address", "Answers in 84 ms"),
                    line("check-word-ok", Tone::Ok, "circle-check", "Client ID and secret", "Token for 60 min"),
                    line(
                        "check-word-warn",
                        Tone::Warn,
                        "alert-circle",
                        "Permissions of the application",
                        "Wider than needed: all was given",
                    ),
                    line(
                        "check-word-info",
                        Tone::Info,
                        "info-circle",
                        "Contacts",
                        "None visible. Tickets will name the user in the text",
                    ),
                    fails,
                    line("check-word-unknown", Tone::Quiet, "help-circle", "Can Re-assign Tickets", "Not tried"),
                ],
            },
        }),
        sync: Some(SyncPanel {
            text: text(),
            sync: sync(crate::portal::sync::SETTINGS, Some("Sync runs. Assets 12,000 of 100,000")),
            kinds: vec![
                synced("Customers", ["48", "43", "3", "1", "1"], None),
                synced("Assets", ["100,000", "1,204", "38", "0", "2"], None),
                synced("End users", ["2,310", "0", "311", "0", "0"], Some("Halo shows our agent no end users.")),
            ],
        }),
    }
}

/// The settings before anything was entered, with a refused form.
pub(in crate::portal::view) fn ticketing_new() -> TicketingPage {
    let mut page = ticketing();
    for field in &mut page.connection {
        field.value.clear();
    }
    page.connection[0].error = Some(text().t("tk-error-address"));
    page.secret = Secret::Missing;
    page.setup = Setup::New;
    page.content.choices = Choices::default();
    page.content.choices_error = Some(text().t("tk-no-choices"));
    page.said = Some((Tone::Bad, text().t("tk-not-saved")));
    page.check = None;
    page
}
