//! Step 4: the live check, each line as soon as it is known. Its lines also stand in step 7.
//!
//! Called by the router of the set-up.

use axum::extract::State;
use countersign_app::App;
use countersign_app::check::{CheckRun, Finished};
use countersign_app::setup::Step;

use super::{Shell, may_edit, script_to, shell, to};
use crate::portal::form::Signed;
use crate::portal::text::Text;
use crate::portal::ticketing::{line, told};
use crate::portal::view::frame::Tone;
use crate::portal::view::setup::{CheckPage, Lines};
use crate::portal::view::ticketing::{CheckLine, Switch};
use crate::portal::visitor::Visitor;
use crate::portal::{Page, html};

/// A run as a step shows it.
pub(super) fn lines_of(app: &App, caller: &Visitor, step: Step, run: &CheckRun) -> Lines {
    let text = Text::default();
    let lines = run.lines.iter().map(|one| match &one.told {
        Some(check) => line(check),
        None => CheckLine {
            word: text.t("check-word-checking"),
            tone: Tone::Accent,
            icon: "loader-2",
            title: one.title.clone(),
            seen: String::new(),
            fix: None,
            place: None,
        },
    });
    let left = run.lines.iter().filter(|line| line.told.is_none()).count();
    Lines {
        text,
        form_token: caller.form_token.clone().unwrap_or_default(),
        word: step.as_str(),
        told: told(app, lines),
        left: u64::try_from(left).unwrap_or_default(),
        running: if run.finished == Finished::Yes { Switch::Off } else { Switch::On },
        ticket: run.ticket.as_ref().map(|ticket| (ticket.id.clone(), ticket.url.clone())),
    }
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Page {
    let (frame, steps) = match shell(&app, &visitor, Step::Check).await? {
        Shell::Edits(frame, steps) => (*frame, steps),
        Shell::Reads(page) => return Ok(page),
    };
    let lines = app.check_run(&visitor.technician).map(|run| lines_of(&app, &visitor, Step::Check, &run));
    Ok(html(&CheckPage { text: Text::default(), frame, steps, lines }))
}

pub(super) async fn start(State(app): State<App>, form: Signed) -> Page {
    may_edit(&form.visitor)?;
    app.start_check(&form.visitor.technician, None).await?;
    Ok(to(Step::Check))
}

pub(super) async fn lines(State(app): State<App>, visitor: Visitor) -> Page {
    fragment(&app, &visitor, Step::Check)
}

/// The lines again; where this process has none, as after a restart, the page says how to begin.
pub(super) fn fragment(app: &App, caller: &Visitor, step: Step) -> Page {
    may_edit(caller)?;
    match app.check_run(&caller.technician) {
        Some(run) => Ok(html(&lines_of(app, caller, step, &run))),
        None => Ok(script_to(step)),
    }
}
