//! `/agent/v1`: what endpoint agents call. Unknown fields are ignored, since newer endpoints meet older servers.
//!
//! Who asks comes from the credential, never from the body.

mod convert;

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use countersign_app::{App, enroll::Enrollment, sign_in};
use countersign_domain::{
    id::{ComputerId, RequestId},
    request::{Ending, Request, State as RequestState},
};
use countersign_wire::{
    Id as WireId, Not, Text,
    decision::{DecisionAnswer, MAX_WAIT_SECONDS, Outcome, OutcomeBody},
    enroll::{EnrollBody, Enrolled, EnrollmentKey, Held},
    keys::SignedKeySet,
    problem::code,
    request::{RequestAnswer, RequestBody},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    Shared,
    body::{Id, Query},
    caller::{Endpoint, bearer},
    problem::{Answer, Problem},
};

/// The routes of endpoints.
pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(enroll))
        .routes(routes!(ask, answer, withdraw))
        .routes(routes!(outcome))
        .routes(routes!(keys))
}

fn read<T: serde::de::DeserializeOwned>(body: &Bytes) -> Answer<T> {
    let read = countersign_wire::read(body).map_err(|refused| {
        let (status, code) = match refused.not {
            Not::Json => (StatusCode::BAD_REQUEST, "bad_json"),
            Not::Form => (StatusCode::UNPROCESSABLE_ENTITY, "bad_field"),
        };
        Problem::new(status, code, format!("The body cannot be used: {refused}.")).about(refused.field)
    })?;
    log_unknown::<T>(body);
    Ok(read)
}

/// Names what a newer endpoint sent and this server does not know, in the log of whoever looks for it.
fn log_unknown<T: serde::de::DeserializeOwned>(body: &Bytes) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let mut fields = Vec::new();
    let read: Result<T, _> = serde_ignored::deserialize(&mut serde_json::Deserializer::from_slice(body), |path| {
        fields.push(path.to_string());
    });
    if read.is_ok() && !fields.is_empty() {
        tracing::debug!(
            fields = fields.join(", "),
            "an endpoint sent fields that this server does not know; they are ignored"
        );
    }
}

fn wire_id(id: &str) -> Answer<WireId> {
    WireId::new(id).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "bad_id", format!("The id {id} cannot be told: {error}."))
    })
}

