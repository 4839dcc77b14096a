//! Who may see and do what: the rights of the set-up document, and how they gate the handlers.
//!
//! The effective right is the token's scopes cut with the agent's rights. What an agent may not see is hidden (an empty
//! list, a 404), what it may not do is refused. The closest tie decides about a ticket: the agent's membership of the
//! ticket's team if it has one, else its level in that team's department. That order is a guess: Halo's is not published.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::model::{Agent, Book, Ticket, UNASSIGNED};
use crate::words::{Word, plain, words};

words! { YesNo { No "No", Yes "Yes" } }
words! { Level { None "No Access", Read "Read Only", Modify "Read and Modify" } }
words! { ClientLevel { None "No Access", Names "View (Names Only)", Read "Read Only", Modify "Read and Modify" } }
words! { Membership { None "None", ViewAll "View All", ModifyAll "Modify All" } }

impl YesNo {
    pub(crate) fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

/// The rights of an agent itself; those of its teams and departments stand at the memberships.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rights {
    #[serde(rename = "Tickets Access Level")]
    pub(crate) tickets: Level,
    #[serde(rename = "Client Access Level")]
    pub(crate) clients: ClientLevel,
    #[serde(rename = "Assets Access Level")]
    pub(crate) assets: Level,
    #[serde(rename = "Can add new Tickets")]
    pub(crate) add: YesNo,
    #[serde(rename = "Can view Unassigned Tickets")]
    pub(crate) view_unassigned: YesNo,
    #[serde(rename = "Can view Tickets that are assigned to other Agents")]
    pub(crate) view_others: YesNo,
    #[serde(rename = "Can Re-assign Tickets")]
    pub(crate) reassign: YesNo,
    #[serde(rename = "Can assign to Agents in Teams the Agent is not a member of")]
    pub(crate) assign_other_teams: YesNo,
    #[serde(rename = "Can Edit Tickets Which Are Not Assigned To Them")]
    pub(crate) edit_others: YesNo,
    #[serde(rename = "Can always update Ticket Statuses and re-assign Tickets outside of actions")]
    pub(crate) outside_actions: YesNo,
}

impl Default for Rights {
    /// All that the set-up document asks for.
    fn default() -> Self {
        Self {
            tickets: Level::Modify,
            clients: ClientLevel::Names,
            assets: Level::Read,
            add: YesNo::Yes,
            view_unassigned: YesNo::Yes,
            view_others: YesNo::Yes,
            reassign: YesNo::Yes,
            assign_other_teams: YesNo::Yes,
            edit_others: YesNo::Yes,
            outside_actions: YesNo::Yes,
        }
    }
}

const IN_SECTION: &str = "Can be assigned to";
const UNASSIGNED_ACCESS: &str = "Can see Unassigned Tickets for this Team";
const OTHERAGENT_ACCESS: &str = "Can see Tickets assigned to other Agents in this Team";
const MEMBERSHIP: &str = "Membership Level";

/// An agent's rights as one flat list of names and words. A flag of teams (departments) shows the least of all of them.
pub(crate) fn listed(agent: &Agent) -> Value {
    let mut all = match serde_json::to_value(&agent.rights) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let least =
        |flag: fn(&crate::model::TeamMembership) -> YesNo| agent.teams.iter().map(flag).min().unwrap_or(YesNo::No);
    all.insert(IN_SECTION.to_owned(), json!(least(|team| team.in_section)));
    all.insert(UNASSIGNED_ACCESS.to_owned(), json!(least(|team| team.unassigned_access)));
    all.insert(OTHERAGENT_ACCESS.to_owned(), json!(least(|team| team.otheragent_access)));
    let level = agent.departments.iter().map(|department| department.membershiplevel).min().unwrap_or(Membership::None);
    all.insert(MEMBERSHIP.to_owned(), json!(level));
    Value::Object(all)
}

