//! The lists that links and settings are chosen from.

use std::collections::HashSet;

use halopsa::{
    AgentFilter, AssetFilter, Client, Closed, CustomerFilter, Error, ErrorKind, Pages, Record, SiteFilter,
    TicketTypeFilter, UserFilter,
};

use super::Known;
use super::connection::Grants;
use super::lines::{
    AGENTS, ASSETS, CONTACTS, CUSTOMERS, Line, OUTCOMES, Report, SITES, STATUSES, TEAMS, TECHNICIANS, TICKET_TYPES,
};
use crate::CheckStatus;
use crate::halo::map::{self, fault};

/// Contacts that are looked at for a mail address.
const CONTACTS_READ: usize = 50;

pub(super) async fn look(client: &Client, report: &mut Report<'_>, grants: &Grants, known: &mut Known) {
    if needs(report, &CUSTOMERS, grants, "read:customers") {
        let rows = first(client.customers(&CustomerFilter::default()), 1).await;
        listed(report, &CUSTOMERS, CheckStatus::Warn, rows.map(|rows| rows.into_iter().next().map(|row| row.name)));
    }
    if report.is(&CUSTOMERS, CheckStatus::Ok) {
        let sites = first(client.sites(&SiteFilter::default()), 1).await;
        listed(report, &SITES, CheckStatus::Info, sites.map(|rows| rows.into_iter().next().map(|row| row.name)));
        contacts(client, report).await;
    } else {
        report.unknown(&SITES, "needs the customers first");
        report.unknown(&CONTACTS, "needs the customers first");
    }
    if needs(report, &ASSETS, grants, "read:assets") {
        let rows = first(client.assets(&AssetFilter::default()), 1).await;
        listed(
            report,
            &ASSETS,
            CheckStatus::Warn,
            rows.map(|rows| rows.into_iter().next().map(|row| row.inventory_number.unwrap_or_default())),
        );
    }
    let chosen = report.plan.ticket_type.as_deref().and_then(|id| map::id(id).ok());
    ticket_types(client, report, chosen, known).await;
    let statuses = client.statuses(chosen, Closed::With).await;
    listed(report, &STATUSES, CheckStatus::Warn, statuses.map(|rows| rows.into_iter().next().map(|row| row.name)));
    let outcomes = client.outcomes(chosen).await;
    listed(report, &OUTCOMES, CheckStatus::Warn, outcomes.map(|rows| rows.into_iter().next().map(|row| row.outcome)));
    let teams = client.teams().await;
    let missing = match (&teams, &report.plan.team) {
        (Ok(teams), Some(team)) if !teams.is_empty() => !teams.iter().any(|row| row.name.eq_ignore_ascii_case(team)),
        _ => false,
    };
    if missing {
        let team = report.plan.team.clone().unwrap_or_default();
        report.put(
            &TEAMS,
            CheckStatus::Warn,
            format!("{team} is not among them"),
            Some("Choose another team in the settings"),
        );
    } else {
        listed(report, &TEAMS, CheckStatus::Warn, teams.map(|rows| rows.into_iter().next().map(|row| row.name)));
    }
}

/// False where the application lacks the scope: then the line says so, and nothing is tried.
fn needs(report: &mut Report<'_>, line: &Line, grants: &Grants, scope: &str) -> bool {
    let may = grants.may(scope);
    if !may {
        report.unknown(line, format!("needs {scope}, which the application lacks"));
    }
    may
}

/// The rows of a walk's first page.
async fn first<T: Record>(pages: Pages<T>, rows: usize) -> Result<Vec<T>, Error> {
    Ok(pages.page_size(rows).next().await?.unwrap_or_default())
}

/// True where Halo says that we may not.
pub(super) fn is_denied(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Unauthorised)
}

/// A list's line: `missing` is how bad it is that nothing is visible. A refusal is as bad, but never better than that.
fn listed(report: &mut Report<'_>, line: &Line, missing: CheckStatus, first: Result<Option<String>, Error>) {
    match first {
        Ok(Some(name)) => report.ok(line, format!("readable, {name} for one")),
        Ok(None) => report.bad(line, missing, "nothing is visible: there is none, or it is hidden from our agent"),
        Err(error) if is_denied(&error) => {
            let status = if missing == CheckStatus::Info { missing } else { CheckStatus::Fail };
            report.bad(line, status, fault(&error).words);
        }
        Err(error) if error.kind == ErrorKind::NotFound => {
            let fix = "Copy \"Resource Server\" from HaloPSA; it ends with /api";
            report.put(line, CheckStatus::Fail, fault(&error).words, Some(fix));
        }
        Err(error) => report.put(line, CheckStatus::Unknown, fault(&error).words, Some("Check again")),
    }
}

