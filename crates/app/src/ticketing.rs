//! The ticketing settings: connection, type, statuses, time, and what may be chosen.

use std::sync::{Arc, PoisonError};

use countersign_domain::{audit::Actor, decision::Verdict, directory::Technician, effect::StepKind, request::Request};
use countersign_psa::{Check, CheckStatus, Choices, Connection, Discovered, Psa, Visibility};
use serde::{Deserialize, Serialize};

use crate::{App, Connected, Error, Result, budget::Allowance};

const DOCUMENT: &str = "ticketing";
const SECRET: &str = "psa_client_secret";
const SECRET_PLACE: &str = "secrets/psa_client_secret/sealed";

/// Working time of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum TimeEntry {
    /// None is written.
    Off,
    /// Always the same.
    Fixed {
        /// Minutes.
        minutes: u32,
    },
    /// From the decider's first look to his decision, rounded up to whole minutes, at most 30.
    Measured {
        /// At least so many minutes.
        minimum_minutes: u32,
    },
}

/// Whether a setting acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// How to reach Halo; the secret is kept apart and never comes back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConnectionSettings {
    /// Resource server.
    pub resource_url: String,
    /// Authorisation server.
    pub auth_url: String,
    /// Tenant.
    pub tenant: Option<String>,
    /// Client id.
    pub client_id: String,
    /// Address of a ticket for people, with `{id}`.
    pub ticket_url: Option<String>,
}

/// The ticketing settings. What is `None` is not sent to Halo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The connection; none until the set-up.
    pub connection: Option<ConnectionSettings>,
    /// Ticket type of new tickets.
    pub ticket_type: Option<String>,
    /// Team of new tickets, by name.
    pub team: Option<String>,
    /// Priority of new tickets.
    pub priority: Option<String>,
    /// Status at opening.
    pub status_open: Option<String>,
    /// Status after an approval.
    pub status_approved: Option<String>,
    /// Status after a denial.
    pub status_denied: Option<String>,
    /// Status after the request, or its approval, ran out.
    pub status_expired: Option<String>,
    /// Status after the end user took it back.
    pub status_withdrawn: Option<String>,
    /// Outcome of our actions.
    pub outcome: Option<String>,
    /// Assign the ticket to who decided.
    pub assign: Switch,
    /// Working time of a decision.
    pub time: TimeEntry,
    /// Leave the time out where the decider is linked to no Halo agent.
    pub time_needs_link: Switch,
    /// Who may read our notes.
    pub notes: Visibility,
    /// Seconds after an unanswered call until what was looked for and not found is sent again.
    pub settle_s: u32,
    /// Allowance of calls.
    pub budget: Allowance,
    /// Tickets of ours that this database does not know are trusted up to this ticket id.
    pub trusted_up_to: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connection: None,
            ticket_type: None,
            team: None,
            priority: None,
            status_open: None,
            status_approved: None,
            status_denied: None,
            status_expired: None,
            status_withdrawn: None,
            outcome: None,
            assign: Switch::On,
            time: TimeEntry::Fixed { minutes: 5 },
            time_needs_link: Switch::Off,
            notes: Visibility::Private,
            settle_s: 90,
            budget: Allowance::default(),
            trusted_up_to: None,
        }
    }
}

impl Settings {
    /// The status that a step sets, if any.
    #[must_use]
    pub fn status_after(&self, kind: StepKind, request: &Request) -> Option<&String> {
        match kind {
            StepKind::RecordDecision => match request.decision.as_ref()?.verdict {
                Verdict::Approve => self.status_approved.as_ref(),
                Verdict::Deny => self.status_denied.as_ref(),
            },
            StepKind::RecordExpiry => self.status_expired.as_ref(),
            StepKind::RecordWithdrawal => self.status_withdrawn.as_ref(),
            StepKind::OpenTicket => self.status_open.as_ref(),
            StepKind::RecordRepeat
            | StepKind::RecordRevocation
            | StepKind::RecordFailure
            | StepKind::AdjustTicket
            | StepKind::LinkRecord => None,
        }
    }
}

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
}

impl Change {
    fn touches_connection(&self) -> bool {
        self.resource_url.is_some()
            || self.auth_url.is_some()
            || self.tenant.is_some()
            || self.client_id.is_some()
            || self.client_secret.is_some()
            || self.ticket_url.is_some()
    }

