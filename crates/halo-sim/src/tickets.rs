//! `/Tickets`: lists, details, create and update (both by POST), delete.
//!
//! What a POST may set is [`TicketIn`]; everything else in a body is ignored, as Halo ignores it. Rules that Halo is
//! known for stand where they bite: ids are JSON integers, a nested `tickettype` does nothing, `assets` replaces.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Call, Reply, fields};
use crate::clock::{Stamp, date_or_unset};
use crate::lists::{self, Advanced, Listing, mentions};
use crate::model::{Action, Book, Record as _, Ticket, TicketType, UNASSIGNED};
use crate::query::Query;
use crate::rights::{Access, Level, Membership};
use crate::switches::{
    AssetChoice, Batch, CreatedStatus, DefaultOrder, Deleted, DeletedLists, DepartmentEdit, Hidden, NoAccessList,
    OnOff, PostReturns, Refused,
};
use crate::webhooks::Event;
use crate::world::{Change, World};

/// What a client may set on a ticket.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct TicketIn {
    id: Option<i32>,
    summary: Option<String>,
    details: Option<String>,
    details_html: Option<String>,
    tickettype_id: Option<i32>,
    client_id: Option<i32>,
    site_id: Option<i32>,
    user_id: Option<i32>,
    users_name: Option<String>,
    user_name: Option<String>,
    userlookup: Option<UserLookup>,
    reportedby: Option<String>,
    status_id: Option<i32>,
    agent_id: Option<i32>,
    team: Option<String>,
    priority_id: Option<i32>,
    sla_id: Option<i32>,
    impact: Option<i32>,
    urgency: Option<i32>,
    category_1: Option<String>,
    category_2: Option<String>,
    category_3: Option<String>,
    category_4: Option<String>,
    source: Option<i32>,
    third_party_id: Option<i32>,
    third_party_id_string: Option<String>,
    reference: Option<String>,
    client_reference: Option<String>,
    dateoccurred: Option<Stamp>,
    deadlinedate: Option<Stamp>,
    assets: Option<Vec<AssetIn>>,
    customfields: Option<Vec<CustomFieldIn>>,
    attachments: Option<Vec<crate::attachments::AttachmentIn>>,
    parent_id: Option<i32>,
}

#[derive(Clone, Debug, Deserialize)]
struct UserLookup {
    id: i32,
}

#[derive(Clone, Debug, Deserialize)]
struct AssetIn {
    id: i32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CustomFieldIn {
    id: Option<i32>,
    name: Option<String>,
    #[serde(default)]
    value: Value,
}

/// Custom fields in the form that reads give: only those that are defined.
pub(crate) fn custom_fields(book: &Book, sent: &[CustomFieldIn]) -> Vec<Value> {
    let known = |field: &CustomFieldIn| {
        book.fields.values().find(|info| {
            field.id.map(i64::from) == Some(info.id)
                || field.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&info.name))
        })
    };
    let row = |(info, value): (&crate::model::FieldInfo, &Value)| {
        let display = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        json!({ "id": info.id, "name": info.name, "label": info.label, "type": info.kind, "value": value, "display": display })
    };
    sent.iter().filter_map(|field| known(field).map(|info| (info, &field.value))).map(row).collect()
}

const LISTING: Listing = Listing { key: "tickets", largest_page: 100, unpaged: Some(50) };

const SEARCHABLE: [&str; 20] = [
    "id",
    "summary",
    "details",
    "tickettype_id",
    "client_id",
    "site_id",
    "user_id",
    "status_id",
    "agent_id",
    "priority_id",
    "sla_id",
    "category_1",
    "category_2",
    "category_3",
    "category_4",
    "third_party_id",
    "third_party_id_string",
    "reference",
    "dateoccurred",
    "last_update",
];

