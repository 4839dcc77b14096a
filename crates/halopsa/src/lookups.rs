//! The short lists that tickets choose from: types, statuses, priorities, categories, outcomes, teams, workflows.

use serde::Deserialize;

use crate::error::Error;
use crate::lists::Record;
use crate::send::Query;
use crate::{Client, loose};

/// A kind of ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct TicketType {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// Whether this application's agent may open such tickets, where Halo says so.
    #[serde(deserialize_with = "loose::flag")]
    pub cancreate: Option<bool>,
    /// The workflow its tickets follow.
    #[serde(deserialize_with = "loose::link")]
    pub workflow_id: Option<i64>,
    /// The service level its tickets start with.
    #[serde(deserialize_with = "loose::link")]
    pub default_sla: Option<i64>,
    /// The team its tickets start with, by name.
    #[serde(deserialize_with = "loose::text")]
    pub default_team: Option<String>,
    /// The status its tickets start with.
    #[serde(deserialize_with = "loose::link")]
    pub initial_status: Option<i64>,
}

/// A status of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// Its place in Halo's own order.
    #[serde(deserialize_with = "loose::integer")]
    pub sequence: Option<i64>,
}

/// A priority within a service level.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Priority {
    /// The number a ticket names it by; unique within its service level only.
    #[serde(deserialize_with = "loose::id")]
    pub priorityid: i64,
    /// The service level.
    #[serde(deserialize_with = "loose::link")]
    pub slaid: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// Whether it is hidden.
    #[serde(deserialize_with = "loose::flag")]
    pub ishidden: Option<bool>,
}

/// A category of tickets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Category {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// The full label, which is what a ticket names it by.
    #[serde(deserialize_with = "loose::name")]
    pub value: String,
    /// Which of the four category fields it belongs to.
    #[serde(deserialize_with = "loose::integer")]
    pub type_id: Option<i64>,
}

/// A kind of action.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub outcome: String,
    /// What its button says, often a better name.
    #[serde(deserialize_with = "loose::text")]
    pub buttonname: Option<String>,
    /// The status it sets by itself.
    #[serde(deserialize_with = "loose::link")]
    pub newstatus: Option<i64>,
    /// Whether it sends a mail by itself: 0 is no, the other values are not documented.
    #[serde(deserialize_with = "loose::integer")]
    pub sendemail: Option<i64>,
    /// Whether its notes are private by default.
    #[serde(deserialize_with = "loose::flag")]
    pub hidefromuser: Option<bool>,
    /// Whether it is hidden from agents.
    #[serde(deserialize_with = "loose::flag")]
    pub hidden: Option<bool>,
}

/// A team of agents. Tickets name it by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Team {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// The department, by name.
    #[serde(deserialize_with = "loose::text")]
    pub department_name: Option<String>,
    /// Whether it takes tickets.
    #[serde(deserialize_with = "loose::flag")]
    pub forrequests: Option<bool>,
    /// Whether it is inactive.
    #[serde(deserialize_with = "loose::flag")]
    pub inactive: Option<bool>,
}

/// An entry of one of Halo's general lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Lookup {
    /// Its id within the list.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
}

/// A custom field that is defined.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct FieldInfo {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// What people read.
    #[serde(deserialize_with = "loose::text")]
    pub label: Option<String>,
}

/// The steps that tickets of some types go through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Workflow {
    /// Its id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// Its name.
    #[serde(deserialize_with = "loose::name")]
    pub name: String,
    /// Its steps.
    #[serde(deserialize_with = "loose::list")]
    pub steps: Vec<WorkflowStep>,
}

/// A step of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct WorkflowStep {
    /// The actions permitted in it.
    #[serde(deserialize_with = "loose::list")]
    pub actions: Vec<WorkflowAction>,
}

/// An action permitted in a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct WorkflowAction {
    /// The outcome's id.
    #[serde(deserialize_with = "loose::integer")]
    pub action_id: Option<i64>,
}

macro_rules! record {
    ($record:ty, $path:literal, $list:literal, $id:ident) => {
        impl Record for $record {
            const PATH: &'static str = $path;
            const LIST: &'static str = $list;

            fn id(&self) -> i64 {
                self.$id
            }
        }
    };
}

