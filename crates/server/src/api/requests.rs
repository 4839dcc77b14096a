//! Requests: listed, read with every attempt, decided, revoked.

use axum::{
    Json,
    extract::{Path, State},
};
use countersign_app::{
    AttemptRow, RequestQuery, RequestRow, StepRow,
    attach::{CustomerIs, OtherCustomer},
    decide::Wish,
    requests::{LiveTicket, RequestDetail, TicketView},
};
use countersign_domain::{
    cause::Cause,
    decision::{Scope, Verdict},
    id::{CompanyId, RequestId},
    request::State as RequestState,
    risk,
    time::Time,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::page::{Page, Paging};
use crate::http::{
    Shared,
    body::{Body, Id, Query},
    caller::By,
    problem::{Answer, Problem},
};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(decide))
        .routes(routes!(revoke))
        .routes(routes!(live_ticket, attach))
        .routes(routes!(attachable))
}

/// A thing with its name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Named {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
}

/// A decision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionOut {
    /// `approve` or `deny`.
    #[schema(value_type = String)]
    verdict: Verdict,
    /// How far it reaches.
    #[schema(value_type = String)]
    scope: Scope,
    /// Why.
    reason: Option<String>,
    /// How long the grant can be used, in minutes.
    minutes: u32,
    /// Who decided.
    by: String,
    /// His id.
    by_id: String,
    /// When, RFC 3339.
    at: String,
}

/// What an approval allows, and how far it was used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantOut {
    /// `issued`, `redeemed`, `revoked` or `lapsed`.
    #[schema(value_type = String)]
    state: countersign_domain::grant::GrantState,
    /// Until when it can be used.
    until: String,
    /// When it was used.
    redeemed_at: Option<String>,
}

/// What became of the program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeOut {
    /// `finished`, `failed` or `given_up`.
    #[schema(value_type = String)]
    outcome: countersign_domain::request::Ending,
    /// Exit code.
    exit_code: Option<i32>,
    /// When.
    at: String,
}

/// How risky a request looks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RiskOut {
    /// `low`, `look_twice` or `high`.
    #[schema(value_type = String)]
    level: risk::Level,
    /// The reasons, heaviest first.
    #[schema(value_type = Vec<String>)]
    reasons: Vec<risk::Reason>,
}

/// A ticket in words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketOut {
    /// Its id in the ticketing system.
    id: String,
    /// Address for people.
    url: String,
    /// Name of its status.
    status: Option<String>,
    /// Name of the assigned agent.
    assigned_to: Option<String>,
    /// Booked minutes.
    time_minutes: Option<f64>,
    /// Whose they are.
    time_owner: Option<String>,
    /// The ticket in the other side's ids: type, customer, site, contact, assets, status, assignee.
    now: countersign_app::psa::TicketNow,
    /// When it was last seen.
    seen_at: String,
    /// Since when it is not shown any more: deleted, or hidden from our agent.
    gone_at: Option<String>,
    /// When it was seen closed by hand while the request waited.
    closed_by_hand_at: Option<String>,
}

impl From<TicketView> for TicketOut {
    fn from(view: TicketView) -> Self {
        Self {
            id: view.id,
            url: view.url,
            status: view.status,
            assigned_to: view.assigned_to,
            time_minutes: view.time_minutes,
            time_owner: view.time_owner,
            now: view.now,
            seen_at: view.seen_at.rfc3339(),
            gone_at: view.gone_at.map(Time::rfc3339),
            closed_by_hand_at: view.closed_by_hand_at.map(Time::rfc3339),
        }
    }
}

/// A request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestOut {
    /// Its id, made by the endpoint.
    id: String,
    /// Its short form, as it stands in ticket summaries.
    short: String,
    /// `pending`, `approved`, `denied`, `withdrawn`, `expired` or `revoked`.
    #[schema(value_type = String)]
    state: RequestState,
    /// Counts its changes.
    version: i64,
    /// The pending request that it repeats.
    joined_to: Option<String>,
    /// The request on whose ticket it is told: the same was denied there within the hour before.
    again_of: Option<String>,
    /// How many repeat it.
    repeats: u32,
    /// Whose computer.
    company: Named,
    /// Where it stands.
    location: Named,
    /// Which one.
    computer: Named,
    /// Who asks.
    #[schema(value_type = countersign_wire::request::EndUser)]
    end_user: countersign_domain::request::EndUser,
    /// For which program: path, SHA-256, publisher and what else is known.
    #[schema(value_type = countersign_wire::ProgramFacts)]
    program: countersign_domain::policy::ProgramFacts,
    /// The program's name for people.
    program_name: String,
    /// With which arguments.
    command_line: Option<String>,
    /// As whom.
    run_as: Option<String>,
    /// Which program started it.
    parent: Option<String>,
    /// In which folder.
    working_dir: Option<String>,
    /// Why.
    reason: Option<String>,
    /// When, by the endpoint's clock.
    requested_at: String,
    /// When the server had it on disk.
    received_at: String,
    /// Until when it can be decided.
    expires_at: String,
    /// How risky it looks.
    risk: RiskOut,
    /// The decision.
    decision: Option<DecisionOut>,
    /// What an approval allows.
    grant: Option<GrantOut>,
    /// What became of the program.
    outcome: Option<OutcomeOut>,
    /// Its ticket.
    ticket: Option<TicketOut>,
    /// True while its ticket waits for the company's link.
    waits_for_link: bool,
}

