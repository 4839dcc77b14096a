//! One record's page: its link, what can be changed of it, and whether it is archived.
//!
//! Called by the directory's router, and by [`super::add`] for a record that was just made.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_app::link::OFFERED;
use countersign_app::people::TechnicianChange;
use countersign_app::{App, DirectoryQuery, Error};
use countersign_domain::directory::Technician;
use countersign_domain::id::CompanyId;
use countersign_domain::link::{How, Link, LinkState as Standing, Theirs};
use countersign_domain::role::{Access, Role};
use countersign_domain::text::name_key;
use serde::Deserialize;

use crate::portal::form::{Fields, Signed};
use crate::portal::text::Text;
use crate::portal::view::directory::{
    Back, Candidate, Choice, Edit, Kind, LinkedHow, Others, RecordPage, RowPart, RowResult, Said, Sees,
};
use crate::portal::view::frame::Tone;
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html, html_with, words};

use super::many::{Goes, shelve};
use super::{Blocks, CHOICES, Record, candidates, frame_of, link_kind, link_state, may_edit, parsed, record};

/// How many records of the other side the page shows at a time.
const SHOWN: usize = 20;

/// What a record's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OneOptions {
    /// What an action just did.
    said: Option<String>,
    /// What the record was tied to before that action.
    was: Option<String>,
    /// What is looked for on the other side.
    #[serde(default)]
    find: String,
}

pub(super) async fn one(
    kind: Kind,
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(options): Query<OneOptions>,
) -> Page {
    let text = Text::default();
    let record = record(&app, &visitor, kind, &id).await?;
    let said = match (options.said.as_deref(), &record.link.psa_name) {
        (Some("linked"), Some(name)) => Some((Tone::Ok, text.arg("linked-said", "name", name))),
        (Some("unlinked"), _) => Some((Tone::Info, text.t("unlinked-said"))),
        (Some("saved"), _) => Some((Tone::Ok, text.t("saved-said"))),
        (Some("restored"), _) => Some((Tone::Ok, text.t(kind.key("restored-said")))),
        (Some("tried"), _) => Some(tried(text, &record.link)),
        _ => None,
    };
    let was = options.was.as_deref().filter(|_| record.link.state != Standing::Linked);
    let back =
        was.map(|was| Back { action: "again", label: text.t("link-again"), ids: vec![format!("{}~{was}", record.id)] });
    let said = said.map(|(tone, text)| Said { tone, text, back });
    let page = record_page(&app, &visitor, kind, record, options.find.trim()).await?;
    Ok(html(&RecordPage { said, ..page }))
}

/// What a try to link by the rule came to.
pub(super) fn tried(text: Text, link: &Link) -> (Tone, String) {
    match link.state {
        Standing::Linked => (Tone::Ok, text.arg("linked-said", "name", link.psa_name.as_deref().unwrap_or_default())),
        Standing::Ambiguous => {
            (Tone::Warn, text.count("link-ambiguous-said", u64::try_from(link.candidates.len()).unwrap_or(0)))
        }
        Standing::Unlinked | Standing::Missing => (Tone::Warn, text.t("link-none-said")),
    }
}

/// Records of the other side that a person may choose, whatever their names: those with `find` in their name, or as id.
async fn others(app: &App, caller: &Visitor, kind: Kind, record: &Record, find: &str) -> Others {
    let text = Text::default();
    match app.choose_from(&caller.technician, link_kind(kind), record.company.as_ref(), find).await {
        Ok(all) => {
            let key = if all.len() == OFFERED { "others-many" } else { "others-more" };
            let left = u64::try_from(all.len().saturating_sub(SHOWN)).unwrap_or(0);
            let candidate = |theirs: Theirs| Candidate { id: theirs.psa_id, name: theirs.psa_name, alike: None };
            Others {
                find: find.to_owned(),
                found: all.into_iter().take(SHOWN).map(candidate).collect(),
                more: (left > 0).then(|| text.count(key, left)),
                ..Others::default()
            }
        }
        // The page still offers the record's own form; the sentence says why there is nothing to choose from.
        Err(error) => Others { find: find.to_owned(), error: Some(error.to_string()), ..Others::default() },
    }
}

