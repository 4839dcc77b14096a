//! The alerts page, filled by hand.

use super::super::alerts::*;
use super::super::frame::*;
use super::super::ticketing::Switch;
use super::{at, frame, text};

/// Who is told what, with an alert that could not be told.
pub(in crate::portal::view) fn alerts() -> AlertsPage {
    let field = |name, value: &str, kind| Field { name, value: value.into(), kind, error: None };
    AlertsPage {
        text: text(),
        frame: frame(Screen::Alerts, "Alerts"),
        sections: vec![
            Section { name: "limit", fields: vec![field("after_minutes", "30", FieldKind::Number)] },
            Section {
                name: "mail",
                fields: vec![
                    field("mail_host", "smtp.example.com", FieldKind::Text),
                    field("mail_password", "", FieldKind::Secret(Some(text().t("alerts-secret-kept")))),
                    field(
                        "mail_tells",
                        "person",
                        FieldKind::Choice(vec![("person", "Only what needs a person".into())]),
                    ),
                ],
            },
        ],
        open: vec![OpenAlert {
            title: "Halo fails".into(),
            target: text().t("alerts-by-mail"),
            since: at("13:00:00"),
            told_at: None,
            failure: Some(("The mail server smtp.example.com did not take it: 535".into(), at("13:45:00"))),
        }],
        tested: Vec::new(),
        target: Switch::On,
        edit: Switch::On,
        said: None,
    }
}
