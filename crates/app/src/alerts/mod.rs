//! Alerts: who is told by mail or webhook when steps wait longer than a limit, and what was told.
//!
//! Called by the API and the portal for the settings, by the timers for the telling. Nothing is told before a target is
//! set. The decision a reader would undo: an alert is about a cause and not about a step, so that an outage with a
//! thousand tickets is one mail.

mod tell;
mod text;

use std::sync::Arc;

use countersign_domain::{audit::Actor, directory::Technician, role::Right};
use countersign_notify::{Hook, MailServer, Tls, is_address};
use countersign_store::AlertRow;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{App, Error, Result, people::require};

const DOCUMENT: &str = "alerts";

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tells {
    /// What needs a person.
    Person,
    /// Also what passes by itself, such as an outage of the ticketing system.
    #[default]
    Everything,
}

/// How the connection to a mail server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// Begins in plain text and must change to TLS.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all; then no password is sent.
    None,
}

/// Alerts by mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailTarget {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    pub tls: MailTls,
    /// User; the password is kept apart and never comes back.
    pub user: Option<String>,
    /// The sender's address.
    pub from: String,
    /// Who gets them.
    pub to: Vec<String>,
    /// What is told.
    pub tells: Tells,
}

/// Alerts to a webhook; its secret is kept apart and never comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTarget {
    /// Where they are posted to.
    pub url: String,
    /// What is told.
    pub tells: Tells,
}

/// The settings of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Minutes that steps may wait or need a person before it is told.
    pub after_minutes: u32,
    /// By mail.
    pub mail: Option<MailTarget>,
    /// To a webhook.
    pub webhook: Option<WebhookTarget>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { after_minutes: 30, mail: None, webhook: None }
    }
}

/// A change of the mail target: only what is `Some` changes.
#[derive(Debug, Clone, Default)]
pub struct MailChange {
    /// The mail server.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// How the connection is kept private.
    pub tls: Option<MailTls>,
    /// User; empty takes it away, and the password with it.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// The sender's address.
    pub from: Option<String>,
    /// Who gets them.
    pub to: Option<Vec<String>>,
    /// What is told.
    pub tells: Option<Tells>,
}

/// A change of the webhook: only what is `Some` changes.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// Where they are posted to.
    pub url: Option<String>,
    /// The secret that they are signed with.
    pub secret: Option<String>,
    /// What is told.
    pub tells: Option<Tells>,
}

/// A change of the settings: only what is `Some` changes; the inner `None` takes a target away.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Minutes before it is told.
    pub after_minutes: Option<u32>,
    /// By mail.
    pub mail: Option<Option<MailChange>>,
    /// To a webhook.
    pub webhook: Option<Option<WebhookChange>>,
}

/// The settings as people read them, with what is open.
#[derive(Debug, Clone)]
pub struct View {
    /// The settings.
    pub settings: Settings,
    /// A password is kept.
    pub password_set: bool,
    /// Alerts that were raised and are not over, with what stands against telling them.
    pub open: Vec<AlertRow>,
}

/// Where an alert goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// By mail.
    Mail,
    /// To the webhook.
    Webhook,
}

impl Target {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    const fn secret(self) -> &'static str {
        match self {
            Self::Mail => "alerts_mail_password",
            Self::Webhook => "alerts_webhook_secret",
        }
    }
}

impl App {
    async fn alert_settings(&self) -> Result<(Settings, Option<i64>)> {
        let Some((value, version)) = self.store().setting(DOCUMENT).await? else {
            return Ok((Settings::default(), None));
        };
        let settings = serde_json::from_str(&value)
            .map_err(|error| Error::Sealed(format!("The alert settings in the database cannot be read: {error}")))?;
        Ok((settings, Some(version)))
    }

