//! Tickets and actions: envelopes, paging quirks, what a POST takes and gives.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Halo;

#[tokio::test]
async fn a_ticket_is_made_read_changed_closed_and_deleted() {
    let halo = Halo::start().await;
    let (status, ticket) = halo
        .post(
            "/Tickets",
            json!([{
                "summary": "Elevation request: setup.exe on SDG-FD-01", "details_html": "<p>why &amp; how</p>", "tickettype_id": 21,
                "client_id": 201, "site_id": 301, "user_id": 7001, "agent_id": 1, "team": "1st Line Support", "priority_id": 42,
                "assets": [{ "id": 4301 }], "third_party_id_string": "req_1", "customfields": [{ "name": "CFComputer", "value": "SDG-FD-01" }],
                "unknown_field": [1, 2],
            }]),
        )
        .await;
    assert_eq!(status, 201);
    let id = ticket["id"].as_i64().unwrap();
    assert_eq!(ticket["details"], "why & how");
    assert_eq!(ticket["status_id"], 1);
    assert_eq!(ticket["user_name"], "Alex Sample");
    assert_eq!(ticket["assets"][0]["inventory_number"], "SDG-FD-01");
    assert_eq!(ticket["customfields"][0]["display"], "SDG-FD-01");
    assert_eq!(ticket["dateclosed"], "1899-12-30T00:00:00");

    let (_, actions) = halo.get(&format!("/Actions?ticket_id={id}")).await;
    assert_eq!(actions["record_count"], 1);
    assert!(actions.get("page_no").is_none());
    assert_eq!(actions["actions"][0]["outcome"], "Opened");
    assert_eq!(actions["actions"][0]["id"], 1);

    let (status, action) = halo
        .post(
            "/Actions",
            json!([{ "ticket_id": id, "outcome": "private note", "note_html": "<b>Approved</b>", "timetaken": 0.25, "who_agentid": 25,
                "new_status": 9, "new_agent": 25, "sendemail": false, "actionarrivaldate": "2026-09-01T08:00:00Z" }]),
        )
        .await;
    assert_eq!(status, 201, "{action}");
    assert_eq!(action["id"], 2);
    assert_eq!(action["who"], "Maria Ruiz");
    assert_eq!(action["actionby_agent_id"], 22);
    assert_eq!(action["hiddenfromuser"], true, "the outcome hides it");
    assert_eq!(action["actionarrivaldate"], "2026-09-01T08:00:00");
    assert_eq!((action["old_status"].as_i64(), action["new_status"].as_i64()), (Some(1), Some(9)));

    let (_, ticket) = halo.get(&format!("/tickets/{id}?includedetails=true")).await;
    assert_eq!(ticket["hasbeenclosed"], true);
    assert_ne!(ticket["dateclosed"], "1899-12-30T00:00:00");
    assert_eq!(ticket["agent_name"], "Maria Ruiz");
    assert_eq!(ticket["timetaken"], 0.25);
    assert_eq!(ticket["priority"]["name"], "High");

    let (_, actions) = halo.get(&format!("/Actions?ticket_id={id}")).await;
    assert_eq!(actions["actions"][0]["id"], 2, "newest first");
    assert!(actions["actions"][0].get("note_html").is_none());
    assert_eq!(halo.get(&format!("/Actions/2?ticket_id={id}")).await.1["note_html"], "<b>Approved</b>");
    assert_eq!(halo.get(&format!("/Actions/3?ticket_id={id}")).await.0, 404);
    assert_eq!(halo.get("/Actions").await.1["record_count"], 0, "neither ticket nor dates");
    let (_, span) = halo.get("/Actions?startdate=2001-01-01&enddate=2101-01-01&count=1").await;
    assert_eq!((span["record_count"].as_i64(), span["actions"].as_array().unwrap().len()), (Some(2), 1));
    assert_eq!(halo.get(&format!("/Actions?ticket_id={id}&excludeprivate=true")).await.1["record_count"], 1);
    assert_eq!(halo.get(&format!("/Actions?ticket_id={id}&timeentriesonly=true")).await.1["record_count"], 1);
    let (_, sheet) = halo.get("/TimesheetEvent?agent_id=25").await;
    assert_eq!((sheet[0]["ticket_id"].as_i64(), sheet[0]["timetaken"].as_f64()), (Some(id), Some(0.25)));

    let (status, ticket) =
        halo.post("/Tickets", json!([{ "id": id, "status_id": 2, "details": "changed", "assets": [] }])).await;
    assert_eq!((status.as_u16(), ticket["status_id"].as_i64()), (201, Some(2)));
    assert_eq!(ticket["assets"], json!([]), "assets replace");
    assert_eq!(ticket["hasbeenclosed"], false);
    assert_eq!(halo.get(&format!("/Actions/1?ticket_id={id}")).await.1["note"], "changed");

    assert_eq!(halo.delete(&format!("/Tickets/{id}?reason=test")).await.0, 200);
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.0, 404);
    assert_eq!(halo.get("/Tickets?pageinate=true&page_no=1&page_size=10").await.1["record_count"], 0);
    assert_eq!(halo.get("/Tickets?pageinate=true&page_no=1&page_size=10&deleted=true").await.1["record_count"], 1);
    assert_eq!(halo.post("/Tickets", json!([{ "id": id, "summary": "x" }])).await.0, 404);
}

