//! `/Client`, `/Site`, `/Users`, `/Asset`, `/Agent`: the customers and the people, listed, read by id, and written where
//! the caller's rights go that far.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Call, Reply, extend, fields, set};
use crate::lists::{self, Advanced, Listing, mentions, wants};
use crate::model::{Agent, Asset, Book, Client, Record, Site, Table, User};
use crate::query::Query;
use crate::rights::{Access, ClientLevel, Level};
use crate::switches::{Doubles, Hidden, NamesOnly, NoAccessList, OnOff};
use crate::ticket_writes::written;
use crate::tickets::{Span, between};
use crate::world::{Change, World};

/// A number that Halo declares as a double.
fn double(world: &World, id: i64) -> Value {
    match world.switches.doubles_as {
        Doubles::Integer => json!(id),
        #[expect(clippy::cast_precision_loss, reason = "ids are small")]
        Doubles::Double => json!(id as f64),
    }
}

/// A record's own fields as the row, with `more` over them.
fn row(record: &impl Record, more: Value) -> Value {
    let mut row = serde_json::to_value(record).unwrap_or_default();
    extend(&mut row, more);
    row
}

/// Empties every text and list of a row but those named, as "View (Names Only)" does.
fn blank(row: &mut Value, keep: &[&str]) {
    for (name, value) in row.as_object_mut().into_iter().flat_map(Map::iter_mut) {
        if !keep.contains(&name.as_str()) {
            match value {
                Value::String(text) => text.clear(),
                Value::Array(items) => items.clear(),
                Value::Number(_) => *value = json!(0),
                _ => {}
            }
        }
    }
}

fn print_client(world: &World, access: &Access, client: &Client) -> Value {
    let book = &world.book;
    let mut row = row(
        client,
        json!({
            "toplevel_name": book.toplevels.get(client.toplevel_id).map_or("", |top| &top.name),
            "main_site_name": book.site_name(client.main_site_id), "use": "client",
        }),
    );
    if access.client_level() == ClientLevel::Names {
        blank(&mut row, &["id", "name", "use"]);
    }
    row
}

fn print_site(world: &World, access: &Access, site: &Site) -> Value {
    let client = world.book.client_name(site.client_id);
    let mut row = row(
        site,
        json!({
            "client_id": double(world, site.client_id), "client_name": client, "clientsite_name": format!("{client}/{}", site.name),
            "use": "site",
        }),
    );
    if access.client_level() == ClientLevel::Names && world.switches.names_only == NamesOnly::Blank {
        blank(&mut row, &["id", "name", "client_id", "client_name", "clientsite_name", "use"]);
    }
    row
}

fn print_user(world: &World, access: &Access, user: &User) -> Value {
    let client = world.book.sites.get(user.site_id).map_or(0, |site| site.client_id);
    let mut row = row(
        user,
        json!({
            "site_id": double(world, user.site_id), "site_id_int": user.site_id, "site_name": world.book.site_name(user.site_id),
            "client_id": client, "client_name": world.book.client_name(client), "use": "user",
        }),
    );
    if access.client_level() == ClientLevel::Names && world.switches.names_only == NamesOnly::Blank {
        blank(&mut row, &["id", "name", "site_id", "site_id_int", "site_name", "client_id", "client_name", "use"]);
    }
    row
}

fn print_asset(world: &World, asset: &Asset) -> Value {
    let book = &world.book;
    row(
        asset,
        json!({
            "client_name": book.client_name(asset.client_id), "site_name": book.site_name(asset.site_id),
            "assettype_name": book.assettypes.get(asset.assettype_id).map_or("", |kind| &kind.name), "use": "asset",
        }),
    )
}

