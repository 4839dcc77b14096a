//! Settings > Ticketing System: the connection, what goes into a ticket, and the live check.
//!
//! Called by the router. The decision a reader would undo: a save names only what differs from what is set, because a
//! change of the ticket type chooses fitting statuses anew for all that the form left alone.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use countersign_app::psa::{Check as Line, CheckStatus, Choices as Offered};
use countersign_app::setup::Progress;
use countersign_app::ticketing::{Change, Settings, Switch as Set, TimeEntry};
use countersign_app::{App, Error};
use countersign_domain::audit::Actor;
use countersign_domain::role::Right;
use serde::Deserialize;

use super::form::{Fields, Signed};
use super::text::Text;
use super::view::frame::{Screen, Tone};
use super::view::ticketing::{
    Check, CheckLine, Choice, Choices, Content, Field, Secret, Select, Setup, Switch, TicketingPage, Time, Told,
};
use super::visitor::Visitor;
use super::{Page, Refused, frame, html, html_with, sync};

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    said: Option<String>,
}

pub(super) fn may(caller: &Visitor, right: Right) -> Result<(), Refused> {
    if caller.technician.may(right) {
        return Ok(());
    }
    Err(Refused::forbidden())
}

/// The form's values: those that are set, or those that were typed.
#[derive(Clone)]
pub(super) struct Values {
    pub(super) connection: [(&'static str, String); 4],
    pub(super) ticket_type: Option<String>,
    pub(super) statuses: [(&'static str, Option<String>); 5],
    pub(super) outcome: Option<String>,
    /// By name, as Halo wants it.
    pub(super) team: Option<String>,
    pub(super) priority: Option<String>,
    pub(super) assign: Switch,
    pub(super) time: Time,
    pub(super) minutes: String,
}

impl Values {
    pub(super) fn set(settings: &Settings) -> Self {
        let connection = settings.connection.clone().unwrap_or_default();
        let (time, minutes) = match settings.time {
            TimeEntry::Fixed { minutes } => (Time::Fixed, minutes),
            TimeEntry::Measured { minimum_minutes } => (Time::Measured, minimum_minutes),
            TimeEntry::Off => (Time::Off, 5),
        };
        Self {
            connection: [
                ("resource_url", connection.resource_url),
                ("auth_url", connection.auth_url),
                ("tenant", connection.tenant.unwrap_or_default()),
                ("client_id", connection.client_id),
            ],
            ticket_type: settings.ticket_type.clone(),
            statuses: [
                ("status_open", settings.status_open.clone()),
                ("status_approved", settings.status_approved.clone()),
                ("status_denied", settings.status_denied.clone()),
                ("status_expired", settings.status_expired.clone()),
                ("status_withdrawn", settings.status_withdrawn.clone()),
            ],
            outcome: settings.outcome.clone(),
            team: settings.team.clone(),
            priority: settings.priority.clone(),
            assign: if settings.assign == Set::On { Switch::On } else { Switch::Off },
            time,
            minutes: minutes.to_string(),
        }
    }

    pub(super) fn typed(fields: &Fields) -> Self {
        let chosen = |name: &'static str| fields.get(name).map(str::to_owned);
        Self {
            connection: ["resource_url", "auth_url", "tenant", "client_id"]
                .map(|name| (name, fields.typed(name).to_owned())),
            ticket_type: chosen("ticket_type"),
            statuses: ["status_open", "status_approved", "status_denied", "status_expired", "status_withdrawn"]
                .map(|name| (name, chosen(name))),
            outcome: chosen("outcome"),
            team: chosen("team"),
            priority: chosen("priority"),
            assign: if fields.get("assign").is_some() { Switch::On } else { Switch::Off },
            time: [Time::Fixed, Time::Measured, Time::Off]
                .into_iter()
                .find(|time| fields.get("time") == Some(time.name()))
                .unwrap_or(Time::Fixed),
            minutes: fields.typed("minutes").to_owned(),
        }
    }

    /// What to change, compared with what is set; none where the minutes are no number.
    pub(super) fn change(&self, before: &Settings, secret: Option<&str>) -> Option<Change> {
        let was = Self::set(before);
        let [resource, auth, tenant, client] = &self.connection;
        let [was_resource, was_auth, was_tenant, was_client] = &was.connection;
        let text = |now: &(&str, String), was: &(&str, String)| (now.1 != was.1).then(|| now.1.clone());
        let [open, approved, denied, expired, withdrawn] = &self.statuses;
        let [was_open, was_approved, was_denied, was_expired, was_withdrawn] = &was.statuses;
        let status =
            |now: &(&str, Option<String>), was: &(&str, Option<String>)| (now.1 != was.1).then(|| now.1.clone());
        let time = match self.time {
            Time::Fixed => TimeEntry::Fixed { minutes: self.minutes.parse().ok()? },
            Time::Measured => TimeEntry::Measured { minimum_minutes: self.minutes.parse().ok()? },
            Time::Off => TimeEntry::Off,
        };
        let assign = if self.assign.is_on() { Set::On } else { Set::Off };
        Some(Change {
            resource_url: text(resource, was_resource),
            auth_url: text(auth, was_auth),
            tenant: text(tenant, was_tenant).map(|tenant| Some(tenant).filter(|tenant| !tenant.is_empty())),
            client_id: text(client, was_client),
            client_secret: secret.map(str::to_owned),
            ticket_type: (self.ticket_type != was.ticket_type).then(|| self.ticket_type.clone()),
            status_open: status(open, was_open),
            status_approved: status(approved, was_approved),
            status_denied: status(denied, was_denied),
            status_expired: status(expired, was_expired),
            status_withdrawn: status(withdrawn, was_withdrawn),
            outcome: (self.outcome != was.outcome).then(|| self.outcome.clone()),
            team: (self.team != was.team).then(|| self.team.clone()),
            priority: (self.priority != was.priority).then(|| self.priority.clone()),
            assign: (assign != before.assign).then_some(assign),
            time: (time != before.time).then_some(time),
            ..Change::default()
        })
    }
}

/// Why a form was not taken: the field, if it is about one, and a sentence.
pub(super) type Fault = (Option<&'static str>, String);

/// What Halo offers, as the selects show it.
fn choices_of(offered: &Offered) -> Choices {
    let choice = |id: &String, name: &String| Choice { id: id.clone(), name: name.clone() };
    Choices {
        ticket_types: offered.ticket_types.iter().map(|t| choice(&t.id, &t.name)).collect(),
        statuses: offered.statuses.iter().map(|s| choice(&s.id, &s.name)).collect(),
        outcomes: offered.outcomes.iter().map(|o| choice(&o.id, &o.name)).collect(),
        // Halo takes a team by its name.
        teams: offered.teams.iter().map(|t| choice(&t.name, &t.name)).collect(),
        priorities: offered.priorities.iter().map(|p| choice(&p.id, &p.name)).collect(),
    }
}

/// What Halo offers for a ticket type, or why there is nothing to choose from.
pub(super) async fn offered(app: &App, ticket_type: Option<&str>) -> Result<Offered, String> {
    let text = Text::default();
    app.choices(ticket_type).await.map_err(|error| match error {
        Error::NotConnected => text.t("tk-no-choices"),
        error => text.arg("tk-no-answer", "why", error.to_string()),
    })
}

/// What stands against a field, if the fault is about it.
fn error_of(fault: Option<&Fault>, name: &str) -> Option<String> {
    fault.filter(|(field, _)| *field == Some(name)).map(|(_, sentence)| sentence.clone())
}

/// The form's choices with what is chosen of them.
pub(super) fn content(values: Values, offered: Result<Offered, String>, fault: Option<&Fault>) -> Content {
    let (choices, choices_error) = match offered {
        Ok(offered) => (choices_of(&offered), None),
        Err(why) => (Choices::default(), Some(why)),
    };
    let error = |name: &str| error_of(fault, name);
    let select = |name: &'static str, chosen: Option<String>| Select { name, chosen, error: error(name) };
    Content {
        choices,
        choices_error,
        ticket_type: select("ticket_type", values.ticket_type),
        statuses: values.statuses.map(|(name, chosen)| select(name, chosen)).into(),
        outcome: select("outcome", values.outcome),
        team: select("team", values.team),
        priority: select("priority", values.priority),
        assign: values.assign,
        time: values.time,
        minutes: Field { name: "minutes", value: values.minutes, error: error("minutes").or_else(|| error("time")) },
    }
}

async fn page_of(app: &App, caller: &Visitor, values: Values, fault: Option<&Fault>) -> Result<TicketingPage, Refused> {
    let text = Text::default();
    let ticketing = app.ticketing();
    let offered = offered(app, values.ticket_type.as_deref()).await;
    let error = |name: &str| error_of(fault, name);
    let connection = values.connection.clone().map(|(name, value)| Field { name, value, error: error(name) });
    Ok(TicketingPage {
        text,
        frame: frame(app, caller, Screen::Ticketing, text.t("tk-title")).await?,
        connection: connection.into(),
        secret: if ticketing.secret_set { Secret::Stored } else { Secret::Missing },
        secret_error: error("client_secret"),
        content: content(values, offered, fault),
        edit: if caller.technician.may(Right::EditSettings) { Switch::On } else { Switch::Off },
        said: None,
        setup: match app.setup_progress().await? {
            progress if progress.is_over() => Setup::Over,
            // Connected by the API: there is nothing to continue.
            progress if progress == Progress::default() && ticketing.secret_set => Setup::Over,
            progress if progress == Progress::default() => Setup::New,
            _ => Setup::Begun,
        },
        check: None,
        sync: sync::panel(app, caller).await?,
    })
}

pub(super) async fn page(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    may(&visitor, Right::ReadSettings)?;
    let values = Values::set(&app.ticketing_settings());
    let mut page = page_of(&app, &visitor, values, None).await?;
    if options.said.as_deref() == Some("saved") {
        page.said = Some((Tone::Ok, Text::default().t("tk-saved")));
    }
    Ok(html(&page))
}

pub(super) async fn save(State(app): State<App>, form: Signed) -> Page {
    let text = Text::default();
    let caller = &form.visitor;
    may(caller, Right::EditSettings)?;
    let values = Values::typed(&form.fields);
    let before = app.ticketing_settings();
    let change = values.change(&before, form.fields.get("client_secret"));
    let outcome = match change {
        None => Err((Some("minutes"), text.t("tk-error-number"))),
        Some(change) => match app.change_ticketing(Actor::Technician(caller.technician.id.clone()), change).await {
            Ok(_) => Ok(()),
            Err(error) => match error {
                Error::Invalid { field, ref sentence, .. } => Err((field, sentence.clone())),
                Error::Psa(_) | Error::NotConnected | Error::Conflict { .. } => Err((None, error.to_string())),
                other => return Err(other.into()),
            },
        },
    };
    match outcome {
        Ok(()) => Ok(Redirect::to("/portal/settings/ticketing?said=saved").into_response()),
        Err(fault) => {
            let mut page = page_of(&app, caller, values, Some(&fault)).await?;
            let said = if fault.0.is_some() { text.t("tk-not-saved") } else { fault.1 };
            page.said = Some((Tone::Bad, said));
            Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

pub(super) async fn check(State(app): State<App>, headers: axum::http::HeaderMap, form: Signed) -> Page {
    let caller = &form.visitor;
    may(caller, Right::EditSettings)?;
    let lines = app.check_ticketing(&caller.technician, None).await?.told();
    let check = Check { text: Text::default(), told: told(&app, lines.iter().map(line)) };
    if headers.contains_key("hx-request") {
        return Ok(html(&check));
    }
    let values = Values::set(&app.ticketing_settings());
    let page = page_of(&app, caller, values, None).await?;
    Ok(html(&TicketingPage { check: Some(check), ..page }))
}

/// Lines of a check beside what stands against our work by now.
pub(super) fn told(app: &App, lines: impl Iterator<Item = CheckLine>) -> Told {
    Told { lines: lines.collect(), trouble: app.ticketing().trouble }
}

pub(super) fn line(line: &Line) -> CheckLine {
    let (key, tone, icon) = match line.status {
        CheckStatus::Ok => ("check-word-ok", Tone::Ok, "circle-check"),
        CheckStatus::Info => ("check-word-info", Tone::Info, "info-circle"),
        CheckStatus::Warn => ("check-word-warn", Tone::Warn, "alert-circle"),
        CheckStatus::Fail => ("check-word-fail", Tone::Bad, "circle-x"),
        CheckStatus::Unknown => ("check-word-unknown", Tone::Quiet, "help-circle"),
    };
    CheckLine {
        word: Text::default().t(key),
        tone,
        icon,
        title: line.title.clone(),
        seen: line.seen.clone(),
        fix: line.fix.clone(),
        place: line.r#where.clone(),
    }
}
