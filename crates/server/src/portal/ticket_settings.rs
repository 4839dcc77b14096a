//! Settings of tickets in all their detail, for the house and for single companies, with a preview of texts.
//!
//! Called by the router. The connection and the essentials stand on the page of [`super::ticketing`]. The decision a
//! reader would undo: a save names only what differs from what holds, so that a company keeps nothing that it has from
//! the house, and a changed ticket type chooses fitting statuses anew for all that was left alone.

mod fields;
mod preview;
mod values;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use countersign_app::psa::Choices;
use countersign_app::ticketing::Settings;
use countersign_app::{App, Error};
use countersign_domain::audit::Actor;
use countersign_domain::id::CompanyId;
use countersign_domain::role::Right;
use countersign_domain::variables::VARIABLES;
use serde::Deserialize;

use self::fields::Form;
use self::preview::preview_of;
use self::values::{Fault, Values, change, form_field, typed, values_of};
use super::directory::parsed;
use super::form::{Fields, Signed};
use super::text::Text;
use super::ticketing::may;
use super::view::frame::{Screen, Tone};
use super::view::ticket_settings::{TicketSettingsPage, Variable};
use super::view::ticketing::Switch;
use super::visitor::Visitor;
use super::{Page, Refused, frame, html, html_with};
use crate::http::Shared;

const HOUSE: &str = "/portal/settings/tickets";

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route(HOUSE, get(house).post(save_house))
        .route(&format!("{HOUSE}/preview"), post(preview_house))
        .route("/portal/companies/{id}/ticketing", get(company).post(save_company))
        .route("/portal/companies/{id}/ticketing/preview", post(preview_company))
        .route("/portal/companies/{id}/ticketing/inherit", post(inherit))
}

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
struct Options {
    said: Option<String>,
}

/// Whose settings a page is about. A company that the caller may not see is not found, before his rights are asked for.
struct Scope {
    company: Option<(CompanyId, String)>,
    settings: Settings,
    /// The settings that are the company's own.
    own: Vec<&'static str>,
}

impl Scope {
    fn house(app: &App) -> Self {
        Self { company: None, settings: Settings::clone(&app.ticketing_settings()), own: Vec::new() }
    }

    async fn company(app: &App, caller: &Visitor, id: &str) -> Result<Self, Refused> {
        let id: CompanyId = parsed(id)?;
        let row = app.company(&caller.technician, &id).await?;
        let view = app.company_ticketing(&caller.technician, &id).await?;
        Ok(Self { company: Some((id, row.company.name)), settings: view.settings, own: view.own })
    }

    fn base(&self) -> String {
        self.company.as_ref().map_or_else(|| HOUSE.to_owned(), |(id, _)| format!("/portal/companies/{id}/ticketing"))
    }
}

async fn page_of(
    app: &App,
    caller: &Visitor,
    scope: &Scope,
    values: &Values,
    fault: Option<&Fault>,
    wanted: (&str, &str),
) -> Result<TicketSettingsPage, Refused> {
    let text = Text::default();
    let ticket_type = values.get("ticket_type").filter(|chosen| !chosen.is_empty());
    let (choices, choices_error) = match app.choices(ticket_type.map(String::as_str)).await {
        Ok(choices) => {
            if scope.company.is_none() && ticket_type == scope.settings.ticket_type.as_ref() {
                app.note_choices(&choices);
            }
            (choices, None)
        }
        Err(Error::NotConnected) => (Choices::default(), Some(text.t("tk-no-choices"))),
        Err(error) => (Choices::default(), Some(text.arg("tk-no-answer", "why", error.to_string()))),
    };
    let form = Form { text, scope, values, choices: &choices, fault };
    Ok(TicketSettingsPage {
        text,
        frame: frame(
            app,
            caller,
            if scope.company.is_some() { Screen::Companies } else { Screen::Ticketing },
            text.t("ts-title"),
        )
        .await?,
        base: scope.base(),
        company: scope.company.as_ref().map(|(id, name)| (name.clone(), format!("/portal/companies/{id}"))),
        sections: form.sections(),
        variables: VARIABLES
            .iter()
            .map(|one| Variable { name: one.name, meaning: super::meaning(one), example: one.example })
            .collect(),
        choices_error,
        edit: if caller.technician.may(Right::EditSettings) { Switch::On } else { Switch::Off },
        said: None,
        preview: preview_of(app, caller, scope, values, wanted).await?,
    })
}

