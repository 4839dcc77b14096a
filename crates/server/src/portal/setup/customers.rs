//! Step 6: Halo's customers become companies, or companies that are there are linked; then the directory is read.
//!
//! Called by the router of the set-up.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use countersign_app::customers::{Import, Which};
use countersign_app::setup::Step;
use countersign_app::sync::{SyncKind, SyncState};
use countersign_app::{App, CompanyRow, DirectoryQuery};
use countersign_domain::link::{Kind, LinkState};
use countersign_domain::text::name_key;
use serde::Deserialize;

use super::{Shell, address, is_script, may_edit, saying, script_to, shell, to, told};
use crate::portal::form::Signed;
use crate::portal::text::Text;
use crate::portal::view::frame::Tone;
use crate::portal::view::setup_lists::{Customer, CustomerList, CustomersPage, Loose, Work, Working};
use crate::portal::view::ticketing::Switch;
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html};

/// How many customers a page holds.
const PAGE: usize = 25;
/// How many unlinked companies are shown here; the list of companies has all.
const LOOSE: usize = 20;
/// More companies than are linked in one go.
const ALL: usize = 10_000;

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    q: String,
    page: Option<usize>,
    /// The fragment was shown while an import ran.
    importing: Option<String>,
    /// What an action just did, or why it did not.
    said: Option<String>,
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

async fn list_of(app: &App, caller: &Visitor, options: &Options) -> Result<CustomerList, Refused> {
    let by = &caller.technician;
    let query = options.q.trim();
    let (customers, error) = match app.customers(by).await {
        Ok(customers) => (customers, None),
        Err(error) => (Arc::default(), Some(told(error)?.1)),
    };
    let linked = app.linked_customers(by).await?;
    let key = name_key(query);
    let fits = |name: &str, id: &str| id == query || name_key(name).contains(&key);
    let found: Vec<_> = customers.iter().filter(|theirs| fits(&theirs.psa_name, &theirs.psa_id)).collect();
    let pages = found.len().div_ceil(PAGE).max(1);
    let page = options.page.unwrap_or(1).clamp(1, pages);
    let rows = found.iter().skip((page - 1) * PAGE).take(PAGE).map(|theirs| Customer {
        id: theirs.psa_id.clone(),
        name: theirs.psa_name.clone(),
        linked: if linked.contains(&theirs.psa_id) { Switch::On } else { Switch::Off },
    });
    Ok(CustomerList {
        text: Text::default(),
        query: query.to_owned(),
        rows: rows.collect(),
        found: count(found.len()),
        all: count(customers.len()),
        left: count(customers.iter().filter(|theirs| !linked.contains(&theirs.psa_id)).count()),
        page,
        pages,
        error,
    })
}

/// Our companies that need a link, those that need a person first.
async fn loose(app: &App, caller: &Visitor, limit: usize) -> Result<Vec<CompanyRow>, Refused> {
    let mut rows = Vec::new();
    for state in [LinkState::Ambiguous, LinkState::Missing, LinkState::Unlinked] {
        let wanted = DirectoryQuery { link: Some(state), limit, ..DirectoryQuery::default() };
        rows.extend(app.companies(&caller.technician, &wanted).await?);
    }
    rows.truncate(limit);
    Ok(rows)
}

/// What goes on in the background, or did: an import, and the reading of the directory.
async fn working(app: &App) -> Result<Working, Refused> {
    let text = Text::default();
    let import = app.import();
    let importing = import.as_ref().is_some_and(|import| !import.is_over());
    let mut works = Vec::new();
    if let Some(import) = &import {
        works.push(Work {
            sentence: import_sentence(text, import),
            running: if importing { Switch::On } else { Switch::Off },
            done: count(import.seen),
            of: Some(count(import.total)),
        });
    }
    let sync = app.directory_sync().await?;
    works.extend(sync_work(text, &sync));
    Ok(Working {
        text,
        running: if works.iter().any(|work| work.running.is_on()) { Switch::On } else { Switch::Off },
        importing: if importing { Switch::On } else { Switch::Off },
        works,
        failures: import.map(|import| import.failures).unwrap_or_default(),
        trouble: sync.trouble,
    })
}

