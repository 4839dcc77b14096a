//! What each line of the check is called, where its setting is, and the report that gathers them.

use std::collections::HashMap;

use crate::{Check, CheckNews, CheckPlan, CheckStatus, Refused, Tell};

/// Where in Halo a line's setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Instance,
    Application,
    Permissions,
    Agent,
    TeamAgent,
    DepartmentAgent,
    FeatureAccess,
    TicketsPermissions,
    TicketTypes,
    Ours,
}

/// When a line can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// By reading alone: told at once.
    Reading,
    /// By reading sometimes, and by writing for certain: told at the end of a write test.
    Both,
    /// By writing alone.
    Writing,
}

/// A line of the check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) id: &'static str,
    /// Halo's own words where it has some.
    pub(super) title: &'static str,
    pub(super) place: Place,
    pub(super) by: By,
    /// What to change where it is not as it should be.
    pub(super) fix: &'static str,
}

/// What is changed in most lines of a screen, where the line itself says nothing else.
macro_rules! fix {
    (TeamAgent) => {
        "Switch it on"
    };
    (TicketsPermissions) => {
        "Set it to Yes"
    };
    ($place:ident, $fix:literal) => {
        $fix
    };
}

macro_rules! lines {
    ($($name:ident: $id:literal, $title:literal, $place:ident, $by:ident $(, $fix:literal)?;)+) => {
        $(pub(super) const $name: Line =
            Line { id: $id, title: $title, place: Place::$place, by: By::$by, fix: fix!($place $(, $fix)?) };)+

        /// Every line, in the order of the report.
        pub(super) const LINES: &[Line] = &[$($name),+];
    };
}

lines! {
    REACH: "reach", "Resource server", Instance, Reading, "Check the address, and that this server may reach it";
    SIGN_IN: "sign_in", "Client ID and Secret (Services)", Application, Reading, "Copy client id and secret anew";
    SCOPES: "scopes", "Permissions of the application", Permissions, Reading,
        "Select read:tickets, edit:tickets, read:customers and read:assets";
    AGENT: "agent", "Agent to log in as", Agent, Reading, "Set the login type to Agent and choose the agent to log in as";
    TICKETS: "tickets", "Tickets Access Level: Read and Modify", FeatureAccess, Both, "Set it to Read and Modify";
    CUSTOMERS: "customers", "Client Access Level: View (Names Only)", FeatureAccess, Reading,
        "Set it to View (Names Only) or more";
    ASSETS: "assets", "Assets Access Level: Read Only", FeatureAccess, Reading, "Set it to Read Only";
    TEAM_ASSIGNED: "team_assigned", "Can be assigned to", TeamAgent, Reading;
    TEAM_UNASSIGNED: "team_unassigned", "Can see Unassigned Tickets for this Team", TeamAgent, Reading;
    TEAM_OTHERS: "team_others", "Can see Tickets assigned to other Agents in this Team", TeamAgent, Reading;
    DEPARTMENT: "department", "Membership Level: View All", DepartmentAgent, Both,
        "Set it to View All, or to Modify All where tickets are not updated";
    ADD: "add", "Can add new Tickets", TicketsPermissions, Writing;
    VIEW_UNASSIGNED: "view_unassigned", "Can view Unassigned Tickets", TicketsPermissions, Both;
    VIEW_OTHERS: "view_others", "Can view Tickets that are assigned to other Agents", TicketsPermissions, Both;
    REASSIGN: "reassign", "Can Re-assign Tickets", TicketsPermissions, Writing,
        "Set it to Yes; or leave it at No and switch assigning off here: all else works";
    ASSIGN_OTHER_TEAMS: "assign_other_teams", "Can assign to Agents in Teams the Agent is not a member of",
        TicketsPermissions, Writing, "Set it to Yes, or add the agent to the teams of your technicians";
    EDIT_OTHERS: "edit_others", "Can Edit Tickets Which Are Not Assigned To Them", TicketsPermissions, Writing;
    OUTSIDE_ACTIONS: "outside_actions", "Can always update Ticket Statuses and re-assign Tickets outside of actions",
        TicketsPermissions, Writing;
    TICKET_TYPES: "ticket_types", "Ticket types that the agent may create", TicketTypes, Reading,
        "Allow the chosen type to the agent, or choose another";
    STATUSES: "statuses", "Statuses of the ticket type", TicketTypes, Both, "Allow the statuses to the ticket type";
    OUTCOMES: "outcomes", "Outcomes of actions", TicketTypes, Both,
        "Choose an outcome that the workflow of the ticket type offers in each of its steps";
    TEAMS: "teams", "Teams", Agent, Reading, "Add the teams or departments whose tickets it must read and update";
    SITES: "sites", "Sites of customers", FeatureAccess, Reading, "Optional: Client Access Level: Read Only";
    CONTACTS: "contacts", "Users of customers", FeatureAccess, Reading, "Optional: Client Access Level: Read Only";
    AGENTS: "agents", "Agents", Agent, Reading,
        "Give the API-only agent a default team; without one it cannot see other agents";
    TECHNICIANS: "technicians", "Technicians found among the agents by their mail address", Ours, Reading,
        "Write the same mail address on both sides, then link under Users";
    TIME: "time", "Working time of a technician", Ours, Writing,
        "Link your technicians under Users; else the time belongs to the API-only agent, and the note names who decided";
    TEST_TICKET: "test_ticket", "Test ticket", Ours, Writing, "Close it by hand in HaloPSA";
}