    fn touches_choices(&self) -> bool {
        [
            &self.ticket_type,
            &self.team,
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

/// The settings as people read them.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// The settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// A secret is kept.
    pub secret_set: bool,
    /// What stands against new tickets right now, if anything.
    pub trouble: Option<String>,
}

impl App {
    /// Reads the settings and makes the connection anew. Called at the start, after a change, and by other nodes when
    /// they see a newer version.
    ///
    /// # Errors
    /// When the database cannot be read or the secret cannot be opened.
    pub async fn reload_ticketing(&self) -> Result<()> {
        let (settings, version) = self.read_settings().await?;
        let psa = match &settings.connection {
            None => None,
            Some(connection) => match self.store().secret(SECRET).await? {
                None => None,
                Some(sealed) => {
                    let secret = self.inner.sealer.open(SECRET_PLACE, &sealed)?;
                    Some(self.connect(connection, &String::from_utf8_lossy(&secret))?)
                }
            },
        };
        self.inner.budget.set(settings.budget);
        *self.inner.ticketing.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Connected { settings, version, psa });
        self.inner.desk.connection_changed();
        self.wake().steps();
        Ok(())
    }

    /// Reads the settings again where another node wrote them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn follow_ticketing(&self) -> Result<()> {
        let stored = self.store().setting(DOCUMENT).await?.map(|(_, version)| version);
        if stored == self.connected().version { Ok(()) } else { self.reload_ticketing().await }
    }

    fn connect(&self, connection: &ConnectionSettings, secret: &str) -> Result<Arc<dyn Psa>> {
        let connection = Connection {
            resource_url: connection.resource_url.clone(),
            auth_url: connection.auth_url.clone(),
            tenant: connection.tenant.clone(),
            client_id: connection.client_id.clone(),
            client_secret: secret.to_owned(),
            ticket_url: connection.ticket_url.clone(),
        };
        Ok(self.inner.connect.connect(&connection, self.inner.budget.clone())?)
    }

    async fn read_settings(&self) -> Result<(Settings, Option<i64>)> {
        match self.store().setting(DOCUMENT).await? {
            None => Ok((Settings::default(), None)),
            Some((value, version)) => {
                let settings = serde_json::from_str(&value).map_err(|error| {
                    Error::Sealed(format!("The ticketing settings in the database cannot be read: {error}"))
                })?;
                Ok((settings, Some(version)))
            }
        }
    }

    pub(crate) fn psa(&self) -> Result<Arc<dyn Psa>> {
        self.connected().psa.clone().ok_or(Error::NotConnected)
    }

    /// The settings in force.
    #[must_use]
    pub fn ticketing_settings(&self) -> Settings {
        self.connected().settings.clone()
    }

    /// The settings as people read them.
    #[must_use]
    pub fn ticketing(&self) -> View {
        let connected = self.connected();
        View {
            settings: connected.settings.clone(),
            secret_set: connected.psa.is_some(),
            trouble: self.inner.desk.trouble(),
        }
    }

    /// Changes the settings. A changed connection is tried before it is kept; a changed choice is compared with what
    /// Halo offers.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field and what is allowed; [`Error::Psa`] holds Halo's words.
    pub async fn change_ticketing(&self, actor: Actor, change: Change) -> Result<View> {
        let (before, version) = self.read_settings().await?;
        let mut after = before.clone();
        let mut psa = self.connected().psa.clone();
        let mut sealed = None;
        if change.touches_connection() {
            let connection = changed_connection(before.connection.clone().unwrap_or_default(), &change)?;
            let secret = match &change.client_secret {
                Some(secret) if secret.trim().is_empty() => {
                    return Err(Error::invalid("secret_missing", "client_secret", "The client secret is empty."));
                }
                Some(secret) => secret.trim().to_owned(),
                None => match self.store().secret(SECRET).await? {
                    Some(kept) => String::from_utf8_lossy(&self.inner.sealer.open(SECRET_PLACE, &kept)?).into_owned(),
                    None => {
                        return Err(Error::invalid(
                            "secret_missing",
                            "client_secret",
                            "The client secret is missing. Halo shows it once, on the application's Details tab.",
                        ));
                    }
                },
            };
            let tried = self.connect(&connection, &secret)?;
            try_out(&*tried).await?;
            sealed = Some(self.inner.sealer.seal(SECRET_PLACE, secret.as_bytes(), &*self.inner.ids)?);
            psa = Some(tried);
            after.connection = Some(connection);
        }
        apply(&mut after, &change)?;
        if change.touches_choices() {
            let psa = psa.ok_or(Error::NotConnected)?;
            let choices = psa.choices(after.ticket_type.as_deref()).await?;
            if change.ticket_type.is_some() && after.ticket_type != before.ticket_type {
                suggest(&mut after, &change, &choices);
            }
            check_choices(&after, &change, &choices)?;
        }
        let value = serde_json::to_string(&after)
            .map_err(|error| Error::Sealed(format!("The settings cannot be written: {error}")))?;
        let entry = self.entry(
            actor,
            "ticketing.changed",
            "ticketing",
            None,
            difference(&before, &after, change.client_secret.is_some()),
        );
        let now = self.now();
        self.store()
            .write(move |tx| {
                let (value, entry, sealed) = (value.clone(), entry.clone(), sealed.clone());
                Box::pin(async move {
                    tx.set_setting(DOCUMENT, &value, version).await?;
                    if let Some(sealed) = sealed {
                        tx.set_secret(SECRET, &sealed, now).await?;
                    }
                    tx.audit(&entry).await
                })
            })
            .await?;
        self.reload_ticketing().await?;
        self.go_on_waiting().await?;
        self.wake().page("ticketing.changed", "ticketing".to_owned(), None);
        Ok(self.ticketing())
    }

