//! `/Tickets`, read: lists with their filters, and the ticket by itself. Writing is in `ticket_writes`.
//!
//! List rows are sparse and names come only where asked for; unknown parameters are ignored, misspelt ones too, so that a
//! typo gives unfiltered rows, as in Halo.

use serde_json::{Value, json};

use crate::answer::{Answer, Call, Reply, extend, set};
use crate::clock::{Stamp, UNSET, date_or_unset};
use crate::lists::{self, Advanced, Listing, mentions};
use crate::model::{Book, Ticket, guid};
use crate::query::Query;
use crate::rights::{Access, Level};
use crate::switches::{DefaultOrder, Deleted, DeletedLists, Hidden, NoAccessList, OnOff};
use crate::world::World;

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

type IntField = fn(&Ticket) -> i64;
type DateField = fn(&Ticket) -> Option<Stamp>;
type Text = fn(&Book, &Ticket) -> String;

/// From and to; either may be open.
pub(crate) type Span = (Option<Stamp>, Option<Stamp>);

/// What `GET /Tickets` filters by. Parameters that are not here are ignored, misspelt ones too: that is Halo's way.
struct Filter {
    ints: Vec<(IntField, Vec<i64>)>,
    reference: Option<String>,
    open: Option<bool>,
    deleted: Option<bool>,
    category_1: Option<String>,
    texts: Vec<(Text, String)>,
    updated: Span,
    dates: (DateField, Span),
    asset: Option<i64>,
    toplevel: Option<i64>,
    advanced: Advanced,
}

impl Filter {
    fn read(world: &World, access: &Access, query: &Query) -> Result<Self, Answer> {
        let fields: [(&str, IntField); 15] = [
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
        let mut ints: Vec<(IntField, Vec<i64>)> = Vec::new();
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
        let date: DateField = match query.get("datesearch").unwrap_or_default() {
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
            dates: (date, (query.date("startdate")?, query.date("enddate")?)),
            asset: query.int("asset_id")?,
            toplevel: query.int("toplevel_id")?,
            advanced: Advanced::read(query, &SEARCHABLE)?,
        })
    }

    fn keeps(&self, book: &Book, ticket: &Ticket) -> bool {
        let gone = ticket.deleted || ticket.merged_into_id != 0;
        let (date, span) = self.dates;
        let toplevel = || book.clients.get(ticket.client_id).map(|client| client.toplevel_id);
        self.deleted.is_none_or(|deleted| deleted == gone)
            && self.ints.iter().all(|(field, wanted)| wanted.contains(&field(ticket)))
            && self.reference.as_ref().is_none_or(|reference| *reference == ticket.third_party_id_string)
            && self.open.is_none_or(|open| open != book.status_is_closed(ticket.status_id))
            && self.category_1.as_ref().is_none_or(|category| *category == ticket.category_1)
            && self.asset.is_none_or(|asset| ticket.assets.contains(&asset))
            && self.toplevel.is_none_or(|wanted| toplevel() == Some(wanted))
            && between(ticket.last_update, self.updated)
            && between(date(ticket), span)
            && self.texts.iter().all(|(text, needle)| mentions(needle, &[&text(book, ticket)]))
            && self.advanced.keeps(ticket)
    }
}

pub(crate) fn between(date: Option<Stamp>, (from, to): Span) -> bool {
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
    extend(&mut row, plain_fields(world, ticket));
    if world.switches.reference_in_rows == OnOff::On {
        set(&mut row, "third_party_id_string", json!(ticket.third_party_id_string));
    }
    if query.flag("includestatus") {
        set(&mut row, "status_name", json!(book.statuses.get(ticket.status_id).map(|status| &status.name)));
    }
    if query.flag("includeagent") {
        set(&mut row, "agent_name", json!(book.agent_name(ticket.agent_id)));
    }
    if query.flag("includetickettype") {
        set(&mut row, "tickettype_name", json!(book.tickettypes.get(ticket.tickettype_id).map(|kind| &kind.name)));
    }
    if query.flag("includelastaction") {
        set(&mut row, "lastnote", json!(world.book.actions(ticket.id).next_back().map(|action| &action.note)));
    }
    row
}

