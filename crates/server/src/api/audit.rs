//! The audit log, read.

use axum::{Json, extract::State};
use countersign_app::AuditRow;
use countersign_domain::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page::{Page, Paging};
use crate::http::{
    Shared,
    body::Query,
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

/// One entry of the log.
#[derive(Debug, Serialize, ToSchema)]
struct EntryOut {
    /// Its chain.
    chain: String,
    /// Its place in the chain.
    seq: i64,
    /// When.
    at: String,
    /// Who: a technician's or computer's id, `command_line` or `server`.
    actor: String,
    /// What, `noun.verb`.
    action: String,
    /// To which thing.
    object: String,
    /// Of which company.
    company_id: Option<String>,
    /// Particulars.
    body: serde_json::Value,
    /// Hash of the entry.
    hash: String,
}

impl From<AuditRow> for EntryOut {
    fn from(row: AuditRow) -> Self {
        Self {
            chain: row.chain,
            seq: row.seq,
            at: Time(row.at).rfc3339(),
            actor: row.actor,
            action: row.action,
            object: row.object,
            company_id: row.company_id,
            body: serde_json::from_str(&row.body).unwrap_or(serde_json::Value::String(row.body)),
            hash: row.hash,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Of this thing alone.
    object: Option<String>,
    /// Rows of the page, 1 to 200.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The newest entries that the caller may see.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(ListQuery),
    responses((status = 200, body = Page<EntryOut>), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn list(State(shared): State<Shared>, by: By, Query(query): Query<ListQuery>) -> Answer<Json<Page<EntryOut>>> {
    let paging = Paging { limit: query.limit, after: query.after };
    let before = paging.after::<i64>()?.map(Time);
    // A page ends between two moments, never inside one: it may be longer than asked for.
    let rows = shared.app.audit(by.technician(), query.object.as_deref(), before, paging.limit()).await?;
    let last = rows.last().filter(|_| rows.len() >= paging.limit()).map(|row| row.at);
    let next = last.as_ref().map(super::page::cursor);
    Ok(Json(Page { items: rows.into_iter().map(EntryOut::from).collect(), next: next.flatten() }))
}
