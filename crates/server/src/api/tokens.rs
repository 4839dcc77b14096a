//! API tokens: made, listed, revoked. A token is told once.

use axum::{Json, extract::State, http::StatusCode};
use countersign_app::TokenRow;
use countersign_domain::{id::TokenId, time::Time};
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

/// A token, without itself.
#[derive(Debug, Serialize, ToSchema)]
struct TokenOut {
    /// Its id.
    id: String,
    /// Whose.
    technician_id: String,
    /// What it is for.
    name: String,
    /// It may decide.
    may_decide: bool,
    /// Until when; null is without limit.
    expires_at: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
    /// When it was made.
    created_at: String,
}

impl From<TokenRow> for TokenOut {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            technician_id: row.technician_id,
            name: row.name,
            may_decide: row.may_decide != 0,
            expires_at: row.expires_at.map(|at| Time(at).rfc3339()),
            revoked_at: row.revoked_at.map(|at| Time(at).rfc3339()),
            created_at: Time(row.created_at).rfc3339(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenIn {
    /// What it is for.
    name: String,
    /// Whose; left out is the caller's own.
    technician_id: Option<String>,
    /// It may decide. Only a caller who may decide can make such a token.
    #[serde(default)]
    decide: bool,
}

/// A new token, told this once.
#[derive(Debug, Serialize, ToSchema)]
struct NewTokenOut {
    /// Its id.
    id: String,
    /// The token, for `Authorization: Bearer`.
    token: String,
}

/// The caller's tokens; an administrator sees all.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "people", responses((status = 200, body = Page<TokenOut>), (status = 401, body = Problem)))]
async fn list(State(shared): State<Shared>, by: By) -> Answer<Json<Page<TokenOut>>> {
    let rows = shared.app.tokens(by.technician()).await?;
    Ok(Json(Page { items: rows.into_iter().map(TokenOut::from).collect(), next: None }))
}

/// Makes a token.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "people", request_body = TokenIn,
    responses((status = 201, body = NewTokenOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn make(
    State(shared): State<Shared>,
    by: By,
    Body(body): Body<TokenIn>,
) -> Answer<(StatusCode, Json<NewTokenOut>)> {
    let owner = match body.technician_id {
        None => by.technician().id.clone(),
        Some(id) => id.parse().map_err(|error| unprocessable("technician_id", format!("{error}.")))?,
    };
    let (id, token) = shared.app.make_token_for(&by.0, &owner, &body.name, body.decide).await?;
    Ok((StatusCode::CREATED, Json(NewTokenOut { id: id.to_string(), token })))
}

/// Revokes a token.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn revoke(State(shared): State<Shared>, by: By, Id(id): Id<TokenId>) -> Answer<StatusCode> {
    shared.app.revoke_token(by.technician(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
