//! Settings of tickets in all their detail, for the house and for single companies, with a preview of texts.
//!
//! Called by the router. The connection and the essentials stand on the page of [`super::ticketing`]. The decision a
//! reader would undo: a save names only what differs from what holds, so that a company keeps nothing that it has from
//! the house, and a changed ticket type chooses fitting statuses anew for all that was left alone.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use countersign_app::budget::Allowance;
use countersign_app::follow::ClosedByHand;
use countersign_app::psa::{Choices, Visibility};
use countersign_app::ticketing::{CHOICES, Change, Settings, Switch as Set, TimeEntry, offered};
use countersign_app::{App, Error, RequestQuery};
use countersign_domain::audit::Actor;
use countersign_domain::id::CompanyId;
use countersign_domain::request::TicketOn;
use countersign_domain::role::Right;
use countersign_domain::text::html as escaped;
use countersign_domain::ticket::Part;
use countersign_domain::variables::VARIABLES;
use serde::Deserialize;

use super::directory::parsed;
use super::form::{Fields, Signed};
use super::text::Text;
use super::ticketing::may;
use super::view::frame::{Screen, Tone};
use super::view::ticket_settings::{
    Choose, Input, Preview, Section, Sent, Setting, TicketSettingsPage, Variable, Whose,
};
use super::view::ticketing::Switch;
use super::visitor::Visitor;
use super::{Page, Refused, frame, html, html_with};
use crate::api::texts::event as event_named;
use crate::http::Shared;

const HOUSE: &str = "/portal/settings/tickets";

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route(HOUSE, get(house).post(save_house))
        .route(&format!("{HOUSE}/preview"), post(preview_house))
        .route("/portal/companies/{id}/ticketing", get(company).post(save_company))
        .route("/portal/companies/{id}/ticketing/preview", post(preview_company))
        .route("/portal/companies/{id}/ticketing/inherit", post(inherit))
}

/// What the page's address may say.
#[derive(Debug, Default, Deserialize)]
struct Options {
    said: Option<String>,
}

/// Whose settings a page is about. A company that the caller may not see is not found, before his rights are asked for.
struct Scope {
    company: Option<(CompanyId, String)>,
    settings: Settings,
    /// The settings that are the company's own.
    own: Vec<&'static str>,
}

impl Scope {
    fn house(app: &App) -> Self {
        Self { company: None, settings: Settings::clone(&app.ticketing_settings()), own: Vec::new() }
    }

    async fn company(app: &App, caller: &Visitor, id: &str) -> Result<Self, Refused> {
        let id: CompanyId = parsed(id)?;
        let row = app.company(&caller.technician, &id).await?;
        let view = app.company_ticketing(&caller.technician, &id).await?;
        Ok(Self { company: Some((id, row.company.name)), settings: view.settings, own: view.own })
    }

    fn base(&self) -> String {
        self.company.as_ref().map_or_else(|| HOUSE.to_owned(), |(id, _)| format!("/portal/companies/{id}/ticketing"))
    }
}

/// The texts of the form: those that are set, or those that were typed, by the fields' names.
type Values = BTreeMap<String, String>;

/// Fields that hold no choice of Halo's, with what may be chosen.
const ON_OFF: [&str; 2] = ["on", "off"];

fn word(set: Set) -> &'static str {
    if set == Set::On { "on" } else { "off" }
}

fn switch(word: &str) -> Set {
    if word == "on" { Set::On } else { Set::Off }
}

fn text_field(part: Part) -> String {
    format!("text-{}", part.as_str())
}

