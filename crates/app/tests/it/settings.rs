//! Each setting, seen where it lands: in the simulator's state.

use std::{collections::BTreeMap, time::Duration};

use countersign_app::{
    budget::Allowance,
    ticketing::{Change, Switch, TimeEntry},
};
use countersign_domain::{
    audit::Actor,
    id::CompanyId,
    request::{Request, State, TicketOn},
    role::Role,
    ticket::Part,
};
use countersign_psa::Visibility;
use countersign_store::ComputerContext;
use halo_sim::Config;
use serde_json::{Value, json};

use crate::{
    halo::{CLOSED, NEW, SAM, action_of, actions, minutes, note},
    house::{House, until},
};

impl House {
    async fn set(&self, change: Change) {
        self.app().change_ticketing(Actor::Technician(self.admin.id.clone()), change).await.unwrap();
    }

    /// Why a change is refused: the field and the sentence.
    async fn refused(&self, change: Change) -> (Option<&'static str>, String) {
        let actor = Actor::Technician(self.admin.id.clone());
        match self.app().change_ticketing(actor, change).await.unwrap_err() {
            countersign_app::Error::Invalid { field, sentence, .. } => (field, sentence),
            other => panic!("{other}"),
        }
    }

    /// A request, approved and told.
    async fn approved(&self, computer: &ComputerContext) -> Value {
        let request = self.ask(computer).await;
        self.approve(&request).await;
        self.assert_all_done().await;
        self.halo.ticket_of(request.id.as_str()).await
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_set_is_not_sent_and_what_is_set_lands() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let plain = house.approved(&computer).await;
    assert_eq!((&plain["priority_id"], text(&plain, "category_1"), &plain["source"]), (&json!(43), "", &json!(0)));
    let action = action_of(&plain, "record_decision");
    assert_eq!((&action["actisbillable"], &action["chargerate"]), (&json!(false), &json!(0)));
    assert_eq!(
        (&action["sendemail"], &action["send_survey"], &action["hiddenfromuser"]),
        (&json!(false), &json!(false), &json!(true))
    );

    house
        .set(Change {
            team: Some(Some("Security".into())),
            priority: Some(Some("41".into())),
            category: Some(Some("Software>Elevation".into())),
            source: Some(Some("31".into())),
            custom_fields: Some(BTreeMap::from([
                ("CFElevationRequest".to_owned(), "yes".to_owned()),
                ("952".to_owned(), "a <b>computer</b>".to_owned()),
            ])),
            status_open: Some(Some("2".into())),
            billable: Some(Some(Switch::On)),
            charge_rate: Some(Some("2".into())),
            notes: Some(Visibility::Public),
            mail_user: Some(Switch::On),
            survey: Some(Switch::On),
            assign: Some(Switch::Off),
            time: Some(TimeEntry::Fixed { minutes: 12 }),
            ..Change::default()
        })
        .await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    assert_eq!(house.halo.ticket_of(request.id.as_str()).await["status_id"], 2);
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(
        (&ticket["priority_id"], text(&ticket, "category_1"), &ticket["source"]),
        (&json!(41), "Software>Elevation", &json!(31))
    );
    assert_eq!(text(&ticket, "team"), "Security");
    let fields = ticket["customfields"].as_array().unwrap();
    let field = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap()["value"].clone();
    assert_eq!((field("CFElevationRequest"), field("CFComputer")), (json!("yes"), json!("a <b>computer</b>")));
    assert_eq!(ticket["agent_id"], 1, "nobody is assigned");
    let action = action_of(&ticket, "record_decision");
    assert_eq!((&action["actisbillable"], &action["chargerate"], minutes(&action)), (&json!(true), &json!(2), 12));
    assert_eq!(
        (&action["sendemail"], &action["send_survey"], &action["hiddenfromuser"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(action["who_agentid"], SAM);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_is_compared_with_what_halo_offers_and_the_field_is_named() {
    let house = House::new().await;
    // 45 is a priority of another service level than that of the type.
    let (field, sentence) = house.refused(Change { priority: Some(Some("45".into())), ..Change::default() }).await;
    assert_eq!(field, Some("priority"));
    assert!(sentence.contains("for this ticket type: 41 (Critical)"), "{sentence}");
    let (field, sentence) = house.refused(Change { category: Some(Some("Routine".into())), ..Change::default() }).await;
    assert!(field == Some("category") && sentence.contains("Software>Elevation"), "{sentence}");
    let fields = BTreeMap::from([("CFNothing".to_owned(), "x".to_owned())]);
    let (field, sentence) = house.refused(Change { custom_fields: Some(fields), ..Change::default() }).await;
    assert!(field == Some("custom_fields") && sentence.contains("951 (CFElevationRequest)"), "{sentence}");
    let texts = vec![(Part::Denied, Some("<p>\n{{ nobody }}</p>".to_owned()))];
    let (field, sentence) = house.refused(Change { texts, ..Change::default() }).await;
    assert!(
        field == Some("texts.denied") && sentence.contains("Line 2: there is no variable \"nobody\"."),
        "{sentence}"
    );
    let (field, _) = house.refused(Change { time_step_minutes: Some(31), ..Change::default() }).await;
    assert_eq!(field, Some("time_step_minutes"));
    // A priority that a new type does not have is left to Halo; one that is named with it must fit.
    house.set(Change { priority: Some(Some("41".into())), ..Change::default() }).await;
    house.set(Change { ticket_type: Some(Some("26".into())), ..Change::default() }).await;
    assert_eq!(house.app().ticketing_settings().priority, None);
    house.set(Change { priority: Some(Some("46".into())), ..Change::default() }).await;
    let computer = house.sample_computer().await;
    assert_eq!(house.approved(&computer).await["priority_id"], 46);
}

/// Addresses are opened by people, too: a script is none. A refused change keeps what was in force.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_or_allowance_that_cannot_be_used_is_refused_at_its_field() {
    let house = House::new().await;
    let settings = || serde_json::to_value(house.app().ticketing().settings).unwrap();
    let before = settings();
    for address in
        ["javascript:alert({id})", "javascript://example.org/%0aalert({id})", "ftp://example.org/{id}", "x{id}"]
    {
        let template = Change { ticket_url: Some(Some(address.into())), ..Change::default() };
        let (field, sentence) = house.refused(template).await;
        assert_eq!(field, Some("ticket_url"));
        assert!(sentence.contains("is not an address such as https://example.halopsa.com/ticket"), "{sentence}");
        let resource = Change { resource_url: Some(address.into()), ..Change::default() };
        assert_eq!(house.refused(resource).await.0, Some("resource_url"));
        let auth = Change { auth_url: Some(address.into()), ..Change::default() };
        assert_eq!(house.refused(auth).await.0, Some("auth_url"));
    }
    for (calls, window_s) in [(0, 300), (300, 0), (1_000_001, 300), (300, 86_401)] {
        let budget = Some(Allowance { calls, window_s, off: false });
        assert_eq!(house.refused(Change { budget, ..Change::default() }).await.0, Some("budget"));
    }
    assert_eq!(settings(), before);
    house.set(Change { ticket_url: Some(Some("https://desk.example.org/{id}".into())), ..Change::default() }).await;
    assert_eq!(settings()["connection"]["ticket_url"], "https://desk.example.org/{id}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_has_otherwise_what_it_names_and_the_houses_in_all_else() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let company = &computer.computer.company_id;
    let other = house.computer("Demo Freight Lines", "Depot", "DFL-01").await;
    let own = |view: countersign_app::ticketing::CompanyView| view.own;
    assert!(own(house.app().company_ticketing(&house.admin, company).await.unwrap()).is_empty());
    let change = Change {
        priority: Some(Some("42".into())),
        time: Some(TimeEntry::Off),
        status_denied: Some(Some("5".into())),
        assign: Some(Switch::On),
        texts: vec![(Part::Summary, Some("{{ company }}: {{ program }}".to_owned()))],
        ..Change::default()
    };
    let view = house.app().change_company_ticketing(&house.admin, company, change, &[]).await.unwrap();
    assert_eq!(view.own, ["priority", "status_denied", "time", "texts"], "what is as the house has it is not kept");
    let (mine, theirs) = (house.ask(&computer).await, house.ask(&other).await);
    house.deny(&mine).await;
    house.deny(&theirs).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(mine.id.as_str()).await;
    assert_eq!((&ticket["priority_id"], &ticket["status_id"]), (&json!(42), &json!(5)));
    assert!(text(&ticket, "summary").starts_with("Sample Dental Group: "), "{}", ticket["summary"]);
    assert_eq!(minutes(&action_of(&ticket, "record_decision")), 0);
    let ticket = house.assert_told(&theirs).await;
    assert_eq!(ticket["priority_id"], 43);

    // The house's change reaches the company where it has nothing of its own.
    let mut change = Change::default();
    change.choose("category", Some("Access>Rights".to_owned()));
    house.set(change).await;
    assert_eq!(house.app().ticketing_for(company).category.as_deref(), Some("Access>Rights"));
    let view = house.app().inherit_ticketing(&house.admin, company, Some("priority")).await.unwrap();
    assert_eq!((view.settings.priority, view.own), (None, vec!["status_denied", "time", "texts"]));
    assert!(house.app().inherit_ticketing(&house.admin, company, None).await.unwrap().own.is_empty());
    let entries = house.app().audit(&house.admin, Some(company.as_str()), None, 10).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "ticketing.company_changed").count(), 3);
    let change = Change { settle_s: Some(5), ..Change::default() };
    let refused = house.app().change_company_ticketing(&house.admin, company, change, &[]).await.unwrap_err();
    assert_eq!(refused.code(), "not_per_company");
    let nobody: CompanyId = "company_0197c9a0-7d6e-7c3a-8f00-aabbccddeef1".parse().unwrap();
    let unknown = house.app().company_ticketing(&house.admin, &nobody).await.unwrap_err();
    assert_eq!(unknown.code(), "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_denial_only_the_denial_opens_the_ticket_and_nothing_else_calls_halo() {
    let settings = Change { ticket_on: Some(TicketOn::Denial), ..Change::default() };
    let mut house = House::with(Config::default(), settings).await;
    let computer = house.sample_computer().await;
    let warm = house.ask(&computer).await;
    house.deny(&warm).await;
    house.assert_all_done().await;
    house.halo.forget_calls().await;
    let requests: [Request; 4] = [
        house.ask(&computer).await,
        house.ask(&computer).await,
        house.ask(&computer).await,
        house.ask_for(&computer, "C:\\Setup\\twice.exe").await,
    ];
    let [approved, withdrawn, expired, denied] = &requests;
    house.ask_for(&computer, "C:\\Setup\\twice.exe").await;
    house.approve(approved).await;
    house.app().revoke(&house.admin, &approved.id).await.unwrap();
    house.app().withdraw(&computer.computer.id, &withdrawn.id).await.unwrap();
    // The settings change meanwhile: what was accepted before stays as it was accepted.
    house.set(Change { ticket_on: Some(TicketOn::Request), ..Change::default() }).await;
    house.crash();
    house.start().await;
    house.deny(denied).await;
    house.clock.forward(Duration::from_hours(25));
    until("it has run out", async || house.request(&expired.id).await.state == State::Expired).await;
    house.assert_all_done().await;
    let ticket = house.assert_told(denied).await;
    assert!(note(&action_of(&ticket, "record_decision")).contains("asked again once"), "{ticket:#}");
    for request in [approved, withdrawn, expired] {
        assert_eq!(house.halo.tickets_of(request.id.as_str()).await.len(), 0);
        assert!(house.steps_of(&request.id).await.is_empty());
    }
    let counts = house.halo.counts().await;
    assert_eq!((&counts["POST /Tickets"], &counts["POST /Actions"]), (&json!(1), &json!(1)), "{counts:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_makes_a_ticket_where_that_is_set_and_statuses_follow_events() {
    let settings = Change { ticket_on: Some(TicketOn::DenialOrExpiry), ..Change::default() };
    let house = House::with(Config::default(), settings).await;
    let computer = house.sample_computer().await;
    let expired = house.ask(&computer).await;
    house.clock.forward(Duration::from_hours(25));
    until("it has run out", async || house.request(&expired.id).await.state == State::Expired).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(expired.id.as_str()).await;
    assert!(note(&action_of(&ticket, "record_expiry")).contains("Nobody decided"));
    assert_eq!(ticket["status_id"], CLOSED);

    house
        .set(Change {
            ticket_on: Some(TicketOn::Request),
            status_approved: Some(None),
            status_revoked: Some(Some("5".into())),
            ..Change::default()
        })
        .await;
    let revoked = house.ask(&computer).await;
    house.approve(&revoked).await;
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(revoked.id.as_str()).await["status_id"], NEW, "left as it is");
    house.app().revoke(&house.admin, &revoked.id).await.unwrap();
    house.assert_all_done().await;
    assert_eq!(house.halo.ticket_of(revoked.id.as_str()).await["status_id"], 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measured_time_is_rounded_up_to_steps() {
    let house = House::new().await;
    house
        .set(Change {
            time: Some(TimeEntry::Measured { minimum_minutes: 1 }),
            time_step_minutes: Some(6),
            ..Change::default()
        })
        .await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.app().look_at(&house.admin, &request.id).await.unwrap();
    house.clock.forward(Duration::from_mins(7));
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(minutes(&action_of(&ticket, "record_decision")), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_texts_are_sent_with_hostile_values_escaped_and_references_kept() {
    let house = House::new().await;
    let own = |part: Part, text: &str| (part, Some(text.to_owned()));
    house
        .set(Change {
            texts: vec![
                own(Part::Summary, "{{ who }} wants {{ program }}"),
                own(Part::Description, "<h3>{{ who }}</h3><p>{{ reason }}</p>"),
                own(Part::Approved, "<p>Yes, says {{ by }} ({{ work_minutes }} min).</p>"),
            ],
            ..Change::default()
        })
        .await;
    let computer = house.sample_computer().await;
    let mut asked = crate::house::asked("C:\\Setup\\<script>.exe");
    asked.reason = Some("<script>alert(1)</script> {{ 7 * 7 }}".to_owned());
    let id = countersign_domain::id::RequestId::from_uuid(countersign_app::clock::Ids::uuid(
        &countersign_app::clock::System,
    ));
    house.app().submit(&computer, id.clone(), asked).await.unwrap();
    let request = house.request(&id).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(id.as_str()).await;
    assert_eq!(text(&ticket, "summary"), format!("Alex Sample wants <script>.exe [{}]", id.short()));
    let details = text(&ticket, "details_html");
    assert!(
        details.starts_with("<h3>Alex Sample</h3><p>&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 * 7 }}</p>"),
        "{details}"
    );
    assert!(details.contains(id.as_str()) && details.contains("Countersign server_"), "{details}");
    let written = action_of(&ticket, "record_decision");
    assert!(note(&written).starts_with("<p>Yes, says Sam Okoro (5 min).</p>"), "{written:#}");
    assert_eq!(actions(&ticket).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_is_what_is_sent_then_and_asks_halo_nothing() {
    let house = House::new().await;
    house
        .set(Change {
            priority: Some(Some("41".into())),
            category: Some(Some("Software>Elevation".into())),
            ..Change::default()
        })
        .await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    house.assert_all_done().await;
    house.halo.forget_calls().await;
    let preview = |event: Part, texts: Vec<(Part, Option<String>)>| {
        let (app, admin, id) = (house.app().clone(), house.admin.clone(), request.id.clone());
        async move { app.preview_ticket(&admin, &id, event, &texts).await }
    };
    let opened = preview(Part::Description, Vec::new()).await.unwrap();
    let field = |name: &str| {
        opened.fields.iter().find(|field| field.name == name).map(|field| (field.value.clone(), field.called.clone()))
    };
    assert_eq!(field("ticket_type"), Some(("21".into(), Some("Incident".into()))));
    assert_eq!(field("priority"), Some(("41".into(), Some("Critical".into()))));
    assert_eq!(field("customer"), Some(("201".into(), Some("Sample Dental Group".into()))));
    assert_eq!(field("team"), None);
    let approved =
        preview(Part::Approved, vec![(Part::Approved, Some("<p>{{ by }}: {{ validity }}</p>".into()))]).await.unwrap();
    assert!(approved.html.starts_with("<p>Sam Okoro: 4 h</p>"), "{}", approved.html);
    assert!(approved.fields.iter().any(|field| field.name == "time_owner" && field.value == SAM.to_string()));
    for event in Part::ALL {
        preview(event, Vec::new()).await.unwrap();
    }
    let wrong = preview(Part::Denied, vec![(Part::Denied, Some("{% if %}".into()))]).await.unwrap_err();
    assert!(wrong.to_string().contains("Line 1"), "{wrong}");
    assert_eq!(house.halo.counts().await, json!({}));
    let stranger = house.technician("maria.ruiz@example.com", "Maria Ruiz", Role::L3).await;
    assert!(house.app().preview_ticket(&stranger, &request.id, Part::Description, &[]).await.is_ok());
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(ticket["details_html"], opened.html);
    assert_eq!(ticket["summary"], opened.summary.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_that_vanished_in_halo_is_told_by_its_name() {
    let house = House::new().await;
    assert_eq!(house.app().find_vanished().await.unwrap(), []);
    let computer = house.sample_computer().await;
    let company = computer.computer.company_id.clone();
    let own = Change { ticket_type: Some(Some("23".into())), ..Change::default() };
    house.app().change_company_ticketing(&house.admin, &company, own, &[]).await.unwrap();
    house
        .halo
        .control(
            "PATCH",
            "/agents/22/rights",
            json!({"tickettypes": {"Incident": {"cancreate": false}, "Service Request": {"cancreate": false}}}),
        )
        .await;
    let vanished = house.app().find_vanished().await.unwrap();
    let told: Vec<_> =
        vanished.iter().map(|one| (one.setting, one.id.as_str(), one.was.as_deref(), one.company.as_ref())).collect();
    assert_eq!(
        told,
        [("ticket_type", "21", Some("Incident"), None), ("ticket_type", "23", Some("Service Request"), Some(&company))]
    );
    assert_eq!(house.app().ticketing().vanished, vanished);
    house.set(Change { ticket_type: Some(Some("26".into())), ..Change::default() }).await;
    assert_eq!(house.app().ticketing().vanished.len(), 1, "what was chosen anew is not told any more");
    house.app().inherit_ticketing(&house.admin, &company, None).await.unwrap();
    assert_eq!(house.app().ticketing().vanished, []);
    // Once a day by itself.
    house.halo.control("PATCH", "/agents/22/rights", json!({"tickettypes": {"Problem": {"cancreate": false}}})).await;
    house.clock.forward(Duration::from_hours(25));
    until("it is noticed", async || {
        house.app().ticketing().vanished.iter().any(|one| one.was.as_deref() == Some("Problem"))
    })
    .await;
}