pub(super) async fn record_page(
    app: &App,
    caller: &Visitor,
    kind: Kind,
    record: Record,
    find: &str,
) -> Result<RecordPage, Refused> {
    let text = Text::default();
    let editable = may_edit(&caller.technician, kind);
    let blocked = Blocks::new(app, caller).of(&record).await?;
    let open = record.link.state != Standing::Linked && blocked.is_none() && record.archived.is_none();
    let others = if open && editable { others(app, caller, kind, &record, find).await } else { Others::default() };
    let linked_how = record.link.how.filter(|_| record.link.state == Standing::Linked).map(|how| {
        let key = match (how, kind) {
            (How::Manual, _) => "link-how-manual",
            (How::Auto, Kind::Users | Kind::Contacts) => "link-how-auto-email",
            (How::Auto, _) => "link-how-auto",
        };
        LinkedHow { how: text.t(key), at: record.link.at.map(words::when) }
    });
    let edit = if editable { edit_form(app, caller, &record).await? } else { Edit::default() };
    Ok(RecordPage {
        text,
        frame: frame_of(app, caller, kind, record.name.clone()).await?,
        kind,
        id: record.id,
        name: record.name,
        under: record.under,
        link: link_state(&record.link),
        blocked,
        linked_how,
        candidates: candidates(&record.link),
        others,
        waiting: record.waiting,
        size: record.size,
        archived: record.archived.map(words::when),
        editable,
        edit,
        type_name: record.size.1 > 0,
        said: None,
        sign_in_link: None,
        error: None,
    })
}

/// The roles to choose from.
pub(super) fn roles(text: Text, chosen: Role) -> Vec<Choice> {
    let choice = |role: Role| Choice {
        id: role.as_str().to_owned(),
        name: text.t(format!("role-{}", role.as_str())),
        chosen: role == chosen,
    };
    Role::ALL.into_iter().map(choice).collect()
}

/// The companies that a form offers.
pub(super) async fn companies(
    app: &App,
    caller: &Visitor,
    is_chosen: impl Fn(&CompanyId) -> bool,
) -> Result<Vec<Choice>, Refused> {
    let wanted = DirectoryQuery { limit: CHOICES, ..DirectoryQuery::default() };
    let choice = |row: countersign_app::CompanyRow| Choice {
        chosen: is_chosen(&row.company.id),
        id: row.company.id.to_string(),
        name: row.company.name,
    };
    Ok(app.companies(&caller.technician, &wanted).await?.into_iter().map(choice).collect())
}

/// Which companies a user sees, to change.
pub(super) async fn sees(app: &App, caller: &Visitor, access: &Access) -> Result<Sees, Refused> {
    let all = matches!(access, Access::All);
    Ok(Sees { all, companies: companies(app, caller, |id| !all && access.covers(id)).await? })
}

async fn edit_form(app: &App, caller: &Visitor, record: &Record) -> Result<Edit, Refused> {
    let name = record.name.clone();
    if let Some(user) = &record.user {
        return Ok(Edit {
            name,
            email: Some(user.email.clone()),
            roles: roles(Text::default(), user.role),
            sees: Some(sees(app, caller, &user.access).await?),
            accounts: Some(user.accounts.join("\n")),
            ..Edit::default()
        });
    }
    let (Some(company), Some(here)) = (&record.company, &record.location) else {
        return Ok(Edit { name, ..Edit::default() });
    };
    let wanted = DirectoryQuery { company: Some(company.clone()), limit: CHOICES, ..DirectoryQuery::default() };
    let choice = |row: countersign_app::LocationRow| Choice {
        chosen: row.location.id == *here,
        id: row.location.id.to_string(),
        name: row.location.name,
    };
    let locations = app.locations(&caller.technician, &wanted).await?.into_iter().map(choice).collect();
    Ok(Edit { name, locations, ..Edit::default() })
}

