//! Every answer that a tenant may give to what nobody could tell about HaloPSA: the right end state all the same.

use std::{collections::BTreeSet, time::Duration};

use countersign_app::{psa::CheckStatus, ticketing::Change};
use countersign_domain::{audit::Actor, link::Kind, request::Request};
use halo_sim::{Config, RateLimit};
use serde_json::{Value, json};

use crate::{
    halo::{API_AGENT, CLOSED, Halo, NEW, SAM, action_of, actions, minutes},
    house::{House, until},
};

/// What is to be right where HaloPSA gives an answer that is not the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    /// Two requests, one of them with its answers lost, are told as ever.
    Told,
    /// The same under a limit of calls.
    Limited,
    /// The time is the API agent's, and shown so.
    Owner,
    /// Assigning is refused: nothing else stops.
    Reassigned,
    /// A status cannot be set outside of actions: it stays, and that is said.
    Adjusted,
    /// The ticket is not shown any more: nothing is sent twice.
    Hidden,
    /// Tickets cannot be read at all any more.
    NoAccess,
    /// The ticket was deleted before its decision: a person must act.
    Deleted,
    /// Names alone are shown of customers.
    NamesOnly,
    /// The asset went to another customer: Halo's words are shown.
    ForeignAsset,
    /// A right is given that the token does not know yet.
    StaleToken,
    /// The application lacks a scope.
    Scope,
    /// The tenant is a wrong one: refused in the set-up, and said why.
    WrongTenant,
    /// The same, but nobody minds.
    AnyTenant,
    /// No agent stands behind the application.
    NoLogin,
}

/// Every answer of every switch that is not its usual one.
const CASES: &[(&str, &str, Story)] = &[
    ("post_returns", "array", Story::Told),
    ("created_status", "200", Story::Told),
    ("update_strict", "true", Story::Told),
    ("accept_bare_object", "true", Story::Told),
    ("batch_error", "atomic", Story::Told),
    ("honour_who_agentid", "false", Story::Owner),
    ("honour_backdating", "false", Story::Told),
    ("refused_reassign", "silent", Story::Reassigned),
    ("refused_status", "silent", Story::Adjusted),
    ("ignore_reference_filter", "true", Story::Told),
    ("ignore_update_filter", "true", Story::Told),
    ("reference_in_rows", "false", Story::Told),
    ("default_order", "oldest", Story::Told),
    ("default_order", "last_update", Story::Told),
    ("unpaged_rows", "50", Story::Told),
    ("incomplete_paging", "false", Story::Told),
    ("hidden_is", "empty", Story::Hidden),
    ("no_access_list", "403", Story::NoAccess),
    ("deleted_ticket", "empty", Story::Deleted),
    ("deleted_ticket", "shown", Story::Deleted),
    ("deleted_lists", "also", Story::Told),
    ("delete_tickets", "false", Story::Told),
    ("names_only", "blank", Story::NamesOnly),
    ("names_only", "deny", Story::NamesOnly),
    ("unknown_outcome", "accept", Story::Told),
    ("action_unknown_ticket", "404", Story::Deleted),
    ("foreign_asset", "400", Story::ForeignAsset),
    ("user_sets_site", "true", Story::Told),
    ("user_needs_site", "true", Story::Told),
    ("department_edit", "modify_all", Story::Told),
    ("stale_permissions", "true", Story::StaleToken),
    ("ungranted_scope", "error", Story::Scope),
    // Never met: every token that is asked for carries scopes, and one without is refused before.
    ("scopeless_token", "403", Story::Told),
    ("wrong_tenant", "html", Story::WrongTenant),
    ("wrong_tenant", "ignore", Story::AnyTenant),
    ("application_login", "none", Story::NoLogin),
    ("lookups_need_scope", "true", Story::Told),
    ("doubles_as", "12.0", Story::Told),
    ("retry_after", "false", Story::Limited),
];

/// A switch that is new, or answers in a new way, has no story yet; one that is gone needs none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_every_switch_has_its_story() {
    let halo = Halo::start(Config::default()).await;
    let switches = halo.control("GET", "/switches", json!({})).await;
    let mut there = BTreeSet::new();
    for (name, switch) in switches.as_object().unwrap() {
        let (usual, allowed) = (word(&switch["default"]), switch["allowed"].as_array().unwrap());
        // `default` is what the kind lists first; `value` is what this switch begins with.
        let begins = word(&switch["value"]);
        assert!(allowed.iter().any(|value| word(value) == usual), "{name}");
        there.extend(allowed.iter().map(word).filter(|value| *value != begins).map(|value| (name.clone(), value)));
    }
    let told: BTreeSet<_> = CASES.iter().map(|(name, value, _)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(told, there);
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn switch(name: &str, value: &str) -> Value {
    json!({ name: serde_json::from_str(value).unwrap_or_else(|_| json!(value)) })
}

macro_rules! plays {
    ($($name:ident: $stories:pat,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                for (switch_name, value, story) in CASES {
                    if matches!(story, $stories) {
                        println!("{switch_name}: {value}");
                        play(*story, switch(switch_name, value)).await;
                    }
                }
            }
        )*

        /// Each story is in one of the plays, or this does not compile.
        #[expect(dead_code, reason = "checked by the compiler alone")]
        fn all_are_played(story: Story) {
            match story { $($stories => {})* }
        }
    };
}