fn values_of(settings: &Settings) -> Values {
    let mut values = Values::new();
    for name in CHOICES {
        values.insert(name.to_owned(), settings.choice(name).cloned().flatten().unwrap_or_default());
    }
    let (time, minutes) = match settings.time {
        TimeEntry::Fixed { minutes } => ("fixed", minutes),
        TimeEntry::Measured { minimum_minutes } => ("measured", minimum_minutes),
        TimeEntry::Off => ("off", 5),
    };
    let ticket_on = match settings.ticket_on {
        TicketOn::Request => "request",
        TicketOn::Denial => "denial",
        TicketOn::DenialOrExpiry => "denial_or_expiry",
    };
    let closed_by_hand = match settings.closed_by_hand {
        ClosedByHand::Leave => "leave",
        ClosedByHand::Withdraw => "withdraw",
        ClosedByHand::Warn => "warn",
    };
    let lines: Vec<String> = settings.custom_fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let off = if settings.budget.off { "on" } else { "off" };
    let notes = if settings.notes == Visibility::Private { "private" } else { "public" };
    for (name, value) in [
        ("ticket_on", ticket_on.to_owned()),
        ("closed_by_hand", closed_by_hand.to_owned()),
        ("custom_fields", lines.join("\n")),
        ("assign", word(settings.assign).to_owned()),
        ("time", time.to_owned()),
        ("minutes", minutes.to_string()),
        ("time_step_minutes", settings.time_step_minutes.to_string()),
        ("billable", settings.billable.map_or("", word).to_owned()),
        ("time_needs_link", word(settings.time_needs_link).to_owned()),
        ("notes", notes.to_owned()),
        ("mail_user", word(settings.mail_user).to_owned()),
        ("survey", word(settings.survey).to_owned()),
        ("calls", settings.budget.calls.to_string()),
        ("window_s", settings.budget.window_s.to_string()),
        ("budget_off", off.to_owned()),
        ("settle_s", settings.settle_s.to_string()),
    ] {
        values.insert(name.to_owned(), value);
    }
    for part in Part::ALL {
        values.insert(text_field(part), settings.texts.template(part).to_owned());
    }
    values
}

/// What was typed over what is set: a field that the form does not have stays.
fn typed(settings: &Settings, fields: &Fields) -> Values {
    let mut values = values_of(settings);
    for (name, value) in &mut values {
        if fields.has(name) {
            *value = fields.typed(name).replace("\r\n", "\n");
        }
    }
    values
}

/// Why a form was not taken: the field in the form, and a sentence.
type Fault = (Option<String>, String);

fn number(values: &Values, name: &str) -> Result<u32, Fault> {
    let value = values.get(name).map_or("", String::as_str);
    value.trim().parse().map_err(|_| (Some(name.to_owned()), Text::default().t("tk-error-number")))
}

fn custom_fields(typed: &str) -> Result<BTreeMap<String, String>, Fault> {
    let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| (Some("custom_fields".to_owned()), Text::default().t("ts-error-line")))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

/// What to change: only what differs from what holds.
fn change(settings: &Settings, values: &Values) -> Result<Change, Fault> {
    let was = values_of(settings);
    let differs = |name: &str| was.get(name) != values.get(name);
    let value = |name: &str| values.get(name).map_or("", String::as_str);
    let switched = |name: &str| differs(name).then(|| switch(value(name)));
    let mut change = Change {
        ticket_on: differs("ticket_on").then(|| match value("ticket_on") {
            "denial" => TicketOn::Denial,
            "denial_or_expiry" => TicketOn::DenialOrExpiry,
            _ => TicketOn::Request,
        }),
        closed_by_hand: differs("closed_by_hand").then(|| match value("closed_by_hand") {
            "leave" => ClosedByHand::Leave,
            "withdraw" => ClosedByHand::Withdraw,
            _ => ClosedByHand::Warn,
        }),
        assign: switched("assign"),
        time_needs_link: switched("time_needs_link"),
        mail_user: switched("mail_user"),
        survey: switched("survey"),
        billable: differs("billable").then(|| Some(value("billable")).filter(|set| !set.is_empty()).map(switch)),
        notes: differs("notes")
            .then(|| if value("notes") == "public" { Visibility::Public } else { Visibility::Private }),
        ..Change::default()
    };
    for name in CHOICES.into_iter().filter(|name| differs(name)) {
        change.choose(name, Some(value(name).to_owned()).filter(|chosen| !chosen.is_empty()));
    }
    if differs("time") || differs("minutes") {
        change.time = Some(match value("time") {
            "off" => TimeEntry::Off,
            "measured" => TimeEntry::Measured { minimum_minutes: number(values, "minutes")? },
            _ => TimeEntry::Fixed { minutes: number(values, "minutes")? },
        });
    }
    if differs("time_step_minutes") {
        change.time_step_minutes = Some(number(values, "time_step_minutes")?);
    }
    if differs("settle_s") {
        change.settle_s = Some(number(values, "settle_s")?);
    }
    if ["calls", "window_s", "budget_off"].into_iter().any(differs) {
        let (calls, window_s) = (number(values, "calls")?, number(values, "window_s")?);
        change.budget = Some(Allowance { calls, window_s, off: value("budget_off") == "on" });
    }
    if differs("custom_fields") {
        change.custom_fields = Some(custom_fields(value("custom_fields"))?);
    }
    let same = |part: &Part| value(&text_field(*part)).trim() == settings.texts.template(*part).trim();
    change.texts = texts(values).into_iter().filter(|(part, _)| !same(part)).collect();
    Ok(change)
}

