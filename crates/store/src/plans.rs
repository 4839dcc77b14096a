//! Tests of the plans of hot statements: an index finds the rows, whatever the size of the tables.

use std::collections::BTreeSet;

use countersign_domain::{
    id::{CompanyId, RequestId},
    link::Kind,
    request::State,
    role::Access,
    time::Time,
};

use crate::{
    DirectoryQuery, Options, Order, Place, RequestQuery, Shelf, Store,
    accept::{BEFORE, HEADS},
    contexts::contacts_query,
    ends::{DONE, PROMOTE},
    lanes::{STRANDED, claim_query},
    links::COMPANIES_OF_CUSTOMER,
    lists::Table,
    query::{Query, in_text, rows_text},
    recent::RECENT,
    requests::{JOINED, list_text},
    sync::page_query,
};

async fn plan(store: &Store, query: &Query) -> Vec<String> {
    let rows: Vec<(i64, i64, i64, String)> = store.read().await.unwrap().all(&query.explained()).await.unwrap();
    rows.into_iter().map(|(_, _, _, line)| line).collect()
}

/// Every look at requests or steps goes by an index; the wanted one is among them.
async fn assert_indexed(store: &Store, query: &Query, index: &str) {
    let lines = plan(store, query).await;
    for table in ["steps", "requests", "r", "q", "j"] {
        let whole = format!("SCAN {table}");
        assert!(!lines.contains(&whole), "{lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains(index)), "{index} is not used: {lines:#?}");
}

fn company(n: u128) -> CompanyId {
    CompanyId::from_uuid(uuid::Uuid::from_u128(n))
}

#[tokio::test]
async fn hot_statements_use_their_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("countersign.db"));
    let store = Store::open(Options { place, instance: "node".to_owned() }, Time(1)).await.unwrap();

    let claim = claim_query("node", Time(1), 64, None, None, "");
    assert_indexed(&store, &claim, "steps_due").await;
    assert!(!plan(&store, &claim).await.iter().any(|line| line.contains("ORDER BY")), "a claim sorts what waits");
    let before = Query::rows(rows_text("before", BEFORE, 3, 8));
    assert_indexed(&store, &before, "sqlite_autoindex_requests").await;
    assert_indexed(&store, &before, "requests_denied (same_as=? AND again_until>?)").await;
    let mut recent = Query::build(RECENT).bind(1_i64).bind(2_i64);
    recent.list(["x", "y"]).push(" ORDER BY received_at");
    let by_company = "requests_by_company (company_id=? AND state=? AND received_at>? AND received_at<?)";
    assert_indexed(&store, &recent, by_company).await;
    assert_indexed(&store, &Query::rows(in_text("heads", HEADS, 8)), "requests_same").await;
    assert_indexed(&store, &Query::rows(rows_text("done", DONE, 2, 8)), "sqlite_autoindex_steps").await;
    for lanes in [1, 2, 8, 64] {
        let promote = Query::rows(in_text("promote", PROMOTE, lanes));
        assert_indexed(&store, &promote, "SEARCH steps USING INDEX steps_by_lane (lane=?)").await;
    }
    assert_indexed(&store, &Query::new(COMPANIES_OF_CUSTOMER).bind("x"), "companies_by_customer (psa_id=?)").await;
    assert_indexed(&store, &Query::new(JOINED).bind("x"), "requests_joined (joined_to=?)").await;
    let keys = [("x".to_owned(), "y".to_owned()), ("x".to_owned(), "z".to_owned())];
    assert_indexed(&store, &contacts_query(&keys), "contacts_by_email (company_id=? AND email_key=?)").await;
    let mut stranded = Query::build("SELECT COUNT(*) FROM steps ");
    stranded.push(STRANDED);
    assert_indexed(&store, &stranded, "steps_by_state (state=?)").await;
    let parked = Query::new("SELECT COUNT(*) FROM steps WHERE state = 'parked' AND company_id = $1").bind("x");
    assert_indexed(&store, &parked, "steps_parked").await;
    let next_due = Query::new("SELECT MIN(due_at) FROM steps WHERE state = 'waiting'");
    assert_indexed(&store, &next_due, "steps_due").await;
}

#[tokio::test]
async fn lists_of_requests_walk_an_index_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("countersign.db"));
    let store = Store::open(Options { place, instance: "node".to_owned() }, Time(1)).await.unwrap();
    let base = RequestQuery { limit: 50, ..RequestQuery::default() };
    let pending = RequestQuery { state: Some(State::Pending), ..base.clone() };
    let after = Some((Time(5), RequestId::from_uuid(uuid::Uuid::nil())));
    let (one, two) = (company(1), company(2));
    let companies = [&one, &two];

    assert_indexed(&store, &list_text(None, &base), "requests_by_time").await;
    assert_indexed(&store, &list_text(None, &pending), "requests_by_state (state=?)").await;
    for wanted in [&base, &pending] {
        assert_indexed(&store, &list_text(Some(&companies), wanted), "requests_by_company (company_id=? AND state=?)")
            .await;
    }
    let computer =
        RequestQuery { computer: Some(format!("computer_{}", uuid::Uuid::nil()).parse().unwrap()), ..base.clone() };
    assert_indexed(&store, &list_text(None, &computer), "requests_by_computer (computer_id=?)").await;

    // A later page begins where the one before ended, and no list of all companies is sorted.
    let pages = [
        (RequestQuery { after: after.clone(), ..base }, "requests_by_time ((received_at,id)<(?,?))"),
        (RequestQuery { after: after.clone(), ..pending }, "requests_by_state (state=? AND (received_at,id)<(?,?))"),
        (RequestQuery { after, ..computer }, "requests_by_computer (computer_id=? AND (received_at,id)<(?,?))"),
    ];
    for (wanted, index) in pages {
        let query = list_text(None, &wanted);
        assert_indexed(&store, &query, index).await;
        let lines: BTreeSet<String> = plan(&store, &query).await.into_iter().collect();
        assert!(!lines.iter().any(|line| line.contains("ORDER BY")), "{lines:#?}");
    }
}

