//! Step 5: what a ticket is made of, chosen from what Halo lets our agent use.
//!
//! Called by the router of the set-up. The decision a reader would undo: where nothing is chosen yet the suggestion is
//! shown, and only going on keeps it.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use countersign_app::App;
use countersign_app::psa::Choices as Offered;
use countersign_app::setup::Step;
use countersign_domain::audit::Actor;

use super::{Shell, is_script, may_edit, saying, shell, to, told};
use crate::portal::form::Signed;
use crate::portal::text::Text;
use crate::portal::ticketing::{Fault, Values, content, offered};
use crate::portal::view::frame::Tone;
use crate::portal::view::setup::{TicketFields, TicketsPage};
use crate::portal::visitor::Visitor;
use crate::portal::{Page, html, html_with};

/// Whether what belongs to a ticket type is chosen anew: its statuses and its outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Anew {
    Yes,
    No,
}

/// Fills in what fits the ticket type.
fn suggest(values: &mut Values, offered: &Offered) {
    let fits = &offered.suggested;
    if values.ticket_type.is_none() {
        values.ticket_type.clone_from(&fits.ticket_type);
    }
    for (name, chosen) in &mut values.statuses {
        chosen.clone_from(if *name == "status_open" { &fits.status_open } else { &fits.status_closed });
    }
    values.outcome.clone_from(&fits.outcome);
}

async fn fields_of(app: &App, mut values: Values, anew: Anew, fault: Option<&Fault>) -> TicketFields {
    let offered = offered(app, values.ticket_type.as_deref()).await;
    if let (Ok(offered), Anew::Yes) = (&offered, anew) {
        suggest(&mut values, offered);
    }
    TicketFields { text: Text::default(), content: content(values, offered, fault) }
}

async fn whole(app: &App, caller: &Visitor, fields: TicketFields, said: Option<String>) -> Page {
    let status = if said.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    match shell(app, caller, Step::Tickets).await? {
        Shell::Edits(frame, steps) => {
            let steps = saying(steps, Tone::Bad, said);
            Ok(html_with(status, &TicketsPage { text: Text::default(), frame: *frame, steps, fields }))
        }
        Shell::Reads(page) => Ok(page),
    }
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Page {
    // Who only reads asks Halo for nothing.
    if let Shell::Reads(page) = shell(&app, &visitor, Step::Tickets).await? {
        return Ok(page);
    }
    let settings = app.ticketing_settings();
    let anew = if settings.ticket_type.is_none() { Anew::Yes } else { Anew::No };
    let fields = fields_of(&app, Values::set(&settings), anew, None).await;
    whole(&app, &visitor, fields, None).await
}

/// The fields for another ticket type, with what fits it.
pub(super) async fn fields(State(app): State<App>, headers: HeaderMap, form: Signed) -> Page {
    let caller = &form.visitor;
    may_edit(caller)?;
    let fields = fields_of(&app, Values::typed(&form.fields), Anew::Yes, None).await;
    if is_script(&headers) {
        return Ok(html(&fields));
    }
    whole(&app, caller, fields, None).await
}

pub(super) async fn save(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    may_edit(caller)?;
    let text = Text::default();
    let before = app.ticketing_settings();
    // The form of this step has no connection: what is set of it stays.
    let values = Values { connection: Values::set(&before).connection, ..Values::typed(&form.fields) };
    let fault: Option<Fault> = match values.change(&before, None) {
        _ if values.ticket_type.is_none() => Some((Some("ticket_type"), text.t("tickets-type-missing"))),
        None => Some((Some("minutes"), text.t("tk-error-number"))),
        Some(change) => {
            let actor = Actor::Technician(caller.technician.id.clone());
            app.change_ticketing(actor, change).await.err().map(told).transpose()?
        }
    };
    let Some(fault) = fault else {
        app.pass_step(&caller.technician, Step::Tickets).await?;
        return Ok(to(Step::Customers));
    };
    let said = if fault.0.is_some() { text.t("tk-not-saved") } else { fault.1.clone() };
    let fields = fields_of(&app, values, Anew::No, Some(&fault)).await;
    whole(&app, caller, fields, Some(said)).await
}
