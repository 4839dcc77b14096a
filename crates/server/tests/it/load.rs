//! `countersign load`: what it counts is right. What it times is nobody's business here.

use serde_json::Value;

use crate::program::Place;

#[test]
fn every_request_under_load_has_one_ticket_and_every_decision_one_action() {
    let place = Place::new();
    let told = place
        .run(&[
            "load",
            "--requests",
            "50",
            "--computers",
            "6",
            "--waiting",
            "3",
            "--decide",
            "--limit",
            "40/2",
            "--json",
        ])
        .well();
    let report: Value = serde_json::from_str(&told).unwrap();
    // 5 one at a time, 50 and 50 at once, 3 that wait while 50 are decided, 50 under a limit; the crowd's 50 are decided,
    // too, and taken back.
    let checked = &report["checked"];
    let expected = serde_json::json!({
        "requests": 208, "with_one_ticket": 208, "without_ticket": 0, "doubled_tickets": 0,
        "decisions": 150, "with_one_action": 150, "wrong_actions": 0,
    });
    assert_eq!(*checked, expected, "{report}");

    let phases = report["phases"].as_array().unwrap();
    let made = |phase: &Value, call: &str| phase["halo_calls"][call].as_u64().unwrap_or(0);
    let crowd = phases.iter().find(|phase| phase["name"] == "at once, each until its ticket").unwrap();
    assert_eq!((made(crowd, "POST /Tickets"), made(crowd, "POST /Actions")), (50, 0), "{crowd}");
    let decisions = phases.iter().find(|phase| phase["name"] == "decisions, each until its action").unwrap();
    assert_eq!((made(decisions, "POST /Tickets"), made(decisions, "POST /Actions")), (0, 50), "{decisions}");
    let later = phases.iter().find(|phase| phase["name"] == "taken back, each until its action").unwrap();
    assert_eq!((made(later, "POST /Tickets"), made(later, "POST /Actions")), (0, 50), "{later}");
    let limited = phases.iter().find(|phase| phase["name"] == "a burst under a limit of calls").unwrap();
    let seen = &report["limited"];
    let refused = seen["refused"].as_u64().unwrap();
    assert!((50..=50 + refused).contains(&made(limited, "POST /Actions")), "{limited}");
    assert_eq!((&seen["requests"], &seen["limit_calls"], &seen["limit_window_s"]), (&50.into(), &40.into(), &2.into()));
    assert!(seen["decisions_before_last_ticket"].as_u64().unwrap() > 10, "decisions go before tickets: {seen}");
    assert!(seen["sync_calls"].as_u64().unwrap() > 0, "{seen}");
    let goals = report["goals"].as_array().unwrap();
    assert_eq!(goals.len(), 5, "{goals:?}");
    assert_eq!((&goals[2]["verdict"], &goals[3]["verdict"]), (&"not_measured".into(), &"reached".into()), "{goals:?}");

    // Setting the limit makes the connection anew.
    let others = phases.iter().filter(|phase| phase["name"] != limited["name"]);
    let tokens: u64 = others.map(|phase| made(phase, "POST /auth/token")).sum();
    assert_eq!(tokens, 0, "the token of the set-up is good for an hour");
}
