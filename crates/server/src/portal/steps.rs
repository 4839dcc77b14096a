//! Ticket steps: what waits for a person, what is on its way, and what is done, by cause.
//!
//! Called by the router. The decision a reader would undo: the page shows a few steps of every cause and not a page of
//! steps by time, since a person mends a cause and not a step.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use countersign_app::attention::Alike;
use countersign_app::psa::advice::advice;
use countersign_app::{App, AttemptRow, CauseIs, CauseRow, Error, StepRow, StepState, StepsQuery};
use countersign_domain::cause::{self, Needs};
use countersign_domain::directory::Technician;
use countersign_domain::id::{CompanyId, RequestId, StepId};
use countersign_domain::link::Kind as LinkKind;
use countersign_domain::role::Right;
use serde::Deserialize;

use super::directory::path_of;
use super::form::Signed;
use super::text::Text;
use super::view::frame::{Empty, Screen, Tab, Tone};
use super::view::steps::{Actions, Cause, CompanyChoice, StepRow as Row, StepsPage, WaitingRow};
use super::visitor::Visitor;
use super::{More, Page, Refused, cut, frame, html, words};

/// How many steps a page of one cause holds.
const PAGE: usize = 50;
/// How many steps of each cause stand on the page of all.
const FEW: usize = 5;
/// How many companies can be chosen, or are listed without a link.
const COMPANIES: usize = 200;
/// The word for steps that wait for their turn alone, in an address.
const NO_CAUSE: &str = "none";

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    #[serde(default)]
    state: String,
    #[serde(default)]
    cause: String,
    #[serde(default)]
    company: String,
    after: Option<String>,
    /// What an action just did.
    said: Option<String>,
    /// To how many.
    n: Option<u64>,
}

fn step_id(text: &str) -> Result<StepId, Refused> {
    text.parse().map_err(|_| Refused::NotFound)
}

fn company_id(text: &str) -> Result<Option<CompanyId>, Refused> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| Refused::NotFound) }
}

fn cause_of(word: &str) -> Result<CauseIs, Refused> {
    match word {
        "" => Ok(CauseIs::Any),
        NO_CAUSE => Ok(CauseIs::None),
        word => cause::Cause::parse(word).map(CauseIs::This).ok_or(Refused::NotFound),
    }
}

/// What all groups of a page have in common.
struct Desk<'a> {
    app: &'a App,
    by: &'a Technician,
    state: StepState,
    company: Option<CompanyId>,
    text: Text,
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    let text = Text::default();
    let by = &visitor.technician;
    let state = StepState::parse(&options.state).unwrap_or(StepState::Attention);
    let only = cause_of(&options.cause)?;
    let after = options.after.as_deref().map(step_id).transpose()?;
    let desk = Desk { app: &app, by, state, company: company_id(&options.company)?, text };
    let company = desk.company.as_ref();
    let attention = app.causes(by, StepState::Attention, company).await?;
    let waiting = app.causes(by, StepState::Waiting, company).await?;
    let sum = |rows: &[CauseRow]| rows.iter().map(|row| row.steps).sum();
    let tabs = [
        (StepState::Attention, "attention", "tab-attention", Some(sum(&attention))),
        (StepState::Waiting, "waiting", "tab-waiting", Some(sum(&waiting))),
        (StepState::Done, "done", "tab-done", None),
    ]
    .into_iter()
    .map(|(of, word, key, count)| Tab { state: word, label: text.t(key), count, current: of == state })
    .collect();
    let done = CauseRow { cause: None, steps: 0, since: None, next_at: None };
    let found = match state {
        StepState::Attention => attention,
        StepState::Waiting => waiting,
        StepState::Done => vec![done],
    };
    let (mut causes, mut next) = (Vec::new(), None);
    for row in found {
        let this = row.cause.map_or(CauseIs::None, CauseIs::This);
        if only != CauseIs::Any && only != this {
            continue;
        }
        let whole = only == this || state == StepState::Done;
        let (cause, last) =
            if whole { desk.group(&row, after.clone(), PAGE).await? } else { desk.group(&row, None, FEW).await? };
        if !cause.steps.is_empty() || !cause.companies.is_empty() {
            causes.push(cause);
        }
        if whole {
            next = last;
        }
    }
    if next.is_some() {
        for cause in &mut causes {
            cause.more = None;
        }
    }
    let companies = match state {
        StepState::Done => Vec::new(),
        StepState::Attention | StepState::Waiting => app.companies_of_steps(by, state, None, COMPANIES).await?,
    };
    let chosen = desk.company.as_ref().map(ToString::to_string);
    let companies = companies
        .into_iter()
        .map(|row| CompanyChoice { chosen: chosen.as_deref() == Some(row.id.as_str()), id: row.id, name: row.name })
        .collect();
    let filtered = desk.company.is_some() || only != CauseIs::Any;
    let empty = causes.is_empty().then(|| {
        if filtered {
            return Empty::filtered(
                text,
                text.t("steps-none-filtered"),
                &format!("/portal/steps?state={}", options.state),
            );
        }
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
        Some("new-ticket") => Some((Tone::Ok, text.t("steps-new-ticket"))),
        Some("moved") => Some((Tone::Warn, text.t("steps-moved"))),
        _ => None,
    };
    let only = match only {
        CauseIs::Any => None,
        CauseIs::None => Some((NO_CAUSE, text.t("steps-waiting-title"))),
        CauseIs::This(cause) => Some((cause.as_str(), advice(cause).title.to_owned())),
    };
    let frame = frame(&app, &visitor, Screen::Steps, text.t("nav-steps")).await?;
    Ok(html(&StepsPage { text, frame, tabs, companies, only, causes, next, empty, said }))
}