/// Sets rights by name, all or none. The names of teams and departments (`"teams": {"1st Line": {flag: value}}`) narrow
/// a flag to one of them.
///
/// # Errors
/// One sentence for each name or value that is not allowed.
pub(crate) fn change(book: &Book, agent: &Agent, wanted: &Map<String, Value>) -> Result<Agent, Vec<String>> {
    let mut changed = agent.clone();
    let mut refused = Vec::new();
    for (name, value) in wanted {
        let result = match (plain(name).as_str(), value) {
            ("teams", Value::Object(teams)) => change_teams(book, &mut changed, teams),
            ("departments", Value::Object(departments)) => change_departments(book, &mut changed, departments),
            ("tickettypes", Value::Object(types)) => change_types(book, &mut changed, types),
            _ => set(&mut changed, name, value),
        };
        if let Err(sentence) = result {
            refused.push(sentence);
        }
    }
    if refused.is_empty() { Ok(changed) } else { Err(refused) }
}

/// Every right with the words it takes, for a refusal.
pub(crate) fn allowed() -> Value {
    let mut all = Map::new();
    let names = serde_json::to_value(Rights::default()).unwrap_or_default();
    for name in names.as_object().into_iter().flatten().map(|(name, _)| name) {
        let words = match name.as_str() {
            "Client Access Level" => ClientLevel::allowed(),
            _ if name.ends_with("Access Level") => Level::allowed(),
            _ => YesNo::allowed(),
        };
        all.insert(name.clone(), json!(words));
    }
    for flag in [IN_SECTION, UNASSIGNED_ACCESS, OTHERAGENT_ACCESS] {
        all.insert(flag.to_owned(), json!(YesNo::allowed()));
    }
    all.insert(MEMBERSHIP.to_owned(), json!(Membership::allowed()));
    Value::Object(all)
}

fn read<T: Word>(name: &str, value: &Value) -> Result<T, String> {
    T::read(value).ok_or_else(|| format!("`{name}` cannot be {value}; allowed: {}", T::allowed().join(", ")))
}

/// Sets one right of the flat list; a flag of teams or departments is set for all of them.
fn set(agent: &mut Agent, name: &str, value: &Value) -> Result<(), String> {
    let rights = &mut agent.rights;
    match plain(name).as_str() {
        "ticketsaccesslevel" => rights.tickets = read(name, value)?,
        "clientaccesslevel" => rights.clients = read(name, value)?,
        "assetsaccesslevel" => rights.assets = read(name, value)?,
        "canaddnewtickets" => rights.add = read(name, value)?,
        "canviewunassignedtickets" => rights.view_unassigned = read(name, value)?,
        "canviewticketsthatareassignedtootheragents" => rights.view_others = read(name, value)?,
        "canreassigntickets" => rights.reassign = read(name, value)?,
        "canassigntoagentsinteamstheagentisnotamemberof" => rights.assign_other_teams = read(name, value)?,
        "caneditticketswhicharenotassignedtothem" => rights.edit_others = read(name, value)?,
        "canalwaysupdateticketstatusesandreassignticketsoutsideofactions" => {
            rights.outside_actions = read(name, value)?;
        }
        "membershiplevel" => {
            let level = read(name, value)?;
            agent.departments.iter_mut().for_each(|department| department.membershiplevel = level);
        }
        _ => {
            for team in &mut agent.teams {
                set_team_flag(team, name, value)?;
            }
            if agent.teams.is_empty() {
                let mut nobody = crate::model::TeamMembership::open(0);
                set_team_flag(&mut nobody, name, value)?;
            }
        }
    }
    Ok(())
}

fn set_team_flag(team: &mut crate::model::TeamMembership, name: &str, value: &Value) -> Result<(), String> {
    match plain(name).as_str() {
        "canbeassignedto" => team.in_section = read(name, value)?,
        "canseeunassignedticketsforthisteam" => team.unassigned_access = read(name, value)?,
        "canseeticketsassignedtootheragentsinthisteam" => team.otheragent_access = read(name, value)?,
        _ => {
            let names: Vec<String> =
                allowed().as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
            return Err(format!("there is no right `{name}`; there are: {}", names.join("; ")));
        }
    }
    Ok(())
}

