//! The configuration that clients read: types, statuses, priorities, outcomes, teams, categories, lookups, workflows.
//!
//! Bare arrays, all read-only: the set-up document's scopes do not reach configuration.

use serde_json::{Value, json};

use crate::answer::{Answer, Call, Reply, set};
use crate::model::{Book, Outcome, Status, Team, TicketType, Workflow, guid};
use crate::query::Query;
use crate::rights::Access;
use crate::switches::OnOff;
use crate::world::World;

impl Workflow {
    /// The outcomes that any of its steps offers.
    fn outcomes(&self) -> impl Iterator<Item = i64> {
        let steps = self.steps.iter().filter_map(|step| step.get("actions")?.as_array());
        steps.flatten().filter_map(|action| action.get("action_id")?.as_i64())
    }

    /// Whether tickets of this workflow offer the outcome.
    pub(crate) fn allows(&self, outcome_id: i64) -> bool {
        self.outcomes().any(|id| id == outcome_id)
    }
}

/// A configuration list, or one of its rows.
///
/// # Errors
/// 403 where the token's scopes do not reach, 404 for an id that is not there.
pub(crate) fn get(world: &World, access: &Access, call: &Call, kind: &str, id: Option<&str>) -> Reply {
    if world.switches.lookups_need_scope == OnOff::On && !access.scope_reads_tickets() {
        return Err(Answer::forbidden());
    }
    let Some(id) = id else { return Ok(Answer::ok(Value::Array(list(&world.book, access, &call.query, kind)?))) };
    let everything = Query::parse("showall=true&showhidden=true&showinactive=true");
    let rows = list(&world.book, access, &everything, kind)?;
    let wanted = |row: &&Value| match row.get("id") {
        Some(Value::String(guid)) => {
            guid.eq_ignore_ascii_case(id) || row.get("priorityid").map(Value::to_string).as_deref() == Some(id)
        }
        Some(number) => number.as_i64() == id.parse().ok(),
        None => false,
    };
    rows.iter().find(wanted).cloned().map(Answer::ok).ok_or_else(Answer::not_found)
}

fn list(book: &Book, access: &Access, query: &Query, kind: &str) -> Result<Vec<Value>, Answer> {
    Ok(match kind {
        "tickettype" => tickettypes(book, access, query),
        "status" => statuses(book, query)?,
        "priority" => {
            let sla = query.int("slaid")?;
            let rows = book.priorities.values().filter(|row| sla.is_none_or(|sla| row.slaid == sla));
            rows.map(|row| json!({
                "id": guid("priority", row.id), "slaid": row.slaid, "priorityid": row.priorityid, "name": row.name,
                "ishidden": row.ishidden, "colour": row.colour, "fixtime": row.fixtime, "fixunits": "h",
                "responsetime": row.responsetime, "responseunits": "h",
            })).collect()
        }
        "outcome" => outcomes(book, query)?,
        "team" => teams(book, access, query)?,
        "sla" => book.slas.values().map(|sla| json!({
            "id": sla.id, "guid": guid("sla", sla.id), "name": sla.name, "workday_id": sla.workday_id,
            "priorities": book.priorities.values().filter(|row| row.slaid == sla.id && query.flag("showpriorities"))
                .map(|row| json!({ "priorityid": row.priorityid, "name": row.name })).collect::<Vec<_>>(),
        })).collect(),
        "category" => {
            let level = query.int("type_id")?;
            let rows = book.categories.values().filter(|row| level.is_none_or(|level| row.type_id == level));
            rows.map(|row| json!({
                "id": row.id, "guid": guid("category", row.id), "value": row.value, "category_name": row.value, "type_id": row.type_id,
            })).collect()
        }
        "lookup" => {
            let wanted = query.int("lookupid")?;
            let rows = book.lookups.values().filter(|row| wanted.is_none_or(|id| row.lookupid == id));
            rows.filter(|row| !row.inactive || query.flag("showallcodes")).map(|row| json!({
                "lookupid": row.lookupid, "id": row.code, "name": row.name, "value2": "", "value3": "", "inactive": row.inactive,
                "sequence": row.code,
            })).collect()
        }
        "assettype" => book.assettypes.values().map(|row| json!({
            "id": row.id, "guid": guid("assettype", row.id), "name": row.name, "assetgroup_id": row.assetgroup_id,
            "assetgroup_name": row.assetgroup_name, "keyfield_name": row.keyfield_name,
        })).collect(),
        "fieldinfo" => book.fields.values().map(|row| json!({
            "id": row.id, "name": row.name, "label": row.label, "type": row.kind, "usage": row.usage,
        })).collect(),
        "toplevel" if query.flag("agent_departments_only") => departments(book, query),
        "toplevel" => book.toplevels.values().map(|row| json!({
            "id": row.id, "guid": guid("toplevel", row.id), "name": row.name, "type": 0, "organisation_id": row.organisation_id,
            "organisation_name": book.organisation_name, "teams": [], "agent_members": [], "managers": [],
        })).collect(),
        "organisation" => vec![json!({
            "id": 1, "guid": guid("organisation", 1), "name": book.organisation_name, "departments": departments(book, query),
        })],
        "workflow" => book.workflows.values().map(|row| json!({ "id": row.id, "name": row.name, "steps": row.steps })).collect(),
        _ => return Err(Answer::not_found()),
    })
}

