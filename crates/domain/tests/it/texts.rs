//! Tickets' texts: hostile words stay words, references stand where they are looked for, templates stay in their box.

use countersign_domain::{
    decision::Verdict,
    effect::StepKind,
    request::{Event, Request},
    template::{self, Form, Wrong},
    ticket::{self, Names, Part, Texts},
    variables::{About, VARIABLES},
};
use proptest::prelude::*;

use crate::sample::{decision, request};

fn names() -> Names {
    Names { company: "Sample Dental Group".into(), location: "Main Street".into(), computer: "SDG-FD-01".into() }
}

fn about<'a>(request: &'a Request, names: &'a Names, part: Part) -> About<'a> {
    About {
        request,
        names,
        part,
        repeats: 2,
        page: "https://desk.example.com/requests/1",
        server: "Countersign server_1",
    }
}

fn decided(verdict: Verdict) -> Request {
    request().apply(Event::Decided(decision(verdict))).expect("pending").0
}

/// Templates of an administrator: those named, the product's own for the rest.
fn texts(own: &[(Part, &str)]) -> Texts {
    let mut texts = Texts::default();
    for (part, template) in own {
        texts.set(*part, Some(template)).expect("a template");
    }
    texts
}

#[test]
fn the_opening_text_is_as_it_is() {
    let (request, names) = (request(), names());
    let filled = Texts::default().description(&about(&request, &names, Part::Description));
    assert_eq!(filled.failed, None);
    insta::assert_snapshot!(filled.text);
}

#[test]
fn the_products_own_texts_work_with_every_variable_and_with_none() {
    for part in Part::ALL {
        template::check(part.form(), part.default_template()).unwrap_or_else(|wrong| panic!("{part:?}: {wrong}"));
    }
}

#[test]
fn notes_say_what_happened_and_end_with_their_reference() {
    let names = names();
    let approved = decided(Verdict::Approve);
    let reference = ticket::action_reference(&approved.id, StepKind::RecordDecision, 1);
    let note = Texts::default().note(&about(&approved, &names, Part::Approved), &reference).text;
    assert!(note.ends_with(&format!("<p>{reference}</p>")), "{note}");
    assert!(
        note.contains("<p><b>Sam Okoro</b> approved this at 1970-01-01 00:00:02 UTC. Once, within 10 min.</p>"),
        "{note}"
    );
    assert!(note.contains("<p>Reason: Fine</p>"), "{note}");
    assert!(note.contains("asked again 2 times while"), "{note}");
    let once = About { repeats: 1, ..about(&approved, &names, Part::Approved) };
    assert!(Texts::default().note(&once, &reference).text.contains("asked again once while"));
    let never = About { repeats: 0, ..once };
    assert!(!Texts::default().note(&never, &reference).text.contains("asked again"));
    let denied = decided(Verdict::Deny);
    let note = Texts::default().note(&about(&denied, &names, Part::Denied), &reference).text;
    assert!(note.contains("<b>Sam Okoro</b> denied this at 1970-01-01 00:00:02 UTC.</p>"), "{note}");
    let expired = Texts::default().note(&about(&request(), &names, Part::Expired), &reference).text;
    assert!(expired.contains("Nobody decided until"), "{expired}");
}

#[test]
fn markup_from_an_endpoint_is_only_text() {
    let mut request = request();
    let evil = "<img src=x onerror=alert(1)>\"'&{{7*7}}{% include 'x' %}";
    request.asked.reason = Some(evil.into());
    request.asked.command_line = Some(evil.into());
    request.asked.end_user.display_name = Some(evil.into());
    let names = Names { company: evil.into(), ..names() };
    let own = texts(&[(
        Part::Description,
        "{% set x %}<i>{{ reason }}</i>{% endset %}{{ x }}{{ x ~ company }}{% autoescape false %}{{ who }}{% endautoescape %}{{ company|upper }}",
    )]);
    for texts in [Texts::default(), own] {
        let filled = texts.description(&about(&request, &names, Part::Description));
        assert_eq!(filled.failed, None);
        let html = filled.text;
        assert!(!html.to_lowercase().contains("<img"), "{html}");
        assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;{{7*7}}"), "{html}");
    }
}