fn texts(values: &Values) -> Vec<(Part, Option<String>)> {
    Part::ALL.into_iter().map(|part| (part, values.get(&text_field(part)).cloned())).collect()
}

/// The field of the form for a field of the API that was refused.
fn form_field(field: &str) -> String {
    match field.strip_prefix("texts.") {
        Some(part) => format!("text-{part}"),
        None if field == "time" => "minutes".to_owned(),
        None if field == "budget" => "calls".to_owned(),
        None => field.to_owned(),
    }
}

/// Makes the fields of a page.
struct Form<'a> {
    text: Text,
    scope: &'a Scope,
    values: &'a Values,
    choices: &'a Choices,
    fault: Option<&'a Fault>,
}

impl Form<'_> {
    fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    fn setting(&self, name: &str, setting: &'static str, input: Input) -> Setting {
        let own = self.scope.own.contains(&setting);
        Setting {
            name: name.to_owned(),
            api_name: setting,
            input,
            error: self.fault.filter(|(field, _)| field.as_deref() == Some(name)).map(|(_, sentence)| sentence.clone()),
            gone: None,
            whose: match self.scope.company {
                None => Whose::House,
                Some(_) if own => Whose::Own,
                Some(_) => Whose::Inherited,
            },
        }
    }

    /// One of a few words; each has a text key.
    fn words(&self, name: &'static str, words: &[(&str, &str)]) -> Setting {
        let value = self.value(name);
        let options = words.iter().map(|(word, key)| choose(word, self.text.t(key), value == *word)).collect();
        self.setting(name, name, Input::Select(options))
    }

    fn on_off(&self, name: &'static str) -> Setting {
        let [on, off] = ON_OFF;
        self.words(name, &[(on, "ts-on"), (off, "ts-off")])
    }

    /// A choice of Halo's, or left to Halo. One that is not offered any more stays in the list, and is told.
    fn chosen(&self, name: &'static str) -> Setting {
        let value = self.value(name);
        let offered = offered(name, self.choices);
        let mut options = vec![choose("", self.text.t("ts-not-sent"), value.is_empty())];
        options.extend(offered.iter().map(|(id, called)| choose(id, (*called).to_owned(), *id == value)));
        let known = value.is_empty() || offered.iter().any(|(id, _)| *id == value);
        let was = self
            .scope
            .settings
            .chosen
            .get(name)
            .filter(|_| self.scope.settings.choice(name).is_some_and(|set| set.as_deref() == Some(value.as_str())));
        let called = was.cloned().unwrap_or_else(|| value.clone());
        if !known {
            options.push(choose(&value, called.clone(), true));
        }
        let gone = (!known && !offered.is_empty()).then(|| self.text.arg("ts-gone", "name", &called));
        Setting { gone, ..self.setting(name, name, Input::Select(options)) }
    }

    fn short(&self, name: &'static str, setting: &'static str) -> Setting {
        self.setting(name, setting, Input::Short(self.value(name)))
    }

    fn sections(&self) -> Vec<Section> {
        let section = |name, settings| Section { name, settings };
        let tickets = vec![
            self.words(
                "ticket_on",
                &[
                    ("request", "ts-ticket_on-request"),
                    ("denial", "ts-ticket_on-denial"),
                    ("denial_or_expiry", "ts-ticket_on-denial_or_expiry"),
                ],
            ),
            self.chosen("ticket_type"),
            self.chosen("team"),
            self.chosen("priority"),
            self.chosen("category"),
            self.chosen("source"),
            self.setting("custom_fields", "custom_fields", Input::Lines(self.value("custom_fields"), 3)),
            self.on_off("assign"),
        ];
        let statuses = ["status_open", "status_approved", "status_denied", "status_expired", "status_withdrawn"]
            .into_iter()
            .chain(["status_revoked", "status_failed", "status_again"])
            .map(|name| self.chosen(name))
            .chain(std::iter::once(self.words(
                "closed_by_hand",
                &[
                    ("warn", "ts-closed_by_hand-warn"),
                    ("withdraw", "ts-closed_by_hand-withdraw"),
                    ("leave", "ts-closed_by_hand-leave"),
                ],
            )))
            .collect();
        let time = vec![
            self.words("time", &[("fixed", "tk-time-fixed"), ("measured", "tk-time-measured"), ("off", "tk-time-off")]),
            self.short("minutes", "time"),
            self.short("time_step_minutes", "time_step_minutes"),
            self.words("billable", &[("", "ts-not-sent"), ("on", "ts-on"), ("off", "ts-off")]),
            self.chosen("charge_rate"),
            self.on_off("time_needs_link"),
        ];
        let mut texts = vec![
            self.chosen("outcome"),
            self.words("notes", &[("private", "ts-private"), ("public", "ts-public")]),
            self.on_off("mail_user"),
            self.on_off("survey"),
        ];
        texts.extend(Part::ALL.map(|part| {
            let rows = match part {
                Part::Summary => 2,
                Part::Description => 12,
                _ => 4,
            };
            let name = text_field(part);
            self.setting(&name, "texts", Input::Code(self.value(&name), rows))
        }));
        let mut sections = vec![
            section("tickets", tickets),
            section("statuses", statuses),
            section("time", time),
            section("texts", texts),
        ];
        if self.scope.company.is_none() {
            let budget = vec![
                self.short("calls", "budget"),
                self.short("window_s", "budget"),
                self.on_off("budget_off"),
                self.short("settle_s", "settle_s"),
            ];
            sections.push(section("budget", budget));
        }
        sections
    }
}

