//! What is done to the chosen rows of a list, with a result for each.
//!
//! Called by the directory's router. The decision a reader would undo: several companies are not archived at once where
//! they have computers, since each of those asks for its name.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use countersign_app::people::TechnicianChange;
use countersign_app::{App, DirectoryQuery, Error};
use countersign_domain::link::LinkState as Standing;
use countersign_domain::text::name_key;

use crate::portal::form::Signed;
use crate::portal::text::Text;
use crate::portal::view::directory::{Ask, Back, DirectoryPage, Kind, RowResult, Said};
use crate::portal::view::frame::Tone;
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html, html_with};
use crate::sheet;

use super::one::tried;
use super::{Blocks, ListOptions, Record, chosen, few_page, link_kind, list_page, may_edit};

/// What the form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Link,
    /// Ties them again to what they were tied to.
    Again,
    Unlink,
    Archive,
    Restore,
}

impl Action {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "link" => Some(Self::Link),
            "again" => Some(Self::Again),
            "unlink" => Some(Self::Unlink),
            "archive" => Some(Self::Archive),
            "restore" => Some(Self::Restore),
            _ => None,
        }
    }
}

/// Acts on the chosen records, and shows them with a result for each.
pub(super) async fn many(kind: Kind, State(app): State<App>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    let ids = form.fields.all("ids");
    let options = ListOptions {
        state: form.fields.typed("state").to_owned(),
        q: form.fields.typed("q").to_owned(),
        sort: form.fields.typed("sort").to_owned(),
        company: form.fields.typed("company").to_owned(),
        after: None,
    };
    let word = form.fields.typed("action");
    if word == "export" {
        let wanted = if ids.is_empty() {
            options.wanted()?
        } else {
            DirectoryQuery { ids, shelf: countersign_app::Shelf::Both, ..options.wanted()? }
        };
        return Ok(sheet::download(app, caller.technician.clone(), link_kind(kind), wanted));
    }
    if !may_edit(&caller.technician, kind) {
        return Err(Refused::forbidden());
    }
    let Some(first) = ids.first() else {
        let page = list_page(&app, caller, kind, &options).await?;
        let said = Some(Said { tone: Tone::Warn, text: text.t("actions-none"), back: None });
        return Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &DirectoryPage { said, ..page }));
    };
    match word {
        "by_hand" => return Ok(Redirect::to(&format!("/portal/{}/{first}#link", kind.path())).into_response()),
        "edit" => return Ok(Redirect::to(&format!("/portal/{}/{first}#edit", kind.path())).into_response()),
        _ => {}
    }
    let action = Action::parse(word).ok_or(Refused::Stale)?;
    let records = chosen(&app, caller, kind, &ids_of(action, &ids)).await?;
    if matches!(action, Action::Unlink | Action::Archive) {
        let ask = question(text, kind, action, &records, form.fields.get("typed"));
        if !form.fields.has("confirmed") || ask.wrong {
            let status = if ask.wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            let rows = Blocks::new(&app, caller).rows(kind, records).await?;
            let page = few_page(&app, caller, kind, rows).await?;
            return Ok(html_with(status, &DirectoryPage { ask: Some(ask), ..page }));
        }
    }
    let results = act(&app, caller, kind, action, &ids, &records).await?;
    answer(&app, caller, kind, action, &records, results).await
}

/// The records that are meant: the way back names what they were tied to behind them.
fn ids_of(action: Action, ids: &[String]) -> Vec<String> {
    if action != Action::Again {
        return ids.to_vec();
    }
    ids.iter().filter_map(|pair| pair.split_once('~')).map(|(id, _)| id.to_owned()).collect()
}

/// The question before links are cut or records archived.
fn question(text: Text, kind: Kind, action: Action, records: &[Record], typed: Option<&str>) -> Ask {
    let count = u64::try_from(records.len()).unwrap_or(0);
    let ids = records.iter().map(|record| record.id.clone()).collect();
    if action == Action::Unlink {
        let title = text.count(kind.key("unlink-many"), count);
        return Ask { action: "unlink", ids, title, text: text.t("unlink-text"), typed: None, wrong: false };
    }
    let computers: u64 = records.iter().map(|record| record.size.1).sum();
    let named = match records {
        [one] if computers > 0 => Some(one.name.clone()),
        _ => None,
    };
    let mut effect = text.t(kind.key("archive-text"));
    if named.is_none() && computers > 0 {
        effect = format!("{effect} {}", text.t("archive-not-with-computers"));
    }
    let wrong = typed.is_some_and(|typed| named.as_deref().is_some_and(|name| name_key(name) != name_key(typed)));
    let title = text.count(kind.key("archive-many"), count);
    Ask { action: "archive", ids, title, text: effect, typed: named, wrong }
}

/// What became of a record: well or not, and how.
type Outcome = (Tone, String);