/// `GET /Tickets`.
///
/// # Errors
/// 403 without the scope, 400 for parameters of the wrong kind.
pub(crate) fn list(world: &World, access: &Access, call: &Call) -> Reply {
    readable(access)?;
    let (book, query) = (&world.book, &call.query);
    if access.ticket_level() == Level::None && world.switches.no_access_list == NoAccessList::Forbidden {
        return Err(Answer::forbidden());
    }
    let filter = Filter::read(world, access, query)?;
    let mut rows: Vec<&Ticket> = match query.ints("ticketids")? {
        Some(ids) => ids.into_iter().filter_map(|id| book.tickets.get(id)).collect(),
        None => match &filter.reference {
            Some(reference) => world.tickets_by_reference(reference).filter_map(|id| book.tickets.get(id)).collect(),
            None => book.tickets.values().collect(),
        },
    };
    rows.retain(|ticket| filter.keeps(book, ticket) && access.sees(book, ticket));
    if query.get("order").is_some() {
        lists::sort(&mut rows, query);
    } else {
        match world.switches.default_order {
            DefaultOrder::Newest => rows.reverse(),
            DefaultOrder::Oldest => {}
            DefaultOrder::LastUpdate => rows.sort_by_key(|ticket| (std::cmp::Reverse(ticket.last_update), -ticket.id)),
        }
    }
    if query.flag("ticketidonly") {
        let ids: Vec<Value> = rows.iter().map(|ticket| json!({ "id": ticket.id })).collect();
        return Ok(Answer::ok(
            json!({ "page_no": 1, "page_size": ids.len(), "record_count": ids.len(), "tickets": ids }),
        ));
    }
    lists::envelope(&rows, query, &world.switches, &LISTING, |ticket| row(world, ticket, query))
}

fn readable(access: &Access) -> Result<(), Answer> {
    if access.scope_reads_tickets() && access.agent.is_some() { Ok(()) } else { Err(Answer::forbidden()) }
}

/// What `GET /Tickets` filters by. Parameters that are not here are ignored, misspelt ones too: that is Halo's way.
struct Filter {
    ints: Vec<(fn(&Ticket) -> i64, Vec<i64>)>,
    reference: Option<String>,
    open: Option<bool>,
    deleted: Option<bool>,
    category_1: Option<String>,
    texts: Vec<(fn(&Book, &Ticket) -> String, String)>,
    updated: (Option<Stamp>, Option<Stamp>),
    dates: (fn(&Ticket) -> Option<Stamp>, Option<Stamp>, Option<Stamp>),
    asset: Option<i64>,
    toplevel: Option<i64>,
    advanced: Advanced,
}

impl Filter {
    fn read(world: &World, access: &Access, query: &Query) -> Result<Self, Answer> {
        type Field = fn(&Ticket) -> i64;
        let fields: [(&str, Field); 15] = [
            ("client_id", |t| t.client_id),
            ("client_ids", |t| t.client_id),
            ("site_id", |t| t.site_id),
            ("user_id", |t| t.user_id),
            ("agent_id", |t| t.agent_id),
            ("agent", |t| t.agent_id),
            ("team", |t| t.team_id),
            ("status", |t| t.status_id),
            ("status_id", |t| t.status_id),
            ("requesttype", |t| t.tickettype_id),
            ("requesttype_id", |t| t.tickettype_id),
            ("tickettype_id", |t| t.tickettype_id),
            ("priority", |t| t.priority_id),
            ("search_id", |t| t.id),
            ("parent_id", |t| t.parent_id),
        ];
        let mut ints: Vec<(Field, Vec<i64>)> = Vec::new();
        for (name, field) in fields {
            if let Some(wanted) = query.ints(name)? {
                ints.push((field, wanted));
            }
        }
        let by_reference = world.switches.ignore_reference_filter == OnOff::Off;
        if by_reference && let Some(wanted) = query.ints("third_party_id")? {
            ints.push((|t| t.third_party_id, wanted));
        }
        if query.flag("mine") {
            ints.push((|t| t.agent_id, vec![access.agent_id()]));
        }
        type Text = fn(&Book, &Ticket) -> String;
        let texts: [(&str, Text); 6] = [
            ("search", |b, t| {
                format!(
                    "{} {} {} {} {} {}",
                    t.id,
                    t.summary,
                    t.details,
                    t.reportedby,
                    b.client_name(t.client_id),
                    b.user_name(t.user_id)
                )
            }),
            ("search_summary", |_, t| t.summary.clone()),
            ("search_details", |_, t| t.details.clone()),
            ("search_user_name", |b, t| b.user_name(t.user_id).to_owned()),
            ("search_reportedby", |_, t| t.reportedby.clone()),
            ("username", |b, t| b.user_name(t.user_id).to_owned()),
        ];
        let texts =
            texts.into_iter().filter_map(|(name, text)| query.needle(name).map(|needle| (text, needle))).collect();
        let date: fn(&Ticket) -> Option<Stamp> = match query.get("datesearch").unwrap_or_default() {
            "datecleared" | "dateclosed" => |t| t.dateclosed,
            _ => |t| t.dateoccurred,
        };
        let deleted = match (query.flag("deleted"), world.switches.deleted_lists) {
            (false, _) => Some(false),
            (true, DeletedLists::Only) => Some(true),
            (true, DeletedLists::Also) => None,
        };
        let open = if query.flag("open_only") { Some(true) } else { query.flag("closed_only").then_some(false) };
        Ok(Self {
            ints,
            reference: query.get("third_party_id_string").filter(|_| by_reference).map(str::to_owned),
            open,
            deleted,
            category_1: query.get("category_1").map(str::to_owned),
            texts,
            updated: (query.date("lastupdatefromdate")?, query.date("lastupdatetodate")?),
            dates: (date, query.date("startdate")?, query.date("enddate")?),
            asset: query.int("asset_id")?,
            toplevel: query.int("toplevel_id")?,
            advanced: Advanced::read(query, &SEARCHABLE)?,
        })
    }

