//! Ticket steps: what waits for a person, what is on its way, and what is done.
//!
//! Called by the router.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use countersign_app::{App, Error, StepRow, StepState, StepsQuery};
use countersign_domain::id::{RequestId, StepId};
use countersign_domain::role::Right;
use serde::Deserialize;

use super::form::Signed;
use super::text::Text;
use super::view::frame::{Empty, Screen, Tab, Tone};
use super::view::request::Attempt;
use super::view::steps::{Actions, Cause, StepRow as Row, StepsPage};
use super::visitor::Visitor;
use super::{More, Page, Refused, cut, frame, html, words};

/// How many steps a page holds.
const PAGE: usize = 50;

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    state: String,
    after: Option<String>,
    /// What an action just did.
    said: Option<String>,
    /// To how many.
    n: Option<u64>,
}

fn step_id(text: &str) -> Result<StepId, Refused> {
    text.parse().map_err(|_| Refused::NotFound)
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    let text = Text::default();
    let by = &visitor.technician;
    let state = match options.state.as_str() {
        "waiting" => StepState::Waiting,
        "done" => StepState::Done,
        _ => StepState::Attention,
    };
    let after = options.after.as_deref().map(step_id).transpose()?;
    let wanted = StepsQuery { state: Some(state), lane: None, after, limit: PAGE + 1 };
    let (found, more) = cut(app.steps(by, &wanted).await?, PAGE);
    let next = found.last().filter(|_| more == More::Yes).map(|step| step.id.clone());
    let mut causes: Vec<(String, Cause)> = Vec::new();
    for step in found {
        let attempts = match state {
            StepState::Done => Vec::new(),
            StepState::Attention | StepState::Waiting => app.step_attempts(by, &step_id(&step.id)?).await?.1,
        };
        let attempts = attempts.iter().map(|row| words::attempt(text, row)).collect();
        let (key, cause) = cause_of(text, state, &step);
        let row = row_of(text, by.role.may(Right::RunSteps), state, &step, attempts);
        match causes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.steps.push(row),
            None => causes.push((key, Cause { steps: vec![row], ..cause })),
        }
    }
    let counts = app.counts(by).await?;
    let tabs = [
        (StepState::Attention, "attention", "tab-attention", Some(counts.attention_steps)),
        (StepState::Waiting, "waiting", "tab-waiting", Some(counts.waiting_steps + counts.parked_steps)),
        (StepState::Done, "done", "tab-done", None),
    ]
    .into_iter()
    .map(|(of, word, key, count)| Tab { state: word, label: text.t(key), count, current: of == state })
    .collect();
    let empty = causes.is_empty().then(|| {
        let (title, sentence) = match state {
            StepState::Attention => ("steps-none-attention", "steps-none-attention-text"),
            StepState::Waiting => ("steps-none-waiting", "steps-none-waiting-text"),
            StepState::Done => ("steps-none-done", "steps-none-done-text"),
        };
        Empty { title: text.t(title), text: text.t(sentence), link: None }
    });
    let said = match options.said.as_deref() {
        Some("retried") => Some((Tone::Ok, text.count("steps-retried", options.n.unwrap_or(1)))),
        Some("given-up") => Some((Tone::Info, text.t("steps-gave-up"))),
        Some("moved") => Some((Tone::Warn, text.t("steps-moved"))),
        _ => None,
    };
    let frame = frame(&app, &visitor, Screen::Steps, text.t("nav-steps")).await?;
    let causes = causes.into_iter().map(|(_, cause)| cause).collect();
    Ok(html(&StepsPage { text, frame, tabs, causes, next, empty, said }))
}

/// The cause that a step stands under, and the key by which steps of one cause are told from others.
fn cause_of(text: Text, state: StepState, step: &StepRow) -> (String, Cause) {
    let plain = |tone, title: &str, sentence: &str| Cause {
        tone,
        title: text.t(title),
        text: if sentence.is_empty() { String::new() } else { text.t(sentence) },
        words: None,
        link: None,
        steps: Vec::new(),
    };
    match state {
        StepState::Done => ("done".to_owned(), plain(Tone::Ok, "steps-done-title", "")),
        StepState::Waiting if step.state == "parked" => {
            let link = Some(("/portal/companies?state=unlinked".to_owned(), text.t("steps-link-open")));
            ("parked".to_owned(), Cause { link, ..plain(Tone::Warn, "steps-link-title", "steps-link-text") })
        }
        StepState::Waiting => ("waiting".to_owned(), plain(Tone::Accent, "steps-waiting-title", "steps-waiting-text")),
        StepState::Attention if step.doubt_at.is_some() => {
            let cause = plain(Tone::Warn, "steps-hidden-title", "steps-hidden-text");
            ("hidden".to_owned(), Cause { words: step.words.clone(), ..cause })
        }
        StepState::Attention => {
            let cause = plain(Tone::Bad, "steps-attention-title", "steps-attention-text");
            let words = step.words.clone();
            (format!("attention {}", words.as_deref().unwrap_or_default()), Cause { words, ..cause })
        }
    }
}

fn row_of(text: Text, may_act: bool, state: StepState, step: &StepRow, attempts: Vec<Attempt>) -> Row {
    let (href, reference) = match step.subject.parse::<RequestId>() {
        Ok(request) => (format!("/portal/requests/{request}"), request.short()),
        Err(_) => record_of(text, &step.subject),
    };
    let doing = if state == StepState::Done { "" } else { "-doing" };
    let waits = state == StepState::Waiting && step.state == "waiting" && step.attempts > 0;
    Row {
        id: step.id.clone(),
        href,
        reference,
        what: text.t(format!("story-step-{}{doing}", step.kind)),
        company: step.company.clone().unwrap_or_default(),
        at: attempts.last().map(|attempt| attempt.at.clone()),
        tries: u64::try_from(step.attempts).unwrap_or(0),
        next_at: waits.then(|| words::when_micros(step.due_at)),
        attempts,
        actions: if may_act && state == StepState::Attention { Actions::RetryAndGiveUp } else { Actions::None },
    }
}

/// The page and the word of a record that a step looks for; `subject` is `kind/id`.
fn record_of(text: Text, subject: &str) -> (String, String) {
    let (kind, id) = subject.split_once('/').unwrap_or((subject, ""));
    let folder = match kind {
        "company" => "companies",
        "location" => "locations",
        "computer" => "computers",
        "technician" => "users",
        // The sync of one kind, `full/computer`.
        "full" | "changes" => return ("/portal/steps".to_owned(), text.t(format!("step-subject-{id}"))),
        _ => return ("/portal/steps".to_owned(), text.t("step-subject-contact")),
    };
    (format!("/portal/{folder}/{id}"), text.t(format!("step-subject-{kind}")))
}

pub(super) async fn retry(State(app): State<App>, form: Signed) -> Page {
    let mut done = 0;
    for id in form.fields.all("ids") {
        match app.retry_step(&form.visitor.technician, &step_id(&id)?).await {
            Ok(_) => done += 1,
            // It moved on by itself between the page and the click.
            Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let said = if done > 0 { format!("said=retried&n={done}") } else { "said=moved".to_owned() };
    Ok(Redirect::to(&format!("/portal/steps?{said}")).into_response())
}

pub(super) async fn give_up(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let said = match app.give_up_step(&form.visitor.technician, &step_id(&id)?).await {
        Ok(_) => "given-up",
        Err(Error::Conflict { .. }) => "moved",
        Err(error) => return Err(error.into()),
    };
    Ok(Redirect::to(&format!("/portal/steps?said={said}")).into_response())
}
