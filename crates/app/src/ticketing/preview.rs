//! What a ticket or a note would look like, for a real request, before anything is saved. Halo is not asked.
//!
//! Called by the settings page as somebody types, and by the API. The decision a reader would undo: the ticket and the
//! action are made by the same functions as the steps use, so that a preview cannot promise what is not sent.

use countersign_domain::{
    decision::{Author, Decision, Scope, Verdict},
    directory::Technician,
    effect::StepKind,
    grant,
    id::RequestId,
    request::{Ending, Outcome, Request, State},
    ticket::Part,
};
use countersign_psa::{NewAction, NewTicket, Visibility};
use countersign_store::Context;
use serde::Serialize;

use super::{Settings, Switch, TimeEntry};
use crate::{App, Error, Result};

/// A field that would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Its name, as in the settings where it is one of them.
    pub name: &'static str,
    /// What is sent.
    pub value: String,
    /// What that is called, where it is an id with a known name.
    pub called: Option<String>,
}

/// How it would look.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The ticket's summary; none where a note is written on a ticket that is there.
    pub summary: Option<String>,
    /// Description or note, HTML. Values in it are escaped; markup is the template's.
    pub html: String,
    /// The fields that would be sent beside them.
    pub fields: Vec<Sent>,
    /// Texts that failed, with the reason: the product's own stand in their place.
    pub warnings: Vec<String>,
}

impl App {
    /// Shows how a request's ticket (`event` is [`Part::Description`] or [`Part::Summary`]) or a note would look with
    /// these texts in place of those that are set; `None` is the product's own. What has not happened to the request is
    /// made up, by the caller and now.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the caller may not see the request, [`Error::Invalid`] where a text would be refused.
    pub async fn preview_ticket(
        &self,
        by: &Technician,
        request: &RequestId,
        event: Part,
        texts: &[(Part, Option<String>)],
    ) -> Result<Preview> {
        let row = self.request(by, request).await?;
        let mut settings = Settings::clone(&self.ticketing_for(&row.request.company_id));
        super::change::apply_texts(&mut settings, texts)?;
        let contexts = self.store().contexts(std::slice::from_ref(request)).await?;
        let mut context = contexts.into_iter().next().ok_or(Error::NotFound("request"))?;
        let Some(kind) = step_of(event) else {
            let (new, failed) = self.new_ticket(&settings, &context);
            let warnings = failed.iter().map(ToString::to_string).collect();
            return Ok(Preview {
                summary: Some(new.summary.clone()),
                html: new.html.clone(),
                fields: ticket_fields(&settings, &context, &new),
                warnings,
            });
        };
        if context.agent.is_none() {
            context.agent = self.technician(by, &by.id).await?.link.psa_id;
        }
        self.make_up(&settings, by, event, &mut context);
        let ticket = context.request.ticket.as_ref().map_or_else(|| "0".to_owned(), |ticket| ticket.psa_id.clone());
        let (action, failed) = self
            .new_action(&settings, &context, kind, request, 1, ticket)
            .ok_or_else(|| Error::Sealed("A preview has nothing to tell.".to_owned()))?;
        let warnings = failed.iter().map(ToString::to_string).collect();
        Ok(Preview { summary: None, html: action.html.clone(), fields: action_fields(&settings, &action), warnings })
    }

    /// Lets happen what the note tells of.
    fn make_up(&self, settings: &Settings, by: &Technician, event: Part, context: &mut Context) {
        let now = self.now();
        let author = Author { id: by.id.clone(), name: by.name.clone() };
        let request: &mut Request = &mut context.request.request;
        let verdict = match event {
            Part::Denied => Some(Verdict::Deny),
            Part::Approved | Part::Revoked | Part::Failed => Some(Verdict::Approve),
            Part::Summary | Part::Description | Part::Expired | Part::Withdrawn | Part::Repeated => None,
        };
        if let Some(verdict) = verdict
            && request.decision.as_ref().is_none_or(|decision| decision.verdict != verdict)
        {
            let minutes = match settings.time {
                TimeEntry::Off => None,
                TimeEntry::Fixed { minutes } | TimeEntry::Measured { minimum_minutes: minutes } => Some(minutes),
            };
            request.decision = Some(Decision {
                verdict,
                scope: Scope::Once,
                reason: request.decision.take().and_then(|decision| decision.reason),
                minutes: grant::DEFAULT_MINUTES,
                by: author.clone(),
                at: now,
                work_seconds: minutes.map(|minutes| minutes * 60),
            });
        }
        match event {
            Part::Revoked if request.revoked.is_none() => request.revoked = Some((author, now)),
            Part::Failed if request.outcome.is_none() => {
                request.outcome = Some(Outcome { ending: Ending::Failed, exit_code: Some(740), at: now });
            }
            Part::Expired => request.state = State::Expired,
            Part::Repeated => context.request.repeats = context.request.repeats.max(1),
            _ => {}
        }
    }
}

