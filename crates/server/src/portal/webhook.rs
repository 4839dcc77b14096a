//! Settings > Ticketing System > From Halo: how often tickets are read, and Halo's webhook.
//!
//! Called by the router. The decision a reader would undo: the secret is shown on the answer of the form that made it,
//! and not behind a redirect, since it is kept nowhere it could be read from again.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use countersign_app::hook::{Basic, NewHook};
use countersign_app::ticketing::Change;
use countersign_app::{App, Error};
use countersign_domain::audit::Actor;
use countersign_domain::role::Right;
use serde::Deserialize;

use super::form::Signed;
use super::text::Text;
use super::ticketing::may;
use super::view::frame::{Screen, Tone};
use super::view::ticketing::Switch;
use super::view::webhook::{Made, WebhookPage};
use super::visitor::Visitor;
use super::{Page, Refused, frame, html, html_with, words};

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    said: Option<String>,
}

async fn page_of(app: &App, caller: &Visitor) -> Result<WebhookPage, Refused> {
    let text = Text::default();
    let settings = app.ticketing_settings();
    let state = app.halo_webhook(&caller.technician).await?;
    Ok(WebhookPage {
        text,
        frame: frame(app, caller, Screen::Ticketing, text.t("back-title")).await?,
        minutes: settings.follow_minutes.to_string(),
        minutes_error: None,
        made_at: state.map(|state| words::when(state.made_at)),
        basic: if state.is_some_and(|state| state.basic == Basic::On) { Switch::On } else { Switch::Off },
        made: None,
        edit: if caller.technician.may(Right::EditSettings) { Switch::On } else { Switch::Off },
        said: None,
    })
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    may(&visitor, Right::ReadSettings)?;
    let mut page = page_of(&app, &visitor).await?;
    let key = match options.said.as_deref() {
        Some("saved") => Some("tk-saved"),
        Some("revoked") => Some("back-revoked"),
        _ => None,
    };
    page.said = key.map(|key| (Tone::Ok, Text::default().t(key)));
    Ok(html(&page))
}

pub(super) async fn save(State(app): State<App>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    may(caller, Right::EditSettings)?;
    let change =
        Change { follow_minutes: Some(form.fields.typed("follow_minutes").parse().unwrap_or(0)), ..Change::default() };
    let sentence = match app.change_ticketing(Actor::Technician(caller.technician.id.clone()), change).await {
        Ok(_) => return Ok(Redirect::to("/portal/settings/ticketing/webhook?said=saved").into_response()),
        Err(Error::Invalid { field: Some("follow_minutes"), .. }) => text.t("back-minutes-error"),
        Err(error) => return Err(error.into()),
    };
    let mut page = page_of(&app, caller).await?;
    form.fields.typed("follow_minutes").clone_into(&mut page.minutes);
    page.minutes_error = Some(sentence);
    page.said = Some((Tone::Bad, text.t("tk-not-saved")));
    Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

pub(super) async fn make(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    let basic = if form.fields.get("basic").is_some() { Basic::On } else { Basic::Off };
    let NewHook { url, basic } = app.make_halo_webhook(&caller.technician, basic).await?;
    let mut page = page_of(&app, caller).await?;
    let (user, password) = basic.unzip();
    page.made = Some(Made { url, user, password });
    Ok(html(&page))
}

pub(super) async fn revoke(State(app): State<App>, form: Signed) -> Page {
    app.revoke_halo_webhook(&form.visitor.technician).await?;
    Ok(Redirect::to("/portal/settings/ticketing/webhook?said=revoked").into_response())
}
