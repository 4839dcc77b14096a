//! Tickets: reading, listing, opening, changing.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lists::Record;
use crate::paging::{PAGE, Pages};
use crate::send::Query;
use crate::{Client, dates, loose};

/// A ticket, as far as lists and details show it. Halo's names.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Ticket {
    /// Its number.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
    /// The subject line.
    #[serde(deserialize_with = "loose::name")]
    pub summary: String,
    /// The description; cut in lists.
    #[serde(deserialize_with = "loose::text")]
    pub details: Option<String>,
    /// The description as HTML; in details only.
    #[serde(deserialize_with = "loose::text")]
    pub details_html: Option<String>,
    /// Its kind.
    #[serde(deserialize_with = "loose::link")]
    pub tickettype_id: Option<i64>,
    /// Its status.
    #[serde(deserialize_with = "loose::integer")]
    pub status_id: Option<i64>,
    /// Whom it is assigned to; [`AGENT_UNASSIGNED`](crate::AGENT_UNASSIGNED) for nobody.
    #[serde(deserialize_with = "loose::link")]
    pub agent_id: Option<i64>,
    /// The team, by name.
    #[serde(deserialize_with = "loose::text")]
    pub team: Option<String>,
    /// The priority, as [`Priority::priorityid`](crate::Priority::priorityid).
    #[serde(deserialize_with = "loose::integer")]
    pub priority_id: Option<i64>,
    /// The customer.
    #[serde(deserialize_with = "loose::link")]
    pub client_id: Option<i64>,
    /// The site.
    #[serde(deserialize_with = "loose::link")]
    pub site_id: Option<i64>,
    /// The end user.
    #[serde(deserialize_with = "loose::link")]
    pub user_id: Option<i64>,
    /// A reference of the program that opened it.
    #[serde(deserialize_with = "loose::text")]
    pub third_party_id_string: Option<String>,
    /// When it happened.
    #[serde(deserialize_with = "loose::date")]
    pub dateoccurred: Option<Timestamp>,
    /// When it last changed.
    #[serde(deserialize_with = "loose::date")]
    pub last_update: Option<Timestamp>,
    /// Whether it has been closed.
    #[serde(deserialize_with = "loose::flag")]
    pub hasbeenclosed: Option<bool>,
    /// Whether it has been deleted, where Halo says so.
    #[serde(deserialize_with = "loose::flag")]
    pub deleted: Option<bool>,
    /// The ticket it was merged into.
    #[serde(deserialize_with = "loose::link")]
    pub merged_into_id: Option<i64>,
    /// Assets on the ticket; in details only.
    #[serde(deserialize_with = "loose::list")]
    pub assets: Vec<AssetRef>,
}

impl Record for Ticket {
    const PATH: &'static str = "/Tickets";
    const LIST: &'static str = "tickets";

    fn id(&self) -> i64 {
        self.id
    }
}

/// An asset on a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetRef {
    /// The asset's id.
    #[serde(deserialize_with = "loose::id")]
    pub id: i64,
}

/// A custom field to set: named by its id or by its name, whichever is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CustomField {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The value.
    pub value: String,
}

/// A ticket to open. What is `None` is left to the ticket type's defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct NewTicket {
    /// The subject line.
    pub summary: String,
    /// The description as HTML.
    pub details_html: String,
    /// Its kind.
    pub tickettype_id: i64,
    /// The customer.
    pub client_id: i64,
    /// The site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_id: Option<i64>,
    /// The end user; Halo wants the site as well then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    /// The end user's name as free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_name: Option<String>,
    /// The opening status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_id: Option<i64>,
    /// Whom it is assigned to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<i64>,
    /// The team, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The priority, as [`Priority::priorityid`](crate::Priority::priorityid).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_id: Option<i64>,
    /// The first category, by its full label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_1: Option<String>,
    /// Where it came from, as an entry of lookup 22.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<i64>,
    /// Custom fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customfields: Vec<CustomField>,
    /// A reference of the caller's, to find the ticket again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub third_party_id_string: Option<String>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "dates::serialize")]
    pub dateoccurred: Option<Timestamp>,
    /// Assets the ticket is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<AssetRef>,
}

/// A change to a ticket. What is `None` stays.
///
/// Some Halos answer "not found" to a change without type and customer, so both are asked for: from a fresh read,
/// because sending old ones would move the ticket back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketChange {
    /// Which ticket.
    pub id: i64,
    /// Its kind, as just read.
    pub tickettype_id: i64,
    /// Its customer, as just read.
    pub client_id: i64,
    /// The new status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_id: Option<i64>,
    /// The new assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<i64>,
}