    fn keeps(&self, book: &Book, ticket: &Ticket) -> bool {
        let gone = ticket.deleted || ticket.merged_into_id != 0;
        let (date, from, to) = &self.dates;
        let toplevel = || book.clients.get(ticket.client_id).map(|client| client.toplevel_id);
        self.deleted.is_none_or(|deleted| deleted == gone)
            && self.ints.iter().all(|(field, wanted)| wanted.contains(&field(ticket)))
            && self.reference.as_ref().is_none_or(|reference| *reference == ticket.third_party_id_string)
            && self.open.is_none_or(|open| open != book.status_is_closed(ticket.status_id))
            && self.category_1.as_ref().is_none_or(|category| *category == ticket.category_1)
            && self.asset.is_none_or(|asset| ticket.assets.contains(&asset))
            && self.toplevel.is_none_or(|wanted| toplevel() == Some(wanted))
            && between(ticket.last_update, self.updated)
            && ((from.is_none() && to.is_none()) || between(date(ticket), (*from, *to)))
            && self.texts.iter().all(|(text, needle)| mentions(needle, &[&text(book, ticket)]))
            && self.advanced.keeps(ticket)
    }
}

fn between(date: Option<Stamp>, (from, to): (Option<Stamp>, Option<Stamp>)) -> bool {
    from.is_none_or(|from| date >= Some(from)) && to.is_none_or(|to| date.is_some_and(|date| date <= to))
}

/// A list row: sparse, names only where asked for.
fn row(world: &World, ticket: &Ticket, query: &Query) -> Value {
    let book = &world.book;
    let cut: String = ticket.details.chars().take(200).collect();
    let mut row = json!({
        "id": ticket.id, "dateoccurred": date_or_unset(ticket.dateoccurred), "summary": ticket.summary, "details": cut,
        "status_id": ticket.status_id, "tickettype_id": ticket.tickettype_id, "sla_id": ticket.sla_id,
        "priority_id": ticket.priority_id, "client_id": ticket.client_id, "client_name": book.client_name(ticket.client_id),
        "site_id": ticket.site_id, "site_name": book.site_name(ticket.site_id), "user_id": ticket.user_id,
        "user_name": book.user_name(ticket.user_id), "team": book.team_name(ticket.team_id), "agent_id": ticket.agent_id,
        "category_1": ticket.category_1, "category_2": ticket.category_2, "parent_id": ticket.parent_id, "onhold": false,
        "dateclosed": date_or_unset(ticket.dateclosed), "dateassigned": date_or_unset(ticket.dateassigned),
        "lastactiondate": date_or_unset(ticket.lastactiondate), "last_update": date_or_unset(ticket.last_update),
        "reportedby": ticket.reportedby, "impact": ticket.impact, "urgency": ticket.urgency, "source": ticket.source,
        "hasbeenclosed": book.status_is_closed(ticket.status_id), "inactive": ticket.deleted || ticket.merged_into_id != 0,
        "merged_into_id": ticket.merged_into_id, "third_party_id": ticket.third_party_id, "use": "ticket",
    });
    if world.switches.reference_in_rows == OnOff::On {
        row["third_party_id_string"] = json!(ticket.third_party_id_string);
    }
    if query.flag("includestatus") {
        row["status_name"] = json!(book.statuses.get(ticket.status_id).map(|status| &status.name));
    }
    if query.flag("includeagent") {
        row["agent_name"] = json!(book.agent_name(ticket.agent_id));
    }
    if query.flag("includetickettype") {
        row["tickettype_name"] = json!(book.tickettypes.get(ticket.tickettype_id).map(|kind| &kind.name));
    }
    if query.flag("includetimetaken") {
        row["timetaken"] = json!(ticket.timetaken);
    }
    if query.flag("includelastaction") {
        row["lastnote"] = json!(world.book.actions(ticket.id).next_back().map(|action| &action.note));
    }
    row
}

