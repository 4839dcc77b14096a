//! Opens the ticket of a request: once, whatever fails (promise P1).

use countersign_domain::{
    audit::Actor,
    cause::Cause as Why,
    id::RequestId,
    request::State,
    template::Wrong,
    ticket::{self, Names, Part},
    time::Time,
    variables::About,
};
use countersign_psa::{Cause, Class, Fault, NewTicket, Opened, Psa, Refused};
use countersign_store::{AttemptResult, Claimed, Context, TicketRow};

use super::{End, Sent, Wrote};
use crate::{App, Result, ticketing::Settings};

impl App {
    pub(super) async fn open_ticket(&self, step: &Claimed, context: Context) -> Result<End> {
        if context.request.ticket.is_some() {
            return Ok(End::not_needed("The ticket is there already."));
        }
        let psa = self.psa()?;
        if let Some(doubt_at) = step.doubt_at {
            return self.look_for_ticket(&*psa, step, context, doubt_at).await;
        }
        if context.request.request.state == State::Withdrawn {
            return Ok(End::not_needed("Taken back before anything was sent."));
        }
        self.post_ticket(&*psa, step, context).await
    }

    async fn look_for_ticket(&self, psa: &dyn Psa, step: &Claimed, context: Context, doubt_at: Time) -> Result<End> {
        let id = context.request.request.id.clone();
        let walk = self.walk(psa, self.inner.clock.monotonic(), step.floor.as_ref()).await?;
        self.close_duplicates(psa, &walk.sweep).await?;
        // A ticket that a person gave up on is not the one that was sent now.
        let former = self.store().former_tickets(&step.lane).await?;
        let mut found = walk.of(&id);
        found.retain(|found| !former.contains(&found.ticket.id));
        if let Some(first) = found.iter().find(|found| !found.deleted).or_else(|| found.first()) {
            let ticket = first.ticket.merged_into.clone().unwrap_or_else(|| first.ticket.id.clone());
            let opened = Opened { id: ticket, now: first.ticket.clone() };
            let words = format!("By {}: Halo had made ticket {}. Not sent again.", ticket::reference(&id), opened.id);
            return self.opened(psa, &context, opened, Some(doubt_at), words);
        }
        if walk.blind {
            self.hidden();
        }
        let unseen = walk.blind.then_some("tickets of ours that must be there were");
        let look = self.look(step, unseen, doubt_at);
        if let Some(end) = look.not_found(step, self.now()) {
            return Ok(end);
        }
        self.inner.desk.look_again_for_late_ones(self.inner.clock.monotonic(), step.floor.clone());
        self.post_ticket(psa, step, context).await
    }

    async fn post_ticket(&self, psa: &dyn Psa, step: &Claimed, mut context: Context) -> Result<End> {
        let settings = self.ticketing_for(&context.request.request.company_id);
        if settings.ticket_type.is_none() {
            return Ok(End::parked(
                Why::NotSetUp,
                "No ticket type is chosen yet. An administrator does that under Settings, Ticketing System.",
            ));
        }
        if let Some(paused) = self.paused() {
            return Ok(End::parked(Why::Restored, paused));
        }
        let has_email = context.request.request.asked.end_user.email.is_some();
        if context.customer.is_none()
            || context.site.is_none()
            || context.asset.is_none()
            || (has_email && context.contact.is_none())
        {
            self.link_around(&context.request.request).await?;
            let ids = [context.request.request.id.clone()];
            context = self.store().contexts(&ids).await?.pop().unwrap_or(context);
        }
        if context.customer.is_none() {
            // The customer that is set for it; the company's name stands in the text.
            context = Context {
                customer: settings.catch_all_customer.clone(),
                site: None,
                asset: None,
                contact: None,
                ..context
            };
        }
        if context.customer.is_none() {
            let company = &context.request.company;
            let words = format!("{company} is not linked to a customer in Halo. The ticket is made when it is.");
            return Ok(End::parked(Why::NoLink, words));
        }
        let (new, failed) = self.new_ticket(&settings, &context);
        match psa.open_ticket(&new).await {
            Ok(opened) if opened.now.reference.as_ref().is_none_or(|theirs| *theirs == new.reference) => {
                let words = format!("Ticket {} opened.{}", opened.id, super::text_failed(&failed));
                self.opened(psa, &context, opened, None, words)
            }
            Ok(other) => {
                let fault = Fault {
                    class: Class::Unknown,
                    cause: Cause::NotUnderstood,
                    status: None,
                    words: format!("Halo answered with ticket {}, which bears another reference.", other.id),
                    fix: String::new(),
                };
                Ok(End::of_fault(step, &fault, Wrote::Perhaps, self.now()))
            }
            Err(fault) => {
                self.failed(&fault, Some(Refused::Create));
                Ok(End::of_fault(step, &fault, Wrote::Perhaps, self.now()))
            }
        }
    }

