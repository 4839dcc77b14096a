//! Settings > Limits: how many requests a computer and a company may bring within ten minutes.
//!
//! Called by the router. The decision a reader would undo: an empty field is no limit, so that the form needs no switch.

use std::num::ParseIntError;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use countersign_app::caps::Change;
use countersign_app::{App, Error};
use countersign_domain::role::Right;
use serde::Deserialize;

use super::form::Signed;
use super::text::Text;
use super::ticketing::may;
use super::view::caps::CapsPage;
use super::view::frame::{Screen, Tone};
use super::view::ticketing::{Field, Switch};
use super::visitor::Visitor;
use super::{Page, Refused, frame, html, html_with};

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    said: Option<String>,
}

const FIELDS: [&str; 2] = ["per_computer", "per_company"];

async fn page_of(
    app: &App,
    caller: &Visitor,
    values: [String; 2],
    fault: Option<(&str, String)>,
) -> Result<CapsPage, Refused> {
    let text = Text::default();
    let fields = FIELDS.into_iter().zip(values).map(|(name, value)| Field {
        name,
        value,
        error: fault.as_ref().filter(|(field, _)| *field == name).map(|(_, sentence)| sentence.clone()),
    });
    Ok(CapsPage {
        text,
        frame: frame(app, caller, Screen::Caps, text.t("caps-title")).await?,
        said: None,
        fields: fields.collect(),
        edit: if caller.technician.may(Right::EditSettings) { Switch::On } else { Switch::Off },
    })
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    may(&visitor, Right::ReadSettings)?;
    let caps = app.caps();
    let values = [caps.per_computer, caps.per_company].map(|cap| cap.map(|cap| cap.to_string()).unwrap_or_default());
    let mut page = page_of(&app, &visitor, values, None).await?;
    if options.said.as_deref() == Some("saved") {
        page.said = Some((Tone::Ok, Text::default().t("caps-saved")));
    }
    Ok(html(&page))
}

/// A cap as it was typed; nothing typed is none.
fn cap(typed: &str) -> Result<Option<u32>, ParseIntError> {
    if typed.is_empty() { Ok(None) } else { typed.parse().map(Some) }
}

pub(super) async fn save(State(app): State<App>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    may(caller, Right::EditSettings)?;
    let values = FIELDS.map(|name| form.fields.typed(name).to_owned());
    let [per_computer, per_company] = &values;
    let outcome = match (cap(per_computer), cap(per_company)) {
        (Err(_), _) => Err(("per_computer", text.t("caps-error-number"))),
        (_, Err(_)) => Err(("per_company", text.t("caps-error-number"))),
        (Ok(per_computer), Ok(per_company)) => {
            let change = Change { per_computer: Some(per_computer), per_company: Some(per_company) };
            match app.change_caps(&caller.technician, change).await {
                Ok(_) => Ok(()),
                Err(Error::Invalid { field: Some(field), .. }) => Err((field, text.t("caps-error-number"))),
                Err(other) => return Err(other.into()),
            }
        }
    };
    match outcome {
        Ok(()) => Ok(Redirect::to("/portal/settings/caps?said=saved").into_response()),
        Err(fault) => {
            let mut page = page_of(&app, caller, values, Some(fault)).await?;
            page.said = Some((Tone::Bad, text.t("caps-not-saved")));
            Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}