#[tokio::test]
async fn action_ids_count_per_ticket() {
    let halo = Halo::start().await;
    let (one, two) = (halo.ticket(json!({})).await, halo.ticket(json!({})).await);
    for (ticket, expected) in [(one, 2), (two, 2), (one, 3)] {
        let (_, action) = halo.post("/Actions", json!([{ "ticket_id": ticket, "outcome_id": 501, "note": "n" }])).await;
        assert_eq!((action["ticket_id"].as_i64(), action["id"].as_i64()), (Some(ticket), Some(expected)));
    }
}

#[tokio::test]
async fn bad_tickets_and_actions_are_refused() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    let ticket = |more: Value| {
        let mut ticket = json!({ "summary": "s", "details": "d", "tickettype_id": 21, "client_id": 201 });
        ticket.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([ticket])
    };
    let before = halo.tickets().await;
    for bad in [
        ticket(json!({ "client_id": 201.0 })),
        ticket(json!({ "client_id": 95.5 })),
        ticket(json!({ "client_id": "201" })),
        ticket(json!({ "client_id": 9_999_999_999_i64 })),
        ticket(json!({ "client_id": 1 })),
        ticket(json!({ "tickettype_id": 1 })),
        ticket(json!({ "tickettype_id": 27 })),
        ticket(json!({ "site_id": 303 })),
        ticket(json!({ "user_id": 7004 })),
        ticket(json!({ "status_id": 77 })),
        ticket(json!({ "priority_id": 46 })),
        ticket(json!({ "agent_id": 777 })),
        ticket(json!({ "assets": { "id": 4301 } })),
        ticket(json!({ "assets": [4301] })),
        ticket(json!({ "summary": "" })),
        ticket(json!({ "tickettype_id": 24 })),
        ticket(json!({ "dateoccurred": "yesterday" })),
        json!({ "summary": "bare object", "tickettype_id": 21, "client_id": 201 }),
        json!([]),
        json!([[]]),
        json!(["text"]),
        json!(7),
    ] {
        let (status, body) = halo.post("/Tickets", bad.clone()).await;
        assert_eq!(status, 400, "{bad}: {body}");
    }
    assert_eq!(halo.tickets().await, before, "nothing was made");

    let no_outcome = halo.post("/Actions", json!([{ "ticket_id": id, "note": "x" }])).await;
    assert_eq!(no_outcome.0, 400);
    assert_eq!(no_outcome.1["ClassName"], "System.Exception");
    assert!(no_outcome.1["Message"].as_str().unwrap().contains("Outcome"));
    for bad in [
        json!([{ "outcome": "Note", "note": "no ticket" }]),
        json!([{ "ticket_id": 1, "outcome": "Note" }]),
        json!([{ "ticket_id": id, "outcome": "No Such Outcome" }]),
        json!([{ "ticket_id": id, "outcome_id": 511, "note": "another workflow's" }]),
        json!([{ "ticket_id": id, "outcome": "Email User" }]),
        json!([{ "ticket_id": id, "outcome": "Note", "new_status": 77 }]),
        json!([{ "ticket_id": id, "outcome": "Note", "new_agent": 777 }]),
        json!([{ "ticket_id": id, "outcome": "Note", "timetaken": "0.25" }]),
        json!({ "ticket_id": id, "outcome": "Note" }),
    ] {
        assert_eq!(halo.post("/Actions", bad.clone()).await.0, 400, "{bad}");
    }
    assert_eq!(halo.get(&format!("/Actions?ticket_id={id}")).await.1["record_count"], 1);
}