    /// The ticket of a request as these settings make it, and the texts that failed. What is not linked is empty.
    pub(crate) fn new_ticket(&self, settings: &Settings, context: &Context) -> (NewTicket, Vec<Wrong>) {
        let request = &context.request.request;
        let names = names(context);
        let page = self.request_page(&request.id);
        let server = ticket::server_mark(self.server_id());
        let repeats = context.request.repeats;
        let about = About { request, names: &names, part: Part::Description, repeats, page: &page, server: &server };
        let (summary, description) = (settings.texts.summary(&about), settings.texts.description(&about));
        let new = NewTicket {
            reference: request.id.to_string(),
            summary: summary.text,
            html: description.text,
            ticket_type: settings.ticket_type.clone().unwrap_or_default(),
            customer: context.customer.clone().unwrap_or_default(),
            site: context.site.clone(),
            contact: context.contact.clone(),
            asset: context.asset.clone(),
            status: settings.status_open.clone(),
            team: settings.team.clone(),
            priority: settings.priority.clone(),
            category: settings.category.clone(),
            source: settings.source.clone(),
            custom_fields: settings.custom_fields.clone().into_iter().collect(),
            occurred_at: request.received_at,
        };
        (new, [summary.failed, description.failed].into_iter().flatten().collect())
    }

    /// The address of a request's page.
    pub(super) fn request_page(&self, request: &RequestId) -> String {
        format!("{}/portal/requests/{request}", self.public_url())
    }

    /// `doubt_at`: since when it was looked for, where it was found. Whoever made it may have written on it too.
    fn opened(
        &self,
        psa: &dyn Psa,
        context: &Context,
        opened: Opened,
        doubt_at: Option<Time>,
        words: String,
    ) -> Result<End> {
        let result = if doubt_at.is_some() { AttemptResult::Found } else { AttemptResult::Done };
        self.inner.desk.works();
        self.inner.rights.proved(Refused::Create);
        self.inner.desk.raise_highest(&opened.id);
        let now = self.now();
        let request = &context.request.request;
        let body = serde_json::json!({ "ticket": opened.id, "result": result });
        let audit =
            self.entry(Actor::Server, "ticket.opened", request.id.to_string(), Some(request.company_id.clone()), body);
        let settings = self.ticketing_for(&request.company_id);
        let sent = Sent {
            ticket_type: settings.ticket_type.clone(),
            customer: context.customer.clone().or_else(|| settings.catch_all_customer.clone()),
            site: context.site.clone(),
            contact: context.contact.clone(),
            asset: context.asset.clone(),
        };
        let broken = |error: serde_json::Error| crate::Error::Sealed(error.to_string());
        let ticket = TicketRow {
            lane: request.id.to_string(),
            url: psa.ticket_url(&opened.id),
            psa_id: opened.id,
            now: serde_json::to_string(&opened.now).map_err(broken)?,
            booked: None,
            opened_at: now,
            seen_at: now,
            doubt_at,
            gone_at: None,
            closed_by_hand_at: None,
            sent: Some(serde_json::to_string(&sent).map_err(broken)?),
        };
        Ok(End { result, ticket: Some(ticket), audit: Some(audit), ..End::done(words) })
    }
}

/// The names round a request.
pub(super) fn names(context: &Context) -> Names {
    Names {
        company: context.request.company.clone(),
        location: context.request.location.clone(),
        computer: context.request.computer.clone(),
    }
}
