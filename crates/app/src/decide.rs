//! A technician decides, or takes an approval back. The first decision wins (promise P3).

use countersign_domain::{
    audit::Actor,
    decision::{Author, Decision, Scope, Verdict},
    directory::Technician,
    grant,
    id::RequestId,
    request::{Event, Request, State},
    role::Right,
    text,
    ticket::measured_seconds,
    time::Time,
};
use countersign_store::{RequestRow, Transition};

use crate::{App, Error, Result, ticketing::TimeEntry};

/// The longest reason, in characters.
pub const MAX_REASON: usize = 1000;

/// What a technician wants.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Approve or deny.
    pub verdict: Verdict,
    /// How far.
    pub scope: Scope,
    /// Why; told to the end user and the ticket.
    pub reason: Option<String>,
    /// Validity of the grant in minutes.
    pub minutes: Option<u32>,
    /// The version that he saw; a change since is a conflict.
    pub seen_version: Option<i64>,
}

impl App {
    /// Decides a request, and with it every repeat that joined it.
    ///
    /// # Errors
    /// [`Error::AlreadyDecided`] names who was first; [`Error::Forbidden`] what the caller lacks; `scope_not_available`
    /// while there are no rules to build.
    pub async fn decide(&self, by: &Technician, id: &RequestId, wish: Wish) -> Result<RequestRow> {
        if !by.role.may(Right::Decide) {
            return Err(Error::forbidden(
                "may_not_decide",
                "Your role reads. An administrator can change it under Users.",
            ));
        }
        if wish.scope != Scope::Once {
            return Err(Error::Invalid {
                code: "scope_not_available",
                field: Some("scope"),
                sentence: format!(
                    "A decision for \"{}\" builds a rule, and there are no rules yet. Decide with scope \"once\".",
                    wish.scope.as_str()
                ),
            });
        }
        let minutes = wish.minutes.unwrap_or(grant::DEFAULT_MINUTES);
        if !(1..=grant::MAX_MINUTES).contains(&minutes) {
            return Err(Error::invalid("minutes", "minutes", "minutes is from 1 to 10080 (seven days)."));
        }
        let row = self.head(by, id).await?;
        let head = row.request;
        if wish.seen_version.is_some_and(|seen| seen != head.version) && head.decision.is_none() {
            return Err(Error::conflict(
                "changed_meanwhile",
                "The request changed since you saw it. Look again, then decide.",
            ));
        }
        let user = &head.asked.end_user;
        if by.is_same_person(&user.account, user.email.as_deref()) {
            return Err(Error::forbidden("own_request", "This is your own request. Somebody else has to decide it."));
        }
        let at = self.now();
        let reason =
            wish.reason.as_deref().map(|reason| text::line(reason, MAX_REASON)).filter(|reason| !reason.is_empty());
        let decision = Decision {
            verdict: wish.verdict,
            scope: wish.scope,
            reason,
            minutes,
            by: Author { id: by.id.clone(), name: by.name.clone() },
            at,
            work_seconds: self.work_seconds(by, &head, at).await?,
        };
        self.decide_all(head, decision).await?;
        self.request(by, id).await
    }

    /// The request that a decision on `id` is about: itself, or the one it joined.
    async fn head(&self, by: &Technician, id: &RequestId) -> Result<RequestRow> {
        let row = self.request(by, id).await?;
        match &row.request.joined_to {
            Some(head) if row.request.decision.is_none() => self.request(by, head).await,
            _ => Ok(row),
        }
    }

    /// Decides a request and its repeats. A repeat can join, or be taken back, between the read and the write: those that
    /// are left are decided the same way, right after.
    async fn decide_all(&self, head: Request, decision: Decision) -> Result<()> {
        let mut wave = self.with_repeats(head.clone()).await?;
        loop {
            if !self.decide_these(&wave, &decision).await? {
                // The head is still pending: it was one of the repeats that changed.
                match self.store().request_alone(&head.id).await? {
                    Some(now) if now.state == State::Pending => wave = self.with_repeats(now).await?,
                    _ => return Err(self.lost_race(&head.id).await),
                }
                continue;
            }
            wave = self.store().joined_pending(&head.id).await?;
            if wave.is_empty() {
                return Ok(());
            }
        }
    }

