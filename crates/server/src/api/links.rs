//! Links of every kind: by the rule, by hand, cut; many at once; customers imported as companies.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use countersign_domain::{id::CompanyId, link::Kind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    directory::{CompanyOut, LinkOut},
    page::Page,
    requests::unprocessable,
};
use crate::http::{
    Shared,
    body::{Body, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(link, unlink))
        .routes(routes!(link_many))
        .routes(routes!(import))
        .routes(routes!(choose))
}

/// The kind that a list's name stands for.
fn kind_of(list: &str) -> Answer<Kind> {
    match list {
        "companies" => Ok(Kind::Company),
        "locations" => Ok(Kind::Location),
        "computers" => Ok(Kind::Computer),
        "technicians" => Ok(Kind::Technician),
        "contacts" => Ok(Kind::Contact),
        other => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("{other:?} has no links; companies, locations, computers, technicians and contacts have."),
        )),
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkIn {
    /// The record to tie it to, whatever its name; left out ties it by name (technicians and contacts: by mail address).
    psa_id: Option<String>,
}

/// A record with its link.
#[derive(Debug, Serialize, ToSchema)]
struct LinkedOut {
    /// Our id.
    id: String,
    /// How it stands now.
    link: LinkOut,
}

/// Ties a record to one of the ticketing system.
#[utoipa::path(post, path = "/api/v1/{list}/{id}/link", tag = "links",
    params(("list" = String, Path, description = "`companies`, `locations`, `computers`, `technicians` or `contacts`"), ("id" = String, Path)),
    request_body = LinkIn,
    responses((status = 200, body = LinkedOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, description = "`company_unlinked`, `linked_twice`, `not_connected`", body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn link(
    State(shared): State<Shared>,
    by: By,
    Path((list, id)): Path<(String, String)>,
    Body(body): Body<LinkIn>,
) -> Answer<Json<LinkedOut>> {
    let link = shared.app.link(by.technician(), kind_of(&list)?, &id, body.psa_id.as_deref()).await?;
    Ok(Json(LinkedOut { id, link: link.into() }))
}

/// Cuts a link. It stays cut until a person ties it again.
#[utoipa::path(delete, path = "/api/v1/{list}/{id}/link", tag = "links", params(("list" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = LinkedOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn unlink(
    State(shared): State<Shared>,
    by: By,
    Path((list, id)): Path<(String, String)>,
) -> Answer<Json<LinkedOut>> {
    let link = shared.app.unlink(by.technician(), kind_of(&list)?, &id).await?;
    Ok(Json(LinkedOut { id, link: link.into() }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ManyIn {
    /// `company`, `location`, `computer`, `technician` or `contact`.
    kind: String,
    /// Ours, at most 500.
    ids: Vec<String>,
}

/// The result for one of many.
#[derive(Debug, Serialize, ToSchema)]
struct OneOut {
    /// Our id.
    id: String,
    /// How it stands now; null where it could not be tried.
    link: Option<LinkOut>,
    /// Why it could not be tried.
    error: Option<String>,
}

/// Ties many records by name, with a result for each.
#[utoipa::path(post, path = "/api/v1/links", tag = "links", request_body = ManyIn,
    responses((status = 200, body = Page<OneOut>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn link_many(State(shared): State<Shared>, by: By, Body(body): Body<ManyIn>) -> Answer<Json<Page<OneOut>>> {
    let kind = Kind::parse(&body.kind)
        .ok_or_else(|| unprocessable("kind", "kind is company, location, computer, technician or contact."))?;
    if body.ids.len() > 500 {
        return Err(unprocessable("ids", "At most 500 at a time."));
    }
    let results = shared.app.link_many(by.technician(), kind, &body.ids).await?;
    let items = results
        .into_iter()
        .map(|one| OneOut { id: one.id, link: one.link.map(LinkOut::from), error: one.error })
        .collect();
    Ok(Json(Page { items, next: None }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportIn {
    /// Ids of the ticketing system's customers, at most 500.
    psa_ids: Vec<String>,
}

/// Makes linked companies of customers: of all, or of none where one of the ids is wrong.
#[utoipa::path(post, path = "/api/v1/companies/import", tag = "links", request_body = ImportIn,
    responses((status = 200, body = Page<CompanyOut>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn import(State(shared): State<Shared>, by: By, Body(body): Body<ImportIn>) -> Answer<Json<Page<CompanyOut>>> {
    if body.psa_ids.len() > 500 {
        return Err(unprocessable("psa_ids", "At most 500 at a time."));
    }
    let rows = shared.app.import_companies(by.technician(), &body.psa_ids).await?;
    Ok(Json(Page { items: rows.into_iter().map(CompanyOut::from).collect(), next: None }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ChooseQuery {
    /// `company`, `location`, `computer`, `technician` or `contact`: which of ours it is for.
    kind: String,
    /// Our company, for locations, computers and contacts: their records are looked for inside its customer.
    company: Option<String>,
    /// Bearing this text in their name, or with this id.
    q: Option<String>,
}

/// A record of the ticketing system.
#[derive(Debug, Serialize, ToSchema)]
struct TheirsOut {
    /// Its id.
    psa_id: String,
    /// Its name.
    psa_name: String,
    /// The names or mail addresses it is found by.
    keys: Vec<String>,
}

/// Records of the ticketing system to choose from when linking by hand or importing, at most 1000.
#[utoipa::path(get, path = "/api/v1/psa-records", tag = "links", params(ChooseQuery),
    responses((status = 200, body = Page<TheirsOut>), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn choose(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<ChooseQuery>,
) -> Answer<Json<Page<TheirsOut>>> {
    let kind = Kind::parse(&query.kind)
        .ok_or_else(|| unprocessable("kind", "kind is company, location, computer, technician or contact."))?;
    let company: Option<CompanyId> = query
        .company
        .map(|id| id.parse())
        .transpose()
        .map_err(|error| unprocessable("company", format!("{error}.")))?;
    let part = query.q.unwrap_or_default();
    let records = shared.app.choose_from(by.technician(), kind, company.as_ref(), &part).await?;
    let items =
        records.into_iter().map(|r| TheirsOut { psa_id: r.psa_id, psa_name: r.psa_name, keys: r.keys }).collect();
    Ok(Json(Page { items, next: None }))
}