fn change_teams(book: &Book, agent: &mut Agent, teams: &Map<String, Value>) -> Result<(), String> {
    for (name, flags) in teams {
        let id = book.team_id(name).ok_or_else(|| format!("there is no team `{name}`"))?;
        let place = agent.teams.iter().position(|team| team.team_id == id);
        if flags.is_null() || plain(flags.as_str().unwrap_or_default()) == "none" {
            agent.teams.retain(|team| team.team_id != id);
            continue;
        }
        let flags = flags.as_object().ok_or_else(|| format!("team `{name}` takes flags, or null to leave it"))?;
        let mut membership = crate::model::TeamMembership::open(id);
        if let Some(old) = place.and_then(|place| agent.teams.get(place)) {
            membership = old.clone();
        }
        for (flag, value) in flags {
            set_team_flag(&mut membership, flag, value)?;
        }
        agent.teams.retain(|team| team.team_id != id);
        agent.teams.push(membership);
    }
    Ok(())
}

fn change_departments(book: &Book, agent: &mut Agent, departments: &Map<String, Value>) -> Result<(), String> {
    for (name, level) in departments {
        let found = book.departments.values().find(|department| department.name.eq_ignore_ascii_case(name));
        let id = found.map(|department| department.id).ok_or_else(|| format!("there is no department `{name}`"))?;
        let membershiplevel = read(MEMBERSHIP, level.get(MEMBERSHIP).unwrap_or(level))?;
        agent.departments.retain(|department| department.department_id != id);
        agent.departments.push(crate::model::DepartmentMembership { department_id: id, membershiplevel });
    }
    Ok(())
}

fn change_types(book: &Book, agent: &mut Agent, types: &Map<String, Value>) -> Result<(), String> {
    for (name, allowed) in types {
        let found = book.tickettypes.values().find(|kind| kind.name.eq_ignore_ascii_case(name));
        let id = found.map(|kind| kind.id).ok_or_else(|| format!("there is no ticket type `{name}`"))?;
        let flag = |key: &str| allowed.as_bool().or_else(|| allowed.get(key).and_then(Value::as_bool)).unwrap_or(true);
        agent.tickettypes.retain(|permission| permission.tickettype_id != id);
        agent.tickettypes.push(crate::model::TypePermission {
            tickettype_id: id,
            cancreate: flag("cancreate"),
            canview: flag("canview"),
            canedit: flag("canedit"),
        });
    }
    Ok(())
}

impl crate::model::TeamMembership {
    /// A membership with all three flags on.
    pub(crate) fn open(team_id: i64) -> Self {
        Self { team_id, in_section: YesNo::Yes, unassigned_access: YesNo::Yes, otheragent_access: YesNo::Yes }
    }
}

/// What the caller of one API call may do: scopes of the token, rights of the agent behind it.
pub(crate) struct Access {
    /// The login agent; none for an application that logs in as nobody.
    pub(crate) agent: Option<Agent>,
    pub(crate) scopes: Vec<String>,
}

impl Access {
    fn scope(&self, names: &[&str]) -> bool {
        let full = ["all", "all:standard"];
        self.scopes.iter().any(|scope| full.contains(&scope.as_str()) || names.contains(&scope.as_str()))
    }
    pub(crate) fn agent_id(&self) -> i64 {
        self.agent.as_ref().map_or(0, |agent| agent.id)
    }
    fn level(&self, of: impl Fn(&Rights) -> Level) -> Level {
        self.agent.as_ref().map_or(Level::None, |agent| of(&agent.rights))
    }
    pub(crate) fn is_yes(&self, of: impl Fn(&Rights) -> YesNo) -> bool {
        self.agent.as_ref().is_some_and(|agent| of(&agent.rights).is_yes())
    }

