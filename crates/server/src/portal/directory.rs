//! Companies, locations, computers and users: the four lists, one record's page, and their links.
//!
//! One set of routes serves the four, since they differ in words and in where a record lives, not in what is done with
//! it. Called by the router.
//!
//! The decision a reader would undo: the suggestion beside an unlinked record is linked by its id and by hand, because
//! the rule ties exact names alone and never a similar one.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use countersign_app::people::TechnicianChange;
use countersign_app::{App, DirectoryQuery, Error, UnlinkedCounts};
use countersign_domain::id::CompanyId;
use countersign_domain::link::{How, Kind as LinkKind, Link, LinkState as Standing};
use countersign_domain::role::Right;
use countersign_domain::text::name_key;
use serde::Deserialize;

use crate::http::Shared;

use super::add;
use super::form::Signed;
use super::text::Text;
use super::view::directory::{
    Candidate, DirectoryPage, DirectoryRow, Kind, LinkState, LinkedHow, RecordPage, RowPart, RowResult, UnlinkAsk,
};
use super::view::frame::{Empty, Frame, Screen, Tab, Tone};
use super::visitor::Visitor;
use super::{More, Page, Refused, cut, frame, html, html_with, words};

/// How many records a page of a list holds.
pub(super) const PAGE: usize = 50;

/// What a list's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ListOptions {
    #[serde(default)]
    state: String,
    #[serde(default)]
    q: String,
    after: Option<String>,
}

/// What a record's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OneOptions {
    /// What an action just did.
    said: Option<String>,
}

/// The tabs: their word in the address, and their label's key.
const TABS: [(&str, &str); 5] = [
    ("", "tab-all"),
    ("linked", "tab-linked"),
    ("unlinked", "tab-unlinked"),
    ("ambiguous", "tab-ambiguous"),
    ("missing", "tab-missing"),
];

/// The routes of the four lists.
pub(super) fn router() -> Router<Shared> {
    let lists = [Kind::Companies, Kind::Locations, Kind::Computers, Kind::Users].into_iter().fold(
        Router::new(),
        |router, kind| {
            let path = format!("/portal/{}", kind.path());
            router
                .route(&path, get(move |app, visitor, options| list(kind, app, visitor, options)))
                .route(&format!("{path}/links"), post(move |app, form| many(kind, app, form)))
                .route(
                    &format!("{path}/{{id}}"),
                    get(move |app, visitor, id, options| one(kind, app, visitor, id, options))
                        .post(move |app, id, form| edit(kind, app, id, form)),
                )
                .route(
                    &format!("{path}/{{id}}/link"),
                    post(move |app, id, headers, form| link(kind, app, id, headers, form)),
                )
                .route(&format!("{path}/{{id}}/unlink"), post(move |app, id, form| unlink(kind, app, id, form)))
        },
    );
    lists
        .route("/portal/companies/add", post(add::company))
        .route("/portal/users/add", post(add::user))
        .route("/portal/users/{id}/sign-in-link", post(add::sign_in_link))
}

fn link_kind(kind: Kind) -> LinkKind {
    match kind {
        Kind::Companies => LinkKind::Company,
        Kind::Locations => LinkKind::Location,
        Kind::Computers => LinkKind::Computer,
        Kind::Users => LinkKind::Technician,
    }
}

fn screen(kind: Kind) -> Screen {
    match kind {
        Kind::Companies => Screen::Companies,
        Kind::Locations => Screen::Locations,
        Kind::Computers => Screen::Computers,
        Kind::Users => Screen::Users,
    }
}

fn unlinked_of(kind: Kind, counts: UnlinkedCounts) -> u64 {
    match kind {
        Kind::Companies => counts.companies,
        Kind::Locations => counts.locations,
        Kind::Computers => counts.computers,
        Kind::Users => counts.technicians,
    }
}

/// A record of any of the four kinds.
pub(super) struct Record {
    id: String,
    name: String,
    under: String,
    email: Option<String>,
    company: Option<CompanyId>,
    link: Link,
    waiting: u64,
}

