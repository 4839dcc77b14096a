//! Enrolment keys: made, listed, revoked. The whole key is told once.

use axum::{Json, extract::State, http::StatusCode};
use countersign_app::{EnrollmentKeyRow, enroll::KeyWish};
use countersign_domain::{id::EnrollmentKeyId, time::Time};
use countersign_wire::{enroll::EnrollmentKey, keys};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{page::Page, requests::unprocessable};
use crate::http::{
    Shared,
    body::{Body, Id},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

/// An enrolment key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct KeyOut {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// The company it is bound to; null is good for all.
    company_id: Option<String>,
    /// How often it can be used; null is without limit.
    max_uses: Option<i64>,
    /// How often it was used.
    uses: i64,
    /// Until when; null is without limit.
    expires_at: Option<String>,
    /// Known machines are not held.
    trusts_known_machines: bool,
    /// When it was revoked.
    revoked_at: Option<String>,
    /// When it was made.
    created_at: String,
}

impl From<EnrollmentKeyRow> for KeyOut {
    fn from(row: EnrollmentKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            company_id: row.company_id,
            max_uses: row.max_uses,
            uses: row.uses,
            expires_at: row.expires_at.map(|at| Time(at).rfc3339()),
            trusts_known_machines: row.trusts_known_machines != 0,
            revoked_at: row.revoked_at.map(|at| Time(at).rfc3339()),
            created_at: Time(row.created_at).rfc3339(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyIn {
    /// What it is for.
    #[serde(default)]
    name: String,
    /// The company it is bound to.
    company_id: Option<String>,
    /// Must be true for a key that is good for every company.
    #[serde(default)]
    any_company: bool,
    /// How often it can be used; left out is without limit.
    max_uses: Option<i64>,
    /// Until when, RFC 3339; left out is without limit.
    expires_at: Option<String>,
    /// A known machine that comes with it gets a new credential at once.
    #[serde(default)]
    trusts_known_machines: bool,
}

/// A new key. `enrollment_key` is told this once.
#[derive(Debug, Serialize, ToSchema)]
struct NewKeyOut {
    /// Its id.
    id: String,
    /// The whole key, for `countersign-agent enroll --key`.
    enrollment_key: String,
}

/// All enrolment keys, newest first.
#[utoipa::path(get, path = "/api/v1/enrollment-keys", tag = "enrolment",
    responses((status = 200, body = Page<KeyOut>), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn list(State(shared): State<Shared>, by: By) -> Answer<Json<Page<KeyOut>>> {
    let rows = shared.app.enrollment_keys(by.technician()).await?;
    Ok(Json(Page { items: rows.into_iter().map(KeyOut::from).collect(), next: None }))
}

/// Makes an enrolment key.
#[utoipa::path(post, path = "/api/v1/enrollment-keys", tag = "enrolment", request_body = KeyIn,
    responses((status = 201, body = NewKeyOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn make(State(shared): State<Shared>, by: By, Body(body): Body<KeyIn>) -> Answer<(StatusCode, Json<NewKeyOut>)> {
    let company = body
        .company_id
        .map(|id| id.parse())
        .transpose()
        .map_err(|error| unprocessable("company_id", format!("{error}.")))?;
    if company.is_none() && !body.any_company {
        return Err(unprocessable(
            "company_id",
            "A key is bound to a company: name company_id. For one that is good for every company say any_company: true.",
        ));
    }
    let expires_at = body
        .expires_at
        .map(|text| {
            Time::parse_rfc3339(&text)
                .ok_or_else(|| unprocessable("expires_at", format!("{text:?} is no time like 2026-12-31T18:00:00Z.")))
        })
        .transpose()?;
    let wish = KeyWish {
        name: body.name,
        company,
        max_uses: body.max_uses,
        expires_at,
        trusts_known_machines: body.trusts_known_machines,
    };
    let (id, secret) = shared.app.make_enrollment_key(by.technician(), wish).await?;
    let root_fingerprint = keys::fingerprint(&keys::public_of(&shared.app.keys().root));
    let enrollment_key = EnrollmentKey { secret, root_fingerprint }.to_string();
    Ok((StatusCode::CREATED, Json(NewKeyOut { id: id.to_string(), enrollment_key })))
}

/// Revokes an enrolment key. Computers that came with it stay.
#[utoipa::path(delete, path = "/api/v1/enrollment-keys/{id}", tag = "enrolment", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke(State(shared): State<Shared>, by: By, Id(id): Id<EnrollmentKeyId>) -> Answer<StatusCode> {
    shared.app.revoke_enrollment_key(by.technician(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
