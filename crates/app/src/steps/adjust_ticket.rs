//! Sets, outside of actions, what an action did not move; never what a person set meanwhile.

use countersign_psa::{Class, TicketChange};
use countersign_store::{AttemptResult, Claimed, Context};

use super::{End, Expected};
use crate::{App, Error, Result};

impl App {
    pub(super) async fn adjust_ticket(&self, step: &Claimed, context: &Context) -> Result<End> {
        let Some(known) = &context.request.ticket else {
            return Ok(End::not_needed("There is no ticket to set anything on."));
        };
        let Some(expected) = self.store().expected_of(&step.lane).await? else {
            return Ok(End::not_needed("Nothing is expected of the ticket."));
        };
        let expected: Expected = serde_json::from_str(&expected).map_err(|error| Error::Sealed(error.to_string()))?;
        let psa = self.psa()?;
        let Some(now) = psa.ticket(&known.psa_id).await? else {
            return Ok(End::done("The ticket is gone, or hidden from our agent. What it shows is left as it is."));
        };
        let status = expected.status_left(&now);
        let assignee = expected.assignee_left(&now);
        if status.is_none() && assignee.is_none() {
            return Ok(End::not_needed("Status and assignee are as they should be, or a person set them."));
        }
        let (Some(ticket_type), Some(customer)) = (now.ticket_type, now.customer) else {
            return Ok(End::done("Halo does not show type and customer of the ticket, so nothing is set on it."));
        };
        let mut change = TicketChange { id: known.psa_id.clone(), ticket_type, customer, status, assignee };
        let mut answer = psa.change_ticket(&change).await;
        if matches!(&answer, Err(fault) if fault.class == Class::Refused)
            && change.status.is_some()
            && change.assignee.is_some()
        {
            // The status is not to suffer where only assigning is not allowed.
            change.assignee = None;
            answer = psa.change_ticket(&change).await;
        }
        match answer {
            Ok(()) => {
                let again = Expected { adjusted: true, ..expected };
                let words = "Set outside of actions, since the action did not move it.";
                Ok(End {
                    expected: Some((again, self.now().plus_millis(500))),
                    ticket: Some(known.clone()),
                    ..End::done(words)
                })
            }
            // Legitimate where "Can Re-assign" is No: told, not a fault.
            Err(fault) if matches!(fault.class, Class::Refused | Class::Gone) => Ok(End {
                result: AttemptResult::Refused,
                status: fault.status,
                ..End::done(format!("Halo keeps it as it is: {}", fault.words))
            }),
            Err(fault) => Err(fault.into()),
        }
    }
}
