//! How many requests a computer and a company may bring within ten minutes.

use axum::{Json, extract::State};
use countersign_app::caps::{Caps, Change, WINDOW_S};
use countersign_domain::role::Right;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{given, ticketing::may};
use crate::http::{
    Shared,
    body::Body,
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(read, change))
}

/// The caps. What joins a pending request does not count.
#[derive(Debug, Serialize, ToSchema)]
struct CapsOut {
    /// The most requests of one computer; null is no cap.
    per_computer: Option<u32>,
    /// The most requests of all computers of one company; null is no cap.
    per_company: Option<u32>,
    /// Within so many seconds.
    window_s: i64,
}

impl From<Caps> for CapsOut {
    fn from(caps: Caps) -> Self {
        Self { per_computer: caps.per_computer, per_company: caps.per_company, window_s: WINDOW_S }
    }
}

/// A change: only what is named changes; null takes a cap away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CapsPatch {
    /// The most requests of one computer within ten minutes, 1 to 100000.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    per_computer: Option<Option<u32>>,
    /// The most requests of one company within ten minutes, 1 to 100000.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    per_company: Option<Option<u32>>,
}

/// The most requests that a computer and a company may bring within ten minutes.
#[utoipa::path(get, path = "/api/v1/caps", tag = "requests",
    responses((status = 200, body = CapsOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By) -> Answer<Json<CapsOut>> {
    may(by.technician(), Right::ReadSettings)?;
    Ok(Json(shared.app.caps().into()))
}

/// Changes the caps.
#[utoipa::path(patch, path = "/api/v1/caps", tag = "requests", request_body = CapsPatch,
    responses((status = 200, body = CapsOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn change(State(shared): State<Shared>, by: By, Body(body): Body<CapsPatch>) -> Answer<Json<CapsOut>> {
    let change = Change { per_computer: body.per_computer, per_company: body.per_company };
    Ok(Json(shared.app.change_caps(by.technician(), change).await?.into()))
}