fn step_of(event: Part) -> Option<StepKind> {
    match event {
        Part::Summary | Part::Description => None,
        Part::Approved | Part::Denied => Some(StepKind::RecordDecision),
        Part::Expired => Some(StepKind::RecordExpiry),
        Part::Withdrawn => Some(StepKind::RecordWithdrawal),
        Part::Revoked => Some(StepKind::RecordRevocation),
        Part::Failed => Some(StepKind::RecordFailure),
        Part::Repeated => Some(StepKind::RecordRepeat),
    }
}

fn sent(name: &'static str, value: impl Into<String>, called: Option<String>) -> Sent {
    let value = value.into();
    let called = called.filter(|called| *called != value);
    Sent { name, value, called }
}

fn ticket_fields(settings: &Settings, context: &Context, new: &NewTicket) -> Vec<Sent> {
    let chosen =
        |name: &'static str, value: Option<&String>| value.map(|id| sent(name, id, settings.chosen.get(name).cloned()));
    let row = &context.request;
    let user = &row.request.asked.end_user;
    let mut fields: Vec<Sent> = [
        chosen("ticket_type", Some(&new.ticket_type)),
        Some(sent("customer", &new.customer, Some(row.company.clone()))),
        new.site.as_ref().map(|id| sent("site", id, Some(row.location.clone()))),
        new.contact.as_ref().map(|id| sent("contact", id, user.display_name.clone().or(user.email.clone()))),
        new.asset.as_ref().map(|id| sent("asset", id, Some(row.computer.clone()))),
        chosen("status_open", new.status.as_ref()),
        chosen("team", new.team.as_ref()),
        chosen("priority", new.priority.as_ref()),
        chosen("category", new.category.as_ref()),
        chosen("source", new.source.as_ref()),
    ]
    .into_iter()
    .flatten()
    .filter(|field| !field.value.is_empty())
    .collect();
    fields
        .extend(new.custom_fields.iter().map(|(name, value)| sent("custom_fields", format!("{name}: {value}"), None)));
    fields.push(sent("occurred_at", new.occurred_at.for_people(), None));
    fields
}

fn action_fields(settings: &Settings, action: &NewAction) -> Vec<Sent> {
    let status = action.status.as_ref().map(|id| {
        let names = [
            "status_approved",
            "status_denied",
            "status_expired",
            "status_withdrawn",
            "status_revoked",
            "status_failed",
        ];
        let name = names.into_iter().find(|name| settings.choice(name).is_some_and(|set| set.as_ref() == Some(id)));
        sent("status", id, name.and_then(|name| settings.chosen.get(name).cloned()))
    });
    let yes = |on: bool| if on { "yes" } else { "no" };
    [
        action.outcome.as_ref().map(|id| sent("outcome", id, settings.chosen.get("outcome").cloned())),
        status,
        action.assignee.as_ref().map(|id| sent("assignee", id, None)),
        action.owner.as_ref().map(|id| sent("time_owner", id, None)),
        action.work_seconds.map(|seconds| sent("time_minutes", seconds.div_ceil(60).to_string(), None)),
        action.charge.billable.map(|billable| sent("billable", yes(billable), None)),
        action.charge.rate.as_ref().map(|id| sent("charge_rate", id, settings.chosen.get("charge_rate").cloned())),
        Some(sent("notes", if action.visibility == Visibility::Private { "private" } else { "public" }, None)),
        (settings.mail_user == Switch::On).then(|| sent("mail_user", "yes", None)),
        (settings.survey == Switch::On).then(|| sent("survey", "yes", None)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
