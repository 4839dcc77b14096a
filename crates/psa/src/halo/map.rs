//! Neutral nouns to Halo's and back, and what Halo's failures mean. Pure.

use countersign_domain::id::RequestId;
use countersign_domain::link::Theirs;
use countersign_domain::time::Time;
use halopsa::{AGENT_UNASSIGNED, AssetRef, Error, ErrorKind, TokenError, UnknownCause};
use jiff::Timestamp;

use super::sentence;
use crate::{ActionNow, Cause, Class, Fault, NewAction, NewTicket, TicketChange, TicketNow, Visibility, Written};

/// The configuration key that a refused address names; also how a refusal is told from a dead host.
pub(super) const ALLOW_HOSTS: &str = "halo.allow_hosts";

/// Reads an id of ours-about-theirs. Halo's ids are whole numbers and must be sent as such.
pub(super) fn id(text: &str) -> Result<i64, Fault> {
    text.parse().ok().filter(|&id| id > 0).ok_or_else(|| invalid(&format!("{text:?} is not an id of HaloPSA")))
}

fn optional(text: Option<&String>) -> Result<Option<i64>, Fault> {
    text.map(|text| id(text)).transpose()
}

/// A refusal of our own, before anything is sent.
pub(super) fn invalid(words: &str) -> Fault {
    Fault { class: Class::Refused, cause: Cause::Invalid, status: None, words: words.to_owned(), fix: String::new() }
}

/// An answer that cannot be relied on, whose call may have been carried out.
pub(super) fn not_understood(words: &str) -> Fault {
    let fix = "Look at it in HaloPSA; if this goes on, ask its support".to_owned();
    Fault { class: Class::Unknown, cause: Cause::NotUnderstood, status: None, words: words.to_owned(), fix }
}

/// What a failed call means for the step that made it.
pub(super) fn fault(error: &Error) -> Fault {
    let later = Class::Later(error.retry_after);
    // A read changes nothing, so its outcome is never in doubt.
    let unknown = if error.method == "GET" { later } else { Class::Unknown };
    let (class, cause) = match error.kind {
        ErrorKind::Refused => (Class::Refused, Cause::Invalid),
        ErrorKind::NotFound => (Class::Gone, Cause::NotFound),
        ErrorKind::Forbidden => (Class::Refused, Cause::NotPermitted),
        ErrorKind::RateLimited => (later, Cause::RateLimited),
        ErrorKind::NotSent | ErrorKind::Token(TokenError::NotSent) if error.words.contains(ALLOW_HOSTS) => {
            (later, Cause::AddressNotAllowed)
        }
        ErrorKind::NotSent | ErrorKind::Token(TokenError::NotSent) => (later, Cause::NotReached),
        ErrorKind::Token(TokenError::Unavailable) => (later, Cause::ServerFault),
        ErrorKind::Token(TokenError::NotUnderstood) => (later, Cause::NotUnderstood),
        // The application was let in, but a fresh token is worth nothing: a scope is missing, or a bad day.
        ErrorKind::Unauthorised => (later, Cause::NotPermitted),
        ErrorKind::Token(TokenError::InvalidClient) => (later, Cause::UnknownClient),
        ErrorKind::Token(_) => (later, Cause::Credentials),
        ErrorKind::Unknown(UnknownCause::ServerFault) => (unknown, Cause::ServerFault),
        ErrorKind::Unknown(UnknownCause::Cut | UnknownCause::Deadline) => (unknown, Cause::NoAnswer),
        ErrorKind::Unknown(UnknownCause::NotUnderstood | UnknownCause::TooLarge) => (unknown, Cause::NotUnderstood),
    };
    let (words, fix) = sentence::of(error, cause);
    Fault { class, cause, status: error.status, words, fix }
}

pub(super) fn stamp(time: Time) -> Option<Timestamp> {
    Timestamp::from_microsecond(time.0).ok()
}

pub(super) fn new_ticket(ticket: &NewTicket) -> Result<halopsa::NewTicket, Fault> {
    Ok(halopsa::NewTicket {
        summary: ticket.summary.clone(),
        details_html: ticket.html.clone(),
        tickettype_id: id(&ticket.ticket_type)?,
        client_id: id(&ticket.customer)?,
        site_id: optional(ticket.site.as_ref())?,
        user_id: optional(ticket.contact.as_ref())?,
        status_id: optional(ticket.status.as_ref())?,
        team: ticket.team.clone(),
        priority_id: optional(ticket.priority.as_ref())?,
        category_1: ticket.category.clone(),
        source: optional(ticket.source.as_ref())?,
        customfields: ticket.custom_fields.iter().map(custom_field).collect(),
        third_party_id_string: Some(ticket.reference.clone()),
        dateoccurred: stamp(ticket.occurred_at),
        assets: optional(ticket.asset.as_ref())?.map(|id| AssetRef { id }).into_iter().collect(),
        ..halopsa::NewTicket::default()
    })
}