impl Desk<'_> {
    /// The steps of one cause, at most `limit`, and where the next page begins.
    async fn group(
        &self,
        row: &CauseRow,
        after: Option<StepId>,
        limit: usize,
    ) -> Result<(Cause, Option<String>), Refused> {
        let mut group = self.head(row);
        if row.cause == Some(cause::Cause::NoLink) {
            group.companies = self.companies_without_link().await?;
            return Ok((group, None));
        }
        let cause = match (self.state, row.cause) {
            (StepState::Done, _) => CauseIs::Any,
            (_, None) => CauseIs::None,
            (_, Some(cause)) => CauseIs::This(cause),
        };
        let company = self.company.clone();
        let wanted = StepsQuery { state: Some(self.state), cause, company, lane: None, after, limit: limit + 1 };
        let (found, more) = cut(self.app.steps(self.by, &wanted).await?, limit);
        let next = found.last().filter(|_| more == More::Yes).map(|step| step.id.clone());
        let mut attempts = self.app.attempts_of(&found).await?;
        if matches!(self.state, StepState::Attention) || row.cause.is_some() {
            for words in found.iter().filter_map(|step| step.words.as_ref()) {
                if group.words.len() < 3 && !group.words.contains(words) {
                    group.words.push(words.clone());
                }
            }
        }
        group.steps = found.iter().map(|step| self.row(step, &mut attempts)).collect();
        if more == More::Yes {
            let key = if group.key.is_empty() { NO_CAUSE } else { group.key };
            let company = self.company.as_ref().map(ToString::to_string).unwrap_or_default();
            let href = format!("/portal/steps?state={}&cause={key}&company={company}", self.word());
            group.more = Some((href, self.text.count("steps-all", row.steps)));
        }
        Ok((group, next))
    }

    const fn word(&self) -> &'static str {
        match self.state {
            StepState::Attention => "attention",
            StepState::Waiting => "waiting",
            StepState::Done => "done",
        }
    }

    /// What stands over the steps of a cause.
    fn head(&self, row: &CauseRow) -> Cause {
        let text = self.text;
        let plain = |tone, title: &str, sentence: String| Cause {
            tone,
            key: "",
            title: text.t(title),
            text: sentence,
            fix: None,
            place: None,
            words: Vec::new(),
            since: row.since.map(words::when),
            link: None,
            count: row.steps,
            steps: Vec::new(),
            companies: Vec::new(),
            more: None,
        };
        match (self.state, row.cause) {
            (StepState::Done, _) => plain(Tone::Ok, "steps-done-title", String::new()),
            (StepState::Waiting, None) => plain(Tone::Accent, "steps-waiting-title", text.t("steps-waiting-text")),
            (StepState::Attention, None) => plain(Tone::Bad, "steps-attention-title", text.t("steps-attention-text")),
            (state, Some(cause)) => {
                let known = advice(cause);
                let tone = match (state, cause.needs()) {
                    (StepState::Attention, _) => Tone::Bad,
                    (_, Needs::Person) => Tone::Warn,
                    (_, Needs::Time) => Tone::Accent,
                };
                let link = match cause {
                    cause::Cause::NoLink => Some(("/portal/companies?state=unlinked", "steps-link-open")),
                    cause::Cause::NotSetUp | cause::Cause::Credentials | cause::Cause::AddressNotAllowed => {
                        Some(("/portal/settings/ticketing", "steps-settings-open"))
                    }
                    _ => None,
                };
                Cause {
                    key: cause.as_str(),
                    title: known.title.to_owned(),
                    fix: known.fix.map(str::to_owned),
                    place: known.place.map(|place| place.replace(" > ", " › ")),
                    link: link.map(|(href, key)| (href.to_owned(), text.t(key))),
                    ..plain(tone, "", known.means.to_owned())
                }
            }
        }
    }

    async fn companies_without_link(&self) -> Result<Vec<WaitingRow>, Refused> {
        let cause = Some(cause::Cause::NoLink);
        let found = self.app.companies_of_steps(self.by, self.state, cause, COMPANIES).await?;
        let chosen = self.company.as_ref().map(ToString::to_string);
        Ok(found
            .into_iter()
            .filter(|row| chosen.as_ref().is_none_or(|chosen| *chosen == row.id))
            .map(|row| WaitingRow {
                href: format!("/portal/companies/{}", row.id),
                count: self.text.count("steps-tickets", u64::try_from(row.steps).unwrap_or(0)),
                since: row.since.map(words::when_micros),
                name: row.name,
            })
            .collect())
    }

    fn row(&self, step: &StepRow, attempts: &mut HashMap<String, Vec<AttemptRow>>) -> Row {
        let text = self.text;
        let (href, reference) = match step.subject.parse::<RequestId>() {
            Ok(request) => (format!("/portal/requests/{request}"), request.short()),
            Err(_) => record_of(text, &step.subject),
        };
        let doing = if self.state == StepState::Done { "" } else { "-doing" };
        let waits = step.state == "waiting" && step.attempts > 0;
        let attempts = attempts.remove(&step.id).unwrap_or_default();
        let attempts: Vec<_> = attempts.iter().map(|row| words::attempt(text, row)).collect();
        let may_act = self.by.may(Right::RunSteps)
            && (step.state == "attention" || (self.state == StepState::Waiting && step.cause.is_some()));
        let without_it = match step.kind.as_str() {
            kind @ ("open_ticket" | "record_decision" | "link_record" | "sync_directory" | "follow_tickets"
            | "reconcile") => text.t(format!("give-up-{kind}")),
            _ => text.t("give-up-other"),
        };
        Row {
            id: step.id.clone(),
            href,
            reference,
            what: text.t(format!("story-step-{}{doing}", step.kind)),
            program: step.program.clone().unwrap_or_default(),
            company: step.company.clone().unwrap_or_default(),
            ticket: step.ticket.clone(),
            at: attempts.last().map(|attempt| attempt.at.clone()),
            tries: u64::try_from(step.attempts).unwrap_or(0),
            next_at: waits.then(|| words::when_micros(step.due_at)),
            attempts,
            actions: match (may_act, step.cause) {
                (false, _) => Actions::None,
                (true, Some(cause::Cause::TicketGone)) => Actions::AlsoNewTicket,
                (true, _) => Actions::RetryAndGiveUp,
            },
            without_it,
        }
    }
}

