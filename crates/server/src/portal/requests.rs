//! The list of requests, and a request's own page.
//!
//! Called by the router.

use axum::extract::{Path, Query, State as AxumState};
use axum::response::{IntoResponse, Redirect};
use countersign_app::{App, RequestQuery, RequestRow};
use countersign_domain::directory::Technician;
use countersign_domain::grant::GrantState;
use countersign_domain::request::{Request, State};
use countersign_domain::role::Right;
use countersign_domain::time::Time;
use serde::Deserialize;

use super::approvals::{BarOptions, bar_of, request_id, standing};
use super::form::Signed;
use super::text::Text;
use super::view::frame::{Empty, Screen, Tab};
use super::view::request::{JoinedTo, Offered, Past, RequestPage, RequestRow as Row, RequestsPage, TicketCard};
use super::visitor::Visitor;
use super::words::{self, Standing};
use super::{More, Page, Refused, cut, frame, html, story};

/// How many requests a page of the list holds.
const PAGE: usize = 50;
/// How many earlier requests for the same program, and of those that joined it, stand on a request's page.
const BEFORE: usize = 5;

/// What the list's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ListOptions {
    #[serde(default)]
    state: String,
    #[serde(default)]
    q: String,
    after: Option<String>,
}

/// The tabs: their word in the address, and their label's key.
const TABS: [(&str, &str); 8] = [
    ("", "tab-all"),
    ("pending", "tab-waiting"),
    ("decided", "tab-decided"),
    ("approved", "tab-approved"),
    ("denied", "tab-denied"),
    ("expired", "tab-expired"),
    ("withdrawn", "tab-withdrawn"),
    ("revoked", "tab-revoked"),
];

/// A place in the list: when its last request was received, and its id.
fn cursor(row: &RequestRow) -> String {
    format!("{}~{}", row.request.received_at.0, row.request.id)
}

fn place(cursor: &str) -> Option<(Time, countersign_domain::id::RequestId)> {
    let (time, id) = cursor.split_once('~')?;
    Some((Time(time.parse().ok()?), id.parse().ok()?))
}

pub(super) async fn list(AxumState(app): AxumState<App>, visitor: Visitor, Query(options): Query<ListOptions>) -> Page {
    let text = Text::default();
    let by = &visitor.technician;
    let query = options.q.trim().to_owned();
    let wanted = RequestQuery {
        state: State::parse(&options.state),
        over: options.state == "decided",
        search: Some(query.clone()).filter(|query| !query.is_empty()),
        after: options.after.as_deref().and_then(place),
        limit: PAGE + 1,
        ..RequestQuery::default()
    };
    let (found, more) = cut(app.requests(by, &wanted).await?, PAGE);
    let mut frame = frame(&app, &visitor, Screen::Requests, text.t("nav-requests")).await?;
    frame.search.clone_from(&query);
    let standing =
        if app.ticketing().settings.connection.is_none() { Standing::NotConnected } else { Standing::OnItsWay };
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        let ticket = app.ticket_view(row).await?;
        let request = &row.request;
        rows.push(Row {
            id: request.id.to_string(),
            program: request.asked.program_name(),
            account: request.asked.end_user.account.clone(),
            computer: row.computer.clone(),
            company: row.company.clone(),
            state: words::state_word(text, request.state),
            tone: words::state_tone(request.state),
            by: request.decision.as_ref().map(|decision| decision.by.name.clone()).unwrap_or_default(),
            asked_at: words::when(request.received_at),
            ticket: words::ticket(text, row, ticket.as_ref(), standing),
        });
    }
    let waiting = frame.waiting;
    let tabs = TABS
        .into_iter()
        .map(|(state, key)| Tab {
            state,
            label: text.t(key),
            count: (state == "pending").then_some(waiting),
            current: state == options.state,
        })
        .collect();
    let empty = rows.is_empty().then(|| {
        if !query.is_empty() {
            Empty::filtered(text, text.arg("requests-none-found", "query", &query), "/portal/requests")
        } else if options.state.is_empty() {
            Empty { title: text.t("requests-none"), text: text.t("requests-none-text"), link: None }
        } else {
            Empty::filtered(text, text.t("requests-none-state"), "/portal/requests")
        }
    });
    let next = found.last().filter(|_| more == More::Yes).map(cursor);
    Ok(html(&RequestsPage { text, frame, tabs, query, rows, next, empty }))
}

