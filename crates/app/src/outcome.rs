//! What the endpoint says of its own request: it takes it back, starts the program, tells how it ended.

use countersign_domain::{
    audit::Actor,
    effect::StepKind,
    id::{ComputerId, RequestId},
    request::{Ending, Event, Outcome, Request, State, TicketOn},
    role::Access,
};
use countersign_store::{RequestRow, Transition};

use crate::{App, Error, Result};

impl App {
    /// A computer's own request. Another computer's is not found.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn own_request(&self, computer: &ComputerId, id: &RequestId) -> Result<Request> {
        self.store()
            .request_alone(id)
            .await?
            .filter(|request| request.computer_id == *computer)
            .ok_or(Error::NotFound("request"))
    }

    /// A computer's own request with its ticket. Another computer's is not found.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn own_row(&self, computer: &ComputerId, id: &RequestId) -> Result<RequestRow> {
        self.store()
            .request(&Access::All, id)
            .await?
            .filter(|row| row.request.computer_id == *computer)
            .ok_or(Error::NotFound("request"))
    }

    /// The end user takes the request back. Taking it back twice changes nothing.
    ///
    /// # Errors
    /// A conflict where it was decided.
    pub async fn withdraw(&self, computer: &ComputerId, id: &RequestId) -> Result<Request> {
        let request = self.own_request(computer, id).await?;
        if request.state == State::Withdrawn {
            return Ok(request);
        }
        let actor = Actor::Computer(computer.clone());
        let withdrawn = self.change(request, Event::Withdrawn(self.now()), actor, "request.withdrawn").await?;
        self.let_repeats_go_on(&withdrawn.id).await?;
        Ok(withdrawn)
    }

    /// The endpoint wants to start the program: redeems the grant, once. `use_id` names this use; a repeat of it is the
    /// same use.
    ///
    /// # Errors
    /// `already_used`, `revoked` or `expired`: then it must not start.
    pub async fn redeem(&self, computer: &ComputerId, id: &RequestId, use_id: Option<String>) -> Result<Request> {
        let request = self.own_request(computer, id).await?;
        let actor = Actor::Computer(computer.clone());
        match self.change(request.clone(), Event::Started(self.now(), use_id), actor, "grant.redeemed").await {
            // The same use, said again since the answer was lost.
            Err(Error::Conflict { code: "nothing_to_do", .. }) => Ok(request),
            other => other,
        }
    }

    /// The endpoint says how it ended. Saying it twice changes nothing.
    ///
    /// # Errors
    /// A conflict where nothing was approved.
    pub async fn ended(
        &self,
        computer: &ComputerId,
        id: &RequestId,
        ending: Ending,
        exit_code: Option<i32>,
    ) -> Result<Request> {
        let request = self.own_request(computer, id).await?;
        if request.outcome.is_some() {
            return Ok(request);
        }
        let outcome = Outcome { ending, exit_code, at: self.now() };
        let actor = Actor::Computer(computer.clone());
        self.change(request, Event::Ended(outcome), actor, "request.ended").await
    }

    /// Repeats of a request that ended without a decision ask on: the oldest takes its place, with a ticket of its own
    /// unless a denial's ticket tells of them, and the others join that one.
    pub(crate) async fn let_repeats_go_on(&self, head: &RequestId) -> Result<()> {
        // Once more where one of them changed between the read and the write.
        loop {
            let repeats = self.store().joined_pending(head).await?;
            let Some((first, others)) = repeats.split_first() else { return Ok(()) };
            let mut change = Transition::default();
            let mut next = first.clone();
            next.joined_to = None;
            next.version += 1;
            let told = if next.again_of.is_some() { StepKind::RecordAgain } else { StepKind::OpenTicket };
            if next.ticket_on == TicketOn::Request {
                change.steps.push((self.step_id(), next.clone(), told));
            }
            change.audit.push(self.entry(
                Actor::Server,
                "request.leads",
                next.id.to_string(),
                Some(next.company_id.clone()),
                serde_json::json!({ "before": head }),
            ));
            change.requests.push(next.clone());
            for other in others {
                let mut other = other.clone();
                other.joined_to = Some(next.id.clone());
                other.version += 1;
                change.requests.push(other);
            }
            if self.store().transition(change).await? {
                self.wake().steps();
                self.wake().request("request.created", &next.id, &next.company_id);
                return Ok(());
            }
        }
    }

    /// Repeats that were left when the process ended between a request's end and theirs: they are decided as it was, or
    /// go on without it. How many requests had left some.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heal_repeats(&self) -> Result<usize> {
        let heads = self.store().heads_that_left_repeats(100).await?;
        for head in &heads {
            match &head.decision {
                Some(decision) => {
                    let repeats = self.store().joined_pending(&head.id).await?;
                    // Where one changed meanwhile, the next round finds the rest.
                    self.decide_these(&repeats, decision).await?;
                }
                None => self.let_repeats_go_on(&head.id).await?,
            }
        }
        Ok(heads.len())
    }

    /// Ends what has run out of time: requests nobody decided, grants nobody used. How many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire(&self) -> Result<usize> {
        let now = self.now();
        let due = self.store().due_requests(now, 100).await?;
        let mut ended = 0;
        for request in due {
            let (id, joined) = (request.id.clone(), request.joined_to.is_some());
            match self.change(request, Event::TimePassed(now), Actor::Server, "request.expired").await {
                Ok(_) => {
                    ended += 1;
                    if !joined {
                        self.let_repeats_go_on(&id).await?;
                    }
                }
                Err(Error::Conflict { .. } | Error::AlreadyDecided(_)) => {
                    tracing::debug!(%id, "was decided while it ran out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }
}