/// Reads records of a kind.
pub(super) async fn records(
    app: &App,
    caller: &Visitor,
    kind: Kind,
    wanted: &DirectoryQuery,
) -> Result<Vec<Record>, Refused> {
    let text = Text::default();
    let by = &caller.technician;
    Ok(match kind {
        Kind::Companies => app
            .companies(by, wanted)
            .await?
            .into_iter()
            .map(|row| Record {
                id: row.company.id.to_string(),
                name: row.company.name,
                under: String::new(),
                email: None,
                company: None,
                link: row.link,
                waiting: row.waiting,
            })
            .collect(),
        Kind::Locations => app
            .locations(by, wanted)
            .await?
            .into_iter()
            .map(|row| Record {
                id: row.location.id.to_string(),
                name: row.location.name,
                under: row.company,
                email: None,
                company: Some(row.location.company_id),
                link: row.link,
                waiting: 0,
            })
            .collect(),
        Kind::Computers => app
            .computers(by, wanted)
            .await?
            .into_iter()
            .map(|row| Record {
                id: row.computer.id.to_string(),
                name: row.computer.name,
                under: format!("{}, {}", row.company, row.location),
                email: None,
                company: Some(row.computer.company_id),
                link: row.link,
                waiting: 0,
            })
            .collect(),
        Kind::Users => app
            .technicians(by, wanted)
            .await?
            .into_iter()
            .map(|row| Record {
                id: row.technician.id.to_string(),
                under: format!("{} · {}", words::role(text, &row), row.technician.email),
                name: row.technician.name,
                email: Some(row.technician.email),
                company: None,
                link: row.link,
                waiting: 0,
            })
            .collect(),
    })
}

pub(super) async fn record(app: &App, caller: &Visitor, kind: Kind, id: &str) -> Result<Record, Refused> {
    let wanted = DirectoryQuery { id: Some(id.to_owned()), limit: 1, ..DirectoryQuery::default() };
    // A client administrator's list of users holds himself alone, whatever was asked for.
    let found = records(app, caller, kind, &wanted).await?;
    found.into_iter().find(|record| record.id == id).ok_or(Refused::NotFound)
}

fn link_state(link: &Link) -> LinkState {
    let name = || link.psa_name.clone().unwrap_or_default();
    match link.state {
        Standing::Linked => LinkState::Linked { name: name(), id: link.psa_id.clone().unwrap_or_default() },
        Standing::Unlinked => LinkState::Unlinked { like: candidates(link).into_iter().next() },
        Standing::Ambiguous => LinkState::Ambiguous { candidates: u64::try_from(link.candidates.len()).unwrap_or(0) },
        Standing::Missing => LinkState::Missing { name: name() },
    }
}

fn candidates(link: &Link) -> Vec<Candidate> {
    link.candidates
        .iter()
        .map(|candidate| Candidate { id: candidate.psa_id.clone(), name: candidate.psa_name.clone() })
        .collect()
}

/// Why records cannot be linked now: there is no connection, or their company comes first.
pub(super) struct Blocks<'a> {
    app: &'a App,
    caller: &'a Visitor,
    text: Text,
    connected: bool,
    companies: HashMap<CompanyId, bool>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(app: &'a App, caller: &'a Visitor) -> Self {
        let connected = app.ticketing().settings.connection.is_some();
        Self { app, caller, text: Text::default(), connected, companies: HashMap::new() }
    }

    async fn of(&mut self, record: &Record) -> Result<Option<String>, Refused> {
        if record.link.state == Standing::Linked {
            return Ok(None);
        }
        if !self.connected {
            return Ok(Some(self.text.t("blocked-not-connected")));
        }
        let Some(company) = &record.company else { return Ok(None) };
        let linked = if let Some(linked) = self.companies.get(company) {
            *linked
        } else {
            let linked = self.app.company(&self.caller.technician, company).await?.link.state == Standing::Linked;
            self.companies.insert(company.clone(), linked);
            linked
        };
        Ok((!linked).then(|| self.text.t("blocked-company")))
    }

    pub(super) async fn row(&mut self, record: Record, result: Option<RowResult>) -> Result<DirectoryRow, Refused> {
        Ok(DirectoryRow {
            blocked: self.of(&record).await?,
            id: record.id,
            name: record.name,
            under: record.under,
            link: link_state(&record.link),
            waiting: record.waiting,
            result,
        })
    }
}