/// The ticket by itself: everything the simulator keeps of it.
pub(crate) fn detail(world: &World, ticket: &Ticket) -> Value {
    let book = &world.book;
    let mut detail = row(world, ticket, &Query::default());
    let more = json!({
        "details": ticket.details, "details_html": ticket.details_html, "users_name": ticket.users_name,
        "team_id": ticket.team_id, "category_3": ticket.category_3, "category_4": ticket.category_4,
        "third_party_id_string": ticket.third_party_id_string, "reference": ticket.reference,
        "client_reference": ticket.client_reference, "deadlinedate": date_or_unset(ticket.deadlinedate),
        "respondbydate": date_or_unset(None), "fixbydate": date_or_unset(None), "slaresponsestate": "",
        "workflow_id": book.tickettypes.get(ticket.tickettype_id).map_or(0, |kind| kind.workflow_id),
        "assets": ticket.assets.iter().filter_map(|id| book.assets.get(*id)).map(|asset| json!({
            "id": asset.id, "inventory_number": asset.inventory_number, "key_field": asset.key_field,
            "client_id": asset.client_id, "site_id": asset.site_id, "assettype_id": asset.assettype_id,
        })).collect::<Vec<_>>(),
        "customfields": ticket.customfields, "timetaken": ticket.timetaken, "reassigncount": ticket.reassigncount,
        "created_by": ticket.created_by,
    });
    if let (Value::Object(detail), Value::Object(more)) = (&mut detail, more) {
        detail.extend(more);
    }
    detail
}

/// `GET /Tickets/{id}`.
///
/// # Errors
/// 404 for a ticket that does not exist, is deleted or hidden; the switches `hidden_is` and `deleted_ticket` change that.
pub(crate) fn get(world: &World, access: &Access, call: &Call, id: i64) -> Reply {
    readable(access)?;
    let (book, query) = (&world.book, &call.query);
    let ticket = book.tickets.get(id).ok_or_else(Answer::not_found)?;
    if !access.sees(book, ticket) {
        return match world.switches.hidden_is {
            Hidden::NotFound => Err(Answer::not_found()),
            Hidden::Empty => Ok(Answer::ok(json!({}))),
        };
    }
    if ticket.deleted {
        match world.switches.deleted_ticket {
            Deleted::NotFound => return Err(Answer::not_found()),
            Deleted::Empty => return Ok(Answer::ok(json!({}))),
            Deleted::Shown => {}
        }
    }
    let mut detail = detail(world, ticket);
    detail["deleted"] = json!(ticket.deleted);
    if query.flag("includedetails") {
        let status = book.statuses.get(ticket.status_id);
        let priority =
            book.priorities.values().find(|p| p.slaid == ticket.sla_id && p.priorityid == ticket.priority_id);
        detail["status_name"] = json!(status.map(|status| &status.name));
        detail["status"] =
            json!(status.map(|status| json!({ "id": status.id, "name": status.name, "colour": status.colour })));
        detail["priority"] =
            json!(priority.map(|p| json!({ "priorityid": p.priorityid, "slaid": p.slaid, "name": p.name })));
        detail["tickettype_name"] = json!(book.tickettypes.get(ticket.tickettype_id).map(|kind| &kind.name));
    }
    if query.flag("includedetails") || query.flag("includeagent") {
        detail["agent_name"] = json!(book.agent_name(ticket.agent_id));
        detail["agent"] = json!({ "id": ticket.agent_id, "name": book.agent_name(ticket.agent_id) });
    }
    if query.flag("includelastaction") {
        detail["lastnote"] = json!(world.book.actions(ticket.id).next_back().map(|action| &action.note));
    }
    Ok(Answer::ok(detail))
}