pub(super) async fn one(AxumState(app): AxumState<App>, visitor: Visitor, Path(id): Path<String>) -> Page {
    let text = Text::default();
    let caller = &visitor;
    let by = &caller.technician;
    let id = request_id(&id)?;
    let detail = app.request_detail(by, &id).await?;
    let request = &detail.row.request;
    let program = request.asked.program_name();
    let frame = frame(&app, caller, Screen::Requests, program.clone()).await?;
    let link = words::ticket(text, &detail.row, detail.ticket.as_ref(), standing(&app, &detail));
    let done = detail.steps.iter().filter(|step| step.state == "done").count();
    let bar = match request.state {
        State::Pending => {
            app.look_at(by, &id).await?;
            Some(bar_of(&app, caller, &detail.row, &BarOptions::default()).await?)
        }
        _ => None,
    };
    let ticket = TicketCard {
        link,
        reference: request.lane().short(),
        assigned_to: detail.ticket.as_ref().and_then(|ticket| ticket.assigned_to.clone()),
        time: detail.ticket.as_ref().and_then(|ticket| {
            let minutes = ticket.time_minutes.filter(|minutes| *minutes > 0.0)?.to_string();
            Some(match &ticket.time_owner {
                Some(owner) => text.arg2("ticket-time-booked", "minutes", minutes, "name", owner),
                None => text.arg("ticket-time-api", "minutes", minutes),
            })
        }),
        warning: detail.ticket.as_ref().and_then(|ticket| words::ticket_warning(text, ticket)),
        steps: text.arg2("ticket-steps-done", "done", done.to_string(), "all", detail.steps.len().to_string()),
    };
    let unused = request.grant.as_ref().is_some_and(|grant| grant.state == GrantState::Issued);
    let revocable =
        if caller.may_decide && request.state == State::Approved && unused { Offered::Yes } else { Offered::No };
    let gone = |step: &countersign_app::StepRow| step.cause == Some(countersign_domain::cause::Cause::TicketGone);
    let needs_one = detail.ticket.is_none() || detail.steps.iter().any(gone);
    let may_attach = needs_one && request.joined_to.is_none() && by.role.may(Right::RunSteps);
    let attachable = if may_attach { Offered::Yes } else { Offered::No };
    Ok(html(&RequestPage {
        text,
        frame,
        id: request.id.to_string(),
        reference: request.id.short(),
        program: program.clone(),
        state: words::state_word(text, request.state),
        state_tone: words::state_tone(request.state),
        account: request.asked.end_user.account.clone(),
        computer: detail.row.computer.clone(),
        company: detail.row.company.clone(),
        location: detail.row.location.clone(),
        summary: summary(text, request),
        story: story::of(text, &detail, app.now()),
        facts: words::facts(text, &request.asked),
        command_line: request.asked.command_line.clone(),
        risk: words::risk_of(&detail.risk),
        reasons: words::reasons(text, &detail.risk),
        ticket,
        joined_to: joined_to(&app, by, request).await?,
        joined: joined(&app, by, &detail.row).await?,
        before: before(&app, &visitor, request, &program).await?,
        bar,
        revocable,
        attachable,
    }))
}

/// "decided by Maria Ruiz in 2 min 11 s".
fn summary(text: Text, request: &Request) -> String {
    request.decision.as_ref().map_or_else(String::new, |decision| {
        let took = words::span(decision.at.seconds_since(request.received_at));
        text.arg2("decided-in", "name", &decision.by.name, "span", took)
    })
}

/// The request that this one joined.
async fn joined_to(app: &App, by: &Technician, request: &Request) -> Result<Option<JoinedTo>, Refused> {
    let Some(head) = &request.joined_to else { return Ok(None) };
    let head = app.request(by, head).await?.request;
    Ok(Some(JoinedTo {
        href: format!("/portal/requests/{}", head.id),
        reference: head.id.short(),
        program: head.asked.program_name(),
        account: head.asked.end_user.account.clone(),
        at: words::when(head.received_at),
    }))
}

/// The last few that joined a request, newest first.
async fn joined(app: &App, by: &Technician, head: &RequestRow) -> Result<Vec<Past>, Refused> {
    if head.repeats == 0 {
        return Ok(Vec::new());
    }
    let rows = app.joined(by, &head.request.id, BEFORE).await?;
    Ok(rows.iter().map(|row| words::past(Text::default(), row, row.request.id.short())).collect())
}

/// The same program at the same company before, newest first.
async fn before(app: &App, visitor: &Visitor, request: &Request, program: &str) -> Result<Vec<Past>, Refused> {
    let text = Text::default();
    let wanted = RequestQuery {
        over: true,
        company: Some(request.company_id.clone()),
        search: Some(program.to_owned()),
        limit: PAGE,
        ..RequestQuery::default()
    };
    let rows = app.requests(&visitor.technician, &wanted).await?;
    Ok(rows
        .iter()
        .filter(|row| row.request.id != request.id && row.request.asked.program_name() == program)
        .take(BEFORE)
        .map(|row| words::past(text, row, row.computer.clone()))
        .collect())
}

pub(super) async fn revoke(AxumState(app): AxumState<App>, Path(id): Path<String>, form: Signed) -> Page {
    let id = request_id(&id)?;
    let caller = &form.visitor;
    if !caller.may_decide {
        let sentence = Text::default().t("bar-may-not-role");
        return Err(countersign_app::Error::Forbidden { code: "may_not_decide", sentence }.into());
    }
    app.revoke(&caller.technician, &id).await?;
    Ok(Redirect::to(&format!("/portal/requests/{id}")).into_response())
}