record!(TicketType, "/TicketType", "tickettypes", id);
record!(Status, "/Status", "statuses", id);
record!(Priority, "/Priority", "priorities", priorityid);
record!(Category, "/Category", "categories", id);
record!(Outcome, "/Outcome", "outcomes", id);
record!(Team, "/Team", "teams", id);
record!(Lookup, "/Lookup", "lookups", id);
record!(FieldInfo, "/FieldInfo", "fields", id);
record!(Workflow, "/Workflow", "workflows", id);

/// Which ticket types to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TicketTypeFilter {
    /// All that this application sees.
    #[default]
    All,
    /// Those its agent may open.
    Creatable,
}

/// Whether a list of statuses includes those that close a ticket. Halo marks them in no other way: the difference of
/// both lists tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Closed {
    /// All statuses.
    #[default]
    With,
    /// Only those of open tickets.
    Without,
}

impl Client {
    /// The ticket types.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn ticket_types(&self, filter: TicketTypeFilter) -> Result<Vec<TicketType>, Error> {
        match filter {
            TicketTypeFilter::All => self.list(Query::new()).await,
            TicketTypeFilter::Creatable => {
                let types: Vec<TicketType> = self.list(vec![("can_create_only", "true".into())]).await?;
                Ok(types.into_iter().filter(|kind| kind.cancreate != Some(false)).collect())
            }
        }
    }

    /// One ticket type with its details, among them the workflow.
    ///
    /// # Errors
    /// If the call fails or there is no such type.
    pub async fn ticket_type(&self, id: i64) -> Result<TicketType, Error> {
        self.one(id, vec![("includedetails", "true".into())]).await
    }

    /// The statuses, of one ticket type or of all.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn statuses(&self, ticket_type: Option<i64>, closed: Closed) -> Result<Vec<Status>, Error> {
        let mut query: Query = ticket_type.map(|id| ("tickettype_id", id.to_string())).into_iter().collect();
        if closed == Closed::Without {
            query.push(("excludeclosed", "true".into()));
        }
        self.list(query).await
    }

    /// The priorities of one service level or of all.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn priorities(&self, sla: Option<i64>) -> Result<Vec<Priority>, Error> {
        let rows: Vec<Priority> = self.list(sla.map(|id| ("slaid", id.to_string())).into_iter().collect()).await?;
        Ok(rows.into_iter().filter(|row| sla.is_none_or(|id| row.slaid == Some(id))).collect())
    }

    /// The categories of one of the four fields (1 to 4), of one ticket type or of all.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn categories(&self, field: i64, ticket_type: Option<i64>) -> Result<Vec<Category>, Error> {
        let mut query: Query = vec![("type_id", field.to_string())];
        query.extend(ticket_type.map(|id| ("tickettype_id", id.to_string())));
        let rows: Vec<Category> = self.list(query).await?;
        Ok(rows.into_iter().filter(|row| row.type_id.is_none_or(|of| of == field)).collect())
    }

    /// The outcomes, of one ticket type or of all.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn outcomes(&self, ticket_type: Option<i64>) -> Result<Vec<Outcome>, Error> {
        self.list(ticket_type.map(|id| ("tickettype_id", id.to_string())).into_iter().collect()).await
    }

    /// One workflow with its steps.
    ///
    /// # Errors
    /// If the call fails or there is no such workflow.
    pub async fn workflow(&self, id: i64) -> Result<Workflow, Error> {
        self.one(id, vec![("includedetails", "true".into())]).await
    }

    /// The teams.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn teams(&self) -> Result<Vec<Team>, Error> {
        self.list(Query::new()).await
    }

    /// The custom fields that are defined, as far as the agent may see them.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn fields(&self) -> Result<Vec<FieldInfo>, Error> {
        self.list(Query::new()).await
    }

    /// One of Halo's general lists: 12 is impact, 17 charge rates, 22 request source, 27 urgency.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn lookup(&self, list: i64) -> Result<Vec<Lookup>, Error> {
        self.list(vec![("lookupid", list.to_string())]).await
    }
}
