//! All routes of the server with what lies around them, and the document that describes them.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::get,
};
use countersign_domain::role::Access;
use countersign_store::Store;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate as _, SizeAbove},
    },
    decompression::DecompressionLayer,
    timeout::TimeoutLayer,
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    api, endpoint_api, hooks,
    http::{
        Shared, headers,
        limits::{LONGEST, Limits, MAX_BODY, MAX_LIST, MAX_LIST_FORM, bodies_up_to, limit},
        problem::{Answer, Problem},
    },
    portal, telemetry,
};

/// Answers below this size are sent as they are.
const COMPRESSED_FROM: u64 = 1024;
const DOCUMENT: &str = "/api/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countersign",
        description = "Elevation requests: asked by endpoints, decided by technicians, told to the ticketing system.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    security(("technician" = []), ("computer" = [])),
    modifiers(&Credentials)
)]
struct Document;

/// Who calls which half of the API, and by what.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = |words: &str| {
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(words)).build())
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("technician", bearer("A technician's API token, for /api/v1"));
        components.add_security_scheme("computer", bearer("A computer's credential from its enrolment, for /agent/v1"));
    }
}

/// The OpenAPI document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.merge(api::router().into_openapi());
    document.merge(api::lists_in().into_openapi());
    document.merge(endpoint_api::router().into_openapi());
    document
}

/// All routes of a server.
pub(crate) fn router(shared: &Shared, limits: Arc<Limits>, store: Store) -> Router {
    let document = Arc::new(document());
    let told = get(move || {
        let document = document.clone();
        async move { Json(&*document).into_response() }
    });
    let to_try = SwaggerUi::new("/api/docs").config(utoipa_swagger_ui::Config::from(DOCUMENT));
    // It answers with gzip whoever asks; what follows looks at what its caller takes.
    let to_try = Router::from(to_try).route_layer(DecompressionLayer::new());
    // Event streams are never compressed: they would stand still until enough has gathered.
    let gzip = CompressionLayer::new().compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESSED_FROM)));
    let people = Router::new()
        .merge(api::router().split_for_parts().0)
        .route(DOCUMENT, told)
        .merge(to_try)
        .merge(portal::router());
    let lists = bodies_up_to(MAX_LIST, api::lists_in().split_for_parts().0)
        .merge(bodies_up_to(MAX_LIST_FORM, portal::lists_in()));
    let people = bodies_up_to(MAX_BODY, people).merge(lists).layer(gzip);
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(shared.clone(), headers::observe))
        .layer(from_fn_with_state(shared.clone(), headers::secure))
        .layer(from_fn(headers::problems))
        .layer(from_fn_with_state(limits, limit))
        .layer(CatchPanicLayer::custom(headers::panicked))
        // Until the answer begins: a stream of events goes on for as long as it is listened to.
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LONGEST));
    Router::new()
        .merge(people)
        .merge(bodies_up_to(MAX_BODY, endpoint_api::router().split_for_parts().0))
        .merge(bodies_up_to(MAX_BODY, hooks::router()))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(move |State(shared): State<Shared>| metrics(shared, store.clone())))
        .fallback(headers::no_route)
        .layer(layers)
        .with_state(shared.clone())
}

async fn ready(State(shared): State<Shared>) -> Answer<&'static str> {
    shared.app.ready().await?;
    Ok("ready")
}

/// The metrics as Prometheus reads them; what is a state and no event is read now.
async fn metrics(shared: Shared, store: Store) -> Answer<impl IntoResponse> {
    let failed = |error: anyhow::Error| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_metrics", format!("The metrics cannot be read: {error}."))
    };
    let recorder = telemetry::metrics().map_err(failed)?;
    let counts = store.counts(&Access::All).await.map_err(countersign_app::Error::from)?;
    let states = [
        ("countersign_requests_pending", counts.pending),
        ("countersign_steps_waiting", counts.waiting_steps),
        ("countersign_steps_attention", counts.attention_steps),
        ("countersign_steps_unlinked", counts.parked_steps),
        ("countersign_psa_calls_in_window", u64::try_from(shared.app.budget().used()).unwrap_or(u64::MAX)),
    ];
    for (name, count) in states {
        metrics::gauge!(name).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }
    let allowed = shared.app.budget().allowed().map_or(f64::INFINITY, f64::from);
    metrics::gauge!("countersign_psa_calls_allowed").set(allowed);
    for (priority, waiting) in ["decision", "create", "sync"].into_iter().zip(shared.app.budget().waiting()) {
        let waiting = f64::from(u32::try_from(waiting).unwrap_or(u32::MAX));
        metrics::gauge!("countersign_psa_calls_waiting", "priority" => priority).set(waiting);
    }
    if let Some(bytes) = telemetry::resident_bytes() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Some(files) = telemetry::open_files() {
        metrics::gauge!("process_open_fds").set(f64::from(u32::try_from(files).unwrap_or(u32::MAX)));
    }
    recorder.run_upkeep();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()))
}