/// Enrols a computer: ties it to this server.
#[utoipa::path(post, path = "/agent/v1/enroll", tag = "endpoints", request_body = EnrollBody,
    responses((status = 201, description = "Enrolled; the credential is told once", body = Enrolled),
              (status = 202, description = "Known without its old credential: held until a technician confirms it", body = Held),
              (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn enroll(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Answer<Response> {
    let body: EnrollBody = read(&body)?;
    let refused = || {
        Problem::new(
            StatusCode::FORBIDDEN,
            code::BAD_ENROLLMENT_KEY,
            "The enrolment key is unknown, revoked, used up or out of time. Ask your administrator for a new one.",
        )
    };
    let key: EnrollmentKey = body.enrollment_key.as_str().parse().map_err(|_| refused())?;
    let text =
        |text: Option<&Text<{ countersign_wire::MAX_NAME }>>| text.map_or_else(String::new, |t| t.as_str().to_owned());
    let said = Enrollment {
        key_hash: sign_in::hash(&key.secret),
        company: body.company.to_string(),
        location: body.location.to_string(),
        name: body.computer.name.to_string(),
        os: text(body.computer.os.as_ref()),
        os_version: text(body.computer.os_version.as_ref()),
        machine_id: body.computer.machine_id.to_string(),
        agent_version: text(body.agent_version.as_ref()),
        old_credential_hash: bearer(&headers).map(sign_in::hash),
    };
    let enrolled = shared
        .app
        .enroll(said)
        .await
        .map_err(|error| if error.code() == "enrollment_key_refused" { refused() } else { error.into() })?;
    let computer_id = wire_id(enrolled.computer_id.as_str())?;
    if enrolled.held {
        return Ok((StatusCode::ACCEPTED, Json(Held { computer_id, held: true })).into_response());
    }
    let answer = Enrolled {
        computer_id,
        credential: enrolled.credential.as_str().try_into().map_err(|_| refused())?,
        root_key: convert::root_key(&shared.app),
        provider: shared.setup.provider.as_deref().map(Text::clipped),
    };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Asks for elevation. A repeat of the same id changes nothing and answers the same.
#[utoipa::path(put, path = "/agent/v1/requests/{id}", tag = "endpoints", params(("id" = String, Path, description = "`req_` and a UUID, made by the endpoint")),
    request_body = RequestBody,
    responses((status = 201, description = "On disk", body = RequestAnswer), (status = 200, description = "Was on disk before", body = RequestAnswer),
              (status = 401, body = Problem), (status = 404, description = "Another computer's id", body = Problem), (status = 422, body = Problem),
              (status = 429, description = "Too many from this computer or its company within ten minutes; `Retry-After` says when the next one fits", body = Problem)))]
async fn ask(
    State(shared): State<Shared>,
    Endpoint(computer): Endpoint,
    Id(id): Id<RequestId>,
    body: Bytes,
) -> Answer<Response> {
    let body: RequestBody = read(&body)?;
    let accepted = shared.app.submit(&computer, id.clone(), convert::asked(body)).await?;
    let (status, request, ticket) = match accepted {
        countersign_app::submit::Accepted::New(request) => (StatusCode::CREATED, *request, None),
        countersign_app::submit::Accepted::Repeat(_) => {
            let row = shared.app.own_row(&computer.computer.id, &id).await?;
            (StatusCode::OK, row.request, row.ticket.as_ref().and_then(convert::ticket))
        }
        countersign_app::submit::Accepted::TooMany(met) => return Err(countersign_app::Error::TooMany(met).into()),
    };
    let answer = RequestAnswer {
        id: wire_id(request.id.as_str())?,
        state: convert::state(request.state),
        joined_to: request.joined_to.as_ref().map(|id| wire_id(id.as_str())).transpose()?,
        ticket,
    };
    Ok((status, Json(answer)).into_response())
}

#[derive(Deserialize, utoipa::IntoParams)]
struct Wait {
    /// Seconds to wait for a decision, at most 55.
    #[serde(default)]
    wait: u16,
}

/// How a request stands: at once when decided, else after `wait` seconds.
#[utoipa::path(get, path = "/agent/v1/requests/{id}", tag = "endpoints", params(("id" = String, Path), Wait),
    responses((status = 200, body = DecisionAnswer), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn answer(
    State(shared): State<Shared>,
    Endpoint(computer): Endpoint,
    Id(id): Id<RequestId>,
    Query(wait): Query<Wait>,
) -> Answer<Json<DecisionAnswer>> {
    let app = &shared.app;
    let own = computer.computer.id.clone();
    let request = wait_for_decision(app, wait.wait.min(MAX_WAIT_SECONDS), &own, &id).await?;
    let row = app.own_row(&own, &id).await?;
    Ok(Json(DecisionAnswer {
        id: wire_id(request.id.as_str())?,
        state: convert::state(request.state),
        decision: request.decision.as_ref().map(convert::decision),
        grant: convert::grant(app, &request)?,
        ticket: row.ticket.as_ref().and_then(convert::ticket),
        expires_at: (request.state == RequestState::Pending).then(|| convert::time(request.expires_at)).flatten(),
    }))
}

/// Reads until the request is decided or the time is over. A wake is only a hint: the store is what counts.
async fn wait_for_decision(app: &App, seconds: u16, own: &ComputerId, id: &RequestId) -> Answer<Request> {
    let clock = app.clock();
    let until = clock.monotonic() + Duration::from_secs(u64::from(seconds));
    let waiter = app.wake().waiter(id);
    loop {
        let news = waiter.notified();
        let request = app.own_request(own, id).await?;
        let left = until.saturating_sub(clock.monotonic());
        if request.state != RequestState::Pending || left.is_zero() {
            return Ok(request);
        }
        tokio::select! {
            () = news => {}
            () = clock.sleep(left.min(app.patience())) => {}
        }
    }
}

/// Tells what became of a grant. `started` redeems it: nothing may start before the 2xx.
#[utoipa::path(put, path = "/agent/v1/requests/{id}/outcome", tag = "endpoints", params(("id" = String, Path)), request_body = OutcomeBody,
    responses((status = 200, body = StateAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
              (status = 409, description = "`already_used`, `revoked`, `expired`: nothing may start", body = Problem)))]
async fn outcome(
    State(shared): State<Shared>,
    Endpoint(computer): Endpoint,
    Id(id): Id<RequestId>,
    body: Bytes,
) -> Answer<Json<StateAnswer>> {
    let body: OutcomeBody = read(&body)?;
    let (app, own) = (&shared.app, &computer.computer.id);
    let request = match body.outcome {
        Outcome::Started => app.redeem(own, &id, body.use_id.map(String::from)).await?,
        Outcome::Finished => app.ended(own, &id, Ending::Finished, body.exit_code).await?,
        Outcome::Failed => app.ended(own, &id, Ending::Failed, body.exit_code).await?,
        Outcome::GivenUp => app.ended(own, &id, Ending::GivenUp, body.exit_code).await?,
    };
    Ok(Json(StateAnswer::of(&request)))
}

/// Takes a request back.
#[utoipa::path(delete, path = "/agent/v1/requests/{id}", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 200, body = StateAnswer), (status = 401, body = Problem), (status = 404, body = Problem),
              (status = 409, description = "Decided already", body = Problem)))]
async fn withdraw(
    State(shared): State<Shared>,
    Endpoint(computer): Endpoint,
    Id(id): Id<RequestId>,
) -> Answer<Json<StateAnswer>> {
    let request = shared.app.withdraw(&computer.computer.id, &id).await?;
    Ok(Json(StateAnswer::of(&request)))
}

/// The keys that grants are signed with, signed by the root key.
#[utoipa::path(get, path = "/agent/v1/keys", tag = "endpoints",
    responses((status = 200, body = SignedKeySet), (status = 401, body = Problem)))]
async fn keys(State(shared): State<Shared>, _: Endpoint) -> Answer<Json<SignedKeySet>> {
    Ok(Json(convert::key_set(&shared.app)?))
}

/// How a request stands after what the endpoint said.
#[derive(Serialize, utoipa::ToSchema)]
struct StateAnswer {
    /// The request's id, again.
    id: String,
    /// Where it stands.
    state: &'static str,
}

impl StateAnswer {
    fn of(request: &Request) -> Self {
        Self { id: request.id.to_string(), state: request.state.as_str() }
    }
}
