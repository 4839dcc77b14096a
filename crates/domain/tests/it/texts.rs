//! Tickets' texts: hostile words stay words, references stand where they are looked for.

use countersign_domain::{
    decision::Verdict,
    effect::StepKind,
    request::Event,
    ticket::{self, Names},
};

use crate::sample::{decision, request};

fn names() -> Names {
    Names { company: "Sample Dental Group".into(), location: "Main Street".into(), computer: "SDG-FD-01".into() }
}

#[test]
fn the_opening_text_is_as_it_is() {
    let request = request();
    insta::assert_snapshot!(ticket::opening(
        &request,
        &names(),
        "https://desk.example.com/requests/1",
        "Countersign server_1"
    ));
}

#[test]
fn a_decision_note_ends_with_its_reference() {
    let (decided, _) = request().apply(Event::Decided(decision(Verdict::Approve))).expect("pending");
    let reference = ticket::action_reference(&decided.id, StepKind::RecordDecision, 1);
    let note = ticket::note(&decided, StepKind::RecordDecision, 2, &reference).expect("a note");
    assert!(note.ends_with(&format!("<p>{reference}</p>")), "{note}");
    assert!(note.contains("Sam Okoro</b> approved"), "{note}");
    assert!(note.contains("asked again 2 times"), "{note}");
}

#[test]
fn markup_from_an_endpoint_is_only_text() {
    let mut request = request();
    let evil = "<img src=x onerror=alert(1)>\"'&{{7*7}}";
    request.asked.reason = Some(evil.into());
    request.asked.command_line = Some(evil.into());
    request.asked.end_user.display_name = Some(evil.into());
    let html = ticket::opening(&request, &Names { company: evil.into(), ..names() }, "https://x", "s");
    assert!(!html.contains("<img"), "{html}");
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;{{7*7}}"), "{html}");
}

#[test]
fn a_long_summary_keeps_its_reference() {
    let mut request = request();
    request.asked.program = serde_json::from_value(serde_json::json!({
        "path": "/x", "sha256": "ab".repeat(32), "product": "long ".repeat(39),
    }))
    .expect("a program");
    let summary = ticket::summary(&request, &Names { computer: "y".repeat(180), ..names() });
    assert!(summary.chars().count() <= 200, "{}", summary.chars().count());
    assert!(summary.ends_with(&ticket::reference(&request.id)), "{summary}");
}

#[test]
fn measured_time_is_at_least_the_minimum_and_at_most_half_an_hour() {
    use countersign_domain::{ticket::measured_seconds, time::Time};
    let at = |seconds: i64| Time(seconds * 1_000_000);
    assert_eq!(measured_seconds(at(0), at(10), 300), 300);
    assert_eq!(measured_seconds(at(0), at(301), 300), 360);
    assert_eq!(measured_seconds(at(0), at(86_400), 300), 1800);
    assert_eq!(measured_seconds(at(100), at(0), 60), 60);
}
