//! A change of the ticketing settings: applied, completed with what fits, and compared with what Halo offers.
//!
//! Pure; the use case in [`super`] reads and writes around it. The decision a reader would undo: only what a change
//! names is compared with Halo, so that one choice that vanished there does not stand in the way of all others.

use std::collections::BTreeMap;

use countersign_domain::{request::TicketOn, ticket::Part};
use countersign_psa::{Choices, Visibility};
use url::Url;

use super::{
    offered::{CHOICES, apply_choices, is_offered},
    settings::{ConnectionSettings, Settings, Switch, TimeEntry},
};
use crate::{Error, Result, budget::Allowance, follow::ClosedByHand};

/// More calls at once is the same as off.
const MOST_CALLS: u32 = 1_000_000;
const LONGEST_WINDOW_S: u32 = 86_400;

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
    /// What makes a ticket.
    pub ticket_on: Option<TicketOn>,
    /// Ticket type. Where it changes, statuses and outcome that the change does not name are chosen anew,
    /// and a priority that does not fit is left to Halo.
    pub ticket_type: Option<Option<String>>,
    /// Team.
    pub team: Option<Option<String>>,
    /// Priority.
    pub priority: Option<Option<String>>,
    /// First category, by its full label.
    pub category: Option<Option<String>>,
    /// Where tickets come from.
    pub source: Option<Option<String>>,
    /// Custom fields, all of them.
    pub custom_fields: Option<BTreeMap<String, String>>,
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
    /// Status after an approval was taken back.
    pub status_revoked: Option<Option<String>>,
    /// Status after the program could not be started.
    pub status_failed: Option<Option<String>>,
    /// Status after it was asked again.
    pub status_again: Option<Option<String>>,
    /// What becomes of a pending request whose ticket was closed by hand.
    pub closed_by_hand: Option<ClosedByHand>,
    /// Outcome.
    pub outcome: Option<Option<String>>,
    /// Assign to the decider.
    pub assign: Option<Switch>,
    /// Working time.
    pub time: Option<TimeEntry>,
    /// Steps that measured time is rounded up to, in minutes.
    pub time_step_minutes: Option<u32>,
    /// Whether the time is billable.
    pub billable: Option<Option<Switch>>,
    /// Charge rate.
    pub charge_rate: Option<Option<String>>,
    /// Leave time out for unlinked deciders.
    pub time_needs_link: Option<Switch>,
    /// Note visibility.
    pub notes: Option<Visibility>,
    /// Mail to the end user.
    pub mail_user: Option<Switch>,
    /// Survey to the end user.
    pub survey: Option<Switch>,
    /// Texts; `None` brings the product's own back.
    pub texts: Vec<(Part, Option<String>)>,
    /// Settle time in seconds.
    pub settle_s: Option<u32>,
    /// Allowance.
    pub budget: Option<Allowance>,
    /// Minutes between two looks at how our tickets stand.
    pub follow_minutes: Option<u32>,
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
        CHOICES.iter().any(|name| self.names(name))
            || self.custom_fields.as_ref().is_some_and(|fields| !fields.is_empty())
    }

    pub(super) fn names(&self, name: &str) -> bool {
        self.choice(name).is_some_and(Option::is_some)
    }

    /// The first thing that it names and that holds for the whole house, if any: a company has no say in it.
    pub(super) fn of_the_house(&self) -> Option<&'static str> {
        [
            ("resource_url", self.resource_url.is_some()),
            ("auth_url", self.auth_url.is_some()),
            ("tenant", self.tenant.is_some()),
            ("client_id", self.client_id.is_some()),
            ("client_secret", self.client_secret.is_some()),
            ("ticket_url", self.ticket_url.is_some()),
            ("settle_s", self.settle_s.is_some()),
            ("budget", self.budget.is_some()),
            ("follow_minutes", self.follow_minutes.is_some()),
            ("catch_all_customer", self.catch_all_customer.is_some()),
        ]
        .into_iter()
        .find_map(|(name, named)| named.then_some(name))
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
    for (field, value) in [("resource_url", &connection.resource_url), ("auth_url", &connection.auth_url)] {
        if !is_web_address(value) {
            let sentence = format!("{value:?} is not an address such as https://example.halopsa.com/api.");
            return Err(Error::invalid("address", field, sentence));
        }
    }
    if let Some(url) = &connection.ticket_url {
        if !url.contains("{id}") {
            let sentence = "ticket_url needs {id} where the ticket's number goes.";
            return Err(Error::invalid("ticket_url", "ticket_url", sentence));
        }
        // People open it from tickets' pages and mails.
        if !is_web_address(&url.replace("{id}", "1")) {
            let sentence = format!("{url:?} is not an address such as https://example.halopsa.com/ticket?id={{id}}.");
            return Err(Error::invalid("ticket_url", "ticket_url", sentence));
        }
    }
    Ok(connection)
}

/// Whether a browser opens it as a page, and not as a script or a file.
fn is_web_address(text: &str) -> bool {
    text.parse::<Url>().is_ok_and(|url| url.has_host() && matches!(url.scheme(), "https" | "http"))
}

