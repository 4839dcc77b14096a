//! Walks over tickets, shared by all steps in doubt, and the walk that the first create waits for.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use countersign_domain::{id::RequestId, ticket::server_mark};
use countersign_psa::{Found, Psa, Sweep, SweepRange, TicketNow};
use countersign_store::TicketRow;

use super::{by_number, lock};
use crate::{App, Result, requests::Names};

/// Tickets of others that are looked into at the first walk, newest first, to see whose they are.
const STRANGERS: usize = 20;
/// Tickets of ours that may have been deleted before a walk gives up on finding one that was not.
const CONTROLS: usize = 20;
const NAMES: &str = "psa_names";

/// A walk that was made.
pub(crate) struct Walk {
    started: Duration,
    floor: Option<String>,
    /// A ticket of ours had to be met, and was not: visibility was lost.
    pub(crate) blind: bool,
    pub(crate) sweep: Sweep,
}

impl Walk {
    /// The tickets that bear this request's reference, lowest id first.
    pub(crate) fn of(&self, request: &RequestId) -> Vec<&Found> {
        let short = request.short();
        let mut found: Vec<&Found> = self
            .sweep
            .found
            .iter()
            .filter(|found| match &found.ticket.reference {
                Some(reference) => reference == request.as_str(),
                None => found.short.as_deref() == Some(&short),
            })
            .collect();
        found.sort_by(|a, b| by_number(&a.ticket.id).cmp(&by_number(&b.ticket.id)));
        found
    }
}

fn reference_of(ticket: &TicketNow) -> Option<RequestId> {
    ticket.reference.as_ref()?.parse().ok()
}

