//! The ticketing settings: connection, type, statuses, time, and what may be chosen.
//!
//! One document holds the settings of the house and what single companies have otherwise ([`companies`]). The decision a
//! reader would undo: what holds for a company is worked out when the settings are read, so that a step finds it without
//! asking anybody.

mod change;
mod companies;
mod offered;
mod preview;
mod settings;

use std::{
    collections::btree_map::{BTreeMap, Entry as Slot},
    sync::{Arc, PoisonError},
};

use countersign_domain::{
    audit::{Actor, Entry},
    directory::Technician,
    id::CompanyId,
    link::Kind,
};
use countersign_psa::{CheckStatus, Choices, Class, Connection, Discovered, Fault, Psa};
use serde::Serialize;

pub(crate) use self::companies::Overrides;
pub use self::{
    change::Change,
    companies::CompanyView,
    offered::{CHOICES, Vanished, offered, vanished},
    preview::{Preview, Sent},
    settings::{ConnectionSettings, Settings, Switch, TimeEntry},
};
use self::{
    change::{apply, changed_connection, difference, suggest},
    companies::Document,
    offered::{check_choices, remember_names},
};
use crate::{App, Connected, Error, Result};

const DOCUMENT: &str = "ticketing";
const SECRET: &str = "psa_client_secret";
const SECRET_PLACE: &str = "secrets/psa_client_secret/sealed";

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
    /// Choices that Halo did not offer any more when they were last compared.
    pub vanished: Vec<Vanished>,
}

