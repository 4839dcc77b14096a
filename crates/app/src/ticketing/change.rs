//! A change of the ticketing settings: applied, completed with what fits, and compared with what Halo offers.
//!
//! Pure; the use case in [`super`] reads and writes around it. The decision a reader would undo: only what a change
//! names is compared with Halo, so that one choice that vanished there does not stand in the way of all others.

use countersign_psa::{Choices, Visibility};

use super::settings::{ConnectionSettings, Settings, Switch, TimeEntry};
use crate::{Error, Result, budget::Allowance};

/// A change of the settings: only what is `Some` changes; the inner `None` takes a value away.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Resource server.
    pub resource_url: Option<String>,
    /// Authorisation server.
    pub auth_url: Option<String>,
    /// Tenant.
    pub tenant: Option<Option<String>>,
    /// Client id.
    pub client_id: Option<String>,
    /// Client secret.
    pub client_secret: Option<String>,
    /// Address of a ticket for people.
    pub ticket_url: Option<Option<String>>,
    /// Ticket type. Where it changes, statuses and outcome that the change does not name are chosen anew.
    pub ticket_type: Option<Option<String>>,
    /// Team.
    pub team: Option<Option<String>>,
    /// Priority.
    pub priority: Option<Option<String>>,
    /// Status at opening.
    pub status_open: Option<Option<String>>,
    /// Status after an approval.
    pub status_approved: Option<Option<String>>,
    /// Status after a denial.
    pub status_denied: Option<Option<String>>,
    /// Status after running out.
    pub status_expired: Option<Option<String>>,
    /// Status after a withdrawal.
    pub status_withdrawn: Option<Option<String>>,
    /// Outcome.
    pub outcome: Option<Option<String>>,
    /// Assign to the decider.
    pub assign: Option<Switch>,
    /// Working time.
    pub time: Option<TimeEntry>,
    /// Leave time out for unlinked deciders.
    pub time_needs_link: Option<Switch>,
    /// Note visibility.
    pub notes: Option<Visibility>,
    /// Settle time in seconds.
    pub settle_s: Option<u32>,
    /// Allowance.
    pub budget: Option<Allowance>,
    /// Customer of the tickets of unlinked companies.
    pub catch_all_customer: Option<Option<String>>,
}

impl Change {
    pub(super) fn touches_connection(&self) -> bool {
        self.resource_url.is_some()
            || self.auth_url.is_some()
            || self.tenant.is_some()
            || self.client_id.is_some()
            || self.client_secret.is_some()
            || self.ticket_url.is_some()
    }

    pub(super) fn touches_choices(&self) -> bool {
        [
            &self.ticket_type,
            &self.team,
            &self.priority,
            &self.status_open,
            &self.status_approved,
            &self.status_denied,
            &self.status_expired,
            &self.status_withdrawn,
            &self.outcome,
        ]
        .iter()
        .any(|field| field.is_some())
    }
}

pub(super) fn changed_connection(mut connection: ConnectionSettings, change: &Change) -> Result<ConnectionSettings> {
    let trimmed = |text: &String| text.trim().trim_end_matches('/').to_owned();
    if let Some(url) = &change.resource_url {
        connection.resource_url = trimmed(url);
    }
    if let Some(url) = &change.auth_url {
        connection.auth_url = trimmed(url);
    }
    if let Some(tenant) = &change.tenant {
        connection.tenant = tenant.as_deref().map(str::trim).filter(|tenant| !tenant.is_empty()).map(str::to_owned);
    }
    if let Some(id) = &change.client_id {
        id.trim().clone_into(&mut connection.client_id);
    }
    if let Some(url) = &change.ticket_url {
        connection.ticket_url = url.as_deref().map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned);
    }
    for (field, value) in [
        ("resource_url", &connection.resource_url),
        ("auth_url", &connection.auth_url),
        ("client_id", &connection.client_id),
    ] {
        if value.is_empty() {
            return Err(Error::invalid("missing", field, format!("{field} is missing.")));
        }
    }
    if connection.ticket_url.as_ref().is_some_and(|url| !url.contains("{id}")) {
        return Err(Error::invalid(
            "ticket_url",
            "ticket_url",
            "ticket_url needs {id} where the ticket's number goes.",
        ));
    }
    Ok(connection)
}

