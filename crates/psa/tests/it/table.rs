//! Each right of the set-up, lowered alone: its own line of the check changes, and no other line lies.

use std::collections::BTreeMap;
use std::sync::Mutex;

use countersign_psa::{
    Assigning, Check, CheckNews, CheckPlan, CheckStatus,
    CheckStatus::{Fail, Info, Ok as Good, Unknown, Warn},
    Psa, TicketNow, Visibility, WriteTest,
};
use serde_json::{Value, json};

use crate::desk::{Desk, NOW, new_action, new_ticket, request};

const SCOPES: [&str; 4] = ["read:tickets", "edit:tickets", "read:customers", "read:assets"];
/// What only a write can prove.
const BY_WRITING: [&str; 6] = ["add", "reassign", "assign_other_teams", "edit_others", "outside_actions", "time"];
/// The answers of a Halo that says as little as it can.
fn hostile() -> Value {
    json!({
        "refused_reassign": "silent", "refused_status": "silent", "no_access_list": "403", "hidden_is": "empty",
        "action_unknown_ticket": "404", "ungranted_scope": "error", "post_returns": "array", "update_strict": true,
    })
}

pub(crate) struct Told {
    pub(crate) lines: BTreeMap<String, Check>,
    pub(crate) ticket: Option<String>,
}

impl Told {
    fn status(&self, id: &str) -> CheckStatus {
        self.lines.get(id).unwrap_or_else(|| panic!("no line {id}")).status
    }
}

