//! Steps: what waits, what needs a person, what is over.

use axum::{Json, extract::State};
use countersign_app::{StepState, StepsQuery};
use countersign_domain::id::StepId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    page::{Page, Paging},
    requests::{AttemptOut, StepOut, unprocessable},
};
use crate::http::{
    Shared,
    body::{Id, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(retry)).routes(routes!(give_up))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// `waiting`, `attention` or `done`.
    state: Option<String>,
    /// Rows of the page, 1 to 200.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Steps that the caller may see, oldest first.
#[utoipa::path(get, path = "/api/v1/steps", tag = "steps", params(ListQuery),
    responses((status = 200, body = Page<StepOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list(State(shared): State<Shared>, by: By, Query(query): Query<ListQuery>) -> Answer<Json<Page<StepOut>>> {
    let paging = Paging { limit: query.limit, after: query.after };
    let state = query.state.as_deref().map(|word| {
        StepState::parse(word)
            .ok_or_else(|| unprocessable("state", format!("{word:?} is no state; they are waiting, attention, done.")))
    });
    let wanted = StepsQuery {
        state: state.transpose()?,
        lane: None,
        after: paging.after::<StepId>()?,
        limit: paging.limit() + 1,
    };
    let rows = shared.app.steps(by.technician(), &wanted).await?;
    Ok(Json(paging.page(rows, |row| row.id.clone(), StepOut::from)))
}

/// A step with every attempt.
#[derive(Debug, Serialize, ToSchema)]
struct StepDetailOut {
    #[serde(flatten)]
    step: StepOut,
    /// Every attempt, oldest first.
    tries: Vec<AttemptOut>,
}

/// One step with every attempt.
#[utoipa::path(get, path = "/api/v1/steps/{id}", tag = "steps", params(("id" = String, Path)),
    responses((status = 200, body = StepDetailOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By, Id(id): Id<StepId>) -> Answer<Json<StepDetailOut>> {
    let (step, tries) = shared.app.step_attempts(by.technician(), &id).await?;
    Ok(Json(StepDetailOut { step: step.into(), tries: tries.into_iter().map(AttemptOut::from).collect() }))
}

/// Lets a step go again, at once.
#[utoipa::path(post, path = "/api/v1/steps/{id}/retry", tag = "steps", params(("id" = String, Path)),
    responses((status = 200, body = StepOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn retry(State(shared): State<Shared>, by: By, Id(id): Id<StepId>) -> Answer<Json<StepOut>> {
    Ok(Json(shared.app.retry_step(by.technician(), &id).await?.into()))
}

/// Gives a step up. The next of its lane goes on.
#[utoipa::path(post, path = "/api/v1/steps/{id}/give-up", tag = "steps", params(("id" = String, Path)),
    responses((status = 200, body = StepOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn give_up(State(shared): State<Shared>, by: By, Id(id): Id<StepId>) -> Answer<Json<StepOut>> {
    Ok(Json(shared.app.give_up_step(by.technician(), &id).await?.into()))
}