/// `POST /Tickets`: creates those without `id`, updates those with one.
///
/// # Errors
/// 400, 403 or 404 as the first bad record says; the ones before it stay written unless `batch_error` is atomic.
pub(crate) fn post(world: &mut World, access: &Access, call: &Call) -> Reply {
    writable(access)?;
    let records = call.records(world.switches.accept_bare_object == OnOff::On)?;
    if world.switches.batch_error == Batch::Atomic {
        for record in &records {
            prepare(world, access, fields(record.clone())?)?;
        }
    }
    let mut ids = Vec::with_capacity(records.len());
    for record in records {
        ids.push(write(world, access, fields(record)?)?);
    }
    let print =
        |world: &World, id: &i64| world.book.tickets.get(*id).map_or(Value::Null, |ticket| detail(world, ticket));
    Ok(written(world, call, &ids, print))
}

/// `POST /Tickets/Object`: one ticket, not wrapped.
///
/// # Errors
/// As [`post`].
pub(crate) fn post_object(world: &mut World, access: &Access, call: &Call) -> Reply {
    writable(access)?;
    let id = write(world, access, fields(call.json()?)?)?;
    Ok(Answer::json(
        created_status(world),
        world.book.tickets.get(id).map_or(Value::Null, |ticket| detail(world, ticket)),
    ))
}

/// The status of a good POST.
pub(crate) fn created_status(world: &World) -> u16 {
    if world.switches.created_status == CreatedStatus::Created { 201 } else { 200 }
}

/// The answer to a POST of several records: the last one, an array of it, or (`returnall`) all of them.
pub(crate) fn written<K>(world: &World, call: &Call, keys: &[K], print: impl Fn(&World, &K) -> Value) -> Answer {
    let last = || keys.last().map_or(Value::Null, |key| print(world, key));
    let body = if call.query.flag("returnall") {
        keys.iter().map(|key| print(world, key)).collect()
    } else if world.switches.post_returns == PostReturns::Array {
        json!([last()])
    } else {
        last()
    };
    Answer::json(created_status(world), body)
}

fn writable(access: &Access) -> Result<(), Answer> {
    let allowed = access.scope_edits_tickets() && access.ticket_level() == Level::Modify;
    if allowed { Ok(()) } else { Err(Answer::forbidden()) }
}

fn write(world: &mut World, access: &Access, input: TicketIn) -> Result<i64, Answer> {
    let attachments = input.attachments.clone();
    let (ticket, opened) = prepare(world, access, input)?;
    let (id, is_new) = (ticket.id, opened.is_some());
    let before = world.book.tickets.get(id).map(|old| (old.status_id, old.agent_id));
    let event = match before {
        None => Some(Event::new_ticket(id)),
        Some((status, _)) if status != ticket.status_id => {
            Some(Event::status_changed(&world.book, id, ticket.status_id))
        }
        Some(_) => None,
    };
    world.record(Change::Ticket(Box::new(ticket)));
    if let Some(action) = opened {
        world.record(Change::Action(Box::new(action)));
    }
    world.told.extend(event);
    for attachment in attachments.into_iter().flatten() {
        crate::attachments::store(world, attachment, id, i64::from(is_new))?;
    }
    Ok(id)
}

/// The ticket as it will be, and the first action of a new or re-described one. Changes nothing.
fn prepare(world: &World, access: &Access, input: TicketIn) -> Result<(Ticket, Option<Action>), Answer> {
    match input.id.map(i64::from).filter(|id| *id > 0) {
        None => create(world, access, input).map(|(ticket, action)| (ticket, Some(action))),
        Some(id) => update(world, access, input, id),
    }
}