#[tokio::test]
async fn odd_but_accepted() {
    let halo = Halo::start().await;
    let id = halo
        .ticket(
            json!({ "tickettype": { "id": 26 }, "assets": [{ "id": 4304 }, { "id": 4302 }], "team": "No Such Team" }),
        )
        .await;
    let (_, ticket) = halo.get(&format!("/Tickets/{id}")).await;
    assert_eq!(ticket["tickettype_id"], 21, "a nested type does nothing");
    assert_eq!(ticket["assets"].as_array().unwrap().len(), 1, "another customer's asset is left out");
    assert_eq!(ticket["team"], "1st Line Support");
    halo.post("/Actions", json!([{ "ticket_id": id, "outcome": "Note", "note": "n", "status_id": 9 }])).await;
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.1["status_id"], 1, "status_id on an action does nothing");
    halo.post("/Actions", json!([{ "ticket_id": id, "outcome": "Close Ticket" }])).await;
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.1["status_id"], 9, "the outcome's own status");
    let (status, ticket) =
        halo.post("/Tickets/Object", json!({ "summary": "one", "tickettype_id": 21, "client_id": 202 })).await;
    assert_eq!((status.as_u16(), ticket["summary"].as_str()), (201, Some("one")));
    let of_user = json!([{ "summary": "x", "client_id": 0, "user_id": 7004, "agent_id": 0, "status_id": -1, "tickettype_id": 0 }]);
    let (status, ticket) = halo.post("/Tickets", of_user).await;
    assert_eq!((status.as_u16(), ticket["client_id"].as_i64(), ticket["agent_id"].as_i64()), (201, Some(202), Some(1)));
    let (status, ticket) = halo.post("/Tickets", json!([{ "summary": "nobody's" }])).await;
    assert_eq!((status.as_u16(), ticket["client_name"].as_str()), (201, Some("Example Service Desk")));
    assert_eq!(halo.call(Method::PUT, "/Tickets", Some(&json!([]))).await.unwrap().status(), 405);
}

#[tokio::test]
async fn batches() {
    let halo = Halo::start().await;
    let many = |count: usize| {
        (0..count).map(|n| json!({ "summary": format!("t{n}"), "tickettype_id": 21, "client_id": 201 })).collect()
    };
    let (status, last) = halo.post("/Tickets", many(100)).await;
    assert_eq!((status.as_u16(), last["summary"].as_str()), (201, Some("t99")));
    let (_, all) = halo.post("/Tickets?returnall=true", many(3)).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(halo.post("/Tickets", many(101)).await.0, 400);
    assert_eq!(halo.tickets().await, 103);
    let id = last["id"].as_i64().unwrap();
    let actions =
        json!([{ "ticket_id": id, "outcome": "Note" }, { "ticket_id": id, "outcome": "Remote", "timetaken": 1.5 }]);
    assert_eq!(halo.post("/Actions", actions).await.1["outcome"], "Remote");
}