/// An agent's row. Memberships come with names; `claims` stays empty, because no source tells its contents.
pub(crate) fn print_agent(book: &Book, agent: &Agent, details: Details) -> Value {
    let mut row = row(
        agent,
        json!({
            "is_agent": true, "lastlogindate": crate::clock::UNSET, "use": "agent",
            "namewithinactive": agent.name, "role_list": "",
        }),
    );
    let Some(fields) = row.as_object_mut() else { return row };
    fields.remove("rights");
    if details == Details::None {
        for name in ["teams", "departments", "tickettypes"] {
            fields.remove(name);
        }
        return row;
    }
    let teams = agent.teams.iter().map(|team| json!({
        "agent_id": agent.id, "agent_name": agent.name, "team_id": team.team_id, "team_name": book.team_name(team.team_id),
        "department_id": book.teams.get(team.team_id).map_or(0, |team| team.department_id),
        "in_section": team.in_section.is_yes(), "unassigned_access": team.unassigned_access.is_yes(),
        "otheragent_access": team.otheragent_access.is_yes(), "fortickets": true, "is_manager": false,
    }));
    let departments = agent.departments.iter().map(|department| {
        json!({
            "agent_id": agent.id, "agent_name": agent.name, "department_id": department.department_id,
            "department_name": book.departments.get(department.department_id).map_or("", |d| &d.name),
            "membershiplevel": department.membershiplevel as i32,
        })
    });
    let types = agent.tickettypes.iter().map(|kind| {
        json!({
            "agent_id": agent.id, "tickettype_id": kind.tickettype_id,
            "tickettype_name": book.tickettypes.get(kind.tickettype_id).map_or("", |kind| &kind.name),
            "cancreate": kind.cancreate, "canview": kind.canview, "canedit": kind.canedit,
        })
    });
    fields.insert("teams".to_owned(), teams.collect());
    fields.insert("departments".to_owned(), departments.collect());
    fields.insert("tickettypes".to_owned(), types.collect());
    fields.insert("claims".to_owned(), json!([]));
    fields.insert("roles".to_owned(), json!([]));
    row
}

/// Whether an agent's row carries its memberships.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Details {
    None,
    Memberships,
}

fn listing(key: &'static str) -> Listing {
    Listing { key, largest_page: 1000, unpaged: None }
}

const CLIENT_FIELDS: [&str; 5] = ["id", "name", "inactive", "toplevel_id", "ref"];
const SITE_FIELDS: [&str; 5] = ["id", "name", "inactive", "client_id", "ref"];
const USER_FIELDS: [&str; 8] = ["id", "name", "emailaddress", "login", "inactive", "site_id", "azureoid", "surname"];
const ASSET_FIELDS: [&str; 8] =
    ["id", "inventory_number", "key_field", "client_id", "site_id", "inactive", "assettype_id", "username"];

/// Whether there is anything to list at all at this level of access.
fn open(world: &World, scope: bool, any: bool) -> Result<bool, Answer> {
    if !scope || (!any && world.switches.no_access_list == NoAccessList::Forbidden) {
        return Err(Answer::forbidden());
    }
    Ok(any)
}

/// The span in which a record must have been written last. What nobody wrote since the seed is older than any span.
fn updated(world: &World, query: &Query) -> Result<Span, Answer> {
    let span = (query.date("lastupdatefromdate")?, query.date("lastupdatetodate")?);
    Ok(if world.switches.ignore_update_filter == OnOff::On { (None, None) } else { span })
}

fn client_access(world: &World, access: &Access) -> Result<bool, Answer> {
    open(world, access.scope_reads_customers(), access.client_level() > ClientLevel::None)
}

/// Sites and end users hang on the client level, and on how far "Names Only" reaches.
fn below_client_access(world: &World, access: &Access, scope: bool) -> Result<bool, Answer> {
    let denied = access.client_level() == ClientLevel::Names && world.switches.names_only == NamesOnly::Deny;
    open(world, scope, access.client_level() > ClientLevel::None && !denied)
}

/// `GET /Client`.
///
/// # Errors
/// 403 without the scope, 400 for parameters of the wrong kind.
pub(crate) fn clients(world: &World, access: &Access, call: &Call) -> Reply {
    let open = client_access(world, access)?;
    let query = &call.query;
    let (toplevel, needle) = (query.int("toplevel_id")?, query.needle("search"));
    let (advanced, updated) = (Advanced::read(query, &CLIENT_FIELDS)?, updated(world, query)?);
    let keeps = |c: &&Client| {
        wants(query, c.inactive)
            && between(c.last_modified, updated)
            && toplevel.is_none_or(|top| c.toplevel_id == top)
            && needle.as_ref().is_none_or(|needle| mentions(needle, &[&c.name, &c.reference, &c.phonenumber]))
            && advanced.keeps(*c)
    };
    let mut rows: Vec<&Client> = world.book.clients.values().filter(|_| open).filter(keeps).collect();
    lists::sort(&mut rows, query);
    lists::envelope(&rows, query, &world.switches, &listing("clients"), |client| print_client(world, access, client))
}

