//! `/sim/v1`: the simulator's own controls, for tests and for people who play the other side of Halo.
//!
//! Not part of Halo. Its refusals are problem-like JSON with `error`, a sentence, and (422) what would be allowed.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Call, Reply, set};
use crate::clock::Stamp;
use crate::directory::{Details, merge, print_agent};
use crate::faults::Order;
use crate::model::{Book, Ticket};
use crate::rights;
use crate::serve::Shared;
use crate::ticket_writes::move_status;
use crate::tickets::detail;
use crate::webhooks::Event;
use crate::world::{Change, World};

fn refused(status: u16, sentence: &str) -> Answer {
    Answer::json(status, json!({ "error": sentence }))
}

fn object(call: &Call) -> Result<Map<String, Value>, Answer> {
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(refused(400, "the body must be a JSON object")),
        Err(error) => Err(refused(400, &format!("the body is not JSON: {error}"))),
    }
}

/// Answers a control call; `path` is what follows `/sim/v1`.
///
/// # Errors
/// 400, 404 and 422 with a sentence.
pub(crate) fn answer(shared: &Shared, call: &Call, path: &[&str]) -> Reply {
    match (call.method.as_str(), path) {
        ("GET", ["state"]) => Ok(Answer::ok(state(&shared.world(), call.query.get("only")))),
        ("GET", ["calls"]) => Ok(Answer::ok(shared.calls().list())),
        ("DELETE", ["calls"]) => {
            shared.calls().clear();
            Ok(Answer::empty(204))
        }
        ("GET", ["faults"]) => Ok(Answer::ok(json!({ "faults": shared.faults().list() }))),
        ("POST", ["faults"]) => arm(shared, call),
        ("DELETE", ["faults"]) => {
            shared.faults().clear();
            Ok(Answer::empty(204))
        }
        ("DELETE", ["faults", id]) => {
            let found = id.parse().is_ok_and(|id| shared.faults().disarm(id));
            if found { Ok(Answer::empty(204)) } else { Err(refused(404, "there is no such fault")) }
        }
        ("GET", ["switches"]) => Ok(Answer::ok(shared.world().switches.describe())),
        ("PATCH", ["switches"]) => flip(shared, call),
        ("GET", ["agents", id, "rights"]) => {
            let world = shared.world();
            let agent = id.parse().ok().and_then(|id| world.book.agents.get(id));
            agent.map(|agent| Answer::ok(rights::listed(agent))).ok_or_else(|| refused(404, "there is no such agent"))
        }
        ("PATCH", ["agents", id, "rights"]) => change_rights(shared, call, id),
        ("PATCH", ["application"]) => change_scopes(shared, call),
        ("PATCH", [kind @ ("clients" | "sites" | "users" | "assets" | "agents"), id]) => {
            change_record(shared, call, kind, id)
        }
        ("DELETE", [kind @ ("clients" | "sites" | "users" | "assets"), id]) => remove_record(shared, kind, id),
        ("PATCH", ["tickets", id]) => change_ticket(shared, call, id),
        ("DELETE", ["tickets", id]) => remove_ticket(shared, id),
        ("POST", ["webhooks"]) => {
            let body = Value::Object(object(call)?);
            crate::webhooks::create_for_person(&mut shared.world(), body).map_err(|sentence| refused(422, &sentence))
        }
        ("POST", ["reset"]) => {
            shared.world().record(Change::Reset);
            shared.faults().clear();
            shared.calls().clear();
            shared.limiter().clear();
            Ok(Answer::empty(204))
        }
        ("POST", ["tokens", "expire"]) => {
            shared.world().record(Change::TokensGone);
            Ok(Answer::empty(204))
        }
        _ => Err(refused(404, "there is no such control; see the README of halo-sim")),
    }
}