/// The request that a description of ours names in its last line; what stands before it, anybody may have written.
fn request_in(details: &str) -> Option<RequestId> {
    let rest = details.get(details.rfind(RequestId::PREFIX)?..)?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

impl App {
    /// A walk that began after `since` and went below `floor`: one serves all steps that wait for it.
    pub(crate) async fn walk(&self, psa: &dyn Psa, since: Duration, floor: Option<&String>) -> Result<Arc<Walk>> {
        let mut last = self.inner.desk.walks.lock().await;
        if let Some(walk) = &*last {
            let covers = match (&walk.floor, floor) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(reached), Some(floor)) => by_number(reached) <= by_number(floor),
            };
            if walk.started >= since && covers {
                return Ok(walk.clone());
            }
        }
        let started = self.inner.clock.monotonic();
        let lowest = self.store().lowest_floor().await?;
        let floor = match (floor, lowest) {
            (Some(floor), Some(lowest)) if by_number(&lowest) < by_number(floor) => Some(lowest),
            (floor, _) => floor.cloned(),
        };
        let (sweep, blind) = self.swept(psa, floor.as_ref()).await?;
        self.inner.desk.works();
        let walk = Arc::new(Walk { started, floor, blind, sweep });
        *last = Some(walk.clone());
        Ok(walk)
    }

    /// Walks down to `floor`; true if what was seen proves nothing about what was not.
    async fn swept(&self, psa: &dyn Psa, floor: Option<&String>) -> Result<(Sweep, bool)> {
        let nothing_yet = floor.is_none() && self.inner.desk.highest().is_none();
        let mut controls = self.store().newest_tickets(CONTROLS).await?.into_iter();
        loop {
            let control = controls.next();
            let sweep = psa.sweep(&SweepRange { down_to: floor.cloned(), control: control.clone() }).await?;
            if let Some(highest) = &sweep.highest {
                self.inner.desk.raise_highest(highest);
            }
            let Some(control) = control else {
                // Where there was never a ticket, an empty list is all there can be.
                let empty = nothing_yet && sweep.highest.is_none();
                let blind = !sweep.complete && !empty;
                return Ok((sweep, blind));
            };
            let deleted = sweep.found.iter().any(|found| found.deleted && found.ticket.id == control);
            if sweep.control_seen || !deleted {
                let blind = !sweep.complete || !sweep.control_seen;
                return Ok((sweep, blind));
            }
            // A ticket that a person deleted is not hidden from us. The one before it is the control record then.
        }
    }

    /// Before the first step after a start, or after the connection changed: learns the highest ticket id and the
    /// names, and finds tickets of ours that this database does not know. False where it must wait.
    pub(super) async fn first_walk(&self) -> Result<bool> {
        let psa = match self.psa() {
            Ok(psa) => psa,
            // Our own configuration does not allow the address: all waits until it does.
            Err(crate::Error::Psa(fault)) => {
                self.failed(&fault, None);
                return Ok(false);
            }
            Err(_) => return Ok(true),
        };
        let epoch = self.inner.desk.epoch.load(Ordering::SeqCst);
        let mut started = self.inner.desk.started.lock().await;
        if *started == Some(epoch) {
            return Ok(true);
        }
        match self.look_around(&*psa).await {
            Ok(()) => {
                *started = Some(epoch);
                self.inner.desk.works();
                Ok(true)
            }
            Err(crate::Error::Psa(fault)) => {
                tracing::warn!(
                    words = fault.words,
                    "the first walk over tickets failed; no ticket is opened before it is done"
                );
                self.failed(&fault, None);
                *lock(&self.inner.desk.trouble) = Some(fault.to_string());
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn look_around(&self, psa: &dyn Psa) -> Result<()> {
        let control = self.store().newest_ticket().await?;
        let highest = self.inner.desk.highest();
        // Nothing of ours is known: the highest id is enough, one page.
        let down_to = control.clone().or(highest).or_else(|| Some(i64::MAX.to_string()));
        let sweep = psa.sweep(&SweepRange { down_to, control: control.clone() }).await?;
        // It answers: what fails after this begins a new row of failures, and no outage.
        self.inner.desk.works();
        let deleted = |id: &String| sweep.found.iter().any(|found| found.deleted && found.ticket.id == *id);
        let sees_none = control.is_some_and(|control| !sweep.control_seen && !deleted(&control));
        if let Some(highest) = &sweep.highest {
            self.inner.desk.raise_highest(highest);
        }
        if sees_none {
            self.hidden();
        }
        match self.learn_names(psa).await {
            // Many calls, of which one in three may fail on a bad day. Nothing waits for a name that has a former one.
            Err(crate::Error::Psa(fault)) if !self.inner.desk.names(self).await.agents.is_empty() => {
                tracing::warn!(words = fault.words, "the names of statuses and agents are those of the last start");
            }
            learnt => learnt?,
        }
        self.close_duplicates(psa, &sweep).await?;
        let strange = self.unknown_of_ours(psa, &sweep).await?;
        *lock(&self.inner.desk.paused) = strange.first().map(|id| format!(
                "Halo holds {} tickets of this server that this database does not know, the newest is {id}. The database \
                 is older than they are, as after a restored backup. New tickets wait until an administrator lets them go.",
                strange.len()
            ));
        Ok(())
    }

    /// Tickets that bear this server's mark and a request that the database does not hold. Where there are such, or
    /// tickets of requests that the database believes to have none, it may be older than what was written, and all that is
    /// undone is looked for before it is sent.
    async fn unknown_of_ours(&self, psa: &dyn Psa, sweep: &Sweep) -> Result<Vec<String>> {
        let trusted = self.ticketing_settings().trusted_up_to.clone();
        let ids: Vec<String> = sweep.found.iter().map(|found| found.ticket.id.clone()).collect();
        let known = self.store().known_tickets(&ids).await?;
        let mut held: Vec<(RequestId, &Found)> = Vec::new();
        let mut strange = Vec::new();
        let mut looked_into = 0;
        for found in sweep.found.iter().filter(|found| !known.contains(&found.ticket.id)) {
            let mut request = reference_of(&found.ticket);
            if let Some(request) = &request
                && self.store().request_alone(request).await?.is_some()
            {
                held.push((request.clone(), found));
                continue;
            }
            let id = &found.ticket.id;
            let is_trusted = trusted.as_deref().is_some_and(|trusted| by_number(id) <= by_number(trusted));
            if found.deleted || is_trusted || looked_into == STRANGERS {
                continue;
            }
            looked_into += 1;
            let Some(details) = psa.ticket_details(id).await? else { continue };
            if !details.contains(&server_mark(self.server_id())) {
                continue;
            }
            request = request.or_else(|| request_in(&details));
            match request {
                Some(request) if self.store().request_alone(&request).await?.is_some() => held.push((request, found)),
                _ => strange.push(id.clone()),
            }
        }
        // A process that ended in the middle of it is no older database: only what it was sending is in doubt.
        let lanes: Vec<String> = held.iter().map(|(request, _)| request.to_string()).collect();
        let explained = self.store().opening_in_doubt(&lanes).await?;
        held.retain(|(request, _)| !explained.iter().any(|lane| lane == request.as_str()));
        if !strange.is_empty() || !held.is_empty() {
            let settled = self.now().plus_seconds(-i64::from(self.ticketing_settings().settle_s));
            let floor = self.store().newest_ticket().await?.unwrap_or_else(|| "1".to_owned());
            let doubted = self.store().doubt_undone(settled, floor).await?;
            tracing::warn!(
                doubted,
                "Halo holds tickets that the database does not know; what is undone is looked for first"
            );
        }
        // Where no step is in doubt that would find it, a later one would open a second.
        let opening = self.store().lanes_that_open(&lanes).await?;
        held.retain(|(request, _)| !opening.iter().any(|lane| lane == request.as_str()));
        self.adopt(psa, held).await?;
        Ok(strange)
    }

    /// Keeps tickets under the requests that they bear; of two of one request, the first.
    async fn adopt(&self, psa: &dyn Psa, mut found: Vec<(RequestId, &Found)>) -> Result<()> {
        found.retain(|(_, found)| !found.deleted && found.ticket.merged_into.is_none());
        found.sort_by(|(_, a), (_, b)| by_number(&a.ticket.id).cmp(&by_number(&b.ticket.id)));
        let now = self.now();
        let mut rows = Vec::new();
        for (request, Found { ticket, .. }) in found {
            rows.push(TicketRow {
                lane: request.to_string(),
                url: psa.ticket_url(&ticket.id),
                psa_id: ticket.id.clone(),
                now: serde_json::to_string(ticket).map_err(|error| crate::Error::Sealed(error.to_string()))?,
                booked: None,
                opened_at: now,
                seen_at: now,
                doubt_at: Some(now),
                gone_at: None,
                closed_by_hand_at: None,
                sent: None,
            });
        }
        Ok(self.store().adopt_tickets(rows).await?)
    }

    /// An administrator says that unknown tickets are as they should be: new tickets go on.
    ///
    /// # Errors
    /// When the settings cannot be written, or the tickets cannot be read.
    pub async fn resume_tickets(&self, by: &countersign_domain::directory::Technician) -> Result<()> {
        crate::people::require(by, countersign_domain::role::Right::EditSettings)?;
        self.adopt_unknown().await?;
        let highest = self.inner.desk.highest();
        self.trust_up_to(by, highest).await?;
        *lock(&self.inner.desk.paused) = None;
        self.go_on_waiting().await
    }

    /// Tickets of requests that this database lost are kept under those requests' ids: where a computer brings one again,
    /// under the same id, its story goes on there, and no second ticket is made.
    async fn adopt_unknown(&self) -> Result<()> {
        let psa = self.psa()?;
        let control = self.store().newest_ticket().await?;
        let down_to = control.clone().or_else(|| Some(i64::MAX.to_string()));
        let found = psa.sweep(&SweepRange { down_to, control }).await?.found;
        let ids: Vec<String> = found.iter().map(|found| found.ticket.id.clone()).collect();
        let known = self.store().known_tickets(&ids).await?;
        let mut ours = Vec::new();
        for found in found.iter().filter(|found| !known.contains(&found.ticket.id)) {
            let Some(request) = reference_of(&found.ticket) else { continue };
            // What is here by now is looked for, with all that was written there.
            if self.store().request_alone(&request).await?.is_some() {
                continue;
            }
            // Another server's request may have come to the same Halo.
            let details = psa.ticket_details(&found.ticket.id).await?;
            if details.is_some_and(|details| details.contains(&server_mark(self.server_id()))) {
                ours.push((request, found));
            }
        }
        self.adopt(&*psa, ours).await
    }

    pub(super) fn paused(&self) -> Option<String> {
        lock(&self.inner.desk.paused).clone()
    }

    async fn learn_names(&self, psa: &dyn Psa) -> Result<()> {
        let choices = psa.choices(self.ticketing_settings().ticket_type.as_deref()).await?;
        self.note_choices(&choices);
        let closed = choices.statuses.iter().filter(|status| status.closed).map(|status| status.id.clone()).collect();
        let names = Names {
            closed,
            statuses: choices.statuses.into_iter().map(|status| (status.id, status.name)).collect(),
            agents: choices.agents.into_iter().map(|agent| (agent.id, agent.name)).collect(),
        };
        self.keep_names(names).await
    }

    pub(super) async fn keep_names(&self, names: Names) -> Result<()> {
        let value = serde_json::to_string(&names).map_err(|error| crate::Error::Sealed(error.to_string()))?;
        *lock(&self.inner.desk.names) = Arc::new(names);
        let before = self.store().setting(NAMES).await?;
        if before.as_ref().is_some_and(|(kept, _)| *kept == value) {
            return Ok(());
        }
        let version = before.map(|(_, version)| version);
        let written = self
            .store()
            .write(move |tx| {
                let value = value.clone();
                Box::pin(async move { tx.set_setting(NAMES, &value, version).await })
            })
            .await;
        match written {
            // Another node wrote them at the same moment; they are the same names.
            Ok(()) | Err(countersign_store::Error::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn stored_names(&self) -> Result<Names> {
        let Some((value, _)) = self.store().setting(NAMES).await? else { return Ok(Names::default()) };
        serde_json::from_str(&value).map_err(|error| crate::Error::Sealed(error.to_string()))
    }
}
