//! Companies, locations, computers, users and contacts: the lists, and what they have in common.
//!
//! One set of routes serves them all, since they differ in words and in where a record lives, not in what is done with
//! it: [`one`] is a record's page, [`many`] what is done to the chosen rows, [`add`] and [`import`] make new ones. Called
//! by the router.
//!
//! The decision a reader would undo: the suggestion beside an unlinked record is linked by its id and by hand, because
//! the rule ties exact names alone and never a similar one.

mod add;
mod import;
mod many;
mod one;

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use countersign_app::{App, DirectoryQuery, LinkCounts, Order, Shelf};
use countersign_domain::directory::Technician;
use countersign_domain::id::{CompanyId, LocationId};
use countersign_domain::link::{Kind as LinkKind, Link, LinkState as Standing};
use countersign_domain::role::Right;
use countersign_domain::text::name_key;
use countersign_domain::time::Time;
use serde::Deserialize;

use crate::http::Shared;

use super::text::Text;
use super::view::directory::{Candidate, DirectoryPage, DirectoryRow, Kind, LinkState, RowResult};
use super::view::frame::{Empty, Frame, Screen, Tab};
use super::visitor::Visitor;
use super::{More, Page, Refused, cut, frame, html, words};

/// How many records a page of a list holds.
const PAGE: usize = 50;
/// The most records of ours that a form offers to choose from.
const CHOICES: usize = 1000;

/// What a list's address may say.
#[derive(Debug, Default, Deserialize)]
struct ListOptions {
    #[serde(default)]
    state: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    company: String,
    after: Option<String>,
}

impl ListOptions {
    fn sort(&self) -> &'static str {
        if self.sort == "newest" { "newest" } else { "name" }
    }

    fn query(&self) -> &str {
        self.q.trim()
    }

    /// The records that it is about. An address of a company that is none is about nothing.
    fn wanted(&self) -> Result<DirectoryQuery, Refused> {
        let company = self.company.trim();
        Ok(DirectoryQuery {
            search: Some(self.query().to_owned()).filter(|query| !query.is_empty()),
            link: Standing::parse(&self.state),
            company: if company.is_empty() { None } else { Some(parsed(company)?) },
            shelf: if self.state == "archived" { Shelf::Archived } else { Shelf::InUse },
            order: if self.sort() == "newest" { Order::Newest } else { Order::Name },
            ..DirectoryQuery::default()
        })
    }
}

/// The routes of the lists.
pub(super) fn router() -> Router<Shared> {
    let kinds = [Kind::Companies, Kind::Locations, Kind::Computers, Kind::Users, Kind::Contacts];
    let lists: Router<Shared> = kinds.into_iter().fold(Router::new(), |router, kind| {
        let path = format!("/portal/{}", kind.path());
        router
            .route(&path, get(move |app, visitor, options| list(kind, app, visitor, options)))
            .route(&format!("{path}/links"), post(move |app, form| many::many(kind, app, form)))
            .route(
                &format!("{path}/{{id}}"),
                get(move |app, visitor, id, options| one::one(kind, app, visitor, id, options))
                    .post(move |app, id, form| one::edit(kind, app, id, form)),
            )
            .route(
                &format!("{path}/{{id}}/link"),
                post(move |app, id, headers, form| one::link(kind, app, id, headers, form)),
            )
            .route(&format!("{path}/{{id}}/unlink"), post(move |app, id, form| one::unlink(kind, app, id, form)))
            .route(&format!("{path}/{{id}}/archive"), post(move |app, id, form| one::archive(kind, app, id, form)))
            .route(
                &format!("{path}/{{id}}/restore"),
                post(move |app, id, headers, form| one::restore(kind, app, id, headers, form)),
            )
    });
    lists
        .route("/portal/companies/add", post(add::company))
        .route("/portal/locations/add", post(add::location))
        .route("/portal/users/add", post(add::user))
        .route("/portal/users/{id}/sign-in-link", post(add::sign_in_link))
}

/// The pages on which a list is read in: their forms are larger than others.
pub(super) fn lists_in() -> Router<Shared> {
    [Kind::Companies, Kind::Locations, Kind::Users].into_iter().fold(Router::new(), |router, kind| {
        router.route(
            &format!("/portal/{}/import", kind.path()),
            get(move |app, visitor| import::page(kind, app, visitor))
                .post(move |app, form| import::import(kind, app, form)),
        )
    })
}

