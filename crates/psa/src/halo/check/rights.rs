//! What the agent's own record and the visible tickets prove of its rights.
//!
//! Halo's names for the rights in the record are not published but for the memberships, so a right is proved by what it
//! shows: a visible ticket proves the right to see it, and a ticket of ours that is not shown proves that it lacks.

use std::collections::HashSet;

use halopsa::{AGENT_UNASSIGNED, Agent, AgentTeam, Client, Deleted, ErrorKind, NewAction, Ticket, TicketFilter};

use super::Known;
use super::connection::Grants;
use super::lines::{
    DEPARTMENT, Line, Report, TEAM_ASSIGNED, TEAM_OTHERS, TEAM_UNASSIGNED, TICKET_TYPES, TICKETS, VIEW_OTHERS,
    VIEW_UNASSIGNED,
};
use super::reads::is_denied;
use crate::halo::map::{self, fault};
use crate::{CheckStatus, TicketNow};

/// A ticket that no Halo has: its ids are 32-bit and count up from one.
const IMPOSSIBLE: i64 = i32::MAX as i64;
/// Halo cuts pages of tickets to this.
const PAGE: usize = 100;
/// The membership level that is taken as "None". Halo's numbers are not published; zero is the one that can mean it.
const NO_LEVEL: i64 = 0;

/// One of the settings between a team and an agent.
type Flag = fn(&AgentTeam) -> Option<bool>;

impl Known {
    /// True where our agent is a member of the team that new tickets land in, or nobody can tell.
    pub(super) fn is_of_the_team(&self) -> bool {
        match &self.team {
            None => true,
            Some(team) => self.me.teams.is_empty() || self.team_row(team).is_some(),
        }
    }

    fn team_row(&self, team: &str) -> Option<&AgentTeam> {
        self.me.teams.iter().find(|row| row.team_name.eq_ignore_ascii_case(team))
    }
}

/// The flags of the agent's teams, and its level in its departments.
pub(super) fn memberships(report: &mut Report<'_>, known: &Known) {
    let flags: [(&Line, CheckStatus, Flag); 3] = [
        (&TEAM_ASSIGNED, CheckStatus::Warn, |team| team.in_section),
        (&TEAM_UNASSIGNED, CheckStatus::Fail, |team| team.unassigned_access),
        (&TEAM_OTHERS, CheckStatus::Fail, |team| team.otheragent_access),
    ];
    for (line, bad, flag) in flags {
        flagged(report, known, line, bad, flag);
    }
    departments(report, known);
}

fn flagged(report: &mut Report<'_>, known: &Known, line: &Line, bad: CheckStatus, flag: Flag) {
    let teams = &known.me.teams;
    if teams.is_empty() {
        let seen = if known.me.departments.is_empty() {
            "HaloPSA shows no team of our agent"
        } else {
            "the agent is in no team; its department decides"
        };
        return report.unknown(line, seen);
    }
    let names = |wanted: bool| {
        let rows = teams.iter().filter(|team| flag(team) == Some(wanted)).map(|team| team.team_name.as_str());
        rows.collect::<Vec<_>>()
    };
    let (on, off) = (names(true), names(false));
    let of_ours = |team: &String| known.team_row(team).is_some_and(|row| flag(row) == Some(false));
    if off.is_empty() && on.is_empty() {
        report.unknown(line, "HaloPSA does not show it to our agent");
    } else if off.is_empty() {
        report.ok(line, format!("on for {}", on.join(", ")));
    } else if on.is_empty() || known.team.as_ref().is_some_and(of_ours) {
        report.bad(line, bad, format!("off for {}", off.join(", ")));
    } else {
        report.bad(line, CheckStatus::Info, format!("off for {}; on for {}", off.join(", "), on.join(", ")));
    }
}

