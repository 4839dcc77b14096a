//! Every typed read against the simulator, compared with what the simulator says it holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use halo_sim::{Config, Seed, Sim};
use halopsa::{
    AgentFilter, AssetFilter, Client, Closed, CustomerFilter, End, Inactive, NewAction, NewTicket, Pages, Record,
    SiteFilter, TicketFilter, TicketTypeFilter, Unlimited, UserFilter,
};
use serde_json::Value;

use crate::stub::{config, http};

fn client(sim: &Sim) -> Client {
    let mut config = config(&sim.url());
    sim.client_id().clone_into(&mut config.client_id);
    config.client_secret = sim.client_secret().into();
    Client::new(http().into(), config, Arc::new(Unlimited))
}

fn ids(state: &Value, kind: &str) -> BTreeSet<i64> {
    state[kind].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

async fn walked<T: Record>(pages: Pages<T>) -> BTreeSet<i64> {
    let (rows, end) = pages.page_size(7).all().await.unwrap();
    assert_eq!(end, End::Complete);
    rows.iter().map(Record::id).collect()
}

#[tokio::test]
async fn the_directory_reads_whole() {
    for seed in [Seed::Demo, Seed::Other] {
        let sim = Sim::start(Config { seed, ..Config::default() }).await.unwrap();
        let state: Value =
            http().get(format!("{}/sim/v1/state", sim.url())).send().await.unwrap().json().await.unwrap();
        let client = client(&sim);
        let inactive = Inactive::With;
        let customers = client.customers(&CustomerFilter { inactive, ..CustomerFilter::default() });
        assert_eq!(walked(customers).await, ids(&state, "clients"));
        let sites = client.sites(&SiteFilter { inactive, ..SiteFilter::default() });
        assert_eq!(walked(sites).await, ids(&state, "sites"));
        let assets = client.assets(&AssetFilter { inactive, ..AssetFilter::default() });
        assert_eq!(walked(assets).await, ids(&state, "assets"));
        let users = client.users(&UserFilter { inactive, ..UserFilter::default() });
        assert_eq!(walked(users).await, ids(&state, "users"));
        let agents = client.agents(AgentFilter::Everyone).await.unwrap();
        let seen: BTreeSet<i64> = agents.iter().map(|agent| agent.id).chain([1]).collect();
        assert_eq!(seen, ids(&state, "agents"));
        let me = client.me().await.unwrap();
        assert_eq!((me.id, me.isapiagent), (state["login_agent_id"].as_i64().unwrap(), Some(true)));
        assert!(!me.teams.is_empty() && client.agent(me.id).await.unwrap().email.is_some());
    }
}

#[tokio::test]
async fn the_short_lists_and_a_ticket() {
    let sim = Sim::start(Config::default()).await.unwrap();
    let client = client(&sim);
    assert_eq!(client.auth_info().await.unwrap().tenant_id.as_deref(), Some(sim.tenant()));
    assert!(client.instance_info().await.unwrap().app_version.is_some());
    let types = client.ticket_types(TicketTypeFilter::Creatable).await.unwrap();
    let kind = client.ticket_type(types[0].id).await.unwrap();
    assert!(!client.workflow(kind.workflow_id.unwrap()).await.unwrap().steps.is_empty());
    let all = client.statuses(Some(kind.id), Closed::With).await.unwrap().len();
    assert!(client.statuses(Some(kind.id), Closed::Without).await.unwrap().len() < all);
    assert!(!client.priorities(kind.default_sla).await.unwrap().is_empty());
    assert!(!client.categories(1, Some(kind.id)).await.unwrap().is_empty());
    assert!(!client.teams().await.unwrap().is_empty());
    assert!(!client.lookup(22).await.unwrap().is_empty());
    let outcomes = client.outcomes(Some(kind.id)).await.unwrap();

    let new = NewTicket { summary: "Sample".into(), tickettype_id: kind.id, client_id: 201, ..NewTicket::default() };
    let ticket = client.open_ticket(&new).await.unwrap();
    let action = NewAction {
        ticket_id: ticket.id,
        outcome_id: Some(outcomes[0].id),
        note_html: "<p>Hello</p>".into(),
        ..NewAction::default()
    };
    let written = client.add_action(&action).await.unwrap();
    assert_eq!(client.action(ticket.id, written.id).await.unwrap().note_html.as_deref(), Some("<p>Hello</p>"));
    let (rows, _) =
        client.tickets(&TicketFilter { client_id: Some(201), ..TicketFilter::default() }).all().await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [ticket.id]);
    assert!(client.ticket(ticket.id).await.unwrap().dateoccurred.is_some());
}
