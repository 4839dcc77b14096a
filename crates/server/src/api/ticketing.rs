//! The ticketing settings: read, changed, tried out.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use countersign_app::{
    budget::Allowance,
    check::CheckRun,
    follow::ClosedByHand,
    psa::{Check, Choices, Discovered, Visibility},
    ticketing::{Change, Settings, Switch, TimeEntry, View},
};
use countersign_domain::{
    audit::Actor,
    directory::Technician,
    request::TicketOn,
    role::Right,
    ticket::{Part, Texts},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::given;
use crate::http::{
    Shared,
    body::{Body, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read, change))
        .routes(routes!(check))
        .routes(routes!(test_ticket))
        .routes(routes!(choices))
        .routes(routes!(discover))
        .routes(routes!(resume))
}

pub(super) fn may(by: &Technician, right: Right) -> Answer<()> {
    if by.may(right) {
        return Ok(());
    }
    Err(Problem::new(
        axum::http::StatusCode::FORBIDDEN,
        "forbidden",
        "Your role may not do this. An administrator can change it under Users.",
    ))
}

/// Working time of a decision.
#[derive(Debug, ToSchema)]
#[schema(as = TimeEntry)]
#[expect(dead_code, reason = "describes the form of `TimeEntry` in the OpenAPI document")]
struct TimeDoc {
    /// `off`, `fixed` or `measured`.
    mode: String,
    /// With `fixed`: minutes of every decision, 1 to 480.
    minutes: Option<u32>,
    /// With `measured`: at least so many minutes.
    minimum_minutes: Option<u32>,
}

/// Allowance of calls.
#[derive(Debug, Serialize, ToSchema)]
struct BudgetOut {
    /// Calls …
    calls: u32,
    /// … in so many seconds.
    window_s: u32,
    /// No limit at all.
    off: bool,
}

/// What goes into tickets and notes. What is null is not sent to the ticketing system.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TicketFieldsOut {
    /// What makes a ticket: `request`, `denial`, or `denial_or_expiry`.
    #[schema(value_type = String)]
    ticket_on: TicketOn,
    /// Ticket type of new tickets.
    ticket_type: Option<String>,
    /// Team of new tickets, by name.
    team: Option<String>,
    /// Priority of new tickets.
    priority: Option<String>,
    /// First category of new tickets, by its full label.
    category: Option<String>,
    /// Where new tickets come from.
    source: Option<String>,
    /// Custom fields of new tickets: id or name, and value.
    custom_fields: BTreeMap<String, String>,
    /// Status at opening.
    status_open: Option<String>,
    /// Status after an approval.
    status_approved: Option<String>,
    /// Status after a denial.
    status_denied: Option<String>,
    /// Status after running out of time.
    status_expired: Option<String>,
    /// Status after a withdrawal.
    status_withdrawn: Option<String>,
    /// Status after an approval was taken back.
    status_revoked: Option<String>,
    /// Status after the approved program could not be started.
    status_failed: Option<String>,
    /// Status after the same was asked again within an hour of a denial.
    status_again: Option<String>,
    /// What becomes of a pending request whose ticket was closed by hand: `leave`, `withdraw` or `warn`.
    #[schema(value_type = String)]
    closed_by_hand: ClosedByHand,
    /// Outcome of our actions.
    outcome: Option<String>,
    /// `on` assigns the ticket to who decided.
    #[schema(value_type = String)]
    assign: Switch,
    /// Working time of a decision.
    #[schema(value_type = TimeDoc)]
    time: TimeEntry,
    /// Measured time is rounded up to steps of so many minutes.
    time_step_minutes: u32,
    /// `on` or `off`: whether the time is billable; null leaves it to the ticketing system.
    #[schema(value_type = Option<String>)]
    billable: Option<Switch>,
    /// Charge rate of the time.
    charge_rate: Option<String>,
    /// `on` leaves the time out where the decider is linked to no agent.
    #[schema(value_type = String)]
    time_needs_link: Switch,
    /// `private` or `public`.
    #[schema(value_type = String)]
    notes: Visibility,
    /// `on`: the ticketing system sends the end user a mail with each note.
    #[schema(value_type = String)]
    mail_user: Switch,
    /// `on`: the ticketing system sends the end user a survey.
    #[schema(value_type = String)]
    survey: Switch,
    /// Texts in place of the product's own, by their names; see `GET /api/v1/ticketing/texts`.
    #[schema(value_type = BTreeMap<String, String>)]
    texts: Texts,
}

