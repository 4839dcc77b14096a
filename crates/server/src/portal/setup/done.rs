//! Step 8: what is left to do, and the first computer.
//!
//! Called by the router of the set-up.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use countersign_app::setup::Step;
use countersign_app::{App, DirectoryQuery};

use super::{Shell, may_edit, shell};
use crate::portal::approvals::first_computers;
use crate::portal::form::Signed;
use crate::portal::text::Text;
use crate::portal::view::setup_lists::{DonePage, Left};
use crate::portal::view::ticketing::Switch;
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html};

async fn left(app: &App, caller: &Visitor) -> Result<Vec<Left>, Refused> {
    let text = Text::default();
    let counts = app.unlinked(&caller.technician).await?;
    let mut left = Vec::new();
    if app.ticketing().settings.ticket_type.is_none() {
        let sentence = text.t("done-no-type");
        left.push(Left { href: "/portal/settings/ticketing/setup/tickets", sentence, needed: Switch::On });
    }
    for (href, key, count, needed) in [
        ("/portal/companies?state=unlinked", "done-companies", counts.companies, Switch::On),
        ("/portal/users?state=unlinked", "done-users", counts.technicians, Switch::Off),
        ("/portal/locations?state=unlinked", "done-locations", counts.locations, Switch::Off),
        ("/portal/computers?state=unlinked", "done-computers", counts.computers, Switch::Off),
    ] {
        if count > 0 {
            left.push(Left { href, sentence: text.count(key, count), needed });
        }
    }
    Ok(left)
}

async fn whole(app: &App, caller: &Visitor, enroll_command: Option<String>) -> Page {
    match shell(app, caller, Step::Done).await? {
        Shell::Edits(frame, steps) => {
            let some = DirectoryQuery { limit: 100, ..DirectoryQuery::default() };
            let computers = app.computers(&caller.technician, &some).await?.len();
            Ok(html(&DonePage {
                text: Text::default(),
                frame: *frame,
                steps,
                left: left(app, caller).await?,
                computers: u64::try_from(computers).unwrap_or_default(),
                enroll_command,
            }))
        }
        Shell::Reads(page) => Ok(page),
    }
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Page {
    whole(&app, &visitor, None).await
}

/// Makes a key for the first computers and shows the command that uses it.
pub(super) async fn key(State(app): State<App>, form: Signed) -> Page {
    may_edit(&form.visitor)?;
    let command = first_computers(&app, &form.visitor).await?;
    whole(&app, &form.visitor, Some(command)).await
}

pub(super) async fn finish(State(app): State<App>, form: Signed) -> Page {
    app.pass_step(&form.visitor.technician, Step::Done).await?;
    Ok(Redirect::to("/portal/approvals").into_response())
}
