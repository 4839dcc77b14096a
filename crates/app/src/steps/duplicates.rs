//! A ticket that Halo let through after it was looked for, not found and sent again: the two are told apart, and one of
//! them is closed with a note.
//!
//! No settle time is long enough for every Halo, so this is found later, by walks. The ticket whose story is told
//! already stays; where none is known yet, the one with the lowest id does.

use std::{collections::BTreeMap, time::Duration};

use countersign_domain::{audit::Actor, id::RequestId, role::Access, text::html};
use countersign_psa::{Charge, NewAction, Notify, Psa, Sweep, TicketNow};

use super::{Desk, by_number, lock};
use crate::{App, Error, Result};

/// How long after a ticket was sent again its forerunner may still turn up, and is looked for once more.
const LATE: Duration = Duration::from_mins(10);

/// A walk that is to be made for tickets that turn up late.
#[derive(Default)]
pub(super) struct Late {
    due: Option<Duration>,
    floor: Option<String>,
}

impl Desk {
    /// A ticket is sent again: in a while the walk is made once more, down to the lowest floor of all such tickets.
    pub(super) fn look_again_for_late_ones(&self, now: Duration, floor: Option<String>) {
        let mut late = lock(&self.late);
        late.floor = match (late.due.is_some(), late.floor.take(), floor) {
            (true, Some(one), Some(other)) => Some(if by_number(&one) < by_number(&other) { one } else { other }),
            (true, None, _) | (_, _, None) => None,
            (false, _, floor) => floor,
        };
        late.due = Some(now + LATE);
    }

    fn late_due(&self, now: Duration) -> Option<Late> {
        let mut late = lock(&self.late);
        late.due.is_some_and(|due| due <= now).then(|| std::mem::take(&mut *late))
    }
}

impl App {
    /// Makes the late walk when it is due.
    pub(super) async fn look_for_late_ones(&self) -> Result<()> {
        let now = self.inner.clock.monotonic();
        let Some(Late { floor, .. }) = self.inner.desk.late_due(now) else { return Ok(()) };
        let psa = self.psa()?;
        match self.walk(&*psa, now, floor.as_ref()).await {
            Ok(walk) => self.close_duplicates(&*psa, &walk.sweep).await,
            Err(error) => {
                self.inner.desk.look_again_for_late_ones(now, floor);
                Err(error)
            }
        }
    }

    /// Closes the tickets that a walk found to be the second of one request. Where Halo does not do it, nothing waits for
    /// that: it is tried again with a later walk.
    pub(crate) async fn close_duplicates(&self, psa: &dyn Psa, sweep: &Sweep) -> Result<()> {
        let mut by_request: BTreeMap<&str, Vec<&TicketNow>> = BTreeMap::new();
        for found in sweep.found.iter().filter(|found| !found.deleted && found.ticket.merged_into.is_none()) {
            if let Some(reference) = &found.ticket.reference {
                by_request.entry(reference).or_default().push(&found.ticket);
            }
        }
        for (reference, mut tickets) in by_request {
            if tickets.len() < 2 {
                continue;
            }
            let Ok(request) = reference.parse::<RequestId>() else { continue };
            // Another installation's doubles are its own business.
            let Some(row) = self.store().request(&Access::All, &request).await? else { continue };
            tickets.sort_by(|a, b| by_number(&a.id).cmp(&by_number(&b.id)));
            let known = row.ticket.map(|ticket| ticket.psa_id);
            let kept = known.or_else(|| tickets.first().map(|ticket| ticket.id.clone())).unwrap_or_default();
            for double in tickets.into_iter().filter(|ticket| ticket.id != kept) {
                match self.close_duplicate(psa, &request, &row.request.company_id, &kept, double).await {
                    Err(Error::Psa(fault)) => {
                        tracing::warn!(%request, double = double.id, words = fault.words, "a second ticket could not be closed; it is tried again later");
                        let now = self.inner.clock.monotonic();
                        let lower = if by_number(&kept) < by_number(&double.id) { &kept } else { &double.id };
                        self.inner.desk.look_again_for_late_ones(now, Some(lower.clone()));
                    }
                    closed => closed?,
                }
            }
        }
        Ok(())
    }

    async fn close_duplicate(
        &self,
        psa: &dyn Psa,
        request: &RequestId,
        company: &countersign_domain::id::CompanyId,
        kept: &str,
        double: &TicketNow,
    ) -> Result<()> {
        let settings = self.ticketing_for(company);
        // The status of a request that came to nothing: it is what this ticket did.
        let closed = [&settings.status_withdrawn, &settings.status_expired, &settings.status_denied];
        let reference = format!("{request}/duplicate/{}", double.id);
        let told = psa.actions(&double.id).await?.iter().any(|action| action.note.contains(&reference));
        if told {
            return Ok(());
        }
        let action = NewAction {
            ticket: double.id.clone(),
            html: format!(
                "<p>This is a second ticket for the same request: an answer of Halo's was lost. Ticket {} tells its \
                 story.</p><p>{}</p>",
                html(kept),
                html(&reference)
            ),
            reference,
            visibility: settings.notes,
            outcome: settings.outcome.clone(),
            work_seconds: None,
            charge: Charge::default(),
            notify: Notify::default(),
            ended_at: self.now(),
            owner: None,
            status: closed.into_iter().flatten().next().cloned(),
            assignee: None,
        };
        psa.write_action(&action).await?;
        tracing::warn!(%request, kept, closed = double.id, "Halo had made a second ticket; it was closed with a note");
        let body = serde_json::json!({ "kept": kept, "closed": double.id });
        let entry =
            self.entry(Actor::Server, "ticket.duplicate_closed", request.to_string(), Some(company.clone()), body);
        Ok(self
            .store()
            .write(move |tx| {
                let entry = entry.clone();
                Box::pin(async move { tx.audit(&entry).await })
            })
            .await?)
    }
}
