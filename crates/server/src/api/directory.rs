//! Companies, locations, computers and contacts, each with its link.

use axum::{Json, extract::State, http::StatusCode};
use countersign_app::{App, CompanyRow, ComputerRow, ContactRow, DirectoryQuery, LocationRow, Order, Shelf};
use countersign_domain::{
    directory::Technician,
    id::{CompanyId, ComputerId, ContactId, LocationId},
    link::{Kind, Link, LinkState},
    text::name_key,
    time::Time,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    page::{Page, Paging},
    requests::{Named, unprocessable},
};
use crate::http::{
    Shared,
    body::{Body, Id, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_companies, create_company))
        .routes(routes!(read_company, change_company))
        .routes(routes!(list_locations, create_location))
        .routes(routes!(read_location, change_location))
        .routes(routes!(list_computers))
        .routes(routes!(read_computer, change_computer))
        .routes(routes!(confirm_computer))
        .routes(routes!(list_contacts))
        .routes(routes!(read_contact))
}

/// A record of the other side that could be meant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CandidateOut {
    /// Its id there.
    psa_id: String,
    /// Its name there.
    psa_name: String,
    /// How alike, from 0 to 1.
    score: f64,
}

/// How a record stands to the ticketing system.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkOut {
    /// `unlinked`, `linked`, `ambiguous` or `missing`.
    state: &'static str,
    /// Id on the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    psa_id: Option<String>,
    /// Name on the other side when it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    psa_name: Option<String>,
    /// `auto` or `manual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    how: Option<countersign_domain::link::How>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Who else could be meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<CandidateOut>,
}

impl From<Link> for LinkOut {
    fn from(link: Link) -> Self {
        Self {
            state: link.state.as_str(),
            psa_id: link.psa_id,
            psa_name: link.psa_name,
            how: link.how,
            at: link.at.map(countersign_domain::time::Time::rfc3339),
            candidates: link
                .candidates
                .into_iter()
                .map(|c| CandidateOut { psa_id: c.psa_id, psa_name: c.psa_name, score: c.score })
                .collect(),
        }
    }
}

/// A company.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompanyOut {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// How it stands to the ticketing system's customers.
    link: LinkOut,
    /// Put aside: in no list but `?archived=true`.
    archived: bool,
    /// Tickets that wait for that link.
    waiting_tickets: u64,
    /// When it was created.
    created_at: String,
}

impl From<CompanyRow> for CompanyOut {
    fn from(row: CompanyRow) -> Self {
        Self {
            id: row.company.id.to_string(),
            name: row.company.name,
            link: row.link.into(),
            archived: row.archived_at.is_some(),
            waiting_tickets: row.waiting,
            created_at: row.company.created_at.rfc3339(),
        }
    }
}

/// A location.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LocationOut {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Its company.
    company: Named,
    /// How it stands to the customer's sites.
    link: LinkOut,
    /// Put aside: in no list but `?archived=true`.
    archived: bool,
    /// When it was created.
    created_at: String,
}

impl From<LocationRow> for LocationOut {
    fn from(row: LocationRow) -> Self {
        Self {
            id: row.location.id.to_string(),
            name: row.location.name,
            company: Named { id: row.location.company_id.to_string(), name: row.company },
            link: row.link.into(),
            archived: row.archived_at.is_some(),
            created_at: row.location.created_at.rfc3339(),
        }
    }
}

/// A computer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComputerOut {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Its company.
    company: Named,
    /// Its location.
    location: Named,
    /// Operating system.
    os: String,
    /// Its version.
    os_version: String,
    /// Version of our program on it.
    agent_version: String,
    /// A second enrolment with the same machine id waits for a technician.
    held: bool,
    /// How it stands to the customer's assets.
    link: LinkOut,
    /// Put aside: in no list but `?archived=true`.
    archived: bool,
    /// When it was enrolled.
    created_at: String,
}

