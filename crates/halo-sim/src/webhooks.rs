//! Webhooks out of the simulated Halo, and what makes them.

use crate::model::Book;

/// Something that happened to a ticket and that a webhook may be told.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Halo's event number.
    pub(crate) number: &'static str,
    /// Halo's name of it.
    pub(crate) name: &'static str,
    pub(crate) ticket_id: i64,
    /// The sentence of the payload.
    pub(crate) message: String,
}

impl Event {
    pub(crate) fn new_ticket(ticket_id: i64) -> Self {
        let message = format!("Ticket {ticket_id:07} has been logged");
        Self { number: "3", name: "new ticket logged", ticket_id, message }
    }

    /// A status change; a closing one is an event of its own in Halo, told as status change here too.
    pub(crate) fn status_changed(book: &Book, ticket_id: i64, status_id: i64) -> Self {
        let status = book.statuses.get(status_id).map_or("", |status| &status.name);
        let message = format!("The status of ticket {ticket_id:07} has been changed to {status}");
        Self { number: "76", name: "ticket status changed", ticket_id, message }
    }

    pub(crate) fn deleted(ticket_id: i64) -> Self {
        let message = format!("Ticket {ticket_id:07} has been deleted");
        Self { number: "1072", name: "ticket deleted", ticket_id, message }
    }
}

use serde_json::Value;

use crate::answer::{Answer, Call, Reply};
use crate::rights::Access;
use crate::serve::Shared;
use crate::world::World;

/// `/Webhook` and the rest of the configuration that only administrators reach.
///
/// # Errors
/// 403 for tokens without configuration rights.
pub(crate) fn route(_world: &mut World, access: &Access, _call: &Call) -> Reply {
    if !access.configures() {
        return Err(Answer::forbidden());
    }
    Err(Answer::not_found())
}

/// A person sets up a webhook in Halo's configuration.
///
/// # Errors
/// A sentence for what is missing.
pub(crate) fn create_for_person(_world: &mut World, _body: Value) -> Reply2 {
    Err("not yet".to_owned())
}
type Reply2 = Result<Answer, String>;

/// Sends what waits.
pub(crate) fn deliver_waiting(shared: &Shared) {
    shared.world().told.clear();
}
