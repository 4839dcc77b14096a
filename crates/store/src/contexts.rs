//! What a step needs to know of its request when it runs: names, ticket, and every link, in few statements for many
//! steps.

use std::collections::HashMap;

use countersign_domain::{id::RequestId, request::Request, text::email_key};
use sqlx::FromRow;

use crate::{RequestRow, Result, Store, engine::Conn, query::Query, requests};

/// Everything a ticket's step needs to know, read when it runs.
#[derive(Debug, Clone)]
pub struct Context {
    /// The request it tells of, with names and ticket.
    pub request: RequestRow,
    /// Customer, site, asset and contact, where linked.
    pub customer: Option<String>,
    /// Site.
    pub site: Option<String>,
    /// Asset.
    pub asset: Option<String>,
    /// Contact.
    pub contact: Option<String>,
    /// Agent of the technician who decided or revoked.
    pub agent: Option<String>,
}

#[derive(FromRow)]
struct Raw {
    #[sqlx(flatten)]
    request: requests::Raw,
    customer: Option<String>,
    site: Option<String>,
    asset: Option<String>,
}

impl Store {
    /// What the steps of these requests need to know. Requests that are gone are left out.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn contexts(&self, ids: &[RequestId]) -> Result<Vec<Context>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut conn = self.read().await?;
        let mut query = Query::build("SELECT k.psa_id AS customer, kl.psa_id AS site, kp.psa_id AS asset, ");
        query.push(requests::COLUMNS).push(requests::FROM);
        query.push(
            " LEFT JOIN links kl ON kl.kind = 'location' AND kl.id = r.location_id AND kl.state = 'linked'
             LEFT JOIN links kp ON kp.kind = 'computer' AND kp.id = r.computer_id AND kp.state = 'linked'
             WHERE r.id IN ",
        );
        query.list(ids.iter().map(RequestId::as_str));
        let rows: Vec<Raw> = conn.all(&query).await?;
        let mut found = Vec::new();
        for Raw { request, customer, site, asset } in rows {
            let request = RequestRow::try_from(request)?;
            // The company's link is joined in whatever state it is.
            let customer = customer.filter(|_| request.company_linked);
            found.push(Context { request, customer, site, asset, contact: None, agent: None });
        }
        let agents = agents(&mut conn, &found).await?;
        let contacts = contacts(&mut conn, &found).await?;
        for context in &mut found {
            let request = &context.request.request;
            context.contact = contact_key(request).and_then(|key| contacts.get(&key).cloned());
            context.agent = decider(request).and_then(|id| agents.get(id).cloned());
        }
        Ok(found)
    }
}

/// Who decided, or who took the decision back.
fn decider(request: &Request) -> Option<&str> {
    let revoker = request.revoked.as_ref().map(|(by, _)| by);
    revoker.or(request.decision.as_ref().map(|decision| &decision.by)).map(|by| by.id.as_str())
}

fn contact_key(request: &Request) -> Option<(String, String)> {
    let email = request.asked.end_user.email.as_deref()?;
    Some((request.company_id.to_string(), email_key(email)))
}

/// Linked agents, by the technicians who decided.
async fn agents(conn: &mut Conn, rows: &[Context]) -> Result<HashMap<String, String>> {
    let mut deciders: Vec<&str> = rows.iter().filter_map(|row| decider(&row.request.request)).collect();
    deciders.sort_unstable();
    deciders.dedup();
    if deciders.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = Query::build(
        "SELECT id, psa_id FROM links WHERE kind = 'technician' AND state = 'linked' AND psa_id IS NOT NULL AND id IN ",
    );
    query.list(deciders);
    Ok(conn.all::<(String, String)>(&query).await?.into_iter().collect())
}

/// From the keys to the contacts and their links: asked the other way round, SQLite would walk every linked contact.
pub(crate) fn contacts_query(keys: &[(String, String)]) -> Query {
    let mut query = Query::build("WITH w (company_id, email_key) AS (VALUES ");
    for (place, (company, email)) in keys.iter().enumerate() {
        query.push(if place == 0 { "(" } else { ", (" }).arg(company).push(", ").arg(email).push(")");
    }
    query.push(
        ") SELECT c.company_id, c.email_key, k.psa_id FROM w
         JOIN contacts c ON c.company_id = w.company_id AND c.email_key = w.email_key
         JOIN links k ON k.kind = 'contact' AND k.id = c.id AND k.state = 'linked'",
    );
    query
}

/// Linked contacts, by company and mail address.
async fn contacts(conn: &mut Conn, rows: &[Context]) -> Result<HashMap<(String, String), String>> {
    let mut keys: Vec<(String, String)> = rows.iter().filter_map(|row| contact_key(&row.request.request)).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let query = contacts_query(&keys);
    let found: Vec<(String, String, Option<String>)> = conn.all(&query).await?;
    Ok(found.into_iter().filter_map(|(company, email, psa_id)| Some(((company, email), psa_id?))).collect())
}