/// A field that is written as a number is named by its id, any other by its name.
fn custom_field((field, value): &(String, String)) -> halopsa::CustomField {
    let id = field.parse().ok();
    halopsa::CustomField { id, name: id.is_none().then(|| field.clone()), value: value.clone() }
}

pub(super) fn new_action(action: &NewAction) -> Result<halopsa::NewAction, Fault> {
    let seconds = action.work_seconds.unwrap_or_default();
    let owner = optional(action.owner.as_ref())?;
    Ok(halopsa::NewAction {
        ticket_id: id(&action.ticket)?,
        outcome_id: optional(action.outcome.as_ref())?,
        note_html: action.html.clone(),
        hiddenfromuser: action.visibility == Visibility::Private,
        who_agentid: owner,
        who_type: owner.map(|_| 1),
        actisbillable: action.charge.billable.filter(|_| seconds > 0),
        chargerate: optional(action.charge.rate.as_ref().filter(|_| seconds > 0))?,
        notify: halopsa::Notify { sendemail: action.notify.mail, sendsms: false, send_survey: action.notify.survey },
        timetaken: action.work_seconds.map(|seconds| f64::from(seconds) / 3600.0),
        actionarrivaldate: stamp(action.ended_at.plus_seconds(-i64::from(seconds))),
        actioncompletiondate: stamp(action.ended_at),
        new_status: optional(action.status.as_ref())?,
        new_agent: optional(action.assignee.as_ref())?,
        ..halopsa::NewAction::default()
    })
}

pub(super) fn ticket_change(change: &TicketChange) -> Result<halopsa::TicketChange, Fault> {
    Ok(halopsa::TicketChange {
        id: id(&change.id)?,
        tickettype_id: id(&change.ticket_type)?,
        client_id: id(&change.customer)?,
        status_id: optional(change.status.as_ref())?,
        agent_id: optional(change.assignee.as_ref())?,
    })
}

pub(super) fn ticket_now(ticket: halopsa::Ticket) -> TicketNow {
    let text = |id: Option<i64>| id.map(|id| id.to_string());
    TicketNow {
        id: ticket.id.to_string(),
        reference: ticket.third_party_id_string,
        summary: ticket.summary,
        ticket_type: text(ticket.tickettype_id),
        customer: text(ticket.client_id),
        site: text(ticket.site_id),
        contact: text(ticket.user_id),
        status: text(ticket.status_id),
        assignee: text(ticket.agent_id.filter(|&id| id != AGENT_UNASSIGNED)),
        assets: ticket.assets.iter().map(|asset| asset.id.to_string()).collect(),
        merged_into: text(ticket.merged_into_id),
    }
}

fn seconds(hours: Option<f64>) -> Option<u32> {
    let seconds = (hours? * 3600.0).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within the range")]
    (0.0..=f64::from(u32::MAX)).contains(&seconds).then_some(seconds as u32)
}

pub(super) fn written(action: halopsa::Action) -> Written {
    Written {
        id: action.id.to_string(),
        work_seconds: seconds(action.timetaken),
        owner: action.who_agentid.map(|id| id.to_string()),
        owner_name: action.who,
    }
}

pub(super) fn action_now(action: halopsa::Action) -> ActionNow {
    ActionNow {
        id: action.id.to_string(),
        work_seconds: seconds(action.timetaken),
        owner: action.who_agentid.map(|id| id.to_string()),
        owner_name: action.who,
        // Actions are numbered per ticket, and the first is the one it was opened with.
        opening: action.id == 1,
        application: action.actionby_application_id.filter(|name| !name.trim().is_empty()),
        ended_at: action.actioncompletiondate.map(|at| Time(at.as_microsecond())),
        note: action.note_html.or(action.note).unwrap_or_default(),
    }
}

/// The short reference that a summary of ours ends with, `CS-7K3M9QXA`, without its brackets.
pub(super) fn short_reference(summary: &str) -> Option<String> {
    let (_, tail) = summary.rsplit_once("[CS-")?;
    let code = tail.get(..8).filter(|_| tail.as_bytes().get(8) == Some(&b']'))?;
    let letter = |c: u8| c.is_ascii_digit() || (c.is_ascii_uppercase() && !matches!(c, b'I' | b'L' | b'O' | b'U'));
    code.bytes().all(letter).then(|| format!("CS-{code}"))
}

