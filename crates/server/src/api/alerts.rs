//! Alerts: who is told by mail or webhook when steps wait too long, and what stands against telling.

use axum::{Json, extract::State};
use countersign_app::{
    AlertRow, AlertStage,
    alerts::{Change, MailChange, MailTls, Tells, View, WebhookChange},
};
use countersign_domain::{cause::Cause, role::Right, time::Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{given, ticketing::may};
use crate::http::{
    Shared,
    body::Body,
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(read, change)).routes(routes!(test))
}

/// Alerts by mail.
#[derive(Debug, Serialize, ToSchema)]
struct MailOut {
    /// The mail server.
    host: String,
    /// Its port.
    port: u16,
    /// `starttls`, `tls` or `none`.
    #[schema(value_type = String)]
    tls: MailTls,
    /// User of the mail server.
    user: Option<String>,
    /// A password is kept; it never comes back.
    password_set: bool,
    /// The sender's address.
    from: String,
    /// Who gets them.
    to: Vec<String>,
    /// `person`: what needs a person; `everything`: also what passes by itself.
    #[schema(value_type = String)]
    tells: Tells,
}

/// Alerts to a webhook. Its secret is kept and never comes back.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookOut {
    /// Where they are posted to.
    url: String,
    /// `person` or `everything`, as for mail.
    #[schema(value_type = String)]
    tells: Tells,
}

/// An alert that was raised and is not over.
#[derive(Debug, Serialize, ToSchema)]
struct AlertOut {
    /// What steps stand for.
    #[schema(value_type = String)]
    cause: Cause,
    /// `mail` or `webhook`.
    target: String,
    /// Since when steps stand for it.
    since: String,
    /// When it was last told; null where it could not be told yet.
    told_at: Option<String>,
    /// When it is told, or reminded of, next.
    next_at: String,
    /// It is over, which is to be told.
    over: bool,
    /// Why it could not be told the last time.
    failure: Option<String>,
}

impl From<AlertRow> for AlertOut {
    fn from(row: AlertRow) -> Self {
        Self {
            cause: row.cause,
            target: row.target,
            since: row.began_at.rfc3339(),
            told_at: row.told_at.map(Time::rfc3339),
            next_at: row.next_at.rfc3339(),
            over: row.stage == AlertStage::Clear,
            failure: row.failure,
        }
    }
}

/// The settings of alerts, and which are open.
#[derive(Debug, Serialize, ToSchema)]
struct AlertsOut {
    /// Minutes that steps may wait or need a person before it is told.
    after_minutes: u32,
    /// By mail; null where none are sent.
    mail: Option<MailOut>,
    /// To a webhook; null where none are sent.
    webhook: Option<WebhookOut>,
    /// Alerts that were raised and are not over.
    open: Vec<AlertOut>,
}

impl From<View> for AlertsOut {
    fn from(view: View) -> Self {
        let password_set = view.password_set;
        Self {
            after_minutes: view.settings.after_minutes,
            mail: view.settings.mail.map(|mail| MailOut {
                host: mail.host,
                port: mail.port,
                tls: mail.tls,
                user: mail.user,
                password_set,
                from: mail.from,
                to: mail.to,
                tells: mail.tells,
            }),
            webhook: view.settings.webhook.map(|hook| WebhookOut { url: hook.url, tells: hook.tells }),
            open: view.open.into_iter().map(AlertOut::from).collect(),
        }
    }
}

/// Who is told what, and which alerts are open.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts",
    responses((status = 200, body = AlertsOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By) -> Answer<Json<AlertsOut>> {
    may(by.technician(), Right::ReadSettings)?;
    Ok(Json(shared.app.alerts().await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MailIn {
    /// The mail server, `smtp.example.com`.
    host: Option<String>,
    /// Its port: 587 with `starttls`, 465 with `tls`.
    port: Option<u16>,
    /// `starttls`, `tls` or `none`; with `none` no password is sent.
    #[schema(value_type = Option<String>)]
    tls: Option<MailTls>,
    /// User; an empty text takes it away.
    user: Option<String>,
    /// The user's password. Write-only.
    password: Option<String>,
    /// The sender's address.
    from: Option<String>,
    /// Who gets them: 1 to 20 addresses.
    to: Option<Vec<String>>,
    /// `person` or `everything`.
    #[schema(value_type = Option<String>)]
    tells: Option<Tells>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookIn {
    /// An https address. A private one needs `alerts.allow_hosts` in the configuration.
    url: Option<String>,
    /// What bodies are signed with, at least 16 characters. Write-only.
    secret: Option<String>,
    /// `person` or `everything`.
    #[schema(value_type = Option<String>)]
    tells: Option<Tells>,
}

/// A change: only what is named changes; null takes a target away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AlertsPatch {
    /// Minutes that steps may wait or need a person before it is told, 1 to 10080.
    after_minutes: Option<u32>,
    /// By mail.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<MailIn>)]
    mail: Option<Option<MailIn>>,
    /// To a webhook.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<WebhookIn>)]
    webhook: Option<Option<WebhookIn>>,
}

/// Changes who is told what.
#[utoipa::path(patch, path = "/api/v1/alerts", tag = "alerts", request_body = AlertsPatch,
    responses((status = 200, body = AlertsOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem),
              (status = 422, description = "Names the field and what is allowed", body = Problem)))]
async fn change(State(shared): State<Shared>, by: By, Body(body): Body<AlertsPatch>) -> Answer<Json<AlertsOut>> {
    let change = Change {
        after_minutes: body.after_minutes,
        mail: body.mail.map(|mail| {
            mail.map(|mail| MailChange {
                host: mail.host,
                port: mail.port,
                tls: mail.tls,
                user: mail.user,
                password: mail.password,
                from: mail.from,
                to: mail.to,
                tells: mail.tells,
            })
        }),
        webhook: body
            .webhook
            .map(|hook| hook.map(|hook| WebhookChange { url: hook.url, secret: hook.secret, tells: hook.tells })),
    };
    Ok(Json(shared.app.change_alerts(by.technician(), change).await?.into()))
}

/// How a test went.
#[derive(Debug, Serialize, ToSchema)]
struct TestOut {
    /// `mail` or `webhook`.
    target: &'static str,
    /// It was taken.
    sent: bool,
    /// Why not.
    failure: Option<String>,
}

/// How the tests went.
#[derive(Debug, Serialize, ToSchema)]
struct TestsOut {
    /// One for each target that is set.
    items: Vec<TestOut>,
}

/// Sends a test to every target that is set.
#[utoipa::path(post, path = "/api/v1/alerts/test", tag = "alerts",
    responses((status = 200, body = TestsOut), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 409, description = "`no_target`", body = Problem)))]
async fn test(State(shared): State<Shared>, by: By) -> Answer<Json<TestsOut>> {
    let outcomes = shared.app.test_alerts(by.technician()).await?;
    let items = outcomes
        .into_iter()
        .map(|(target, failure)| TestOut { target: target.as_str(), sent: failure.is_none(), failure })
        .collect();
    Ok(Json(TestsOut { items }))
}