fn choose(value: &str, label: String, chosen: bool) -> Choose {
    Choose { value: value.to_owned(), label, chosen: if chosen { Switch::On } else { Switch::Off } }
}

const EVENTS: [&str; 8] = ["opened", "approved", "denied", "expired", "withdrawn", "revoked", "failed", "repeated"];

/// The preview of the request and event that were chosen; of the newest request and its opening where none was.
async fn preview_of(
    app: &App,
    caller: &Visitor,
    scope: &Scope,
    values: &Values,
    wanted: (&str, &str),
) -> Result<Preview, Refused> {
    let text = Text::default();
    let query = RequestQuery {
        company: scope.company.as_ref().map(|(id, _)| id.clone()),
        heads_only: true,
        limit: 20,
        ..RequestQuery::default()
    };
    let rows = app.requests(&caller.technician, &query).await?;
    let chosen = rows.iter().position(|row| row.request.id.as_str() == wanted.0).unwrap_or(0);
    let event = EVENTS.into_iter().find(|event| *event == wanted.1).unwrap_or("opened");
    let mut preview = Preview {
        text,
        base: scope.base(),
        requests: rows
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let label =
                    format!("{} · {} · {}", row.request.asked.program_name(), row.computer, row.request.id.short());
                choose(row.request.id.as_str(), label, place == chosen)
            })
            .collect(),
        events: EVENTS.map(|one| choose(one, text.t(format!("ts-event-{one}")), one == event)).into(),
        summary: None,
        document: None,
        fields: Vec::new(),
        notes: Vec::new(),
    };
    let (Some(row), Some(part)) = (rows.get(chosen), event_named(event)) else { return Ok(preview) };
    // A mistake in another text is told when it is shown, or saved.
    let shown = |one: &Part| *one == part || (part == Part::Description && *one == Part::Summary);
    let texts: Vec<_> = texts(values).into_iter().filter(|(one, _)| shown(one)).collect();
    match app.preview_ticket(&caller.technician, &row.request.id, part, &texts).await {
        Ok(shown) => {
            preview.summary = shown.summary;
            preview.document = Some(document(&shown.html));
            preview.notes = shown.warnings;
            preview.fields = shown
                .fields
                .into_iter()
                .map(|field| Sent { label: label(text, field.name), value: field.value, called: field.called })
                .collect();
        }
        Err(Error::Invalid { sentence, .. }) => preview.notes = vec![sentence],
        Err(other) => return Err(other.into()),
    }
    Ok(preview)
}

