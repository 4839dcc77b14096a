//! `/Actions`: the entries of a ticket's timeline, with their time, and the changes that an action makes to its ticket.
//!
//! Ids count per ticket, so an action's key is the pair of ticket and id. `timetaken` is in hours.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Call, Reply, extend, fields, set};
use crate::clock::{Stamp, date_or_unset, random_guid};
use crate::lists::mentions;
use crate::model::{Action, Book, Outcome, Ticket};
use crate::query::Query;
use crate::rights::{Access, Level};
use crate::switches::{Batch, Hidden, OnOff, UnknownOutcome, UnknownTicket};
use crate::ticket_writes::{CustomFieldIn, allowed_status, assign, custom_fields, edit_level, move_status, written};
use crate::webhooks::Event;
use crate::world::{Change, World};

/// The name of the API application, as actions show it.
pub(crate) const APPLICATION: &str = "Elevation desk";

/// What a client may set on an action. `status_id` is not here: on an action it does nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ActionIn {
    id: Option<i32>,
    ticket_id: Option<i32>,
    outcome: Option<String>,
    outcome_id: Option<i32>,
    note: Option<String>,
    note_html: Option<String>,
    hiddenfromuser: Option<bool>,
    important: Option<bool>,
    who_agentid: Option<i32>,
    actionarrivaldate: Option<Stamp>,
    actioncompletiondate: Option<Stamp>,
    datetime: Option<Stamp>,
    timetaken: Option<f64>,
    nonbilltime: Option<f64>,
    traveltime: Option<f64>,
    actionchargehours: Option<f64>,
    actionnonchargehours: Option<f64>,
    actionprepayhours: Option<f64>,
    chargerate: Option<i32>,
    actisbillable: Option<bool>,
    new_status: Option<i32>,
    new_agent: Option<i32>,
    new_team: Option<String>,
    new_priority: Option<i32>,
    new_category1: Option<String>,
    sendemail: Option<bool>,
    sendsms: Option<bool>,
    send_survey: Option<bool>,
    emailto: Option<String>,
    emailsubject: Option<String>,
    customfields: Option<Vec<CustomFieldIn>>,
    attachments: Option<Vec<crate::attachments::AttachmentIn>>,
}

/// The text of HTML, as far as a list row needs it.
pub(crate) fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            _ if !in_tag => text.push(c),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// The whole row. `html` is what `includehtmlnote` asks for.
pub(crate) fn row(book: &Book, action: &Action, html: bool) -> Value {
    let initials = book.agents.get(action.who_agentid).map_or("", |agent| &agent.initials);
    let mut row = json!({
        "ticket_id": action.ticket_id, "id": action.id, "outcome": action.outcome, "outcome_id": action.outcome_id,
        "who": action.who, "who_type": action.who_type, "who_agentid": action.who_agentid, "who_initials": initials,
        "actionby_agent_id": action.actionby_agent_id, "actionby_application_id": action.actionby_application_id,
        "datetime": date_or_unset(action.datetime), "actiondatecreated": date_or_unset(action.actiondatecreated),
        "last_updated": date_or_unset(action.last_updated), "actionarrivaldate": date_or_unset(action.actionarrivaldate),
        "actioncompletiondate": date_or_unset(action.actioncompletiondate), "note": action.note,
        "hiddenfromuser": action.hiddenfromuser, "important": action.important, "timetaken": action.timetaken,
        "nonbilltime": action.nonbilltime, "traveltime": action.traveltime, "actionchargehours": action.actionchargehours,
        "actionnonchargehours": action.actionnonchargehours, "actionprepayhours": action.actionprepayhours,
        "chargerate": action.chargerate, "actisbillable": action.actisbillable, "timerinuse": false,
        "old_status": action.old_status, "new_status": action.new_status,
        "new_status_name": book.statuses.get(action.new_status).map_or("", |status| &status.name),
        "new_agent": action.new_agent, "new_team": action.new_team, "new_priority": action.new_priority,
        "sendemail": action.sendemail, "sendsms": action.sendsms, "send_survey": action.send_survey, "emailto": action.emailto,
        "emailsubject": action.emailsubject, "guid": action.guid, "customfields": action.customfields,
    });
    let plain = json!({
        "timetakendays": 0.0, "timetakenadjusted": action.timetaken, "mileage": 0.0, "attachment_count": 0, "unread": 0, "colour": "",
    });
    extend(&mut row, plain);
    if html {
        set(&mut row, "note_html", json!(action.note_html));
    }
    row
}