async fn show(app: &App, caller: &Visitor, scope: &Scope, said: Option<&str>) -> Page {
    may(caller, Right::ReadSettings)?;
    let values = values_of(&scope.settings);
    let mut page = page_of(app, caller, scope, &values, None, ("", "")).await?;
    if said == Some("saved") {
        page.said = Some((Tone::Ok, Text::default().t("tk-saved")));
    }
    Ok(html(&page))
}

async fn house(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    show(&app, &visitor, &Scope::house(&app), options.said.as_deref()).await
}

async fn company(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(options): Query<Options>,
) -> Page {
    let scope = Scope::company(&app, &visitor, &id).await?;
    show(&app, &visitor, &scope, options.said.as_deref()).await
}

async fn save(app: &App, form: &Signed, scope: &Scope) -> Page {
    let (text, caller) = (Text::default(), &form.visitor);
    may(caller, Right::EditSettings)?;
    let values = typed(&scope.settings, &form.fields);
    let outcome = match change(&scope.settings, &values) {
        Err(fault) => Err(fault),
        Ok(change) => {
            let saved = match &scope.company {
                None => {
                    let actor = Actor::Technician(caller.technician.id.clone());
                    app.change_ticketing(actor, change).await.map(|_| ())
                }
                Some((id, _)) => app.change_company_ticketing(&caller.technician, id, change, &[]).await.map(|_| ()),
            };
            match saved {
                Ok(()) => Ok(()),
                Err(Error::Invalid { field, sentence, .. }) => Err((field.map(form_field), sentence)),
                Err(error @ (Error::Psa(_) | Error::NotConnected | Error::Conflict { .. })) => {
                    Err((None, error.to_string()))
                }
                Err(other) => return Err(other.into()),
            }
        }
    };
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("{}?said=saved", scope.base())).into_response()),
        Err(fault) => {
            let mut page = page_of(app, caller, scope, &values, Some(&fault), wanted(&form.fields)).await?;
            let said = if fault.0.is_some() { text.t("tk-not-saved") } else { fault.1 };
            page.said = Some((Tone::Bad, said));
            Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

async fn save_house(State(app): State<App>, form: Signed) -> Page {
    save(&app, &form, &Scope::house(&app)).await
}

async fn save_company(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let scope = Scope::company(&app, &form.visitor, &id).await?;
    save(&app, &form, &scope).await
}

/// The request and the event that the preview is to show.
fn wanted(fields: &Fields) -> (&str, &str) {
    (fields.typed("preview_request"), fields.typed("preview_event"))
}

async fn preview(app: &App, headers: &HeaderMap, form: &Signed, scope: &Scope) -> Page {
    let caller = &form.visitor;
    may(caller, Right::ReadSettings)?;
    let values = typed(&scope.settings, &form.fields);
    let wanted = wanted(&form.fields);
    if headers.contains_key("hx-request") {
        return Ok(html(&preview_of(app, caller, scope, &values, wanted).await?));
    }
    Ok(html(&page_of(app, caller, scope, &values, None, wanted).await?))
}

async fn preview_house(State(app): State<App>, headers: HeaderMap, form: Signed) -> Page {
    preview(&app, &headers, &form, &Scope::house(&app)).await
}

async fn preview_company(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, form: Signed) -> Page {
    let scope = Scope::company(&app, &form.visitor, &id).await?;
    preview(&app, &headers, &form, &scope).await
}

async fn inherit(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let id: CompanyId = parsed(&id)?;
    app.company(&form.visitor.technician, &id).await?;
    may(&form.visitor, Right::EditSettings)?;
    app.inherit_ticketing(&form.visitor.technician, &id, form.fields.get("setting")).await?;
    Ok(Redirect::to(&format!("/portal/companies/{id}/ticketing?said=saved")).into_response())
}
