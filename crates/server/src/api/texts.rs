//! The texts of tickets: what can be said in them, and how they would look.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use countersign_domain::{
    id::RequestId,
    role::Right,
    template::{FILTERS, Form},
    ticket::Part,
    variables::VARIABLES,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::ticketing::may;
use crate::{
    http::{
        Shared,
        body::Body,
        caller::By,
        problem::{Answer, Problem},
    },
    portal::meaning,
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(read)).routes(routes!(preview))
}

/// One of the texts.
#[derive(Debug, Serialize, ToSchema)]
struct TextOut {
    /// Its name.
    name: &'static str,
    /// `line` or `html`.
    form: &'static str,
    /// The template in force.
    template: String,
    /// The product's own.
    default: &'static str,
    /// The template in force is not the product's own.
    changed: bool,
}

/// A variable that a text may use.
#[derive(Debug, Serialize, ToSchema)]
struct VariableOut {
    /// Its name, between `{{` and `}}`.
    name: &'static str,
    /// What it is.
    meaning: String,
    /// An example.
    example: &'static str,
}

/// The texts, and what can be said in them.
#[derive(Debug, Serialize, ToSchema)]
struct TextsOut {
    /// The texts.
    texts: Vec<TextOut>,
    /// The variables.
    variables: Vec<VariableOut>,
    /// The filters, as in `{{ computer|lower }}`.
    filters: [&'static str; FILTERS.len()],
}

/// The texts of tickets, the variables and filters that they may use. Values are always escaped; the references by which
/// tickets are found again stand at the end whatever a text says.
#[utoipa::path(get, path = "/api/v1/ticketing/texts", tag = "ticketing",
    responses((status = 200, body = TextsOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By) -> Answer<Json<TextsOut>> {
    may(by.technician(), Right::ReadSettings)?;
    let settings = shared.app.ticketing_settings();
    let text = |part: Part| TextOut {
        name: part.as_str(),
        form: match part.form() {
            Form::Line => "line",
            Form::Html => "html",
        },
        template: settings.texts.template(part).to_owned(),
        default: part.default_template(),
        changed: settings.texts.own(part).is_some(),
    };
    Ok(Json(TextsOut {
        texts: Part::ALL.into_iter().map(text).collect(),
        variables: VARIABLES
            .iter()
            .map(|one| VariableOut { name: one.name, meaning: meaning(one), example: one.example })
            .collect(),
        filters: FILTERS,
    }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PreviewIn {
    /// The request that it is shown for.
    request: String,
    /// `opened`, or the name of a note: `approved`, `denied`, `expired`, `withdrawn`, `revoked`, `failed`, `repeated`.
    event: String,
    /// Texts in place of those that are set; null is the product's own.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    texts: BTreeMap<Part, Option<String>>,
}

/// A field that would be sent.
#[derive(Debug, Serialize, ToSchema)]
struct SentOut {
    /// Its name.
    name: &'static str,
    /// What is sent.
    value: String,
    /// What that is called, where it is an id with a known name.
    called: Option<String>,
}

/// How it would look.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewOut {
    /// The ticket's summary; null for a note.
    summary: Option<String>,
    /// The description, or the note.
    html: String,
    /// The fields that would be sent beside them.
    fields: Vec<SentOut>,
    /// Texts that failed; the product's own stand in their place.
    warnings: Vec<String>,
}

/// Which text an event's name stands for.
pub(crate) fn event(word: &str) -> Option<Part> {
    match word {
        "opened" => Some(Part::Description),
        word => Part::parse(word).filter(|part| !matches!(part, Part::Summary | Part::Description)),
    }
}

/// Shows what would be sent for a request, without asking or telling the ticketing system. What has not happened to the
/// request is made up.
#[utoipa::path(post, path = "/api/v1/ticketing/preview", tag = "ticketing", request_body = PreviewIn,
    responses((status = 200, body = PreviewOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 422, description = "Names the text, the line and the reason", body = Problem)))]
async fn preview(State(shared): State<Shared>, by: By, Body(body): Body<PreviewIn>) -> Answer<Json<PreviewOut>> {
    may(by.technician(), Right::ReadSettings)?;
    let Some(event) = event(&body.event) else {
        let sentence = "event is opened, approved, denied, expired, withdrawn, revoked, failed or repeated.";
        return Err(Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "event", sentence));
    };
    let Ok(request) = body.request.parse::<RequestId>() else {
        let sentence = format!("{:?} is not the id of a request.", body.request);
        return Err(Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "request", sentence));
    };
    let texts: Vec<(Part, Option<String>)> = body.texts.into_iter().collect();
    let shown = shared.app.preview_ticket(by.technician(), &request, event, &texts).await?;
    let field =
        |one: countersign_app::ticketing::Sent| SentOut { name: one.name, value: one.value, called: one.called };
    Ok(Json(PreviewOut {
        summary: shown.summary,
        html: shown.html,
        fields: shown.fields.into_iter().map(field).collect(),
        warnings: shown.warnings,
    }))
}
