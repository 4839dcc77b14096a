//! What goes over the line: shapes of bodies and answers, and that nothing goes twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use halopsa::{ErrorKind, NewAction, NewTicket, TicketChange, UnknownCause};
use serde_json::{Value, json};

use crate::stub::{Reply, Stub, ok};

#[tokio::test]
async fn posts_are_arrays_and_answers_may_be_either() {
    for answer in [json!({"id": 12.0, "summary": "Sample"}), json!([{"id": "12"}])] {
        let stub = Stub::start(move |_| Reply::Answer(201, answer.to_string())).await;
        let new = NewTicket { summary: "Sample".into(), tickettype_id: 3, client_id: 4, ..NewTicket::default() };
        assert_eq!(stub.client().open_ticket(&new).await.unwrap().id, 12);
        let seen = &stub.seen("/api/Tickets")[0];
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(body, json!([{"summary": "Sample", "details_html": "", "tickettype_id": 3, "client_id": 4}]));
        assert!(seen.head.contains("authorization: bearer t1") && seen.head.contains("content-type: application/json"));
    }
}

#[tokio::test]
async fn actions_say_that_nobody_is_mailed() {
    let stub = Stub::start(|_| ok(&json!({"id": 2, "ticket_id": 9}))).await;
    let action = NewAction {
        ticket_id: 9,
        outcome_id: Some(7),
        note_html: "<p>ok</p>".into(),
        timetaken: Some(0.25),
        actioncompletiondate: "2026-09-01T08:00:00.5Z".parse().ok(),
        ..NewAction::default()
    };
    stub.client().add_action(&action).await.unwrap();
    let body: Value = serde_json::from_str(&stub.seen("/api/Actions")[0].body).unwrap();
    let wanted = json!([{
        "ticket_id": 9, "outcome_id": 7, "note_html": "<p>ok</p>", "hiddenfromuser": false, "timetaken": 0.25,
        "actioncompletiondate": "2026-09-01T08:00:00", "sendemail": false, "sendsms": false, "send_survey": false
    }]);
    assert_eq!(body, wanted);
}

#[tokio::test]
async fn an_action_of_another_ticket_is_not_ours() {
    let stub = Stub::start(|_| ok(&json!({"id": 2, "ticket_id": 8}))).await;
    let error = stub.client().add_action(&NewAction { ticket_id: 9, ..NewAction::default() }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unknown(UnknownCause::NotUnderstood));
}

#[tokio::test]
async fn a_kept_connection_that_dies_under_a_post_does_not_repeat_it() {
    let posts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&posts);
    let stub = Stub::start(move |seen| {
        if seen.method == "GET" {
            return ok(&json!({"id": 1}));
        }
        count.fetch_add(1, Ordering::SeqCst);
        Reply::Close
    })
    .await;
    let client = stub.client();
    for round in 1..=20 {
        client.ticket(1).await.expect("the connection is warm now");
        let change = TicketChange { id: 1, tickettype_id: 1, client_id: 1, status_id: Some(9), agent_id: None };
        let error = client.change_ticket(&change).await.expect_err("cut");
        assert_eq!(error.kind, ErrorKind::Unknown(UnknownCause::Cut));
        assert_eq!(posts.load(Ordering::SeqCst), round, "a POST went out twice");
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_never_doubles_a_post() {
    let stub = Stub::start(|seen| match seen.method.as_str() {
        "GET" => Reply::AnswerAndClose(200, r#"{"id":1}"#.into()),
        _ => ok(&json!({"id": 5})),
    })
    .await;
    let client = stub.client();
    let mut done = 0;
    for _ in 0..50 {
        client.ticket(1).await.expect("answered");
        let change = TicketChange { id: 1, tickettype_id: 1, client_id: 1, status_id: Some(9), agent_id: None };
        match client.change_ticket(&change).await {
            Ok(_) => done += 1,
            // The close and the call crossed: nobody can tell, and nothing is repeated.
            Err(error) => assert_eq!(error.kind, ErrorKind::Unknown(UnknownCause::Cut)),
        }
    }
    let arrived = stub.seen("/api/Tickets").len();
    assert!(arrived >= done && arrived <= 50, "{arrived} arrived, {done} answered");
}

#[tokio::test]
async fn lists_are_read_bare_and_enveloped_and_rows_checked() {
    let stub = Stub::start(|seen| match seen.path.split('?').next().unwrap() {
        "/api/Status" => ok(&json!([{"id": 1, "name": "New", "odd": {"x": [1]}}, {"id": null, "name": "lost"}])),
        "/api/Team" => ok(&json!({"record_count": 1, "TEAMS": [{"id": 4, "name": "Desk"}], "columns": {}})),
        "/api/Outcome" => ok(&json!({"record_count": 0})),
        "/api/Agent" => {
            ok(&json!([{"id": 1, "name": "Unassigned"}, {"id": 2, "isdisabled": true}, {"id": 3, "name": "Sam Okoro"}]))
        }
        "/api/Priority" => {
            ok(&json!([{"id": "guid", "priorityid": 2, "slaid": 1}, {"id": "g2", "priorityid": 3, "slaid": 2}]))
        }
        _ => ok(&json!({"ClassName": "System.Exception", "Message": "Not today"})),
    })
    .await;
    let client = stub.client();
    let statuses = client.statuses(None, halopsa::Closed::With).await.unwrap();
    assert_eq!(statuses.len(), 1);
    assert_eq!(client.teams().await.unwrap()[0].name, "Desk");
    assert!(client.outcomes(None).await.unwrap().is_empty());
    assert_eq!(client.agents(halopsa::AgentFilter::Enabled).await.unwrap().len(), 1);
    assert_eq!(client.agents(halopsa::AgentFilter::Everyone).await.unwrap().len(), 2);
    assert_eq!(client.priorities(Some(1)).await.unwrap().len(), 1);
    let error = client.ticket_types(halopsa::TicketTypeFilter::All).await.unwrap_err();
    assert_eq!((error.kind, error.words.as_str()), (ErrorKind::Unknown(UnknownCause::NotUnderstood), "Not today"));
}

#[tokio::test]
async fn tickets_by_id_fall_back_where_the_parameter_is_not_known() {
    let stub = Stub::start(|seen| match seen.path.split('?').next().unwrap() {
        "/api/Tickets" => ok(&json!({"record_count": 3, "tickets": [{"id": 30}, {"id": 29}, {"id": 5}]})),
        "/api/Tickets/7" => ok(&json!({"id": 7})),
        _ => Reply::Answer(404, String::new()),
    })
    .await;
    let mut found: Vec<i64> = stub.client().tickets_by_id(&[5, 6, 7]).await.unwrap().iter().map(|t| t.id).collect();
    found.sort_unstable();
    assert_eq!(found, [5, 7]);
}
