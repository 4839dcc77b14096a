//! One request of a round: is its ticket there, as it was sent, with its decision once, and is every step of it over?

use countersign_domain::{effect::StepKind, request::State, ticket::action_reference, time::Time};
use countersign_psa::TicketNow;
use countersign_store::{LaneStep, TicketRow};

use super::{Case, Round, Standing, is_undone};
use crate::{
    Error, Result,
    steps::{Expected, Sent},
};

/// A step that does not go on is worth a line after so many seconds.
const LONG_S: i64 = 3600;

const ATTENTION: &str = "It stands under Needs attention: retry it there, or give it up.";

impl Round<'_> {
    pub(super) async fn look_at(&mut self, case: &Case<'_>) -> Result<()> {
        match &case.row.ticket {
            // The request that was denied tells what becomes of the ticket of both.
            None if case.asks_again() => {}
            None => self.without_ticket(case).await?,
            Some(ticket) => {
                if let Some(now) = self.shown(case, ticket).await? {
                    if case.asks_again() {
                        self.note(case, ticket, StepKind::RecordAgain).await?;
                    } else {
                        self.keep_shown(case, ticket, &now).await?;
                        self.as_sent(case, ticket, &now).await?;
                        self.as_expected(case, &now).await?;
                    }
                    self.note(case, ticket, StepKind::RecordDecision).await?;
                }
            }
        }
        self.undone(case);
        Ok(())
    }

    /// A request without a ticket: it never had one, had one, or has one that we lost sight of.
    async fn without_ticket(&mut self, case: &Case<'_>) -> Result<()> {
        let request = &case.row.request;
        let step = case.step(StepKind::OpenTicket).or_else(|| case.step(StepKind::RecordRequest));
        if let Some(former) = case.former.last() {
            let words = format!("It had ticket {former}, which is gone; a new one was asked for.");
            self.lines.push(case.line("replaced", Standing::Note, words, None));
        }
        let found = self.live.values().find(|found| {
            let bears = found.ticket.reference.as_deref() == Some(request.id.as_str());
            bears && !case.former.contains(&found.ticket.id)
        });
        if let Some(found) = found {
            let words = format!("Halo has ticket {} for it, and the request does not know.", found.ticket.id);
            let standing = match step.filter(|step| is_undone(step)) {
                Some(step) => self.let_look(step).await?,
                None => self.append(case, StepKind::OpenTicket).await?,
            };
            self.lines.push(case.line("ticket_found", standing, words, None));
            return Ok(());
        }
        match step.map(|step| step.state.as_str()) {
            Some("given_up") => {
                let words = "It never had a ticket: a person gave that up.".to_owned();
                self.lines.push(case.line("given_up", Standing::Note, words, None));
            }
            None | Some("done") if request.state != State::Withdrawn && request.makes_ticket() => {
                let standing = self.append(case, StepKind::OpenTicket).await?;
                let words = "It should have a ticket and never had one.".to_owned();
                self.lines.push(case.line("no_ticket", standing, words, None));
            }
            // What waits, or needs a person, is told with the other steps.
            None | Some(_) => {}
        }
        Ok(())
    }

    /// The ticket as Halo shows it; none where that tells nothing, or it is gone.
    async fn shown(&mut self, case: &Case<'_>, ticket: &TicketRow) -> Result<Option<TicketNow>> {
        if let Some(found) = self.live.get(&ticket.psa_id) {
            return Ok(Some(found.ticket.clone()));
        }
        if self.blind {
            return Ok(None);
        }
        // Another id, a lost reference, or not there: one look tells.
        if let Some(now) = self.psa.ticket(&ticket.psa_id).await? {
            // A ticket that a person attached the request to never bore it.
            let is_attached = case.step(StepKind::RecordRequest).is_some();
            let is_ours = case.former.is_empty() && !is_attached && !case.asks_again();
            if is_ours && now.reference.as_deref() != Some(case.row.request.id.as_str()) {
                let words = "The ticket does not bear the request's reference any more.".to_owned();
                let fix = "Somebody changed it in Halo. Put the reference at the end of its summary again.";
                self.lines.push(case.line("reference", Standing::Left, words, Some(fix)));
            }
            return Ok(Some(now));
        }
        let words = if self.deleted.contains(&ticket.psa_id) {
            "The ticket was deleted in Halo."
        } else {
            "Halo does not show the ticket: it was deleted, or is hidden from our agent."
        };
        self.mark_gone(case, ticket).await?;
        if case.asks_again() && Self::is_over(case) {
            // Told once, with the request before it.
            return Ok(None);
        }
        let fix = "Restore it in Halo. A request that needs one again gets it under Needs attention, Create a new one.";
        // For a request that is over and told, somebody cleaned up.
        let told = Self::is_over(case) && !case.steps.iter().any(is_undone);
        let standing = if told { Standing::Note } else { Standing::Left };
        self.lines.push(case.line("gone", standing, words.to_owned(), (!told).then_some(fix)));
        Ok(None)
    }

    /// Type, customer, site, contact and asset as they were sent.
    async fn as_sent(&mut self, case: &Case<'_>, ticket: &TicketRow, now: &TicketNow) -> Result<()> {
        let Some(sent) = ticket.sent.as_deref().filter(|_| case.former.is_empty()) else { return Ok(()) };
        let broken = |error: serde_json::Error| Error::Sealed(error.to_string());
        let sent: Sent = serde_json::from_str(sent).map_err(broken)?;
        let mut differ = Vec::new();
        for (name, sent, now) in [
            ("type", &sent.ticket_type, &now.ticket_type),
            ("customer", &sent.customer, &now.customer),
            ("site", &sent.site, &now.site),
            ("contact", &sent.contact, &now.contact),
        ] {
            if let Some(sent) = sent
                && now.as_ref() != Some(sent)
            {
                let now = now.as_deref().unwrap_or("none");
                differ.push(format!("{name} {now} in place of {sent}"));
            }
        }
        if let Some(asset) = &sent.asset {
            // Rows of a list do not show assets, and what was last seen in full may be old.
            let known: TicketNow = serde_json::from_str(&ticket.now).map_err(broken)?;
            if !known.assets.contains(asset) {
                let full = self.psa.ticket(&ticket.psa_id).await?;
                if full.is_none_or(|full| !full.assets.contains(asset)) {
                    differ.push(format!("asset {asset} is missing"));
                }
            }
        }
        if !differ.is_empty() {
            let words = format!("The ticket is not as it was sent: {}.", differ.join(", "));
            let fix = "Put it right in Halo, unless somebody moved it on purpose.";
            self.lines.push(case.line("fields", Standing::Left, words, Some(fix)));
        }
        Ok(())
    }

    /// Status and assignee that were set once more, since the action did not move them, and still stand as they did before.
    /// Where the action moved them, a person has set them back, and that is his matter.
    async fn as_expected(&mut self, case: &Case<'_>, now: &TicketNow) -> Result<()> {
        if case.step(StepKind::AdjustTicket).is_none_or(is_undone) {
            return Ok(());
        }
        let lane = case.row.request.id.to_string();
        let Some(expected) = self.app.store().expected_of(&lane).await? else { return Ok(()) };
        let expected: Expected = serde_json::from_str(&expected).map_err(|error| Error::Sealed(error.to_string()))?;
        if expected.status_left(now).is_some() || expected.assignee_left(now).is_some() {
            let words = "Status or assignee stand as they did before the decision, though they were set once more.";
            self.lines.push(case.line("kept", Standing::Note, words.to_owned(), None));
        }
        Ok(())
    }

    /// The request's note of a kind stands on the ticket once; that of the decision with its time.
    async fn note(&mut self, case: &Case<'_>, ticket: &TicketRow, kind: StepKind) -> Result<()> {
        let request = &case.row.request;
        // Told after the decision, that it was asked again would open the ticket once more.
        let (what, is_due) = if kind == StepKind::RecordAgain {
            ("That it was asked again", request.state == State::Pending)
        } else {
            ("The decision", request.decision.is_some())
        };
        let Some(step) = case.step(kind) else {
            if is_due {
                let standing = self.append(case, kind).await?;
                let words = format!("{what} was never written on the ticket.");
                self.lines.push(case.line("no_action", standing, words, None));
            }
            return Ok(());
        };
        let decision = request.decision.as_ref().filter(|_| kind == StepKind::RecordDecision);
        let is_timed = decision.is_some_and(|decision| decision.work_seconds.is_some());
        let doubtful = match step.state.as_str() {
            "done" => step.attempts > 1 || (is_timed && ticket.booked.is_none()),
            "attention" => true,
            _ => false,
        };
        if !doubtful {
            return Ok(());
        }
        let nth = u32::try_from(step.nth).unwrap_or(1);
        let reference = action_reference(request.lane(), kind, nth);
        let actions = self.psa.actions(&ticket.psa_id).await?;
        let mut told = actions.iter().filter(|action| action.note.contains(&reference));
        match (told.next(), told.count(), is_undone(step)) {
            (Some(_), 0, true) => {
                let standing = self.let_look(step).await?;
                let words = format!("{what} stands on the ticket, and its step did not hear of it.");
                self.lines.push(case.line("lost_done", standing, words, None));
            }
            (Some(action), 0, false) => {
                if is_timed && action.work_seconds.unwrap_or(0) == 0 && !self.time_is_left_out(case).await? {
                    let words = "The decision stands on the ticket without its working time.".to_owned();
                    let fix = "Book the time by hand in Halo, if it is to be billed.";
                    self.lines.push(case.line("no_time", Standing::Left, words, Some(fix)));
                }
                let agent = if decision.is_some() { self.agent_of(case).await? } else { None };
                if let (Some(agent), Some(owner)) = (&agent, &action.owner)
                    && agent != owner
                {
                    let words =
                        format!("The time belongs to agent {owner} in Halo, and not to agent {agent} who decided.");
                    let fix = "Look whether our agent may book time for others.";
                    self.lines.push(case.line("owner", Standing::Left, words, Some(fix)));
                }
            }
            (Some(_), more, _) => {
                let words = format!("{what} stands on the ticket {} times.", more + 1);
                let fix = "Delete the later notes in Halo, with their time.";
                self.lines.push(case.line("twice", Standing::Left, words, Some(fix)));
            }
            (None, _, false) => {
                let words = format!("{what} was written on the ticket, and is not there any more.");
                let fix =
                    "Somebody deleted the note in Halo, or changed its words. Nothing is written again by itself.";
                self.lines.push(case.line("action_gone", Standing::Left, words, Some(fix)));
            }
            (None, _, true) => {}
        }
        Ok(())
    }

    async fn agent_of(&self, case: &Case<'_>) -> Result<Option<String>> {
        let contexts = self.app.store().contexts(std::slice::from_ref(&case.row.request.id)).await?;
        Ok(contexts.into_iter().next().and_then(|context| context.agent))
    }

    /// A setting leaves the time out where the decider has no agent.
    async fn time_is_left_out(&self, case: &Case<'_>) -> Result<bool> {
        let settings = self.app.ticketing_for(&case.row.request.company_id);
        let needs_link = settings.time_needs_link == crate::ticketing::Switch::On;
        Ok(needs_link && self.agent_of(case).await?.is_none())
    }

    /// Steps that need a person, and those of a request that is over that do not go on.
    fn undone(&mut self, case: &Case<'_>) {
        let now = self.app.now();
        let long = |step: &LaneStep| step.since.is_some_and(|since| Time(since).plus_seconds(LONG_S) <= now);
        let told = self.lines.iter().any(|line| {
            line.request.as_deref() == Some(case.row.request.id.as_str())
                && matches!(line.what.as_str(), "lost_done" | "ticket_found")
        });
        for step in case.own_steps().filter(|step| is_undone(step) && !told) {
            let words = format!("{}: {}", step.kind, step.words.as_deref().unwrap_or("waits for its turn"));
            match step.state.as_str() {
                "attention" => self.lines.push(case.line("attention", Standing::Left, words, Some(ATTENTION))),
                "waiting" | "parked" if long(step) => self.lines.push(case.line("waits", Standing::Note, words, None)),
                _ => {}
            }
        }
    }
}