#[tokio::test]
async fn paging() {
    let halo = Halo::start().await;
    for _ in 0..2 {
        let batch =
            (0..65).map(|n| json!({ "summary": format!("t{n}"), "tickettype_id": 21, "client_id": 201 })).collect();
        assert_eq!(halo.post("/Tickets", batch).await.0, 201);
    }
    let shape = async |query: &str| {
        let (status, body) = halo.get(&format!("/Tickets{query}")).await;
        assert_eq!(status, 200, "{query}");
        let rows = body["tickets"].as_array().unwrap();
        let first = rows.first().map_or(0, |row| row["id"].as_i64().unwrap());
        (
            rows.len(),
            body["record_count"].as_u64().unwrap(),
            body["page_no"].as_u64().unwrap(),
            body["page_size"].as_u64().unwrap(),
            first,
        )
    };
    let (first, last) = (10412, 10541);
    assert_eq!(shape("?pageinate=true&page_no=1&page_size=40").await, (40, 130, 1, 40, last));
    assert_eq!(shape("?pageinate=true&page_no=4&page_size=40").await, (10, 130, 4, 40, first + 9));
    assert_eq!(shape("?pageinate=true&page_no=9&page_size=40").await, (0, 130, 9, 40, 0));
    assert_eq!(
        shape("?pageinate=true&page_no=1&page_size=500").await,
        (100, 130, 1, 100, last),
        "cut to 100 without notice"
    );
    assert_eq!(
        shape("?pageinate=true&page_size=10").await,
        (50, 50, 1, 50, last),
        "without page_no the size is ignored"
    );
    assert_eq!(shape("?pageinate=true&page_no=1&page_size=5&order=id&orderdesc=false").await.4, first);
    assert_eq!(shape("?count=7").await.0, 7);
    assert_eq!(shape("").await.0, 50);
    assert_eq!(shape("?clinet_id=202&pageinate=true&page_no=1&page_size=1").await.1, 130, "a typo is ignored");
    assert_eq!(shape("?client_id=202&pageinate=true&page_no=1&page_size=1").await.1, 0);
    assert_eq!(shape(&format!("?ticketids={first},{last},5")).await.0, 2);
    assert_eq!(halo.get("/Tickets?client_id=abc").await.0, 400);
}

