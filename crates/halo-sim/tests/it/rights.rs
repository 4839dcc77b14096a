//! Each right of the set-up document, off: what it hides is empty or 404, what it forbids is refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{API_AGENT, Halo};

const RIGHTS: [&str; 14] = [
    "Tickets Access Level",
    "Client Access Level",
    "Assets Access Level",
    "Can add new Tickets",
    "Can view Unassigned Tickets",
    "Can view Tickets that are assigned to other Agents",
    "Can Re-assign Tickets",
    "Can assign to Agents in Teams the Agent is not a member of",
    "Can Edit Tickets Which Are Not Assigned To Them",
    "Can always update Ticket Statuses and re-assign Tickets outside of actions",
    "Can be assigned to",
    "Can see Unassigned Tickets for this Team",
    "Can see Tickets assigned to other Agents in this Team",
    "Membership Level",
];

fn note(ticket: i64, more: Value) -> Value {
    let mut action = json!({ "ticket_id": ticket, "outcome": "Note", "note": "n" });
    let Value::Object(more) = more else { panic!("{more} is no object") };
    action.as_object_mut().unwrap().extend(more);
    json!([action])
}

impl Halo {
    /// Whether the ticket is seen: by id, in the list, and through its actions, which must agree.
    async fn sees(&self, id: i64) -> bool {
        let by_id = self.get(&format!("/Tickets/{id}")).await.0 == 200;
        let listed = self.get(&format!("/Tickets?ticketids={id}")).await.1["record_count"] == 1;
        let actions = self.get(&format!("/Actions?ticket_id={id}")).await.1["record_count"] != 0;
        assert_eq!((by_id, by_id), (listed, actions));
        by_id
    }

    async fn agent_of(&self, id: i64) -> Value {
        let state = self.state().await;
        state["tickets"].as_array().unwrap().iter().find(|ticket| ticket["id"] == id).unwrap()["agent_id"].clone()
    }
}

#[tokio::test]
async fn the_list_is_the_documents_list() {
    let halo = Halo::start().await;
    let state = halo.state().await;
    let agent = state["agents"].as_array().unwrap().iter().find(|agent| agent["id"] == API_AGENT).unwrap();
    assert_eq!(agent["isapiagent"], true);
    let rights = agent["rights"].as_object().unwrap();
    assert_eq!(rights.len(), RIGHTS.len());
    for name in RIGHTS {
        let expected = match name {
            "Tickets Access Level" => "Read and Modify",
            "Client Access Level" => "View (Names Only)",
            "Assets Access Level" => "Read Only",
            "Membership Level" => "View All",
            _ => "Yes",
        };
        assert_eq!(rights[name], expected, "{name}");
    }
}

#[tokio::test]
async fn names_and_values_are_read_with_good_will_but_not_guessed() {
    let halo = Halo::start().await;
    halo.right("can_reassign_tickets", json!(false)).await;
    halo.right("TICKETS ACCESS LEVEL", json!("read only")).await;
    let path = format!("/agents/{API_AGENT}/rights");
    let (_, rights) = halo.sim(Method::GET, &path, json!(null)).await;
    assert_eq!(
        (rights["Can Re-assign Tickets"].as_str(), rights["Tickets Access Level"].as_str()),
        (Some("No"), Some("Read Only"))
    );
    for (bad, word) in [
        (json!({ "Can fly": true }), "Can fly"),
        (json!({ "Tickets Access Level": true }), "Read and Modify"),
        (json!({ "Can add new Tickets": "perhaps" }), "Yes"),
        (json!({ "Can add new Tickets": "No", "Can fly": true }), "Can fly"),
    ] {
        let (status, body) = halo.sim(Method::PATCH, &path, bad).await;
        assert_eq!(status, 422);
        assert!(body["error"].as_str().unwrap().contains(word), "{body}");
    }
    let (_, rights) = halo.sim(Method::GET, &path, json!(null)).await;
    assert_eq!(rights["Can add new Tickets"], "Yes", "all or none");
    assert_eq!(halo.sim(Method::PATCH, "/agents/999/rights", json!({})).await.0, 404);
}

#[tokio::test]
async fn ticket_level() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.right("Tickets Access Level", json!("Read Only")).await;
    assert!(halo.sees(id).await);
    assert_eq!(halo.post("/Tickets", json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201 }])).await.0, 403);
    assert_eq!(halo.post("/Actions", note(id, json!({}))).await.0, 403);
    assert_eq!(halo.delete(&format!("/Tickets/{id}")).await.0, 403);
    halo.right("Tickets Access Level", json!("No Access")).await;
    assert!(!halo.sees(id).await);
    halo.switch("no_access_list", json!("403")).await;
    assert_eq!(halo.get("/Tickets").await.0, 403);
}