fn link_kind(kind: Kind) -> LinkKind {
    match kind {
        Kind::Companies => LinkKind::Company,
        Kind::Locations => LinkKind::Location,
        Kind::Computers => LinkKind::Computer,
        Kind::Users => LinkKind::Technician,
        Kind::Contacts => LinkKind::Contact,
    }
}

/// The address of a kind's list, below `/portal/`.
pub(super) fn path_of(kind: LinkKind) -> &'static str {
    let list = match kind {
        LinkKind::Company => Kind::Companies,
        LinkKind::Location => Kind::Locations,
        LinkKind::Computer => Kind::Computers,
        LinkKind::Technician => Kind::Users,
        LinkKind::Contact => Kind::Contacts,
    };
    list.path()
}

fn screen(kind: Kind) -> Screen {
    match kind {
        Kind::Companies => Screen::Companies,
        Kind::Locations => Screen::Locations,
        Kind::Computers => Screen::Computers,
        Kind::Users => Screen::Users,
        Kind::Contacts => Screen::Contacts,
    }
}

/// True if the visitor may change the records of this list.
fn may_edit(by: &Technician, kind: Kind) -> bool {
    by.may(if kind == Kind::Users { Right::EditPeople } else { Right::EditDirectory })
}

/// A record of any kind.
struct Record {
    id: String,
    name: String,
    under: String,
    company: Option<CompanyId>,
    /// Of a computer.
    location: Option<LocationId>,
    /// A user, with what only users have.
    user: Option<Technician>,
    link: Link,
    waiting: u64,
    size: (u64, u64),
    created: Time,
    archived: Option<Time>,
}

impl Record {
    fn new(id: &impl ToString, name: String, link: Link, created: Time, archived: Option<Time>) -> Self {
        Self {
            id: id.to_string(),
            name,
            under: String::new(),
            company: None,
            location: None,
            user: None,
            link,
            waiting: 0,
            size: (0, 0),
            created,
            archived,
        }
    }
}

/// Reads records of a kind.
async fn records(app: &App, caller: &Visitor, kind: Kind, wanted: &DirectoryQuery) -> Result<Vec<Record>, Refused> {
    let text = Text::default();
    let by = &caller.technician;
    Ok(match kind {
        Kind::Companies => {
            let rows = app.companies(by, wanted).await?;
            let ids: Vec<CompanyId> = rows.iter().map(|row| row.company.id.clone()).collect();
            let sizes = app.company_sizes(by, &ids).await?;
            let record = |row: countersign_app::CompanyRow| Record {
                waiting: row.waiting,
                size: sizes.get(row.company.id.as_str()).copied().unwrap_or_default(),
                ..Record::new(&row.company.id, row.company.name, row.link, row.company.created_at, row.archived_at)
            };
            rows.into_iter().map(record).collect()
        }
        Kind::Locations => {
            let record = |row: countersign_app::LocationRow| Record {
                under: row.company,
                company: Some(row.location.company_id),
                ..Record::new(&row.location.id, row.location.name, row.link, row.location.created_at, row.archived_at)
            };
            app.locations(by, wanted).await?.into_iter().map(record).collect()
        }
        Kind::Computers => {
            let record = |row: countersign_app::ComputerRow| Record {
                under: format!("{}, {}", row.company, row.location),
                company: Some(row.computer.company_id),
                location: Some(row.computer.location_id),
                ..Record::new(&row.computer.id, row.computer.name, row.link, row.computer.created_at, row.archived_at)
            };
            app.computers(by, wanted).await?.into_iter().map(record).collect()
        }
        Kind::Contacts => {
            let record = |row: countersign_app::ContactRow| Record {
                under: format!("{} · {}", row.contact.email, row.company),
                company: Some(row.contact.company_id),
                ..Record::new(&row.contact.id, row.contact.name, row.link, row.contact.created_at, row.archived_at)
            };
            app.contacts(by, wanted).await?.into_iter().map(record).collect()
        }
        Kind::Users => {
            let record = |row: countersign_app::TechnicianRow| {
                let (user, under) = (row.technician.clone(), words::role(text, &row));
                // When somebody was disabled is in the audit log; that he is, counts here.
                let archived = user.disabled.then_some(user.created_at);
                Record {
                    under: format!("{under} · {}", user.email),
                    user: Some(user),
                    ..Record::new(
                        &row.technician.id,
                        row.technician.name,
                        row.link,
                        row.technician.created_at,
                        archived,
                    )
                }
            };
            app.technicians(by, wanted).await?.into_iter().map(record).collect()
        }
    })
}

