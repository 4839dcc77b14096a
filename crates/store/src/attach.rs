//! A person puts a request onto a ticket that is there already.

use countersign_domain::{audit::Entry, time::Time};

use crate::{Error, Result, Store, TicketRow, query::Query};

impl Store {
    /// Gives a lane this ticket: its first step writes the request there as a note, and the others come after it. What was
    /// skipped because there was no ticket is told too. A ticket that it had before, and that is gone, is kept as a former
    /// one.
    ///
    /// # Errors
    /// [`Error::Stale`] where the lane is being worked on, has a ticket that is not gone, or may have one that nobody
    /// knows of yet; then nothing was changed.
    pub async fn attach_ticket(&self, ticket: TicketRow, now: Time, audit: Entry) -> Result<()> {
        self.write(move |tx| {
            let (ticket, audit) = (ticket.clone(), audit.clone());
            Box::pin(async move {
                let lane = &ticket.lane;
                if tx.conn.is_postgres() {
                    // Whoever claims a step of the lane, or ends one, is waited for: what follows sees what he did.
                    let lock = Query::new("SELECT id FROM steps WHERE lane = $1 ORDER BY id FOR UPDATE").bind(lane);
                    tx.conn.all::<(String,)>(&lock).await?;
                }
                // Open, and certainly without a ticket; or its ticket is gone.
                let first = Query::new(
                    "UPDATE steps SET kind = 'record_request', state = 'waiting', due_at = $1, doubt_at = NULL, floor = NULL,
                         cause = NULL, since = NULL, words = NULL, ended_at = NULL
                     WHERE lane = $2 AND kind IN ('open_ticket', 'record_request')
                     AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.lane = steps.lane AND s.state = 'sending')
                     AND ((doubt_at IS NULL AND state <> 'done'
                             AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.lane = steps.lane))
                         OR EXISTS (SELECT 1 FROM steps g WHERE g.lane = steps.lane AND g.state = 'attention'
                             AND g.cause = 'ticket_gone'))",
                )
                .bind(now)
                .bind(lane);
                if tx.conn.execute(&first).await? != 1 {
                    return Err(Error::Stale);
                }
                let behind = Query::new(
                    "UPDATE steps SET state = 'queued', doubt_at = NULL, floor = NULL, cause = NULL, since = NULL,
                         ended_at = NULL
                     WHERE lane = $1 AND kind <> 'record_request' AND (state IN ('waiting', 'parked', 'attention')
                         OR (state = 'done' AND kind LIKE 'record!_%' ESCAPE '!' AND EXISTS
                             (SELECT 1 FROM attempts a WHERE a.step_id = steps.id AND a.result = 'not_needed')))",
                )
                .bind(lane);
                tx.conn.execute(&behind).await?;
                let former = Query::new(
                    "INSERT INTO former_tickets (lane, psa_id, url, now, booked, replaced_at)
                     SELECT lane, psa_id, url, now, booked, $1 FROM tickets WHERE lane = $2
                     ON CONFLICT (lane, psa_id) DO NOTHING",
                )
                .bind(now)
                .bind(lane);
                tx.conn.execute(&former).await?;
                tx.conn.execute(&Query::new("DELETE FROM tickets WHERE lane = $1").bind(lane)).await?;
                let insert = Query::new(
                    "INSERT INTO tickets (lane, psa_id, url, now, opened_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6)",
                )
                .bind(lane)
                .bind(&ticket.psa_id)
                .bind(&ticket.url)
                .bind(&ticket.now)
                .bind(ticket.opened_at)
                .bind(ticket.seen_at);
                tx.conn.execute(&insert).await?;
                tx.audit(&audit).await
            })
        })
        .await
    }
}
