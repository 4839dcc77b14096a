//! Actions: the entries on a ticket, with time and changes of status and assignee.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lists::Record;
use crate::send::Query;
use crate::{Client, dates, loose};

/// An entry on a ticket. Halo's names.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Action {
    /// Its number on its ticket: 1, 2, 3 …; not unique across tickets.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// The ticket, where Halo says so.
    #[serde(deserialize_with = "loose::link")]
    pub ticket_id: Option<i64>,
    /// The outcome's name.
    #[serde(deserialize_with = "loose::text")]
    pub outcome: Option<String>,
    /// The outcome.
    #[serde(deserialize_with = "loose::integer")]
    pub outcome_id: Option<i64>,
    /// The note as plain text.
    #[serde(deserialize_with = "loose::text")]
    pub note: Option<String>,
    /// The note as HTML, if asked for.
    #[serde(deserialize_with = "loose::text")]
    pub note_html: Option<String>,
    /// Whether it is private.
    #[serde(deserialize_with = "loose::flag")]
    pub hiddenfromuser: Option<bool>,
    /// The name shown as its author.
    #[serde(deserialize_with = "loose::text")]
    pub who: Option<String>,
    /// The agent it belongs to, and whose time it is.
    #[serde(deserialize_with = "loose::link")]
    pub who_agentid: Option<i64>,
    /// The agent whose token wrote it.
    #[serde(deserialize_with = "loose::link")]
    pub actionby_agent_id: Option<i64>,
    /// The application that wrote it, by name.
    #[serde(deserialize_with = "loose::text")]
    pub actionby_application_id: Option<String>,
    /// When it was written.
    #[serde(deserialize_with = "loose::date")]
    pub datetime: Option<Timestamp>,
    /// When the work ended.
    #[serde(deserialize_with = "loose::date")]
    pub actioncompletiondate: Option<Timestamp>,
    /// Time spent, in hours.
    #[serde(deserialize_with = "loose::float")]
    pub timetaken: Option<f64>,
    /// The status it set.
    #[serde(deserialize_with = "loose::integer")]
    pub new_status: Option<i64>,
}

impl Record for Action {
    const PATH: &'static str = "/Actions";
    const LIST: &'static str = "actions";

    fn id(&self) -> i64 {
        self.id
    }
}

/// An entry to write. What is `None` is left to the outcome's defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct NewAction {
    /// On which ticket.
    pub ticket_id: i64,
    /// The outcome; this or `outcome` is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome_id: Option<i64>,
    /// The outcome, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The note as HTML.
    pub note_html: String,
    /// Whether it is private.
    pub hiddenfromuser: bool,
    /// The agent it belongs to; without, it belongs to the agent of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who_agentid: Option<i64>,
    /// That agent's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The kind of author: 1 is an agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who_type: Option<i64>,
    /// Time spent, in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timetaken: Option<f64>,
    /// When the work began.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "dates::serialize")]
    pub actionarrivaldate: Option<Timestamp>,
    /// When the work ended.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "dates::serialize")]
    pub actioncompletiondate: Option<Timestamp>,
    /// Whether the time is billable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actisbillable: Option<bool>,
    /// The charge rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chargerate: Option<i64>,
    /// The status to set on the ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_status: Option<i64>,
    /// The agent to assign the ticket to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_agent: Option<i64>,
    /// What the end user is sent.
    #[serde(flatten)]
    pub notify: Notify,
}

/// What Halo sends the end user about an entry. Always said, because an outcome may have it on; the default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Notify {
    /// A mail.
    pub sendemail: bool,
    /// An SMS.
    pub sendsms: bool,
    /// A survey.
    pub send_survey: bool,
}

/// Which actions of a ticket to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActionFilter {
    /// All, with plain notes.
    #[default]
    Plain,
    /// All, with their notes as HTML too.
    WithHtml,
}

impl Client {
    /// The actions of a ticket, in Halo's order. A ticket that is hidden from this agent may read as one without
    /// actions; every real ticket has at least its opening entry.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn actions(&self, ticket_id: i64, filter: ActionFilter) -> Result<Vec<Action>, Error> {
        let mut query: Query = vec![("ticket_id", ticket_id.to_string())];
        if filter == ActionFilter::WithHtml {
            query.push(("includehtmlnote", "true".into()));
        }
        let actions: Vec<Action> = self.list(query).await?;
        Ok(actions.into_iter().filter(|action| action.ticket_id.is_none_or(|of| of == ticket_id)).collect())
    }

    /// Writes an entry and returns it as Halo made it.
    ///
    /// # Errors
    /// [`Unknown`](crate::ErrorKind::Unknown) when it may have been written, also if the answer holds no id or
    /// belongs to another ticket.
    pub async fn add_action(&self, action: &NewAction) -> Result<Action, Error> {
        let answer = self.post(Action::PATH, std::slice::from_ref(action)).await?;
        let written: Action = answer.first()?;
        match written {
            Action { id: 0, .. } => Err(answer.not_understood("an action without an id")),
            Action { ticket_id: Some(of), .. } if of != action.ticket_id => {
                Err(answer.not_understood(&format!("an action of ticket {of}")))
            }
            written => Ok(written),
        }
    }

    /// One action of a ticket.
    ///
    /// # Errors
    /// If the call fails or there is no such action.
    pub async fn action(&self, ticket_id: i64, id: i64) -> Result<Action, Error> {
        self.one(id, vec![("ticket_id", ticket_id.to_string()), ("includehtmlnote", "true".into())]).await
    }
}
