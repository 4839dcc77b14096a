//! What single companies have otherwise in their tickets.

use axum::{Json, extract::State};
use countersign_app::ticketing::CompanyView;
use countersign_domain::{id::CompanyId, role::Right};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::ticketing::{TicketFieldsOut, TicketingPatch, may};
use crate::http::{
    Shared,
    body::{Body, Id, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(read, change, inherit))
}

/// A company's settings as they hold for it.
#[derive(Debug, Serialize, ToSchema)]
struct CompanyTicketingOut {
    /// Which of them are its own; all others are the house's.
    own: Vec<&'static str>,
    #[serde(flatten)]
    tickets: TicketFieldsOut,
}

impl From<CompanyView> for CompanyTicketingOut {
    fn from(view: CompanyView) -> Self {
        Self { own: view.own, tickets: view.settings.into() }
    }
}

/// A company's ticketing settings, with the names of those that are its own.
#[utoipa::path(get, path = "/api/v1/companies/{id}/ticketing", tag = "ticketing", params(("id" = String, Path)),
    responses((status = 200, body = CompanyTicketingOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By, Id(id): Id<CompanyId>) -> Answer<Json<CompanyTicketingOut>> {
    shared.app.company(by.technician(), &id).await?;
    may(by.technician(), Right::ReadSettings)?;
    Ok(Json(shared.app.company_ticketing(by.technician(), &id).await?.into()))
}

/// Changes a company's settings: only what is named; what comes to be as the house has it is not kept apart. Connection,
/// budget and settle time are the house's.
#[utoipa::path(patch, path = "/api/v1/companies/{id}/ticketing", tag = "ticketing", params(("id" = String, Path)), request_body = TicketingPatch,
    responses((status = 200, body = CompanyTicketingOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 422, description = "Names the field and what is offered", body = Problem), (status = 502, body = Problem)))]
async fn change(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<CompanyId>,
    Body(body): Body<TicketingPatch>,
) -> Answer<Json<CompanyTicketingOut>> {
    shared.app.company(by.technician(), &id).await?;
    may(by.technician(), Right::EditSettings)?;
    let change = body.change(shared.app.ticketing_settings().budget);
    Ok(Json(shared.app.change_company_ticketing(by.technician(), &id, change, &[]).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct InheritQuery {
    /// This setting alone; left out takes all that is the company's own away.
    setting: Option<String>,
}

/// Takes away what a company has otherwise: the house's settings hold again.
#[utoipa::path(delete, path = "/api/v1/companies/{id}/ticketing", tag = "ticketing", params(("id" = String, Path), InheritQuery),
    responses((status = 200, body = CompanyTicketingOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn inherit(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<CompanyId>,
    Query(query): Query<InheritQuery>,
) -> Answer<Json<CompanyTicketingOut>> {
    shared.app.company(by.technician(), &id).await?;
    may(by.technician(), Right::EditSettings)?;
    Ok(Json(shared.app.inherit_ticketing(by.technician(), &id, query.setting.as_deref()).await?.into()))
}