const AGENTS_PAGE: &str = "Configuration › Teams & Agents › Agents";

impl Line {
    fn is_settled_by_writing(&self) -> bool {
        self.by != By::Reading
    }
}

/// The right that most likely is missing where a call was refused and reading shows nothing wrong.
pub(in crate::halo) fn suspect(refused: Refused) -> Check {
    let line = match refused {
        Refused::Create => ADD,
        Refused::Action => EDIT_OTHERS,
    };
    Check {
        fix: Some(line.fix.to_owned()),
        r#where: place(&line, "the API-only agent", None),
        ..bare(&line, CheckStatus::Unknown, "only a write can prove it")
    }
}

fn bare(line: &Line, status: CheckStatus, seen: impl Into<String>) -> Check {
    Check { id: line.id.to_owned(), title: line.title.to_owned(), status, seen: seen.into(), fix: None, r#where: None }
}

fn place(line: &Line, agent: &str, team: Option<&str>) -> Option<String> {
    let application = "Configuration › Integrations › HaloPSA API";
    let rights = format!("{AGENTS_PAGE} › {agent} › Permissions, or its role");
    let setting = line.title.split(':').next().unwrap_or(line.title);
    Some(match line.place {
        Place::Instance => application.to_owned(),
        Place::Application => format!("{application} › Applications"),
        Place::Permissions => format!("{application} › Applications › Permissions"),
        Place::Agent => format!("{AGENTS_PAGE} › {agent}"),
        Place::TeamAgent => {
            let team = team.unwrap_or("the team of your tickets");
            format!("Configuration › Teams & Agents › Teams › {team} › Agents › {agent} › {setting}")
        }
        Place::DepartmentAgent => format!("{AGENTS_PAGE} › {agent} › Departments › {setting}"),
        Place::FeatureAccess if line.title.contains("Level") => format!("{rights} › Feature Access › {setting}"),
        Place::FeatureAccess => format!("{rights} › Feature Access › Client Access Level"),
        Place::TicketsPermissions => format!("{rights} › Tickets Permissions › {setting}"),
        Place::TicketTypes => "Configuration › Tickets › Ticket Types".to_owned(),
        Place::Ours => return None,
    })
}

/// A line for the parts that come before there is a report.
pub(super) fn line(line: &Line, status: CheckStatus, seen: impl Into<String>, fix: Option<&str>) -> Check {
    let place = if fix.is_some() { place(line, "the API-only agent", None) } else { None };
    Check { fix: fix.map(str::to_owned), r#where: place, ..bare(line, status, seen) }
}

/// Gathers the lines, and tells each once: those that a write test may settle at its end.
pub(super) struct Report<'a> {
    pub(super) plan: &'a CheckPlan,
    tell: Tell<'a>,
    lines: HashMap<&'static str, Check>,
    told: Vec<&'static str>,
    /// Why lines that nobody put are not known.
    blocked: String,
    /// Name of our agent.
    pub(super) agent: String,
    /// Where new tickets land.
    pub(super) team: Option<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(plan: &'a CheckPlan, tell: Tell<'a>) -> Self {
        Self {
            plan,
            tell,
            lines: HashMap::new(),
            told: Vec::new(),
            blocked: "can be told only by writing".to_owned(),
            agent: "the API-only agent".to_owned(),
            team: None,
        }
    }

    pub(super) fn news(&self, news: CheckNews) {
        (self.tell)(news);
    }

    pub(super) fn blocked_by(&mut self, why: &str) {
        why.clone_into(&mut self.blocked);
    }

    pub(super) fn status(&self, line: &Line) -> Option<CheckStatus> {
        self.lines.get(line.id).map(|check| check.status)
    }

    pub(super) fn is(&self, line: &Line, status: CheckStatus) -> bool {
        self.status(line) == Some(status)
    }

    pub(super) fn ok(&mut self, line: &Line, seen: impl Into<String>) {
        self.put(line, CheckStatus::Ok, seen, None);
    }

    pub(super) fn unknown(&mut self, line: &Line, seen: impl Into<String>) {
        self.put(line, CheckStatus::Unknown, seen, None);
    }

    /// A line that is not as it should be, with the change that every such line has.
    pub(super) fn bad(&mut self, line: &Line, status: CheckStatus, seen: impl Into<String>) {
        self.put(line, status, seen, Some(line.fix));
    }

    pub(super) fn put(&mut self, line: &Line, status: CheckStatus, seen: impl Into<String>, fix: Option<&str>) {
        let place = if fix.is_some() { place(line, &self.agent, self.team.as_deref()) } else { None };
        self.keep(line, Check { fix: fix.map(str::to_owned), r#where: place, ..bare(line, status, seen) });
    }

    pub(super) fn keep(&mut self, line: &Line, check: Check) {
        let held = self.plan.write.is_some() && line.is_settled_by_writing();
        if !held {
            self.told.push(line.id);
            (self.tell)(CheckNews::Line(check.clone()));
        }
        self.lines.insert(line.id, check);
    }

    /// Tells what is left.
    pub(super) fn end(self) {
        for line in LINES.iter().filter(|line| !self.told.contains(&line.id)) {
            if line.id == TEST_TICKET.id && self.plan.write.is_none() {
                continue;
            }
            let check = self.lines.get(line.id).cloned();
            let check = check.unwrap_or_else(|| bare(line, CheckStatus::Unknown, self.blocked.as_str()));
            (self.tell)(CheckNews::Line(check));
        }
    }
}
