//! What every answer carries, and that every failure of the APIs is a problem document, whoever made it.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tracing::Instrument as _;

use crate::portal;

use super::{Shared, problem::Problem};

/// Scripts, styles and pictures from here alone; nothing inline.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// The page to try the API out sets styles from its script, and carries pictures in its style sheet.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const EVERYWHERE: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

fn is_docs(path: &str) -> bool {
    path.starts_with("/api/docs")
}

/// True for what programs call: there failures are problem documents.
pub(super) fn is_api(path: &str) -> bool {
    ["/api", "/agent", "/hooks"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Middleware: security headers. What a route sets itself stands.
pub(crate) async fn secure(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let policy = if is_docs(request.uri().path()) { DOCS_POLICY } else { POLICY };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    for (name, value) in EVERYWHERE {
        set(name, value);
    }
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::CACHE_CONTROL, "no-store");
    if shared.setup.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Middleware: failures under the APIs that no route of ours told become problem documents.
pub(crate) async fn problems(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let told = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if !failed || told || !is_api(&path) {
        return response;
    }
    let mut problem = plain(response.status(), &method, &path).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

fn plain(status: StatusCode, method: &Method, path: &str) -> Problem {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => {
            ("no_such_route", format!("There is nothing at {path}. /api/openapi.json lists what there is."))
        }
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", format!("{path} does not take {method}.")),
        StatusCode::GATEWAY_TIMEOUT => {
            ("too_slow", "The answer took too long; whether anything was kept is not known.".to_owned())
        }
        other => ("unusable", format!("The call cannot be used: {other}.")),
    };
    Problem::new(status, code, detail)
}

/// The answer for what no route takes.
pub(crate) async fn no_route(request: Request) -> Response {
    if is_api(request.uri().path()) {
        plain(StatusCode::NOT_FOUND, request.method(), request.uri().path()).into_response()
    } else {
        portal::Refused::NotFound.into_response()
    }
}

/// What a caller sees of a panic: that it happened, and that the log knows more.
#[expect(clippy::needless_pass_by_value, reason = "as the layer calls it")]
pub(crate) fn panicked(what: Box<dyn std::any::Any + Send>) -> Response {
    let text = what.downcast_ref::<String>().map(String::as_str).or_else(|| what.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("of no text"), "a route panicked");
    let detail = "The server made a mistake; nothing more of this call was done. The log says where.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

/// Middleware: a span and the counters of each call. They name the route, never the address itself: it may hold the
/// secret of a sign-in link or words that somebody searched for.
pub(crate) async fn observe(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |p| p.as_str().to_owned());
    let method = request.method().clone();
    let span = tracing::info_span!("call", %method, route);
    let clock = shared.app.clock();
    let began = clock.monotonic();
    let response = next.run(request).instrument(span.clone()).await;
    let took = clock.monotonic().saturating_sub(began);
    let status = response.status();
    span.in_scope(|| tracing::debug!(status = status.as_u16(), ms = took.as_secs_f64() * 1000.0, "answered"));
    let labels = [("method", method.to_string()), ("route", route), ("status", status.as_str().to_owned())];
    metrics::counter!("countersign_http_calls_total", &labels).increment(1);
    let [_, route, _] = labels;
    metrics::histogram!("countersign_http_seconds", "route" => route.1).record(took.as_secs_f64());
    response
}
