//! `/Attachment`: files at tickets and actions, small ones, in memory.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Call, Reply, fields};
use crate::clock::{Stamp, date_or_unset};
use crate::model::Attachment;
use crate::rights::{Access, Level};
use crate::switches::OnOff;
use crate::ticket_writes::{edit_level, written};
use crate::world::{Change, World};

/// What a client may set on an attachment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AttachmentIn {
    ticket_id: Option<i32>,
    action_id: Option<i32>,
    filename: Option<String>,
    data_base64: Option<String>,
    note: Option<String>,
}

fn row(attachment: &Attachment) -> Value {
    json!({
        "id": attachment.id, "filename": attachment.filename, "filesize": attachment.filesize, "note": attachment.note,
        "ticket_id": attachment.ticket_id, "action_id": attachment.action_id, "isimage": attachment.isimage, "type": 0,
        "unique_id": attachment.ticket_id, "datecreated": date_or_unset(attachment.datecreated),
    })
}

fn sees(world: &World, access: &Access, ticket_id: i64) -> bool {
    world.book.tickets.get(ticket_id).is_some_and(|ticket| !ticket.deleted && access.sees(&world.book, ticket))
}

/// `GET /Attachment?ticket_id=`.
///
/// # Errors
/// 403 without the scope, 400 for ids of the wrong kind.
pub(crate) fn list(world: &World, access: &Access, call: &Call) -> Reply {
    if !access.scope_reads_tickets() {
        return Err(Answer::forbidden());
    }
    let ticket = call.query.int("ticket_id")?.or(call.query.int("unique_id")?).unwrap_or_default();
    let action = call.query.int("action_id")?;
    let mine = |a: &&Attachment| a.ticket_id == ticket && action.is_none_or(|action| a.action_id == action);
    let shown = sees(world, access, ticket);
    let rows: Vec<Value> = world.book.attachments.values().filter(|_| shown).filter(mine).map(row).collect();
    Ok(Answer::ok(json!({
        "type": 0, "unique_id": ticket, "ticket_id": ticket, "action_id": action.unwrap_or_default(),
        "record_count": rows.len(), "attachments": rows,
    })))
}

/// `GET /Attachment/{id}`: the content.
///
/// # Errors
/// 403 without the scope, 404 for a file that is not there or hidden.
pub(crate) fn get(world: &World, access: &Access, id: i64) -> Reply {
    if !access.scope_reads_tickets() {
        return Err(Answer::forbidden());
    }
    let found = world.book.attachments.get(id).filter(|attachment| sees(world, access, attachment.ticket_id));
    let attachment = found.ok_or_else(Answer::not_found)?;
    let content = BASE64_STANDARD.decode(&attachment.data_base64).unwrap_or_default();
    let name = attachment.filename.replace(['"', '\r', '\n'], "_");
    let answer = Answer::raw("application/octet-stream", content);
    Ok(answer.with("content-disposition", format!("attachment; filename=\"{name}\"")))
}

/// `POST /Attachment`.
///
/// # Errors
/// 403 without the right, 400 for a bad ticket or content that is not base64.
pub(crate) fn post(world: &mut World, access: &Access, call: &Call) -> Reply {
    if !access.scope_edits_tickets() || access.ticket_level() != Level::Modify {
        return Err(Answer::forbidden());
    }
    let mut ids = Vec::new();
    for record in call.records(world.switches.accept_bare_object == OnOff::On)? {
        let input: AttachmentIn = fields(record)?;
        let ticket_id = input.ticket_id.map_or(0, i64::from);
        let ticket = world.book.tickets.get(ticket_id).filter(|_| sees(world, access, ticket_id));
        let ticket = ticket.ok_or_else(|| Answer::exception("The ticket of the attachment is not valid."))?;
        if !access.may_edit(&world.book, ticket, edit_level(world)) {
            return Err(Answer::forbidden());
        }
        let action_id = input.action_id.map_or(0, i64::from);
        ids.push(store(world, input, ticket_id, action_id)?);
    }
    Ok(written(world, call, &ids, |world, id| world.book.attachments.get(*id).map_or(Value::Null, row)))
}

/// Keeps a file.
///
/// # Errors
/// 400 for content that is not base64.
pub(crate) fn store(world: &mut World, input: AttachmentIn, ticket_id: i64, action_id: i64) -> Result<i64, Answer> {
    let data = input.data_base64.unwrap_or_default();
    let data = data.split_once("base64,").map_or(data.as_str(), |(_, content)| content);
    let content = BASE64_STANDARD.decode(data).map_err(|_| Answer::exception("The attachment is not valid base64."))?;
    let filename = input.filename.unwrap_or_else(|| "attachment".to_owned());
    let lower = filename.to_lowercase();
    let id = world.book.attachments.next_id();
    world.record(Change::Attachment(Attachment {
        id,
        ticket_id,
        action_id,
        filesize: i64::try_from(content.len()).unwrap_or(i64::MAX),
        datecreated: Some(Stamp::now()),
        isimage: [".png", ".jpg", ".jpeg", ".gif"].iter().any(|ending| lower.ends_with(ending)),
        data_base64: data.to_owned(),
        note: input.note.unwrap_or_default(),
        filename,
    }));
    Ok(id)
}

/// `DELETE /Attachment/{id}`.
///
/// # Errors
/// 403 without the right, 404 for a file that is not there.
pub(crate) fn delete(world: &mut World, access: &Access, id: i64) -> Reply {
    if !access.scope_edits_tickets() || access.ticket_level() != Level::Modify {
        return Err(Answer::forbidden());
    }
    let found = world.book.attachments.get(id).filter(|attachment| sees(world, access, attachment.ticket_id));
    let body = found.map(row).ok_or_else(Answer::not_found)?;
    world.record(Change::AttachmentGone(id));
    Ok(Answer::ok(body))
}