fn create(world: &World, access: &Access, input: TicketIn) -> Result<(Ticket, Action), Answer> {
    let book = &world.book;
    let type_id =
        input.tickettype_id.map_or_else(|| book.tickettypes.values().next().map_or(0, |kind| kind.id), i64::from);
    let kind = book.tickettypes.get(type_id).filter(|kind| !kind.inactive);
    let kind = kind.ok_or_else(|| Answer::exception("The ticket type is not valid."))?;
    let may_add = access.is_yes(|rights| rights.add) && access.may_create_type(type_id);
    if !may_add {
        return Err(Answer::forbidden());
    }
    mandatory(kind, &input)?;
    let now = Stamp::now();
    let client_id = input.client_id.map_or(book.default_client_id, i64::from);
    let client =
        book.clients.get(client_id).ok_or_else(|| Answer::exception("The customer of the ticket is not valid."))?;
    let mut ticket = Ticket {
        id: book.tickets.next_id(),
        tickettype_id: type_id,
        client_id,
        site_id: client.main_site_id,
        status_id: kind.initial_status,
        agent_id: UNASSIGNED,
        team_id: book.team_id(&kind.default_team).unwrap_or_default(),
        priority_id: kind.default_priority,
        sla_id: kind.default_sla,
        dateoccurred: Some(now),
        last_update: Some(now),
        lastactiondate: Some(now),
        created_by: access.agent.as_ref().map(|agent| agent.name.clone()).unwrap_or_default(),
        ..Ticket::default()
    };
    let agent_id = input.agent_id.map_or(UNASSIGNED, i64::from);
    let status_id = input.status_id.map_or(kind.initial_status, i64::from);
    fill(world, access, &mut ticket, input)?;
    allowed_status(book, kind, status_id)?;
    move_status(book, &mut ticket, status_id, now);
    if agent_id != UNASSIGNED {
        let target = book.agents.get(agent_id).ok_or_else(|| Answer::exception("The agent is not valid."))?;
        if access.may_assign_to(target) {
            ticket.agent_id = agent_id;
            ticket.dateassigned = Some(now);
        } else if world.switches.refused_reassign == Refused::Error {
            return Err(Answer::forbidden());
        }
    }
    let action = Action {
        id: 1,
        ticket_id: ticket.id,
        outcome: "Opened".to_owned(),
        note: ticket.details.clone(),
        note_html: ticket.details_html.clone(),
        who: ticket.created_by.clone(),
        who_type: 1,
        who_agentid: access.agent_id(),
        actionby_agent_id: access.agent_id(),
        actionby_application_id: crate::actions::APPLICATION.to_owned(),
        datetime: ticket.dateoccurred,
        actiondatecreated: Some(now),
        last_updated: Some(now),
        new_status: ticket.status_id,
        guid: crate::model::guid("opened", ticket.id),
        ..Action::default()
    };
    Ok((ticket, action))
}

/// What the ticket type insists on, and the summary.
fn mandatory(kind: &TicketType, input: &TicketIn) -> Result<(), Answer> {
    let has = |field: &str| match field {
        "summary" => input.summary.as_deref().is_some_and(|text| !text.trim().is_empty()),
        "details" => [&input.details, &input.details_html].into_iter().flatten().any(|text| !text.trim().is_empty()),
        "category_1" => input.category_1.as_deref().is_some_and(|text| !text.is_empty()),
        "user_id" => input.user_id.is_some() || input.userlookup.is_some(),
        _ => true,
    };
    let needed = std::iter::once("summary").chain(kind.mandatory.iter().map(String::as_str));
    match needed.into_iter().find(|field| !has(field)) {
        Some(field) => Err(Answer::exception(&format!("The field {field} is mandatory for this ticket type."))),
        None => Ok(()),
    }
}

fn update(world: &World, access: &Access, mut input: TicketIn, id: i64) -> Result<(Ticket, Option<Action>), Answer> {
    let book = &world.book;
    let old = book.tickets.get(id).filter(|ticket| !ticket.deleted && access.sees(book, ticket));
    let old = old.ok_or_else(Answer::not_found)?;
    let identified = input.tickettype_id.is_some() && input.client_id.is_some();
    if world.switches.update_strict == OnOff::On && !identified {
        return Err(Answer::not_found());
    }
    if !access.may_edit(book, old, edit_level(world)) {
        return Err(Answer::forbidden());
    }
    let now = Stamp::now();
    let mut ticket = old.clone();
    let kind_id = input.tickettype_id.map_or(old.tickettype_id, i64::from);
    let kind = book.tickettypes.get(kind_id).ok_or_else(|| Answer::exception("The ticket type is not valid."))?;
    ticket.tickettype_id = kind_id;
    let agent_id = input.agent_id.map_or(old.agent_id, i64::from);
    let status_id = input.status_id.map_or(old.status_id, i64::from);
    let rewritten = input.details.is_some() || input.details_html.is_some();
    if let Some(client) = input.client_id.take().map(i64::from).filter(|client| *client != old.client_id) {
        let client =
            book.clients.get(client).ok_or_else(|| Answer::exception("The customer of the ticket is not valid."))?;
        (ticket.client_id, ticket.site_id, ticket.user_id) = (client.id, client.main_site_id, 0);
    }
    fill(world, access, &mut ticket, input)?;
    let outside = access.is_yes(|rights| rights.outside_actions);
    if status_id != old.status_id {
        allowed_status(book, kind, status_id)?;
        if outside {
            move_status(book, &mut ticket, status_id, now);
        } else if world.switches.refused_status == Refused::Error {
            return Err(Answer::forbidden());
        }
    }
    if agent_id != old.agent_id {
        if outside {
            assign(world, access, &mut ticket, agent_id, now)?;
        } else if world.switches.refused_reassign == Refused::Error {
            return Err(Answer::forbidden());
        }
    }
    ticket.last_update = Some(now);
    let first = rewritten.then(|| book.action(id, 1).cloned()).flatten().map(|first| Action {
        note: ticket.details.clone(),
        note_html: ticket.details_html.clone(),
        last_updated: Some(now),
        ..first
    });
    Ok((ticket, first))
}