/// The companies that a form gives a user: all, or the boxes; what the form did not show stays.
pub(super) async fn seen(
    app: &App,
    caller: &Visitor,
    fields: &Fields,
    before: &Access,
) -> Result<Option<Vec<CompanyId>>, Refused> {
    if fields.get("sees") != Some("only") {
        return Ok(None);
    }
    let mut companies = Vec::new();
    for id in fields.all("companies") {
        companies.push(parsed(&id)?);
    }
    if let Access::Only(before) = before {
        let shown = self::companies(app, caller, |_| false).await?;
        let hidden = |id: &&CompanyId| !shown.iter().any(|choice| choice.id == id.as_str());
        companies.extend(before.iter().filter(hidden).cloned());
    }
    Ok(Some(companies))
}

async fn user_change(
    app: &App,
    caller: &Visitor,
    before: &Technician,
    fields: &Fields,
) -> Result<TechnicianChange, Refused> {
    let role = fields.get("role").and_then(Role::parse).ok_or(Refused::Stale)?;
    let accounts = fields.typed("accounts").lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(TechnicianChange {
        name: Some(fields.typed("name").to_owned()),
        email: Some(fields.typed("email").to_owned()).filter(|email| *email != before.email),
        role: Some(role),
        companies: Some(seen(app, caller, fields, &before.access).await?),
        accounts: Some(accounts.map(str::to_owned).collect()),
        disabled: None,
    })
}

