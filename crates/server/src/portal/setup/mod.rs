//! The guided set-up of the ticketing system: eight steps from the agent in Halo to the first ticket.
//!
//! Each step is a page with one form; going on keeps what was typed and remembers the step, so that the set-up can be left
//! and taken up again. What runs in the background is shown by a fragment that asks for itself again; without the page's
//! script a form waits for the end. Not for: the settings in one form, which are `ticketing`'s. Called by the router.
//!
//! The decision a reader would undo: a step is never barred by the one before it, only by a missing connection. Whoever
//! comes back to change one thing goes straight to it.

mod agent;
mod check;
mod connection;
mod customers;
mod done;
mod test_ticket;
mod tickets;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use countersign_app::setup::{Progress, Step};
use countersign_app::{App, DirectoryQuery, Error};
use countersign_domain::role::{Right, Role};

use crate::http::Shared;

use super::form::Signed;
use super::text::Text;
use super::ticketing::may;
use super::view::frame::{Frame, Screen, Tone};
use super::view::setup::{Mark, ROOT, ReaderPage, Standing, Steps};
use super::visitor::Visitor;
use super::{Page, Refused, frame, html};

/// The routes of the set-up.
pub(super) fn router() -> Router<Shared> {
    let at = |path: &str| format!("{ROOT}{path}");
    Router::new()
        .route(ROOT, get(enter))
        .route(&at("/agent"), get(agent::page).post(agent::go_on))
        .route(&at("/agent/ticks"), post(agent::ticks))
        .route(&at("/application"), get(agent::application).post(agent::application_read))
        .route(&at("/connection"), get(connection::page).post(connection::save))
        .route(&at("/connection/find"), post(connection::find))
        .route(&at("/connection/progress"), get(connection::progress))
        .route(&at("/check"), get(check::page).post(check::start))
        .route(&at("/check/lines"), get(check::lines))
        .route(&at("/check/pass"), post(|app, form| pass(Step::Check, app, form)))
        .route(&at("/tickets"), get(tickets::page).post(tickets::save))
        .route(&at("/tickets/fields"), post(tickets::fields))
        .route(&at("/customers"), get(customers::page))
        .route(&at("/customers/list"), get(customers::list))
        .route(&at("/customers/import"), post(customers::import))
        .route(&at("/customers/link"), post(customers::link))
        .route(&at("/customers/sync"), post(customers::sync))
        .route(&at("/customers/progress"), get(customers::progress))
        .route(&at("/customers/pass"), post(|app, form| pass(Step::Customers, app, form)))
        .route(&at("/test"), get(test_ticket::page).post(test_ticket::start))
        .route(&at("/test/customers"), post(test_ticket::customers))
        .route(&at("/test/lines"), get(test_ticket::lines))
        .route(&at("/test/pass"), post(|app, form| pass(Step::Test, app, form)))
        .route(&at("/done"), get(done::page).post(done::finish))
        .route(&at("/done/key"), post(done::key))
}

fn address(step: Step) -> String {
    format!("{ROOT}/{}", step.as_str())
}

fn to(step: Step) -> Response {
    Redirect::to(&address(step)).into_response()
}

/// The answer to the page's script, which goes to another page by itself.
fn script_to(step: Step) -> Response {
    ([("hx-redirect", address(step))], "").into_response()
}

fn is_script(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// Leads to where the set-up was left; one that is over begins at its first step.
async fn enter(State(app): State<App>, visitor: Visitor) -> Page {
    may(&visitor, Right::ReadSettings)?;
    let progress = app.setup_progress().await?;
    Ok(to(if progress.is_over() { Step::Agent } else { progress.here() }))
}

/// Goes on from a step that keeps nothing of its own.
async fn pass(step: Step, State(app): State<App>, form: Signed) -> Page {
    app.pass_step(&form.visitor.technician, step).await?;
    Ok(to(step.next()))
}

fn may_edit(caller: &Visitor) -> Result<(), Refused> {
    may(caller, Right::EditSettings)
}

/// What stands round a step's page, for who may change settings; the page that says who may, for who reads them.
enum Shell {
    Edits(Box<Frame>, Steps),
    Reads(Response),
}

/// Opens a step's page.
async fn shell(app: &App, caller: &Visitor, step: Step) -> Result<Shell, Refused> {
    may(caller, Right::ReadSettings)?;
    let text = Text::default();
    let steps = steps(app, &app.setup_progress().await?, step);
    let frame = frame(app, caller, Screen::Ticketing, text.t(steps.title_key())).await?;
    if caller.technician.may(Right::EditSettings) {
        return Ok(Shell::Edits(Box::new(frame), steps));
    }
    let everybody = DirectoryQuery { limit: 1000, ..DirectoryQuery::default() };
    let people = app.technicians(&caller.technician, &everybody).await?;
    let administrators = people
        .into_iter()
        .filter(|row| row.technician.role == Role::Administrator && !row.technician.disabled)
        .map(|row| row.technician.name)
        .collect();
    Ok(Shell::Reads(html(&ReaderPage { text, frame, steps, administrators })))
}

fn steps(app: &App, progress: &Progress, here: Step) -> Steps {
    let connected = app.ticketing().settings.connection.is_some();
    let marks = Step::ALL.into_iter().enumerate().map(|(at, step)| Mark {
        word: step.as_str(),
        number: at + 1,
        standing: match step {
            step if progress.passed.contains(&step) => Standing::Passed,
            Step::Agent | Step::Application | Step::Connection => Standing::Open,
            _ if connected => Standing::Open,
            _ => Standing::Closed,
        },
        here: step == here,
    });
    Steps { marks: marks.collect(), word: here.as_str(), said: None }
}

/// A sentence over the step, where there is one to say.
fn saying(steps: Steps, tone: Tone, said: Option<String>) -> Steps {
    Steps { said: said.map(|said| (tone, said)), ..steps }
}

/// A failure that a page shows in its own place: the field it is about, and its sentence. What is no failure of the
/// caller's or of Halo's goes on up.
fn told(error: Error) -> Result<(Option<&'static str>, String), Refused> {
    match error {
        Error::Invalid { field, sentence, .. } => Ok((field, sentence)),
        Error::Psa(_) | Error::NotConnected | Error::Conflict { .. } | Error::NotFound(_) | Error::NoRecord { .. } => {
            Ok((None, error.to_string()))
        }
        other => Err(other.into()),
    }
}