/// The department membership level that counts as "may edit".
pub(crate) fn edit_level(world: &World) -> Membership {
    match world.switches.department_edit {
        DepartmentEdit::ViewAll => Membership::ViewAll,
        DepartmentEdit::ModifyAll => Membership::ModifyAll,
    }
}

/// Gives a ticket to an agent, or refuses, or silently leaves it: rights and the `refused_reassign` switch decide.
///
/// # Errors
/// 400 for an agent that does not exist, 403 for a re-assignment that is not allowed.
pub(crate) fn assign(
    world: &World,
    access: &Access,
    ticket: &mut Ticket,
    agent_id: i64,
    now: Stamp,
) -> Result<(), Answer> {
    if agent_id == ticket.agent_id {
        return Ok(());
    }
    let target = world.book.agents.get(agent_id).ok_or_else(|| Answer::exception("The agent is not valid."))?;
    if access.is_yes(|rights| rights.reassign) && access.may_assign_to(target) {
        ticket.agent_id = agent_id;
        ticket.dateassigned = Some(now);
        ticket.reassigncount += 1;
        return Ok(());
    }
    match world.switches.refused_reassign {
        Refused::Error => Err(Answer::forbidden()),
        Refused::Silent => Ok(()),
    }
}

/// Whether a ticket of this type may have this status.
///
/// # Errors
/// 400 when not.
pub(crate) fn allowed_status(book: &Book, kind: &TicketType, status_id: i64) -> Result<(), Answer> {
    let known = book.statuses.get(status_id).is_some();
    if known && (kind.allowed_status.is_empty() || kind.allowed_status.contains(&status_id)) {
        return Ok(());
    }
    Err(Answer::exception("The status is not valid for this ticket type."))
}

/// Sets the status; a closing one sets the closing date, an opening one takes it back.
pub(crate) fn move_status(book: &Book, ticket: &mut Ticket, status_id: i64, now: Stamp) {
    ticket.status_id = status_id;
    ticket.dateclosed = book.status_is_closed(status_id).then(|| ticket.dateclosed.unwrap_or(now));
}

/// Takes over the plain fields, and checks those that point to other records.
fn fill(world: &World, access: &Access, ticket: &mut Ticket, input: TicketIn) -> Result<(), Answer> {
    let book = &world.book;
    let TicketIn { user_id, site_id, .. } = input;
    place(world, ticket, site_id.map(i64::from), user_id.map(i64::from), input.userlookup.as_ref())?;
    let id = |to: &mut i64, from: Option<i32>| from.into_iter().for_each(|value| *to = i64::from(value));
    let text = |to: &mut String, from: Option<String>| from.into_iter().for_each(|value| *to = value);

    let bare = input.details.is_none();
    text(&mut ticket.summary, input.summary);
    text(&mut ticket.details, input.details);
    if let Some(html) = input.details_html {
        if bare {
            ticket.details = crate::actions::plain_text(&html);
        }
        ticket.details_html = html;
    }
    text(&mut ticket.users_name, input.users_name.or(input.user_name));
    text(&mut ticket.reportedby, input.reportedby);
    text(&mut ticket.category_1, input.category_1);
    text(&mut ticket.category_2, input.category_2);
    text(&mut ticket.category_3, input.category_3);
    text(&mut ticket.category_4, input.category_4);
    text(&mut ticket.third_party_id_string, input.third_party_id_string);
    text(&mut ticket.reference, input.reference);
    text(&mut ticket.client_reference, input.client_reference);
    id(&mut ticket.impact, input.impact);
    id(&mut ticket.urgency, input.urgency);
    id(&mut ticket.source, input.source);
    id(&mut ticket.third_party_id, input.third_party_id);
    id(&mut ticket.parent_id, input.parent_id);
    ticket.dateoccurred = input.dateoccurred.filter(|date| !date.is_unset()).or(ticket.dateoccurred);
    ticket.deadlinedate = input.deadlinedate.filter(|date| !date.is_unset()).or(ticket.deadlinedate);

    if let Some(sla) = input.sla_id.map(i64::from).filter(|sla| book.slas.get(*sla).is_some()) {
        ticket.sla_id = sla;
    }
    if let Some(wanted) = input.priority_id.map(i64::from) {
        if !book.priorities.values().any(|row| row.slaid == ticket.sla_id && row.priorityid == wanted) {
            return Err(Answer::exception("The priority is not valid for the service level agreement of this ticket."));
        }
        ticket.priority_id = wanted;
    }
    // A team that does not exist leaves the team as it is.
    if let Some(team) = input.team.as_deref().and_then(|name| book.team_id(name)) {
        ticket.team_id = team;
    }
    if let Some(sent) = &input.customfields {
        let fields = custom_fields(book, sent);
        let set = |row: &Value| row.get("id").and_then(Value::as_i64);
        ticket.customfields.retain(|old| !fields.iter().any(|new| set(new) == set(old)));
        ticket.customfields.extend(fields);
    }
    if let Some(assets) = input.assets {
        set_assets(world, access, ticket, &assets)?;
    }
    Ok(())
}

