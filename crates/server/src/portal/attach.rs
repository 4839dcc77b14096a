//! Attaching a request to a ticket that is there: the ticket is shown before anything is written.
//!
//! Called by the router.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use countersign_app::attach::{CustomerIs, OtherCustomer};
use countersign_app::{App, Error};
use serde::Deserialize;

use super::approvals::request_id;
use super::form::Signed;
use super::text::Text;
use super::view::attach::{AttachPage, Shown};
use super::view::frame::Screen;
use super::visitor::Visitor;
use super::{Page, frame, html};

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    ticket: String,
}

pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(options): Query<Options>,
) -> Page {
    let text = Text::default();
    let id = request_id(&id)?;
    let by = &visitor.technician;
    let row = app.request(by, &id).await?;
    let number = options.ticket.trim().to_owned();
    let (shown, error) = if number.is_empty() {
        (None, None)
    } else {
        match app.attachable(by, &id, &number).await {
            Ok(found) => {
                let customer = found.customer_name.or(found.customer).unwrap_or_default();
                let warning = match found.customer_is {
                    CustomerIs::Ours => None,
                    CustomerIs::Another => {
                        Some(text.arg2("attach-another", "customer", &customer, "company", &row.company))
                    }
                    CustomerIs::NotLinked => Some(text.arg("attach-not-linked", "company", &row.company)),
                };
                (Some(Shown { id: found.id, url: found.url, summary: found.summary, customer, warning }), None)
            }
            Err(error @ (Error::Invalid { .. } | Error::Psa(_) | Error::NotConnected)) => {
                (None, Some(error.to_string()))
            }
            Err(other) => return Err(other.into()),
        }
    };
    let frame = frame(&app, &visitor, Screen::Requests, text.t("attach-title")).await?;
    let program = row.request.asked.program_name();
    Ok(html(&AttachPage { text, frame, request: id.to_string(), program, number, shown, error }))
}

pub(super) async fn save(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let id = request_id(&id)?;
    // The page has shown whose ticket it is, and warned.
    app.attach(&form.visitor.technician, &id, form.fields.typed("ticket"), OtherCustomer::Meant).await?;
    Ok(Redirect::to(&format!("/portal/requests/{id}")).into_response())
}
