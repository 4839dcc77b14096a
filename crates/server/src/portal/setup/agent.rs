//! Steps 1 and 2: what to set up in Halo, as a list to tick and as drawings to follow.
//!
//! Called by the router of the set-up. The decision a reader would undo: going on needs no tick. The list helps a person
//! who stands in Halo; whether the rights are there is told by the live check alone.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use countersign_app::App;
use countersign_app::setup::Step;

use super::{Shell, shell, to};
use crate::portal::form::Signed;
use crate::portal::text::Text;
use crate::portal::view::setup::{AgentPage, ApplicationPage, Group, Item};
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html};

/// What to set in Halo, by the screen it stands on.
pub(super) const LIST: [(&str, &[&str]); 5] = [
    ("agent", &["api-only", "default-team"]),
    ("team", &["can-be-assigned", "sees-unassigned", "sees-others"]),
    ("department", &["membership"]),
    ("features", &["tickets-level", "client-level", "assets-level"]),
    (
        "tickets",
        &[
            "add-tickets",
            "view-unassigned",
            "view-others",
            "re-assign",
            "assign-other-teams",
            "edit-others",
            "update-outside",
        ],
    ),
];

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Page {
    let (frame, steps) = match shell(&app, &visitor, Step::Agent).await? {
        Shell::Edits(frame, steps) => (*frame, steps),
        Shell::Reads(page) => return Ok(page),
    };
    let ticked = app.setup_progress().await?.ticked;
    let groups = LIST.into_iter().map(|(id, items)| Group {
        id,
        items: items.iter().map(|&id| Item { id, ticked: ticked.contains(id) }).collect(),
    });
    Ok(html(&AgentPage { text: Text::default(), frame, steps, groups: groups.collect() }))
}

async fn keep(app: &App, form: &Signed) -> Result<(), Refused> {
    let known = |id: &String| LIST.iter().any(|(_, items)| items.contains(&id.as_str()));
    let ticked = form.fields.all("tick").into_iter().filter(known).collect();
    Ok(app.tick(&form.visitor.technician, ticked).await?)
}

/// Keeps the ticks as they are set.
pub(super) async fn ticks(State(app): State<App>, form: Signed) -> Page {
    keep(&app, &form).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn go_on(State(app): State<App>, form: Signed) -> Page {
    keep(&app, &form).await?;
    app.pass_step(&form.visitor.technician, Step::Agent).await?;
    Ok(to(Step::Application))
}

pub(super) async fn application(State(app): State<App>, visitor: Visitor) -> Page {
    match shell(&app, &visitor, Step::Application).await? {
        Shell::Edits(frame, steps) => Ok(html(&ApplicationPage { text: Text::default(), frame: *frame, steps })),
        Shell::Reads(page) => Ok(page),
    }
}

pub(super) async fn application_read(State(app): State<App>, form: Signed) -> Page {
    app.pass_step(&form.visitor.technician, Step::Application).await?;
    Ok(to(Step::Connection))
}