/// A step of a request's ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepOut {
    /// Its id.
    id: String,
    /// The request (or record) whose lane it is in.
    lane: String,
    /// What it does.
    kind: String,
    /// `waiting`, `attention` or `done`.
    state: &'static str,
    /// More precisely: `queued`, `waiting`, `parked`, `sending`, `attention`, `done`, `given_up`.
    detail: String,
    /// How often it was tried.
    attempts: i64,
    /// When it goes next.
    due_at: Option<String>,
    /// Nobody knows whether the last attempt was applied; it is looked for.
    in_doubt: bool,
    /// The last attempt's words.
    words: Option<String>,
    /// Why it does not go on, the key by which steps stand together; null where it does.
    #[schema(value_type = Option<String>)]
    cause: Option<Cause>,
    /// Since when it does not.
    since: Option<String>,
    /// The program of the request that it tells of.
    program: Option<String>,
    /// The ticket that it writes on.
    ticket_id: Option<String>,
    /// Whose computer it is about.
    company: Option<String>,
    /// That company's id.
    company_id: Option<String>,
}

impl From<StepRow> for StepOut {
    fn from(row: StepRow) -> Self {
        let state = match row.state.as_str() {
            "attention" => "attention",
            "done" | "given_up" => "done",
            _ => "waiting",
        };
        Self {
            id: row.id,
            lane: row.lane,
            kind: row.kind,
            state,
            attempts: row.attempts,
            due_at: (row.state == "waiting" && row.due_at > 0).then(|| Time(row.due_at).rfc3339()),
            detail: row.state,
            in_doubt: row.doubt_at.is_some(),
            words: row.words,
            cause: row.cause,
            since: row.since.map(|at| Time(at).rfc3339()),
            program: row.program,
            ticket_id: row.ticket.map(|(id, _)| id),
            company: row.company,
            company_id: row.company_id.map(|id| id.to_string()),
        }
    }
}

/// One attempt of a step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptOut {
    /// The step.
    step_id: String,
    /// What it does.
    kind: String,
    /// Which attempt, from 1.
    n: i64,
    /// When it began.
    at: String,
    /// How long it took, in milliseconds.
    ms: i64,
    /// `done`, `refused`, `later`, `unknown`, `found`, `absent`, `unseen`, `not_needed` or `parked`.
    result: String,
    /// HTTP status of the answer.
    status: Option<i64>,
    /// The other side's words, or a sentence of ours.
    words: String,
    /// Why the step did not go on; null where it did.
    cause: Option<String>,
}

impl From<AttemptRow> for AttemptOut {
    fn from(row: AttemptRow) -> Self {
        Self {
            step_id: row.step_id,
            kind: row.kind,
            n: row.n,
            at: Time(row.started_at).rfc3339(),
            ms: row.ms,
            result: row.result,
            status: row.status,
            words: row.words,
            cause: row.cause,
        }
    }
}

/// A request with everything that hangs on it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestDetailOut {
    #[serde(flatten)]
    request: RequestOut,
    /// The steps that tell the ticketing system.
    steps: Vec<StepOut>,
    /// Every attempt of them, oldest first.
    attempts: Vec<AttemptOut>,
}