fn tickettypes(book: &Book, access: &Access, query: &Query) -> Vec<Value> {
    let keeps = |kind: &&TicketType| {
        let may = access.may_create_type(kind.id);
        (!kind.inactive || query.flag("showinactive")) && (may || !query.flag("can_create_only"))
    };
    let rows = book.tickettypes.values().filter(keeps).map(|kind| json!({
        "id": kind.id, "guid": guid("tickettype", kind.id), "name": kind.name, "use": "ticket", "sequence": kind.id,
        "group_id": kind.group_id, "group_name": kind.group_name, "cancreate": access.may_create_type(kind.id),
        "agentscanselect": true, "workflow_id": kind.workflow_id, "default_sla": kind.default_sla,
        "workflow_name": book.workflows.get(kind.workflow_id).map_or("", |workflow| &workflow.name),
        "default_team": kind.default_team, "default_priority": kind.default_priority, "initial_status": kind.initial_status,
        "allowall_status": kind.allowed_status.is_empty(), "visible": !kind.inactive,
        "allowed_status": kind.allowed_status.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>(),
        "allowed_teams": [], "fieldidlist": [], "hasmandatorytechfields": !kind.mandatory.is_empty(),
    }));
    rows.collect()
}

fn statuses(book: &Book, query: &Query) -> Result<Vec<Value>, Answer> {
    let of_ticket = query.int("ticket_id")?.and_then(|id| book.tickets.get(id)).map(|ticket| ticket.tickettype_id);
    let kind = query.int("tickettype_id")?.or(of_ticket).and_then(|id| book.tickettypes.get(id));
    let keeps = |status: &&Status| {
        kind.is_none_or(|kind| kind.allowed_status.is_empty() || kind.allowed_status.contains(&status.id))
            && !(query.flag("excludeclosed") && status.closed)
            && !(query.flag("excludepending") && status.pending)
    };
    let rows = book.statuses.values().filter(keeps).map(|status| json!({
        "id": status.id, "guid": guid("status", status.id), "name": status.name, "shortname": status.shortname, "type": 0,
        "sequence": status.sequence, "colour": status.colour,
    }));
    Ok(rows.collect())
}

fn outcomes(book: &Book, query: &Query) -> Result<Vec<Value>, Answer> {
    let kind = query.int("tickettype_id")?.and_then(|id| book.tickettypes.get(id)).map(|kind| kind.workflow_id);
    let workflow = query.int("workflow_id")?.or(kind).and_then(|id| book.workflows.get(id));
    let keeps = |outcome: &&Outcome| {
        (!outcome.hidden || query.flag("showhidden"))
            && (outcome.systemid == 0 || !query.flag("excludesystemactions"))
            && workflow.is_none_or(|workflow| workflow.allows(outcome.id))
    };
    let rows = book.outcomes.values().filter(keeps).map(|row| json!({
        "id": row.id, "guid": guid("outcome", row.id), "outcome": row.outcome, "buttonname": row.buttonname,
        "labellong": row.labellong, "newstatus": row.newstatus, "sendemail": row.sendemail, "hidefromuser": row.hidefromuser,
        "systemid": row.systemid, "hidden": row.hidden, "workflow_id": workflow.map_or(0, |workflow| workflow.id),
        "workflow_step_id": 0, "mustaddnote": row.mustaddnote, "mustassign": row.mustassign, "defaultmanhrs": row.defaultmanhrs,
        "sequence": row.id, "colour": "", "actionvisibility": true, "respondtype": 0, "sendsms": 0,
    }));
    Ok(rows.collect())
}

