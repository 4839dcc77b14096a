//! The portal: the pages on which people decide, look things up, link records and set the ticketing system up.
//!
//! Each route calls one use case of `app`, turns what it tells into a [`view`], and answers HTML: a whole page, or the
//! fragment that the page's script asked for. Not for: the API, which answers JSON and takes tokens. Called by the
//! server's router.
//!
//! The decision a reader would undo: every page works as plain links and forms; htmx only spares the reload.

mod alerts;
mod approvals;
mod assets;
mod attach;
mod caps;
mod directory;
mod events;
mod form;
mod requests;
mod setup;
mod sign_in;
mod steps;
mod story;
mod sync;
mod text;
mod ticket_settings;
mod ticketing;
mod view;
mod visitor;
mod webhook;
mod words;

#[cfg(test)]
mod tests;

use askama::Template;
use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use countersign_app::{App, Error};
use countersign_domain::role::Right;

use crate::http::Shared;
use text::Text;
use view::frame::{Banner, Connection, Frame, Person, Screen, Settings, Tone, Unlinked};
use view::problem::{Problem, ProblemPage};
use visitor::Visitor;

impl FromRef<Shared> for App {
    fn from_ref(shared: &Shared) -> Self {
        shared.app.clone()
    }
}

/// The portal's routes.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/portal/approvals") }))
        .route("/portal", get(|| async { Redirect::to("/portal/approvals") }))
        .route("/assets/{*file}", get(assets::file))
        .route("/sign-in", get(sign_in::without_link).post(sign_in::sign_in))
        .route("/sign-in/{secret}", get(sign_in::with_link))
        .route("/portal/sign-out", post(sign_in::sign_out))
        .route("/portal/events", get(events::events))
        .route("/portal/approvals", get(approvals::page))
        .route("/portal/approvals/queue", get(approvals::queue))
        .route("/portal/approvals/{id}", get(approvals::page_with))
        .route("/portal/approvals/{id}/pane", get(approvals::pane))
        .route("/portal/approvals/{id}/bar", get(approvals::bar))
        .route("/portal/requests", get(requests::list))
        .route("/portal/requests/{id}", get(requests::one))
        .route("/portal/requests/{id}/decision", post(approvals::decide))
        .route("/portal/requests/{id}/attach", get(attach::page).post(attach::save))
        .route("/portal/requests/{id}/revoke", post(requests::revoke))
        .route("/portal/enrollment-keys", post(approvals::make_key))
        .route("/portal/settings/ticketing", get(ticketing::page).post(ticketing::save))
        .route("/portal/settings/ticketing/check", post(ticketing::check))
        .route("/portal/sync", get(sync::part).post(sync::ask))
        .route("/portal/settings/ticketing/webhook", get(webhook::page).post(webhook::save))
        .route("/portal/settings/ticketing/webhook/secret", post(webhook::make))
        .route("/portal/settings/ticketing/webhook/revoke", post(webhook::revoke))
        .route("/portal/steps", get(steps::page))
        .route("/portal/steps/retry", post(steps::retry))
        .route("/portal/steps/{id}/give-up", post(steps::give_up))
        .route("/portal/steps/{id}/new-ticket", post(steps::new_ticket))
        .route("/portal/settings/alerts", get(alerts::page).post(alerts::save))
        .route("/portal/settings/caps", get(caps::page).post(caps::save))
        .route("/portal/settings/alerts/test", post(alerts::test))
        .merge(setup::router())
        .merge(ticket_settings::router())
        .merge(directory::router())
}

/// The portal's routes whose forms bring a whole list.
pub(crate) fn lists_in() -> Router<Shared> {
    directory::lists_in()
}

/// What a variable of the ticket texts is, in words. One text for page and API.
pub(crate) fn meaning(variable: &countersign_domain::variables::Variable) -> String {
    Text::default().t(format!("variable-{}", variable.name))
}

/// Why a page cannot be shown.
pub(crate) enum Refused {
    /// Nobody is signed in.
    SignIn,
    /// The form is older than the session.
    Stale,
    /// The form is larger than its route takes; who set the limit says so in words.
    TooLarge,
    /// The use case says no.
    App(Error),
    /// The address names nothing.
    NotFound,
}