async fn contacts(client: &Client, report: &mut Report<'_>) {
    match first(client.users(&UserFilter::default()), CONTACTS_READ).await {
        Ok(users) if !users.is_empty() && users.iter().all(|user| user.emailaddress.is_none()) => {
            let seen = "their mail addresses are hidden, so they do not link; tickets name the user in their text";
            report.bad(&CONTACTS, CheckStatus::Info, seen);
        }
        Ok(users) if users.is_empty() => {
            report.bad(&CONTACTS, CheckStatus::Info, "none is visible; tickets name the user in their text");
        }
        Ok(_) => report.ok(&CONTACTS, "readable, with mail addresses"),
        Err(error) => listed(report, &CONTACTS, CheckStatus::Info, Err(error)),
    }
}

/// Whether the chosen type is among those that our agent may create, see and edit; and which team its tickets land in.
async fn ticket_types(client: &Client, report: &mut Report<'_>, chosen: Option<i64>, known: &mut Known) {
    known.team.clone_from(&report.plan.team);
    let types = match client.ticket_types(TicketTypeFilter::Creatable).await {
        Ok(types) => types,
        Err(error) => return listed(report, &TICKET_TYPES, CheckStatus::Fail, Err(error)),
    };
    let Some(chosen) = chosen else {
        match types.first() {
            Some(kind) => report.ok(&TICKET_TYPES, format!("readable, {} for one; none is chosen yet", kind.name)),
            None => listed(report, &TICKET_TYPES, CheckStatus::Fail, Ok(None)),
        }
        return;
    };
    if known.team.is_none()
        && let Ok(details) = client.ticket_type(chosen).await
    {
        known.team = details.default_team;
    }
    report.team.clone_from(&known.team);
    let Some(kind) = types.iter().find(|kind| kind.id == chosen) else {
        report.bad(&TICKET_TYPES, CheckStatus::Fail, "the chosen type is not among those that the agent may create");
        return;
    };
    let limits = known.me.tickettypes.iter().find(|limits| limits.tickettype_id == Some(chosen));
    let lacks = limits.and_then(|limits| {
        let flags = [("create", limits.cancreate), ("see", limits.canview), ("edit", limits.canedit)];
        flags.into_iter().find(|(_, may)| *may == Some(false)).map(|(what, _)| what)
    });
    match lacks {
        Some(what) => {
            report.bad(&TICKET_TYPES, CheckStatus::Fail, format!("the agent may not {what} tickets of {}", kind.name));
        }
        None => report.ok(&TICKET_TYPES, format!("{} can be created", kind.name)),
    }
}

/// Agents, and which of our technicians are among them.
pub(super) async fn people(client: &Client, report: &mut Report<'_>) {
    let agents = match client.agents(AgentFilter::Enabled).await {
        Ok(agents) => agents,
        Err(error) => {
            report.unknown(&TECHNICIANS, "needs the agents first");
            return listed(report, &AGENTS, CheckStatus::Warn, Err(error));
        }
    };
    let people = agents.into_iter().filter(|agent| agent.isapiagent != Some(true));
    let emails: HashSet<String> = people.filter_map(|agent| agent.email).map(|email| key(&email)).collect();
    if emails.is_empty() {
        report.bad(&AGENTS, CheckStatus::Warn, "no agent with a mail address is visible");
        report.unknown(&TECHNICIANS, "needs the agents first");
        return;
    }
    report.ok(&AGENTS, format!("{} with a mail address", emails.len()));
    let (found, left): (Vec<&String>, Vec<&String>) =
        report.plan.emails.iter().partition(|email| emails.contains(&key(email)));
    let (found, all) = (found.len(), report.plan.emails.len());
    let left = left.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    if all == 0 {
        report.put(&TECHNICIANS, CheckStatus::Info, "there is no technician to look for yet", None);
    } else if found == all {
        report.ok(&TECHNICIANS, format!("{found} of {all}"));
    } else {
        let status = if found == 0 { CheckStatus::Warn } else { CheckStatus::Info };
        report.bad(&TECHNICIANS, status, format!("{found} of {all}; not found: {left}"));
    }
}

fn key(email: &str) -> String {
    email.trim().to_lowercase()
}