fn team_row(book: &Book, team: &Team, agents: bool) -> Value {
    let department = book.departments.get(team.department_id).map_or("", |department| &department.name);
    let mut row = json!({
        "id": team.id, "guid": guid("team", team.id), "name": team.name, "department_id": team.department_id,
        "department_name": department, "org_team_name": team.name, "inactive": team.inactive, "forrequests": true,
        "foropps": false, "forprojects": false, "sequence": team.id,
    });
    if agents {
        let members =
            book.agents.values().filter(|agent| agent.teams.iter().any(|membership| membership.team_id == team.id));
        set(
            &mut row,
            "agents",
            members.map(|agent| json!({ "id": agent.id, "name": agent.name, "email": agent.email })).collect(),
        );
    }
    row
}

fn teams(book: &Book, access: &Access, query: &Query) -> Result<Vec<Value>, Answer> {
    let department = query.int("department_id")?;
    let mine = |team: &Team| {
        access.agent.iter().flat_map(|agent| &agent.teams).any(|membership| membership.team_id == team.id)
    };
    let keeps = |team: &&Team| {
        (!team.inactive || query.flag("showall"))
            && department.is_none_or(|id| team.department_id == id)
            && (!query.flag("memberonly") || mine(team))
    };
    Ok(book
        .teams
        .values()
        .filter(keeps)
        .map(|team| team_row(book, team, query.flag("includeagentsforteams")))
        .collect())
}

/// `GET /Team/Tree`: departments with their teams.
pub(crate) fn team_tree(book: &Book) -> Answer {
    Answer::ok(Value::Array(departments(book, &Query::parse("include_teams=true"))))
}

fn departments(book: &Book, query: &Query) -> Vec<Value> {
    let teams = |department: i64| {
        let rows = book.teams.values().filter(|team| team.department_id == department && query.flag("include_teams"));
        rows.map(|team| team_row(book, team, false)).collect::<Vec<_>>()
    };
    let rows = book.departments.values().map(|row| json!({
        "id": row.id, "guid": guid("department", row.id), "name": row.name, "long_name": row.name, "type": 1,
        "organisation_id": 1, "organisation_name": book.organisation_name, "teams": teams(row.id), "agent_members": [],
        "managers": [],
    }));
    rows.collect()
}

/// `GET /AuthInfo`, open to everybody: where to sign in.
pub(crate) fn auth_info(world: &World, call: &Call) -> Answer {
    Answer::ok(json!({
        "auth_url": format!("{}/auth", call.base), "tenant_id": world.credentials().tenant, "agent_url": call.base,
        "portal_url": format!("{}/portal", call.base),
    }))
}

/// `GET /InstanceInfo`.
pub(crate) fn instance_info(world: &World, call: &Call) -> Answer {
    let agents = world.book.agents.values().filter(|agent| agent.id != crate::model::UNASSIGNED && !agent.isdisabled);
    Answer::ok(json!({
        "dbid": 1, "app_version": VERSION, "database_version": VERSION, "nhserver_version": VERSION,
        "agent_count": world.book.agents.len(), "licensed_agent_count": agents.count(), "online_agent_count": 0,
        "last_login": crate::clock::UNSET, "app_name": "HaloPSA", "agent_url": call.base, "portal_url": format!("{}/portal", call.base),
        "auth_url": format!("{}/auth", call.base), "mobileapp_enabled": false, "teamsbot_enabled": false, "teams_chat_profile": 0,
        "using_event_service": true, "using_scheduling_service": true, "using_outgoing_service": true,
        "using_incoming_service": true,
    }))
}

/// The version that the stand-in says it is.
pub(crate) const VERSION: &str = "2.214.1";
