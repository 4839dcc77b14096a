//! Companies and users that a person adds, and the one-use links by which users sign in.
//!
//! Locations and computers come by enrolling. Called by the router of the directory.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_app::people::NewTechnician;
use countersign_app::{App, DirectoryQuery, Error};
use countersign_domain::audit::Actor;
use countersign_domain::id::TechnicianId;
use countersign_domain::role::{Access, Right, Role};

use super::directory::{Blocks, PAGE, page_of, parsed, record, record_page, records, to_record};
use super::form::Signed;
use super::text::Text;
use super::view::directory::{Add, DirectoryPage, Kind, RecordPage, RowResult};
use super::view::frame::Tone;
use super::visitor::Visitor;
use super::{Page, Refused, html, html_with};

/// Companies are added by those who see all of them, users by those who may edit people; the rest comes by enrolling.
fn may_add(caller: &Visitor, kind: Kind) -> bool {
    let by = &caller.technician;
    match kind {
        Kind::Companies => by.role.may(Right::EditDirectory) && matches!(by.access, Access::All),
        Kind::Users => by.may(Right::EditPeople),
        Kind::Locations | Kind::Computers => false,
    }
}

/// What "Add" asks for, where this person may add to this list.
pub(super) fn offered(caller: &Visitor, kind: Kind) -> Option<Add> {
    may_add(caller, kind).then(|| Add { roles: roles(Text::default(), kind) })
}

fn roles(text: Text, kind: Kind) -> Vec<(&'static str, String)> {
    match kind {
        Kind::Users => {
            Role::ALL.into_iter().map(|role| (role.as_str(), text.t(format!("role-{}", role.as_str())))).collect()
        }
        Kind::Companies | Kind::Locations | Kind::Computers => Vec::new(),
    }
}

/// A list with a sentence about what was not done.
async fn list_saying(app: &App, caller: &Visitor, kind: Kind, error: &Error) -> Page {
    let said = Some(RowResult { tone: Tone::Bad, text: error.to_string() });
    let wanted = DirectoryQuery { limit: PAGE, ..DirectoryQuery::default() };
    let mut blocks = Blocks::new(app, caller);
    let mut rows = Vec::new();
    for record in records(app, caller, kind, &wanted).await? {
        rows.push(blocks.row(record, None).await?);
    }
    let page = page_of(app, caller, kind, "").await?;
    Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &DirectoryPage { rows, said, ..page }))
}

pub(super) async fn company(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    match app.create_company(&caller.technician, form.fields.typed("name")).await {
        Ok(row) => Ok(to_record(Kind::Companies, row.company.id.as_str(), "saved")),
        Err(error @ (Error::Invalid { .. } | Error::Conflict { .. })) => {
            list_saying(&app, caller, Kind::Companies, &error).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn user(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    let role = form.fields.get("role").and_then(Role::parse).ok_or(Refused::Stale)?;
    let new = NewTechnician {
        email: form.fields.typed("email").to_owned(),
        name: form.fields.typed("name").to_owned(),
        role,
        companies: None,
    };
    match app.create_technician(&caller.technician, new).await {
        Ok(row) => show_link(&app, caller, &row.technician.id).await,
        Err(error @ (Error::Invalid { .. } | Error::Conflict { .. })) => {
            list_saying(&app, caller, Kind::Users, &error).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn sign_in_link(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let caller = &form.visitor;
    if !caller.technician.may(Right::EditPeople) {
        let sentence = Text::default().t("problem-forbidden-text");
        return Err(Error::Forbidden { code: "forbidden", sentence }.into());
    }
    show_link(&app, caller, &parsed(&id)?).await
}

/// A user's page with a fresh one-use link.
async fn show_link(app: &App, caller: &Visitor, id: &TechnicianId) -> Page {
    let path = app.make_sign_in_link(Actor::Technician(caller.technician.id.clone()), id).await?;
    let record = record(app, caller, Kind::Users, id.as_str()).await?;
    let page = record_page(app, caller, Kind::Users, record).await?;
    let sign_in_link = Some(format!("{}{path}", app.public_url()));
    Ok(html(&RecordPage { sign_in_link, ..page }))
}