/// All records, for reading back what a client did. `only` names one kind.
fn state(world: &World, only: Option<&str>) -> Value {
    let book = &world.book;
    let mut state = Map::new();
    let wanted = |name: &str| only.is_none_or(|only| only.split(',').any(|part| part.trim() == name));
    if wanted("agents") {
        let agents = book.agents.values().map(|agent| {
            let mut row = print_agent(book, agent, Details::Memberships);
            set(&mut row, "rights", rights::listed(agent));
            row
        });
        state.insert("agents".to_owned(), agents.collect());
    }
    if wanted("tickets") {
        let tickets = book.tickets.values().map(|ticket| {
            let mut row = detail(world, ticket);
            set(&mut row, "deleted", json!(ticket.deleted));
            set(&mut row, "status_name", json!(book.statuses.get(ticket.status_id).map(|status| &status.name)));
            set(
                &mut row,
                "actions",
                book.actions(ticket.id).map(|action| crate::actions::row(book, action, true)).collect(),
            );
            row
        });
        state.insert("tickets".to_owned(), tickets.collect());
    }
    let everything = serde_json::to_value(BookTables(book)).unwrap_or_default();
    for (name, rows) in everything.as_object().into_iter().flatten() {
        if wanted(name) && !state.contains_key(name) {
            state.insert(name.clone(), rows.clone());
        }
    }
    Value::Object(state)
}

/// The book without its agents and tickets, which the state prints in their own way.
struct BookTables<'a>(&'a Book);

impl serde::Serialize for BookTables<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let book = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("login_agent_id", &book.login_agent_id)?;
        map.serialize_entry("application_scopes", &book.application_scopes)?;
        map.serialize_entry("clients", &book.clients)?;
        map.serialize_entry("sites", &book.sites)?;
        map.serialize_entry("assets", &book.assets)?;
        map.serialize_entry("users", &book.users)?;
        map.serialize_entry("departments", &book.departments)?;
        map.serialize_entry("teams", &book.teams)?;
        map.serialize_entry("tickettypes", &book.tickettypes)?;
        map.serialize_entry("statuses", &book.statuses)?;
        map.serialize_entry("outcomes", &book.outcomes)?;
        map.serialize_entry("priorities", &book.priorities)?;
        map.serialize_entry("attachments", &book.attachments)?;
        map.serialize_entry("webhooks", &book.webhooks)?;
        map.serialize_entry("webhook_events", &book.webhook_events)?;
        map.end()
    }
}

fn arm(shared: &Shared, call: &Call) -> Reply {
    let body: Value =
        serde_json::from_slice(&call.body).map_err(|error| refused(400, &format!("the body is not JSON: {error}")))?;
    let many = body.is_array();
    let orders = if let Value::Array(orders) = body { orders } else { vec![body] };
    let read = |order: Value| serde_json::from_value::<Order>(order).map_err(|error| refused(422, &error.to_string()));
    let orders = orders.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut faults = shared.faults();
    let armed = orders.into_iter().map(|order| faults.arm(order)).collect::<Result<Vec<_>, _>>();
    let mut armed = armed.map_err(|sentence| refused(422, &sentence))?;
    let body = if many { Value::Array(armed) } else { armed.pop().unwrap_or_default() };
    Ok(Answer::json(201, body))
}

fn flip(shared: &Shared, call: &Call) -> Reply {
    let mut world = shared.world();
    let mut switches = world.switches.clone();
    let results = object(call)?.iter().map(|(name, value)| switches.set(name, value)).collect::<Vec<_>>();
    let refusals: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if !refusals.is_empty() {
        return Err(Answer::json(422, json!({ "error": refusals.join(". "), "switches": world.switches.describe() })));
    }
    let values = switches.values();
    world.record(Change::Switches(switches));
    Ok(Answer::ok(values))
}

fn change_rights(shared: &Shared, call: &Call, id: &str) -> Reply {
    let mut wanted = object(call)?;
    if let (1, Some(Value::Object(inner))) = (wanted.len(), wanted.get("rights")) {
        wanted = inner.clone();
    }
    let mut world = shared.world();
    let agent = id
        .parse()
        .ok()
        .and_then(|id| world.book.agents.get(id))
        .ok_or_else(|| refused(404, "there is no such agent"))?;
    let changed = rights::change(&world.book, agent, &wanted)
        .map_err(|refusals| Answer::json(422, json!({ "error": refusals.join(". "), "allowed": rights::allowed() })))?;
    let listed = rights::listed(&changed);
    world.record(Change::Agent(changed));
    Ok(Answer::ok(json!({ "rights": listed })))
}