fn readable(access: &Access) -> Result<(), Answer> {
    if access.scope_reads_tickets() && access.agent.is_some() { Ok(()) } else { Err(Answer::forbidden()) }
}

fn visible<'a>(world: &'a World, access: &Access, ticket_id: i64) -> Option<&'a Ticket> {
    world.book.tickets.get(ticket_id).filter(|ticket| !ticket.deleted && access.sees(&world.book, ticket))
}

/// `GET /Actions?ticket_id=`: newest first, no pages; a hidden ticket's list is empty.
///
/// # Errors
/// 403 without the scope, 400 for parameters of the wrong kind.
pub(crate) fn list(world: &World, access: &Access, call: &Call) -> Reply {
    readable(access)?;
    let (book, query) = (&world.book, &call.query);
    let count = query.int("count")?.and_then(|count| usize::try_from(count).ok());
    let (from, to) = (query.date("startdate")?, query.date("enddate")?);
    let outcome = query.needle("actoutcome");
    let tickets: Vec<&Ticket> = match query.int("ticket_id")? {
        Some(id) => visible(world, access, id).into_iter().collect(),
        // Without a ticket both ends of a span must be given; else there is nothing.
        None if from.is_none() || to.is_none() => Vec::new(),
        None => book.tickets.values().rev().filter(|ticket| !ticket.deleted && access.sees(book, ticket)).collect(),
    };
    let keeps = |action: &&Action| {
        let (private, system) = (action.hiddenfromuser, action.outcome_id <= 0);
        (!query.flag("excludeprivate") || !private)
            && (!query.flag("excludesys") || !system)
            && (!query.flag("timeentriesonly") || action.timetaken > 0.0)
            && (!query.flag("importantonly") || action.important)
            && (!query.flag("agentonly") || action.who_type == 1)
            && from.is_none_or(|from| action.datetime >= Some(from))
            && to.is_none_or(|to| action.datetime <= Some(to))
            && outcome.as_ref().is_none_or(|needle| mentions(needle, &[&action.outcome]))
    };
    let all = tickets.iter().flat_map(|ticket| book.actions(ticket.id).rev());
    let mut actions: Vec<&Action> = all.filter(keeps).collect();
    if query.flag("importanttop") {
        actions.sort_by_key(|action| !action.important);
    }
    let total = actions.len();
    let html = query.flag("includehtmlnote");
    let rows: Vec<Value> =
        actions.into_iter().take(count.unwrap_or(total)).map(|action| row(book, action, html)).collect();
    Ok(Answer::ok(json!({ "record_count": total, "actions": rows })))
}