impl RequestOut {
    fn of(row: RequestRow, ticket: Option<TicketView>) -> Self {
        let request = row.request;
        let risk = risk::assess(&request.asked);
        let asked = request.asked;
        Self {
            short: request.id.short(),
            id: request.id.to_string(),
            state: request.state,
            version: request.version,
            waits_for_link: ticket.is_none() && !row.company_linked,
            joined_to: request.joined_to.map(|id| id.to_string()),
            again_of: request.again_of.map(|id| id.to_string()),
            repeats: row.repeats,
            company: Named { id: request.company_id.to_string(), name: row.company },
            location: Named { id: request.location_id.to_string(), name: row.location },
            computer: Named { id: request.computer_id.to_string(), name: row.computer },
            program_name: countersign_domain::request::program_name(&asked.program),
            end_user: asked.end_user,
            program: asked.program,
            command_line: asked.command_line,
            run_as: asked.run_as,
            parent: asked.parent,
            working_dir: asked.working_dir,
            reason: asked.reason,
            requested_at: asked.requested_at.rfc3339(),
            received_at: request.received_at.rfc3339(),
            expires_at: request.expires_at.rfc3339(),
            risk: RiskOut { level: risk.level, reasons: risk.reasons },
            decision: request.decision.map(|decision| DecisionOut {
                verdict: decision.verdict,
                scope: decision.scope,
                reason: decision.reason,
                minutes: decision.minutes,
                by: decision.by.name,
                by_id: decision.by.id.to_string(),
                at: decision.at.rfc3339(),
            }),
            grant: request.grant.map(|grant| GrantOut {
                state: grant.state,
                until: grant.until.rfc3339(),
                redeemed_at: grant.redeemed_at.map(Time::rfc3339),
            }),
            outcome: request.outcome.map(|outcome| OutcomeOut {
                outcome: outcome.ending,
                exit_code: outcome.exit_code,
                at: outcome.at.rfc3339(),
            }),
            ticket: ticket.map(TicketOut::from),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// In this state: `pending`, `approved`, `denied`, `withdrawn`, `expired`, `revoked`.
    state: Option<String>,
    /// Of this company.
    company: Option<String>,
    /// Bearing this text in program, user, computer or company.
    q: Option<String>,
    /// Rows of the page, 1 to 200.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Requests that the caller may see, newest first.
#[utoipa::path(get, path = "/api/v1/requests", tag = "requests", params(ListQuery),
    responses((status = 200, body = Page<RequestOut>), (status = 401, body = Problem), (status = 422, body = Problem)))]
async fn list(State(shared): State<Shared>, by: By, Query(query): Query<ListQuery>) -> Answer<Json<Page<RequestOut>>> {
    let paging = Paging { limit: query.limit, after: query.after };
    let state = query.state.as_deref().map(|word| {
        RequestState::parse(word).ok_or_else(|| {
            let all: Vec<&str> = RequestState::ALL.into_iter().map(RequestState::as_str).collect();
            unprocessable("state", format!("{word:?} is no state; the states are {}.", all.join(", ")))
        })
    });
    let company: Option<CompanyId> = query
        .company
        .map(|id| id.parse())
        .transpose()
        .map_err(|error| unprocessable("company", format!("{error}.")))?;
    let wanted = RequestQuery {
        state: state.transpose()?,
        company,
        search: query.q,
        after: paging.after::<(Time, RequestId)>()?,
        limit: paging.limit() + 1,
        ..RequestQuery::default()
    };
    let rows = shared.app.requests(by.technician(), &wanted).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let ticket = shared.app.ticket_view(&row).await?;
        shown.push((row, ticket));
    }
    Ok(Json(paging.page(
        shown,
        |(row, _)| (row.request.received_at, row.request.id.clone()),
        |(row, ticket)| RequestOut::of(row, ticket),
    )))
}

pub(super) fn unprocessable(field: &str, sentence: impl Into<String>) -> Problem {
    Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "bad_field", sentence).about(field)
}

fn detail(detail: RequestDetail) -> RequestDetailOut {
    RequestDetailOut {
        request: RequestOut::of(detail.row, detail.ticket),
        steps: detail.steps.into_iter().map(StepOut::from).collect(),
        attempts: detail.attempts.into_iter().map(AttemptOut::from).collect(),
    }
}

