//! Reads tickets back after an action, many in one call, outside their lanes.

use std::time::Duration;

use countersign_psa::TicketNow;
use countersign_store::{NewStep, ReadBack, ToVerify};

use super::Expected;
use crate::{App, Error, Result};

/// How often tickets are looked at for being due.
const PAUSE: Duration = Duration::from_millis(300);
/// Tickets in one call.
const MANY: usize = 100;
/// When a ticket that was not shown is read again, in seconds.
const HIDDEN_S: i64 = 600;

impl Expected {
    /// The status that did not move; none where it did, or a person set another.
    pub(crate) fn status_left(&self, now: &TicketNow) -> Option<String> {
        left(self.status.as_ref(), self.before_status.as_ref(), now.status.as_ref())
    }

    /// The assignee that did not move; none where he did, or a person set another.
    pub(crate) fn assignee_left(&self, now: &TicketNow) -> Option<String> {
        left(self.assignee.as_ref(), self.before_assignee.as_ref(), now.assignee.as_ref())
    }
}

fn left(wanted: Option<&String>, before: Option<&String>, now: Option<&String>) -> Option<String> {
    wanted.filter(|wanted| now != Some(wanted) && now == before).cloned()
}

impl App {
    pub(super) async fn run_read_backs(&self) {
        loop {
            match self.read_back().await {
                Ok(read) if read == MANY => continue,
                Ok(_) => {}
                Err(Error::Psa(fault)) => {
                    tracing::info!(words = fault.words, "tickets could not be read back; they are later");
                }
                Err(error) => tracing::error!(%error, "tickets could not be read back; they are later"),
            }
            if let Err(error) = self.look_for_late_ones().await {
                tracing::warn!(%error, "tickets that turned up late could not be looked for; they are later");
            }
            self.inner.clock.sleep(PAUSE).await;
        }
    }

    /// Reads what is due; how many tickets that were.
    pub(crate) async fn read_back(&self) -> Result<usize> {
        if self.inner.desk.held_for(self.inner.clock.monotonic()).is_some() {
            return Ok(0);
        }
        let due = self.store().tickets_to_verify(self.now(), MANY).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let psa = self.psa()?;
        let began = self.now();
        let names = self.inner.desk.names(self).await;
        let ids: Vec<String> = due.iter().map(|ticket| ticket.psa_id.clone()).collect();
        let lanes = || due.iter().map(|ticket| ticket.lane.clone()).collect::<Vec<_>>();
        let tickets = match psa.tickets(&ids).await {
            Ok(tickets) => tickets,
            Err(fault) => {
                self.store().verify_later(lanes(), self.now().plus_seconds(10)).await?;
                return Err(fault.into());
            }
        };
        let mut seen = Vec::new();
        let mut hidden = Vec::new();
        for ticket in &due {
            match tickets.iter().find(|now| now.id == ticket.psa_id) {
                None => hidden.push(ticket.lane.clone()),
                Some(now) => {
                    self.compare(ticket, now).await?;
                    let is_known = |status: &String| names.statuses.contains_key(status);
                    let is_open = now.status.as_ref().is_some_and(|it| is_known(it) && !names.closed.contains(it));
                    let (lane, psa_id) = (ticket.lane.clone(), ticket.psa_id.clone());
                    seen.push(ReadBack { lane, psa_id, now: keep_assets(ticket, now)?, is_open });
                }
            }
        }
        self.store().keep_seen(seen, began).await?;
        if !hidden.is_empty() {
            self.hidden();
            tracing::warn!(tickets = hidden.len(), "tickets of ours are not shown to our agent after an action");
            self.store().verify_later(hidden, self.now().plus_seconds(HIDDEN_S)).await?;
        }
        for ticket in &due {
            self.wake().page("ticket.updated", ticket.lane.clone(), None);
        }
        self.wake().steps();
        Ok(due.len())
    }

    async fn compare(&self, ticket: &ToVerify, now: &TicketNow) -> Result<()> {
        let expected: Expected =
            serde_json::from_str(&ticket.expected).map_err(|error| Error::Sealed(error.to_string()))?;
        if expected.adjusted || (expected.status_left(now).is_none() && expected.assignee_left(now).is_none()) {
            return Ok(());
        }
        let step = NewStep::adjust(self.step_id(), ticket.lane.clone());
        Ok(self
            .store()
            .write(move |tx| {
                let step = step.clone();
                Box::pin(async move { tx.append_step(&step).await })
            })
            .await?)
    }
}

/// Rows of a list do not show assets: those of the fuller answer before stay.
fn keep_assets(before: &ToVerify, now: &TicketNow) -> Result<String> {
    let broken = |error: serde_json::Error| Error::Sealed(error.to_string());
    let known: TicketNow = serde_json::from_str(&before.before).map_err(broken)?;
    let mut now = now.clone();
    if now.assets.is_empty() {
        now.assets = known.assets;
    }
    serde_json::to_string(&now).map_err(broken)
}