#[test]
fn a_summary_is_one_bounded_line_that_keeps_its_reference() {
    let mut request = request();
    request.asked.program = serde_json::from_value(serde_json::json!({
        "path": "/x", "sha256": "ab".repeat(32), "product": "long ".repeat(39),
    }))
    .expect("a program");
    request.asked.reason = Some("two\nlines [CS-AAAAAAAA]".into());
    let names = Names { computer: "y".repeat(180), ..names() };
    let reference = ticket::reference(&request.id);
    for own in [
        texts(&[]),
        texts(&[(Part::Summary, "{{ reference }} {{ program }}")]),
        texts(&[(Part::Summary, "{{ reason }}\n{{ reason }}")]),
        texts(&[(Part::Summary, "{{ program }} {{ reference }}")]),
        texts(&[(Part::Summary, "{% if phone %}never{% endif %}")]),
    ] {
        let summary = own.summary(&about(&request, &names, Part::Summary)).text;
        assert!(summary.chars().count() <= 200, "{}", summary.chars().count());
        assert!(summary.ends_with(&reference) && !summary.contains('\n'), "{summary}");
        assert!(summary.matches(&reference).count() <= 2, "{summary}");
    }
    let request = crate::sample::request();
    let twice = texts(&[(Part::Summary, "{{ program }} {{ reference }}")]);
    let summary = twice.summary(&about(&request, &names, Part::Summary)).text;
    assert_eq!(summary, format!("Sample Tool {reference}"));
}

#[test]
fn a_template_that_would_not_work_is_refused_with_line_and_reason() {
    let at = |line, reason: &str| Wrong::At { line, reason: reason.to_owned() };
    let refused = |template: &str| template::check(Form::Html, template).expect_err(template);
    assert_eq!(refused("<p>\n{{ prorgam }}</p>"), at(2, "there is no variable \"prorgam\""));
    assert!(matches!(refused("a\nb {% if reason %}"), Wrong::At { line: 2, .. }));
    assert!(refused("{{ reason|safe }}").to_string().contains("default, lower, upper, trim, length"));
    assert!(matches!(refused("{% if phone %}\n{{ phone.x.y }}{% endif %}"), Wrong::At { line: 2, .. }));
    // Tried without values too: what an endpoint may leave out is no reason to fail.
    assert!(matches!(refused("{{ phone|upper }}{% include 'secrets' %}"), Wrong::At { line: 1, .. }));
    let bombs = [
        "{% set a = program %}".to_owned() + &"{% set a = a ~ a %}".repeat(60) + "{{ a }}",
        "{% set a %}{{ program }}{% endset %}".to_owned()
            + &"{% set a %}{{ a }}{{ a }}{% endset %}".repeat(60)
            + "{{ a }}",
        "{{ program * 1000000000 }}".to_owned(),
        "{% for a in [1,2,3,4,5,6,7,8,9] %}".repeat(8) + "x" + &"{% endfor %}".repeat(8),
    ];
    for bomb in bombs {
        let wrong = refused(&bomb).to_string();
        assert!(wrong.contains("too much work") || wrong.contains("too large") || wrong.contains("KB"), "{wrong}");
    }
    assert!(matches!(refused(&"x".repeat(template::MAX_SOURCE + 1)), Wrong::Whole(_)));
}