impl From<ComputerRow> for ComputerOut {
    fn from(row: ComputerRow) -> Self {
        let computer = row.computer;
        Self {
            id: computer.id.to_string(),
            name: computer.name,
            company: Named { id: computer.company_id.to_string(), name: row.company },
            location: Named { id: computer.location_id.to_string(), name: row.location },
            os: computer.os,
            os_version: computer.os_version,
            agent_version: computer.agent_version,
            held: computer.held,
            link: row.link.into(),
            archived: row.archived_at.is_some(),
            created_at: computer.created_at.rfc3339(),
        }
    }
}

/// An end user's entry in the directory.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContactOut {
    /// Its id.
    id: String,
    /// Name.
    name: String,
    /// Mail address.
    email: String,
    /// Its company.
    company: Named,
    /// How it stands to the customer's contacts.
    link: LinkOut,
    /// Put aside: in no list but `?archived=true`.
    archived: bool,
}

impl From<ContactRow> for ContactOut {
    fn from(row: ContactRow) -> Self {
        Self {
            id: row.contact.id.to_string(),
            name: row.contact.name,
            email: row.contact.email,
            company: Named { id: row.contact.company_id.to_string(), name: row.company },
            link: row.link.into(),
            archived: row.archived_at.is_some(),
        }
    }
}

/// Which records to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryList {
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
    /// Rows of the page, 1 to 200.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Which records a list is about, without its pages.
pub(super) struct Filter {
    pub(super) q: Option<String>,
    pub(super) link: Option<String>,
    pub(super) company: Option<String>,
    pub(super) archived: Option<bool>,
    pub(super) sort: Option<String>,
}

impl Filter {
    /// The store's query for it.
    pub(super) fn wanted(self) -> Answer<DirectoryQuery> {
        let link = self.link.as_deref().map(|word| {
            LinkState::parse(word).ok_or_else(|| {
                unprocessable(
                    "link",
                    format!("{word:?} is no link state; they are unlinked, linked, ambiguous, missing."),
                )
            })
        });
        let company = self
            .company
            .map(|id| id.parse())
            .transpose()
            .map_err(|error| unprocessable("company", format!("{error}.")))?;
        let order = match self.sort.as_deref() {
            None | Some("name") => Order::Name,
            Some("newest") => Order::Newest,
            Some(other) => return Err(unprocessable("sort", format!("{other:?} is no order; they are name, newest."))),
        };
        Ok(DirectoryQuery {
            search: self.q,
            link: link.transpose()?,
            company,
            shelf: if self.archived == Some(true) { Shelf::Archived } else { Shelf::InUse },
            order,
            ..DirectoryQuery::default()
        })
    }
}

impl DirectoryList {
    /// The store's query for it, and the paging.
    pub(crate) fn wanted(self) -> Answer<(DirectoryQuery, Paging)> {
        let paging = Paging { limit: self.limit, after: self.after };
        let filter =
            Filter { q: self.q, link: self.link, company: self.company, archived: self.archived, sort: self.sort };
        let wanted = DirectoryQuery { after: paging.after()?, limit: paging.limit() + 1, ..filter.wanted()? };
        Ok((wanted, paging))
    }
}

/// Where a record stands in a list of that order.
pub(crate) fn place(order: Order, name: &str, created: Time, id: &impl ToString) -> (String, String) {
    let key = match order {
        Order::Name => name_key(name),
        Order::Newest => created.0.to_string(),
    };
    (key, id.to_string())
}