/// `GET /TimesheetEvent`: the time entries of visible tickets, as their owners' time sheets show them.
///
/// # Errors
/// 403 without the scope, 400 for parameters of the wrong kind.
pub(crate) fn timesheet(world: &World, access: &Access, call: &Call) -> Reply {
    readable(access)?;
    let (book, query) = (&world.book, &call.query);
    let agent = query.int("agent_id")?;
    let (from, to) = (query.date("start_date")?, query.date("end_date")?);
    let tickets = book.tickets.values().filter(|ticket| !ticket.deleted && access.sees(book, ticket));
    let keeps = |action: &&Action| {
        action.timetaken > 0.0
            && agent.is_none_or(|agent| action.who_agentid == agent)
            && from.is_none_or(|from| action.actionarrivaldate >= Some(from))
            && to.is_none_or(|to| action.actionarrivaldate <= Some(to))
    };
    let row = |ticket: &Ticket, action: &Action| {
        json!({
            "id": 0, "event_type": 0, "subject": ticket.summary, "start_date": date_or_unset(action.actionarrivaldate),
            "end_date": date_or_unset(action.actioncompletiondate), "timetaken": action.timetaken, "agent_id": action.who_agentid,
            "ticket_id": ticket.id, "action_number": action.id, "note": action.note, "customer": book.client_name(ticket.client_id),
            "site_id": ticket.site_id, "client_id": ticket.client_id, "tickettype_id": ticket.tickettype_id,
            "charge_rate": action.chargerate, "traveltime": action.traveltime,
        })
    };
    let rows = tickets.flat_map(|ticket| book.actions(ticket.id).filter(keeps).map(move |action| row(ticket, action)));
    Ok(Answer::ok(rows.collect()))
}

fn one<'a>(world: &'a World, access: &Access, query: &Query, id: i64) -> Result<&'a Action, Answer> {
    let ticket_id = query.int("ticket_id")?.ok_or_else(|| Answer::exception("A ticket_id must be given."))?;
    let action = visible(world, access, ticket_id).and_then(|ticket| world.book.action(ticket.id, id));
    action.ok_or_else(Answer::not_found)
}

/// `GET /Actions/{id}?ticket_id=`.
///
/// # Errors
/// 400 without a ticket, 404 for an action that is not there or hidden.
pub(crate) fn get(world: &World, access: &Access, call: &Call, id: i64) -> Reply {
    readable(access)?;
    match one(world, access, &call.query, id) {
        Ok(action) => Ok(Answer::ok(row(&world.book, action, true))),
        Err(answer) if answer.status == 404 && world.switches.hidden_is == Hidden::Empty => Ok(Answer::ok(json!({}))),
        Err(answer) => Err(answer),
    }
}

/// `POST /Actions`.
///
/// # Errors
/// 403 without the right, 400 for a record without outcome, with a bad ticket or an outcome that is not open to it.
pub(crate) fn post(world: &mut World, access: &Access, call: &Call) -> Reply {
    if !access.scope_edits_tickets() || access.ticket_level() != Level::Modify {
        return Err(Answer::forbidden());
    }
    let records = call.records(world.switches.accept_bare_object == OnOff::On)?;
    if world.switches.batch_error == Batch::Atomic {
        for record in &records {
            prepare(world, access, fields(record.clone())?)?;
        }
    }
    let mut keys = Vec::with_capacity(records.len());
    for record in records {
        keys.push(write(world, access, fields(record)?)?);
    }
    let print = |world: &World, (ticket_id, id): &(i64, i64)| {
        world.book.action(*ticket_id, *id).map_or(Value::Null, |action| row(&world.book, action, true))
    };
    Ok(written(world, call, &keys, print))
}

fn write(world: &mut World, access: &Access, mut input: ActionIn) -> Result<(i64, i64), Answer> {
    let attachments = input.attachments.take();
    let (ticket, action) = prepare(world, access, input)?;
    let key = (ticket.id, action.id);
    if action.old_status != ticket.status_id {
        world.told.push(Event::status_changed(&world.book, ticket.id, ticket.status_id));
    }
    world.record(Change::Ticket(Box::new(ticket)));
    world.record(Change::Action(Box::new(action)));
    for attachment in attachments.into_iter().flatten() {
        crate::attachments::store(world, attachment, key.0, key.1)?;
    }
    Ok(key)
}