/// One record, archived or not.
async fn record(app: &App, caller: &Visitor, kind: Kind, id: &str) -> Result<Record, Refused> {
    let wanted = DirectoryQuery { id: Some(id.to_owned()), limit: 1, ..DirectoryQuery::default() };
    let found = records(app, caller, kind, &wanted).await?;
    found.into_iter().find(|record| record.id == id).ok_or(Refused::NotFound)
}

/// The chosen records, archived or not; those that the caller may not see are left out.
async fn chosen(app: &App, caller: &Visitor, kind: Kind, ids: &[String]) -> Result<Vec<Record>, Refused> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let wanted =
        DirectoryQuery { ids: ids.to_vec(), shelf: Shelf::Both, limit: ids.len(), ..DirectoryQuery::default() };
    records(app, caller, kind, &wanted).await
}

fn link_state(link: &Link) -> LinkState {
    let name = || link.psa_name.clone().unwrap_or_default();
    match link.state {
        Standing::Linked => LinkState::Linked { name: name(), id: link.psa_id.clone().unwrap_or_default() },
        Standing::Unlinked => LinkState::Unlinked { like: candidates(link).into_iter().next() },
        Standing::Ambiguous => LinkState::Ambiguous { candidates: u64::try_from(link.candidates.len()).unwrap_or(0) },
        Standing::Missing => LinkState::Missing { name: name(), into: candidates(link).into_iter().next() },
    }
}

/// Who could be meant, the likeliest first.
fn candidates(link: &Link) -> Vec<Candidate> {
    let text = Text::default();
    let mut all = link.candidates.clone();
    all.sort_by(|one, other| other.score.total_cmp(&one.score));
    all.into_iter()
        .map(|candidate| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a score is clamped to 0 to 1, so this is 0 to 100"
            )]
            let percent = (candidate.score.clamp(0.0, 1.0) * 100.0).round() as u64;
            let alike = (percent < 100).then(|| text.count("link-alike", percent));
            Candidate { id: candidate.psa_id, name: candidate.psa_name, alike }
        })
        .collect()
}

/// Why records cannot be linked now: there is no connection, or their company comes first.
struct Blocks<'a> {
    app: &'a App,
    caller: &'a Visitor,
    text: Text,
    connected: bool,
    companies: HashMap<CompanyId, bool>,
}

impl<'a> Blocks<'a> {
    fn new(app: &'a App, caller: &'a Visitor) -> Self {
        let connected = app.ticketing().settings.connection.is_some();
        Self { app, caller, text: Text::default(), connected, companies: HashMap::new() }
    }