async fn list(kind: Kind, State(app): State<App>, visitor: Visitor, Query(options): Query<ListOptions>) -> Page {
    let text = Text::default();
    let caller = &visitor;
    let query = options.q.trim().to_owned();
    let after = options.after.as_deref().and_then(|cursor| cursor.split_once('~'));
    let wanted = DirectoryQuery {
        search: Some(query.clone()).filter(|query| !query.is_empty()),
        link: Standing::parse(&options.state),
        after: after.map(|(id, name)| (name.to_owned(), id.to_owned())),
        limit: PAGE + 1,
        ..DirectoryQuery::default()
    };
    let (found, more) = cut(records(&app, caller, kind, &wanted).await?, PAGE);
    let next = found.last().filter(|_| more == More::Yes).map(|last| format!("{}~{}", last.id, name_key(&last.name)));
    let mut blocks = Blocks::new(&app, caller);
    let mut rows = Vec::with_capacity(found.len());
    for record in found {
        rows.push(blocks.row(record, None).await?);
    }
    let empty = rows.is_empty().then(|| {
        let all = format!("/portal/{}", kind.path());
        if !query.is_empty() {
            Empty::filtered(text, text.arg(&kind.key("none-found"), "query", &query), &all)
        } else if options.state.is_empty() {
            Empty { title: text.t(kind.key("empty")), text: text.t(kind.key("empty-text")), link: None }
        } else {
            Empty::filtered(text, text.t("none-in-state"), &all)
        }
    });
    let page = page_of(&app, caller, kind, &options.state).await?;
    Ok(html(&DirectoryPage { query, rows, next, empty, ..page }))
}

/// A list's page without its rows.
pub(super) async fn page_of(app: &App, caller: &Visitor, kind: Kind, state: &str) -> Result<DirectoryPage, Refused> {
    let text = Text::default();
    let unlinked = unlinked_of(kind, app.unlinked(&caller.technician).await?);
    let summary = match unlinked {
        0 => text.t(kind.key("summary")),
        count => text.count(kind.key("summary-unlinked"), count),
    };
    let tabs =
        TABS.map(|(word, key)| Tab { state: word, label: text.t(key), count: None, current: word == state }).to_vec();
    Ok(DirectoryPage {
        text,
        frame: frame_of(app, caller, kind, text.t(kind.key("title"))).await?,
        kind,
        summary,
        tabs,
        query: String::new(),
        rows: Vec::new(),
        next: None,
        empty: None,
        said: None,
        ask: None,
        add: add::offered(caller, kind),
    })
}

async fn frame_of(app: &App, caller: &Visitor, kind: Kind, title: String) -> Result<Frame, Refused> {
    frame(app, caller, screen(kind), title).await
}

async fn one(
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
        (Some("tried"), _) => Some(tried(text, &record.link)),
        _ => None,
    };
    let said = said.map(|(tone, text)| RowResult { tone, text });
    Ok(html(&RecordPage { said, ..record_page(&app, &visitor, kind, record).await? }))
}

/// What a try to link by the rule came to.
fn tried(text: Text, link: &Link) -> (Tone, String) {
    match link.state {
        Standing::Linked => (Tone::Ok, text.arg("linked-said", "name", link.psa_name.as_deref().unwrap_or_default())),
        Standing::Ambiguous => {
            (Tone::Warn, text.count("link-ambiguous-said", u64::try_from(link.candidates.len()).unwrap_or(0)))
        }
        Standing::Unlinked | Standing::Missing => (Tone::Warn, text.t("link-none-said")),
    }
}

