//! Attaching to a ticket that is there, against a claim of the step that would open one. PostgreSQL alone: on SQLite one
//! writer does one thing after the other.

use countersign_store::{Error, Store, TicketRow};
use sqlx::{Connection as _, Executor as _};

use crate::support::{Desk, Home, NOW, claim_one, entry, ticket};

/// What a person does who attaches a lane to ticket 99.
fn attach(store: &Store, lane: &str) -> tokio::task::JoinHandle<countersign_store::Result<()>> {
    let (store, ticket) = (store.clone(), TicketRow { now: "theirs".to_owned(), ..ticket(lane, "99") });
    tokio::spawn(async move { store.attach_ticket(ticket, NOW, entry("ticket.attached", "it", None, NOW)).await })
}

/// Waits until a statement of the store's waits for a lock.
async fn until_it_waits(home: &Home) {
    let Home::Postgres { schema, .. } = home else { panic!("PostgreSQL alone") };
    let waiting = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = '{schema}' AND wait_event_type = 'Lock'"
    );
    for _ in 0..5000 {
        if home.count(&waiting).await > 0 {
            return;
        }
    }
    panic!("it waits for no lock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_claimed_is_not_attached() {
    let Some(home) = Home::postgres().await else { return };
    let store = home.open().await;
    let desk = Desk::set_up(&store, "Sample Dental Group").await;
    let lane = desk.accept(&store, "setup").await.id.to_string();
    // A claim that another node has not committed yet.
    let mut other = home.connection().await;
    other.execute("BEGIN").await.unwrap();
    other.execute("UPDATE steps SET state = 'sending', attempts = 1, claimed_by = 'other'").await.unwrap();
    let attaching = attach(&store, &lane);
    until_it_waits(&home).await;
    other.execute("COMMIT").await.unwrap();
    assert!(matches!(attaching.await.unwrap(), Err(Error::Stale)));
    assert_eq!(home.column("SELECT kind || ' ' || state FROM steps").await, ["open_ticket sending"]);
    assert_eq!(home.count("SELECT COUNT(*) FROM tickets").await, 0);
    other.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_attached_is_not_claimed() {
    let Some(home) = Home::postgres().await else { return };
    let (store, node) = (home.open().await, home.open().await);
    let desk = Desk::set_up(&store, "Sample Dental Group").await;
    let lane = desk.accept(&store, "setup").await.id.to_string();
    // Holds up its last statement, with all before it done.
    let mut other = home.connection().await;
    other.execute("BEGIN").await.unwrap();
    let row = format!(
        "INSERT INTO tickets (lane, psa_id, url, now, opened_at, seen_at) VALUES ('{lane}', '1', '', '', 1, 1)"
    );
    other.execute(sqlx::AssertSqlSafe(row)).await.unwrap();
    let attaching = attach(&store, &lane);
    until_it_waits(&home).await;
    assert_eq!(node.claim(NOW, 9, None).await.unwrap(), [], "it is passed over");
    other.execute("ROLLBACK").await.unwrap();
    attaching.await.unwrap().unwrap();
    assert_eq!(claim_one(&store, NOW).await.kind.as_str(), "record_request");
    other.close().await.unwrap();
}
