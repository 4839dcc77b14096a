//! The settings of tickets, of the house and of one company.

use super::{frame, text};
use crate::portal::view::frame::{Screen, Tone};
use crate::portal::view::ticket_settings::*;
use crate::portal::view::ticketing::Switch;

fn choose(value: &str, label: &str, chosen: Switch) -> Choose {
    Choose { value: value.into(), label: label.into(), chosen }
}

fn setting(name: &str, setting: &'static str, input: Input, whose: Whose) -> Setting {
    Setting { name: name.into(), api_name: setting, input, error: None, gone: None, whose }
}

/// The house's, with a choice that vanished and a text that was refused.
pub(in super::super) fn house() -> TicketSettingsPage {
    let mut gone = setting(
        "ticket_type",
        "ticket_type",
        Input::Select(vec![choose("", "Left to Halo", Switch::Off), choose("21", "Incident", Switch::On)]),
        Whose::House,
    );
    gone.gone = Some(text().arg("ts-gone", "name", "Incident"));
    let mut wrong = setting("text-denied", "texts", Input::Code("<p>{{ nobody }}</p>".into(), 4), Whose::House);
    wrong.error = Some("Line 1: there is no variable \"nobody\".".into());
    TicketSettingsPage {
        text: text(),
        frame: frame(Screen::Ticketing, "Tickets"),
        base: "/portal/settings/tickets".into(),
        company: None,
        sections: vec![
            Section { name: "tickets", settings: vec![gone] },
            Section {
                name: "time",
                settings: vec![setting("minutes", "time", Input::Short("5".into()), Whose::House)],
            },
            Section { name: "texts", settings: vec![wrong] },
        ],
        variables: vec![Variable { name: "who", meaning: text().t("variable-who"), example: "Maria Ruiz" }],
        choices_error: None,
        edit: Switch::On,
        said: Some((Tone::Bad, text().t("tk-not-saved"))),
        preview: Preview {
            text: text(),
            base: "/portal/settings/tickets".into(),
            requests: vec![choose("req_1", "Label Printer driver 3.2 · SDG-FD-01", Switch::On)],
            events: vec![choose("opened", "Ticket opened", Switch::On)],
            summary: Some("Elevation request: Label Printer driver 3.2 on SDG-FD-01 [CS-7K3M9QXA]".into()),
            document: Some("<!doctype html><body><p>Maria Ruiz asks.</p></body>".into()),
            fields: vec![Sent { label: "Priority".into(), value: "41".into(), called: Some("Critical".into()) }],
            notes: Vec::new(),
        },
    }
}

/// A company's, with one setting of its own.
pub(in super::super) fn company() -> TicketSettingsPage {
    let mut page = house();
    page.company = Some(("Sample Dental Group".into(), "/portal/companies/company_1".into()));
    page.said = None;
    for section in &mut page.sections {
        for setting in &mut section.settings {
            setting.whose = if setting.name == "minutes" { Whose::Own } else { Whose::Inherited };
        }
    }
    page
}