    /// Lets everything go that waited for the set-up; what must wait longer waits again.
    pub(crate) async fn go_on_waiting(&self) -> Result<()> {
        self.store().go_on(self.now()).await?;
        self.wake().steps();
        Ok(())
    }

    pub(crate) async fn trust_up_to(&self, by: &Technician, ticket: Option<String>) -> Result<()> {
        let (mut settings, version) = self.read_settings().await?;
        let before = settings.clone();
        settings.trusted_up_to = ticket;
        let value = serde_json::to_string(&settings)
            .map_err(|error| Error::Sealed(format!("The settings cannot be written: {error}")))?;
        let actor = Actor::Technician(by.id.clone());
        let entry = self.entry(actor, "ticketing.resumed", "ticketing", None, difference(&before, &settings, false));
        self.store()
            .write(move |tx| {
                let (value, entry) = (value.clone(), entry.clone());
                Box::pin(async move {
                    tx.set_setting(DOCUMENT, &value, version).await?;
                    tx.audit(&entry).await
                })
            })
            .await?;
        self.reload_ticketing().await
    }

    /// What Halo offers, for a ticket type or the one that is set.
    ///
    /// # Errors
    /// [`Error::NotConnected`], or [`Error::Psa`] with Halo's words.
    pub async fn choices(&self, ticket_type: Option<&str>) -> Result<Choices> {
        let connected = self.connected();
        let psa = connected.psa.as_ref().ok_or(Error::NotConnected)?;
        Ok(psa.choices(ticket_type.or(connected.settings.ticket_type.as_deref())).await?)
    }

    /// Tries out connection and rights, one line per thing.
    ///
    /// # Errors
    /// None of Halo's: they are lines.
    pub async fn check_ticketing(&self) -> Result<Vec<Check>> {
        match self.psa() {
            Ok(psa) => Ok(psa.check().await),
            Err(_) => Ok(vec![Check {
                id: "connection".to_owned(),
                title: "Connection".to_owned(),
                status: CheckStatus::Unknown,
                seen: "The ticketing system is not set up yet.".to_owned(),
                fix: Some("Enter addresses, client id and secret.".to_owned()),
                r#where: Some("Settings › Ticketing System".to_owned()),
            }]),
        }
    }

    /// Asks an address where its servers are.
    ///
    /// # Errors
    /// [`Error::Psa`] with what was seen.
    pub async fn discover(&self, address: &str) -> Result<Discovered> {
        Ok(self.inner.connect.discover(address).await?)
    }
}

/// A connection is kept only if it lets us in. Rights that are missing are for the live check to tell.
async fn try_out(psa: &dyn Psa) -> Result<()> {
    let lines = psa.check().await;
    match lines
        .into_iter()
        .find(|line| line.status == CheckStatus::Fail && matches!(line.id.as_str(), "reach" | "sign_in"))
    {
        None => Ok(()),
        Some(line) => {
            let fix = line.fix.map(|fix| format!(" {fix}")).unwrap_or_default();
            let place = line.r#where.map(|place| format!(" ({place})")).unwrap_or_default();
            Err(Error::Invalid {
                code: "connection_failed",
                field: None,
                sentence: format!("{}: {}{fix}{place}", line.title, line.seen),
            })
        }
    }
}

fn changed_connection(mut connection: ConnectionSettings, change: &Change) -> Result<ConnectionSettings> {
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

fn apply(after: &mut Settings, change: &Change) -> Result<()> {
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
fn suggest(after: &mut Settings, change: &Change, choices: &Choices) {
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

fn check_choices(after: &Settings, change: &Change, choices: &Choices) -> Result<()> {
    let statuses: Vec<(&str, &str)> = choices.statuses.iter().map(|s| (s.id.as_str(), s.name.as_str())).collect();
    let types: Vec<(&str, &str)> = choices.ticket_types.iter().map(|t| (t.id.as_str(), t.name.as_str())).collect();
    let outcomes: Vec<(&str, &str)> = choices.outcomes.iter().map(|o| (o.id.as_str(), o.name.as_str())).collect();
    let teams: Vec<(&str, &str)> = choices.teams.iter().map(|t| (t.name.as_str(), t.name.as_str())).collect();
    for (name, named, value, offered) in [
        ("ticket_type", change.ticket_type.is_some(), &after.ticket_type, &types),
        ("team", change.team.is_some(), &after.team, &teams),
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
fn difference(before: &Settings, after: &Settings, secret: bool) -> serde_json::Value {
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