/// `GET /Site`.
///
/// # Errors
/// As [`clients`].
pub(crate) fn sites(world: &World, access: &Access, call: &Call) -> Reply {
    let open = below_client_access(world, access, access.scope_reads_customers())?;
    let query = &call.query;
    let (client, toplevel) = (query.int("client_id")?, query.int("toplevel_id")?);
    let needle = query.needle("search");
    let (advanced, updated) = (Advanced::read(query, &SITE_FIELDS)?, updated(world, query)?);
    let book = &world.book;
    let keeps = |s: &&Site| {
        wants(query, s.inactive)
            && between(s.last_modified, updated)
            && client.is_none_or(|client| s.client_id == client)
            && toplevel.is_none_or(|top| book.clients.get(s.client_id).is_some_and(|client| client.toplevel_id == top))
            && needle.as_ref().is_none_or(|needle| mentions(needle, &[&s.name, book.client_name(s.client_id)]))
            && advanced.keeps(*s)
    };
    let mut rows: Vec<&Site> = book.sites.values().filter(|_| open).filter(keeps).collect();
    lists::sort(&mut rows, query);
    lists::envelope(&rows, query, &world.switches, &listing("sites"), |site| print_site(world, access, site))
}

/// `GET /Users`: end users have no scope of their own.
///
/// # Errors
/// 400 for parameters of the wrong kind.
pub(crate) fn users(world: &World, access: &Access, call: &Call) -> Reply {
    let open = below_client_access(world, access, true)?;
    let query = &call.query;
    let (client, site) = (query.int("client_id")?, query.int("site_id")?);
    let needle = query.needle("search");
    let (advanced, updated) = (Advanced::read(query, &USER_FIELDS)?, updated(world, query)?);
    let book = &world.book;
    let keeps = |u: &&User| {
        wants(query, u.inactive)
            && between(u.last_modified, updated)
            && site.is_none_or(|site| u.site_id == site)
            && client.is_none_or(|client| book.sites.get(u.site_id).is_some_and(|site| site.client_id == client))
            && !(query.flag("exclude_generaluser") && u.isgeneraluser)
            && !(query.flag("exclude_agents") && u.linked_agent_id != 0)
            && needle
                .as_ref()
                .is_none_or(|needle| mentions(needle, &[&u.name, &u.emailaddress, &u.login, &u.phonenumber]))
            && advanced.keeps(*u)
    };
    let mut rows: Vec<&User> = book.users.values().filter(|_| open).filter(keeps).collect();
    lists::sort(&mut rows, query);
    lists::envelope(&rows, query, &world.switches, &listing("users"), |user| print_user(world, access, user))
}

/// `GET /Asset`.
///
/// # Errors
/// As [`clients`].
pub(crate) fn assets(world: &World, access: &Access, call: &Call) -> Reply {
    let open = open(world, access.scope_reads_assets(), access.asset_level() > Level::None)?;
    let query = &call.query;
    let (client, site, kind) = (query.int("client_id")?, query.int("site_id")?, query.int("assettype_id")?);
    let of_ticket =
        query.int("ticket_id")?.map(|id| world.book.tickets.get(id).map(|t| t.assets.clone()).unwrap_or_default());
    let (needle, number, user) = (query.needle("search"), query.needle("inventory_number"), query.needle("username"));
    let (advanced, updated) = (Advanced::read(query, &ASSET_FIELDS)?, updated(world, query)?);
    let number_only = query.flag("search_inventory_number_only");
    let found = |a: &Asset, needle: &String| {
        let all = [a.inventory_number.as_str(), &a.key_field, &a.key_field2, &a.key_field3, &a.username];
        if number_only { mentions(needle, &all[..1]) } else { mentions(needle, &all) }
    };
    let keeps = |a: &&Asset| {
        wants(query, a.inactive)
            && between(a.last_modified, updated)
            && client.is_none_or(|client| a.client_id == client)
            && site.is_none_or(|site| a.site_id == site)
            && kind.is_none_or(|kind| a.assettype_id == kind)
            && of_ticket.as_ref().is_none_or(|ids| ids.contains(&a.id))
            && number.as_ref().is_none_or(|number| a.inventory_number.to_lowercase() == *number)
            && user.as_ref().is_none_or(|user| a.username.to_lowercase() == *user)
            && needle.as_ref().is_none_or(|needle| found(a, needle))
            && advanced.keeps(*a)
    };
    let mut rows: Vec<&Asset> = world.book.assets.values().filter(|_| open).filter(keeps).collect();
    lists::sort(&mut rows, query);
    lists::envelope(&rows, query, &world.switches, &listing("assets"), |asset| print_asset(world, asset))
}