#[tokio::test]
async fn client_and_asset_level() {
    let halo = Halo::start().await;
    halo.right("Client Access Level", json!("No Access")).await;
    assert_eq!(halo.get("/Client").await.1["record_count"], 0);
    assert_eq!(halo.get("/Client/201").await.0, 404);
    assert_eq!(halo.get("/Site").await.1["record_count"], 0);
    halo.right("Assets Access Level", json!("No Access")).await;
    assert_eq!(halo.get("/Asset").await.1["record_count"], 0);
    assert_eq!(halo.get("/Asset/4301").await.0, 404);
    let id = halo.ticket(json!({ "assets": [{ "id": 4301 }] })).await;
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.1["assets"], json!([]), "an unseen asset is left out");
}

#[tokio::test]
async fn adding() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.right("Can add new Tickets", json!("No")).await;
    assert_eq!(halo.post("/Tickets", json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201 }])).await.0, 403);
    assert_eq!(halo.post("/Tickets", json!([{ "id": id, "summary": "x" }])).await.0, 201);
    halo.right("Can add new Tickets", json!("Yes")).await;
    halo.right("ticket types", json!({ "Incident": { "cancreate": false } })).await;
    assert_eq!(halo.post("/Tickets", json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201 }])).await.0, 403);
    let (_, types) = halo.get("/TicketType?can_create_only=true").await;
    assert!(types.as_array().unwrap().iter().all(|kind| kind["name"] != "Incident"));
}

#[tokio::test]
async fn seeing() {
    let halo = Halo::start().await;
    let unassigned = halo.ticket(json!({})).await;
    let others = halo.ticket(json!({ "agent_id": 25 })).await;
    let own = halo.ticket(json!({ "agent_id": API_AGENT })).await;
    let of_department = halo.ticket(json!({ "team": "Security" })).await;
    let seen = async || {
        (halo.sees(unassigned).await, halo.sees(others).await, halo.sees(own).await, halo.sees(of_department).await)
    };
    assert_eq!(seen().await, (true, true, true, true));
    for (right, off, expected) in [
        ("Can view Unassigned Tickets", "No", (false, true, true, false)),
        ("Can see Unassigned Tickets for this Team", "No", (false, true, true, true)),
        ("Can view Tickets that are assigned to other Agents", "No", (true, false, true, true)),
        ("Can see Tickets assigned to other Agents in this Team", "No", (true, false, true, true)),
        ("Membership Level", "None", (true, true, true, false)),
    ] {
        let (_, before) = halo.sim(Method::GET, &format!("/agents/{API_AGENT}/rights"), json!(null)).await;
        halo.right(right, json!(off)).await;
        assert_eq!(seen().await, expected, "{right}");
        halo.right(right, before[right].clone()).await;
    }
    halo.right("teams", json!({ "1st Line Support": null })).await;
    halo.right("Membership Level", json!("None")).await;
    assert_eq!(seen().await, (false, false, true, false), "neither team nor department");
}

#[tokio::test]
async fn a_ticket_that_cannot_be_seen_is_made_all_the_same() {
    let halo = Halo::start().await;
    halo.right("Can view Unassigned Tickets", json!("No")).await;
    let id = halo.ticket(json!({})).await;
    assert!(!halo.sees(id).await);
    assert_eq!(halo.post("/Actions", note(id, json!({}))).await.0, 400, "as if it did not exist");
    halo.switch("hidden_is", json!("empty")).await;
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await, (reqwest::StatusCode::OK, json!({})));
}