impl From<Settings> for TicketFieldsOut {
    fn from(settings: Settings) -> Self {
        Self {
            ticket_on: settings.ticket_on,
            ticket_type: settings.ticket_type,
            team: settings.team,
            priority: settings.priority,
            category: settings.category,
            source: settings.source,
            custom_fields: settings.custom_fields,
            status_open: settings.status_open,
            status_approved: settings.status_approved,
            status_denied: settings.status_denied,
            status_expired: settings.status_expired,
            status_withdrawn: settings.status_withdrawn,
            status_revoked: settings.status_revoked,
            status_failed: settings.status_failed,
            status_again: settings.status_again,
            closed_by_hand: settings.closed_by_hand,
            outcome: settings.outcome,
            assign: settings.assign,
            time: settings.time,
            time_step_minutes: settings.time_step_minutes,
            billable: settings.billable,
            charge_rate: settings.charge_rate,
            time_needs_link: settings.time_needs_link,
            notes: settings.notes,
            mail_user: settings.mail_user,
            survey: settings.survey,
            texts: settings.texts,
        }
    }
}

/// A choice that the ticketing system does not offer any more.
#[derive(Debug, Serialize, ToSchema)]
struct VanishedOut {
    /// The setting.
    setting: &'static str,
    /// The id that is set.
    id: String,
    /// What it was called when it was chosen.
    was: Option<String>,
    /// The company whose own setting it is; null for the whole house.
    company_id: Option<String>,
}

/// The settings, under the names that a change uses. What is null is not sent to the ticketing system.
#[derive(Debug, Serialize, ToSchema)]
struct TicketingOut {
    /// Resource server; null until the set-up.
    resource_url: Option<String>,
    /// Authorisation server.
    auth_url: Option<String>,
    /// Tenant.
    tenant: Option<String>,
    /// Client id of the application.
    client_id: Option<String>,
    /// A secret is kept; it never comes back.
    secret_set: bool,
    /// Address of a ticket for people, with `{id}`.
    ticket_url: Option<String>,
    #[serde(flatten)]
    tickets: TicketFieldsOut,
    /// Seconds after an unanswered call until what was looked for and not found is sent again.
    settle_s: u32,
    /// Allowance of calls.
    budget: BudgetOut,
    /// Minutes between two looks at how our tickets stand.
    follow_minutes: u32,
    /// Customer of the tickets of companies that are linked to none; null lets them wait for the link.
    catch_all_customer: Option<String>,
    /// What stands against new tickets right now, if anything.
    trouble: Option<String>,
    /// Choices that were not offered any more when they were last compared: at a start, once a day, and when the
    /// choices are read.
    vanished: Vec<VanishedOut>,
}

impl From<View> for TicketingOut {
    fn from(view: View) -> Self {
        let settings = view.settings;
        let connection = settings.connection.as_ref();
        Self {
            resource_url: connection.map(|connection| connection.resource_url.clone()),
            auth_url: connection.map(|connection| connection.auth_url.clone()),
            tenant: connection.and_then(|connection| connection.tenant.clone()),
            client_id: connection.map(|connection| connection.client_id.clone()),
            ticket_url: connection.and_then(|connection| connection.ticket_url.clone()),
            secret_set: view.secret_set,
            settle_s: settings.settle_s,
            budget: BudgetOut {
                calls: settings.budget.calls,
                window_s: settings.budget.window_s,
                off: settings.budget.off,
            },
            follow_minutes: settings.follow_minutes,
            catch_all_customer: settings.catch_all_customer.clone(),
            trouble: view.trouble,
            vanished: view
                .vanished
                .into_iter()
                .map(|one| VanishedOut {
                    setting: one.setting,
                    id: one.id,
                    was: one.was,
                    company_id: one.company.map(|id| id.to_string()),
                })
                .collect(),
            tickets: settings.into(),
        }
    }
}

