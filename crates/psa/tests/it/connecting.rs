//! Addresses: found, refused, and made into links.

use std::sync::Arc;

use countersign_psa::halo::HaloConnect;
use countersign_psa::{Cause, Class, Connect, Connection};
use serde_json::json;

use crate::desk::{Desk, Spent, connection, egress, new_ticket};

#[tokio::test]
async fn a_private_address_is_refused_with_the_line_that_allows_it() {
    let desk = Desk::open().await;
    let connect = HaloConnect::new(egress(&[]));
    let fault = connect.connect(&connection(&desk.sim), Arc::new(Spent::default())).err().expect("refused");
    assert_eq!((fault.class, fault.cause), (Class::Refused, Cause::AddressNotAllowed));
    assert!(fault.words.contains("halo.allow_hosts = [\"127.0.0.1:"), "{}", fault.words);
    let fault = connect.discover(&desk.sim.url()).await.expect_err("refused");
    assert_eq!(fault.cause, Cause::AddressNotAllowed);
    // A name passes until it resolves.
    let by_name = Connection {
        resource_url: "https://localhost:1/api".into(),
        auth_url: "https://localhost:1/auth".into(),
        ..connection(&desk.sim)
    };
    let psa = connect.connect(&by_name, Arc::new(Spent::default())).unwrap();
    let fault = psa.open_ticket(&new_ticket(1)).await.expect_err("refused");
    assert!(matches!(fault.class, Class::Later(_)), "certainly not sent");
    assert_eq!(fault.cause, Cause::AddressNotAllowed, "{fault:?}");
    assert!(fault.words.contains("halo.allow_hosts = [\"localhost\"]"), "{}", fault.words);
}

#[tokio::test]
async fn nonsense_is_no_address() {
    let desk = Desk::open().await;
    let connect = HaloConnect::new(egress(&[]));
    for text in ["", "halo", "file:///etc/passwd", "https://", "mailto:a@example.com"] {
        let wrong = Connection { resource_url: text.into(), ..connection(&desk.sim) };
        let fault = connect.connect(&wrong, Arc::new(Spent::default())).err().expect(text);
        assert_eq!(fault.class, Class::Refused, "{text}");
    }
}

#[tokio::test]
async fn any_of_halos_addresses_leads_to_all_of_them() {
    let desk = Desk::open().await;
    let connect = HaloConnect::new(egress(&["127.0.0.1"]));
    let url = desk.sim.url();
    for typed in
        [url.clone(), format!("{url}/"), format!(" {url}/api "), format!("{url}/auth/token"), format!("{url}/api/?x=1")]
    {
        let found = connect.discover(&typed).await.unwrap_or_else(|fault| panic!("{typed}: {fault:?}"));
        assert_eq!(found.resource_url, format!("{url}/api"), "{typed}");
        assert_eq!(found.auth_url, format!("{url}/auth"), "{typed}");
        assert_eq!(found.tenant.as_deref(), Some("sample"));
    }
    let fault = connect.discover(&format!("{url}/elsewhere")).await.expect_err("nothing there");
    assert_ne!(fault.class, Class::Unknown);
}

#[tokio::test]
async fn links_open_the_ticket_where_people_work() {
    let desk = Desk::open().await;
    let url = desk.sim.url();
    assert_eq!(desk.psa.ticket_url("7"), format!("{url}/ticket?id=7"), "before anything is known");
    desk.psa.knock().await;
    assert_eq!(desk.psa.ticket_url("7"), format!("{url}/ticket?id=7"));
    let own =
        Connection { ticket_url: Some("https://desk.example.com/tickets?id={id}".into()), ..connection(&desk.sim) };
    let psa = HaloConnect::new(egress(&["127.0.0.1"])).connect(&own, Arc::new(Spent::default())).unwrap();
    assert_eq!(psa.ticket_url("7"), "https://desk.example.com/tickets?id=7");
}

/// What Halo names as its own address is opened by people: a script is not taken for one.
#[tokio::test]
async fn links_open_what_halo_names_only_where_that_is_a_page() {
    for (named, opens) in [("https://halo.example.com", true), ("javascript://halo.example.com/%0aalert(1)//", false)] {
        let desk = Desk::open().await;
        desk.fault("/InstanceInfo", "garbage", json!({"method": "GET", "body": {"agent_url": named}})).await;
        desk.psa.knock().await;
        let ours = desk.sim.url();
        let root = if opens { named } else { &ours };
        assert_eq!(desk.psa.ticket_url("7"), format!("{root}/ticket?id=7"));
    }
}

#[tokio::test]
async fn a_connection_does_not_show_its_secret() {
    let desk = Desk::open().await;
    assert!(!format!("{:?}", connection(&desk.sim)).contains(desk.sim.client_secret()));
}