/// Site and end user of a ticket: both must belong to its customer.
fn place(
    world: &World,
    ticket: &mut Ticket,
    site_id: Option<i64>,
    user_id: Option<i64>,
    lookup: Option<&UserLookup>,
) -> Result<(), Answer> {
    let book = &world.book;
    let of_client = |site: i64| book.sites.get(site).is_some_and(|site| site.client_id == ticket.client_id);
    if let Some(site) = site_id.filter(|site| *site > 0) {
        if !of_client(site) {
            return Err(Answer::exception("The site does not belong to the customer of this ticket."));
        }
        ticket.site_id = site;
    }
    if let Some(user_id) = user_id.filter(|user| *user > 0) {
        let user = book.users.get(user_id).filter(|user| of_client(user.site_id));
        let user = user.ok_or_else(|| Answer::exception("The user does not belong to the customer of this ticket."))?;
        if site_id.is_none() && world.switches.user_needs_site == OnOff::On {
            return Err(Answer::exception("A site must be given with the user of this ticket."));
        }
        (ticket.user_id, ticket.site_id) = (user_id, user.site_id);
    } else if ticket.user_id == 0 || lookup.is_some_and(|lookup| lookup.id == -1) {
        let general = book.general_user(ticket.site_id);
        ticket.user_id = general.unwrap_or_default();
    }
    Ok(())
}

/// Replaces the ticket's assets; those that the caller cannot see, or of another customer, are left out or refused.
fn set_assets(world: &World, access: &Access, ticket: &mut Ticket, sent: &[AssetIn]) -> Result<(), Answer> {
    let visible = access.scope_reads_assets() && access.asset_level() >= Level::Read;
    ticket.assets.clear();
    for asset in sent {
        let found =
            world.book.assets.get(i64::from(asset.id)).filter(|asset| visible && asset.client_id == ticket.client_id);
        match found {
            Some(asset) => ticket.assets.push(asset.id),
            None if world.switches.foreign_asset == AssetChoice::Refuse => {
                return Err(Answer::exception("The asset does not belong to the customer of this ticket."));
            }
            None => {}
        }
    }
    Ok(())
}

/// `DELETE /Tickets/{id}`.
///
/// # Errors
/// 403 without the right, 404 for a ticket that is not there.
pub(crate) fn delete(world: &mut World, access: &Access, id: i64) -> Reply {
    writable(access)?;
    let found = world.book.tickets.get(id).filter(|ticket| !ticket.deleted && access.sees(&world.book, ticket));
    let mut ticket = found.map(Ticket::clone).ok_or_else(Answer::not_found)?;
    if world.switches.delete_tickets == OnOff::Off || !access.may_edit(&world.book, &ticket, edit_level(world)) {
        return Err(Answer::forbidden());
    }
    ticket.deleted = true;
    ticket.last_update = Some(Stamp::now());
    let body = detail(world, &ticket);
    world.told.push(Event::deleted(ticket.id()));
    world.record(Change::Ticket(Box::new(ticket)));
    Ok(Answer::ok(body))
}