    pub(crate) fn scope_reads_tickets(&self) -> bool {
        self.scope(&["read:tickets", "edit:tickets"])
    }
    pub(crate) fn scope_edits_tickets(&self) -> bool {
        self.scope(&["edit:tickets"])
    }
    pub(crate) fn scope_reads_customers(&self) -> bool {
        self.scope(&["read:customers", "edit:customers"])
    }
    pub(crate) fn scope_reads_assets(&self) -> bool {
        self.scope(&["read:assets", "edit:assets"])
    }
    pub(crate) fn edits_customers(&self) -> bool {
        self.scope(&["edit:customers"]) && self.client_level() == ClientLevel::Modify
    }
    pub(crate) fn edits_assets(&self) -> bool {
        self.scope(&["edit:assets"]) && self.asset_level() == Level::Modify
    }
    /// Configuration (webhooks, roles, applications) is for administrators' tokens.
    pub(crate) fn configures(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "admin" || scope == "all")
            && self.agent.as_ref().is_some_and(|agent| agent.is_admin)
    }
    pub(crate) fn ticket_level(&self) -> Level {
        self.level(|rights| rights.tickets)
    }
    pub(crate) fn asset_level(&self) -> Level {
        self.level(|rights| rights.assets)
    }
    pub(crate) fn client_level(&self) -> ClientLevel {
        self.agent.as_ref().map_or(ClientLevel::None, |agent| agent.rights.clients)
    }

    fn permission(&self, tickettype_id: i64) -> (bool, bool, bool) {
        let found = self.agent.iter().flat_map(|agent| &agent.tickettypes).find(|p| p.tickettype_id == tickettype_id);
        found.map_or((true, true, true), |p| (p.cancreate, p.canview, p.canedit))
    }
    pub(crate) fn may_create_type(&self, tickettype_id: i64) -> bool {
        self.permission(tickettype_id).0
    }

    fn department_level(&self, book: &Book, team_id: i64) -> Membership {
        let department = book.teams.get(team_id).map_or(0, |team| team.department_id);
        let memberships = self.agent.iter().flat_map(|agent| &agent.departments);
        let level = memberships.filter(|d| d.department_id == department).map(|d| d.membershiplevel).max();
        level.unwrap_or(Membership::None)
    }

    /// Whether the caller sees this ticket at all.
    pub(crate) fn sees(&self, book: &Book, ticket: &Ticket) -> bool {
        let Some(agent) = &self.agent else { return false };
        if agent.rights.tickets == Level::None || !self.permission(ticket.tickettype_id).1 {
            return false;
        }
        if ticket.agent_id == agent.id {
            return true;
        }
        let unassigned = ticket.agent_id == UNASSIGNED;
        let general = if unassigned { agent.rights.view_unassigned } else { agent.rights.view_others };
        let membership = agent.teams.iter().find(|team| team.team_id == ticket.team_id);
        general.is_yes()
            && match membership {
                Some(team) if unassigned => team.unassigned_access.is_yes(),
                Some(team) => team.otheragent_access.is_yes(),
                None => self.department_level(book, ticket.team_id) >= Membership::ViewAll,
            }
    }

    /// Whether the caller may change a ticket that it sees.
    pub(crate) fn may_edit(&self, book: &Book, ticket: &Ticket, needed: Membership) -> bool {
        let Some(agent) = &self.agent else { return false };
        if agent.rights.tickets != Level::Modify || !self.permission(ticket.tickettype_id).2 {
            return false;
        }
        let member = agent.teams.iter().any(|team| team.team_id == ticket.team_id);
        let own = ticket.agent_id == agent.id;
        own || (agent.rights.edit_others.is_yes() && (member || self.department_level(book, ticket.team_id) >= needed))
    }

    /// Whether the caller may give tickets to this agent.
    pub(crate) fn may_assign_to(&self, target: &Agent) -> bool {
        let Some(agent) = &self.agent else { return false };
        if target.id == UNASSIGNED {
            return true;
        }
        let assignable = target.teams.iter().any(|team| team.in_section.is_yes());
        assignable && !target.isdisabled && (agent.rights.assign_other_teams.is_yes() || shares_team(agent, target))
    }

    /// Whether the caller's lists of agents hold this one: agents of its own teams and departments, of all teams with
    /// the right to assign to them. An agent without a team sees itself only.
    pub(crate) fn sees_agent(&self, book: &Book, other: &Agent) -> bool {
        let Some(agent) = &self.agent else { return true };
        if other.id == agent.id || agent.is_admin {
            return true;
        }
        if agent.teams.is_empty() {
            return false;
        }
        let departments =
            other.teams.iter().any(|team| self.department_level(book, team.team_id) >= Membership::ViewAll);
        other.id == UNASSIGNED || agent.rights.assign_other_teams.is_yes() || departments || shares_team(agent, other)
    }
}

fn shares_team(one: &Agent, other: &Agent) -> bool {
    one.teams.iter().any(|team| other.teams.iter().any(|its| its.team_id == team.team_id))
}