plays! {
    play_what_is_told_as_ever: Story::Told,
    play_what_is_limited: Story::Limited,
    play_what_is_refused: Story::Owner | Story::Reassigned | Story::Adjusted,
    play_what_is_not_shown: Story::Hidden | Story::NoAccess | Story::Deleted,
    play_what_belongs_elsewhere: Story::NamesOnly | Story::ForeignAsset,
    play_what_the_application_may: Story::StaleToken | Story::Scope | Story::WrongTenant | Story::AnyTenant | Story::NoLogin,
}

async fn play(story: Story, switches: Value) {
    match story {
        Story::Told => told_under(switches, Config::default()).await,
        Story::Limited => {
            let rate_limit = Some(RateLimit { calls: 25, window: Duration::from_millis(400) });
            told_under(switches, Config { rate_limit, ..Config::default() }).await;
        }
        Story::Owner => owner(switches).await,
        Story::Reassigned => reassigned(switches).await,
        Story::Adjusted => adjusted(switches).await,
        Story::Hidden => {
            let sight = ["Can View Unassigned Tickets", "Can view Tickets that are assigned to other Agents"];
            not_shown(switches, &sight.map(|right| (right, "No", "Yes"))).await;
        }
        Story::NoAccess => not_shown(switches, &[("Tickets Access Level", "No Access", "Read and Modify")]).await,
        Story::Deleted => deleted(switches).await,
        Story::NamesOnly => names_only(switches).await,
        Story::ForeignAsset => foreign_asset(switches).await,
        Story::StaleToken => stale_token(switches).await,
        Story::Scope => scope(switches).await,
        Story::WrongTenant => wrong_tenant(switches).await,
        Story::AnyTenant => any_tenant(switches).await,
        Story::NoLogin => no_login(switches).await,
    }
}

/// A house whose Halo answers so from the beginning.
async fn under(switches: &Value, config: Config) -> House {
    let house = House::not_set_up(config).await;
    house.halo.switches(switches.clone()).await;
    house.set_up(Change::default()).await;
    house
}

/// The words that a person reads at a step that waits for him.
async fn words(house: &House, request: &Request, kind: &str) -> String {
    house.until_step(&request.id, kind, "attention").await;
    let steps = house.steps_of(&request.id).await;
    steps.into_iter().find(|step| step.kind == kind).unwrap().words.unwrap()
}

async fn told_under(switches: Value, config: Config) {
    let house = under(&switches, config).await;
    let computer = house.sample_computer().await;
    let plain = house.ask(&computer).await;
    house.approve(&plain).await;
    house.assert_all_done().await;
    house.assert_told(&plain).await;
    for path in ["/Tickets", "/Actions"] {
        house.halo.fault(json!({"kind": "cut_after", "path": path, "method": "POST", "times": 1})).await;
    }
    let lost = house.ask(&computer).await;
    house.deny(&lost).await;
    house.assert_all_done().await;
    let ticket = house.assert_told(&lost).await;
    assert_eq!((&ticket["client_id"], &ticket["site_id"]), (&json!(201), &json!(301)), "{switches}");
    assert_eq!(ticket["assets"][0]["id"], 4301, "{switches}");
}

async fn owner(switches: Value) {
    let house = under(&switches, Config::default()).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    let action = action_of(&ticket, "record_decision");
    assert_eq!((&action["who_agentid"], minutes(&action)), (&json!(API_AGENT), 5));
    assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(CLOSED), &json!(SAM)));
    let seen = house.app().request_detail(&house.admin, &request.id).await.unwrap().ticket.unwrap();
    assert_eq!(seen.time_owner.as_deref(), Some("Countersign API"));
}

async fn reassigned(switches: Value) {
    let house = under(&switches, Config::default()).await;
    house.halo.right("Can Re-assign Tickets", "No").await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1, "{ticket:#}");
    let action = action_of(&ticket, "record_decision");
    assert_eq!((&action["who_agentid"], minutes(&action)), (&json!(SAM), 5));
    assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(CLOSED), &json!(1)));
}