/// One request with its ticket and every attempt.
#[utoipa::path(get, path = "/api/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = RequestDetailOut), (status = 401, body = Problem), (status = 404, body = Problem)))]
async fn read(State(shared): State<Shared>, by: By, Id(id): Id<RequestId>) -> Answer<Json<RequestDetailOut>> {
    Ok(Json(detail(shared.app.request_detail(by.technician(), &id).await?)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionIn {
    /// `approve` or `deny`.
    #[schema(value_type = String)]
    verdict: Verdict,
    /// `once`; wider scopes come with rules.
    #[schema(value_type = String)]
    scope: Scope,
    /// Told to the end user, and written into the ticket.
    reason: Option<String>,
    /// How long the grant can be used, in minutes; 240 where it is left out.
    minutes: Option<u32>,
    /// The version that was looked at; a change since is a conflict.
    seen_version: Option<i64>,
}

/// Decides a request. The first decision wins.
#[utoipa::path(post, path = "/api/v1/requests/{id}/decision", tag = "requests", params(("id" = String, Path)), request_body = DecisionIn,
    responses((status = 200, body = RequestDetailOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, description = "`already_decided`, with who and when", body = Problem),
              (status = 422, description = "`scope_not_available` until there are rules", body = Problem)))]
async fn decide(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<RequestId>,
    Body(body): Body<DecisionIn>,
) -> Answer<Json<RequestDetailOut>> {
    let technician = by.decider()?;
    let wish = Wish {
        verdict: body.verdict,
        scope: body.scope,
        reason: body.reason,
        minutes: body.minutes,
        seen_version: body.seen_version,
    };
    shared.app.decide(technician, &id, wish).await?;
    Ok(Json(detail(shared.app.request_detail(technician, &id).await?)))
}

/// Takes an approval back before it is used.
#[utoipa::path(post, path = "/api/v1/requests/{id}/revoke", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = RequestDetailOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem)))]
async fn revoke(State(shared): State<Shared>, by: By, Id(id): Id<RequestId>) -> Answer<Json<RequestDetailOut>> {
    let technician = by.decider()?;
    shared.app.revoke(technician, &id).await?;
    Ok(Json(detail(shared.app.request_detail(technician, &id).await?)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AttachIn {
    /// The ticket's number in the ticketing system.
    psa_id: String,
    /// It is meant that the ticket is of another customer than the company is linked to.
    #[serde(default)]
    other_customer: bool,
}

/// A ticket that a request may be attached to.
#[derive(Debug, Serialize, ToSchema)]
struct AttachableOut {
    /// Its id.
    id: String,
    /// Its address for people.
    url: String,
    /// Its summary.
    summary: String,
    /// Its customer's id.
    customer: Option<String>,
    /// Its customer's name.
    customer_name: Option<String>,
    /// `ours`, `another` or `not_linked`: whether that is the customer of the request's company.
    #[schema(value_type = String)]
    customer_is: CustomerIs,
}

/// Shows a ticket that a request may be attached to, as it is now.
#[utoipa::path(get, path = "/api/v1/requests/{id}/attachable/{psa_id}", tag = "requests", params(("id" = String, Path), ("psa_id" = String, Path)),
    responses((status = 200, body = AttachableOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 422, description = "`no_such_ticket`", body = Problem), (status = 502, body = Problem)))]
async fn attachable(
    State(shared): State<Shared>,
    by: By,
    Path((id, psa_id)): Path<(String, String)>,
) -> Answer<Json<AttachableOut>> {
    let id: RequestId = id.parse().map_err(|_| countersign_app::Error::NotFound("request"))?;
    let found = shared.app.attachable(by.technician(), &id, &psa_id).await?;
    Ok(Json(AttachableOut {
        id: found.id,
        url: found.url,
        summary: found.summary,
        customer: found.customer,
        customer_name: found.customer_name,
        customer_is: found.customer_is,
    }))
}

/// Attaches a request to a ticket that is there: it is written there as a note, and its story goes on there.
#[utoipa::path(post, path = "/api/v1/requests/{id}/ticket", tag = "requests", params(("id" = String, Path)), request_body = AttachIn,
    responses((status = 200, body = RequestDetailOut), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, description = "`has_ticket`; `ticket_in_doubt` while one is looked for; `ticket_closed`; `no_ticket_wanted`; `other_customer`", body = Problem),
              (status = 422, description = "`no_such_ticket`", body = Problem), (status = 502, body = Problem)))]
async fn attach(
    State(shared): State<Shared>,
    by: By,
    Id(id): Id<RequestId>,
    Body(body): Body<AttachIn>,
) -> Answer<Json<RequestDetailOut>> {
    let other = if body.other_customer { OtherCustomer::Meant } else { OtherCustomer::Refused };
    Ok(Json(detail(shared.app.attach(by.technician(), &id, &body.psa_id, other).await?)))
}

/// A ticket read from the ticketing system at this moment.
#[derive(Debug, Serialize, ToSchema)]
struct LiveTicketOut {
    /// The ticket.
    ticket: TicketOut,
    /// Its actions, the opening entry among them, oldest first.
    actions: Vec<countersign_app::psa::ActionNow>,
}

/// Reads a request's ticket from the ticketing system now, with its actions.
#[utoipa::path(get, path = "/api/v1/requests/{id}/ticket", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = LiveTicketOut), (status = 401, body = Problem), (status = 404, body = Problem),
              (status = 502, description = "The ticketing system did not answer", body = Problem)))]
async fn live_ticket(State(shared): State<Shared>, by: By, Id(id): Id<RequestId>) -> Answer<Json<LiveTicketOut>> {
    let LiveTicket { ticket, actions } = shared.app.live_ticket(by.technician(), &id).await?;
    Ok(Json(LiveTicketOut { ticket: ticket.into(), actions }))
}