/// `GET /Agent`: a bare array. API-only, disabled and the "Unassigned" agents come only when asked for.
///
/// # Errors
/// 400 for parameters of the wrong kind.
pub(crate) fn agents(world: &World, access: &Access, call: &Call) -> Reply {
    let query = &call.query;
    let (team_id, department) = (query.int("team_id")?, query.int("department_id")?);
    let team = query.get("team").and_then(|name| world.book.team_id(name)).or(team_id);
    let needle = query.needle("search");
    let book = &world.book;
    let all = query.flag("showall");
    let in_department = |agent: &Agent, id: i64| agent.departments.iter().any(|d| d.department_id == id);
    let keeps = |a: &&Agent| {
        access.sees_agent(book, a)
            && (a.id != crate::model::UNASSIGNED || query.flag("includeunassigned"))
            && (!a.isapiagent || all || query.flag("includeapiagents"))
            && (if a.isdisabled { all || query.flag("includedisabled") } else { !query.denied("includeenabled") })
            && team.is_none_or(|team| a.teams.iter().any(|membership| membership.team_id == team))
            && department.is_none_or(|id| in_department(a, id))
            && needle.as_ref().is_none_or(|needle| mentions(needle, &[&a.name, &a.email]))
            && (!query.flag("withemail") || !a.email.is_empty())
    };
    let mut rows: Vec<&Agent> = book.agents.values().filter(keeps).collect();
    lists::sort(&mut rows, query);
    let details =
        if query.flag("includeroles") || query.flag("includedetails") { Details::Memberships } else { Details::None };
    Ok(Answer::ok(rows.into_iter().map(|agent| print_agent(book, agent, details)).collect()))
}

/// `GET /Agent/me`.
///
/// # Errors
/// 404 when the application logs in as nobody.
pub(crate) fn me(world: &World, access: &Access) -> Reply {
    let agent = access.agent.as_ref().ok_or_else(Answer::not_found)?;
    Ok(Answer::ok(print_agent(&world.book, agent, Details::Memberships)))
}

/// `GET /Users/me`: the login agent dressed as a user, with id 0, since a service token has no end user. A guess.
///
/// # Errors
/// 404 when the application logs in as nobody.
pub(crate) fn user_me(access: &Access) -> Reply {
    let agent = access.agent.as_ref().ok_or_else(Answer::not_found)?;
    Ok(Answer::ok(json!({
        "id": 0, "name": agent.name, "firstname": agent.firstname, "surname": agent.surname, "emailaddress": agent.email,
        "linked_agent_id": agent.id, "inactive": false, "use": "user",
    })))
}

/// `GET /X/{id}` for the five kinds.
///
/// # Errors
/// 403 without the scope, 404 for a record that does not exist or is hidden.
pub(crate) fn get(world: &World, access: &Access, kind: &str, id: i64) -> Reply {
    let book = &world.book;
    let found = match kind {
        "client" if client_access(world, access)? => book.clients.get(id).map(|row| print_client(world, access, row)),
        "site" if below_client_access(world, access, access.scope_reads_customers())? => {
            book.sites.get(id).map(|row| print_site(world, access, row))
        }
        "users" if below_client_access(world, access, true)? => {
            book.users.get(id).map(|row| print_user(world, access, row))
        }
        "asset" if open(world, access.scope_reads_assets(), access.asset_level() > Level::None)? => {
            book.assets.get(id).map(|row| print_asset(world, row))
        }
        "agent" => {
            let agent = book.agents.get(id).filter(|agent| access.sees_agent(book, agent));
            agent.map(|row| print_agent(book, row, Details::Memberships))
        }
        _ => None,
    };
    match (found, world.switches.hidden_is) {
        (Some(row), _) => Ok(Answer::ok(row)),
        (None, Hidden::Empty) if exists(book, kind, id) => Ok(Answer::ok(json!({}))),
        (None, _) => Err(Answer::not_found()),
    }
}