    async fn with_repeats(&self, head: Request) -> Result<Vec<Request>> {
        let repeats = self.store().joined_pending(&head.id).await?;
        Ok(std::iter::once(head).chain(repeats).collect())
    }

    /// Decides requests that stand or fall as one; false where one of them changed meanwhile.
    pub(crate) async fn decide_these(&self, wave: &[Request], decision: &Decision) -> Result<bool> {
        let mut change = Transition::default();
        for request in wave {
            let (decided, told) = request.clone().apply(Event::Decided(decision.clone()))?;
            change.audit.push(self.entry(
                Actor::Technician(decision.by.id.clone()),
                "request.decided",
                decided.id.to_string(),
                Some(decided.company_id.clone()),
                serde_json::json!({ "verdict": decision.verdict, "scope": decision.scope, "reason": decision.reason,
                    "minutes": decision.minutes }),
            ));
            change.steps.extend(told.into_iter().map(|kind| (self.step_id(), decided.clone(), kind)));
            change.requests.push(decided);
        }
        let decided: Vec<Request> = change.requests.clone();
        if !self.store().transition(change).await? {
            return Ok(false);
        }
        metrics::counter!("countersign_requests_decided_total").increment(decided.len() as u64);
        for request in &decided {
            self.wake().request("request.decided", &request.id, &request.company_id);
        }
        self.wake().steps();
        Ok(true)
    }

    /// Why a compare-and-set found the request changed.
    async fn lost_race(&self, id: &RequestId) -> Error {
        match self.store().request_alone(id).await {
            Ok(Some(request)) => match request.decision {
                Some(decision) => Error::AlreadyDecided(Box::new(decision)),
                None => Error::conflict("changed_meanwhile", "The request changed meanwhile. Look again, then decide."),
            },
            Ok(None) => Error::NotFound("request"),
            Err(error) => error.into(),
        }
    }

    async fn work_seconds(&self, by: &Technician, request: &Request, decided: Time) -> Result<Option<u32>> {
        let settings = self.ticketing_for(&request.company_id);
        Ok(match settings.time {
            TimeEntry::Off => None,
            TimeEntry::Fixed { minutes } => Some(minutes.saturating_mul(60)),
            TimeEntry::Measured { minimum_minutes } => {
                let first = self.store().look(&request.id, &by.id, decided).await?;
                let minimum = minimum_minutes.saturating_mul(60);
                Some(measured_seconds(first, decided, minimum, settings.time_step_minutes))
            }
        })
    }

    /// Takes an approval back before it is used.
    ///
    /// # Errors
    /// A conflict where it was used, lapsed or never given.
    pub async fn revoke(&self, by: &Technician, id: &RequestId) -> Result<RequestRow> {
        if !by.role.may(Right::Decide) {
            return Err(Error::forbidden(
                "may_not_decide",
                "Your role reads. An administrator can change it under Users.",
            ));
        }
        let row = self.request(by, id).await?;
        let author = Author { id: by.id.clone(), name: by.name.clone() };
        let actor = Actor::Technician(by.id.clone());
        self.change(row.request, Event::Revoked(author, self.now()), actor, "request.revoked").await?;
        self.request(by, id).await
    }

    /// Applies one event to one request, compare-and-set, and wakes who waits.
    pub(crate) async fn change(
        &self,
        request: Request,
        event: Event,
        actor: Actor,
        action: &'static str,
    ) -> Result<Request> {
        let id = request.id.clone();
        let (changed, told) = request.apply(event)?;
        let entry = self.entry(
            actor,
            action,
            changed.id.to_string(),
            Some(changed.company_id.clone()),
            serde_json::json!({ "state": changed.state, "outcome": changed.outcome }),
        );
        let steps = told.into_iter().map(|kind| (self.step_id(), changed.clone(), kind)).collect();
        let change = Transition { requests: vec![changed.clone()], steps, audit: vec![entry] };
        if !self.store().transition(change).await? {
            return Err(self.lost_race(&id).await);
        }
        self.wake().request(action, &changed.id, &changed.company_id);
        self.wake().steps();
        Ok(changed)
    }
}