/// Something in Halo sets the status back at once, and our agent may not set it outside of actions.
async fn adjusted(switches: Value) {
    let house = under(&switches, Config::default()).await;
    let right = "Can always update Ticket Statuses and re-assign Tickets outside of actions";
    let computer = house.sample_computer().await;
    for allowed in ["No", "Yes"] {
        house.halo.right(right, allowed).await;
        let request = house.ask(&computer).await;
        house.until_step(&request.id, "open_ticket", "done").await;
        house.halo.fault(json!({"kind": "status", "code": 503, "path": "/Tickets", "method": "GET"})).await;
        house.approve(&request).await;
        house.until_step(&request.id, "record_decision", "done").await;
        house.halo.change(&house.halo.ticket_of(request.id.as_str()).await, json!({"status_id": NEW})).await;
        house.halo.no_faults().await;
        house.until_step(&request.id, "adjust_ticket", "done").await;
        house.assert_all_done().await;
        let ticket = house.halo.ticket_of(request.id.as_str()).await;
        assert_eq!(actions(&ticket).len(), 1, "{ticket:#}");
        let left = if allowed == "Yes" { CLOSED } else { NEW };
        assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(left), &json!(SAM)), "{allowed}");
    }
}

async fn not_shown(switches: Value, rights: &[(&str, &str, &str)]) {
    for path in ["/Tickets", "/Actions"] {
        let house = under(&switches, Config::default()).await;
        let computer = house.sample_computer().await;
        let known = house.ask(&computer).await;
        house.approve(&known).await;
        house.assert_all_done().await;
        house.halo.fault(json!({"kind": "status", "code": 503, "method": "GET"})).await;
        house.halo.fault(json!({"kind": "cut_after", "path": path, "method": "POST", "times": 1})).await;
        let request = house.ask(&computer).await;
        house.approve(&request).await;
        let kind = if path == "/Tickets" { "open_ticket" } else { "record_decision" };
        let lost = (kind.to_owned(), "unknown".to_owned());
        until("the answer is lost", async || house.attempts(&request.id).await.contains(&lost)).await;
        for (right, no, _) in rights {
            house.halo.right(right, no).await;
        }
        house.halo.no_faults().await;
        let said = words(&house, &request, kind).await;
        assert!(!said.is_empty());
        for (right, _, yes) in rights {
            house.halo.right(right, yes).await;
        }
        house.let_go(&request.id, kind).await;
        house.assert_all_done().await;
        house.assert_told(&request).await;
        assert_eq!(house.halo.tickets().await.len(), 2, "{switches} {path}");
    }
}

