//! The form's texts: made of settings, and turned back into a change of them.

use std::collections::BTreeMap;

use countersign_app::budget::Allowance;
use countersign_app::follow::ClosedByHand;
use countersign_app::psa::Visibility;
use countersign_app::ticketing::{CHOICES, Change, Settings, Switch as Set, TimeEntry};
use countersign_domain::request::TicketOn;
use countersign_domain::ticket::Part;

use crate::portal::form::Fields;
use crate::portal::text::Text;

/// The texts of the form: those that are set, or those that were typed, by the fields' names.
pub(super) type Values = BTreeMap<String, String>;

fn word(set: Set) -> &'static str {
    if set == Set::On { "on" } else { "off" }
}

fn switch(word: &str) -> Set {
    if word == "on" { Set::On } else { Set::Off }
}

pub(super) fn text_field(part: Part) -> String {
    format!("text-{}", part.as_str())
}

pub(super) fn values_of(settings: &Settings) -> Values {
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
pub(super) fn typed(settings: &Settings, fields: &Fields) -> Values {
    let mut values = values_of(settings);
    for (name, value) in &mut values {
        if fields.has(name) {
            *value = fields.typed(name).replace("\r\n", "\n");
        }
    }
    values
}

/// Why a form was not taken: the field in the form, and a sentence.
pub(super) type Fault = (Option<String>, String);

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
pub(super) fn change(settings: &Settings, values: &Values) -> Result<Change, Fault> {
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

pub(super) fn texts(values: &Values) -> Vec<(Part, Option<String>)> {
    Part::ALL.into_iter().map(|part| (part, values.get(&text_field(part)).cloned())).collect()
}

/// The field of the form for a field of the API that was refused.
pub(super) fn form_field(field: &str) -> String {
    match field.strip_prefix("texts.") {
        Some(part) => format!("text-{part}"),
        None if field == "time" => "minutes".to_owned(),
        None if field == "budget" => "calls".to_owned(),
        None => field.to_owned(),
    }
}
