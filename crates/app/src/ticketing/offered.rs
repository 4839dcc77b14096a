//! Settings that hold a choice of Halo's, and what Halo offers for them now.
//!
//! Called when settings change, when their page opens, and once a day. The decision a reader would undo: the names of
//! what was chosen are remembered, so that a choice that vanished in Halo can still be called by its name.

use countersign_domain::id::CompanyId;
use countersign_psa::Choices;
use serde::Serialize;

use super::{Change, Settings};
use crate::{Error, Result};

macro_rules! choices {
    ($($name:ident),*) => {
        /// The settings that hold a choice of Halo's, in the order in which people read them.
        pub const CHOICES: [&str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];

        impl Settings {
            /// A setting that holds a choice of Halo's; none where there is no such setting.
            #[must_use]
            pub fn choice(&self, name: &str) -> Option<&Option<String>> {
                match name {
                    $(stringify!($name) => Some(&self.$name),)*
                    _ => None,
                }
            }
        }

        impl Change {
            pub(super) fn choice(&self, name: &str) -> Option<&Option<Option<String>>> {
                match name {
                    $(stringify!($name) => Some(&self.$name),)*
                    _ => None,
                }
            }

            /// Chooses by the setting's name; other names change nothing.
            pub fn choose(&mut self, name: &str, value: Option<String>) {
                match name {
                    $(stringify!($name) => self.$name = Some(value),)*
                    _ => {}
                }
            }
        }

        pub(super) fn apply_choices(after: &mut Settings, change: &Change) {
            $(if let Some(value) = &change.$name {
                after.$name.clone_from(value);
            })*
        }
    };
}
choices!(
    ticket_type,
    team,
    priority,
    category,
    source,
    status_open,
    status_approved,
    status_denied,
    status_expired,
    status_withdrawn,
    status_revoked,
    status_failed,
    status_again,
    outcome,
    charge_rate
);

/// What Halo offers for a setting: ids with names.
#[must_use]
pub fn offered<'a>(name: &str, choices: &'a Choices) -> Vec<(&'a str, &'a str)> {
    let plain =
        |list: &'a [countersign_psa::Choice]| list.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect();
    match name {
        "ticket_type" => plain(&choices.ticket_types),
        // Tickets name their team by its name.
        "team" => choices.teams.iter().map(|team| (team.name.as_str(), team.name.as_str())).collect(),
        "priority" => plain(&choices.priorities),
        "category" => plain(&choices.categories),
        "source" => plain(&choices.sources),
        "charge_rate" => plain(&choices.charge_rates),
        "outcome" => choices.outcomes.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect(),
        _ => choices.statuses.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect(),
    }
}

/// Lists that our agent may have no right to read: where one is empty there is nothing to compare with.
fn may_be_hidden(name: &str) -> bool {
    matches!(name, "priority" | "category" | "source" | "charge_rate")
}

/// Whether a chosen value is among what Halo offers; also true where that cannot be told.
pub(super) fn is_offered(name: &str, value: &str, choices: &Choices) -> bool {
    let offered = offered(name, choices);
    (offered.is_empty() && may_be_hidden(name)) || offered.iter().any(|(id, _)| *id == value)
}

pub(super) fn check_choices(after: &Settings, change: &Change, choices: &Choices) -> Result<()> {
    for name in CHOICES.into_iter().filter(|name| change.names(name)) {
        let Some(Some(value)) = after.choice(name) else { continue };
        if !is_offered(name, value, choices) {
            let list: Vec<String> = offered(name, choices).iter().map(|(id, name)| told(id, name)).collect();
            let of_type = if name == "priority" { " for this ticket type" } else { "" };
            let sentence = if list.is_empty() {
                format!("{name} {value} is not offered: Halo shows our agent none at all.")
            } else {
                format!("{name} {value} is not among what Halo offers{of_type}: {}.", list.join(", "))
            };
            return Err(Error::invalid("not_offered", name, sentence));
        }
    }
    if change.custom_fields.is_some()
        && let Some(field) = after.custom_fields.keys().find(|field| !has_field(choices, field))
    {
        let list: Vec<String> = choices.custom_fields.iter().map(|one| told(&one.id, &one.name)).collect();
        let sentence = format!("Halo has no custom field {field}. It has {}.", list.join(", "));
        return Err(Error::invalid("not_offered", "custom_fields", sentence));
    }
    Ok(())
}

fn told(id: &str, name: &str) -> String {
    if id == name { id.to_owned() } else { format!("{id} ({name})") }
}

fn has_field(choices: &Choices, field: &str) -> bool {
    let named = |one: &countersign_psa::CustomFieldChoice| one.id == field || one.name.eq_ignore_ascii_case(field);
    choices.custom_fields.is_empty() || choices.custom_fields.iter().any(named)
}

/// A choice that Halo does not offer any more. Tickets that name it will be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vanished {
    /// The setting.
    pub setting: &'static str,
    /// The id that is set.
    pub id: String,
    /// What it was called when it was chosen.
    pub was: Option<String>,
    /// The company whose own setting it is; none for the whole house.
    pub company: Option<CompanyId>,
}

/// The chosen values that Halo does not offer any more.
#[must_use]
pub fn vanished(settings: &Settings, choices: &Choices, company: Option<&CompanyId>) -> Vec<Vanished> {
    let gone = |name: &'static str| {
        let id = settings.choice(name)?.as_ref().filter(|value| !is_offered(name, value, choices))?;
        let was = settings.chosen.get(name).cloned();
        Some(Vanished { setting: name, id: id.clone(), was, company: company.cloned() })
    };
    let fields = settings.custom_fields.keys().filter(|field| !has_field(choices, field));
    let fields = fields.map(|field| Vanished {
        setting: "custom_fields",
        id: field.clone(),
        was: None,
        company: company.cloned(),
    });
    CHOICES.into_iter().filter_map(gone).chain(fields).collect()
}

/// Remembers what the chosen values are called; one that is not offered keeps the name it had.
pub(super) fn remember_names(settings: &mut Settings, choices: &Choices) {
    for name in CHOICES {
        let Some(Some(value)) = settings.choice(name).cloned() else {
            settings.chosen.remove(name);
            continue;
        };
        if let Some((_, called)) = offered(name, choices).iter().find(|(id, _)| *id == value) {
            settings.chosen.insert(name.to_owned(), (*called).to_owned());
        }
    }
}
