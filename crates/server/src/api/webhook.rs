//! Halo's webhook: making its secret, and taking it away.

use axum::{Json, extract::State, http::StatusCode};
use countersign_app::hook::{Basic, HookState};
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
    OpenApiRouter::new().routes(routes!(read, make, revoke))
}

/// Whether the ticketing system may wake this server. The secret never comes back.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookState {
    /// There is a secret.
    set: bool,
    /// When it was made.
    made_at: Option<String>,
    /// A user and password are wanted, too.
    basic: bool,
}

impl From<Option<HookState>> for WebhookState {
    fn from(state: Option<HookState>) -> Self {
        Self {
            set: state.is_some(),
            made_at: state.map(|state| state.made_at.rfc3339()),
            basic: state.is_some_and(|state| state.basic == Basic::On),
        }
    }
}

/// Whether there is a webhook.
#[utoipa::path(get, path = "/api/v1/ticketing/webhook", tag = "ticketing",
    responses((status = 200, body = WebhookState), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By) -> Answer<Json<WebhookState>> {
    Ok(Json(shared.app.halo_webhook(by.technician()).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MakeIn {
    /// Make a user and password too, which Halo sends with HTTP Basic.
    #[serde(default)]
    basic: bool,
}

/// What to type in Halo. Shown once.
#[derive(Debug, Serialize, ToSchema)]
struct MadeOut {
    /// The payload address, with the secret in it.
    url: String,
    /// User for HTTP Basic.
    user: Option<String>,
    /// Password for HTTP Basic.
    password: Option<String>,
}

/// Makes the webhook's secret. One that was made before is good for nothing any more.
#[utoipa::path(post, path = "/api/v1/ticketing/webhook", tag = "ticketing", request_body = MakeIn,
    responses((status = 201, body = MadeOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn make(State(shared): State<Shared>, by: By, Body(body): Body<MakeIn>) -> Answer<(StatusCode, Json<MadeOut>)> {
    let basic = if body.basic { Basic::On } else { Basic::Off };
    let made = shared.app.make_halo_webhook(by.technician(), basic).await?;
    let (user, password) = made.basic.unzip();
    Ok((StatusCode::CREATED, Json(MadeOut { url: made.url, user, password })))
}

/// Takes the webhook's secret away.
#[utoipa::path(delete, path = "/api/v1/ticketing/webhook", tag = "ticketing",
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn revoke(State(shared): State<Shared>, by: By) -> Answer<StatusCode> {
    shared.app.revoke_halo_webhook(by.technician()).await?;
    Ok(StatusCode::NO_CONTENT)
}
