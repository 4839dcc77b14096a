//! The ticketing settings: connection, type, statuses, time, and what may be chosen.

mod change;
mod settings;

use std::sync::{Arc, PoisonError};

use countersign_domain::{audit::Actor, directory::Technician, link::Kind};
use countersign_psa::{CheckStatus, Choices, Connection, Discovered, Psa};
use serde::Serialize;

use self::change::{apply, changed_connection, check_choices, difference, suggest};
pub use self::{
    change::Change,
    settings::{ConnectionSettings, Settings, Switch, TimeEntry},
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
            trouble: self.inner.desk.trouble(self.inner.rights.trouble()),
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
        let (before, version) = self.read_settings().await?;
        let mut after = before.clone();
        let mut psa = self.connected().psa.clone();
        let mut sealed = None;
        if change.touches_connection() {
            let (connection, secret, tried) = self.connection_after(&before, &change).await?;
            try_out(&*tried).await?;
            sealed = Some(self.inner.sealer.seal(SECRET_PLACE, secret.as_bytes(), &*self.inner.ids)?);
            psa = Some(tried);
            after.connection = Some(connection);
        }
        apply(&mut after, &change)?;
        if let Some(Some(customer)) = &change.catch_all_customer {
            check_customer(&**psa.as_ref().ok_or(Error::NotConnected)?, customer).await?;
        }
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
        if change.touches_connection() {
            self.sync_anew().await?;
        }
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
    let refused = match psa.record(Kind::Company, id).await? {
        Some(customer) if !customer.inactive => return Ok(()),
        Some(customer) => format!("The customer {} is inactive in Halo. Choose another.", customer.psa_name),
        None => format!("Halo shows our agent no customer {id}."),
    };
    Err(Error::invalid("not_offered", "catch_all_customer", refused))
}