#[tokio::test]
async fn re_assigning() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.right("Can Re-assign Tickets", json!("No")).await;
    assert_eq!(halo.post("/Actions", note(id, json!({ "new_agent": 25 }))).await.0, 403);
    assert_eq!(halo.post("/Tickets", json!([{ "id": id, "agent_id": 25 }])).await.0, 403);
    assert_eq!(
        halo.get(&format!("/Actions?ticket_id={id}")).await.1["record_count"],
        1,
        "a refused action is not written"
    );
    halo.switch("refused_reassign", json!("silent")).await;
    assert_eq!(halo.post("/Actions", note(id, json!({ "new_agent": 25, "new_status": 2 }))).await.0, 201);
    assert_eq!(halo.get(&format!("/Tickets/{id}")).await.1["status_id"], 2);
    assert_eq!(halo.agent_of(id).await, 1);

    halo.right("Can Re-assign Tickets", json!("Yes")).await;
    halo.switch("refused_reassign", json!("error")).await;
    halo.right("Can assign to Agents in Teams the Agent is not a member of", json!("No")).await;
    assert_eq!(halo.post("/Actions", note(id, json!({ "new_agent": 29 }))).await.0, 403, "Priya is in another team");
    assert_eq!(halo.post("/Actions", note(id, json!({ "new_agent": 28 }))).await.0, 201, "Sam is in ours");
    assert_eq!(halo.agent_of(id).await, 28);

    let path = "/agents/25/rights";
    halo.sim(Method::PATCH, path, json!({ "Can be assigned to": "No" })).await;
    assert_eq!(halo.post("/Actions", note(id, json!({ "new_agent": 25 }))).await.0, 403);
    assert_eq!(halo.post("/Actions", note(id, json!({ "new_agent": 30 }))).await.0, 403, "disabled");
}

#[tokio::test]
async fn editing() {
    let halo = Halo::start().await;
    let (others, own) =
        (halo.ticket(json!({ "agent_id": 25 })).await, halo.ticket(json!({ "agent_id": API_AGENT })).await);
    halo.right("Can Edit Tickets Which Are Not Assigned To Them", json!("No")).await;
    assert_eq!(halo.post("/Actions", note(others, json!({}))).await.0, 403);
    assert_eq!(halo.post("/Tickets", json!([{ "id": others, "summary": "x" }])).await.0, 403);
    assert_eq!(halo.post("/Actions", note(own, json!({}))).await.0, 201);
    halo.right("Can Edit Tickets Which Are Not Assigned To Them", json!("Yes")).await;

    let security = halo.ticket(json!({ "team": "Security" })).await;
    assert_eq!(halo.post("/Actions", note(security, json!({}))).await.0, 201);
    halo.switch("department_edit", json!("modify_all")).await;
    assert_eq!(halo.post("/Actions", note(security, json!({}))).await.0, 403);
    halo.right("Membership Level", json!("Modify All")).await;
    assert_eq!(halo.post("/Actions", note(security, json!({}))).await.0, 201);
}

#[tokio::test]
async fn status_outside_actions() {
    let halo = Halo::start().await;
    let id = halo.ticket(json!({})).await;
    halo.right("Can always update Ticket Statuses and re-assign Tickets outside of actions", json!("No")).await;
    assert_eq!(halo.post("/Tickets", json!([{ "id": id, "status_id": 2 }])).await.0, 403);
    assert_eq!(halo.post("/Tickets", json!([{ "id": id, "agent_id": 25 }])).await.0, 403);
    assert_eq!(halo.post("/Tickets", json!([{ "id": id, "summary": "still" }])).await.0, 201);
    halo.switch("refused_status", json!("silent")).await;
    let (status, ticket) = halo.post("/Tickets", json!([{ "id": id, "status_id": 2 }])).await;
    assert_eq!((status.as_u16(), ticket["status_id"].as_i64()), (201, Some(1)));
    assert_eq!(
        halo.post("/Actions", note(id, json!({ "new_status": 2, "new_agent": 25 }))).await.0,
        201,
        "in an action it may"
    );
}

#[tokio::test]
async fn agents_that_may_be_seen() {
    let halo = Halo::start().await;
    let count = async || halo.get("/Agent").await.1.as_array().unwrap().len();
    assert_eq!(count().await, 3);
    halo.right("Can assign to Agents in Teams the Agent is not a member of", json!("No")).await;
    halo.right("Membership Level", json!("None")).await;
    assert_eq!(count().await, 2, "Priya is in another team");
    halo.right("teams", json!({ "1st Line Support": null, "2nd Line Support": null })).await;
    assert_eq!(count().await, 0, "without a team it sees nobody");
}

#[tokio::test]
async fn rights_wait_for_a_new_token_if_told_so() {
    let mut halo = Halo::start().await;
    halo.switch("stale_permissions", json!(true)).await;
    halo.right("Can add new Tickets", json!("No")).await;
    halo.ticket(json!({})).await;
    halo.token = halo.new_token(crate::client::SCOPES).await;
    assert_eq!(halo.post("/Tickets", json!([{ "summary": "x", "tickettype_id": 21, "client_id": 201 }])).await.0, 403);
}