    async fn of(&mut self, record: &Record) -> Result<Option<String>, Refused> {
        if record.link.state == Standing::Linked || record.archived.is_some() {
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

    async fn row(&mut self, kind: Kind, record: Record, result: Option<RowResult>) -> Result<DirectoryRow, Refused> {
        Ok(DirectoryRow {
            blocked: self.of(&record).await?,
            id: record.id,
            name: record.name,
            under: record.under,
            link: link_state(&record.link),
            waiting: record.waiting,
            size: record.size,
            created: words::when(record.created),
            archived: record.archived.is_some(),
            editable: may_edit(&self.caller.technician, kind),
            result,
        })
    }

    async fn rows(&mut self, kind: Kind, records: Vec<Record>) -> Result<Vec<DirectoryRow>, Refused> {
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            rows.push(self.row(kind, record, None).await?);
        }
        Ok(rows)
    }
}

async fn list(kind: Kind, State(app): State<App>, visitor: Visitor, Query(options): Query<ListOptions>) -> Page {
    let page = list_page(&app, &visitor, kind, &options).await?;
    Ok(html(&page))
}

/// A list as its address says.
async fn list_page(app: &App, caller: &Visitor, kind: Kind, options: &ListOptions) -> Result<DirectoryPage, Refused> {
    let text = Text::default();
    let query = options.query().to_owned();
    let after = options.after.as_deref().and_then(|cursor| cursor.split_once('~'));
    let wanted = DirectoryQuery {
        after: after.map(|(id, key)| (key.to_owned(), id.to_owned())),
        limit: PAGE + 1,
        ..options.wanted()?
    };
    let of = match &wanted.company {
        Some(company) => {
            let row = app.company(&caller.technician, company).await?;
            Some(Candidate { id: company.to_string(), name: row.company.name, alike: None })
        }
        None => None,
    };
    let (found, more) = cut(records(app, caller, kind, &wanted).await?, PAGE);
    let next = found.last().filter(|_| more == More::Yes).map(|last| {
        let key = match wanted.order {
            Order::Name => name_key(&last.name),
            Order::Newest => last.created.0.to_string(),
        };
        format!("{}~{key}", last.id)
    });
    let rows = Blocks::new(app, caller).rows(kind, found).await?;
    let empty = rows.is_empty().then(|| {
        let all = format!("/portal/{}", kind.path());
        if !query.is_empty() {
            Empty::filtered(text, text.arg(&kind.key("none-found"), "query", &query), &all)
        } else if options.state.is_empty() && of.is_none() {
            Empty { title: text.t(kind.key("empty")), text: text.t(kind.key("empty-text")), link: None }
        } else {
            Empty::filtered(text, text.t("none-in-state"), &all)
        }
    });
    let counts = app.link_counts(&caller.technician, link_kind(kind), &wanted).await?;
    let later = options.after.is_some();
    let page = page_of(app, caller, kind, &options.state, counts).await?;
    Ok(DirectoryPage { query, sort: options.sort(), of, rows, next, later, empty, ..page })
}

/// The page of some records alone, whatever list they are from.
async fn few_page(app: &App, caller: &Visitor, kind: Kind, rows: Vec<DirectoryRow>) -> Result<DirectoryPage, Refused> {
    let counts = app.link_counts(&caller.technician, link_kind(kind), &DirectoryQuery::default()).await?;
    Ok(DirectoryPage { rows, ..page_of(app, caller, kind, "chosen", counts).await? })
}

/// A list's page without its rows.
async fn page_of(
    app: &App,
    caller: &Visitor,
    kind: Kind,
    state: &str,
    counts: LinkCounts,
) -> Result<DirectoryPage, Refused> {
    let text = Text::default();
    let summary = match counts.in_use() - counts.linked {
        // Of no record nothing is to be said.
        0 if counts.in_use() == 0 => String::new(),
        0 => text.t(kind.key("summary")),
        count => text.count(kind.key("summary-unlinked"), count),
    };
    let tabs = [
        ("", "tab-all".to_owned(), counts.in_use()),
        ("linked", "tab-linked".to_owned(), counts.linked),
        ("unlinked", "tab-unlinked".to_owned(), counts.unlinked),
        ("ambiguous", "tab-ambiguous".to_owned(), counts.ambiguous),
        ("missing", "tab-missing".to_owned(), counts.missing),
        ("archived", kind.key("tab-archived"), counts.archived),
    ];
    let tabs = tabs
        .into_iter()
        .filter(|(word, _, count)| *word != "archived" || *count > 0 || state == "archived")
        .map(|(word, key, count)| Tab { state: word, label: text.t(key), count: Some(count), current: word == state })
        .collect();
    Ok(DirectoryPage {
        text,
        frame: frame_of(app, caller, kind, text.t(kind.key("title"))).await?,
        kind,
        summary,
        tabs,
        query: String::new(),
        sort: "name",
        of: None,
        rows: Vec::new(),
        next: None,
        later: false,
        empty: None,
        said: None,
        ask: None,
        sync: super::sync::line(app, caller, link_kind(kind)).await?,
        add: add::offered(app, caller, kind).await?,
        editable: may_edit(&caller.technician, kind),
    })
}

async fn frame_of(app: &App, caller: &Visitor, kind: Kind, title: String) -> Result<Frame, Refused> {
    frame(app, caller, screen(kind), title).await
}

pub(super) fn parsed<T: std::str::FromStr>(id: &str) -> Result<T, Refused> {
    id.parse().map_err(|_| Refused::NotFound)
}
