//! The queue, the request beside it, and the decision.
//!
//! Called by the router. The decision a reader would undo: a high-risk approval is asked twice by the server, not by the
//! page's script: the bar that carries the question is a page of its own, and without a reason nothing is approved.

use axum::extract::{Path, Query, State as AxumState};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use countersign_app::decide::Wish;
use countersign_app::enroll::KeyWish;
use countersign_app::requests::RequestDetail;
use countersign_app::ticketing::TimeEntry;
use countersign_app::{App, DirectoryQuery, Error, RequestQuery, RequestRow};
use countersign_domain::decision::{Scope, Verdict};
use countersign_domain::grant;
use countersign_domain::id::RequestId;
use countersign_domain::request::State;
use countersign_domain::risk;
use countersign_wire::enroll::EnrollmentKey;
use countersign_wire::keys;
use serde::Deserialize;

use super::form::{Fields, Signed};
use super::text::Text;
use super::view::approvals::{ApprovalsPage, Ask, Bar, FirstRun, Pane, Queue, QueueRow, RequestFirst, Risk};
use super::view::frame::Screen;
use super::visitor::Visitor;
use super::words::{self, Standing};
use super::{Page, Refused, frame, html, html_with};

/// How many waiting requests the list holds.
const SHOWN: usize = 100;
/// How many earlier requests stand beside one.
const BEFORE: usize = 5;
/// Waiting longer than this is late, in seconds.
const LATE_SECONDS: i64 = 300;
/// How many computers the first key is good for.
const KEY_USES: i64 = 10;
/// How long it is good, in seconds.
const KEY_SECONDS: i64 = 24 * 3600;
/// How many rows that were just decided the list keeps for the script.
const HELD: usize = 20;

/// What the list's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct QueueOptions {
    /// The request beside the list.
    chosen: Option<String>,
    /// Requests that were just decided, joined by commas: their rows stay a moment.
    held: Option<String>,
}

/// How the bar stands: as it is opened, or as a form that was not taken left it.
#[derive(Debug, Default)]
pub(super) struct BarOptions {
    ask: Option<Ask>,
    minutes: Option<u32>,
    reason: Option<String>,
}

pub(super) fn request_id(text: &str) -> Result<RequestId, Refused> {
    text.parse().map_err(|_| Refused::NotFound)
}

fn waiting() -> RequestQuery {
    RequestQuery {
        state: Some(State::Pending),
        heads_only: true,
        oldest_first: true,
        limit: SHOWN,
        ..RequestQuery::default()
    }
}

pub(super) async fn page(AxumState(app): AxumState<App>, visitor: Visitor) -> Page {
    whole(&app, &visitor, None).await
}

pub(super) async fn page_with(AxumState(app): AxumState<App>, visitor: Visitor, Path(id): Path<String>) -> Page {
    whole(&app, &visitor, Some(request_id(&id)?)).await
}

async fn whole(app: &App, caller: &Visitor, id: Option<RequestId>) -> Page {
    let text = Text::default();
    let frame = frame(app, caller, Screen::Approvals, text.t("nav-approvals")).await?;
    let rows = app.requests(&caller.technician, &waiting()).await?;
    let request_first = if id.is_some() { RequestFirst::Yes } else { RequestFirst::No };
    let shown = id.or_else(|| rows.first().map(|row| row.request.id.clone()));
    let pane = match &shown {
        Some(id) => Some(pane_of(app, caller, id, &BarOptions::default()).await?),
        None => None,
    };
    let mut queue = queue_of(app, caller, &rows, shown.as_ref(), frame.waiting);
    if queue.rows.is_empty() && pane.is_none() {
        queue.first_run = first_run(app, caller).await?;
    }
    Ok(html(&ApprovalsPage { text, frame, queue, pane, request_first }))
}