pub(super) async fn record_page(
    app: &App,
    caller: &Visitor,
    kind: Kind,
    record: Record,
) -> Result<RecordPage, Refused> {
    let text = Text::default();
    let blocked = Blocks::new(app, caller).of(&record).await?;
    let by = &caller.technician;
    let (mut others, mut others_error) = (Vec::new(), None);
    if record.link.state != Standing::Linked && blocked.is_none() {
        match app.choose_from(by, link_kind(kind), record.company.as_ref()).await {
            Ok(all) => {
                others = all.into_iter().map(|theirs| Candidate { id: theirs.psa_id, name: theirs.psa_name }).collect();
            }
            // The page still offers the record's own form; the sentence says why there is nothing to choose from.
            Err(error) => others_error = Some(error.to_string()),
        }
    }
    let linked_how = record.link.how.filter(|_| record.link.state == Standing::Linked).map(|how| {
        let key = match (how, kind) {
            (How::Manual, _) => "link-how-manual",
            (How::Auto, Kind::Users) => "link-how-auto-email",
            (How::Auto, _) => "link-how-auto",
        };
        LinkedHow { how: text.t(key), at: record.link.at.map(words::when) }
    });
    Ok(RecordPage {
        text,
        frame: frame_of(app, caller, kind, record.name.clone()).await?,
        kind,
        id: record.id,
        name: record.name,
        email: record.email,
        under: record.under,
        link: link_state(&record.link),
        blocked,
        linked_how,
        candidates: candidates(&record.link),
        others,
        others_error,
        waiting: record.waiting,
        said: None,
        sign_in_link: None,
        error: None,
    })
}