/// Whole numbers that live rows always carry and that mean nothing here; strict clients insist on them, as on the
/// fields of the next lists.
const ZERO: &[&str] = &[
    "child_count",
    "attachment_count",
    "enduserstatus",
    "matched_kb_id",
    "product_id",
    "release_id",
    "release2_id",
    "release3_id",
    "pipeline_stage_id",
    "starttimeslot",
    "targettimeslot",
    "quantity",
    "releasenotegroup_id",
    "supplier_status",
    "appointment_type",
    "table",
    "impactlevel",
    "risklevel",
    "useful_count",
    "notuseful_count",
    "itil_requesttype_id",
    "_open_search_score",
];
const ZERO_POINT_ZERO: &[&str] = &["estimate", "estimatedays", "slaholdtime", "oppvalueadjusted", "cost", "ticketage"];
const FALSE: &[&str] = &[
    "isimportantcontact",
    "flagged",
    "excludefromsla",
    "release_important",
    "projectinternaltask",
    "reviewed",
    "updateservicestatus",
    "invoiceseperatelyoverride",
    "onhold",
];
const BLANK: &[&str] = &[
    "site_timezone",
    "section_timezone",
    "userdef1",
    "userdef2",
    "userdef3",
    "userdef4",
    "userdef5",
    "servicestatusnote",
    "ticket_tags",
    "purchaseordernumber",
];

/// The rest of a row: fields that every live row carries.
fn plain_fields(world: &World, ticket: &Ticket) -> Value {
    let book = &world.book;
    let mut plain = json!({
        "team_id": ticket.team_id, "category_3": ticket.category_3, "category_4": ticket.category_4, "timetaken": ticket.timetaken,
        "workflow_id": book.tickettypes.get(ticket.tickettype_id).map_or(0, |kind| kind.workflow_id), "workflow_step": 1,
        "deadlinedate": date_or_unset(ticket.deadlinedate), "respondbydate": UNSET, "fixbydate": UNSET, "lastincomingemail": UNSET,
        "lastnote_date": date_or_unset(ticket.lastactiondate), "guid": guid("ticket", ticket.id), "organisation_id": 1,
        "department_id": book.teams.get(ticket.team_id).map_or(0, |team| team.department_id), "read": true, "viewers": [],
        "is_vip": book.clients.get(ticket.client_id).is_some_and(|client| client.is_vip), "starttime": "00:00:00",
        "targettime": "00:00:00",
    });
    for (names, value) in [(ZERO, json!(0)), (ZERO_POINT_ZERO, json!(0.0)), (FALSE, json!(false)), (BLANK, json!(""))] {
        for name in names {
            set(&mut plain, name, value.clone());
        }
    }
    plain
}

/// The ticket by itself: everything the simulator keeps of it.
pub(crate) fn detail(world: &World, ticket: &Ticket) -> Value {
    let book = &world.book;
    let mut detail = row(world, ticket, &Query::default());
    let more = json!({
        "details": ticket.details, "details_html": ticket.details_html, "users_name": ticket.users_name,
        "third_party_id_string": ticket.third_party_id_string, "reference": ticket.reference,
        "client_reference": ticket.client_reference, "slaresponsestate": "",
        "assets": ticket.assets.iter().filter_map(|id| book.assets.get(*id)).map(|asset| json!({
            "id": asset.id, "inventory_number": asset.inventory_number, "key_field": asset.key_field,
            "client_id": asset.client_id, "site_id": asset.site_id, "assettype_id": asset.assettype_id,
        })).collect::<Vec<_>>(),
        "customfields": ticket.customfields, "reassigncount": ticket.reassigncount,
        "created_by": ticket.created_by,
    });
    extend(&mut detail, more);
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
    set(&mut detail, "deleted", json!(ticket.deleted));
    if query.flag("includedetails") {
        let status = book.statuses.get(ticket.status_id);
        let priority =
            book.priorities.values().find(|p| p.slaid == ticket.sla_id && p.priorityid == ticket.priority_id);
        set(&mut detail, "status_name", json!(status.map(|status| &status.name)));
        set(
            &mut detail,
            "status",
            json!(status.map(|status| json!({ "id": status.id, "name": status.name, "colour": status.colour }))),
        );
        set(
            &mut detail,
            "priority",
            json!(priority.map(|p| json!({ "priorityid": p.priorityid, "slaid": p.slaid, "name": p.name }))),
        );
        set(&mut detail, "tickettype_name", json!(book.tickettypes.get(ticket.tickettype_id).map(|kind| &kind.name)));
    }
    if query.flag("includedetails") || query.flag("includeagent") {
        set(&mut detail, "agent_name", json!(book.agent_name(ticket.agent_id)));
        set(&mut detail, "agent", json!({ "id": ticket.agent_id, "name": book.agent_name(ticket.agent_id) }));
    }
    if query.flag("includelastaction") {
        set(&mut detail, "lastnote", json!(world.book.actions(ticket.id).next_back().map(|action| &action.note)));
    }
    Ok(Answer::ok(detail))
}
