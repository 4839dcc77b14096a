//! Settings > Alerts: who is told by mail or webhook when steps wait too long, and what stands against telling.
//!
//! Called by the router. The decision a reader would undo: an empty mail server or address takes its target away, so
//! that the form needs no switch that could contradict its fields.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use countersign_app::alerts::{Change, MailChange, MailTls, Tells, View, WebhookChange};
use countersign_app::psa::advice::advice;
use countersign_app::{AlertRow, App, Error};
use countersign_domain::role::Right;
use serde::Deserialize;

use super::form::{Fields, Signed};
use super::text::Text;
use super::ticketing::may;
use super::view::alerts::{AlertsPage, Field, FieldKind, OpenAlert, Section, Tested};
use super::view::frame::{Screen, Tone};
use super::view::ticketing::Switch;
use super::visitor::Visitor;
use super::{Page, Refused, frame, html, html_with, words};

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    said: Option<String>,
}

/// The form's fields that are text, in order, with the section they stand in.
const FIELDS: [(&str, &str); 11] = [
    ("limit", "after_minutes"),
    ("mail", "mail_host"),
    ("mail", "mail_port"),
    ("mail", "mail_tls"),
    ("mail", "mail_user"),
    ("mail", "mail_password"),
    ("mail", "mail_from"),
    ("mail", "mail_to"),
    ("mail", "mail_tells"),
    ("webhook", "webhook_url"),
    ("webhook", "webhook_secret"),
];

const fn tells_word(tells: Tells) -> &'static str {
    match tells {
        Tells::Person => "person",
        Tells::Everything => "everything",
    }
}

fn tells(word: &str) -> Tells {
    if word == "person" { Tells::Person } else { Tells::Everything }
}

const fn tls_word(tls: MailTls) -> &'static str {
    match tls {
        MailTls::Starttls => "starttls",
        MailTls::Tls => "tls",
        MailTls::None => "none",
    }
}

fn tls(word: &str) -> MailTls {
    match word {
        "tls" => MailTls::Tls,
        "none" => MailTls::None,
        _ => MailTls::Starttls,
    }
}

/// What is set, as the form writes it.
fn value_of(view: &View, name: &str) -> String {
    let (mail, hook) = (view.settings.mail.as_ref(), view.settings.webhook.as_ref());
    match name {
        "after_minutes" => view.settings.after_minutes.to_string(),
        "mail_host" => mail.map(|mail| mail.host.clone()).unwrap_or_default(),
        "mail_port" => mail.map_or(587, |mail| mail.port).to_string(),
        "mail_tls" => tls_word(mail.map_or(MailTls::default(), |mail| mail.tls)).to_owned(),
        "mail_user" => mail.and_then(|mail| mail.user.clone()).unwrap_or_default(),
        "mail_from" => mail.map(|mail| mail.from.clone()).unwrap_or_default(),
        "mail_to" => mail.map(|mail| mail.to.join(", ")).unwrap_or_default(),
        "mail_tells" => tells_word(mail.map_or(Tells::default(), |mail| mail.tells)).to_owned(),
        "webhook_url" => hook.map(|hook| hook.url.clone()).unwrap_or_default(),
        "webhook_tells" => tells_word(hook.map_or(Tells::default(), |hook| hook.tells)).to_owned(),
        _ => String::new(),
    }
}

fn kind_of(text: Text, view: &View, name: &str) -> FieldKind {
    let kept = |is: bool| is.then(|| text.t("alerts-secret-kept"));
    match name {
        "after_minutes" | "mail_port" => FieldKind::Number,
        "mail_password" => FieldKind::Secret(kept(view.password_set)),
        "webhook_secret" => FieldKind::Secret(kept(view.settings.webhook.is_some())),
        "mail_tls" => FieldKind::Choice(
            ["starttls", "tls", "none"].map(|word| (word, text.t(format!("alerts-tls-{word}")))).into(),
        ),
        "mail_tells" | "webhook_tells" => FieldKind::Choice(
            ["everything", "person"].map(|word| (word, text.t(format!("alerts-tells-{word}")))).into(),
        ),
        _ => FieldKind::Text,
    }
}

/// Why a form was not taken: the field, if it is about one, and a sentence.
type Fault = (Option<String>, String);