pub(super) fn apply(after: &mut Settings, change: &Change) -> Result<()> {
    fn set<T: Clone>(field: &mut T, change: Option<&T>) {
        if let Some(change) = change {
            field.clone_from(change);
        }
    }
    apply_choices(after, change);
    set(&mut after.ticket_on, change.ticket_on.as_ref());
    set(&mut after.custom_fields, change.custom_fields.as_ref());
    set(&mut after.time_step_minutes, change.time_step_minutes.as_ref());
    set(&mut after.billable, change.billable.as_ref());
    set(&mut after.mail_user, change.mail_user.as_ref());
    set(&mut after.survey, change.survey.as_ref());
    set(&mut after.assign, change.assign.as_ref());
    set(&mut after.time, change.time.as_ref());
    set(&mut after.time_needs_link, change.time_needs_link.as_ref());
    set(&mut after.notes, change.notes.as_ref());
    set(&mut after.settle_s, change.settle_s.as_ref());
    set(&mut after.budget, change.budget.as_ref());
    set(&mut after.closed_by_hand, change.closed_by_hand.as_ref());
    set(&mut after.follow_minutes, change.follow_minutes.as_ref());
    set(&mut after.catch_all_customer, change.catch_all_customer.as_ref());
    apply_texts(after, &change.texts)?;
    if !(1..=30).contains(&after.time_step_minutes) {
        let sentence = "Measured time is rounded up to steps of 1 to 30 minutes.";
        return Err(Error::invalid("time_step_minutes", "time_step_minutes", sentence));
    }
    check_custom_fields(&after.custom_fields)?;
    if !(1..=3600).contains(&after.settle_s) {
        return Err(Error::invalid("settle_s", "settle_s", "settle_s is from 1 to 3600 seconds."));
    }
    if !(1..=1440).contains(&after.follow_minutes) {
        return Err(Error::invalid("follow_minutes", "follow_minutes", "follow_minutes is from 1 to 1440."));
    }
    let Allowance { calls, window_s, off } = after.budget;
    let is_allowance = (1..=MOST_CALLS).contains(&calls) && (1..=LONGEST_WINDOW_S).contains(&window_s);
    if !off && !is_allowance {
        let sentence =
            format!("budget is from 1 to {MOST_CALLS} calls in 1 to {LONGEST_WINDOW_S} seconds (a day), or off.");
        return Err(Error::invalid("budget", "budget", sentence));
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
        (&mut after.status_again, &change.status_again, &suggested.status_open),
        (&mut after.outcome, &change.outcome, &suggested.outcome),
    ] {
        if named.is_none() {
            field.clone_from(fits);
        }
    }
    if change.priority.is_none() && after.priority.as_ref().is_some_and(|set| !is_offered("priority", set, choices)) {
        after.priority = None;
    }
}

pub(super) fn apply_texts(settings: &mut Settings, texts: &[(Part, Option<String>)]) -> Result<()> {
    for (part, text) in texts {
        settings.texts.set(*part, text.as_deref()).map_err(|wrong| {
            Error::invalid("text", text_field(*part), format!("The text \"{}\": {wrong}", part.as_str()))
        })?;
    }
    Ok(())
}

/// A field of the API for each text; an error names it.
const fn text_field(part: Part) -> &'static str {
    match part {
        Part::Summary => "texts.summary",
        Part::Description => "texts.description",
        Part::Approved => "texts.approved",
        Part::Denied => "texts.denied",
        Part::Expired => "texts.expired",
        Part::Withdrawn => "texts.withdrawn",
        Part::Revoked => "texts.revoked",
        Part::Failed => "texts.failed",
        Part::Repeated => "texts.repeated",
    }
}

/// Custom fields that a ticket can have.
const MAX_CUSTOM_FIELDS: usize = 20;

fn check_custom_fields(fields: &BTreeMap<String, String>) -> Result<()> {
    let fits = |(name, value): (&String, &String)| {
        (1..=100).contains(&name.trim().chars().count()) && value.chars().count() <= 1000
    };
    if fields.len() <= MAX_CUSTOM_FIELDS && fields.iter().all(fits) {
        return Ok(());
    }
    let sentence = "custom_fields takes at most 20 fields; a name has 1 to 100 characters, a value at most 1000.";
    Err(Error::invalid("custom_fields", "custom_fields", sentence))
}

/// What changed, for the audit log; the secret only as a fact.
pub(super) fn difference(before: &Settings, after: &Settings, secret: bool) -> serde_json::Value {
    let (before, after) = (serde_json::json!(before), serde_json::json!(after));
    let mut changed = serde_json::Map::new();
    if let (Some(before), Some(after)) = (before.as_object(), after.as_object()) {
        for (name, value) in after {
            if name != "chosen" && before.get(name) != Some(value) {
                changed.insert(name.clone(), serde_json::json!({ "from": before.get(name), "to": value }));
            }
        }
    }
    if secret {
        changed.insert("client_secret".to_owned(), "set".into());
    }
    changed.into()
}