/// The settings. The secret never comes back; `secret_set` says that one is kept.
#[utoipa::path(get, path = "/api/v1/ticketing", tag = "ticketing",
    responses((status = 200, body = TicketingOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By) -> Answer<Json<TicketingOut>> {
    may(by.technician(), Right::ReadSettings)?;
    Ok(Json(shared.app.ticketing().into()))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BudgetIn {
    /// Calls …
    calls: Option<u32>,
    /// … in so many seconds.
    window_s: Option<u32>,
    /// No limit at all.
    off: Option<bool>,
}

/// A change: only what is named changes; null takes a value away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketingPatch {
    /// Resource server, `https://sample.halopsa.com/api`.
    resource_url: Option<String>,
    /// Authorisation server, `https://sample.halopsa.com/auth`.
    auth_url: Option<String>,
    /// Tenant; null where the host name says it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    tenant: Option<Option<String>>,
    /// Client id of the application.
    client_id: Option<String>,
    /// Its secret. Write-only.
    client_secret: Option<String>,
    /// Address of a ticket for people, with `{id}`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    ticket_url: Option<Option<String>>,
    /// What makes a ticket: `request`, `denial`, or `denial_or_expiry`. Holds for requests that come in from then on.
    #[schema(value_type = Option<String>)]
    ticket_on: Option<TicketOn>,
    /// Ticket type of new tickets. Where it changes, statuses and outcome that are not named are chosen anew, and a
    /// priority that does not fit is left to the ticketing system.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    ticket_type: Option<Option<String>>,
    /// Team of new tickets, by name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    team: Option<Option<String>>,
    /// Priority of new tickets.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    priority: Option<Option<String>>,
    /// First category of new tickets, by its full label.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    category: Option<Option<String>>,
    /// Where new tickets come from.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    source: Option<Option<String>>,
    /// Custom fields of new tickets, all of them: id or name, and value. At most 20.
    custom_fields: Option<BTreeMap<String, String>>,
    /// Status at opening.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_open: Option<Option<String>>,
    /// Status after an approval.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_approved: Option<Option<String>>,
    /// Status after a denial.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_denied: Option<Option<String>>,
    /// Status after running out of time.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_expired: Option<Option<String>>,
    /// Status after a withdrawal.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_withdrawn: Option<Option<String>>,
    /// Status after an approval was taken back.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_revoked: Option<Option<String>>,
    /// Status after the approved program could not be started.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_failed: Option<Option<String>>,
    /// Status after the same was asked again within an hour of a denial.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    status_again: Option<Option<String>>,
    /// What becomes of a pending request whose ticket was closed by hand: `leave`, `withdraw` or `warn`.
    #[schema(value_type = Option<String>)]
    closed_by_hand: Option<ClosedByHand>,
    /// Outcome of our actions.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    outcome: Option<Option<String>>,
    /// `on` assigns the ticket to who decided.
    #[schema(value_type = Option<String>)]
    assign: Option<Switch>,
    /// `{"mode": "off"}`, `{"mode": "fixed", "minutes": 5}` or `{"mode": "measured", "minimum_minutes": 5}`.
    #[schema(value_type = Option<TimeDoc>)]
    time: Option<TimeEntry>,
    /// Measured time is rounded up to steps of so many minutes, 1 to 30.
    time_step_minutes: Option<u32>,
    /// `on` or `off`: whether the time is billable; null leaves it to the ticketing system.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    billable: Option<Option<Switch>>,
    /// Charge rate of the time.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    charge_rate: Option<Option<String>>,
    /// `on` leaves the time out where the decider is linked to no agent.
    #[schema(value_type = Option<String>)]
    time_needs_link: Option<Switch>,
    /// `private` or `public`: who may read our notes.
    #[schema(value_type = Option<String>)]
    notes: Option<Visibility>,
    /// `on`: the ticketing system sends the end user a mail with each note.
    #[schema(value_type = Option<String>)]
    mail_user: Option<Switch>,
    /// `on`: the ticketing system sends the end user a survey.
    #[schema(value_type = Option<String>)]
    survey: Option<Switch>,
    /// Texts by their names; null brings the product's own back. See `GET /api/v1/ticketing/texts`.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    texts: BTreeMap<Part, Option<String>>,
    /// Seconds after an unanswered call until what was looked for and not found is sent again, 1 to 3600.
    settle_s: Option<u32>,
    /// Allowance of calls.
    budget: Option<BudgetIn>,
    /// Minutes between two looks at how our tickets stand, 1 to 1440.
    follow_minutes: Option<u32>,
    /// Customer of the tickets of companies that are linked to none, at once; null lets them wait for the link.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    catch_all_customer: Option<Option<String>>,
}

impl TicketingPatch {
    /// The change; a budget that names only a part keeps the rest of `now`.
    pub(super) fn change(self, now: Allowance) -> Change {
        Change {
            resource_url: self.resource_url,
            auth_url: self.auth_url,
            tenant: self.tenant,
            client_id: self.client_id,
            client_secret: self.client_secret,
            ticket_url: self.ticket_url,
            ticket_on: self.ticket_on,
            category: self.category,
            source: self.source,
            custom_fields: self.custom_fields,
            status_revoked: self.status_revoked,
            status_failed: self.status_failed,
            status_again: self.status_again,
            closed_by_hand: self.closed_by_hand,
            follow_minutes: self.follow_minutes,
            time_step_minutes: self.time_step_minutes,
            billable: self.billable,
            charge_rate: self.charge_rate,
            mail_user: self.mail_user,
            survey: self.survey,
            texts: self.texts.into_iter().collect(),
            ticket_type: self.ticket_type,
            team: self.team,
            priority: self.priority,
            status_open: self.status_open,
            status_approved: self.status_approved,
            status_denied: self.status_denied,
            status_expired: self.status_expired,
            status_withdrawn: self.status_withdrawn,
            outcome: self.outcome,
            assign: self.assign,
            time: self.time,
            time_needs_link: self.time_needs_link,
            notes: self.notes,
            settle_s: self.settle_s,
            budget: self.budget.map(|budget| Allowance {
                calls: budget.calls.unwrap_or(now.calls),
                window_s: budget.window_s.unwrap_or(now.window_s),
                off: budget.off.unwrap_or(now.off),
            }),
            catch_all_customer: self.catch_all_customer,
        }
    }
}

/// Changes the settings. A changed connection is tried before it is kept; a choice is compared with what is offered.
#[utoipa::path(patch, path = "/api/v1/ticketing", tag = "ticketing", request_body = TicketingPatch,
    responses((status = 200, body = TicketingOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem),
              (status = 422, description = "Names the field and what is offered", body = Problem), (status = 502, body = Problem)))]