pub(super) fn apply(after: &mut Settings, change: &Change) -> Result<()> {
    fn set<T: Clone>(field: &mut T, change: Option<&T>) {
        if let Some(change) = change {
            field.clone_from(change);
        }
    }
    set(&mut after.ticket_type, change.ticket_type.as_ref());
    set(&mut after.team, change.team.as_ref());
    set(&mut after.priority, change.priority.as_ref());
    set(&mut after.status_open, change.status_open.as_ref());
    set(&mut after.status_approved, change.status_approved.as_ref());
    set(&mut after.status_denied, change.status_denied.as_ref());
    set(&mut after.status_expired, change.status_expired.as_ref());
    set(&mut after.status_withdrawn, change.status_withdrawn.as_ref());
    set(&mut after.outcome, change.outcome.as_ref());
    set(&mut after.assign, change.assign.as_ref());
    set(&mut after.time, change.time.as_ref());
    set(&mut after.time_needs_link, change.time_needs_link.as_ref());
    set(&mut after.notes, change.notes.as_ref());
    set(&mut after.settle_s, change.settle_s.as_ref());
    set(&mut after.budget, change.budget.as_ref());
    set(&mut after.catch_all_customer, change.catch_all_customer.as_ref());
    if !(1..=3600).contains(&after.settle_s) {
        return Err(Error::invalid("settle_s", "settle_s", "settle_s is from 1 to 3600 seconds."));
    }
    if !after.budget.off && (after.budget.calls == 0 || after.budget.window_s == 0) {
        return Err(Error::invalid("budget", "budget", "budget needs at least 1 call in at least 1 second, or off."));
    }
    match after.time {
        TimeEntry::Fixed { minutes } | TimeEntry::Measured { minimum_minutes: minutes }
            if !(1..=480).contains(&minutes) =>
        {
            Err(Error::invalid("time", "time", "The time of a decision is from 1 to 480 minutes."))
        }
        TimeEntry::Off | TimeEntry::Fixed { .. } | TimeEntry::Measured { .. } => Ok(()),
    }
}

/// Chooses what a new ticket type needs and the change does not name.
pub(super) fn suggest(after: &mut Settings, change: &Change, choices: &Choices) {
    let suggested = &choices.suggested;
    for (field, named, fits) in [
        (&mut after.status_open, &change.status_open, &suggested.status_open),
        (&mut after.status_approved, &change.status_approved, &suggested.status_closed),
        (&mut after.status_denied, &change.status_denied, &suggested.status_closed),
        (&mut after.status_expired, &change.status_expired, &suggested.status_closed),
        (&mut after.status_withdrawn, &change.status_withdrawn, &suggested.status_closed),
        (&mut after.outcome, &change.outcome, &suggested.outcome),
    ] {
        if named.is_none() {
            field.clone_from(fits);
        }
    }
}

pub(super) fn check_choices(after: &Settings, change: &Change, choices: &Choices) -> Result<()> {
    let statuses: Vec<(&str, &str)> = choices.statuses.iter().map(|s| (s.id.as_str(), s.name.as_str())).collect();
    let types: Vec<(&str, &str)> = choices.ticket_types.iter().map(|t| (t.id.as_str(), t.name.as_str())).collect();
    let outcomes: Vec<(&str, &str)> = choices.outcomes.iter().map(|o| (o.id.as_str(), o.name.as_str())).collect();
    let teams: Vec<(&str, &str)> = choices.teams.iter().map(|t| (t.name.as_str(), t.name.as_str())).collect();
    // Where Halo does not show its priorities there is nothing to compare with.
    let priorities: Vec<(&str, &str)> = choices.priorities.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let priority_named = change.priority.is_some() && !priorities.is_empty();
    for (name, named, value, offered) in [
        ("ticket_type", change.ticket_type.is_some(), &after.ticket_type, &types),
        ("team", change.team.is_some(), &after.team, &teams),
        ("priority", priority_named, &after.priority, &priorities),
        ("status_open", change.status_open.is_some(), &after.status_open, &statuses),
        ("status_approved", change.status_approved.is_some(), &after.status_approved, &statuses),
        ("status_denied", change.status_denied.is_some(), &after.status_denied, &statuses),
        ("status_expired", change.status_expired.is_some(), &after.status_expired, &statuses),
        ("status_withdrawn", change.status_withdrawn.is_some(), &after.status_withdrawn, &statuses),
        ("outcome", change.outcome.is_some(), &after.outcome, &outcomes),
    ] {
        let Some(value) = value.as_deref().filter(|_| named) else { continue };
        if !offered.iter().any(|(id, _)| *id == value) {
            let list: Vec<String> = offered.iter().map(|(id, name)| format!("{id} ({name})")).collect();
            let sentence = if list.is_empty() {
                format!("{name} {value} is not offered: Halo shows our agent none at all.")
            } else {
                format!("{name} {value} is not among what Halo offers: {}.", list.join(", "))
            };
            return Err(Error::invalid("not_offered", name, sentence));
        }
    }
    Ok(())
}

/// What changed, for the audit log; the secret only as a fact.
pub(super) fn difference(before: &Settings, after: &Settings, secret: bool) -> serde_json::Value {
    let (before, after) = (serde_json::json!(before), serde_json::json!(after));
    let mut changed = serde_json::Map::new();
    if let (Some(before), Some(after)) = (before.as_object(), after.as_object()) {
        for (name, value) in after {
            if before.get(name) != Some(value) {
                changed.insert(name.clone(), serde_json::json!({ "from": before.get(name), "to": value }));
            }
        }
    }
    if secret {
        changed.insert("client_secret".to_owned(), "set".into());
    }
    changed.into()
}