/// A field's name in words: the setting's own label where it is one.
fn label(text: Text, name: &str) -> String {
    match name {
        "customer" | "site" | "contact" | "asset" | "occurred_at" | "status" | "assignee" | "time_owner"
        | "time_minutes" => text.t(format!("ts-sent-{name}")),
        _ => text.t(format!("ts-{name}")),
    }
}

/// The document of the preview's frame. The frame is sandboxed: it runs no script, sends no form and opens nothing. It
/// is of our origin only to get its sheet, which without scripts gives it nothing else.
fn document(body: &str) -> String {
    let sheet = escaped(&super::assets::url("preview.css"));
    format!("<!doctype html><meta charset=\"utf-8\"><link rel=\"stylesheet\" href=\"{sheet}\"><body>{body}</body>")
}

async fn page_of(
    app: &App,
    caller: &Visitor,
    scope: &Scope,
    values: &Values,
    fault: Option<&Fault>,
    wanted: (&str, &str),
) -> Result<TicketSettingsPage, Refused> {
    let text = Text::default();
    let ticket_type = values.get("ticket_type").filter(|chosen| !chosen.is_empty());
    let (choices, choices_error) = match app.choices(ticket_type.map(String::as_str)).await {
        Ok(choices) => {
            if scope.company.is_none() && ticket_type == scope.settings.ticket_type.as_ref() {
                app.note_choices(&choices);
            }
            (choices, None)
        }
        Err(Error::NotConnected) => (Choices::default(), Some(text.t("tk-no-choices"))),
        Err(error) => (Choices::default(), Some(text.arg("tk-no-answer", "why", error.to_string()))),
    };
    let form = Form { text, scope, values, choices: &choices, fault };
    Ok(TicketSettingsPage {
        text,
        frame: frame(
            app,
            caller,
            if scope.company.is_some() { Screen::Companies } else { Screen::Ticketing },
            text.t("ts-title"),
        )
        .await?,
        base: scope.base(),
        company: scope.company.as_ref().map(|(id, name)| (name.clone(), format!("/portal/companies/{id}"))),
        sections: form.sections(),
        variables: VARIABLES
            .iter()
            .map(|one| Variable { name: one.name, meaning: super::meaning(one), example: one.example })
            .collect(),
        choices_error,
        edit: if caller.technician.may(Right::EditSettings) { Switch::On } else { Switch::Off },
        said: None,
        preview: preview_of(app, caller, scope, values, wanted).await?,
    })
}

