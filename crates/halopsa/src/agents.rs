//! Agents: the service provider's own people, and what they are allowed.

use serde::Deserialize;

use crate::error::Error;
use crate::lists::Record;
use crate::send::Query;
use crate::{Client, loose};

/// The id of the built-in agent "Unassigned", which stands for nobody.
pub const AGENT_UNASSIGNED: i64 = 1;

/// An agent. The lists show only some of it; [`Client::me`] and [`Client::agent`] more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// The person's name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// The person's mail address.
    #[serde(deserialize_with = "loose::text")]
    pub email: Option<String>,
    /// The default team, by name.
    #[serde(deserialize_with = "loose::text")]
    pub team: Option<String>,
    /// Whether the agent can no longer sign in.
    #[serde(deserialize_with = "loose::flag")]
    pub isdisabled: Option<bool>,
    /// Whether it is an administrator.
    #[serde(deserialize_with = "loose::flag")]
    pub is_admin: Option<bool>,
    /// Whether it exists for an application only.
    #[serde(deserialize_with = "loose::flag")]
    pub isapiagent: Option<bool>,
    /// Its teams.
    #[serde(deserialize_with = "loose::list")]
    pub teams: Vec<AgentTeam>,
    /// Its departments.
    #[serde(deserialize_with = "loose::list")]
    pub departments: Vec<AgentDepartment>,
    /// The ticket types it may use.
    #[serde(deserialize_with = "loose::list")]
    pub tickettypes: Vec<AgentTicketType>,
    /// Its rights as Halo stores them; the names are not documented.
    #[serde(deserialize_with = "loose::list")]
    pub claims: Vec<Claim>,
}

/// A team of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AgentTeam {
    /// The team.
    #[serde(deserialize_with = "loose::link")]
    pub team_id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub team_name: String,
    /// "Can be assigned to", by its name.
    #[serde(deserialize_with = "loose::flag")]
    pub in_section: Option<bool>,
    /// "Can see unassigned tickets for this team", by its name.
    #[serde(deserialize_with = "loose::flag")]
    pub unassigned_access: Option<bool>,
    /// "Can see tickets assigned to other agents in this team", by its name.
    #[serde(deserialize_with = "loose::flag")]
    pub otheragent_access: Option<bool>,
}

/// A department of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AgentDepartment {
    /// The department.
    #[serde(deserialize_with = "loose::link")]
    pub department_id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub department_name: String,
    /// The membership level; what the numbers mean is not documented.
    #[serde(deserialize_with = "loose::integer")]
    pub membershiplevel: Option<i64>,
}

/// A ticket type that an agent may use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AgentTicketType {
    /// The ticket type.
    #[serde(deserialize_with = "loose::link")]
    pub tickettype_id: Option<i64>,
    /// Whether the agent may open such tickets.
    #[serde(deserialize_with = "loose::flag")]
    pub cancreate: Option<bool>,
    /// Whether the agent sees such tickets.
    #[serde(deserialize_with = "loose::flag")]
    pub canview: Option<bool>,
    /// Whether the agent may change such tickets.
    #[serde(deserialize_with = "loose::flag")]
    pub canedit: Option<bool>,
}

/// One right of an agent, in Halo's own words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// Its name.
    #[serde(rename = "type", deserialize_with = "loose::name")]
    pub kind: String,
    /// Its value.
    #[serde(deserialize_with = "loose::name")]
    pub value: String,
}

impl Record for Agent {
    const PATH: &'static str = "/Agent";
    const LIST: &'static str = "agents";

    fn id(&self) -> i64 {
        self.id
    }
}

/// Which agents to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AgentFilter {
    /// Those Halo shows by default: enabled people.
    #[default]
    Enabled,
    /// Disabled ones and those of applications too.
    Everyone,
}

impl Client {
    /// The agents this application can see, without the built-in "Unassigned".
    ///
    /// # Errors
    /// If the call fails.
    pub async fn agents(&self, filter: AgentFilter) -> Result<Vec<Agent>, Error> {
        let query = match filter {
            AgentFilter::Enabled => Query::new(),
            AgentFilter::Everyone => {
                vec![
                    ("includeenabled", "true".into()),
                    ("includedisabled", "true".into()),
                    ("includeapiagents", "true".into()),
                ]
            }
        };
        let agents: Vec<Agent> = self.list(query).await?;
        let kept = agents.into_iter().filter(|agent| agent.id != AGENT_UNASSIGNED);
        Ok(kept.filter(|agent| filter == AgentFilter::Everyone || agent.isdisabled != Some(true)).collect())
    }

    /// One agent, with teams, departments and ticket types.
    ///
    /// # Errors
    /// If the call fails or there is no such agent.
    pub async fn agent(&self, id: i64) -> Result<Agent, Error> {
        self.one(id, vec![("includedetails", "true".into())]).await
    }

    /// The agent this application acts as.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if no agent stands behind the application.
    pub async fn me(&self) -> Result<Agent, Error> {
        let answer = self.get("/Agent/me".into(), Query::new()).await?;
        let agent: Agent = answer.first()?;
        if agent.id == 0 {
            return Err(answer.call.error(crate::ErrorKind::NotFound, Some(answer.status), String::new()));
        }
        Ok(agent)
    }
}