#[tokio::test]
async fn a_sync_walks_our_records_in_the_order_of_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("countersign.db"));
    let store = Store::open(Options { place, instance: "node".to_owned() }, Time(1)).await.unwrap();
    for (kind, index) in [
        (Kind::Company, "companies_by_name"),
        (Kind::Location, "locations_of_company"),
        (Kind::Computer, "computers_of_company"),
        (Kind::Technician, "technicians_by_email"),
        (Kind::Contact, "contacts_by_email"),
    ] {
        let lines = plan(&store, &page_query(kind, None, Some(&crate::SyncRow::sample()), 1000)).await;
        assert!(lines.iter().any(|line| line.contains(index)), "{lines:#?}");
        assert!(!lines.iter().any(|line| line == "USE TEMP B-TREE FOR ORDER BY"), "{kind:?} is sorted: {lines:#?}");
    }
}

#[tokio::test]
async fn lists_of_records_walk_an_index_in_either_order() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().join("countersign.db"));
    let store = Store::open(Options { place, instance: "node".to_owned() }, Time(1)).await.unwrap();
    let after = Some(("5".to_owned(), "x".to_owned()));
    for kind in Kind::ALL {
        let table = Table::of(kind);
        for (order, index) in [(Order::Name, "by_name"), (Order::Newest, "by_creation")] {
            for after in [None, after.clone()] {
                let wanted = DirectoryQuery { order, after, limit: 50, ..DirectoryQuery::default() };
                let lines = plan(&store, &table.rows(&Access::All, &wanted)).await;
                let index = format!("{}_{index}", table.name());
                assert!(lines.iter().any(|line| line.contains(&index)), "{index} is not used: {lines:#?}");
                assert!(!lines.iter().any(|line| line.contains("TEMP B-TREE")), "{index}: sorted: {lines:#?}");
            }
        }
        if kind != Kind::Technician {
            let archived = DirectoryQuery { shelf: Shelf::Archived, limit: 50, ..DirectoryQuery::default() };
            let lines = plan(&store, &table.rows(&Access::All, &archived)).await;
            assert!(lines.iter().any(|line| line.contains("_archived")), "{lines:#?}");
        }
    }
}