/// A person in Halo selects other permissions for the application. Tokens that are out keep theirs.
fn change_scopes(shared: &Shared, call: &Call) -> Reply {
    let body = object(call)?;
    let scopes = body.get("scopes").cloned().and_then(|scopes| serde_json::from_value::<Vec<String>>(scopes).ok());
    let scopes = scopes.ok_or_else(|| refused(422, "`scopes` is a list of names"))?;
    if let Some(unknown) = scopes.iter().find(|scope| !crate::oauth::is_scope(scope)) {
        return Err(refused(422, &format!("there is no scope `{unknown}`")));
    }
    shared.world().record(Change::Scopes(scopes));
    Ok(Answer::empty(204))
}

/// A person in Halo renames, moves or switches off a record.
fn change_record(shared: &Shared, call: &Call, kind: &str, id: &str) -> Reply {
    let mut body = Value::Object(object(call)?);
    set(&mut body, "id", json!(id.parse::<i64>().map_err(|_| refused(404, "there is no such record"))?));
    let mut world = shared.world();
    let book = &world.book;
    let change = match kind {
        "clients" => Change::Client(merge(&book.clients, body)?),
        "sites" => Change::Site(merge(&book.sites, body)?),
        "users" => Change::User(merge(&book.users, body)?),
        "assets" => Change::Asset(merge(&book.assets, body)?),
        _ => Change::Agent(merge(&book.agents, body)?),
    };
    world.record(change);
    Ok(Answer::empty(204))
}

/// A person in Halo deletes a record: it vanishes from every answer.
fn remove_record(shared: &Shared, kind: &str, id: &str) -> Reply {
    let id: i64 = id.parse().map_err(|_| refused(404, "there is no such record"))?;
    let mut world = shared.world();
    let book = &world.book;
    let there = match kind {
        "clients" => book.clients.get(id).is_some(),
        "sites" => book.sites.get(id).is_some(),
        "users" => book.users.get(id).is_some(),
        _ => book.assets.get(id).is_some(),
    };
    if !there {
        return Err(refused(404, "there is no such record"));
    }
    world.record(Change::Gone { kind: kind.to_owned(), id });
    Ok(Answer::empty(204))
}

fn ticket(world: &World, id: &str) -> Result<Ticket, Answer> {
    let found = id.parse().ok().and_then(|id| world.book.tickets.get(id)).cloned();
    found.ok_or_else(|| refused(404, "there is no such ticket"))
}

/// A person in Halo edits, closes, re-assigns, deletes, restores or merges (`merged_into_id`) a ticket.
fn change_ticket(shared: &Shared, call: &Call, id: &str) -> Reply {
    let mut world = shared.world();
    let old = ticket(&world, id)?;
    let mut body = Value::Object(object(call)?);
    set(&mut body, "id", json!(old.id));
    let mut changed: Ticket = merge(&world.book.tickets, body)?;
    if changed.status_id != old.status_id {
        let status = changed.status_id;
        move_status(&world.book, &mut changed, status, Stamp::now());
        let event = Event::status_changed(&world.book, changed.id, changed.status_id);
        world.told.push(event);
    }
    changed.last_update = Some(Stamp::now());
    let body = detail(&world, &changed);
    world.record(Change::Ticket(Box::new(changed)));
    Ok(Answer::ok(body))
}

fn remove_ticket(shared: &Shared, id: &str) -> Reply {
    let mut world = shared.world();
    let mut gone = ticket(&world, id)?;
    gone.deleted = true;
    gone.last_update = Some(Stamp::now());
    world.told.push(Event::deleted(gone.id));
    world.record(Change::Ticket(Box::new(gone)));
    Ok(Answer::empty(204))
}