/// The page and the word of what a step is about that is of no request.
fn record_of(text: Text, subject: &str) -> (String, String) {
    let (first, second) = subject.split_once('/').unwrap_or((subject, ""));
    // A record that is looked for, `contact/…`.
    if let Some(kind) = LinkKind::parse(first) {
        return (format!("/portal/{}/{second}", path_of(kind)), text.t(format!("step-subject-{first}")));
    }
    // The sync of one kind, `full/computer`; else a round over tickets: `changes`, `ids/…`, `daily`.
    let what = LinkKind::parse(second).map_or("tickets", LinkKind::as_str);
    ("/portal/steps".to_owned(), text.t(format!("step-subject-{what}")))
}

/// Back to the list that a form stood on.
fn back(form: &Signed, said: &str) -> axum::response::Response {
    let state = StepState::parse(form.fields.typed("state"));
    let state = if state == Some(StepState::Waiting) { "waiting" } else { "attention" };
    Redirect::to(&format!("/portal/steps?state={state}&said={said}")).into_response()
}

pub(super) async fn retry(State(app): State<App>, form: Signed) -> Page {
    let cause = match cause_of(form.fields.typed("cause"))? {
        CauseIs::This(cause) => Some(cause),
        CauseIs::Any | CauseIs::None => None,
    };
    let ids = form.fields.all("ids").iter().map(|id| step_id(id)).collect::<Result<Vec<_>, _>>()?;
    let ids = Some(ids).filter(|ids| !ids.is_empty() || cause.is_none());
    let alike = Alike { cause, company: company_id(form.fields.typed("company"))?, ids };
    // What moved on by itself between the page and the click is left alone.
    let retried = app.retry_steps(&form.visitor.technician, &alike).await?.gone.len();
    Ok(if retried > 0 { back(&form, &format!("retried&n={retried}")) } else { back(&form, "moved") })
}

pub(super) async fn give_up(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let said = match app.give_up_step(&form.visitor.technician, &step_id(&id)?).await {
        Ok(_) => "given-up",
        Err(Error::Conflict { .. }) => "moved",
        Err(error) => return Err(error.into()),
    };
    Ok(back(&form, said))
}

pub(super) async fn new_ticket(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let said = match app.new_ticket_for_step(&form.visitor.technician, &step_id(&id)?).await {
        Ok(_) => "new-ticket",
        Err(Error::Conflict { .. }) => "moved",
        Err(error) => return Err(error.into()),
    };
    Ok(back(&form, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_says_what_it_is_about() {
        let word = |subject| record_of(Text::default(), subject);
        assert_eq!(word("contact/contact_1"), ("/portal/contacts/contact_1".to_owned(), "Contact".to_owned()));
        assert_eq!(word("technician/tech_1"), ("/portal/users/tech_1".to_owned(), "User".to_owned()));
        assert_eq!(word("full/computer").1, "Computer");
        assert_eq!(word("changes/contact").1, "Contact");
        // All that changed, the tickets that a webhook named, the day's comparison.
        for round in ["changes", "ids/2001,2002", "daily"] {
            assert_eq!(word(round).1, "Tickets", "{round}");
        }
    }
}
