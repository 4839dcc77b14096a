//! What waits and what needs a person, by cause, and what people do about it: retry, give up, have a new ticket made.
//!
//! Called by the API and the portal. The decision a reader would undo: a ticket that is gone is never answered by a new
//! one by itself; a person says so, once, for one step.

use std::collections::HashMap;

use countersign_domain::{
    audit::{Actor, Entry},
    cause::Cause,
    directory::Technician,
    id::{CompanyId, StepId},
    role::Right,
};
use countersign_store::{AttemptRow, CauseIs, CauseRow, StepRow, StepState, StepsQuery, WaitingCompany};

use crate::{App, Error, Result, people::require};

/// Steps that are let go again in one transaction.
const AT_ONCE: usize = 200;

/// Which steps to let go again. At least one is named; what is named must all fit.
#[derive(Debug, Clone, Default)]
pub struct Alike {
    /// Of this cause.
    pub cause: Option<Cause>,
    /// Of this company.
    pub company: Option<CompanyId>,
    /// These.
    pub ids: Option<Vec<StepId>>,
}

/// What became of steps that were to go again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retried {
    /// Those that go.
    pub gone: Vec<String>,
    /// Those that are over, are being sent, or that the caller may not see. Only where ids were named.
    pub not: Vec<String>,
}

