//! A person puts a request onto a ticket that is there already, instead of having one made.
//!
//! Called by the API and the portal. The decision a reader would undo: while nobody knows whether Halo has made a ticket
//! for the request, none can be attached. It is looked for first, or there might be two in the end.

use countersign_domain::{
    audit::Actor,
    directory::Technician,
    id::RequestId,
    link::Kind,
    request::State,
    role::{Access, Right},
};
use countersign_psa::TicketNow;
use countersign_store::TicketRow;
use serde::Serialize;

use crate::{App, Error, Result, people::require, requests::RequestDetail};

/// A ticket that a request may be attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachable {
    /// Its id.
    pub id: String,
    /// Its address for people.
    pub url: String,
    /// Its summary.
    pub summary: String,
    /// Its customer's id.
    pub customer: Option<String>,
    /// Its customer's name, where Halo shows it.
    pub customer_name: Option<String>,
    /// Whether that is the customer of the request's company.
    pub customer_is: CustomerIs,
    #[serde(skip)]
    now: TicketNow,
}

/// Whose a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerIs {
    /// The customer that the request's company is linked to.
    Ours,
    /// Another one.
    Another,
    /// The company is linked to none.
    NotLinked,
}

/// Whether a ticket of another customer is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherCustomer {
    /// It is a slip.
    Refused,
    /// It is meant.
    Meant,
}

impl App {
    /// Reads a ticket that a request may be attached to, as Halo shows it now.
    ///
    /// # Errors
    /// [`Error::Invalid`] where Halo shows no such ticket, or the caller may see only companies of other customers;
    /// [`Error::Psa`] with Halo's words.
    pub async fn attachable(&self, by: &Technician, id: &RequestId, psa_id: &str) -> Result<Attachable> {
        require(by, Right::RunSteps)?;
        let row = self.request(by, id).await?;
        let psa = self.psa()?;
        let psa_id = psa_id.trim().trim_start_matches('#');
        let none = || Error::invalid("no_such_ticket", "psa_id", format!("Halo shows our agent no ticket {psa_id}."));
        if psa_id.is_empty() || psa_id.len() > 19 || !psa_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid("no_such_ticket", "psa_id", "A ticket is named by its number in Halo."));
        }
        let now = psa.ticket(psa_id).await?.ok_or_else(none)?;
        if let Some(into) = &now.merged_into {
            let sentence = format!("Ticket {psa_id} was merged into {into}. Attach to that one.");
            return Err(Error::invalid("no_such_ticket", "psa_id", sentence));
        }
        let company = row.request.company_id.to_string();
        let linked =
            self.store().look_up(move |tx| Box::pin(async move { tx.link(Kind::Company, &company).await })).await?;
        let customer_is = match (&linked.psa_id, &now.customer) {
            (None, _) => CustomerIs::NotLinked,
            (Some(ours), Some(theirs)) if ours == theirs => CustomerIs::Ours,
            (Some(_), _) => CustomerIs::Another,
        };
        // Whoever may see some companies alone is shown no ticket of others.
        if customer_is != CustomerIs::Ours && by.access != Access::All {
            return Err(none());
        }
        let customer_name = match &now.customer {
            Some(customer) => psa.record(Kind::Company, customer).await?.map(|customer| customer.psa_name),
            None => None,
        };
        Ok(Attachable {
            id: now.id.clone(),
            url: psa.ticket_url(&now.id),
            summary: now.summary.clone(),
            customer: now.customer.clone(),
            customer_name,
            customer_is,
            now,
        })
    }

    /// Attaches a request to a ticket: the request is written there as a note, and its story goes on there.
    ///
    /// # Errors
    /// As for [`App::attachable`]; `other_customer` where that is not said to be meant; `has_ticket` where it has one;
    /// `ticket_in_doubt` while one is looked for; `no_ticket_wanted` where the settings have none made; `ticket_closed`
    /// where the request is pending and the ticket is over.
    pub async fn attach(
        &self,
        by: &Technician,
        id: &RequestId,
        psa_id: &str,
        other_customer: OtherCustomer,
    ) -> Result<RequestDetail> {
        let found = self.attachable(by, id, psa_id).await?;
        let detail = self.request_detail(by, id).await?;
        let request = &detail.row.request;
        let first = detail.steps.iter().find(|step| matches!(step.kind.as_str(), "open_ticket" | "record_request"));
        if first.is_some_and(|step| step.state == "sending" || (step.doubt_at.is_some() && step.state != "done")) {
            return Err(Error::conflict(
                "ticket_in_doubt",
                "Halo may have made a ticket for this request already: nobody knows how the last attempt ended. It is looked \
                 for first. Retry its step to look now.",
            ));
        }
        if first.is_none() && detail.ticket.is_none() && !request.makes_ticket() {
            return Err(Error::conflict(
                "no_ticket_wanted",
                "By the settings only a denial makes a ticket, so nothing of this request is told on one as it stands now.",
            ));
        }
        if request.state == State::Pending
            && self.counts_as_closed(&*self.psa()?, &request.company_id, &found.now).await?
        {
            return Err(Error::conflict(
                "ticket_closed",
                format!("Ticket {} is closed. Open it again in Halo first, or name another ticket.", found.id),
            ));
        }
        if found.customer_is == CustomerIs::Another && other_customer == OtherCustomer::Refused {
            let customer = found.customer_name.as_deref().or(found.customer.as_deref()).unwrap_or("nobody");
            return Err(Error::conflict(
                "other_customer",
                format!(
                    "Ticket {} is of {customer}, and {} is linked to another customer. Say that it is meant, or name another \
                     ticket.",
                    found.id, detail.row.company
                ),
            ));
        }
        let now = self.now();
        let ticket = TicketRow {
            lane: request.lane().to_string(),
            psa_id: found.id.clone(),
            url: found.url,
            now: serde_json::to_string(&found.now).map_err(|error| Error::Sealed(error.to_string()))?,
            booked: None,
            opened_at: now,
            seen_at: now,
            doubt_at: None,
            gone_at: None,
            closed_by_hand_at: None,
            sent: None,
        };
        let body = serde_json::json!({
            "ticket": found.id, "customer": found.customer, "customer_is": found.customer_is,
            "before": detail.ticket.as_ref().map(|ticket| &ticket.id),
        });
        let actor = Actor::Technician(by.id.clone());
        let company = Some(request.company_id.clone());
        let entry = self.entry(actor, "ticket.attached", request.id.to_string(), company.clone(), body);
        match self.store().attach_ticket(ticket, now, entry).await {
            Ok(()) => {}
            Err(countersign_store::Error::Stale) => {
                return Err(Error::conflict(
                    "has_ticket",
                    "The request has a ticket, or one is being made right now. It can be attached to another one only where its \
                     own is gone.",
                ));
            }
            Err(error) => return Err(error.into()),
        }
        self.wake().steps();
        self.wake().page("ticket.updated", request.lane().to_string(), company);
        self.request_detail(by, id).await
    }
}