async fn act(
    app: &App,
    caller: &Visitor,
    kind: Kind,
    action: Action,
    ids: &[String],
    records: &[Record],
) -> Result<HashMap<String, Outcome>, Refused> {
    let text = Text::default();
    let by = &caller.technician;
    let mut results = HashMap::new();
    let failed = |error: &Error| (Tone::Bad, text.arg("not-done-said", "why", error.to_string()));
    match action {
        Action::Link => {
            for linked in app.link_many(by, link_kind(kind), ids).await? {
                let outcome = match (&linked.link, linked.error) {
                    (Some(link), _) => tried(text, link),
                    (None, why) => (Tone::Bad, text.arg("link-failed-said", "why", why.unwrap_or_default())),
                };
                results.insert(linked.id, outcome);
            }
        }
        Action::Again => {
            for (id, psa_id) in ids.iter().filter_map(|pair| pair.split_once('~')) {
                let outcome = match app.link(by, link_kind(kind), id, Some(psa_id)).await {
                    Ok(link) => tried(text, &link),
                    Err(error) => (Tone::Bad, text.arg("link-failed-said", "why", error.to_string())),
                };
                results.insert(id.to_owned(), outcome);
            }
        }
        Action::Unlink => {
            for record in records {
                let outcome = match app.unlink(by, link_kind(kind), &record.id).await {
                    Ok(_) => (Tone::Ok, text.t("unlinked-said")),
                    Err(error) => failed(&error),
                };
                results.insert(record.id.clone(), outcome);
            }
        }
        Action::Archive | Action::Restore => {
            let goes = if action == Action::Archive { Goes::Aside } else { Goes::Back };
            for record in records {
                let shelved = if goes == Goes::Aside && records.len() > 1 && record.size.1 > 0 {
                    Ok(Some((Tone::Warn, text.count("archive-alone-said", record.size.1))))
                } else {
                    shelve(app, caller, kind, &record.id, goes).await.map(|()| None)
                };
                let key = if action == Action::Archive { "archived-said" } else { "restored-said" };
                let outcome = match shelved {
                    Ok(left) => left.unwrap_or_else(|| (Tone::Ok, text.t(kind.key(key)))),
                    Err(error) => failed(&error),
                };
                results.insert(record.id.clone(), outcome);
            }
        }
    }
    Ok(results)
}

/// Where a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goes {
    /// Into the archive; a user cannot sign in any more.
    Aside,
    /// Back into the lists.
    Back,
}

/// Archives a record or takes it back; users are disabled and enabled.
pub(super) async fn shelve(app: &App, caller: &Visitor, kind: Kind, id: &str, goes: Goes) -> Result<(), Error> {
    let by = &caller.technician;
    match (kind, goes) {
        (Kind::Users, _) => {
            let id = id.parse().map_err(|_| Error::NotFound("technician"))?;
            let change = TechnicianChange { disabled: Some(goes == Goes::Aside), ..TechnicianChange::default() };
            app.change_technician(by, &id, change).await.map(|_| ())
        }
        (_, Goes::Aside) => app.archive(by, link_kind(kind), id).await,
        (_, Goes::Back) => app.restore(by, link_kind(kind), id).await,
    }
}

/// The records as they are now, each with its result, a sum, and the way back.
async fn answer(
    app: &App,
    caller: &Visitor,
    kind: Kind,
    action: Action,
    before: &[Record],
    mut results: HashMap<String, Outcome>,
) -> Page {
    let text = Text::default();
    let well = |id: &String| results.get(id).is_some_and(|(tone, _)| *tone == Tone::Ok);
    let done: Vec<&Record> = before.iter().filter(|record| well(&record.id)).collect();
    let back = match action {
        Action::Unlink => {
            let tied = done.iter().filter(|record| record.link.state == Standing::Linked);
            let pairs = tied.filter_map(|record| Some(format!("{}~{}", record.id, record.link.psa_id.as_ref()?)));
            Some(Back { action: "again", label: text.t("link-again"), ids: pairs.collect() })
        }
        Action::Archive => {
            let ids = done.iter().map(|record| record.id.clone()).collect();
            Some(Back { action: "restore", label: text.t(kind.key("restore")), ids })
        }
        Action::Link | Action::Again | Action::Restore => None,
    };
    let (done, all) = (done.len().to_string(), results.len().to_string());
    let key = match action {
        Action::Link | Action::Again => "many-linked-said".to_owned(),
        Action::Unlink => "many-unlinked-said".to_owned(),
        Action::Archive => kind.key("many-archived-said"),
        Action::Restore => kind.key("many-restored-said"),
    };
    let said = Said {
        tone: if done == all { Tone::Ok } else { Tone::Warn },
        text: text.arg2(&key, "done", done, "all", all),
        back: back.filter(|back| !back.ids.is_empty()),
    };
    let ids: Vec<String> = results.keys().cloned().collect();
    let mut blocks = Blocks::new(app, caller);
    let mut rows = Vec::with_capacity(ids.len());
    for record in chosen(app, caller, kind, &ids).await? {
        let result = results.remove(&record.id).map(|(tone, text)| RowResult { tone, text });
        rows.push(blocks.row(kind, record, result).await?);
    }
    let page = few_page(app, caller, kind, rows).await?;
    Ok(html(&DirectoryPage { said: Some(said), ..page }))
}