impl App {
    /// Steps that the caller may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn steps(&self, by: &Technician, wanted: &StepsQuery) -> Result<Vec<StepRow>> {
        Ok(self.store().steps(&by.access, wanted).await?)
    }

    /// How many steps stand for which cause, what needs a person first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn causes(
        &self,
        by: &Technician,
        state: StepState,
        company: Option<&CompanyId>,
    ) -> Result<Vec<CauseRow>> {
        Ok(self.store().causes(&by.access, state, company).await?)
    }

    /// Companies with steps in this state, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn companies_of_steps(
        &self,
        by: &Technician,
        state: StepState,
        cause: Option<Cause>,
        limit: usize,
    ) -> Result<Vec<WaitingCompany>> {
        Ok(self.store().companies_of_steps(&by.access, state, cause, limit).await?)
    }

    /// A step with every attempt of it, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the caller may not see the step.
    pub async fn step_attempts(&self, by: &Technician, id: &StepId) -> Result<(StepRow, Vec<AttemptRow>)> {
        let step = self.store().step(&by.access, id).await?.ok_or(Error::NotFound("step"))?;
        let mut attempts = self.store().attempts(&step.lane).await?;
        attempts.retain(|attempt| attempt.step_id == step.id);
        Ok((step, attempts))
    }

    /// The attempts of steps that were listed, by step: each one's first and its last twenty.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempts_of(&self, steps: &[StepRow]) -> Result<HashMap<String, Vec<AttemptRow>>> {
        let ids: Vec<String> = steps.iter().map(|step| step.id.clone()).collect();
        let mut by_step: HashMap<String, Vec<AttemptRow>> = HashMap::new();
        for attempt in self.store().attempts_of(&ids).await? {
            by_step.entry(attempt.step_id.clone()).or_default().push(attempt);
        }
        Ok(by_step)
    }

    /// Lets a step go again, at once.
    ///
    /// # Errors
    /// [`Error::NotFound`], or `step_over` where it is over or being sent.
    pub async fn retry_step(&self, by: &Technician, id: &StepId) -> Result<StepRow> {
        let step = self.step_to_run(by, id).await?;
        let entry = self.step_entry(by, &step, "step.retried");
        let gone = self.store().retry_steps(vec![(id.clone(), entry)], self.now()).await?;
        self.wake().steps();
        if gone.is_empty() {
            return Err(over());
        }
        self.step_after(by, &step, id).await
    }

    /// Lets all steps go again that are alike: those that wait for a person, for their time or for a link.
    ///
    /// # Errors
    /// [`Error::Invalid`] where nothing is named, or too much.
    pub async fn retry_steps(&self, by: &Technician, alike: &Alike) -> Result<Retried> {
        require(by, Right::RunSteps)?;
        let mut retried = Retried::default();
        match &alike.ids {
            Some(ids) if ids.len() > AT_ONCE => {
                return Err(Error::invalid("too_many", "ids", format!("At most {AT_ONCE} ids in one call.")));
            }
            Some(ids) => {
                let mut found = Vec::new();
                for id in ids {
                    let step = self.store().step(&by.access, id).await?;
                    found.extend(step.filter(|step| {
                        alike.cause.is_none_or(|cause| step.cause == Some(cause))
                            && alike.company.as_ref().is_none_or(|company| step.company_id.as_ref() == Some(company))
                    }));
                }
                retried.gone = self.let_go(by, found).await?;
                retried.not = ids.iter().map(ToString::to_string).filter(|id| !retried.gone.contains(id)).collect();
            }
            None if alike.cause.is_none() && alike.company.is_none() => {
                return Err(Error::invalid("nothing_named", "cause", "Name a cause, a company or ids."));
            }
            None => {
                // What waits is read first: what needed a person waits too once it was let go.
                for state in [StepState::Waiting, StepState::Attention] {
                    retried.gone.extend(self.let_all_go(by, alike, state).await?);
                }
            }
        }
        self.wake().steps();
        if let Some(first) = retried.gone.first() {
            self.wake().page("ticket.updated", first.clone(), alike.company.clone());
        }
        Ok(retried)
    }

    /// Walks the steps once by their ids, so that one that comes back at once is not let go for ever.
    async fn let_all_go(&self, by: &Technician, alike: &Alike, state: StepState) -> Result<Vec<String>> {
        let mut gone = Vec::new();
        let mut after = None;
        loop {
            let wanted = StepsQuery {
                state: Some(state),
                cause: alike.cause.map_or(CauseIs::Any, CauseIs::This),
                company: alike.company.clone(),
                after,
                limit: AT_ONCE,
                lane: None,
            };
            let found = self.store().steps(&by.access, &wanted).await?;
            let Some(last) = found.last() else { return Ok(gone) };
            after = Some(last.id.parse().map_err(|_| Error::NotFound("step"))?);
            // What waits without a cause was not tried yet, or stands behind another step.
            let stuck = found.into_iter().filter(|step| step.state == "attention" || step.cause.is_some()).collect();
            gone.extend(self.let_go(by, stuck).await?);
        }
    }

    async fn let_go(&self, by: &Technician, steps: Vec<StepRow>) -> Result<Vec<String>> {
        let entries: Vec<(StepId, Entry)> = steps
            .iter()
            .filter_map(|step| Some((step.id.parse().ok()?, self.step_entry(by, step, "step.retried"))))
            .collect();
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.store().retry_steps(entries, self.now()).await?)
    }

    /// Gives a step up; the next of its lane goes on.
    ///
    /// # Errors
    /// As for [`App::retry_step`].
    pub async fn give_up_step(&self, by: &Technician, id: &StepId) -> Result<StepRow> {
        let step = self.step_to_run(by, id).await?;
        let entry = self.step_entry(by, &step, "step.given_up");
        let changed = self.store().give_up_step(id, self.now(), entry).await?;
        if !changed {
            return Err(over());
        }
        self.wake().steps();
        self.step_after(by, &step, id).await
    }

    /// Has a new ticket made in the place of one that is gone; the lane goes on there.
    ///
    /// # Errors
    /// [`Error::NotFound`], `step_over` where it is being sent right now, or `ticket_not_gone` where it does not stand before
    /// a ticket that is gone.
    pub async fn new_ticket_for_step(&self, by: &Technician, id: &StepId) -> Result<StepRow> {
        let step = self.step_to_run(by, id).await?;
        let entry = self.step_entry(by, &step, "ticket.replaced");
        match self.store().replace_ticket(id, self.now(), entry).await {
            Ok(()) => {}
            Err(countersign_store::Error::Stale) => {
                let being_sent = self.store().step(&by.access, id).await?.is_some_and(|step| step.state == "sending");
                return Err(if being_sent {
                    over()
                } else {
                    Error::conflict(
                        "ticket_not_gone",
                        "The step does not stand before a ticket that is gone. Retry shows how it stands now.",
                    )
                });
            }
            Err(error) => return Err(error.into()),
        }
        self.wake().steps();
        self.step_after(by, &step, id).await
    }

    async fn step_to_run(&self, by: &Technician, id: &StepId) -> Result<StepRow> {
        require(by, Right::RunSteps)?;
        self.store().step(&by.access, id).await?.ok_or(Error::NotFound("step"))
    }

    fn step_entry(&self, by: &Technician, step: &StepRow, action: &str) -> Entry {
        let ticket = step.ticket.as_ref().map(|(id, _)| id);
        let body = serde_json::json!({ "kind": step.kind, "lane": step.lane, "cause": step.cause, "ticket": ticket });
        let actor = Actor::Technician(by.id.clone());
        self.entry(actor, action, step.id.clone(), step.company_id.clone(), body)
    }

    async fn step_after(&self, by: &Technician, step: &StepRow, id: &StepId) -> Result<StepRow> {
        self.wake().page("ticket.updated", step.lane.clone(), step.company_id.clone());
        self.store().step(&by.access, id).await?.ok_or(Error::NotFound("step"))
    }
}

fn over() -> Error {
    Error::conflict("step_over", "The step is over, or is being sent right now.")
}