/// The ticket and the action as they will be. Changes nothing.
fn prepare(world: &World, access: &Access, input: ActionIn) -> Result<(Ticket, Action), Answer> {
    let book = &world.book;
    let unknown = || match world.switches.action_unknown_ticket {
        UnknownTicket::BadRequest => Answer::exception("The ticket of the action is not valid."),
        UnknownTicket::NotFound => Answer::not_found(),
    };
    let old = input.ticket_id.and_then(|id| visible(world, access, i64::from(id))).ok_or_else(unknown)?;
    if !access.may_edit(book, old, edit_level(world)) {
        return Err(Answer::forbidden());
    }
    if let Some(id) = input.id.map(i64::from).filter(|id| *id > 0) {
        let action = book.action(old.id, id).ok_or_else(Answer::not_found)?;
        return Ok((old.clone(), edited(action, input)));
    }
    let (name, outcome) = outcome(world, old, &input)?;
    let now = Stamp::now();
    let mut ticket = old.clone();
    let new_status = input.new_status.map(i64::from).filter(|status| *status > 0);
    let forced = outcome.map(|outcome| outcome.newstatus).filter(|status| *status > 0);
    if let Some(status) = new_status.or(forced) {
        let kind = book.tickettypes.get(old.tickettype_id);
        kind.map_or(Ok(()), |kind| allowed_status(book, kind, status))?;
        move_status(book, &mut ticket, status, now);
    }
    if let Some(agent) = input.new_agent.map(i64::from).filter(|agent| *agent > 0) {
        assign(world, access, &mut ticket, agent, now)?;
    }
    if let Some(team) = input.new_team.as_deref().and_then(|team| book.team_id(team)) {
        ticket.team_id = team;
    }
    if let Some(priority) = input.new_priority.map(i64::from).filter(|priority| *priority > 0) {
        ticket.priority_id = priority;
    }
    if let Some(category) = input.new_category1.clone() {
        ticket.category_1 = category;
    }
    ticket.timetaken += input.timetaken.unwrap_or_default();
    ticket.last_update = Some(now);
    ticket.lastactiondate = Some(now);
    let action = entry(world, access, old, (&ticket, name, outcome), input, now);
    Ok((ticket, action))
}

/// The outcome that an action names, by id or by name, checked against the workflow of the ticket's type.
fn outcome<'a>(world: &'a World, ticket: &Ticket, input: &ActionIn) -> Result<(String, Option<&'a Outcome>), Answer> {
    let book = &world.book;
    let name = input.outcome.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let found = match (input.outcome_id.map(i64::from).filter(|id| *id > 0), name) {
        (Some(id), _) => book.outcomes.get(id),
        (None, Some(name)) => book.outcomes.values().find(|row| row.outcome.eq_ignore_ascii_case(name)),
        (None, None) => return Err(Answer::exception("An Outcome must be entered.")),
    };
    let Some(outcome) = found else {
        return match (name, world.switches.unknown_outcome) {
            (Some(name), UnknownOutcome::Accept) => Ok((name.to_owned(), None)),
            _ => Err(Answer::exception("The Outcome is not valid.")),
        };
    };
    let kind = book.tickettypes.get(ticket.tickettype_id);
    let workflow = kind.and_then(|kind| book.workflows.get(kind.workflow_id));
    if workflow.is_some_and(|workflow| !workflow.allows(outcome.id)) {
        return Err(Answer::exception("You do not have access to this action at this time."));
    }
    let note = [&input.note, &input.note_html].into_iter().flatten().any(|text| !text.trim().is_empty());
    if outcome.mustaddnote && !note {
        return Err(Answer::exception("A note must be entered for this action."));
    }
    Ok((outcome.outcome.clone(), Some(outcome)))
}

