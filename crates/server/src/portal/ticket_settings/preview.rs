//! What a ticket of a real request would look like with what was typed.

use countersign_app::{App, Error, RequestQuery};
use countersign_domain::text::html as escaped;
use countersign_domain::ticket::Part;

use super::Scope;
use super::fields::choose;
use super::values::{Values, texts};
use crate::api::texts::event as event_named;
use crate::portal::text::Text;
use crate::portal::view::ticket_settings::{Preview, Sent};
use crate::portal::visitor::Visitor;
use crate::portal::{Refused, assets};

const EVENTS: [&str; 8] = ["opened", "approved", "denied", "expired", "withdrawn", "revoked", "failed", "repeated"];

/// The preview of the request and event that were chosen; of the newest request and its opening where none was.
pub(super) async fn preview_of(
    app: &App,
    caller: &Visitor,
    scope: &Scope,
    values: &Values,
    wanted: (&str, &str),
) -> Result<Preview, Refused> {
    let text = Text::default();
    let query = RequestQuery {
        company: scope.company.as_ref().map(|(id, _)| id.clone()),
        heads_only: true,
        limit: 20,
        ..RequestQuery::default()
    };
    let rows = app.requests(&caller.technician, &query).await?;
    let chosen = rows.iter().position(|row| row.request.id.as_str() == wanted.0).unwrap_or(0);
    let event = EVENTS.into_iter().find(|event| *event == wanted.1).unwrap_or("opened");
    let mut preview = Preview {
        text,
        base: scope.base(),
        requests: rows
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let label =
                    format!("{} · {} · {}", row.request.asked.program_name(), row.computer, row.request.id.short());
                choose(row.request.id.as_str(), label, place == chosen)
            })
            .collect(),
        events: EVENTS.map(|one| choose(one, text.t(format!("ts-event-{one}")), one == event)).into(),
        summary: None,
        document: None,
        fields: Vec::new(),
        notes: Vec::new(),
    };
    let (Some(row), Some(part)) = (rows.get(chosen), event_named(event)) else { return Ok(preview) };
    // A mistake in another text is told when it is shown, or saved.
    let shown = |one: &Part| *one == part || (part == Part::Description && *one == Part::Summary);
    let texts: Vec<_> = texts(values).into_iter().filter(|(one, _)| shown(one)).collect();
    match app.preview_ticket(&caller.technician, &row.request.id, part, &texts).await {
        Ok(shown) => {
            preview.summary = shown.summary;
            preview.document = Some(document(&shown.html));
            preview.notes = shown.warnings;
            preview.fields = shown
                .fields
                .into_iter()
                .map(|field| Sent { label: label(text, field.name), value: field.value, called: field.called })
                .collect();
        }
        Err(Error::Invalid { sentence, .. }) => preview.notes = vec![sentence],
        Err(other) => return Err(other.into()),
    }
    Ok(preview)
}

/// A field's name in words: the setting's own label where it is one.
fn label(text: Text, name: &str) -> String {
    match name {
        "customer" | "site" | "contact" | "asset" | "occurred_at" | "status" | "assignee" | "time_owner"
        | "time_minutes" => text.t(format!("ts-sent-{name}")),
        _ => text.t(format!("ts-{name}")),
    }
}

/// The document of the preview's frame. The frame is sandboxed: it runs no script, sends no form and opens nothing. It
/// is of our origin only to get its sheet, which without scripts gives it nothing else.
fn document(body: &str) -> String {
    let sheet = escaped(&assets::url("preview.css"));
    format!("<!doctype html><meta charset=\"utf-8\"><link rel=\"stylesheet\" href=\"{sheet}\"><body>{body}</body>")
}