impl App {
    /// Reads the settings and makes the connection anew. Called at the start, after a change, and by other nodes when
    /// they see a newer version.
    ///
    /// # Errors
    /// When the database cannot be read or the secret cannot be opened.
    pub async fn reload_ticketing(&self) -> Result<()> {
        let (document, version) = self.read_document().await?;
        let companies = document.in_force();
        let Document { settings, companies: overrides } = document;
        let psa = match &settings.connection {
            None => None,
            Some(connection) => match self.store().secret(SECRET).await? {
                None => None,
                Some(sealed) => {
                    let secret = self.inner.sealer.open(SECRET_PLACE, &sealed)?;
                    let made = self.connect(connection, &String::from_utf8_lossy(&secret));
                    // Nothing was refused on the other side: what waits goes when the configuration allows it.
                    Some(made.map_err(|fault| Fault { class: Class::Later(None), ..fault }))
                }
            },
        };
        self.inner.budget.set(settings.budget);
        *self.inner.ticketing.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Connected { settings: Arc::new(settings), overrides, companies, version, psa });
        self.inner.desk.connection_changed();
        self.inner.rights.connection_changed();
        self.wake().steps();
        Ok(())
    }

    /// Reads the settings again where another node wrote them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn follow_ticketing(&self) -> Result<()> {
        let stored = self.store().setting(DOCUMENT).await?.map(|(_, version)| version);
        if stored == self.connected().version {
            return Ok(());
        }
        self.reload_ticketing().await?;
        // What found nothing set up here waits for it, and the other node may not have seen it wait.
        self.go_on_waiting().await
    }

    fn connect(&self, connection: &ConnectionSettings, secret: &str) -> std::result::Result<Arc<dyn Psa>, Fault> {
        let connection = Connection {
            resource_url: connection.resource_url.clone(),
            auth_url: connection.auth_url.clone(),
            tenant: connection.tenant.clone(),
            client_id: connection.client_id.clone(),
            client_secret: secret.to_owned(),
            ticket_url: connection.ticket_url.clone(),
        };
        self.inner.connect.connect(&connection, self.inner.budget.clone())
    }

    async fn read_document(&self) -> Result<(Document, Option<i64>)> {
        match self.store().setting(DOCUMENT).await? {
            None => Ok((Document::default(), None)),
            Some((value, version)) => {
                let document = serde_json::from_str(&value).map_err(|error| {
                    Error::Sealed(format!("The ticketing settings in the database cannot be read: {error}"))
                })?;
                Ok((document, Some(version)))
            }
        }
    }

    /// Writes the document as it was read at `version`, with its audit entry and, where there is a new one, the secret.
    async fn keep_document(
        &self,
        document: &Document,
        version: Option<i64>,
        entry: Entry,
        sealed: Option<String>,
    ) -> Result<()> {
        let value = serde_json::to_string(document)
            .map_err(|error| Error::Sealed(format!("The settings cannot be written: {error}")))?;
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
        self.reload_ticketing().await
    }

    pub(crate) fn psa(&self) -> Result<Arc<dyn Psa>> {
        Ok(self.connected().psa.clone().ok_or(Error::NotConnected)??)
    }

    /// The settings in force.
    #[must_use]
    pub fn ticketing_settings(&self) -> Arc<Settings> {
        self.connected().settings.clone()
    }

    /// The settings in force for a company.
    #[must_use]
    pub fn ticketing_for(&self, company: &CompanyId) -> Arc<Settings> {
        let connected = self.connected();
        connected.companies.get(company).unwrap_or(&connected.settings).clone()
    }

    /// The settings as people read them.
    #[must_use]
    pub fn ticketing(&self) -> View {
        let connected = self.connected();
        View {
            settings: Settings::clone(&connected.settings),
            secret_set: connected.psa.is_some(),
            trouble: self.inner.desk.trouble(self.inner.rights.trouble()).or_else(|| {
                let refused = connected.psa.as_ref()?.as_ref().err()?;
                Some(refused.to_string())
            }),
            vanished: self.inner.vanished.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// The connection as a change would have it, with its secret, not tried yet.
    pub(crate) async fn connection_after(
        &self,
        before: &Settings,
        change: &Change,
    ) -> Result<(ConnectionSettings, String, Arc<dyn Psa>)> {
        let connection = changed_connection(before.connection.clone().unwrap_or_default(), change)?;
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
        let psa = self.connect(&connection, &secret)?;
        Ok((connection, secret, psa))
    }

    /// Changes the settings. A changed connection is tried before it is kept; a changed choice is compared with what
    /// Halo offers.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field and what is allowed; [`Error::Psa`] holds Halo's words.
    pub async fn change_ticketing(&self, actor: Actor, change: Change) -> Result<View> {
        let (mut document, version) = self.read_document().await?;
        let before = document.settings.clone();
        let mut after = before.clone();
        let mut tried = None;
        let mut sealed = None;
        if change.touches_connection() {
            let (connection, secret, psa) = self.connection_after(&before, &change).await?;
            try_out(&*psa).await?;
            sealed = Some(self.inner.sealer.seal(SECRET_PLACE, secret.as_bytes(), &*self.inner.ids)?);
            tried = Some(psa);
            after.connection = Some(connection);
        }
        apply(&mut after, &change)?;
        if let Some(Some(customer)) = &change.catch_all_customer {
            let psa = tried.clone().map_or_else(|| self.psa(), Ok)?;
            check_customer(&*psa, customer).await?;
        }
        complete(tried.map_or_else(|| self.psa(), Ok), &before, &mut after, &change).await?;
        let entry = self.entry(
            actor,
            "ticketing.changed",
            "ticketing",
            None,
            difference(&before, &after, change.client_secret.is_some()),
        );
        document.settings = after;
        self.keep_document(&document, version, entry, sealed).await?;
        if change.touches_choices() {
            self.forget_vanished(None);
        }
        if change.touches_connection() {
            self.sync_anew().await?;
        }
        self.settings_changed(None).await?;
        Ok(self.ticketing())
    }

    async fn settings_changed(&self, company: Option<CompanyId>) -> Result<()> {
        self.go_on_waiting().await?;
        self.wake().page("ticketing.changed", "ticketing".to_owned(), company);
        Ok(())
    }

    /// Lets everything go that waited for the set-up; what must wait longer waits again.
    pub(crate) async fn go_on_waiting(&self) -> Result<()> {
        self.store().go_on(self.now()).await?;
        self.wake().steps();
        Ok(())
    }

    pub(crate) async fn trust_up_to(&self, by: &Technician, ticket: Option<String>) -> Result<()> {
        let (mut document, version) = self.read_document().await?;
        let before = document.settings.clone();
        document.settings.trusted_up_to = ticket;
        let actor = Actor::Technician(by.id.clone());
        let changed = difference(&before, &document.settings, false);
        let entry = self.entry(actor, "ticketing.resumed", "ticketing", None, changed);
        self.keep_document(&document, version, entry, None).await
    }

    fn forget_vanished(&self, company: Option<&CompanyId>) {
        let mut vanished = self.inner.vanished.lock().unwrap_or_else(PoisonError::into_inner);
        vanished.retain(|one| one.company.as_ref() != company);
    }

    /// Compares every choice with what Halo offers now: those of the house, and what companies have otherwise.
    ///
    /// # Errors
    /// [`Error::NotConnected`], or [`Error::Psa`] with Halo's words.
    pub async fn find_vanished(&self) -> Result<Vec<Vanished>> {
        let connected = self.connected();
        let psa = self.psa()?;
        let mut of_type: BTreeMap<Option<String>, Choices> = BTreeMap::new();
        let mut found = Vec::new();
        let house = std::iter::once((None, &connected.settings));
        for (company, settings) in house.chain(connected.companies.iter().map(|(id, own)| (Some(id), own))) {
            let choices = match of_type.entry(settings.ticket_type.clone()) {
                Slot::Occupied(known) => known.into_mut(),
                Slot::Vacant(slot) => slot.insert(psa.choices(settings.ticket_type.as_deref()).await?),
            };
            let own = company.and_then(|id| connected.overrides.get(id));
            // What a company has of the house is told once.
            found.extend(
                vanished(settings, choices, company)
                    .into_iter()
                    .filter(|one| own.is_none_or(|own| own.names(one.setting) || own.names("ticket_type"))),
            );
        }
        for one in &found {
            tracing::warn!(setting = one.setting, id = one.id, was = one.was, company = ?one.company,
                "a choice of the ticketing settings is not offered by Halo any more");
        }
        self.inner.vanished.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&found);
        Ok(found)
    }

    /// Takes note of what the lists for the house's ticket type do not hold any more; they were read for something else.
    pub fn note_choices(&self, choices: &Choices) {
        let gone = vanished(&self.ticketing_settings(), choices, None);
        let mut known = self.inner.vanished.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|one| one.company.is_some());
        known.extend(gone);
    }

    /// What Halo offers, for a ticket type or the one that is set.
    ///
    /// # Errors
    /// [`Error::NotConnected`], or [`Error::Psa`] with Halo's words.
    pub async fn choices(&self, ticket_type: Option<&str>) -> Result<Choices> {
        let connected = self.connected();
        let psa = self.psa()?;
        let choices = psa.choices(ticket_type.or(connected.settings.ticket_type.as_deref())).await;
        choices.map_err(|fault| Error::of_an_id("ticket_type", fault))
    }

    /// Asks an address where its servers are.
    ///
    /// # Errors
    /// [`Error::Psa`] with what was seen.
    pub async fn discover(&self, address: &str) -> Result<Discovered> {
        Ok(self.inner.connect.discover(address).await?)
    }
}

