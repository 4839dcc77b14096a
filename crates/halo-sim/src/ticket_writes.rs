//! `/Tickets`, written: create and update (both by POST), delete.
//!
//! What a POST may set is [`TicketIn`]; everything else in a body is ignored, as Halo ignores it. Rules that Halo is
//! known for stand where they bite: ids are JSON integers, a nested `tickettype` does nothing, `assets` replaces.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Call, Reply, fields};
use crate::clock::Stamp;
use crate::model::{Action, Book, Ticket, TicketType, UNASSIGNED};
use crate::rights::{Access, Level, Membership};
use crate::switches::{AssetChoice, Batch, CreatedStatus, DepartmentEdit, OnOff, PostReturns, Refused};
use crate::tickets::detail;
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

/// An id that is really one: clients also send 0 and -1 for "none".
fn given(id: Option<i32>) -> Option<i64> {
    id.map(i64::from).filter(|id| *id > 0)
}

/// The customer of a new ticket: the one that is named, else that of its site or its user, else the house's own.
fn client_of(book: &Book, input: &TicketIn) -> i64 {
    let user_site = given(input.user_id).and_then(|user| book.users.get(user)).map(|user| user.site_id);
    let site = given(input.site_id).or(user_site).and_then(|site| book.sites.get(site));
    given(input.client_id).or(site.map(|site| site.client_id)).unwrap_or(book.default_client_id)
}

/// The ticket as it will be, and the first action of a new or re-described one. Changes nothing.
fn prepare(world: &World, access: &Access, input: TicketIn) -> Result<(Ticket, Option<Action>), Answer> {
    match given(input.id) {
        None => create(world, access, input).map(|(ticket, action)| (ticket, Some(action))),
        Some(id) => update(world, access, input, id),
    }
}

fn create(world: &World, access: &Access, input: TicketIn) -> Result<(Ticket, Action), Answer> {
    let book = &world.book;
    let type_id =
        given(input.tickettype_id).or_else(|| book.tickettypes.values().next().map(|kind| kind.id)).unwrap_or_default();
    let kind = book.tickettypes.get(type_id).filter(|kind| !kind.inactive);
    let kind = kind.ok_or_else(|| Answer::exception("The ticket type is not valid."))?;
    let may_add = access.is_yes(|rights| rights.add) && access.may_create_type(type_id);
    if !may_add {
        return Err(Answer::forbidden());
    }
    mandatory(kind, &input)?;
    let now = Stamp::now();
    let client_id = client_of(book, &input);
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
    let agent_id = given(input.agent_id).unwrap_or(UNASSIGNED);
    let status_id = given(input.status_id).unwrap_or(kind.initial_status);
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
    let kind_id = given(input.tickettype_id).unwrap_or(old.tickettype_id);
    let kind = book.tickettypes.get(kind_id).ok_or_else(|| Answer::exception("The ticket type is not valid."))?;
    ticket.tickettype_id = kind_id;
    let agent_id = given(input.agent_id).unwrap_or(old.agent_id);
    let status_id = given(input.status_id).unwrap_or(old.status_id);
    let rewritten = input.details.is_some() || input.details_html.is_some();
    if let Some(client) = given(input.client_id.take()).filter(|client| *client != old.client_id) {
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
    place(world, ticket, given(site_id), given(user_id), input.userlookup.as_ref())?;
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

    if let Some(sla) = given(input.sla_id).filter(|sla| book.slas.get(*sla).is_some()) {
        ticket.sla_id = sla;
    }
    if let Some(wanted) = given(input.priority_id) {
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
    if let Some(site) = site_id {
        if !of_client(site) {
            return Err(Answer::exception("The site does not belong to the customer of this ticket."));
        }
        ticket.site_id = site;
    }
    if let Some(user_id) = user_id {
        let user = book.users.get(user_id).filter(|user| of_client(user.site_id));
        let user = user.ok_or_else(|| Answer::exception("The user does not belong to the customer of this ticket."))?;
        if site_id.is_none() && world.switches.user_needs_site == OnOff::On {
            return Err(Answer::exception("A site must be given with the user of this ticket."));
        }
        ticket.user_id = user_id;
        if site_id.is_none() || world.switches.user_sets_site == OnOff::On {
            ticket.site_id = user.site_id;
        }
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
    let mut ticket = found.cloned().ok_or_else(Answer::not_found)?;
    if world.switches.delete_tickets == OnOff::Off || !access.may_edit(&world.book, &ticket, edit_level(world)) {
        return Err(Answer::forbidden());
    }
    ticket.deleted = true;
    ticket.last_update = Some(Stamp::now());
    let body = detail(world, &ticket);
    world.told.push(Event::deleted(ticket.id));
    world.record(Change::Ticket(Box::new(ticket)));
    Ok(Answer::ok(body))
}
