//! The fields of the page, by section.

use countersign_app::psa::Choices;
use countersign_app::ticketing::offered;
use countersign_domain::ticket::Part;

use super::Scope;
use super::values::{Fault, Values, text_field};
use crate::portal::text::Text;
use crate::portal::view::ticket_settings::{Choose, Input, Section, Setting, Whose};
use crate::portal::view::ticketing::Switch;

/// Makes the fields of a page.
pub(super) struct Form<'a> {
    pub(super) text: Text,
    pub(super) scope: &'a Scope,
    pub(super) values: &'a Values,
    pub(super) choices: &'a Choices,
    pub(super) fault: Option<&'a Fault>,
}

impl Form<'_> {
    fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    fn setting(&self, name: &str, setting: &'static str, input: Input) -> Setting {
        let own = self.scope.own.contains(&setting);
        Setting {
            name: name.to_owned(),
            api_name: setting,
            input,
            error: self.fault.filter(|(field, _)| field.as_deref() == Some(name)).map(|(_, sentence)| sentence.clone()),
            gone: None,
            whose: match self.scope.company {
                None => Whose::House,
                Some(_) if own => Whose::Own,
                Some(_) => Whose::Inherited,
            },
        }
    }

    /// One of a few words; each has a text key.
    fn words(&self, name: &'static str, words: &[(&str, &str)]) -> Setting {
        let value = self.value(name);
        let options = words.iter().map(|(word, key)| choose(word, self.text.t(key), value == *word)).collect();
        self.setting(name, name, Input::Select(options))
    }

    fn on_off(&self, name: &'static str) -> Setting {
        self.words(name, &[("on", "ts-on"), ("off", "ts-off")])
    }

    /// A choice of Halo's, or left to Halo. One that is not offered any more stays in the list, and is told.
    fn chosen(&self, name: &'static str) -> Setting {
        let value = self.value(name);
        let offered = offered(name, self.choices);
        let mut options = vec![choose("", self.text.t("ts-not-sent"), value.is_empty())];
        options.extend(offered.iter().map(|(id, called)| choose(id, (*called).to_owned(), *id == value)));
        let known = value.is_empty() || offered.iter().any(|(id, _)| *id == value);
        let was = self
            .scope
            .settings
            .chosen
            .get(name)
            .filter(|_| self.scope.settings.choice(name).is_some_and(|set| set.as_deref() == Some(value.as_str())));
        let called = was.cloned().unwrap_or_else(|| value.clone());
        if !known {
            options.push(choose(&value, called.clone(), true));
        }
        let gone = (!known && !offered.is_empty()).then(|| self.text.arg("ts-gone", "name", &called));
        Setting { gone, ..self.setting(name, name, Input::Select(options)) }
    }

    fn short(&self, name: &'static str, setting: &'static str) -> Setting {
        self.setting(name, setting, Input::Short(self.value(name)))
    }

    pub(super) fn sections(&self) -> Vec<Section> {
        let section = |name, settings| Section { name, settings };
        let tickets = vec![
            self.words(
                "ticket_on",
                &[
                    ("request", "ts-ticket_on-request"),
                    ("denial", "ts-ticket_on-denial"),
                    ("denial_or_expiry", "ts-ticket_on-denial_or_expiry"),
                ],
            ),
            self.chosen("ticket_type"),
            self.chosen("team"),
            self.chosen("priority"),
            self.chosen("category"),
            self.chosen("source"),
            self.setting("custom_fields", "custom_fields", Input::Lines(self.value("custom_fields"), 3)),
            self.on_off("assign"),
        ];
        let statuses = ["status_open", "status_approved", "status_denied", "status_expired", "status_withdrawn"]
            .into_iter()
            .chain(["status_revoked", "status_failed", "status_again"])
            .map(|name| self.chosen(name))
            .chain(std::iter::once(self.words(
                "closed_by_hand",
                &[
                    ("warn", "ts-closed_by_hand-warn"),
                    ("withdraw", "ts-closed_by_hand-withdraw"),
                    ("leave", "ts-closed_by_hand-leave"),
                ],
            )))
            .collect();
        let time = vec![
            self.words("time", &[("fixed", "tk-time-fixed"), ("measured", "tk-time-measured"), ("off", "tk-time-off")]),
            self.short("minutes", "time"),
            self.short("time_step_minutes", "time_step_minutes"),
            self.words("billable", &[("", "ts-not-sent"), ("on", "ts-on"), ("off", "ts-off")]),
            self.chosen("charge_rate"),
            self.on_off("time_needs_link"),
        ];
        let mut texts = vec![
            self.chosen("outcome"),
            self.words("notes", &[("private", "ts-private"), ("public", "ts-public")]),
            self.on_off("mail_user"),
            self.on_off("survey"),
        ];
        texts.extend(Part::ALL.map(|part| {
            let rows = match part {
                Part::Summary => 2,
                Part::Description => 12,
                _ => 4,
            };
            let name = text_field(part);
            self.setting(&name, "texts", Input::Code(self.value(&name), rows))
        }));
        let mut sections = vec![
            section("tickets", tickets),
            section("statuses", statuses),
            section("time", time),
            section("texts", texts),
        ];
        if self.scope.company.is_none() {
            let budget = vec![
                self.short("calls", "budget"),
                self.short("window_s", "budget"),
                self.on_off("budget_off"),
                self.short("settle_s", "settle_s"),
            ];
            sections.push(section("budget", budget));
        }
        sections
    }
}

pub(super) fn choose(value: &str, label: String, chosen: bool) -> Choose {
    Choose { value: value.to_owned(), label, chosen: if chosen { Switch::On } else { Switch::Off } }
}