/// Archives a record or takes it back, where a change says so.
async fn shelve(app: &App, by: &Technician, kind: Kind, id: &str, archived: Option<bool>) -> Answer<()> {
    match archived {
        Some(true) => Ok(app.archive(by, kind, id).await?),
        Some(false) => Ok(app.restore(by, kind, id).await?),
        None => Ok(()),
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompanyIn {
    /// Its name.
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompanyChange {
    /// A new name; the name before is kept for endpoints that still enrol under it.
    name: Option<String>,
    /// True puts the company aside with all that belongs to it, false takes it back.
    archived: Option<bool>,
}

/// Companies that the caller may see.
#[utoipa::path(get, path = "/api/v1/companies", tag = "directory", params(DirectoryList),
    responses((status = 200, body = Page<CompanyOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list_companies(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<DirectoryList>,
) -> Answer<Json<Page<CompanyOut>>> {
    let (wanted, paging) = query.wanted()?;
    let order = wanted.order;
    let rows = shared.app.companies(by.technician(), &wanted).await?;
    Ok(Json(paging.page(
        rows,
        |row| place(order, &row.company.name, row.company.created_at, &row.company.id),
        CompanyOut::from,
    )))
}

/// Creates a company. It is looked for among the customers of the ticketing system by its name.
#[utoipa::path(post, path = "/api/v1/companies", tag = "directory", request_body = CompanyIn,
    responses((status = 201, body = CompanyOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create_company(
    State(shared): State<Shared>,
    by: By,
    Body(body): Body<CompanyIn>,
) -> Answer<(StatusCode, Json<CompanyOut>)> {
    let row = shared.app.create_company(by.technician(), &body.name).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// One company.
#[utoipa::path(get, path = "/api/v1/companies/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = CompanyOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read_company(State(shared): State<Shared>, by: By, Id(id): Id<CompanyId>) -> Answer<Json<CompanyOut>> {
    Ok(Json(shared.app.company(by.technician(), &id).await?.into()))
}

/// Renames a company, archives or restores it. Its link holds: it is by id.
#[utoipa::path(patch, path = "/api/v1/companies/{id}", tag = "directory", params(("id" = String, Path)), request_body = CompanyChange,
    responses((status = 200, body = CompanyOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn change_company(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<CompanyId>,
    Body(body): Body<CompanyChange>,
) -> Answer<Json<CompanyOut>> {
    shelve(&shared.app, by.technician(), Kind::Company, id.as_str(), body.archived).await?;
    let row = match body.name {
        Some(name) => shared.app.rename_company(by.technician(), &id, &name).await?,
        None => shared.app.company(by.technician(), &id).await?,
    };
    Ok(Json(row.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LocationIn {
    /// Its company.
    company_id: String,
    /// Its name.
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LocationChange {
    /// A new name.
    name: Option<String>,
    /// True puts it aside (not while computers stand there), false takes it back.
    archived: Option<bool>,
}

/// Locations that the caller may see.
#[utoipa::path(get, path = "/api/v1/locations", tag = "directory", params(DirectoryList),
    responses((status = 200, body = Page<LocationOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list_locations(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<DirectoryList>,
) -> Answer<Json<Page<LocationOut>>> {
    let (wanted, paging) = query.wanted()?;
    let order = wanted.order;
    let rows = shared.app.locations(by.technician(), &wanted).await?;
    Ok(Json(paging.page(
        rows,
        |row| place(order, &row.location.name, row.location.created_at, &row.location.id),
        LocationOut::from,
    )))
}

/// Creates a location.
#[utoipa::path(post, path = "/api/v1/locations", tag = "directory", request_body = LocationIn,
    responses((status = 201, body = LocationOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create_location(
    State(shared): State<Shared>,
    by: By,
    Body(body): Body<LocationIn>,
) -> Answer<(StatusCode, Json<LocationOut>)> {
    let company: CompanyId =
        body.company_id.parse().map_err(|error| unprocessable("company_id", format!("{error}.")))?;
    let row = shared.app.create_location(by.technician(), &company, &body.name).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

/// One location.
#[utoipa::path(get, path = "/api/v1/locations/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = LocationOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read_location(State(shared): State<Shared>, by: By, Id(id): Id<LocationId>) -> Answer<Json<LocationOut>> {
    Ok(Json(shared.app.location(by.technician(), &id).await?.into()))
}

/// Renames a location, archives or restores it.
#[utoipa::path(patch, path = "/api/v1/locations/{id}", tag = "directory", params(("id" = String, Path)), request_body = LocationChange,
    responses((status = 200, body = LocationOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn change_location(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<LocationId>,
    Body(body): Body<LocationChange>,
) -> Answer<Json<LocationOut>> {
    shelve(&shared.app, by.technician(), Kind::Location, id.as_str(), body.archived).await?;
    let row = match body.name {
        Some(name) => shared.app.rename_location(by.technician(), &id, &name).await?,
        None => shared.app.location(by.technician(), &id).await?,
    };
    Ok(Json(row.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ComputerChange {
    /// A new name.
    name: Option<String>,
    /// Another location of the same company.
    location_id: Option<String>,
    /// True puts the computer aside: it can ask for nothing any more. False takes it back.
    archived: Option<bool>,
}

/// Computers that the caller may see.
#[utoipa::path(get, path = "/api/v1/computers", tag = "directory", params(DirectoryList),
    responses((status = 200, body = Page<ComputerOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list_computers(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<DirectoryList>,
) -> Answer<Json<Page<ComputerOut>>> {
    let (wanted, paging) = query.wanted()?;
    let order = wanted.order;
    let rows = shared.app.computers(by.technician(), &wanted).await?;
    Ok(Json(paging.page(
        rows,
        |row| place(order, &row.computer.name, row.computer.created_at, &row.computer.id),
        ComputerOut::from,
    )))
}

/// One computer.
#[utoipa::path(get, path = "/api/v1/computers/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = ComputerOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read_computer(State(shared): State<Shared>, by: By, Id(id): Id<ComputerId>) -> Answer<Json<ComputerOut>> {
    Ok(Json(shared.app.computer(by.technician(), &id).await?.into()))
}

/// Renames a computer, moves it to another location of its company, archives or restores it.
#[utoipa::path(patch, path = "/api/v1/computers/{id}", tag = "directory", params(("id" = String, Path)), request_body = ComputerChange,
    responses((status = 200, body = ComputerOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn change_computer(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<ComputerId>,
    Body(body): Body<ComputerChange>,
) -> Answer<Json<ComputerOut>> {
    let location: Option<LocationId> = body
        .location_id
        .map(|id| id.parse())
        .transpose()
        .map_err(|error| unprocessable("location_id", format!("{error}.")))?;
    shelve(&shared.app, by.technician(), Kind::Computer, id.as_str(), body.archived).await?;
    let row = if body.name.is_some() || location.is_some() {
        shared.app.change_computer(by.technician(), &id, body.name.as_deref(), location.as_ref()).await?
    } else {
        shared.app.computer(by.technician(), &id).await?
    };
    Ok(Json(row.into()))
}

/// Confirms that a held enrolment is the computer itself. Its credential before ends.
#[utoipa::path(post, path = "/api/v1/computers/{id}/confirm", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = ComputerOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn confirm_computer(State(shared): State<Shared>, by: By, Id(id): Id<ComputerId>) -> Answer<Json<ComputerOut>> {
    shared.app.confirm_held(by.technician(), &id).await?;
    Ok(Json(shared.app.computer(by.technician(), &id).await?.into()))
}

/// Contacts that the caller may see.
#[utoipa::path(get, path = "/api/v1/contacts", tag = "directory", params(DirectoryList),
    responses((status = 200, body = Page<ContactOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list_contacts(
    State(shared): State<Shared>,
    by: By,
    Query(query): Query<DirectoryList>,
) -> Answer<Json<Page<ContactOut>>> {
    let (wanted, paging) = query.wanted()?;
    let order = wanted.order;
    let rows = shared.app.contacts(by.technician(), &wanted).await?;
    Ok(Json(paging.page(
        rows,
        |row| place(order, &row.contact.name, row.contact.created_at, &row.contact.id),
        ContactOut::from,
    )))
}

/// One contact.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = ContactOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read_contact(State(shared): State<Shared>, by: By, Id(id): Id<ContactId>) -> Answer<Json<ContactOut>> {
    Ok(Json(shared.app.contact(by.technician(), &id).await?.into()))
}
