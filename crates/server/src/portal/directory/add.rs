//! Companies, locations and users that a person adds, and the one-use links by which users sign in.
//!
//! Computers come by enrolling, contacts with requests. Called by the directory's router.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use countersign_app::people::NewTechnician;
use countersign_app::{App, Error};
use countersign_domain::audit::Actor;
use countersign_domain::id::TechnicianId;
use countersign_domain::role::{Access, Role};

use crate::portal::form::{Fields, Signed};
use crate::portal::text::Text;
use crate::portal::view::directory::{Add, DirectoryPage, Kind, RecordPage, Said};
use crate::portal::view::frame::Tone;
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html, html_with};

use super::one::{companies, record_page, roles, seen, sees, to_record};
use super::{ListOptions, list_page, may_edit, parsed, record};

/// Companies are added by those who see all of them.
pub(super) fn may_add(caller: &Visitor, kind: Kind) -> bool {
    let by = &caller.technician;
    match kind {
        Kind::Companies => may_edit(by, kind) && matches!(by.access, Access::All),
        Kind::Locations | Kind::Users => may_edit(by, kind),
        Kind::Computers | Kind::Contacts => false,
    }
}

/// What "Add" asks for, where this person may add to this list.
pub(super) async fn offered(app: &App, caller: &Visitor, kind: Kind) -> Result<Option<Add>, Refused> {
    if !may_add(caller, kind) {
        return Ok(None);
    }
    let none = |_: &_| false;
    let is_user = kind == Kind::Users;
    Ok(Some(Add {
        open: false,
        name: String::new(),
        email: String::new(),
        companies: if kind == Kind::Locations { companies(app, caller, none).await? } else { Vec::new() },
        roles: if is_user { roles(Text::default(), Role::L1) } else { Vec::new() },
        sees: if is_user { Some(sees(app, caller, &Access::All).await?) } else { None },
    }))
}

/// The list with a sentence about what was not done, and the form as it was sent.
async fn list_saying(app: &App, caller: &Visitor, kind: Kind, fields: &Fields, why: String) -> Page {
    let page = list_page(app, caller, kind, &ListOptions::default()).await?;
    let add = page.add.map(|mut add| {
        for company in &mut add.companies {
            company.chosen = fields.get("company") == Some(&company.id);
        }
        for role in &mut add.roles {
            role.chosen = fields.get("role") == Some(&role.id);
        }
        Add { open: true, name: fields.typed("name").to_owned(), email: fields.typed("email").to_owned(), ..add }
    });
    let said = Some(Said { tone: Tone::Bad, text: why, back: None });
    Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &DirectoryPage { said, add, ..page }))
}

/// The new record's page, or the list with what stands against it.
async fn made(app: &App, form: &Signed, kind: Kind, made: Result<String, Error>) -> Page {
    match made {
        Ok(id) => Ok(to_record(kind, &id, "saved")),
        Err(error @ (Error::Invalid { .. } | Error::Conflict { .. })) => {
            list_saying(app, &form.visitor, kind, &form.fields, error.to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn company(State(app): State<App>, form: Signed) -> Page {
    let row = app.create_company(&form.visitor.technician, form.fields.typed("name")).await;
    made(&app, &form, Kind::Companies, row.map(|row| row.company.id.to_string())).await
}

pub(super) async fn location(State(app): State<App>, form: Signed) -> Page {
    let by = &form.visitor.technician;
    if !may_edit(by, Kind::Locations) {
        return Err(Refused::forbidden());
    }
    let Some(company) = form.fields.get("company") else {
        let why = Text::default().t("add-company-missing");
        return list_saying(&app, &form.visitor, Kind::Locations, &form.fields, why).await;
    };
    let row = app.create_location(by, &parsed(company)?, form.fields.typed("name")).await;
    made(&app, &form, Kind::Locations, row.map(|row| row.location.id.to_string())).await
}

pub(super) async fn user(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    if !may_edit(&caller.technician, Kind::Users) {
        return Err(Refused::forbidden());
    }
    let role = form.fields.get("role").and_then(Role::parse).ok_or(Refused::Stale)?;
    let new = NewTechnician {
        email: form.fields.typed("email").to_owned(),
        name: form.fields.typed("name").to_owned(),
        role,
        companies: seen(&app, caller, &form.fields, &Access::All).await?,
    };
    match app.create_technician(&caller.technician, new).await {
        Ok(row) => show_link(&app, caller, &row.technician.id).await,
        Err(error) => made(&app, &form, Kind::Users, Err(error)).await,
    }
}

pub(super) async fn sign_in_link(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let caller = &form.visitor;
    if !may_edit(&caller.technician, Kind::Users) {
        return Err(Refused::forbidden());
    }
    show_link(&app, caller, &parsed(&id)?).await
}

/// A user's page with a fresh one-use link.
async fn show_link(app: &App, caller: &Visitor, id: &TechnicianId) -> Page {
    let path = app.make_sign_in_link(Actor::Technician(caller.technician.id.clone()), id).await?;
    let record = record(app, caller, Kind::Users, id.as_str()).await?;
    let page = record_page(app, caller, Kind::Users, record, "").await?;
    let sign_in_link = Some(format!("{}{path}", app.public_url()));
    Ok(html(&RecordPage { sign_in_link, ..page }))
}