/// Whether a full reference has the form of ours; whose it is, the caller finds out.
pub(super) fn is_reference(text: &str) -> bool {
    text.parse::<RequestId>().is_ok() || text.starts_with("session_")
}

pub(super) fn customer(customer: halopsa::Customer) -> Theirs {
    Theirs { inactive: customer.inactive == Some(true), ..named(customer.id, customer.name) }
}

pub(super) fn site(site: halopsa::Site) -> Theirs {
    let customer = site.client_id.map(|id| id.to_string());
    Theirs { inactive: site.inactive == Some(true), customer, ..named(site.id, site.name) }
}

fn named(id: i64, name: String) -> Theirs {
    Theirs { psa_id: id.to_string(), keys: vec![name.clone()], psa_name: name, ..Theirs::default() }
}

/// An agent that exists for an application is nobody's colleague: no address finds it.
pub(super) fn agent(agent: halopsa::Agent) -> Theirs {
    let address = agent.email.filter(|_| agent.isapiagent != Some(true));
    Theirs {
        psa_id: agent.id.to_string(),
        psa_name: agent.name,
        keys: address.into_iter().collect(),
        inactive: agent.isdisabled == Some(true),
        ..Theirs::default()
    }
}

pub(super) fn contact(user: halopsa::User) -> Theirs {
    Theirs {
        psa_id: user.id.to_string(),
        psa_name: user.name,
        keys: user.emailaddress.into_iter().filter(|address| !address.trim().is_empty()).collect(),
        customer: user.client_id.map(|id| id.to_string()),
        inactive: user.inactive == Some(true),
    }
}

/// Tenants keep a computer's name in different places, so an asset answers to all of them.
pub(super) fn asset(asset: halopsa::Asset) -> Theirs {
    let device_names =
        asset.fields.into_iter().filter(|field| is_device_name(&field.name)).filter_map(|field| field.value);
    let fixed = [asset.key_field, asset.inventory_number, asset.key_field2, asset.key_field3];
    let mut keys: Vec<String> = Vec::new();
    for key in fixed.into_iter().flatten().chain(device_names) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let id = asset.id.to_string();
    Theirs {
        psa_name: keys.first().unwrap_or(&id).clone(),
        psa_id: id,
        keys,
        customer: asset.client_id.map(|id| id.to_string()),
        inactive: asset.inactive == Some(true),
    }
}

fn is_device_name(field: &str) -> bool {
    let field = field.to_lowercase().replace([' ', '_', '-'], "");
    matches!(field.as_str(), "devicename" | "computername" | "hostname" | "assetname" | "name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_references_are_found_at_the_end_only_in_their_own_form() {
        for (summary, short) in [
            ("Elevation request: setup.exe on PC-014 [CS-7K3M9QXA]", Some("CS-7K3M9QXA")),
            ("[CS-AAAAAAAA] then [CS-7K3M9QXA] (edited)", Some("CS-7K3M9QXA")),
            ("[CS-7K3M9QX]", None),
            ("[CS-7K3M9QXAB]", None),
            ("[CS-7k3m9qxa]", None),
            ("[CS-7K3M9QXI]", None),
            ("[CS-ääää", None),
            ("", None),
        ] {
            assert_eq!(short_reference(summary).as_deref(), short, "{summary}");
        }
    }

    #[test]
    fn hours_become_seconds_and_nonsense_nothing() {
        assert_eq!(seconds(Some(0.083_333_333)), Some(300));
        assert_eq!(seconds(Some(f64::NAN)), None);
        assert_eq!(seconds(Some(-1.0)), None);
        assert_eq!(seconds(None), None);
    }

    #[test]
    fn ids_are_whole_positive_numbers() {
        for wrong in ["", "0", "-1", "1.0", "x", "99999999999999999999"] {
            assert_eq!(id(wrong).expect_err(wrong).class, Class::Refused);
        }
    }

    #[test]
    fn an_asset_answers_to_every_name_it_has() {
        let field = |name: &str, value: &str| halopsa::AssetField { name: name.into(), value: Some(value.into()) };
        let theirs = asset(halopsa::Asset {
            id: 7,
            inventory_number: Some("TAG-1".into()),
            key_field: Some("PC-014".into()),
            fields: vec![field("Device Name", "PC-014"), field("Host name", "pc014"), field("Colour", "red")],
            ..halopsa::Asset::default()
        });
        assert_eq!(theirs.psa_name, "PC-014");
        assert_eq!(theirs.keys, ["PC-014", "TAG-1", "pc014"]);
    }
}