/// Whether a list of tickets includes deleted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deleted {
    /// Only tickets that exist.
    #[default]
    Without,
    /// With `deleted=true`.
    With,
}

/// In which order tickets come, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The highest id first.
    #[default]
    NewestFirst,
    /// The lowest id first.
    OldestFirst,
}

/// Which tickets to list; the default is all, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TicketFilter {
    /// Only this customer's.
    pub client_id: Option<i64>,
    /// Only those with this reference.
    pub third_party_id_string: Option<String>,
    /// Only those changed at or after this time.
    pub updated_since: Option<Timestamp>,
    /// With deleted ones or without.
    pub deleted: Deleted,
    /// The order.
    pub order: Order,
}

impl TicketFilter {
    fn query(&self) -> Query {
        let descending = self.order == Order::NewestFirst;
        let mut query = vec![("order", "id".to_owned()), ("orderdesc", descending.to_string())];
        query.extend(self.client_id.map(|id| ("client_id", id.to_string())));
        query.extend(self.third_party_id_string.clone().map(|text| ("third_party_id_string", text)));
        query.extend(self.updated_since.map(|since| ("lastupdatefromdate", dates::format(since))));
        if self.deleted == Deleted::With {
            query.push(("deleted", "true".to_owned()));
        }
        query
    }

    fn keeps(&self, ticket: &Ticket) -> bool {
        self.client_id.is_none_or(|id| ticket.client_id == Some(id))
            && (self.third_party_id_string.is_none() || ticket.third_party_id_string == self.third_party_id_string)
            && self.updated_since.is_none_or(|since| ticket.last_update.is_none_or(|at| at >= since))
            && (self.deleted == Deleted::With || ticket.deleted != Some(true))
    }
}

impl Client {
    /// Walks the tickets that match.
    #[must_use]
    pub fn tickets(&self, filter: &TicketFilter) -> Pages<Ticket> {
        let kept = filter.clone();
        self.pages(filter.query(), move |ticket| kept.keeps(ticket))
    }

    /// One ticket, with its details.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) also for a ticket that is deleted or hidden from this agent.
    pub async fn ticket(&self, id: i64) -> Result<Ticket, Error> {
        self.one(id, vec![("includedetails", "true".into())]).await
    }

    /// The tickets with these ids, a hundred per call, in no order. Those that are deleted, hidden or unknown are
    /// simply not among them.
    ///
    /// # Errors
    /// If one of the calls fails.
    pub async fn tickets_by_id(&self, ids: &[i64]) -> Result<Vec<Ticket>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(PAGE) {
            let csv: Vec<String> = ids.iter().map(i64::to_string).collect();
            let query = vec![
                ("ticketids", csv.join(",")),
                ("pageinate", "true".to_owned()),
                ("page_size", PAGE.to_string()),
                ("page_no", "1".to_owned()),
                ("order", "id".to_owned()),
                ("orderdesc", "true".to_owned()),
            ];
            let mut wanted: HashSet<i64> = ids.iter().copied().collect();
            let rows: Vec<Ticket> = self.list(query).await?;
            let before = found.len();
            let got = rows.len();
            found.extend(rows.into_iter().filter(|ticket| wanted.remove(&ticket.id)));
            if found.len() - before == got {
                continue;
            }
            // Rows that were not asked for: this Halo does not know `ticketids`, so the others are read one by one.
            for id in wanted {
                match self.ticket(id).await {
                    Ok(ticket) => found.push(ticket),
                    Err(error) if error.kind == crate::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }

    /// Opens a ticket and returns it as Halo made it.
    ///
    /// # Errors
    /// [`Unknown`](crate::ErrorKind::Unknown) when it may have been opened, also if the answer holds no id.
    pub async fn open_ticket(&self, ticket: &NewTicket) -> Result<Ticket, Error> {
        self.post_ticket(ticket).await
    }

    /// Changes a ticket and returns it as Halo left it.
    ///
    /// # Errors
    /// [`Unknown`](crate::ErrorKind::Unknown) when it may have been changed.
    pub async fn change_ticket(&self, change: &TicketChange) -> Result<Ticket, Error> {
        self.post_ticket(change).await
    }

    async fn post_ticket<T: Serialize>(&self, ticket: &T) -> Result<Ticket, Error> {
        let answer = self.post(Ticket::PATH, std::slice::from_ref(ticket)).await?;
        let ticket: Ticket = answer.first()?;
        if ticket.id == 0 { Err(answer.not_understood("a ticket without an id")) } else { Ok(ticket) }
    }
}
