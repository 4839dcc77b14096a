//! Two pages for people: all tickets, and one ticket with its timeline, where deep links into Halo lead.
//!
//! Not Halo's portal and not part of the API; they need no sign-in and are not in the log of calls. All text of records
//! is escaped: it came from clients that test hostile strings.

use std::fmt::Write as _;

use crate::answer::{Answer, Call, Content};
use crate::model::{Action, Ticket};
use crate::world::World;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page at this path, if it is one.
pub(crate) fn page(world: &World, call: &Call) -> Option<Answer> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let id = call.query.get("id").and_then(|id| id.parse().ok());
    let body = match (call.method.as_str(), path.as_slice(), id) {
        ("GET", ["ticket" | "tickets"], Some(id)) => world.book.tickets.get(id).map(|ticket| one(world, ticket))?,
        ("GET", [] | ["tickets"], _) => all(world),
        _ => return None,
    };
    let style = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
        table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}\
        pre{white-space:pre-wrap;font:inherit;margin:0}small{color:#666}";
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>HaloPSA stand-in</title>\
        <style>{style}</style></head><body><p><small>HaloPSA stand-in: simulated tickets, no real ones.</small></p>{body}</body></html>\n"
    );
    let answer = Answer { status: 200, content: Content::Text("text/html; charset=utf-8", html), headers: Vec::new() };
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    Some(answer.with("content-security-policy", policy).with("x-content-type-options", "nosniff"))
}

fn status<'a>(world: &'a World, ticket: &Ticket) -> &'a str {
    world.book.statuses.get(ticket.status_id).map_or("", |status| &status.name)
}

fn all(world: &World) -> String {
    let mut rows = String::new();
    for ticket in world.book.tickets.values().rev().take(200) {
        let (id, summary) = (ticket.id, escaped(&ticket.summary));
        let (status, client) = (escaped(status(world, ticket)), escaped(world.book.client_name(ticket.client_id)));
        // Writing to a String cannot fail.
        let _ = write!(rows, "<tr><td><a href=\"/ticket?id={id}\">{id}</a><td>{status}<td>{client}<td>{summary}");
    }
    let count = world.book.tickets.len();
    format!("<h1>{count} tickets</h1><table><tr><th>Id<th>Status<th>Customer<th>Summary</tr>{rows}</table>")
}

fn one(world: &World, ticket: &Ticket) -> String {
    let book = &world.book;
    let assets: Vec<&str> =
        ticket.assets.iter().filter_map(|id| book.assets.get(*id)).map(|a| a.inventory_number.as_str()).collect();
    let facts = [
        ("Status", status(world, ticket)),
        ("Customer", book.client_name(ticket.client_id)),
        ("Site", book.site_name(ticket.site_id)),
        ("User", book.user_name(ticket.user_id)),
        ("Assets", &assets.join(", ")),
        ("Team", book.team_name(ticket.team_id)),
        ("Agent", book.agent_name(ticket.agent_id)),
        ("Reference", &ticket.third_party_id_string),
        ("Deleted", if ticket.deleted { "yes" } else { "no" }),
    ];
    let mut rows = String::new();
    for (name, value) in facts {
        let _ = write!(rows, "<tr><th>{name}<td>{}", escaped(value));
    }
    let entries: String = book.actions(ticket.id).map(entry).collect();
    let (id, summary) = (ticket.id, escaped(&ticket.summary));
    format!(
        "<h1>{id:07} {summary}</h1><table>{rows}</table><h2>Actions</h2><table>{entries}</table><p><a href=\"/\">All tickets</a></p>"
    )
}

fn entry(action: &Action) -> String {
    let time = action.datetime.map(|stamp| stamp.to_string()).unwrap_or_default();
    let private = if action.hiddenfromuser { ", private" } else { "" };
    let minutes = (action.timetaken * 60.0).round();
    format!(
        "<tr><td>{}<td>{time}<td>{}{private}<td>{}<td>{minutes} min<td><pre>{}</pre>",
        action.id,
        escaped(&action.outcome),
        escaped(&action.who),
        escaped(&action.note)
    )
}