async fn change(State(shared): State<Shared>, by: By, Body(body): Body<TicketingPatch>) -> Answer<Json<TicketingOut>> {
    may(by.technician(), Right::EditSettings)?;
    let change = body.change(shared.app.ticketing_settings().budget);
    let actor = Actor::Technician(by.technician().id.clone());
    Ok(Json(shared.app.change_ticketing(actor, change).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckIn {
    /// Consent to write a test ticket, which is walked through its life and closed. Without, lines that only a write can
    /// prove are `unknown`.
    #[serde(default)]
    write_test: bool,
    /// The customer of the test ticket, by its id there. Needed with `write_test`.
    customer: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestTicketIn {
    /// The customer of the test ticket, by its id there. Naming it is the consent to write one.
    customer: String,
}

/// The ticket that a write test made.
#[derive(Debug, Serialize, ToSchema)]
struct TestTicketOut {
    /// Its id.
    id: String,
    /// Its address, for people.
    url: String,
}

/// The lines of a check.
#[derive(Debug, Serialize, ToSchema)]
struct ChecksOut {
    /// The lines, in a fixed order.
    checks: Vec<Check>,
    /// The ticket of the write test; left out where none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<TestTicketOut>,
}

impl From<CheckRun> for ChecksOut {
    fn from(run: CheckRun) -> Self {
        Self { checks: run.told(), ticket: run.ticket.map(|ticket| TestTicketOut { id: ticket.id, url: ticket.url }) }
    }
}

/// Tries out connection and rights, one line per thing. One check runs at a time: who asks meanwhile gets its lines.
#[utoipa::path(post, path = "/api/v1/ticketing/check", tag = "ticketing", request_body = CheckIn,
    responses((status = 200, body = ChecksOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn check(State(shared): State<Shared>, by: By, Body(body): Body<CheckIn>) -> Answer<Json<ChecksOut>> {
    let customer = match (body.write_test, &body.customer) {
        (true, None) => Some(""),
        (true, Some(customer)) => Some(customer.as_str()),
        (false, None) => None,
        (false, Some(_)) => {
            return Err(Problem::new(
                axum::http::StatusCode::UNPROCESSABLE_ENTITY,
                "write_test_missing",
                "A customer is for the test ticket: send write_test too, or leave customer out.",
            )
            .about("write_test"));
        }
    };
    Ok(Json(shared.app.check_ticketing(by.technician(), customer).await?.into()))
}

/// Walks a test ticket through its life: made, read, an action with time, assigned, moved, closed.
#[utoipa::path(post, path = "/api/v1/ticketing/test-ticket", tag = "ticketing", request_body = TestTicketIn,
    responses((status = 200, body = ChecksOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn test_ticket(State(shared): State<Shared>, by: By, Body(body): Body<TestTicketIn>) -> Answer<Json<ChecksOut>> {
    Ok(Json(shared.app.check_ticketing(by.technician(), Some(&body.customer)).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ChoicesQuery {
    /// For this ticket type; left out takes the one that is set.
    ticket_type: Option<String>,
}

/// What the ticketing system offers: ticket types, statuses, outcomes, teams, agents, and what fits most.
#[utoipa::path(get, path = "/api/v1/ticketing/choices", tag = "ticketing", params(ChoicesQuery),
    responses((status = 200, body = Choices), (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn choices(State(shared): State<Shared>, by: By, Query(query): Query<ChoicesQuery>) -> Answer<Json<Choices>> {
    may(by.technician(), Right::ReadSettings)?;
    let choices = shared.app.choices(query.ticket_type.as_deref()).await?;
    let set = shared.app.ticketing_settings().ticket_type.clone();
    if query.ticket_type.is_none_or(|asked| set == Some(asked)) {
        shared.app.note_choices(&choices);
    }
    Ok(Json(choices))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DiscoverIn {
    /// Any address of the ticketing system, as it stands in the browser.
    address: String,
}

/// Asks an address where its resource and authorisation servers are.
#[utoipa::path(post, path = "/api/v1/ticketing/discover", tag = "ticketing", request_body = DiscoverIn,
    responses((status = 200, body = Discovered), (status = 401, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
async fn discover(State(shared): State<Shared>, by: By, Body(body): Body<DiscoverIn>) -> Answer<Json<Discovered>> {
    may(by.technician(), Right::EditSettings)?;
    Ok(Json(shared.app.discover(&body.address).await?))
}

/// Lets new tickets go on after the ticketing system showed tickets of ours that the database does not know.
#[utoipa::path(post, path = "/api/v1/ticketing/resume", tag = "ticketing",
    responses((status = 200, body = TicketingOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
async fn resume(State(shared): State<Shared>, by: By) -> Answer<Json<TicketingOut>> {
    shared.app.resume_tickets(by.technician()).await?;
    Ok(Json(shared.app.ticketing().into()))
}