impl Refused {
    /// The caller's role does not allow it.
    fn forbidden() -> Self {
        Self::App(Error::Forbidden { code: "forbidden", sentence: Text::default().t("problem-forbidden-text") })
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

/// Result of a route.
pub(crate) type Page = Result<Response, Refused>;

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (problem, sentence) = match self {
            // The script follows the header; a browser without it follows the redirect.
            Self::SignIn => {
                let mut response = Redirect::to("/sign-in").into_response();
                response
                    .headers_mut()
                    .insert(HeaderName::from_static("hx-redirect"), HeaderValue::from_static("/sign-in"));
                return response;
            }
            Self::TooLarge => (Problem::TooLarge, None),
            Self::Stale => (Problem::Stale, None),
            Self::NotFound | Self::App(Error::NotFound(_) | Error::NoRecord { .. }) => (Problem::NotFound, None),
            Self::App(Error::Forbidden { sentence, .. }) => (Problem::Forbidden, Some(sentence)),
            Self::App(
                error @ (Error::Invalid { .. }
                | Error::Conflict { .. }
                | Error::TooMany(_)
                | Error::AlreadyDecided(_)
                | Error::NotConnected
                | Error::Psa(_)),
            ) => (Problem::Refused, Some(error.to_string())),
            Self::App(error @ Error::Store(_)) => {
                tracing::error!(error = chain(&error), "a portal page met a failing database");
                (Problem::Unavailable, None)
            }
            Self::App(error @ Error::Sealed(_)) => {
                tracing::error!(error = chain(&error), "a portal page failed");
                (Problem::Internal, None)
            }
        };
        problem_page(problem, sentence)
    }
}

/// An error with everything behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// A page that says what is wrong. Also for the router's own failures, such as an unknown address.
pub(crate) fn problem_page(problem: Problem, sentence: Option<String>) -> Response {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    html_with(status, &ProblemPage { text: Text::default(), problem, sentence })
}

/// The page for a form of more than `max` bytes.
pub(crate) fn too_large(max: usize) -> Response {
    let sentence = Text::default().arg("problem-too-large-most", "size", format!("{} KiB", max / 1024));
    problem_page(Problem::TooLarge, Some(sentence))
}

/// A view as an answer.
fn html(view: &impl Template) -> Response {
    html_with(StatusCode::OK, view)
}

/// A view as an answer with another status.
fn html_with(status: StatusCode, view: &impl Template) -> Response {
    match view.render() {
        Ok(body) => {
            (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], body)
                .into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What surrounds a page, for this caller.
async fn frame(app: &App, caller: &Visitor, screen: Screen, title: String) -> Result<Frame, Refused> {
    let text = Text::default();
    let by = &caller.technician;
    let counts = app.counts(by).await?;
    let unlinked = app.unlinked(by).await?;
    let ticketing = app.ticketing();
    let connection = match (&ticketing.settings.connection, &ticketing.trouble) {
        (None, _) => Connection::NotSet,
        (Some(_), None) => Connection::Connected,
        (Some(_), Some(_)) => Connection::Failing,
    };
    let may_read = by.role.may(Right::ReadSettings);
    let gone: Vec<String> =
        ticketing.vanished.iter().map(|one| one.was.clone().unwrap_or_else(|| one.id.clone())).collect();
    let banner = match ticketing.trouble {
        Some(why) if may_read && connection == Connection::Failing => Some(Banner { tone: Tone::Warn, text: why }),
        _ if may_read && !gone.is_empty() => {
            Some(Banner { tone: Tone::Warn, text: text.arg("ts-gone-short", "what", gone.join(", ")) })
        }
        _ if caller.setup.demo => Some(Banner { tone: Tone::Info, text: text.t("demo-banner") }),
        _ => None,
    };
    Ok(Frame {
        screen,
        title,
        person: Person {
            name: by.name.clone(),
            initials: by.name.split_whitespace().filter_map(|part| part.chars().next()).take(2).collect(),
            role: text.t(format!("role-{}", by.role.as_str())),
        },
        connection,
        waiting: counts.pending,
        unlinked: Unlinked {
            companies: unlinked.companies,
            locations: unlinked.locations,
            computers: unlinked.computers,
            users: unlinked.technicians,
        },
        settings: if may_read { Settings::Shown } else { Settings::Hidden },
        attention: counts.attention_steps,
        banner,
        form_token: caller.form_token.clone().unwrap_or_default(),
        search: String::new(),
    })
}

/// A list's rows without the one that was fetched to see whether there are more, and that there are.
fn cut<T>(mut rows: Vec<T>, limit: usize) -> (Vec<T>, More) {
    let more = if rows.len() > limit { More::Yes } else { More::No };
    rows.truncate(limit);
    (rows, more)
}

/// Whether a list goes on after its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}
