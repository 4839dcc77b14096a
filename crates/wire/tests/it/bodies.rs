//! Bodies of `/agent/v1`.

use countersign_wire::decision::{DecisionAnswer, Outcome, OutcomeBody};
use countersign_wire::enroll::{EnrollBody, Enrolled, EnrollmentKey, Held};
use countersign_wire::grant::{Arguments, arguments_hash};
use countersign_wire::keys;
use countersign_wire::problem::{Problem, code};
use countersign_wire::request::{RequestAnswer, RequestBody, State};
use countersign_wire::{Time, read};
use serde_json::{Value, json};

fn request() -> Value {
    json!({
        "end_user": {"account": "d.lee", "email": "d.lee@example.com"},
        "program": {"path": "/usr/bin/apt-get", "sha256": "A".repeat(64), "size": 18384},
        "command_line": "apt-get install nmap",
        "requested_at": "2026-11-24T10:00:00+01:00",
        "from_the_future": {"x": 1},
    })
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut body = request();
    change(&mut body);
    read::<RequestBody>(body.to_string().as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_request_with_only_the_fields_it_must_have() {
    let body: RequestBody = read(request().to_string().as_bytes()).unwrap();
    assert_eq!(body.end_user.account.as_str(), "d.lee");
    assert_eq!(body.program.sha256.as_str(), "a".repeat(64));
    assert_eq!(body.requested_at.to_string(), "2026-11-24T09:00:00Z");
    assert_eq!(body.arguments(), Arguments::Exact { sha256: arguments_hash(["apt-get install nmap"]) });
}

#[test]
fn a_refusal_names_the_field_the_limit_and_what_was_sent() {
    assert_eq!(
        refused(|b| b["end_user"]["account"] = json!("x".repeat(201))),
        "end_user.account: at most 200 characters are allowed, 201 were sent"
    );
    assert_eq!(refused(|b| b["end_user"]["account"] = json!("  ")), "end_user.account: must not be empty");
    assert_eq!(
        refused(|b| b["program"]["sha256"] = json!("abc")),
        "program.sha256: a SHA-256 value has 64 hexadecimal digits, 3 characters were sent"
    );
    assert_eq!(
        refused(|b| b["requested_at"] = json!("yesterday")),
        "requested_at: a time looks like 2026-11-24T09:30:00Z"
    );
    assert_eq!(refused(|b| b["reason"] = json!(7)), "reason: invalid type: integer `7`, expected a string");
    assert_eq!(refused(|b| b["program"] = json!({"path": "/x"})), "program: missing field `sha256`");
    assert!(read::<RequestBody>(b"<html>").unwrap_err().to_string().starts_with("expected value"));
    assert_eq!(read::<u8>(b"1 2").unwrap_err().to_string(), "there is more after the JSON value");
}

#[test]
fn answers_have_the_names_of_the_contract() {
    let answer: RequestAnswer =
        read(br#"{"id":"req_1","state":"pending","ticket":{"id":"48216","url":"https://x"}}"#).unwrap();
    assert_eq!((answer.state, answer.ticket.unwrap().id.as_str()), (State::Pending, "48216"));
    let answer: DecisionAnswer =
        read(br#"{"id":"req_1","state":"denied","decision":{"verdict":"deny","reason":"No","by":"Sam Okoro"}}"#)
            .unwrap();
    assert_eq!(answer.decision.unwrap().by.unwrap().as_str(), "Sam Okoro");
    assert!(read::<DecisionAnswer>(br#"{"id":"req_1","state":"maybe"}"#).is_err(), "an unknown state is no approval");
    let outcome =
        OutcomeBody { outcome: Outcome::GivenUp, exit_code: None, use_id: None, at: Time::from_micros(0).unwrap() };
    assert_eq!(serde_json::to_value(outcome).unwrap(), json!({"outcome": "given_up", "at": "1970-01-01T00:00:00Z"}));
    assert_eq!(Time::MAX.to_string(), "9999-12-30T22:00:00Z");
    let held: Held = read(br#"{"computer_id":"computer_1","held":true}"#).unwrap();
    assert!(held.held);
}

#[test]
fn enrolment() {
    let body = json!({"enrollment_key": "csk_x", "company": "Sample Dental Group", "location": "Main",
        "computer": {"name": "demo-dev-07", "os": "Debian", "os_version": "12", "machine_id": "m"}, "agent_version": "0.1.0"});
    assert_eq!(read::<EnrollBody>(body.to_string().as_bytes()).unwrap().computer.name.as_str(), "demo-dev-07");
    let root = keys::public_of(&[1; 32]);
    let enrolled = json!({"computer_id": "computer_1", "credential": "secret", "root_key": root});
    let enrolled: Enrolled = read(enrolled.to_string().as_bytes()).unwrap();
    assert_eq!(enrolled.root_key, root);
    assert!(!format!("{enrolled:?}").contains("secret"));
}

#[test]
fn an_enrolment_key_survives_being_printed() {
    let key = EnrollmentKey::new(7, keys::fingerprint(&keys::public_of(&[1; 32])));
    let text = key.to_string();
    assert_eq!(text.len(), 4 + 32 + 1 + 32);
    assert_eq!(format!(" {text}\n").parse::<EnrollmentKey>().unwrap(), key);
    assert!(!format!("{key:?}").contains(&key.secret));
    for wrong in ["", "csk_", "csk_1_2", &text[..text.len() - 1], &text.replace("csk", "abc"), &text.replace('7', "x")]
    {
        assert!(wrong.parse::<EnrollmentKey>().is_err(), "{wrong}");
    }
}

#[test]
fn problems_are_read_with_whatever_they_have() {
    let problem: Problem = read(b"{}").unwrap();
    assert!(!problem.is(code::REVOKED));
    let problem = Problem::new(409, code::REVOKED, "Revoked", "Sam Okoro took this approval back.");
    let text = serde_json::to_string(&problem).unwrap();
    assert!(read::<Problem>(text.as_bytes()).unwrap().is(code::REVOKED), "{text}");
}
