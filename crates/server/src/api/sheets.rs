//! Lists as CSV: every list out, companies, locations and technicians in.

use axum::{Json, body::Bytes, extract::State, http::StatusCode, response::Response};
use countersign_app::import::{Done, Line, LineResult, Run};
use countersign_domain::link::Kind;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::directory::Filter;
use crate::{
    http::{
        Shared,
        body::Query,
        caller::By,
        problem::{Answer, Problem},
    },
    sheet::{self, Sheet},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(export_companies))
        .routes(routes!(export_locations))
        .routes(routes!(export_computers))
        .routes(routes!(export_technicians))
        .routes(routes!(export_contacts))
}

pub(super) fn lists_in() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(import_companies))
        .routes(routes!(import_locations))
        .routes(routes!(import_technicians))
}

/// Which records to write.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    /// Bearing this text in their name.
    q: Option<String>,
    /// `unlinked`, `linked`, `ambiguous` or `missing`.
    link: Option<String>,
    /// Of this company.
    company: Option<String>,
    /// True for those that are archived (technicians: disabled); else those in use.
    archived: Option<bool>,
    /// `name`, or `newest` for the last created first.
    sort: Option<String>,
}

fn export(shared: Shared, by: &By, kind: Kind, query: ExportQuery) -> Answer<Response> {
    let ExportQuery { q, link, company, archived, sort } = query;
    let wanted = Filter { q, link, company, archived, sort }.wanted()?;
    Ok(sheet::download(shared.app, by.technician().clone(), kind, wanted))
}

/// Companies that the caller may see, as CSV. Cells that a spreadsheet would take for a formula begin with an apostrophe.
#[utoipa::path(get, path = "/api/v1/companies/export", tag = "directory", params(ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn export_companies(State(shared): State<Shared>, by: By, Query(query): Query<ExportQuery>) -> Answer<Response> {
    export(shared, &by, Kind::Company, query)
}

/// Locations that the caller may see, as CSV.
#[utoipa::path(get, path = "/api/v1/locations/export", tag = "directory", params(ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn export_locations(State(shared): State<Shared>, by: By, Query(query): Query<ExportQuery>) -> Answer<Response> {
    export(shared, &by, Kind::Location, query)
}

/// Computers that the caller may see, as CSV.
#[utoipa::path(get, path = "/api/v1/computers/export", tag = "directory", params(ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn export_computers(State(shared): State<Shared>, by: By, Query(query): Query<ExportQuery>) -> Answer<Response> {
    export(shared, &by, Kind::Computer, query)
}

/// Technicians as CSV; `company` holds the ids of those they may see, nothing for all.
#[utoipa::path(get, path = "/api/v1/technicians/export", tag = "people", params(ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn export_technicians(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    export(shared, &by, Kind::Technician, query)
}

/// Contacts that the caller may see, as CSV.
#[utoipa::path(get, path = "/api/v1/contacts/export", tag = "directory", params(ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn export_contacts(State(shared): State<Shared>, by: By, Query(query): Query<ExportQuery>) -> Answer<Response> {
    export(shared, &by, Kind::Contact, query)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    /// True writes nothing and says what would become of each line.
    dry_run: Option<bool>,
}

/// What became of one line.
#[derive(Debug, Serialize, ToSchema)]
struct LineOut {
    /// Where it stands in the file, from 1.
    line: u64,
    /// Name of the record.
    name: String,
    /// `created`, `exists` or `error`.
    result: &'static str,
    /// Our record's id; null where it is not made.
    id: Option<String>,
    /// Name of the record of the ticketing system that this line tied it to by hand.
    linked: Option<String>,
    /// What was not done, and why.
    reason: Option<String>,
}

impl From<LineResult> for LineOut {
    fn from(result: LineResult) -> Self {
        Self {
            line: result.number,
            name: result.name,
            result: result.done.as_str(),
            id: result.id,
            linked: result.linked,
            reason: result.reason,
        }
    }
}

/// What became of a list.
#[derive(Debug, Serialize, ToSchema)]
struct ImportOut {
    /// A result for each line, in the order of the file.
    items: Vec<LineOut>,
    /// Lines that made a record.
    created: usize,
    /// Lines whose record is there already.
    existing: usize,
    /// Lines that tied a record by hand.
    linked: usize,
    /// Lines that were refused, or not done in full.
    errors: usize,
    /// Columns of the file that mean nothing here.
    ignored_columns: Vec<String>,
    /// Nothing was written.
    dry_run: bool,
}

async fn import(shared: Shared, by: &By, kind: Kind, query: &ImportQuery, body: &Bytes) -> Answer<Json<ImportOut>> {
    // Who may not import reads that, and not what is wrong with his file.
    let none: [Line; 0] = [];
    shared.app.import_lines(by.technician(), kind, &none, Run::Preview).await?;
    let Sheet { lines, broken, ignored } =
        sheet::read(body).map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_csv", why))?;
    let dry_run = query.dry_run == Some(true);
    let run = if dry_run { Run::Preview } else { Run::Do };
    let results = shared.app.import_lines(by.technician(), kind, &lines, run).await?;
    let results = Sheet::results(broken, results);
    let count = |is: fn(&LineResult) -> bool| results.iter().filter(|result| is(result)).count();
    Ok(Json(ImportOut {
        created: count(|result| result.done == Done::Created),
        existing: count(|result| result.done == Done::Exists),
        linked: count(|result| result.linked.is_some()),
        errors: count(|result| result.reason.is_some()),
        ignored_columns: ignored,
        dry_run,
        items: results.into_iter().map(LineOut::from).collect(),
    }))
}

/// Makes companies of a CSV file with the columns `name` and, to tie them by hand, `psa_id`. At most 10,000 lines and
/// 4 MiB; each line is done by itself and has its result.
#[utoipa::path(post, path = "/api/v1/companies/import-csv", tag = "directory", params(ImportQuery), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
async fn import_companies(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<ImportQuery>,
    body: Bytes,
) -> Answer<Json<ImportOut>> {
    import(shared, &by, Kind::Company, &query, &body).await
}

/// Makes locations of a CSV file with the columns `name`, `company` (name or id) and, to tie them by hand, `psa_id`.
#[utoipa::path(post, path = "/api/v1/locations/import-csv", tag = "directory", params(ImportQuery), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
async fn import_locations(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<ImportQuery>,
    body: Bytes,
) -> Answer<Json<ImportOut>> {
    import(shared, &by, Kind::Location, &query, &body).await
}

/// Makes technicians of a CSV file with the columns `name`, `email`, `role`, `company` (names or ids with `|` between them,
/// nothing for all) and, to tie them by hand, `psa_id`.
#[utoipa::path(post, path = "/api/v1/technicians/import-csv", tag = "people", params(ImportQuery), request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
async fn import_technicians(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<ImportQuery>,
    body: Bytes,
) -> Answer<Json<ImportOut>> {
    import(shared, &by, Kind::Technician, &query, &body).await
}