#[tokio::test]
async fn filters() {
    let halo = Halo::start().await;
    let a = halo
        .ticket(json!({ "summary": "Alpha", "third_party_id_string": "req_a", "category_1": "Software>Elevation" }))
        .await;
    let b = halo
        .ticket(json!({ "summary": "Beta", "client_id": 202, "third_party_id_string": "req_b", "third_party_id": 5 }))
        .await;
    halo.post("/Tickets", json!([{ "id": b, "status_id": 9, "agent_id": 25 }])).await;
    let search = |field: &str, kind: i64, value: &str| {
        let text = json!([{ "filter_name": field, "filter_type": kind, "filter_value": value }]).to_string();
        format!("advanced_search={}", text.replace('%', "%25").replace('"', "%22").replace('>', "%3E"))
    };
    let cases = [
        ("search=alph".to_owned(), vec![a]),
        ("search_summary=beta".to_owned(), vec![b]),
        ("third_party_id_string=req_a".to_owned(), vec![a]),
        ("third_party_id_string=req_".to_owned(), vec![]),
        ("third_party_id=5".to_owned(), vec![b]),
        ("open_only=true".to_owned(), vec![a]),
        ("closed_only=true".to_owned(), vec![b]),
        ("status=1,2".to_owned(), vec![a]),
        ("agent=25".to_owned(), vec![b]),
        ("team=61".to_owned(), vec![b, a]),
        ("category_1=Software%3EElevation".to_owned(), vec![a]),
        ("lastupdatefromdate=2001-01-01".to_owned(), vec![b, a]),
        ("lastupdatefromdate=2101-01-01T00:00:00Z".to_owned(), vec![]),
        ("datesearch=dateoccured&startdate=2001-01-01&enddate=2002-01-01".to_owned(), vec![]),
        (search("client_id", 2, "202"), vec![b]),
        (search("summary", 4, "%alp%"), vec![a]),
        (search("id", 7, &a.to_string()), vec![b]),
    ];
    for (query, expected) in cases {
        let (status, body) = halo.get(&format!("/Tickets?{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        let ids: Vec<i64> = body["tickets"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, expected, "{query}");
    }
    let (status, body) = halo.get(&format!("/Tickets?{}", search("secret", 2, "1"))).await;
    assert_eq!(status, 400);
    assert!(body["Message"].as_str().unwrap().contains("advanced search parameter is invalid"));
    let (_, named) = halo.get("/Tickets?includestatus=true&includeagent=true&includetickettype=true").await;
    assert_eq!(named["tickets"][0]["status_name"], "Closed");
    assert_eq!(named["tickets"][0]["tickettype_name"], "Incident");
    assert!(halo.get("/Tickets").await.1["tickets"][0].get("status_name").is_none());
}

#[tokio::test]
async fn attachments() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({ "attachments": [{ "filename": "a.txt", "data_base64": "aGVsbG8=" }] })).await;
    let (status, second) =
        halo.post("/Attachment", json!([{ "ticket_id": id, "filename": "b.png", "data_base64": "aGk=" }])).await;
    assert_eq!((status.as_u16(), second["isimage"].as_bool()), (201, Some(true)));
    let (_, list) = halo.get(&format!("/Attachment?ticket_id={id}")).await;
    assert_eq!(list["record_count"], 2);
    let first = list["attachments"][0]["id"].as_i64().unwrap();
    assert_eq!(halo.get(&format!("/Attachment/{first}")).await.1, "hello");
    assert_eq!(halo.post("/Attachment", json!([{ "ticket_id": id, "data_base64": "!" }])).await.0, 400);
}

#[tokio::test]
async fn a_person_in_halo() {
    let halo = Halo::start().await;
    let (a, b) = (halo.ticket(json!({})).await, halo.ticket(json!({})).await);
    let (status, _) =
        halo.sim(Method::PATCH, &format!("/tickets/{a}"), json!({ "status_id": 9, "agent_id": 28 })).await;
    assert_eq!(status, 200);
    let (_, ticket) = halo.get(&format!("/Tickets/{a}")).await;
    assert_eq!((ticket["hasbeenclosed"].as_bool(), ticket["agent_id"].as_i64()), (Some(true), Some(28)));
    halo.sim(Method::PATCH, &format!("/tickets/{a}"), json!({ "merged_into_id": b })).await;
    assert_eq!(halo.get("/Tickets").await.1["tickets"].as_array().unwrap().len(), 1);
    assert_eq!(halo.get(&format!("/Tickets/{a}")).await.1["merged_into_id"], b);
    halo.sim(Method::DELETE, &format!("/tickets/{b}"), json!(null)).await;
    assert_eq!(halo.get(&format!("/Tickets/{b}")).await.0, 404);
    halo.sim(Method::PATCH, "/clients/201", json!({ "name": "Renamed Dental Group" })).await;
    assert_eq!(halo.get("/Client/201").await.1["name"], "Renamed Dental Group");
    halo.sim(Method::DELETE, "/clients/202", json!(null)).await;
    assert_eq!(halo.get("/Client/202").await.0, 404);
    assert_eq!(halo.sim(Method::POST, "/reset", json!(null)).await.0, 204);
    assert_eq!(halo.get("/Client/201").await.1["name"], "Sample Dental Group");
    assert_eq!(halo.tickets().await, 0);
    assert_eq!(halo.ticket(json!({})).await, 10412, "ids start again too");
}