#[test]
fn a_template_that_fails_at_last_is_replaced_and_said() {
    // What was written into the database by hand, or by a version that knew other variables.
    let texts: Texts =
        serde_json::from_str(r#"{"approved": "<p>{{ vanished }}</p>", "summary": "{{ vanished }}"}"#).expect("texts");
    let (request, names) = (decided(Verdict::Approve), names());
    let note = texts.note(&about(&request, &names, Part::Approved), "the reference");
    assert_eq!(note.failed.expect("told").to_string(), "Line 1: undefined value.");
    assert!(
        note.text.contains("<b>Sam Okoro</b> approved") && note.text.ends_with("<p>the reference</p>"),
        "{}",
        note.text
    );
    let summary = texts.summary(&about(&request, &names, Part::Summary));
    assert!(summary.failed.is_some());
    assert!(summary.text.starts_with("Elevation request: Sample Tool on"), "{}", summary.text);
}

#[test]
fn the_products_own_text_is_not_kept_as_somebodys() {
    let mut texts = Texts::default();
    texts.set(Part::Denied, Some(&Part::Denied.default_template().replace('\n', "\r\n"))).expect("fine");
    texts.set(Part::Failed, Some("  ")).expect("fine");
    assert_eq!(texts, Texts::default());
    texts.set(Part::Denied, Some("<p>No.</p>")).expect("fine");
    assert_eq!(texts.own(Part::Denied), Some("<p>No.</p>"));
    assert!(texts.set(Part::Denied, Some("{{ nobody }}")).is_err());
    assert_eq!(texts.own(Part::Denied), Some("<p>No.</p>"));
    texts.set(Part::Denied, None).expect("fine");
    assert_eq!(texts, Texts::default());
}

#[test]
fn every_variable_of_the_list_is_one_that_templates_get() {
    let (request, names) = (decided(Verdict::Approve), names());
    for variable in VARIABLES {
        let template = format!("<i>{{% if {0} %}}{{{{ {0} }}}}{{% endif %}}</i>", variable.name);
        template::check(Form::Html, &template).expect(variable.name);
        let filled = texts(&[(Part::Approved, &template)]).note(&about(&request, &names, Part::Approved), "r");
        assert_eq!(filled.failed, None, "{}", variable.name);
    }
    let mut names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VARIABLES.len());
}

proptest! {
    #[test]
    fn whatever_an_endpoint_says_the_references_stand_and_no_markup_gets_through(
        reason in "\\PC{0,80}|(<|>|&|\"|'|\\{\\{|\\}\\}|\\{%|%\\}|\\[CS-|\\n){0,40}", product in "\\PC{0,40}", computer in "\\PC{1,40}",
    ) {
        let mut request = decided(Verdict::Deny);
        request.asked.reason = Some(reason.clone());
        request.asked.program = serde_json::from_value(serde_json::json!({
            "path": "/x", "sha256": "ab".repeat(32), "product": product,
        })).expect("a program");
        let names = Names { computer, company: reason, ..names() };
        let own = texts(&[(Part::Summary, "{{ reason }} {{ company }}"), (Part::Denied, "{{ reason }}{{ company }}{{ program }}")]);
        for texts in [Texts::default(), own] {
            let summary = texts.summary(&about(&request, &names, Part::Summary)).text;
            prop_assert!(summary.ends_with(&ticket::reference(&request.id)));
            prop_assert!(summary.chars().count() <= 200 && summary.lines().count() == 1);
            let note = texts.note(&about(&request, &names, Part::Denied), "the reference");
            prop_assert_eq!(note.failed, None);
            prop_assert!(note.text.ends_with("<p>the reference</p>"));
            let tags = note.text.replace("<p>", "").replace("</p>", "").replace("<b>", "").replace("</b>", "").replace("<br>", "");
            prop_assert!(!tags.contains('<') && !tags.contains('>'), "{}", note.text);
        }
    }
}

#[test]
fn measured_time_is_at_least_the_minimum_and_at_most_half_an_hour() {
    use countersign_domain::{ticket::measured_seconds, time::Time};
    let at = |seconds: i64| Time(seconds * 1_000_000);
    assert_eq!(measured_seconds(at(0), at(10), 300, 1), 300);
    assert_eq!(measured_seconds(at(0), at(301), 300, 1), 360);
    assert_eq!(measured_seconds(at(0), at(86_400), 300, 1), 1800);
    assert_eq!(measured_seconds(at(100), at(0), 60, 1), 60);
    assert_eq!(measured_seconds(at(0), at(361), 60, 5), 600);
    assert_eq!(measured_seconds(at(0), at(1500), 60, 20), 1800);
}