    /// The settings of alerts, and which alerts are open.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn alerts(&self) -> Result<View> {
        let (settings, _) = self.alert_settings().await?;
        let has_user = settings.mail.as_ref().is_some_and(|mail| mail.user.is_some());
        let password_set = has_user && self.store().secret(Target::Mail.secret()).await?.is_some();
        Ok(View { settings, password_set, open: self.store().alerts().await? })
    }

    /// Changes who is told what.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field and what is allowed; [`Error::Forbidden`] where his role may not.
    pub async fn change_alerts(&self, by: &Technician, change: Change) -> Result<View> {
        require(by, Right::EditSettings)?;
        let (before, version) = self.alert_settings().await?;
        let mut after = before.clone();
        if let Some(minutes) = change.after_minutes {
            if !(1..=10_080).contains(&minutes) {
                return Err(Error::invalid("after_minutes", "after_minutes", "after_minutes is from 1 to 10080."));
            }
            after.after_minutes = minutes;
        }
        let mut secrets = Vec::new();
        match change.mail {
            None => {}
            Some(None) => after.mail = None,
            Some(Some(mail)) => {
                let password = match &mail.password {
                    Some(password) => Some(password.clone()),
                    None => self.secret_of(Target::Mail).await?,
                };
                secrets.extend(mail.password.clone().map(|password| (Target::Mail, password)));
                after.mail = Some(changed_mail(after.mail, mail, password.as_deref())?);
            }
        }
        match change.webhook {
            None => {}
            Some(None) => after.webhook = None,
            Some(Some(hook)) => {
                let secret = match &hook.secret {
                    Some(secret) => Some(secret.clone()),
                    None => self.secret_of(Target::Webhook).await?,
                };
                secrets.extend(hook.secret.clone().map(|secret| (Target::Webhook, secret)));
                let hook = changed_webhook(after.webhook, &hook, secret.as_deref())?;
                let url: Url = hook.url.parse().map_err(|_| wrong_url())?;
                self.inner
                    .notify
                    .check(&url)
                    .map_err(|failed| Error::invalid("url", "webhook.url", failed.to_string()))?;
                after.webhook = Some(hook);
            }
        }
        let value = serde_json::to_string(&after)
            .map_err(|error| Error::Sealed(format!("The alert settings cannot be written: {error}")))?;
        let names: Vec<&str> = secrets.iter().map(|(target, _)| target.secret()).collect();
        let body = serde_json::json!({ "from": before, "to": after, "secrets_set": names });
        let entry = self.entry(Actor::Technician(by.id.clone()), "alerts.changed", "alerts", None, body);
        let mut sealed = Vec::new();
        for (target, secret) in secrets {
            let name = target.secret();
            sealed.push((name, self.inner.sealer.seal(&place(name), secret.as_bytes(), &*self.inner.ids)?));
        }
        let (now, sealed) = (self.now(), Arc::new(sealed));
        self.store()
            .write(move |tx| {
                let (value, entry, sealed) = (value.clone(), entry.clone(), sealed.clone());
                Box::pin(async move {
                    tx.set_setting(DOCUMENT, &value, version).await?;
                    for (name, sealed) in &*sealed {
                        tx.set_secret(name, sealed, now).await?;
                    }
                    tx.audit(&entry).await
                })
            })
            .await?;
        self.alerts().await
    }

    async fn secret_of(&self, target: Target) -> Result<Option<String>> {
        let name = target.secret();
        let Some(sealed) = self.store().secret(name).await? else { return Ok(None) };
        let secret = self.inner.sealer.open(&place(name), &sealed)?;
        Ok(Some(String::from_utf8_lossy(&secret).into_owned()))
    }

    async fn mail_server(&self, mail: &MailTarget) -> Result<MailServer> {
        let login = match &mail.user {
            Some(user) => self.secret_of(Target::Mail).await?.map(|password| (user.clone(), password)),
            None => None,
        };
        let tls = match mail.tls {
            MailTls::Starttls => Tls::StartTls,
            MailTls::Tls => Tls::Implicit,
            MailTls::None => Tls::None,
        };
        Ok(MailServer { host: mail.host.clone(), port: mail.port, tls, login, from: mail.from.clone() })
    }

    async fn hook(&self, hook: &WebhookTarget) -> Result<Hook> {
        let secret = self.secret_of(Target::Webhook).await?.unwrap_or_default();
        Ok(Hook { url: hook.url.parse().map_err(|_| wrong_url())?, secret })
    }
}