fn sync_work(text: Text, sync: &SyncState) -> Option<Work> {
    if let Some(now) = &sync.running {
        let kind = text.t(format!("sync-{}", now.kind.as_str()));
        let sentence = match now.total {
            Some(total) => {
                let far = text.arg2("sync-of", "seen", now.seen.to_string(), "total", total.to_string());
                text.arg2("sync-running-far", "kind", kind, "far", far)
            }
            None => text.arg("sync-running", "kind", kind),
        };
        return Some(Work { sentence, running: Switch::On, done: now.seen, of: now.total });
    }
    sync.full_at?;
    let seen = sync.kinds.iter().filter(|kind| kind.seen > 0);
    let seen = seen.map(|kind| text.count(format!("sync-{}-seen", kind.kind.as_str()), kind.seen));
    let sentence = text.arg("sync-over", "seen", seen.collect::<Vec<_>>().join(", "));
    Some(Work { sentence, running: Switch::Off, done: 0, of: None })
}

fn import_sentence(text: Text, import: &Import) -> String {
    if !import.is_over() {
        return text.arg2("customers-importing", "seen", import.seen.to_string(), "total", import.total.to_string());
    }
    let linked = text.count("customers-imported", count(import.total - import.failed));
    text.arg2("customers-imported-all", "linked", linked, "made", text.count("customers-made", count(import.made)))
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    let (frame, steps) = match shell(&app, &visitor, Step::Customers).await? {
        Shell::Edits(frame, steps) => (*frame, steps),
        Shell::Reads(page) => return Ok(page),
    };
    let text = Text::default();
    let rows = loose(&app, &visitor, LOOSE).await?.into_iter().map(|row| Loose {
        id: row.company.id.to_string(),
        name: row.company.name,
        like: row.link.candidates.into_iter().next().map(|like| (like.psa_id, like.psa_name)),
    });
    let said = match options.said.as_deref() {
        Some("linked") => Some((Tone::Ok, "customers-linked-said")),
        Some("not-linked") => Some((Tone::Warn, "customers-not-linked-said")),
        Some("none") => Some((Tone::Warn, "customers-none-chosen")),
        Some("runs") => Some((Tone::Info, "customers-import-runs")),
        _ => None,
    };
    let (tone, key) = said.unzip();
    Ok(html(&CustomersPage {
        text,
        frame,
        steps: saying(steps, tone.unwrap_or(Tone::Info), key.map(|key| text.t(key))),
        list: list_of(&app, &visitor, &options).await?,
        loose: rows.collect(),
        loose_all: app.unlinked(&visitor.technician).await?.companies,
        working: working(&app).await?,
    }))
}

/// The customers that fit a search, or another page of them.
pub(super) async fn list(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    may_edit(&visitor)?;
    Ok(html(&list_of(&app, &visitor, &options).await?))
}

fn back_saying(said: &str) -> Response {
    Redirect::to(&format!("{}?said={said}", address(Step::Customers))).into_response()
}

pub(super) async fn import(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    may_edit(caller)?;
    let which = match form.fields.get("which") {
        Some("all") => Which::All,
        _ => Which::Only(form.fields.all("ids").into_iter().collect::<BTreeSet<_>>()),
    };
    match app.start_import(&caller.technician, which).await {
        // The page shows how it goes.
        Ok(_) => Ok(to(Step::Customers)),
        Err(error) => match error.code() {
            "none_chosen" => Ok(back_saying("none")),
            "import_runs" => Ok(back_saying("runs")),
            _ => Err(error.into()),
        },
    }
}

/// Links one company to the customer that is suggested, or all by their names.
pub(super) async fn link(State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    may_edit(caller)?;
    let by = &caller.technician;
    let linked = if let Some(company) = form.fields.get("company") {
        app.link(by, Kind::Company, company, form.fields.get("psa_id")).await?.state == LinkState::Linked
    } else {
        let ids: Vec<String> =
            loose(&app, caller, ALL).await?.into_iter().map(|row| row.company.id.to_string()).collect();
        let done = app.link_many(by, Kind::Company, &ids).await?;
        done.iter().any(|one| one.link.as_ref().is_some_and(|link| link.state == LinkState::Linked))
    };
    Ok(back_saying(if linked { "linked" } else { "not-linked" }))
}

/// What goes on, for the fragment that asks again.
pub(super) async fn progress(
    State(app): State<App>,
    headers: HeaderMap,
    visitor: Visitor,
    Query(options): Query<Options>,
) -> Page {
    may_edit(&visitor)?;
    let working = working(&app).await?;
    if options.importing.is_some() && !working.importing.is_on() && is_script(&headers) {
        // The import is over: the lists of the page are other ones now.
        return Ok(script_to(Step::Customers));
    }
    Ok(html(&working))
}

/// Has the directory read now.
pub(super) async fn sync(State(app): State<App>, form: Signed) -> Page {
    may_edit(&form.visitor)?;
    app.sync_directory(&form.visitor.technician, SyncKind::Full).await?;
    Ok(to(Step::Customers))
}