fn departments(report: &mut Report<'_>, known: &Known) {
    let rows = &known.me.departments;
    if rows.is_empty() {
        let seen = if known.me.teams.is_empty() {
            "HaloPSA shows no department of our agent"
        } else {
            "the agent is in no department; its teams decide"
        };
        return report.unknown(&DEPARTMENT, seen);
    }
    let levels: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{}: level {}", row.department_name, row.membershiplevel?)))
        .collect();
    if levels.is_empty() {
        return report.unknown(&DEPARTMENT, "HaloPSA does not show it to our agent");
    }
    let seen = levels.join(", ");
    if !rows.iter().any(|row| row.membershiplevel == Some(NO_LEVEL)) {
        report.ok(&DEPARTMENT, seen);
    } else if !known.me.teams.is_empty() && known.is_of_the_team() {
        report.bad(&DEPARTMENT, CheckStatus::Info, format!("{seen}, which is None; the agent's teams decide"));
    } else {
        report.bad(&DEPARTMENT, CheckStatus::Warn, format!("{seen}, which is None"));
    }
}

/// How an action on a ticket that cannot exist ended.
enum Probe {
    Allowed,
    Denied(String),
    Unclear(String),
}

async fn probe(client: &Client) -> Probe {
    let action = NewAction {
        ticket_id: IMPOSSIBLE,
        outcome: Some("Note".to_owned()),
        note_html: "<p>A check by Countersign on a ticket that does not exist.</p>".to_owned(),
        hiddenfromuser: true,
        ..NewAction::default()
    };
    match client.add_action(&action).await {
        Err(error) if matches!(error.kind, ErrorKind::Refused | ErrorKind::NotFound) => Probe::Allowed,
        Err(error) if is_denied(&error) => Probe::Denied(fault(&error).words),
        Err(error) => Probe::Unclear(fault(&error).words),
        Ok(action) => Probe::Unclear(format!("HaloPSA answered with action {}", action.id)),
    }
}

/// The level of access to tickets, and whose tickets are visible.
pub(super) async fn tickets(client: &Client, report: &mut Report<'_>, grants: &Grants, known: &mut Known) {
    if !grants.may("read:tickets") {
        for line in [&TICKETS, &VIEW_UNASSIGNED, &VIEW_OTHERS] {
            report.unknown(line, "needs read:tickets, which the application lacks");
        }
        return;
    }
    let rows = client.tickets(&TicketFilter::default()).page_size(PAGE).next().await.map(Option::unwrap_or_default);
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) if is_denied(&error) => {
            report.bad(&TICKETS, CheckStatus::Fail, fault(&error).words);
            return unseen(report, "needs a look at tickets first");
        }
        Err(error) => {
            report.put(&TICKETS, CheckStatus::Unknown, fault(&error).words, Some("Check again"));
            return unseen(report, "needs a look at tickets first");
        }
    };
    known.newest = rows.first().map(|ticket| ticket.id.to_string());
    if known.edits {
        level(client, report, &rows).await;
    } else {
        report.unknown(&TICKETS, "writing needs edit:tickets, which the application lacks");
    }
    if report.is(&TICKETS, CheckStatus::Fail) && rows.is_empty() {
        return unseen(report, "needs a look at tickets first");
    }
    match hidden(client, &report.plan.known, &rows).await {
        Ok(hidden) => {
            for (line, flag, whose) in
                [(&VIEW_UNASSIGNED, &TEAM_UNASSIGNED, Whose::Nobodys), (&VIEW_OTHERS, &TEAM_OTHERS, Whose::Anothers)]
            {
                visible(report, known, line, flag, whose, &rows, &hidden);
            }
        }
        Err(words) => unseen(report, &words),
    }
}

fn unseen(report: &mut Report<'_>, why: &str) {
    report.unknown(&VIEW_UNASSIGNED, why);
    report.unknown(&VIEW_OTHERS, why);
}

