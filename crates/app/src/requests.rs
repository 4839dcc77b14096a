//! What people read: requests with their ticket and every attempt, steps, counts, the audit log.

use std::collections::{BTreeSet, HashMap};

use countersign_domain::{
    directory::Technician,
    id::RequestId,
    request::Request,
    risk::{self, Risk},
    role::Right,
    time::Time,
};
use countersign_psa::{ActionNow, TicketNow};
use countersign_store::{
    AttemptRow, AuditRow, Counts, RequestQuery, RequestRow, StepRow, StepsQuery, TicketRow, Verified,
};
use serde::{Deserialize, Serialize};

use crate::{App, Error, Result, follow::ClosedByHand, people::require};

/// The time entry on a ticket, as Halo answered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// Working time in seconds.
    pub work_seconds: u32,
    /// Halo's id of the owner.
    pub owner: Option<String>,
    /// The owner's name.
    pub owner_name: Option<String>,
}

/// A ticket in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketView {
    /// Halo's id.
    pub id: String,
    /// Address for people.
    pub url: String,
    /// Name of its status, or its id where the name is not known.
    pub status: Option<String>,
    /// Name of the assigned agent.
    pub assigned_to: Option<String>,
    /// Booked minutes.
    pub time_minutes: Option<f64>,
    /// Whose they are.
    pub time_owner: Option<String>,
    /// The ticket as it was last seen, in Halo's ids.
    pub now: TicketNow,
    /// When that was.
    pub seen_at: Time,
    /// Since when Halo does not show it any more: deleted, or hidden from our agent.
    pub gone_at: Option<Time>,
    /// When it was seen closed by hand while the request waited; none where that is not to be told.
    pub closed_by_hand_at: Option<Time>,
}

/// A request with everything that hangs on it.
#[derive(Debug, Clone)]
pub struct RequestDetail {
    /// The request.
    pub row: RequestRow,
    /// How risky it looks.
    pub risk: Risk,
    /// Its ticket in words.
    pub ticket: Option<TicketView>,
    /// The steps of its lane.
    pub steps: Vec<StepRow>,
    /// Every attempt of them.
    pub attempts: Vec<AttemptRow>,
}

/// A ticket as Halo shows it at this moment.
#[derive(Debug, Clone, Serialize)]
pub struct LiveTicket {
    /// The ticket.
    pub ticket: TicketView,
    /// Its actions, oldest first.
    pub actions: Vec<ActionNow>,
}