fn exists(book: &Book, kind: &str, id: i64) -> bool {
    match kind {
        "client" => book.clients.get(id).is_some(),
        "site" => book.sites.get(id).is_some(),
        "users" => book.users.get(id).is_some(),
        "asset" => book.assets.get(id).is_some(),
        _ => book.agents.get(id).is_some(),
    }
}

/// `POST /Client`, `/Site`, `/Users`, `/Asset`: create or update. Agents are not made through the API here.
///
/// # Errors
/// 403 without the right, 400 for fields of the wrong kind or records that belong nowhere.
pub(crate) fn post(world: &mut World, access: &Access, call: &Call, kind: &str) -> Reply {
    let allowed = match kind {
        "asset" => access.edits_assets(),
        "agent" => false,
        _ => access.edits_customers(),
    };
    if !allowed {
        return Err(Answer::forbidden());
    }
    let mut ids = Vec::new();
    for record in call.records(world.switches.accept_bare_object == OnOff::On)? {
        let change = upsert(&world.book, kind, record)?;
        ids.push(change_id(&change));
        world.record(change);
    }
    Ok(written(world, call, &ids, |world, id| match get(world, access, kind, *id) {
        Ok(Answer { content: crate::answer::Content::Json(row), .. }) => row,
        _ => Value::Null,
    }))
}

fn change_id(change: &Change) -> i64 {
    match change {
        Change::Client(row) => row.id,
        Change::Site(row) => row.id,
        Change::User(row) => row.id,
        Change::Asset(row) => row.id,
        _ => 0,
    }
}

fn upsert(book: &Book, kind: &str, record: Value) -> Result<Change, Answer> {
    let needs = |there: bool, what: &str| {
        if there { Ok(()) } else { Err(Answer::exception(&format!("The {what} is not valid."))) }
    };
    Ok(match kind {
        "client" => {
            let row = merge(&book.clients, record)?;
            needs(!row.name.trim().is_empty(), "name")?;
            Change::Client(row)
        }
        "site" => {
            let row = merge(&book.sites, record)?;
            needs(book.clients.get(row.client_id).is_some(), "client_id")?;
            Change::Site(row)
        }
        "users" => {
            let row = merge(&book.users, record)?;
            needs(book.sites.get(row.site_id).is_some(), "site_id")?;
            Change::User(row)
        }
        _ => {
            let row = merge(&book.assets, record)?;
            needs(book.assettypes.get(row.assettype_id).is_some(), "assettype_id")?;
            needs(book.clients.get(row.client_id).is_some(), "client_id")?;
            Change::Asset(row)
        }
    })
}

/// The record that `sent` makes of what is stored: fields that are sent win, the rest stays.
///
/// # Errors
/// 404 for an id that does not exist, 400 for fields of the wrong kind.
pub(crate) fn merge<T: Record + DeserializeOwned>(table: &Table<T>, mut sent: Value) -> Result<T, Answer> {
    if !sent.is_object() {
        return Err(Answer::invalid("Each element of the array must be an object."));
    }
    let id = sent.get("id").and_then(Value::as_i64).filter(|id| *id > 0);
    let mut whole = json!({});
    if let Some(id) = id {
        whole = serde_json::to_value(table.get(id).ok_or_else(Answer::not_found)?).unwrap_or_default();
    } else {
        set(&mut sent, "id", json!(table.next_id()));
    }
    // Site.client_id and Users.site_id are doubles in Halo's own schema, so 12.0 is taken for them.
    for name in ["client_id", "site_id"] {
        if let Some(number) = sent.get(name).and_then(Value::as_f64).filter(|number| number.fract() == 0.0) {
            #[expect(clippy::cast_possible_truncation, reason = "ids are small")]
            let whole = number as i64;
            set(&mut sent, name, json!(whole));
        }
    }
    if let (Value::Object(whole), Value::Object(sent)) = (&mut whole, sent) {
        whole.extend(sent.into_iter().filter(|(_, value)| !value.is_null()));
    }
    fields(whole)
}
