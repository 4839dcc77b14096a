//! A list of companies, locations or users is read in: looked at line by line first, then done.
//!
//! Called by the directory's router. The decision a reader would undo: what is done is what was looked at. A text that
//! was changed since its preview is looked at again.

use axum::extract::State;
use axum::http::StatusCode;
use countersign_app::App;
use countersign_app::Error;
use countersign_app::import::{Done, LineResult, Run};
use countersign_app::sign_in::hash;

use crate::portal::form::Signed;
use crate::portal::text::Text;
use crate::portal::view::directory::{ImportLine, ImportPage, Imported, Kind};
use crate::portal::view::frame::Tone;
use crate::portal::visitor::Visitor;
use crate::portal::{Page, Refused, html, html_with};
use crate::sheet::{self, Sheet};

use super::add::may_add;
use super::{frame_of, link_kind};

/// How many lines a page shows.
const SHOWN: usize = 1000;

async fn empty(app: &App, caller: &Visitor, kind: Kind) -> Result<ImportPage, Refused> {
    if !may_add(caller, kind) {
        return Err(Refused::forbidden());
    }
    let text = Text::default();
    let frame = frame_of(app, caller, kind, text.t(kind.key("import"))).await?;
    Ok(ImportPage { text, frame, kind, csv: String::new(), imported: None, error: None })
}

pub(super) async fn page(kind: Kind, State(app): State<App>, visitor: Visitor) -> Page {
    Ok(html(&empty(&app, &visitor, kind).await?))
}

pub(super) async fn import(kind: Kind, State(app): State<App>, form: Signed) -> Page {
    let caller = &form.visitor;
    let page = ImportPage { csv: form.fields.typed("csv").to_owned(), ..empty(&app, caller, kind).await? };
    let digest = hash(&page.csv);
    let refused = |why: String| {
        let page = ImportPage { error: Some(why), ..page.clone() };
        Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
    };
    let Sheet { lines, broken, ignored } = match sheet::read(page.csv.as_bytes()) {
        Ok(sheet) => sheet,
        Err(why) => return refused(why),
    };
    let looked_at = form.fields.get("action") == Some("do") && form.fields.get("digest") == Some(&digest);
    let run = if looked_at { Run::Do } else { Run::Preview };
    let results = match app.import_lines(&caller.technician, link_kind(kind), &lines, run).await {
        Ok(results) => Sheet::results(broken, results),
        Err(error @ Error::Invalid { .. }) => return refused(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let imported = Some(told(kind, run, results, &ignored, digest));
    Ok(html(&ImportPage { imported, ..page }))
}

/// The lines that a page shows, in the order of the file: those with an error before all others. And how many are left out.
fn shown(results: Vec<LineResult>) -> (Vec<LineResult>, u64) {
    let (bad, good): (Vec<_>, Vec<_>) = results.into_iter().partition(|result| result.reason.is_some());
    let all = bad.len() + good.len();
    let mut lines: Vec<LineResult> = bad.into_iter().chain(good).take(SHOWN).collect();
    lines.sort_by_key(|result| result.number);
    let hidden = u64::try_from(all - lines.len()).unwrap_or(0);
    (lines, hidden)
}

fn told(kind: Kind, run: Run, results: Vec<LineResult>, ignored: &[String], digest: String) -> Imported {
    let text = Text::default();
    let count = |is: fn(&LineResult) -> bool| {
        u64::try_from(results.iter().filter(|result| is(result)).count()).unwrap_or(u64::MAX)
    };
    let created = count(|result| result.done == Done::Created);
    let linked = count(|result| result.linked.is_some());
    let errors = count(|result| result.reason.is_some());
    let existing = count(|result| result.done == Done::Exists);
    let verb = if run == Run::Preview { "preview" } else { "done" };
    let summary = [("created", created), ("exists", existing), ("linked", linked), ("errors", errors)]
        .into_iter()
        .map(|(what, count)| text.count(format!("import-{verb}-{what}"), count))
        .collect::<Vec<_>>()
        .join(" ");
    let something = created > 0 || linked > 0;
    let go = count(|result| result.reason.is_none());
    let (lines, hidden) = shown(results);
    Imported {
        summary,
        tone: if errors > 0 {
            Tone::Warn
        } else if run == Run::Do {
            Tone::Ok
        } else {
            Tone::Info
        },
        ignored: (!ignored.is_empty()).then(|| text.arg("import-ignored", "columns", ignored.join(", "))),
        go: (run == Run::Preview && something).then(|| text.count("import-go", go)),
        digest,
        lines: lines.into_iter().map(|result| line(kind, run, result)).collect(),
        hidden,
    }
}

fn line(kind: Kind, run: Run, result: LineResult) -> ImportLine {
    let text = Text::default();
    let verb = if run == Run::Preview { "preview" } else { "done" };
    let (tone, word) = match result.done {
        Done::Created => (Tone::Ok, text.t(format!("import-{verb}-line-created"))),
        Done::Exists => (Tone::Quiet, text.t("import-line-exists")),
        Done::Refused => (Tone::Bad, text.t(format!("import-{verb}-line-error"))),
    };
    let linked = result.linked.map(|name| text.arg(&format!("import-{verb}-line-linked"), "name", name));
    let detail = [linked, result.reason].into_iter().flatten().collect::<Vec<_>>().join(" ");
    ImportLine {
        number: result.number,
        name: result.name,
        tone,
        word,
        detail,
        href: result.id.map(|id| format!("/portal/{}/{id}", kind.path())),
    }
}