/// Runs a check, and sees that each line that was announced is told once.
pub(crate) async fn run(psa: &dyn Psa, plan: &CheckPlan) -> Told {
    let news = Mutex::new(Vec::new());
    psa.check(plan, &|told| news.lock().unwrap().push(told)).await;
    let mut told = Told { lines: BTreeMap::new(), ticket: None };
    for one in news.into_inner().unwrap() {
        match one {
            CheckNews::Line(line) => {
                let id = line.id.clone();
                assert!(told.lines.insert(line.id.clone(), line).is_none(), "{id} was told twice");
            }
            CheckNews::Ticket { id } => told.ticket = Some(id),
        }
    }
    let mut announced: Vec<String> = psa.check_lines(plan).into_iter().map(|line| line.id.to_owned()).collect();
    announced.sort();
    assert_eq!(told.lines.keys().cloned().collect::<Vec<_>>(), announced);
    for line in told.lines.values() {
        let is_bad = matches!(line.status, Fail | Warn);
        assert!(!is_bad || line.fix.is_some(), "what to change: {line:?}");
        assert!(!is_bad || line.r#where.is_some() || line.id == "technicians" || line.id == "time", "where: {line:?}");
    }
    told
}

/// A Halo with a ticket that nobody has and one that Sam has; both are ours.
async fn desk(switches: &Value) -> (Desk, CheckPlan) {
    let desk = Desk::open().await;
    let unassigned = desk.psa.open_ticket(&new_ticket(1)).await.unwrap().now;
    let other = desk.psa.open_ticket(&new_ticket(2)).await.unwrap().now;
    desk.psa.write_action(&new_action(&other.id, 2)).await.unwrap();
    desk.control("PATCH", "/switches", switches.clone()).await;
    let plan = CheckPlan {
        ticket_type: Some("21".into()),
        known: vec![unassigned, TicketNow { assignee: Some("28".into()), ..other }],
        emails: vec!["sam.okoro@example.com".into(), "Priya.Nair@example.com".into()],
        ..CheckPlan::default()
    };
    (desk, plan)
}

pub(crate) fn write_test() -> WriteTest {
    WriteTest {
        reference: request(99).to_string(),
        short: request(99).short(),
        customer: "201".into(),
        priority: None,
        status_open: Some("1".into()),
        status_closed: Some("9".into()),
        outcome: Some("7".into()),
        visibility: Visibility::Private,
        work_seconds: 300,
        technicians: vec!["28".into(), "29".into()],
        now: NOW,
    }
}

fn with_write(plan: &CheckPlan) -> CheckPlan {
    CheckPlan { write: Some(write_test()), ..plan.clone() }
}

/// One row: what is lowered, to what, whose line it is, and how that line reads without and with a test ticket.
struct Row(&'static str, Value, &'static str, CheckStatus, CheckStatus);

fn rows() -> Vec<Row> {
    vec![
        Row("Can be assigned to", json!("No"), "team_assigned", Warn, Warn),
        Row("Can see Unassigned Tickets for this Team", json!("No"), "team_unassigned", Fail, Fail),
        Row("Can see Tickets assigned to other Agents in this Team", json!("No"), "team_others", Fail, Fail),
        Row("Membership Level", json!("None"), "department", Info, Info),
        Row("Tickets Access Level", json!("Read Only"), "tickets", Fail, Fail),
        Row("Tickets Access Level", json!("No Access"), "tickets", Fail, Fail),
        Row("Client Access Level", json!("No Access"), "customers", Warn, Warn),
        Row("Assets Access Level", json!("No Access"), "assets", Warn, Warn),
        Row("Can add new Tickets", json!("No"), "add", Unknown, Fail),
        Row("Can view Unassigned Tickets", json!("No"), "view_unassigned", Fail, Fail),
        Row("Can view Tickets that are assigned to other Agents", json!("No"), "view_others", Fail, Fail),
        Row("Can Re-assign Tickets", json!("No"), "reassign", Unknown, Warn),
        Row(
            "Can assign to Agents in Teams the Agent is not a member of",
            json!("No"),
            "assign_other_teams",
            Unknown,
            Warn,
        ),
        Row("Can Edit Tickets Which Are Not Assigned To Them", json!("No"), "edit_others", Unknown, Fail),
        Row(
            "Can always update Ticket Statuses and re-assign Tickets outside of actions",
            json!("No"),
            "outside_actions",
            Unknown,
            Warn,
        ),
        Row("ticket types", json!({ "Incident": { "cancreate": false } }), "ticket_types", Fail, Fail),
        Row("ticket types", json!({ "Incident": { "canview": false } }), "ticket_types", Fail, Fail),
        Row("ticket types", json!({ "Incident": { "canedit": false } }), "ticket_types", Fail, Fail),
    ]
}

/// Lines other than `own` stand as they stood, or became unknown.
fn no_other_line_lies(what: &str, own: &str, good: &Told, now: &Told) {
    for (id, line) in &now.lines {
        let before = good.status(id);
        assert!(id == own || line.status == before || line.status == Unknown, "{what}: {id} was {before:?}: {line:?}");
    }
}

#[tokio::test]
async fn all_rights_as_the_set_up_asks_for_them() {
    for switches in [json!({}), hostile()] {
        let (desk, plan) = desk(&switches).await;
        for (id, line) in run(&*desk.psa, &plan).await.lines {
            let expected = if BY_WRITING.contains(&id.as_str()) { Unknown } else { Good };
            assert_eq!(line.status, expected, "{line:?}");
        }
        assert_eq!(desk.tickets().await.len(), 2, "a check that reads writes nothing");
        let told = run(&*desk.psa, &with_write(&plan)).await;
        for line in told.lines.values() {
            assert_eq!(line.status, Good, "{line:?}");
        }
        let ticket = desk.ticket(&told.ticket.unwrap()).await;
        assert_eq!(ticket["status_id"], 9);
        assert!(ticket["details"].as_str().unwrap().contains("test by Countersign"), "{ticket}");
        assert!(ticket["summary"].as_str().unwrap().contains("Test by Countersign"), "{ticket}");
        assert_eq!(desk.tickets().await.len(), 3);
    }
}

#[tokio::test]
async fn a_right_that_lacks_changes_its_own_line_alone() {
    let names = Desk::open().await.control("GET", "/agents/22/rights", json!({})).await;
    for name in names.as_object().unwrap().keys() {
        assert!(rows().iter().any(|row| row.0 == name), "{name} has no row");
    }
    for switches in [json!({}), hostile()] {
        let (good, plan) = desk(&switches).await;
        let (read, written) = (run(&*good.psa, &plan).await, run(&*good.psa, &with_write(&plan)).await);
        for Row(right, value, own, by_reading, by_writing) in rows() {
            let (desk, plan) = desk(&switches).await;
            desk.control("PATCH", "/agents/22/rights", json!({ right: value })).await;
            let is_denied = |wanted| if switches == hostile() && wanted == Warn { Fail } else { wanted };
            let level = right.ends_with("Access Level");
            for (plan, good, wanted) in [(plan.clone(), &read, by_reading), (with_write(&plan), &written, by_writing)] {
                let what = format!("{right}: {value}, {}", if plan.write.is_some() { "written" } else { "read" });
                let told = run(&*desk.psa, &plan).await;
                let line = &told.lines[own];
                assert_eq!(line.status, if level { is_denied(wanted) } else { wanted }, "{what}: {line:?}");
                no_other_line_lies(&what, own, good, &told);
                let before = desk.tickets().await.len();
                assert!(before <= 3, "{what}: one test ticket at the most");
                if let Some(id) = &told.ticket {
                    let is_closed = desk.ticket(id).await["status_id"] == 9;
                    let line = &told.lines["test_ticket"];
                    assert_eq!(is_closed, line.status == Good, "{what}: {line:?}");
                    // Hidden from us, or not to be edited: then nobody of ours could close it.
                    let out_of_reach = ["view_unassigned", "team_unassigned", "edit_others", "ticket_types"];
                    assert!(is_closed || out_of_reach.contains(&own), "{what}: left open");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_scope_that_lacks_is_named() {
    for switches in [json!({}), hostile()] {
        for missing in SCOPES {
            let (good, plan) = desk(&switches).await;
            let (read, written) = (run(&*good.psa, &plan).await, run(&*good.psa, &with_write(&plan)).await);
            let scopes: Vec<&str> = SCOPES.into_iter().filter(|scope| *scope != missing).collect();
            good.control("PATCH", "/application", json!({ "scopes": scopes })).await;
            for (plan, before) in [(plan.clone(), &read), (with_write(&plan), &written)] {
                let told = run(&*good.psa, &plan).await;
                let line = &told.lines["scopes"];
                let includes = missing == "read:tickets" && switches != hostile();
                assert_eq!(line.status, if includes { Info } else { Fail }, "{missing}: {line:?}");
                assert!(line.seen.contains(missing), "{line:?}");
                no_other_line_lies(missing, "scopes", before, &told);
                assert_eq!(told.status("sign_in"), Good, "the secret is right");
            }
        }
    }
}

#[tokio::test]
async fn assigning_that_is_off_makes_a_refusal_worth_knowing_alone() {
    for refused in ["error", "silent"] {
        let (desk, plan) = desk(&json!({ "refused_reassign": refused })).await;
        desk.agent_right("Can Re-assign Tickets", "No").await;
        let plan = CheckPlan { assigning: Assigning::Off, ..with_write(&plan) };
        assert_eq!(run(&*desk.psa, &plan).await.status("reassign"), Info);
    }
}

#[tokio::test]
async fn contacts_and_sites_that_are_hidden_are_worth_knowing_alone() {
    for (names_only, sites) in [("deny", Info), ("blank", Good)] {
        let (desk, plan) = desk(&json!({ "names_only": names_only })).await;
        let told = run(&*desk.psa, &plan).await;
        assert_eq!(told.status("customers"), Good);
        assert_eq!((told.status("sites"), told.status("contacts")), (sites, Info));
    }
}

#[tokio::test]
async fn outside_its_teams_the_departments_level_is_named() {
    let (desk, plan) = desk(&json!({ "department_edit": "modify_all" })).await;
    let plan = CheckPlan { team: Some("Security".into()), ..with_write(&plan) };
    let told = run(&*desk.psa, &plan).await;
    assert_eq!((told.status("department"), told.status("edit_others")), (Warn, Warn));
    assert!(told.lines["department"].seen.contains("Modify All"));
    desk.agent_right("Membership Level", "Modify All").await;
    let told = run(&*desk.psa, &plan).await;
    assert_eq!((told.status("department"), told.status("edit_others")), (Good, Good), "{:?}", told.lines);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_nothing_is_sent_twice() {
    for (path, kind, ends) in
        [("/Tickets", "cut_after", Good), ("/Actions", "cut_after", Good), ("/Tickets", "cut_before", Unknown)]
    {
        let (desk, plan) = desk(&json!({})).await;
        let skip = if path == "/Actions" { json!({ "skip": 1 }) } else { json!({}) };
        desk.fault(path, kind, skip).await;
        let told = run(&*desk.psa, &with_write(&plan)).await;
        let line = &told.lines["test_ticket"];
        assert_eq!(line.status, ends, "{path} {kind}: {line:?}");
        let expected = if kind == "cut_after" { 3 } else { 2 };
        assert_eq!(desk.tickets().await.len(), expected, "{path} {kind}");
        if ends == Unknown {
            assert!(line.seen.contains(&request(99).short()), "{line:?}");
        }
        let mut notes = BTreeMap::new();
        let ticket = desk.tickets().await.into_iter().find(|t| t["third_party_id_string"] == request(99).to_string());
        for action in ticket.iter().flat_map(|ticket| ticket["actions"].as_array().unwrap()) {
            *notes.entry(action["note"].to_string()).or_insert(0) += 1;
        }
        assert!(notes.values().all(|count| *count == 1), "{path} {kind}: {notes:?}");
    }
}

#[tokio::test]
async fn time_that_is_booked_to_the_wrong_agent_is_told() {
    let (desk, plan) = desk(&json!({ "honour_who_agentid": false })).await;
    let told = run(&*desk.psa, &with_write(&plan)).await;
    assert_eq!(told.status("time"), Warn);
    assert!(told.lines["time"].seen.contains("Countersign API"), "{:?}", told.lines["time"]);
    let nobody = WriteTest { technicians: Vec::new(), ..write_test() };
    let told = run(&*desk.psa, &CheckPlan { write: Some(nobody), ..plan }).await;
    assert_eq!((told.status("time"), told.status("reassign"), told.status("test_ticket")), (Info, Unknown, Good));
}

#[tokio::test]
async fn an_agent_that_is_disabled_or_may_too_much_is_told() {
    let (desk, plan) = desk(&json!({})).await;
    let good = run(&*desk.psa, &plan).await;
    for (change, expected) in [
        (json!({ "is_admin": true }), Warn),
        (json!({ "is_admin": false, "isapiagent": false }), Info),
        (json!({ "isapiagent": true, "isdisabled": true }), Fail),
    ] {
        desk.control("PATCH", "/agents/22", change.clone()).await;
        let told = run(&*desk.psa, &plan).await;
        assert_eq!(told.status("agent"), expected, "{change}: {:?}", told.lines["agent"]);
        no_other_line_lies(&change.to_string(), "agent", &good, &told);
    }
}