fn entry(
    world: &World,
    access: &Access,
    old: &Ticket,
    (ticket, name, outcome): (&Ticket, String, Option<&Outcome>),
    input: ActionIn,
    now: Stamp,
) -> Action {
    let book = &world.book;
    let caller = access.agent_id();
    let owner = input.who_agentid.map(i64::from).filter(|id| book.agents.get(*id).is_some());
    let owner = owner.filter(|_| world.switches.honour_who_agentid == OnOff::On).unwrap_or(caller);
    let backdated = |date: Option<Stamp>| {
        date.filter(|date| world.switches.honour_backdating == OnOff::On && !date.is_unset()).unwrap_or(now)
    };
    let html = input.note_html.unwrap_or_default();
    Action {
        id: book.next_action_id(old.id),
        ticket_id: old.id,
        outcome: name,
        outcome_id: outcome.map_or(0, |outcome| outcome.id),
        note: input.note.unwrap_or_else(|| plain_text(&html)),
        note_html: html,
        hiddenfromuser: input.hiddenfromuser.or(outcome.map(|outcome| outcome.hidefromuser)).unwrap_or_default(),
        important: input.important.unwrap_or_default(),
        who: book.agent_name(owner).to_owned(),
        who_type: 1,
        who_agentid: owner,
        actionby_agent_id: caller,
        actionby_application_id: APPLICATION.to_owned(),
        datetime: Some(backdated(input.datetime)),
        actiondatecreated: Some(now),
        last_updated: Some(now),
        actionarrivaldate: Some(backdated(input.actionarrivaldate)),
        actioncompletiondate: Some(backdated(input.actioncompletiondate)),
        timetaken: input.timetaken.unwrap_or_default(),
        nonbilltime: input.nonbilltime.unwrap_or_default(),
        traveltime: input.traveltime.unwrap_or_default(),
        actionchargehours: input.actionchargehours.unwrap_or_default(),
        actionnonchargehours: input.actionnonchargehours.unwrap_or_default(),
        actionprepayhours: input.actionprepayhours.unwrap_or_default(),
        chargerate: input.chargerate.map_or(0, i64::from),
        actisbillable: input.actisbillable.unwrap_or_default(),
        old_status: old.status_id,
        new_status: ticket.status_id,
        new_agent: ticket.agent_id,
        new_team: book.team_name(ticket.team_id).to_owned(),
        new_priority: ticket.priority_id,
        sendemail: input.sendemail.unwrap_or(outcome.is_some_and(|outcome| outcome.sendemail != 0)),
        sendsms: input.sendsms.unwrap_or_default(),
        send_survey: input.send_survey.unwrap_or_default(),
        emailto: input.emailto.unwrap_or_default(),
        emailsubject: input.emailsubject.unwrap_or_default(),
        guid: random_guid(),
        customfields: custom_fields(book, &input.customfields.unwrap_or_default()),
    }
}

/// An update of an action: its words and its time, never what it did to the ticket.
fn edited(action: &Action, input: ActionIn) -> Action {
    Action {
        note: input.note.unwrap_or_else(|| action.note.clone()),
        note_html: input.note_html.unwrap_or_else(|| action.note_html.clone()),
        hiddenfromuser: input.hiddenfromuser.unwrap_or(action.hiddenfromuser),
        important: input.important.unwrap_or(action.important),
        timetaken: input.timetaken.unwrap_or(action.timetaken),
        last_updated: Some(Stamp::now()),
        ..action.clone()
    }
}

/// `DELETE /Actions/{id}?ticket_id=`.
///
/// # Errors
/// 403 without the right, 404 for an action that is not there.
pub(crate) fn delete(world: &mut World, access: &Access, call: &Call, id: i64) -> Reply {
    if !access.scope_edits_tickets() || access.ticket_level() != Level::Modify {
        return Err(Answer::forbidden());
    }
    let action = one(world, access, &call.query, id)?.clone();
    let ticket = visible(world, access, action.ticket_id).ok_or_else(Answer::not_found)?;
    if !access.may_edit(&world.book, ticket, edit_level(world)) {
        return Err(Answer::forbidden());
    }
    let body = row(&world.book, &action, true);
    world.record(Change::ActionGone { ticket_id: action.ticket_id, id });
    Ok(Answer::ok(body))
}