fn place(name: &str) -> String {
    format!("secrets/{name}/sealed")
}

fn wrong_url() -> Error {
    Error::invalid("url", "webhook.url", "url is no address. Example: https://hooks.example.com/countersign")
}

/// The mail target after a change; `password` is the new one, or the one that is kept.
fn changed_mail(before: Option<MailTarget>, change: MailChange, password: Option<&str>) -> Result<MailTarget> {
    let mut mail = before.unwrap_or_else(|| MailTarget {
        host: String::new(),
        port: 587,
        tls: MailTls::default(),
        user: None,
        from: String::new(),
        to: Vec::new(),
        tells: Tells::default(),
    });
    if let Some(host) = change.host {
        host.trim().clone_into(&mut mail.host);
    }
    mail.port = change.port.unwrap_or(mail.port);
    mail.tls = change.tls.unwrap_or(mail.tls);
    mail.tells = change.tells.unwrap_or(mail.tells);
    if let Some(user) = change.user {
        mail.user = Some(user.trim().to_owned()).filter(|user| !user.is_empty());
    }
    if let Some(from) = change.from {
        from.trim().clone_into(&mut mail.from);
    }
    if let Some(to) = change.to {
        mail.to = to.iter().map(|address| address.trim().to_owned()).filter(|address| !address.is_empty()).collect();
    }
    let host_fits = (1..=253).contains(&mail.host.len())
        && mail.host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
    if !host_fits {
        return Err(Error::invalid(
            "host",
            "mail.host",
            "host is the name of a mail server, such as smtp.example.com.",
        ));
    }
    if mail.port == 0 {
        return Err(Error::invalid("port", "mail.port", "port is from 1 to 65535; 587 with STARTTLS, 465 with TLS."));
    }
    if !is_address(&mail.from) {
        return Err(Error::invalid("from", "mail.from", "from is a mail address, such as countersign@example.com."));
    }
    if mail.to.is_empty() || mail.to.len() > 20 {
        return Err(Error::invalid("to", "mail.to", "to is 1 to 20 mail addresses."));
    }
    if let Some(wrong) = mail.to.iter().find(|address| !is_address(address)) {
        return Err(Error::invalid("to", "mail.to", format!("{wrong:?} is no mail address.")));
    }
    if mail.user.is_some() && mail.tls == MailTls::None {
        let sentence = "A password is not sent without TLS. Choose starttls or tls, or leave the user out.";
        return Err(Error::invalid("tls", "mail.tls", sentence));
    }
    if mail.user.is_some() && password.is_none_or(str::is_empty) {
        return Err(Error::invalid("password", "mail.password", "The user's password is missing."));
    }
    Ok(mail)
}

/// The webhook after a change; `secret` is the new one, or the one that is kept.
fn changed_webhook(
    before: Option<WebhookTarget>,
    change: &WebhookChange,
    secret: Option<&str>,
) -> Result<WebhookTarget> {
    let mut hook = before.unwrap_or_else(|| WebhookTarget { url: String::new(), tells: Tells::default() });
    if let Some(url) = &change.url {
        url.trim().clone_into(&mut hook.url);
    }
    hook.tells = change.tells.unwrap_or(hook.tells);
    if secret.is_none_or(|secret| secret.len() < 16) {
        let sentence = "The secret has at least 16 characters, and the receiver knows it too.";
        return Err(Error::invalid("secret", "webhook.secret", sentence));
    }
    Ok(hook)
}