async fn level(client: &Client, report: &mut Report<'_>, rows: &[Ticket]) {
    let count = match rows.len() {
        0 => "no ticket is visible".to_owned(),
        PAGE => format!("{PAGE} tickets and more are visible"),
        count => format!("{count} tickets are visible"),
    };
    match probe(client).await {
        Probe::Denied(words) => {
            report.bad(&TICKETS, CheckStatus::Fail, format!("{count}, but writing is refused: {words}"));
        }
        Probe::Allowed if rows.is_empty() => report.unknown(
            &TICKETS,
            "writing is allowed so far, but no ticket is visible: there is none, or all are hidden from our agent",
        ),
        Probe::Allowed => report.ok(&TICKETS, format!("{count}, and writing is allowed so far")),
        Probe::Unclear(words) => {
            report.unknown(&TICKETS, format!("{count}; whether writing is allowed is not clear: {words}"));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Nobodys,
    Anothers,
}

impl Whose {
    fn is(self, assignee: Option<&str>, me: &Agent) -> bool {
        match (self, assignee) {
            (Self::Nobodys, None) => true,
            (Self::Anothers, Some(agent)) => agent != me.id.to_string(),
            (Self::Nobodys, Some(_)) | (Self::Anothers, None) => false,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Nobodys => "unassigned",
            Self::Anothers => "assigned to another agent",
        }
    }
}

/// Tickets of ours that are neither shown nor deleted.
async fn hidden(client: &Client, ours: &[TicketNow], rows: &[Ticket]) -> Result<Vec<TicketNow>, String> {
    let seen: HashSet<String> = rows.iter().map(|ticket| ticket.id.to_string()).collect();
    let left: Vec<&TicketNow> = ours.iter().filter(|ticket| !seen.contains(&ticket.id)).collect();
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = left.iter().filter_map(|ticket| map::id(&ticket.id).ok()).collect();
    let shown = client.tickets_by_id(&ids).await.map_err(|error| fault(&error).words)?;
    let mut shown: HashSet<String> = shown.into_iter().map(|ticket| ticket.id.to_string()).collect();
    if shown.len() < left.len() {
        let filter = TicketFilter { deleted: Deleted::With, ..TicketFilter::default() };
        let deleted = client.tickets(&filter).page_size(PAGE).next().await.map_err(|error| fault(&error).words)?;
        shown.extend(deleted.unwrap_or_default().into_iter().map(|ticket| ticket.id.to_string()));
    }
    Ok(left.into_iter().filter(|ticket| !shown.contains(&ticket.id)).cloned().collect())
}

fn visible(
    report: &mut Report<'_>,
    known: &Known,
    line: &Line,
    flag: &Line,
    whose: Whose,
    rows: &[Ticket],
    hidden: &[TicketNow],
) {
    let assignee = |ticket: &Ticket| ticket.agent_id.filter(|&id| id != AGENT_UNASSIGNED).map(|id| id.to_string());
    let shown = rows.iter().find(|row| row.agent_id.is_some() && whose.is(assignee(row).as_deref(), &known.me));
    let hidden: Vec<&str> = hidden
        .iter()
        .filter(|ticket| whose.is(ticket.assignee.as_deref(), &known.me))
        .map(|ticket| ticket.id.as_str())
        .collect();
    let word = whose.word();
    match (shown, hidden.first()) {
        (Some(row), _) => report.ok(line, format!("ticket {} is {word}, and visible", row.id)),
        (None, Some(first)) => {
            let seen =
                format!("{} of our tickets that were {word} are not shown any more, {first} for one", hidden.len());
            vanished(report, known, line, flag, &seen);
        }
        (None, None) => report.unknown(line, format!("no ticket that is {word} is visible; only a write can prove it")),
    }
}

/// A ticket is not shown that should be: the line of the right that hides it. `flag` is its team's counterpart.
pub(super) fn vanished(report: &mut Report<'_>, known: &Known, line: &Line, flag: &Line, seen: &str) {
    let explained = report.is(flag, CheckStatus::Fail)
        || report.is(&TICKET_TYPES, CheckStatus::Fail)
        || (known.me.teams.is_empty() && known.me.departments.is_empty());
    if explained {
        report.unknown(line, format!("{seen}; another line says why"));
    } else if known.is_of_the_team() {
        report.bad(line, CheckStatus::Fail, seen);
    } else if report.is(&DEPARTMENT, CheckStatus::Ok) {
        // Not a member of the team: the department's level shows the ticket, or this right hides it.
        report.bad(line, CheckStatus::Fail, seen);
    } else {
        report.bad(&DEPARTMENT, CheckStatus::Warn, seen);
        report.unknown(line, format!("{seen}; the department's level may be why"));
    }
}