async fn show(app: &App, caller: &Visitor, scope: &Scope, said: Option<&str>) -> Page {
    may(caller, Right::ReadSettings)?;
    let values = values_of(&scope.settings);
    let mut page = page_of(app, caller, scope, &values, None, ("", "")).await?;
    if said == Some("saved") {
        page.said = Some((Tone::Ok, Text::default().t("tk-saved")));
    }
    Ok(html(&page))
}

async fn house(State(app): State<App>, visitor: Visitor, Query(options): Query<Options>) -> Page {
    show(&app, &visitor, &Scope::house(&app), options.said.as_deref()).await
}

async fn company(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(options): Query<Options>,
) -> Page {
    let scope = Scope::company(&app, &visitor, &id).await?;
    show(&app, &visitor, &scope, options.said.as_deref()).await
}

async fn save(app: &App, form: &Signed, scope: &Scope) -> Page {
    let (text, caller) = (Text::default(), &form.visitor);
    may(caller, Right::EditSettings)?;
    let values = typed(&scope.settings, &form.fields);
    let outcome = match change(&scope.settings, &values) {
        Err(fault) => Err(fault),
        Ok(change) => {
            let saved = match &scope.company {
                None => {
                    let actor = Actor::Technician(caller.technician.id.clone());
                    app.change_ticketing(actor, change).await.map(|_| ())
                }
                Some((id, _)) => app.change_company_ticketing(&caller.technician, id, change, &[]).await.map(|_| ()),
            };
            match saved {
                Ok(()) => Ok(()),
                Err(Error::Invalid { field, sentence, .. }) => Err((field.map(form_field), sentence)),
                Err(error @ (Error::Psa(_) | Error::NotConnected | Error::Conflict { .. })) => {
                    Err((None, error.to_string()))
                }
                Err(other) => return Err(other.into()),
            }
        }
    };
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("{}?said=saved", scope.base())).into_response()),
        Err(fault) => {
            let mut page = page_of(app, caller, scope, &values, Some(&fault), wanted(&form.fields)).await?;
            let said = if fault.0.is_some() { text.t("tk-not-saved") } else { fault.1 };
            page.said = Some((Tone::Bad, said));
            Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

async fn save_house(State(app): State<App>, form: Signed) -> Page {
    save(&app, &form, &Scope::house(&app)).await
}

async fn save_company(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let scope = Scope::company(&app, &form.visitor, &id).await?;
    save(&app, &form, &scope).await
}

/// The request and the event that the preview is to show.
fn wanted(fields: &Fields) -> (&str, &str) {
    (fields.typed("preview_request"), fields.typed("preview_event"))
}

async fn preview(app: &App, headers: &HeaderMap, form: &Signed, scope: &Scope) -> Page {
    let caller = &form.visitor;
    may(caller, Right::ReadSettings)?;
    let values = typed(&scope.settings, &form.fields);
    let wanted = wanted(&form.fields);
    if headers.contains_key("hx-request") {
        return Ok(html(&preview_of(app, caller, scope, &values, wanted).await?));
    }
    Ok(html(&page_of(app, caller, scope, &values, None, wanted).await?))
}

async fn preview_house(State(app): State<App>, headers: HeaderMap, form: Signed) -> Page {
    preview(&app, &headers, &form, &Scope::house(&app)).await
}

async fn preview_company(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap, form: Signed) -> Page {
    let scope = Scope::company(&app, &form.visitor, &id).await?;
    preview(&app, &headers, &form, &scope).await
}

async fn inherit(State(app): State<App>, Path(id): Path<String>, form: Signed) -> Page {
    let id: CompanyId = parsed(&id)?;
    app.company(&form.visitor.technician, &id).await?;
    may(&form.visitor, Right::EditSettings)?;
    app.inherit_ticketing(&form.visitor.technician, &id, form.fields.get("setting")).await?;
    Ok(Redirect::to(&format!("/portal/companies/{id}/ticketing?said=saved")).into_response())
}