pub(super) async fn queue(
    AxumState(app): AxumState<App>,
    visitor: Visitor,
    Query(options): Query<QueueOptions>,
) -> Page {
    let by = &visitor.technician;
    let mut rows = app.requests(by, &waiting()).await?;
    for id in options.held.iter().flat_map(|held| held.split(',')).take(HELD).filter_map(|id| id.parse().ok()) {
        match app.request(by, &id).await {
            Ok(row) if row.request.state != State::Pending => rows.push(row),
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    rows.sort_by_key(|row| (row.request.received_at, row.request.id.clone()));
    let counts = app.counts(by).await?;
    let chosen = options.chosen.and_then(|id| id.parse().ok());
    let mut queue = queue_of(&app, &visitor, &rows, chosen.as_ref(), counts.pending);
    if queue.rows.is_empty() {
        queue.first_run = first_run(&app, &visitor).await?;
    }
    Ok(html(&queue))
}

fn queue_of(app: &App, caller: &Visitor, rows: &[RequestRow], chosen: Option<&RequestId>, waiting: u64) -> Queue {
    let text = Text::default();
    Queue {
        text,
        rows: rows.iter().map(|row| queue_row(app, text, row)).collect(),
        chosen: chosen.map(ToString::to_string),
        waiting,
        minutes: grant::DEFAULT_MINUTES,
        form_token: caller.form_token.clone().unwrap_or_default(),
        first_run: None,
    }
}

fn queue_row(app: &App, text: Text, row: &RequestRow) -> QueueRow {
    let request = &row.request;
    let risk = risk::assess(&request.asked);
    let waits = app.now().seconds_since(request.received_at);
    let mut since = words::when(request.received_at);
    since.text = words::span(waits);
    QueueRow {
        id: request.id.to_string(),
        program: request.asked.program_name(),
        account: request.asked.end_user.account.clone(),
        computer: row.computer.clone(),
        company: row.company.clone(),
        since,
        late: waits >= LATE_SECONDS,
        again: request.again_of.is_some(),
        risk: words::risk_of(&risk),
        weighs: words::weighs(text, &risk),
        why: request.asked.reason.clone(),
        asked: u64::from(row.repeats) + 1,
        decided: words::decided(text, request),
        version: request.version,
    }
}

/// What is left to do, while no request ever came.
async fn first_run(app: &App, caller: &Visitor) -> Result<Option<FirstRun>, Refused> {
    let by = &caller.technician;
    let any = RequestQuery { limit: 1, ..RequestQuery::default() };
    if !app.requests(by, &any).await?.is_empty() {
        return Ok(None);
    }
    let few = DirectoryQuery { limit: 2, ..DirectoryQuery::default() };
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let text = Text::default();
    Ok(Some(FirstRun {
        role: text.t(format!("role-{}", by.role.as_str())),
        halo_connected: app.ticketing().settings.connection.is_some(),
        computers: count(app.computers(by, &few).await?.len()),
        others: count(app.technicians(by, &few).await?.len().saturating_sub(1)),
        enroll_command: None,
    }))
}

/// Makes an enrolment key for the first computers: the command that uses it.
pub(super) async fn first_computers(app: &App, visitor: &Visitor) -> Result<String, Refused> {
    let wish = KeyWish {
        name: Text::default().t("first-key-name"),
        company: None,
        max_uses: Some(KEY_USES),
        expires_at: Some(app.now().plus_seconds(KEY_SECONDS)),
        trusts_known_machines: false,
    };
    let (_, secret) = app.make_enrollment_key(&visitor.technician, wish).await?;
    let root_fingerprint = keys::fingerprint(&keys::public_of(&app.keys().root));
    let key = EnrollmentKey { secret, root_fingerprint };
    Ok(format!(
        "countersign-agent enroll \\\n  --server {} \\\n  --key {key} \\\n  --company NAME --location NAME",
        app.public_url()
    ))
}

/// Makes a key for the first computers and shows the command that uses it.
pub(super) async fn make_key(AxumState(app): AxumState<App>, form: Signed) -> Page {
    let text = Text::default();
    let visitor = &form.visitor;
    let command = first_computers(&app, visitor).await?;
    let frame = frame(&app, visitor, Screen::Approvals, text.t("nav-approvals")).await?;
    let mut queue = queue_of(&app, visitor, &[], None, frame.waiting);
    queue.first_run = first_run(&app, visitor).await?.map(|first| FirstRun { enroll_command: Some(command), ..first });
    Ok(html(&ApprovalsPage { text, frame, queue, pane: None, request_first: RequestFirst::No }))
}

pub(super) async fn pane(AxumState(app): AxumState<App>, visitor: Visitor, Path(id): Path<String>) -> Page {
    Ok(html(&pane_of(&app, &visitor, &request_id(&id)?, &BarOptions::default()).await?))
}

pub(super) async fn bar(AxumState(app): AxumState<App>, visitor: Visitor, Path(id): Path<String>) -> Page {
    let row = app.request(&visitor.technician, &request_id(&id)?).await?;
    Ok(html(&bar_of(&app, &visitor, &row, &BarOptions::default()).await?))
}

async fn pane_of(app: &App, caller: &Visitor, id: &RequestId, options: &BarOptions) -> Result<Pane, Refused> {
    let text = Text::default();
    let by = &caller.technician;
    let detail = app.request_detail(by, id).await?;
    let request = &detail.row.request;
    if request.state == State::Pending {
        app.look_at(by, id).await?;
    }
    let wanted = RequestQuery {
        over: true,
        computer: Some(request.computer_id.clone()),
        limit: BEFORE + 1,
        ..RequestQuery::default()
    };
    let earlier = app.requests(by, &wanted).await?;
    Ok(Pane {
        text,
        id: request.id.to_string(),
        program: request.asked.program_name(),
        account: request.asked.end_user.account.clone(),
        computer: detail.row.computer.clone(),
        company: detail.row.company.clone(),
        location: detail.row.location.clone(),
        asked_at: words::when(request.received_at),
        asked: u64::from(detail.row.repeats) + 1,
        risk: words::risk_of(&detail.risk),
        reasons: words::reasons(text, &detail.risk),
        why: request.asked.reason.clone(),
        facts: words::facts(text, &request.asked),
        command_line: request.asked.command_line.clone(),
        ticket: words::ticket(text, &detail.row, detail.ticket.as_ref(), standing(app, &detail)),
        warning: detail.ticket.as_ref().and_then(|ticket| words::ticket_warning(text, ticket)),
        before: earlier
            .iter()
            .filter(|row| row.request.id != *id)
            .take(BEFORE)
            .map(|row| words::past(text, row, row.request.asked.program_name()))
            .collect(),
        bar: bar_of(app, caller, &detail.row, options).await?,
        said: None,
    })
}

/// Why the ticket of a request may be missing.
pub(super) fn standing(app: &App, detail: &RequestDetail) -> Standing {
    if app.ticketing().settings.connection.is_none() {
        Standing::NotConnected
    } else if detail.steps.iter().any(|step| step.state == "attention") {
        Standing::Attention
    } else {
        Standing::OnItsWay
    }
}

pub(super) async fn bar_of(
    app: &App,
    caller: &Visitor,
    row: &RequestRow,
    options: &BarOptions,
) -> Result<Bar, Refused> {
    let text = Text::default();
    let by = &caller.technician;
    let request = &row.request;
    let user = &request.asked.end_user;
    let risk = words::risk_of(&risk::assess(&request.asked));
    let decided = words::decided(text, request);
    let next = if decided.is_some() { next_after(app, caller, row).await? } else { None };
    let may_not = if !caller.may_decide {
        Some(text.t("bar-may-not-role"))
    } else if by.is_same_person(&user.account, user.email.as_deref()) {
        Some(text.t("bar-may-not-own"))
    } else {
        None
    };
    let minutes = options.minutes.unwrap_or(grant::DEFAULT_MINUTES).clamp(1, grant::MAX_MINUTES);
    let outcome = match app.ticketing_for(&request.company_id).time {
        TimeEntry::Fixed { minutes } => text.count("bar-outcome", u64::from(minutes)),
        TimeEntry::Measured { .. } => text.t("bar-outcome-measured"),
        TimeEntry::Off => text.t("bar-outcome-no-time"),
    };
    Ok(Bar {
        text,
        id: request.id.to_string(),
        version: request.version,
        form_token: caller.form_token.clone().unwrap_or_default(),
        risk,
        ask: options.ask.unwrap_or(Ask::Decide),
        reason: options.reason.clone().unwrap_or_default(),
        minutes,
        error: None,
        outcome,
        decided,
        may_not,
        next,
    })
}

/// The waiting request after this one, else the first.
async fn next_after(app: &App, caller: &Visitor, row: &RequestRow) -> Result<Option<String>, Refused> {
    let rows = app.requests(&caller.technician, &waiting()).await?;
    let here = (row.request.received_at, &row.request.id);
    let after = rows.iter().find(|other| (other.request.received_at, &other.request.id) > here);
    Ok(after.or_else(|| rows.first()).map(|next| next.request.id.to_string()))
}

/// What the form of a decision says; none where it says nothing that a page of ours could have sent.
fn wish(fields: &Fields) -> Option<Wish> {
    let verdict = match fields.get("verdict")? {
        "approve" => Verdict::Approve,
        "deny" => Verdict::Deny,
        _ => return None,
    };
    let scope = fields.get("scope").unwrap_or(Scope::Once.as_str());
    Some(Wish {
        verdict,
        scope: Scope::ALL.into_iter().find(|known| known.as_str() == scope)?,
        reason: fields.get("reason").map(str::to_owned),
        minutes: fields.get("minutes").map(str::parse).transpose().ok()?,
        seen_version: fields.get("version").map(str::parse).transpose().ok()?,
    })
}

pub(super) async fn decide(
    AxumState(app): AxumState<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Signed,
) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    let id = request_id(&id)?;
    let wish = wish(&form.fields).ok_or(Refused::Stale)?;
    let row = app.request(&caller.technician, &id).await?;
    let mut options = BarOptions { ask: None, minutes: wish.minutes, reason: wish.reason.clone() };
    if !caller.may_decide {
        return Err(Error::Forbidden { code: "may_not_decide", sentence: text.t("bar-may-not-role") }.into());
    }
    let high = words::risk_of(&risk::assess(&row.request.asked)) == Risk::High;
    if wish.verdict == Verdict::Approve && high && row.request.state == State::Pending {
        options.ask = Some(Ask::ConfirmApprove);
        if !form.fields.has("confirmed") {
            return answer(&app, caller, &id, &options, &headers, StatusCode::OK, None).await;
        }
        if wish.reason.is_none() {
            let sentence = Some(text.t("bar-reason-missing"));
            return answer(&app, caller, &id, &options, &headers, StatusCode::UNPROCESSABLE_ENTITY, sentence).await;
        }
    }
    let verdict = wish.verdict;
    match app.decide(&caller.technician, &id, wish).await {
        Ok(row) if is_script(&headers) => {
            let key = match verdict {
                Verdict::Approve => "did-approve",
                Verdict::Deny => "did-deny",
            };
            let mut pane = pane_of(&app, caller, &id, &BarOptions::default()).await?;
            pane.said = Some(text.arg2(key, "program", row.request.asked.program_name(), "computer", &row.computer));
            Ok(html(&pane))
        }
        Ok(row) => {
            let next = next_after(&app, caller, &row).await?.map(|next| format!("/{next}")).unwrap_or_default();
            Ok(Redirect::to(&format!("/portal/approvals{next}")).into_response())
        }
        // Somebody was first: the page shows who, as it does when it hears of it by itself.
        Err(Error::AlreadyDecided(_)) => {
            answer(&app, caller, &id, &BarOptions::default(), &headers, StatusCode::CONFLICT, None).await
        }
        Err(error @ Error::Conflict { .. }) => {
            let sentence = Some(error.to_string());
            answer(&app, caller, &id, &options, &headers, StatusCode::CONFLICT, sentence).await
        }
        Err(error @ Error::Invalid { .. }) => {
            let sentence = Some(error.to_string());
            answer(&app, caller, &id, &options, &headers, StatusCode::UNPROCESSABLE_ENTITY, sentence).await
        }
        Err(error) => Err(error.into()),
    }
}

fn is_script(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// The request again, with what stands against the decision in its bar.
async fn answer(
    app: &App,
    caller: &Visitor,
    id: &RequestId,
    options: &BarOptions,
    headers: &HeaderMap,
    status: StatusCode,
    sentence: Option<String>,
) -> Page {
    let mut shown = pane_of(app, caller, id, options).await?;
    shown.bar.error = sentence;
    if is_script(headers) {
        return Ok(html_with(status, &shown));
    }
    let text = Text::default();
    let frame = frame(app, caller, Screen::Approvals, text.t("nav-approvals")).await?;
    let rows = app.requests(&caller.technician, &waiting()).await?;
    let queue = queue_of(app, caller, &rows, Some(id), frame.waiting);
    let page = ApprovalsPage { text, frame, queue, pane: Some(shown), request_first: RequestFirst::Yes };
    Ok(html_with(status, &page))
}