async fn edit(kind: Kind, State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let caller = &form.visitor;
    let by = &caller.technician;
    let name = form.fields.typed("name");
    let changed = match kind {
        Kind::Companies => app.rename_company(by, &parsed(&id)?, name).await.map(|_| ()),
        Kind::Locations => app.rename_location(by, &parsed(&id)?, name).await.map(|_| ()),
        Kind::Computers => app.change_computer(by, &parsed(&id)?, Some(name), None).await.map(|_| ()),
        Kind::Users => {
            let before = record(&app, caller, kind, &id).await?;
            let email =
                form.fields.get("email").map(str::to_owned).filter(|email| before.email.as_ref() != Some(email));
            let change = TechnicianChange { name: Some(name.to_owned()), email, ..TechnicianChange::default() };
            app.change_technician(by, &parsed(&id)?, change).await.map(|_| ())
        }
    };
    match changed {
        Ok(()) => Ok(to_record(kind, &id, "saved")),
        Err(error @ (Error::Invalid { .. } | Error::Conflict { .. })) => {
            let page = record_page(&app, caller, kind, record(&app, caller, kind, &id).await?).await?;
            let said = Some(RowResult { tone: Tone::Bad, text: error.to_string() });
            // What was typed stays in the form.
            let email = page.email.as_ref().map(|_| form.fields.typed("email").to_owned());
            let page = RecordPage { said, name: name.to_owned(), email, ..page };
            Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn parsed<T: std::str::FromStr>(id: &str) -> Result<T, Refused> {
    id.parse().map_err(|_| Refused::NotFound)
}

pub(super) fn to_record(kind: Kind, id: &str, said: &str) -> axum::response::Response {
    Redirect::to(&format!("/portal/{}/{id}?said={said}", kind.path())).into_response()
}

async fn link(kind: Kind, State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    let by_hand = form.fields.has("psa_id") || form.fields.has("choice");
    let psa_id = form.fields.get("psa_id").or_else(|| form.fields.get("choice"));
    let in_row = headers.contains_key("hx-request");
    if by_hand && psa_id.is_none() {
        let page = record_page(&app, caller, kind, record(&app, caller, kind, &id).await?).await?;
        let page = RecordPage { error: Some(text.t("link-id-missing")), ..page };
        return Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let outcome = match app.link(&caller.technician, link_kind(kind), &id, psa_id).await {
        Ok(link) => Ok(tried(text, &link)),
        Err(error @ (Error::Conflict { .. } | Error::Invalid { .. } | Error::Psa(_) | Error::NotConnected)) => {
            Err(error)
        }
        Err(error @ Error::NotFound(_)) if psa_id.is_some() => Err(error),
        Err(error) => return Err(error.into()),
    };
    let record = record(&app, caller, kind, &id).await?;
    match (outcome, in_row) {
        (Ok((tone, said)), true) => {
            let row = Blocks::new(&app, caller).row(record, Some(RowResult { tone, text: said })).await?;
            Ok(html(&RowPart { text, kind, row }))
        }
        (Ok(_), false) => Ok(to_record(kind, &id, "tried")),
        (Err(error), true) => {
            let result = RowResult { tone: Tone::Bad, text: text.arg("link-failed-said", "why", error.to_string()) };
            let row = Blocks::new(&app, caller).row(record, Some(result)).await?;
            Ok(html_with(StatusCode::CONFLICT, &RowPart { text, kind, row }))
        }
        (Err(error), false) => {
            let page = record_page(&app, caller, kind, record).await?;
            let page = RecordPage { error: Some(text.arg("link-failed-said", "why", error.to_string())), ..page };
            Ok(html_with(StatusCode::CONFLICT, &page))
        }
    }
}

async fn unlink(kind: Kind, State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    app.unlink(&form.visitor.technician, link_kind(kind), &id).await?;
    Ok(to_record(kind, &id, "unlinked"))
}

/// Links or unlinks the chosen records, and shows them with a result for each.
async fn many(kind: Kind, State(app): State<App>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    let by = &caller.technician;
    if !by.role.may(Right::EditDirectory) {
        return Err(Error::Forbidden { code: "forbidden", sentence: text.t("problem-forbidden-text") }.into());
    }
    let ids = form.fields.all("ids");
    let mut results: Vec<(String, RowResult)> = Vec::with_capacity(ids.len());
    let mut done = 0_u64;
    let unlinks = form.fields.get("action") == Some("unlink");
    if unlinks && !form.fields.has("confirmed") {
        let mut blocks = Blocks::new(&app, caller);
        let mut rows = Vec::with_capacity(ids.len());
        for id in &ids {
            rows.push(blocks.row(record(&app, caller, kind, id).await?, None).await?);
        }
        let page = page_of(&app, caller, kind, "chosen").await?;
        return Ok(html(&DirectoryPage { rows, ask: Some(UnlinkAsk { ids }), ..page }));
    }
    if unlinks {
        for id in ids {
            let (tone, said) = match app.unlink(by, link_kind(kind), &id).await {
                Ok(_) => {
                    done += 1;
                    (Tone::Info, text.t("unlinked-said"))
                }
                Err(error) => (Tone::Bad, error.to_string()),
            };
            results.push((id, RowResult { tone, text: said }));
        }
    } else {
        for linked in app.link_many(by, link_kind(kind), &ids).await? {
            let (tone, said) = match (&linked.link, linked.error) {
                (Some(link), _) => {
                    done += u64::from(link.state == Standing::Linked);
                    tried(text, link)
                }
                (None, why) => (Tone::Bad, text.arg("link-failed-said", "why", why.unwrap_or_default())),
            };
            results.push((linked.id, RowResult { tone, text: said }));
        }
    }
    let all = results.len().to_string();
    let key = if unlinks { "many-unlinked-said" } else { "many-linked-said" };
    let tone = if done == 0 { Tone::Warn } else { Tone::Ok };
    let said = Some(RowResult { tone, text: text.arg2(key, "done", done.to_string(), "all", all) });
    let mut blocks = Blocks::new(&app, caller);
    let mut rows = Vec::with_capacity(results.len());
    for (id, result) in results {
        rows.push(blocks.row(record(&app, caller, kind, &id).await?, Some(result)).await?);
    }
    let page = page_of(&app, caller, kind, "chosen").await?;
    Ok(html(&DirectoryPage { rows, said, ..page }))
}
