//! `countersign load`: what it counts is right. What it times is nobody's business here.

use serde_json::Value;

use crate::program::Place;

#[test]
fn every_request_under_load_has_one_ticket_and_every_decision_one_action() {
    let place = Place::new();
    let told =
        place.run(&["load", "--requests", "50", "--computers", "6", "--waiting", "3", "--decide", "--json"]).well();
    let report: Value = serde_json::from_str(&told).unwrap();
    // 5 one at a time, 50 and 50 at once, 3 that wait while 50 are decided; the crowd's 50 are decided, too.
    let checked = &report["checked"];
    let expected = serde_json::json!({
        "requests": 158, "with_one_ticket": 158, "without_ticket": 0, "doubled_tickets": 0,
        "decisions": 100, "with_one_action": 100, "wrong_actions": 0,
    });
    assert_eq!(*checked, expected, "{report}");

    let phases = report["phases"].as_array().unwrap();
    let made = |phase: &Value, call: &str| phase["halo_calls"][call].as_u64().unwrap_or(0);
    let crowd = phases.iter().find(|phase| phase["name"] == "at once, each until its ticket").unwrap();
    assert_eq!((made(crowd, "POST /Tickets"), made(crowd, "POST /Actions")), (50, 0), "{crowd}");
    let decisions = phases.iter().find(|phase| phase["name"] == "decisions, each until its action").unwrap();
    assert_eq!((made(decisions, "POST /Tickets"), made(decisions, "POST /Actions")), (0, 50), "{decisions}");
    let tokens: u64 = phases.iter().map(|phase| made(phase, "POST /auth/token")).sum();
    assert_eq!(tokens, 0, "the token of the set-up is good for an hour");
}