impl App {
    /// Requests that the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn requests(&self, by: &Technician, wanted: &RequestQuery) -> Result<Vec<RequestRow>> {
        Ok(self.store().requests(&by.access, wanted).await?)
    }

    /// One request.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none such, or the caller may not see it.
    pub async fn request(&self, by: &Technician, id: &RequestId) -> Result<RequestRow> {
        self.store().request(&by.access, id).await?.ok_or(Error::NotFound("request"))
    }

    /// The last `limit` requests that joined this one, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn joined(&self, by: &Technician, head: &RequestId, limit: usize) -> Result<Vec<RequestRow>> {
        Ok(self.store().joined(&by.access, head, limit).await?)
    }

    /// One request with everything that hangs on it.
    ///
    /// # Errors
    /// As for [`App::request`].
    pub async fn request_detail(&self, by: &Technician, id: &RequestId) -> Result<RequestDetail> {
        let row = self.request(by, id).await?;
        let lane = row.request.lane().to_string();
        let wanted = StepsQuery { lane: Some(lane.clone()), limit: 200, ..StepsQuery::default() };
        let steps = self.store().steps(&by.access, &wanted).await?;
        let attempts = self.store().attempts(&lane).await?;
        let ticket = self.ticket_view(&row).await?;
        Ok(RequestDetail { risk: risk::assess(&row.request.asked), row, ticket, steps, attempts })
    }

    /// Notes that a technician looks at a request that waits: measured working time begins with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look_at(&self, by: &Technician, id: &RequestId) -> Result<()> {
        if by.role.may(Right::Decide) {
            self.store().look(id, &by.id, self.now()).await?;
        }
        Ok(())
    }

    /// Tells a request's ticket in words.
    ///
    /// # Errors
    /// When what the database holds cannot be read.
    pub async fn ticket_view(&self, request: &RequestRow) -> Result<Option<TicketView>> {
        let Some(row) = &request.ticket else { return Ok(None) };
        let broken = |error: serde_json::Error| {
            Error::Sealed(format!("What the database holds of ticket {} cannot be read: {error}", row.psa_id))
        };
        let now: TicketNow = serde_json::from_str(&row.now).map_err(broken)?;
        let booked: Option<Booked> = row.booked.as_deref().map(serde_json::from_str).transpose().map_err(broken)?;
        let names = self.inner.desk.names(self).await;
        let agent = |id: &String| names.agents.get(id).cloned().unwrap_or_else(|| id.clone());
        Ok(Some(TicketView {
            id: row.psa_id.clone(),
            url: row.url.clone(),
            status: now.status.as_ref().map(|id| names.statuses.get(id).cloned().unwrap_or_else(|| id.clone())),
            assigned_to: now.assignee.as_ref().map(agent),
            time_minutes: booked.as_ref().map(|booked| f64::from(booked.work_seconds) / 60.0),
            time_owner: booked.and_then(|booked| booked.owner_name.or_else(|| booked.owner.as_ref().map(agent))),
            now,
            seen_at: row.seen_at,
            gone_at: row.gone_at,
            closed_by_hand_at: closed_by_hand(row, &request.request)
                .filter(|_| self.ticketing_for(&request.request.company_id).closed_by_hand != ClosedByHand::Leave),
        }))
    }

    /// Reads a request's ticket from Halo now, with its actions.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, [`Error::Psa`] with Halo's words.
    pub async fn live_ticket(&self, by: &Technician, id: &RequestId) -> Result<LiveTicket> {
        let mut row = self.request(by, id).await?;
        let known = row.ticket.as_mut().ok_or(Error::NotFound("ticket"))?;
        let psa = self.psa()?;
        let now = psa.ticket(&known.psa_id).await?.ok_or(Error::NotFound("ticket"))?;
        let actions = psa.actions(&known.psa_id).await?;
        known.now = serde_json::to_string(&now).map_err(|error| Error::Sealed(error.to_string()))?;
        known.seen_at = self.now();
        let ticket = self.ticket_view(&row).await?.ok_or(Error::NotFound("ticket"))?;
        Ok(LiveTicket { ticket, actions })
    }

    /// What waits, among what the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counts(&self, by: &Technician) -> Result<Counts> {
        Ok(self.store().counts(&by.access).await?)
    }

    /// The newest entries of the audit log that the caller may see.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where his role may not.
    pub async fn audit(
        &self,
        by: &Technician,
        object: Option<&str>,
        before: Option<Time>,
        limit: usize,
    ) -> Result<Vec<AuditRow>> {
        require(by, Right::ReadAudit)?;
        Ok(self.store().audit_rows(&by.access, object, before, limit).await?)
    }

    /// Walks the whole audit log and finds edits, removals and reorders.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify_audit(&self) -> Result<Verified> {
        let keys = self.keys();
        Ok(self
            .store()
            .verify_audit(|checkpoint| keys.is_checkpoint_ours(&checkpoint.hash, &checkpoint.signature))
            .await?)
    }
}

/// When a request's ticket was closed by hand while it waited. What was closed before something was asked again was closed
/// for the request before it.
pub(crate) fn closed_by_hand(ticket: &TicketRow, request: &Request) -> Option<Time> {
    ticket.closed_by_hand_at.filter(|at| request.again_of.is_none() || *at >= request.received_at)
}

/// Halo's names of statuses and agents.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Names {
    pub(crate) statuses: HashMap<String, String>,
    pub(crate) agents: HashMap<String, String>,
    /// The statuses in which a ticket counts as closed.
    #[serde(default)]
    pub(crate) closed: BTreeSet<String>,
}
