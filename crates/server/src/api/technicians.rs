//! Technicians, and who the caller is.

use axum::{Json, extract::State, http::StatusCode};
use countersign_app::{
    TechnicianRow,
    people::{NewTechnician, TechnicianChange},
};
use countersign_domain::{
    id::{CompanyId, TechnicianId},
    role::{Access, Role},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    directory::{DirectoryList, LinkOut, place},
    given,
    page::Page,
    requests::unprocessable,
};
use crate::http::{
    Shared,
    body::{Body, Id, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(read, change)).routes(routes!(me))
}

/// A technician.
#[derive(Debug, Serialize, ToSchema)]
struct TechnicianOut {
    /// His id.
    id: String,
    /// Mail address.
    email: String,
    /// Name.
    name: String,
    /// `l1`, `l2`, `l3`, `administrator`, `client_administrator` or `auditor`.
    role: &'static str,
    /// Ids of the companies he may see; null is all.
    companies: Option<Vec<String>>,
    /// His own accounts on computers; he cannot decide what they ask.
    accounts: Vec<String>,
    /// Cannot sign in any more.
    disabled: bool,
    /// How he stands to the ticketing system's agents.
    link: LinkOut,
}

impl From<TechnicianRow> for TechnicianOut {
    fn from(row: TechnicianRow) -> Self {
        let technician = row.technician;
        Self {
            id: technician.id.to_string(),
            email: technician.email,
            name: technician.name,
            role: technician.role.as_str(),
            companies: match technician.access {
                Access::All => None,
                Access::Only(companies) => Some(companies.iter().map(ToString::to_string).collect()),
            },
            accounts: technician.accounts,
            disabled: technician.disabled,
            link: row.link.into(),
        }
    }
}

fn role(word: &str) -> Answer<Role> {
    Role::parse(word).ok_or_else(|| {
        let all: Vec<&str> = Role::ALL.into_iter().map(Role::as_str).collect();
        unprocessable("role", format!("{word:?} is no role; the roles are {}.", all.join(", ")))
    })
}

fn companies(ids: Option<Vec<String>>) -> Answer<Option<Vec<CompanyId>>> {
    ids.map(|ids| {
        ids.iter()
            .map(|id| id.parse().map_err(|error| unprocessable("companies", format!("{error}."))))
            .collect::<Answer<Vec<CompanyId>>>()
    })
    .transpose()
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TechnicianIn {
    /// Mail address; he is looked for among the ticketing system's agents by it.
    email: String,
    /// Name.
    name: String,
    /// Role.
    role: String,
    /// Ids of the companies he may see; left out or null is all.
    companies: Option<Vec<String>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TechnicianPatch {
    /// Mail address.
    email: Option<String>,
    /// Name.
    name: Option<String>,
    /// Role.
    role: Option<String>,
    /// Ids of the companies he may see; null is all.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    companies: Option<Option<Vec<String>>>,
    /// His own accounts on computers.
    accounts: Option<Vec<String>>,
    /// Cannot sign in any more.
    disabled: Option<bool>,
}

/// Technicians; those who are disabled with `archived=true`.
#[utoipa::path(get, path = "/api/v1/technicians", tag = "people", params(DirectoryList),
    responses((status = 200, body = Page<TechnicianOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<DirectoryList>,
) -> Answer<Json<Page<TechnicianOut>>> {
    let (wanted, paging) = query.wanted()?;
    let order = wanted.order;
    let rows = shared.app.technicians(by.technician(), &wanted).await?;
    let at = |row: &TechnicianRow| place(order, &row.technician.name, row.technician.created_at, &row.technician.id);
    Ok(Json(paging.page(rows, at, TechnicianOut::from)))
}

/// Creates a technician.
#[utoipa::path(post, path = "/api/v1/technicians", tag = "people", request_body = TechnicianIn,
    responses((status = 201, body = TechnicianOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(shared): State<Shared>,
    by: By,
    Body(body): Body<TechnicianIn>,
) -> Answer<(StatusCode, Json<TechnicianOut>)> {
    let new = NewTechnician {
        email: body.email,
        name: body.name,
        role: role(&body.role)?,
        companies: companies(body.companies)?,
    };
    let row = shared.app.create_technician(by.technician(), new).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// One technician.
#[utoipa::path(get, path = "/api/v1/technicians/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 200, body = TechnicianOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By, Id(id): Id<TechnicianId>) -> Answer<Json<TechnicianOut>> {
    Ok(Json(shared.app.technician(by.technician(), &id).await?.into()))
}

/// Changes a technician.
#[utoipa::path(patch, path = "/api/v1/technicians/{id}", tag = "people", params(("id" = String, Path)), request_body = TechnicianPatch,
    responses((status = 200, body = TechnicianOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<TechnicianId>,
    Body(body): Body<TechnicianPatch>,
) -> Answer<Json<TechnicianOut>> {
    let change = TechnicianChange {
        email: body.email,
        name: body.name,
        role: body.role.as_deref().map(role).transpose()?,
        companies: body.companies.map(companies).transpose()?,
        accounts: body.accounts,
        disabled: body.disabled,
    };
    Ok(Json(shared.app.change_technician(by.technician(), &id, change).await?.into()))
}

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
struct MeOut {
    #[serde(flatten)]
    technician: TechnicianOut,
    /// The way of signing in allows to decide.
    may_decide: bool,
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses((status = 200, body = MeOut), (status = 401, body = Problem)))]
async fn me(State(shared): State<Shared>, by: By) -> Answer<Json<MeOut>> {
    let row = shared.app.technician(by.technician(), &by.technician().id).await?;
    Ok(Json(MeOut { technician: row.into(), may_decide: by.0.may_decide }))
}