async fn page_of(
    app: &App,
    caller: &Visitor,
    typed: Option<&Fields>,
    fault: Option<&Fault>,
) -> Result<AlertsPage, Refused> {
    let text = Text::default();
    let view = app.alerts().await?;
    let mut sections: Vec<Section> = Vec::new();
    for (section, name) in FIELDS.into_iter().chain([("webhook", "webhook_tells")]) {
        let kind = kind_of(text, &view, name);
        let value = match (&kind, typed) {
            (FieldKind::Secret(_), _) => String::new(),
            (_, Some(typed)) => typed.typed(name).to_owned(),
            (_, None) => value_of(&view, name),
        };
        let error = fault.filter(|(field, _)| field.as_deref() == Some(name)).map(|(_, sentence)| sentence.clone());
        let field = Field { name, value, kind, error };
        match sections.last_mut().filter(|last| last.name == section) {
            Some(last) => last.fields.push(field),
            None => sections.push(Section { name: section, fields: vec![field] }),
        }
    }
    let has_target = view.settings.mail.is_some() || view.settings.webhook.is_some();
    Ok(AlertsPage {
        text,
        frame: frame(app, caller, Screen::Alerts, text.t("nav-alerts")).await?,
        sections,
        open: view.open.iter().map(|row| open_of(text, row)).collect(),
        tested: Vec::new(),
        target: if has_target { Switch::On } else { Switch::Off },
        edit: if caller.technician.may(Right::EditSettings) { Switch::On } else { Switch::Off },
        said: None,
    })
}

fn open_of(text: Text, row: &AlertRow) -> OpenAlert {
    OpenAlert {
        title: advice(row.cause).title.to_owned(),
        target: text.t(format!("alerts-by-{}", row.target)),
        since: words::when(row.began_at),
        told_at: row.told_at.map(words::when),
        failure: row.failure.clone().map(|why| (why, words::when(row.next_at))),
    }
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    may(&visitor, Right::ReadSettings)?;
    let mut page = page_of(&app, &visitor, None, None).await?;
    if options.said.as_deref() == Some("saved") {
        page.said = Some((Tone::Ok, Text::default().t("tk-saved")));
    }
    Ok(html(&page))
}

/// What the form asks for; the field whose number is none.
fn change_of(fields: &Fields) -> Result<Change, &'static str> {
    let text = |name: &str| fields.typed(name).to_owned();
    let secret = |name: &str| fields.get(name).map(str::to_owned);
    let host = text("mail_host");
    let url = text("webhook_url");
    let mail = MailChange {
        port: Some(fields.typed("mail_port").parse().map_err(|_| "mail_port")?),
        tls: Some(tls(fields.typed("mail_tls"))),
        user: Some(text("mail_user")),
        password: secret("mail_password"),
        from: Some(text("mail_from")),
        to: Some(fields.typed("mail_to").split([',', ';']).map(str::to_owned).collect()),
        tells: Some(tells(fields.typed("mail_tells"))),
        host: Some(host.clone()),
    };
    let hook = WebhookChange {
        secret: secret("webhook_secret"),
        tells: Some(tells(fields.typed("webhook_tells"))),
        url: Some(url.clone()),
    };
    Ok(Change {
        after_minutes: Some(fields.typed("after_minutes").parse().map_err(|_| "after_minutes")?),
        mail: Some((!host.is_empty()).then_some(mail)),
        webhook: Some((!url.is_empty()).then_some(hook)),
    })
}

pub(super) async fn save(State(app): State<App>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    may(caller, Right::EditSettings)?;
    let fault = match change_of(&form.fields) {
        Err(field) => (Some(field.to_owned()), text.t("alerts-error-number")),
        Ok(change) => match app.change_alerts(&caller.technician, change).await {
            Ok(_) => return Ok(Redirect::to("/portal/settings/alerts?said=saved").into_response()),
            Err(Error::Invalid { field, sentence, .. }) => (field.map(|field| field.replace('.', "_")), sentence),
            Err(error @ Error::Conflict { .. }) => (None, error.to_string()),
            Err(error) => return Err(error.into()),
        },
    };
    let mut page = page_of(&app, caller, Some(&form.fields), Some(&fault)).await?;
    page.said = Some((Tone::Bad, if fault.0.is_some() { text.t("tk-not-saved") } else { fault.1 }));
    Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

pub(super) async fn test(State(app): State<App>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    may(caller, Right::EditSettings)?;
    let outcomes = app.test_alerts(&caller.technician).await?;
    let mut page = page_of(&app, caller, None, None).await?;
    page.tested = outcomes
        .into_iter()
        .map(|(target, failure)| {
            let name = text.t(format!("alerts-by-{}", target.as_str()));
            match failure {
                None => Tested { tone: Tone::Ok, sentence: text.arg("alerts-test-sent", "target", name) },
                Some(why) => {
                    Tested { tone: Tone::Bad, sentence: text.arg2("alerts-test-failed", "target", name, "why", why) }
                }
            }
        })
        .collect();
    Ok(html(&page))
}
