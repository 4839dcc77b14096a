//! Compares tickets as the stand-in holds them with what the demo's document says of them.
//!
//! Its own second opinion: it shares nothing with the comparison that the demo makes itself.

use serde_json::Value;

use crate::http::text;

/// Five minutes, in hours.
const FIVE_MINUTES: f64 = 5.0 / 60.0;

/// What this Halo makes of our calls.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// Name of the ticket type.
    pub(crate) ticket_type: &'static str,
    /// Name of the status at the end.
    pub(crate) status: &'static str,
    /// Whose the time is.
    pub(crate) owner: Owner,
    /// Whether the one who decided has the ticket.
    pub(crate) assigned: Assigned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Decider,
    ApiAgent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assigned {
    ToDecider,
    ToNobody,
}

impl Expected {
    /// The `demo` seed as it is.
    pub(crate) const DEMO: Self =
        Self { ticket_type: "Incident", status: "Closed", owner: Owner::Decider, assigned: Assigned::ToDecider };
}

/// The one record of that id.
#[track_caller]
fn one<'a>(state: &'a Value, kind: &str, id: &Value) -> &'a Value {
    let rows = table(state, kind);
    let found: Vec<&Value> = rows.into_iter().filter(|row| row["id"] == *id).collect();
    assert_eq!(found.len(), 1, "{kind} {id}");
    found[0]
}

/// A table of the state, which may print as a list or as an object by id.
fn table<'a>(state: &'a Value, kind: &str) -> Vec<&'a Value> {
    match &state[kind] {
        Value::Array(rows) => rows.iter().collect(),
        Value::Object(rows) => rows.values().collect(),
        other => panic!("{kind}: {other}"),
    }
}

/// Every ticket that bears the reference of a request of ours, deleted ones too.
pub(crate) fn bearing<'a>(state: &'a Value, request: &str) -> Vec<&'a Value> {
    table(state, "tickets")
        .into_iter()
        .filter(|ticket| {
            ticket["third_party_id_string"] == request
                || ticket["details"].as_str().is_some_and(|d| d.contains(request))
        })
        .collect()
}

/// The actions after the opening entry.
pub(crate) fn later_actions(ticket: &Value) -> &[Value] {
    let actions = ticket["actions"].as_array().expect("a ticket has actions");
    assert_eq!(actions[0]["outcome"], "Opened", "{ticket}");
    &actions[1..]
}

/// Checks the document's fields, and each of its tickets against the state.
pub(crate) fn all_right(document: &Value, state: &Value, expected: Expected) {
    let requests = document["requests"].as_array().expect("the document lists requests");
    assert_eq!(requests.len(), 5, "five scenes are decided");
    for request in requests {
        right(request, state, expected);
    }
    let ours = table(state, "tickets").into_iter().filter(|ticket| text(ticket, "summary").contains("[CS-")).count();
    assert_eq!(ours, requests.len(), "no ticket beyond the listed ones");
}

fn right(request: &Value, state: &Value, expected: Expected) {
    let id = text(request, "id");
    for field in ["company", "computer", "program", "state", "decided_by"] {
        assert!(!text(request, field).is_empty(), "{field}: {request}");
    }
    assert!(request["waited_ms"].as_i64().is_some_and(|ms| ms >= 0), "{request}");
    let told = &request["ticket"];
    let found = bearing(state, id);
    assert_eq!(found.len(), 1, "one ticket for {id}");
    let ticket = found[0];
    assert_eq!(ticket["id"].to_string(), text(told, "id"));
    assert!(text(told, "url").ends_with(&format!("/ticket?id={}", ticket["id"])), "{told}");
    assert_eq!(ticket["deleted"], false);
    assert_eq!(one(state, "tickettypes", &ticket["tickettype_id"])["name"], expected.ticket_type);

    let customer = one(state, "clients", &ticket["client_id"]);
    assert_eq!(customer["name"], request["company"]);
    let site = one(state, "sites", &ticket["site_id"]);
    assert_eq!(site["client_id"].as_f64(), customer["id"].as_f64(), "the site is the customer's");
    let details = text(ticket, "details_html");
    assert!(details.contains(&format!("<td>Location</td><td>{}</td>", text(site, "name"))), "{details}");
    let assets = ticket["assets"].as_array().expect("assets");
    assert_eq!(assets.len(), 1, "{ticket}");
    let asset = one(state, "assets", &assets[0]["id"]);
    assert_eq!((&asset["inventory_number"], &asset["client_id"]), (&request["computer"], &customer["id"]));

    let status = one(state, "statuses", &ticket["status_id"]);
    assert_eq!(status["name"], expected.status);
    assert_eq!(told["status"], status["name"]);
    let login = &state["login_agent_id"];
    let assignee = one(state, "agents", &ticket["agent_id"]);
    match expected.assigned {
        Assigned::ToDecider => {
            assert_eq!(assignee["name"], request["decided_by"]);
            assert_eq!(told["assigned_to"], request["decided_by"]);
        }
        Assigned::ToNobody => assert_ne!(assignee["name"], request["decided_by"]),
    }

    let actions = later_actions(ticket);
    assert_eq!(actions.len(), 1, "one action beyond the opening entry: {actions:#?}");
    let action = &actions[0];
    let booked = action["timetaken"].as_f64().expect("hours");
    assert!((booked - FIVE_MINUTES).abs() < 1e-9, "{booked} h");
    assert_eq!(told["time_minutes"].as_f64(), Some(5.0));
    let owner = one(state, "agents", &action["who_agentid"]);
    match expected.owner {
        Owner::Decider => assert_eq!(owner["name"], request["decided_by"]),
        Owner::ApiAgent => assert_eq!(&owner["id"], login),
    }
    assert_eq!(told["time_owner"], owner["name"]);
    assert_eq!(action["hiddenfromuser"], true, "notes are private");
    assert_eq!([&action["sendemail"], &action["sendsms"]], [false, false], "nobody gets mail from us");
    let note = text(action, "note");
    assert!(note.contains(text(request, "decided_by")) && note.contains(text(request, "state")), "{note}");
    assert!(note.ends_with(&format!("{id}/record_decision/1")), "the reference stands last: {note}");
}

/// Checks the rest of the document: everything that a reader of it needs.
pub(crate) fn is_complete(document: &Value) {
    for (group, fields) in [
        ("portal", ["url", "sign_in_url", "api_token"].as_slice()),
        ("endpoint", &["url", "enrollment_key"]),
        ("halo", &["url", "client_id", "client_secret", "tenant"]),
    ] {
        for field in fields {
            assert!(!text(&document[group], field).is_empty(), "{group}.{field}");
        }
    }
    assert!(text(&document["portal"], "sign_in_url").starts_with(text(&document["portal"], "url")));
}
