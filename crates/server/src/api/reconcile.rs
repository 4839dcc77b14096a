//! Comparing requests with tickets: asking for a round, and the last one's report.

use axum::{Json, extract::State};
use countersign_app::reconcile::{Line, Repairs, Report, Standing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    Shared,
    body::Body,
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(read, compare))
}

/// One difference.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineOut {
    /// `repaired`, `repairable` (in a dry run), `left` (a person must look) or `note`.
    standing: &'static str,
    /// The request it is about, if one is known.
    request: Option<String>,
    /// The ticket it is about, if there is one.
    ticket: Option<String>,
    /// What is different, one of a few fixed words such as `no_ticket`, `gone`, `fields` or `twice`.
    what: String,
    /// What was seen.
    words: String,
    /// What a person does about it.
    fix: Option<String>,
}

/// What a round found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportOut {
    /// When it began.
    at: String,
    /// How many days it looked back.
    days: u32,
    /// Nothing was allowed to change.
    dry_run: bool,
    /// Requests that were looked at.
    requests: u64,
    /// Tickets of ours that the ticketing system showed.
    tickets: u64,
    /// Lines that are left for a person.
    left: usize,
    /// The differences.
    items: Vec<LineOut>,
}

/// The word of a standing.
pub(crate) const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Repaired => "repaired",
        Standing::Repairable => "repairable",
        Standing::Left => "left",
        Standing::Note => "note",
    }
}

impl From<Report> for ReportOut {
    fn from(report: Report) -> Self {
        let line = |line: Line| LineOut {
            standing: word(line.standing),
            request: line.request,
            ticket: line.ticket,
            what: line.what,
            words: line.words,
            fix: line.fix,
        };
        Self {
            at: report.at.rfc3339(),
            days: report.days,
            dry_run: report.dry_run,
            requests: report.requests,
            tickets: report.tickets,
            left: report.count(Standing::Left),
            items: report.lines.into_iter().map(line).collect(),
        }
    }
}

/// The last round.
#[derive(Debug, Serialize, ToSchema)]
struct LastOut {
    /// Its report; null before the first.
    report: Option<ReportOut>,
}

/// The report of the last round that was no dry run. For those who see all companies.
#[utoipa::path(get, path = "/api/v1/reconcile", tag = "ticketing",
    responses((status = 200, body = LastOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By) -> Answer<Json<LastOut>> {
    Ok(Json(LastOut { report: shared.app.last_reconcile(by.technician()).await?.map(Into::into) }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompareIn {
    /// Change nothing, tell alone.
    #[serde(default)]
    dry_run: bool,
    /// How many days to look back, 1 to 366; left out 30.
    days: Option<u32>,
}

/// Compares requests with tickets, and repairs what is safe. For those who see all companies.
#[utoipa::path(post, path = "/api/v1/reconcile", tag = "ticketing", request_body = CompareIn,
    responses((status = 200, body = ReportOut), (status = 401, body = Problem), (status = 403, body = Problem),
              (status = 409, description = "`reconciling` or `not_connected`", body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn compare(State(shared): State<Shared>, by: By, Body(body): Body<CompareIn>) -> Answer<Json<ReportOut>> {
    let repairs = if body.dry_run { Repairs::Off } else { Repairs::On };
    let (app, caller) = (shared.app.clone(), by.technician().clone());
    // Goes on to its end, and is kept, where the caller does not wait for it.
    let round = tokio::spawn(async move { app.reconcile_for(&caller, body.days, repairs).await });
    let report = round.await.map_err(|error| {
        tracing::error!(%error, "a comparison of requests and tickets broke off");
        Problem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "broke_off",
            "The comparison broke off. The log says why.",
        )
    })??;
    Ok(Json(report.into()))
}