/// Chooses what a changed ticket type needs, and compares what the change names with what Halo offers.
async fn complete(psa: Result<Arc<dyn Psa>>, before: &Settings, after: &mut Settings, change: &Change) -> Result<()> {
    if !change.touches_choices() {
        return Ok(());
    }
    let choices = psa?.choices(after.ticket_type.as_deref()).await;
    let choices = choices.map_err(|fault| Error::of_an_id("ticket_type", fault))?;
    if change.ticket_type.is_some() && after.ticket_type != before.ticket_type {
        suggest(after, change, &choices);
    }
    check_choices(after, change, &choices)?;
    remember_names(after, &choices);
    Ok(())
}

/// A connection is kept only if it lets us in. Rights that are missing are for the live check to tell.
async fn try_out(psa: &dyn Psa) -> Result<()> {
    let lines = psa.knock().await;
    match lines
        .into_iter()
        .find(|line| line.status == CheckStatus::Fail && matches!(line.id.as_str(), "reach" | "sign_in"))
    {
        None => Ok(()),
        Some(line) => {
            let fix = line.fix.map(|fix| format!(" {}.", fix.trim_end_matches('.'))).unwrap_or_default();
            let place = line.r#where.map(|place| format!(" ({place})")).unwrap_or_default();
            Err(Error::Invalid {
                code: "connection_failed",
                field: None,
                sentence: format!("{}: {}.{fix}{place}", line.title, line.seen.trim_end_matches('.')),
            })
        }
    }
}

/// The customer for unlinked companies is one that Halo shows, and that is in use.
async fn check_customer(psa: &dyn Psa, id: &str) -> Result<()> {
    let found = psa.record(Kind::Company, id).await;
    let refused = match found.map_err(|fault| Error::of_an_id("catch_all_customer", fault))? {
        Some(customer) if !customer.inactive => return Ok(()),
        Some(customer) => format!("The customer {} is inactive in Halo. Choose another.", customer.psa_name),
        None => format!("Halo shows our agent no customer {id}."),
    };
    Err(Error::invalid("not_offered", "catch_all_customer", refused))
}