async fn deleted(switches: Value) {
    let house = under(&switches, Config::default()).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    let id = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    house.halo.control("DELETE", &format!("/tickets/{id}"), json!({})).await;
    house.approve(&request).await;
    let said = words(&house, &request, "record_decision").await;
    assert!(!said.is_empty());
    assert_eq!(house.halo.tickets().await.len(), 1, "no other is made by itself");
    // A person finds the ticket again, and lets the step go on.
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    house.halo.change(&ticket, json!({"deleted": false})).await;
    house.let_go(&request.id, "record_decision").await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

/// Nothing is guessed where names, or what hangs on them, are not shown; when they are, it goes on.
async fn names_only(switches: Value) {
    let house = House::not_set_up(Config::default()).await;
    house.halo.switches(switches.clone()).await;
    house.halo.right("Client Access Level", "View (Names Only)").await;
    house.set_up(Change::default()).await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    until("it is told or waits for a link", async || {
        let steps = house.steps_of(&request.id).await;
        steps.iter().any(|step| step.state == "parked") || steps.iter().all(|step| step.state == "done")
    })
    .await;
    house.halo.right("Client Access Level", "Read Only").await;
    let company = computer.computer.company_id.clone();
    house.app().link(&house.admin, Kind::Company, company.as_str(), Some("201")).await.unwrap();
    house.assert_all_done().await;
    let ticket = house.assert_told(&request).await;
    assert_eq!(ticket["client_id"], 201, "{switches}");
}

async fn foreign_asset(switches: Value) {
    let house = under(&switches, Config::default()).await;
    let computer = house.sample_computer().await;
    let first = house.ask(&computer).await;
    house.approve(&first).await;
    house.assert_all_done().await;
    house.halo.control("PATCH", "/assets/4301", json!({"client_id": 202, "site_id": 303})).await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    let said = words(&house, &request, "open_ticket").await;
    assert!(said.contains("The asset does not belong to the customer"), "{said}");
    house.halo.control("PATCH", "/assets/4301", json!({"client_id": 201, "site_id": 301})).await;
    house.let_go(&request.id, "open_ticket").await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

async fn stale_token(switches: Value) {
    let house = under(&switches, Config::default()).await;
    house.halo.right("Can add new Tickets", "No").await;
    // The token from before knows the right still; the check takes a new one.
    house.app().check_ticketing(&house.admin, None).await.unwrap();
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    assert!(!words(&house, &request, "open_ticket").await.is_empty());
    // The watch over rights tries once whether the right is back, and then not for five minutes.
    until("it was tried twice", async || {
        let steps = house.steps_of(&request.id).await;
        steps.iter().any(|step| step.kind == "open_ticket" && step.state == "attention" && step.attempts == 2)
    })
    .await;
    house.halo.right("Can add new Tickets", "Yes").await;
    house.app().check_ticketing(&house.admin, None).await.unwrap();
    house.let_go(&request.id, "open_ticket").await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

async fn scope(switches: Value) {
    let scopes = ["read:tickets", "edit:tickets", "read:customers"].map(str::to_owned).to_vec();
    let house = House::not_set_up(Config { application_scopes: Some(scopes), ..Config::default() }).await;
    house.halo.switches(switches).await;
    let refused = house.app().change_ticketing(Actor::Server, house.connection()).await.unwrap_err().to_string();
    assert!(refused.contains("scope"), "{refused}");
}

async fn wrong_tenant(switches: Value) {
    let house = House::not_set_up(Config::default()).await;
    house.halo.switches(switches).await;
    let other = Change { tenant: Some(Some("another".to_owned())), ..house.connection() };
    let refused = house.app().change_ticketing(Actor::Server, other).await.unwrap_err().to_string();
    assert!(refused.to_lowercase().contains("tenant"), "{refused}");
}

async fn any_tenant(switches: Value) {
    let house = under(&switches, Config::default()).await;
    let other = Change { tenant: Some(Some("another".to_owned())), ..house.connection() };
    house.app().change_ticketing(Actor::Server, other).await.unwrap();
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

async fn no_login(switches: Value) {
    let house = under(&json!({}), Config::default()).await;
    let computer = house.sample_computer().await;
    let known = house.ask(&computer).await;
    house.approve(&known).await;
    house.assert_all_done().await;
    house.halo.switches(switches).await;
    house.halo.control("POST", "/tokens/expire", json!({})).await;
    let request = house.ask(&computer).await;
    house.approve(&request).await;
    assert!(!words(&house, &request, "open_ticket").await.is_empty());
    let check = house.app().check_ticketing(&house.admin, None).await.unwrap().told();
    assert!(check.iter().any(|line| line.status == CheckStatus::Fail), "{check:#?}");
    house.halo.switches(json!({"application_login": "agent"})).await;
    house.halo.control("POST", "/tokens/expire", json!({})).await;
    house.let_go(&request.id, "open_ticket").await;
    house.assert_all_done().await;
    house.assert_told(&request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_them_at_once() {
    let switches = json!({
        "post_returns": "array", "created_status": 200, "update_strict": true, "ignore_reference_filter": true,
        "reference_in_rows": false, "default_order": "oldest", "deleted_lists": "also", "doubles_as": "12.0",
        "honour_backdating": false, "user_needs_site": true, "hidden_is": "empty", "deleted_ticket": "empty",
        "unpaged_rows": "50", "foreign_asset": "400", "stale_permissions": true, "names_only": "blank",
    });
    told_under(switches, Config::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_assignment_stops_nothing_else() {
    reassigned(json!({"refused_reassign": "error"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_status_outside_of_actions_stops_nothing_else() {
    adjusted(json!({"refused_status": "error"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_sets_meanwhile_stays() {
    let house = House::new().await;
    let computer = house.sample_computer().await;
    let request = house.ask(&computer).await;
    house.until_step(&request.id, "open_ticket", "done").await;
    house.halo.fault(json!({"kind": "cut_after", "path": "/Actions", "method": "POST", "times": 1})).await;
    house.approve(&request).await;
    until("the answer is lost", async || {
        house.attempts(&request.id).await.contains(&("record_decision".to_owned(), "unknown".to_owned()))
    })
    .await;
    let id = house.halo.ticket_of(request.id.as_str()).await["id"].clone();
    let path = format!("/tickets/{id}");
    house.halo.control("PATCH", &path, json!({"status_id": 2, "agent_id": crate::halo::MARIA})).await;
    house.assert_all_done().await;
    let ticket = house.halo.ticket_of(request.id.as_str()).await;
    assert_eq!(actions(&ticket).len(), 1);
    assert_eq!((&ticket["status_id"], &ticket["agent_id"]), (&json!(2), &json!(crate::halo::MARIA)));
}