pub(super) async fn edit(kind: Kind, State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let caller = &form.visitor;
    let by = &caller.technician;
    let name = form.fields.typed("name");
    let changed = match kind {
        Kind::Companies => app.rename_company(by, &parsed(&id)?, name).await.map(|_| ()),
        Kind::Locations => app.rename_location(by, &parsed(&id)?, name).await.map(|_| ()),
        Kind::Computers => {
            let location = form.fields.get("location").map(parsed).transpose()?;
            app.change_computer(by, &parsed(&id)?, Some(name), location.as_ref()).await.map(|_| ())
        }
        Kind::Contacts => return Err(Refused::NotFound),
        Kind::Users => {
            if !may_edit(by, kind) {
                return Err(Refused::forbidden());
            }
            let before = record(&app, caller, kind, &id).await?.user.ok_or(Refused::NotFound)?;
            let change = user_change(&app, caller, &before, &form.fields).await?;
            app.change_technician(by, &parsed(&id)?, change).await.map(|_| ())
        }
    };
    match changed {
        Ok(()) => Ok(to_record(kind, &id, "saved")),
        Err(error @ (Error::Invalid { .. } | Error::Conflict { .. })) => {
            let page = record_page(&app, caller, kind, record(&app, caller, kind, &id).await?, "").await?;
            let page = RecordPage { edit: as_typed(page.edit, &form.fields), ..page };
            Ok(not_done(StatusCode::UNPROCESSABLE_ENTITY, page, error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// The form with what was typed and chosen in it.
fn as_typed(edit: Edit, fields: &Fields) -> Edit {
    let chosen = |choices: Vec<Choice>, ids: &[String]| -> Vec<Choice> {
        choices.into_iter().map(|choice| Choice { chosen: ids.contains(&choice.id), ..choice }).collect()
    };
    Edit {
        name: fields.typed("name").to_owned(),
        email: edit.email.map(|_| fields.typed("email").to_owned()),
        locations: chosen(edit.locations, &fields.all("location")),
        roles: chosen(edit.roles, &fields.all("role")),
        sees: edit.sees.map(|sees| Sees {
            all: fields.get("sees") != Some("only"),
            companies: chosen(sees.companies, &fields.all("companies")),
        }),
        accounts: edit.accounts.map(|_| fields.typed("accounts").to_owned()),
    }
}

/// A record's page with what stands against what was asked.
fn not_done(status: StatusCode, page: RecordPage, why: String) -> Response {
    let said = Some(Said { tone: Tone::Bad, text: why, back: None });
    html_with(status, &RecordPage { said, ..page })
}

pub(super) fn to_record(kind: Kind, id: &str, said: &str) -> Response {
    Redirect::to(&format!("/portal/{}/{id}?said={said}", kind.path())).into_response()
}

pub(super) async fn link(
    kind: Kind,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Signed,
) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    let by_hand = form.fields.has("psa_id") || form.fields.has("choice");
    let psa_id = form.fields.get("psa_id").or_else(|| form.fields.get("choice"));
    let in_row = headers.contains_key("hx-request");
    if by_hand && psa_id.is_none() {
        let find = form.fields.typed("find");
        let page = record_page(&app, caller, kind, record(&app, caller, kind, &id).await?, find).await?;
        let page = RecordPage { error: Some(text.t("link-id-missing")), ..page };
        return Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let outcome = match app.link(&caller.technician, link_kind(kind), &id, psa_id).await {
        Ok(link) => Ok(tried(text, &link)),
        Err(
            error @ (Error::Conflict { .. }
            | Error::Invalid { .. }
            | Error::NoRecord { .. }
            | Error::Psa(_)
            | Error::NotConnected),
        ) => Err(error),
        Err(error) => return Err(error.into()),
    };
    let record = record(&app, caller, kind, &id).await?;
    match (outcome, in_row) {
        (Ok((tone, said)), true) => row_saying(&app, caller, kind, record, tone, said).await,
        (Ok(_), false) => Ok(to_record(kind, &id, "tried")),
        (Err(error), true) => {
            let said = text.arg("link-failed-said", "why", error.to_string());
            let mut answer = row_saying(&app, caller, kind, record, Tone::Bad, said).await?;
            *answer.status_mut() = StatusCode::CONFLICT;
            Ok(answer)
        }
        (Err(error), false) => {
            let page = record_page(&app, caller, kind, record, form.fields.typed("find")).await?;
            let others = Others { typed: form.fields.typed("psa_id").to_owned(), ..page.others };
            let error = Some(text.arg("link-failed-said", "why", error.to_string()));
            Ok(html_with(StatusCode::CONFLICT, &RecordPage { others, error, ..page }))
        }
    }
}

/// A row alone, with what was done to it.
async fn row_saying(app: &App, caller: &Visitor, kind: Kind, record: Record, tone: Tone, said: String) -> Page {
    let row = Blocks::new(app, caller).row(kind, record, Some(RowResult { tone, text: said })).await?;
    Ok(html(&RowPart { text: Text::default(), kind, row }))
}

pub(super) async fn unlink(kind: Kind, State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let caller = &form.visitor;
    let was = record(&app, caller, kind, &id).await?.link.psa_id.unwrap_or_default();
    app.unlink(&caller.technician, link_kind(kind), &id).await?;
    let was: String = url::form_urlencoded::byte_serialize(was.as_bytes()).collect();
    Ok(Redirect::to(&format!("/portal/{}/{id}?said=unlinked&was={was}", kind.path())).into_response())
}

pub(super) async fn archive(kind: Kind, State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    let record = record(&app, caller, kind, &id).await?;
    let named = name_key(form.fields.typed("typed")) == name_key(&record.name);
    let failure = if record.size.1 > 0 && !named && may_edit(&caller.technician, kind) {
        Some(text.t("archive-typed-wrong"))
    } else {
        match shelve(&app, caller, kind, &id, Goes::Aside).await {
            Ok(()) => None,
            Err(error @ (Error::Conflict { .. } | Error::Invalid { .. })) => Some(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    };
    match failure {
        None => Ok(to_record(kind, &id, "archived")),
        Some(why) => Ok(not_done(StatusCode::CONFLICT, record_page(&app, caller, kind, record, "").await?, why)),
    }
}

pub(super) async fn restore(
    kind: Kind,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Signed,
) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    let (tone, said) = match shelve(&app, caller, kind, &id, Goes::Back).await {
        Ok(()) => (Tone::Ok, text.t(kind.key("restored-said"))),
        Err(error @ (Error::Conflict { .. } | Error::Invalid { .. })) => (Tone::Bad, error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let record = record(&app, caller, kind, &id).await?;
    if headers.contains_key("hx-request") {
        return row_saying(&app, caller, kind, record, tone, said).await;
    }
    if tone == Tone::Ok {
        return Ok(to_record(kind, &id, "restored"));
    }
    Ok(not_done(StatusCode::CONFLICT, record_page(&app, caller, kind, record, "").await?, said))
}
