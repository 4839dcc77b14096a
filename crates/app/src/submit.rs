//! An endpoint asks.

use countersign_domain::{
    audit::Actor,
    id::RequestId,
    request::{Asked, Request, State, TicketOn},
};
pub use countersign_store::Accepted;
use countersign_store::{ComputerContext, NewRequest};

use crate::{App, Error, Result};

/// How long a request waits for a decision, in seconds.
const PENDING_SECONDS: i64 = 24 * 3600;

impl App {
    /// Accepts a request: it is on disk when this answers. A repeat of the same id changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the id is another computer's; [`Error::Store`] where nothing was kept and the endpoint
    /// must ask again; [`Error::TooMany`] where a cap was met and nothing was kept.
    pub async fn submit(&self, from: &ComputerContext, id: RequestId, asked: Asked) -> Result<Accepted> {
        let now = self.now();
        let computer = &from.computer;
        let same_as = asked.same_as_key(&computer.company_id, &computer.id);
        let search = [
            asked.program_name().as_str(),
            asked.program.path.as_str(),
            &asked.end_user.account,
            asked.end_user.display_name.as_deref().unwrap_or(""),
            &computer.name,
            &from.company,
            &id.short(),
        ]
        .join("\n")
        .to_lowercase();
        let audit = self.entry(
            Actor::Computer(computer.id.clone()),
            "request.received",
            id.to_string(),
            Some(computer.company_id.clone()),
            serde_json::json!({
                "program": asked.program.path, "sha256": asked.program.sha256, "account": asked.end_user.account,
                "command_line": asked.command_line, "run_as": asked.run_as,
            }),
        );
        let request = Request {
            id,
            company_id: computer.company_id.clone(),
            location_id: computer.location_id.clone(),
            computer_id: computer.id.clone(),
            asked,
            joined_to: None,
            again_of: None,
            received_at: now,
            expires_at: now.plus_seconds(PENDING_SECONDS),
            version: 1,
            state: State::Pending,
            decision: None,
            grant: None,
            revoked: None,
            outcome: None,
            ticket_on: self.ticketing_for(&computer.company_id).ticket_on,
        };
        let new = NewRequest { request, same_as, search, open_step: self.step_id(), audit, caps: self.caps() };
        let offered = self.offered();
        let was_offered = offered.is_some();
        let accepted = self.store().accept_and_claim(new, offered).await?;
        match &accepted {
            Accepted::New(request) => {
                metrics::counter!("countersign_requests_accepted_total").increment(1);
                let claimed = was_offered && request.ticket_on == TicketOn::Request && *request.lane() == request.id;
                if !claimed {
                    self.wake().steps();
                }
                self.wake().request("request.created", &request.id, &request.company_id);
            }
            Accepted::Repeat(request) if request.computer_id != computer.id => {
                return Err(Error::NotFound("request"));
            }
            Accepted::Repeat(_) => {}
            Accepted::TooMany(too_many) => {
                metrics::counter!("countersign_requests_capped_total").increment(1);
                return Err(Error::TooMany(*too_many));
            }
        }
        Ok(accepted)
    }
}
