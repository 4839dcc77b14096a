//! Steps: what waits, what needs a person, what is over; by cause, with every attempt, and what people do about it.

use std::collections::HashMap;

use axum::{Json, extract::State};
use countersign_app::{
    AttemptRow, CauseIs, CauseRow, StepRow, StepState, StepsQuery, attention::Alike, psa::advice::advice,
};
use countersign_domain::{
    cause::{Cause, Needs},
    id::{CompanyId, StepId},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    page::{Page, Paging},
    requests::{AttemptOut, StepOut, unprocessable},
};
use crate::http::{
    Shared,
    body::{Body, Id, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(causes))
        .routes(routes!(retry_many))
        .routes(routes!(read))
        .routes(routes!(retry))
        .routes(routes!(give_up))
        .routes(routes!(new_ticket))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// `waiting`, `attention` or `done`.
    state: Option<String>,
    /// The cause that steps stand together by, such as `ticket_gone`.
    cause: Option<String>,
    /// Id of a company.
    company: Option<String>,
    /// Rows of the page, 1 to 200.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

fn state(word: &str) -> Answer<StepState> {
    StepState::parse(word)
        .ok_or_else(|| unprocessable("state", format!("{word:?} is no state; they are waiting, attention, done.")))
}

fn cause(word: &str) -> Answer<Cause> {
    Cause::parse(word).ok_or_else(|| {
        let known: Vec<&str> = Cause::ALL.into_iter().map(Cause::as_str).collect();
        unprocessable("cause", format!("{word:?} is no cause; they are {}.", known.join(", ")))
    })
}

fn company(id: &str) -> Answer<CompanyId> {
    id.parse().map_err(|error| unprocessable("company", format!("{error}")))
}

/// A step with its attempts.
#[derive(Debug, Serialize, ToSchema)]
struct StepDetailOut {
    #[serde(flatten)]
    step: StepOut,
    /// Its attempts, oldest first. A list holds the first and the last twenty, one step alone all.
    tries: Vec<AttemptOut>,
}

fn with_tries(step: StepRow, tries: Vec<AttemptRow>) -> StepDetailOut {
    StepDetailOut { step: step.into(), tries: tries.into_iter().map(AttemptOut::from).collect() }
}

/// Steps that the caller may see: what is done newest first, all else oldest first.
#[utoipa::path(get, path = "/api/v1/steps", tag = "steps", params(ListQuery),
    responses((status = 200, body = Page<StepDetailOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<StepDetailOut>>> {
    let paging = Paging { limit: query.limit, after: query.after };
    let wanted = StepsQuery {
        state: query.state.as_deref().map(state).transpose()?,
        cause: query.cause.as_deref().map(cause).transpose()?.map_or(CauseIs::Any, CauseIs::This),
        company: query.company.as_deref().map(company).transpose()?,
        lane: None,
        after: paging.after::<StepId>()?,
        limit: paging.limit() + 1,
    };
    let rows = shared.app.steps(by.technician(), &wanted).await?;
    let tries: HashMap<String, Vec<AttemptRow>> = shared.app.attempts_of(&rows).await?;
    Ok(Json(paging.page(
        rows,
        |row| row.id.clone(),
        |row| {
            let tries = tries.get(&row.id).cloned().unwrap_or_default();
            with_tries(row, tries)
        },
    )))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CausesQuery {
    /// `attention` (where it is left out) or `waiting`.
    state: Option<String>,
    /// Id of a company.
    company: Option<String>,
}

/// Steps that stand for one cause: what happened, what it means, what to change and where.
#[derive(Debug, Serialize, ToSchema)]
struct CauseOut {
    /// The cause; null where steps wait for their turn alone.
    #[schema(value_type = Option<String>)]
    cause: Option<Cause>,
    /// How many steps.
    steps: u64,
    /// Since when the first of them.
    since: Option<String>,
    /// When the first of them goes next.
    next_at: Option<String>,
    /// What happened.
    title: Option<&'static str>,
    /// What it means.
    means: Option<&'static str>,
    /// What to change.
    fix: Option<&'static str>,
    /// Where to change it.
    r#where: Option<&'static str>,
    /// False where it passes by itself.
    needs_a_person: bool,
}

impl From<CauseRow> for CauseOut {
    fn from(row: CauseRow) -> Self {
        let advice = row.cause.map(advice);
        Self {
            needs_a_person: row.cause.is_some_and(|cause| cause.needs() == Needs::Person),
            cause: row.cause,
            steps: row.steps,
            since: row.since.map(countersign_domain::time::Time::rfc3339),
            next_at: row.next_at.map(countersign_domain::time::Time::rfc3339),
            title: advice.map(|advice| advice.title),
            means: advice.map(|advice| advice.means),
            fix: advice.and_then(|advice| advice.fix),
            r#where: advice.and_then(|advice| advice.place),
        }
    }
}

/// The causes for which steps stand, among what the caller may see: what needs a person first.
#[utoipa::path(get, path = "/api/v1/steps/causes", tag = "steps", params(CausesQuery),
    responses((status = 200, body = Page<CauseOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn causes(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<CausesQuery>,
) -> Answer<Json<Page<CauseOut>>> {
    let state = query.state.as_deref().map_or(Ok(StepState::Attention), state)?;
    if state == StepState::Done {
        return Err(unprocessable("state", "What is done stands for no cause; ask for attention or waiting."));
    }
    let company = query.company.as_deref().map(company).transpose()?;
    let rows = shared.app.causes(by.technician(), state, company.as_ref()).await?;
    Ok(Json(Page { items: rows.into_iter().map(CauseOut::from).collect(), next: None }))
}

/// One step with every attempt.
#[utoipa::path(get, path = "/api/v1/steps/{id}", tag = "steps", params(("id" = String, Path)),
    responses((status = 200, body = StepDetailOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By, Id(id): Id<StepId>) -> Answer<Json<StepDetailOut>> {
    let (step, tries) = shared.app.step_attempts(by.technician(), &id).await?;
    Ok(Json(with_tries(step, tries)))
}

/// Lets a step go again, at once.
#[utoipa::path(post, path = "/api/v1/steps/{id}/retry", tag = "steps", params(("id" = String, Path)),
    responses((status = 200, body = StepOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn retry(State(shared): State<Shared>, by: By, Id(id): Id<StepId>) -> Answer<Json<StepOut>> {
    Ok(Json(shared.app.retry_step(by.technician(), &id).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RetryIn {
    /// All of this cause.
    cause: Option<String>,
    /// All of this company that do not go on.
    company: Option<String>,
    /// These, at most 200. With a cause or company: those of them that fit.
    #[schema(value_type = Option<Vec<String>>)]
    ids: Option<Vec<StepId>>,
}

/// What became of a step that was to go again.
#[derive(Debug, Serialize, ToSchema)]
struct RetriedOut {
    /// The step.
    id: String,
    /// True where it goes again; false where it is over, is being sent, does not fit, or may not be seen.
    retried: bool,
}

/// What became of steps that were to go again.
#[derive(Debug, Serialize, ToSchema)]
struct RetryOut {
    /// How many go again.
    retried: usize,
    /// A result for each that went, and for each id that was named.
    items: Vec<RetriedOut>,
}

/// Lets all steps go again that are alike. Name a cause, a company or ids; what is named must all fit.
#[utoipa::path(post, path = "/api/v1/steps/retry", tag = "steps", request_body = RetryIn,
    responses((status = 200, body = RetryOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn retry_many(State(shared): State<Shared>, by: By, Body(body): Body<RetryIn>) -> Answer<Json<RetryOut>> {
    let alike = Alike {
        cause: body.cause.as_deref().map(cause).transpose()?,
        company: body.company.as_deref().map(company).transpose()?,
        ids: body.ids,
    };
    let retried = shared.app.retry_steps(by.technician(), &alike).await?;
    let count = retried.gone.len();
    let gone = retried.gone.into_iter().map(|id| RetriedOut { id, retried: true });
    let not = retried.not.into_iter().map(|id| RetriedOut { id, retried: false });
    Ok(Json(RetryOut { retried: count, items: gone.chain(not).collect() }))
}

/// Gives a step up. The next of its lane goes on.
#[utoipa::path(post, path = "/api/v1/steps/{id}/give-up", tag = "steps", params(("id" = String, Path)),
    responses((status = 200, body = StepOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn give_up(State(shared): State<Shared>, by: By, Id(id): Id<StepId>) -> Answer<Json<StepOut>> {
    Ok(Json(shared.app.give_up_step(by.technician(), &id).await?.into()))
}

/// Has a new ticket made in the place of one that is gone; the step goes on there. What was written on the old one is not
/// written again.
#[utoipa::path(post, path = "/api/v1/steps/{id}/new-ticket", tag = "steps", params(("id" = String, Path)),
    responses((status = 200, body = StepOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, description = "`ticket_not_gone`", body = Problem)))]
async fn new_ticket(State(shared): State<Shared>, by: By, Id(id): Id<StepId>) -> Answer<Json<StepOut>> {
    Ok(Json(shared.app.new_ticket_for_step(by.technician(), &id).await?.into()))
}
