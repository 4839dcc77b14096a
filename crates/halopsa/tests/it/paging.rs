//! Walks end, and end complete, whatever the server says about pages.

use halopsa::{AssetFilter, CustomerFilter, Deleted, End, SiteFilter, TicketFilter};
use serde_json::{Value, json};

use crate::stub::{Reply, Seen, Stub, ok};

const TOTAL: i64 = 230;

fn tickets(ids: impl Iterator<Item = i64>, said: i64) -> Value {
    let rows: Vec<Value> = ids.map(|id| json!({"id": id, "client_id": 1 + id % 2})).collect();
    json!({"page_no": 1, "page_size": 50, "record_count": said, "tickets": rows})
}

/// Rows from the highest id down, cut at `largest`; the offset counts in `offset_by` rows a page.
fn page(seen: &Seen, largest: usize, offset_by: usize) -> impl Iterator<Item = i64> {
    let take = seen.number("page_size").min(largest);
    (1..=TOTAL).rev().skip((seen.number("page_no") - 1) * offset_by).take(take)
}

async fn walk(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Vec<i64>, End, Vec<Seen>) {
    let stub = Stub::start(reply).await;
    let (rows, end) = stub.client().tickets(&TicketFilter::default()).all().await.unwrap();
    (rows.iter().map(|ticket| ticket.id).collect(), end, stub.seen("/api/Tickets"))
}

fn everything() -> Vec<i64> {
    (1..=TOTAL).rev().collect()
}

#[tokio::test]
async fn a_good_server_is_walked_once() {
    let (ids, end, seen) = walk(|seen| ok(&tickets(page(seen, 100, seen.number("page_size")), TOTAL))).await;
    assert_eq!((ids, end), (everything(), End::Complete));
    assert_eq!(seen.len(), 3, "the last page is short, and the total agrees");
    for call in seen {
        for name in ["pageinate", "page_size", "page_no", "order", "orderdesc"] {
            assert!(call.param(name).is_some(), "{name} is missing in {}", call.path);
        }
    }
}

#[tokio::test]
async fn a_short_list_whose_total_agrees_takes_one_call() {
    for (rows, said, calls) in [(3, 3, 1), (3, 2, 2), (3, 4, 2), (50, 50, 2), (0, 0, 1)] {
        let (ids, _, seen) =
            walk(move |seen| ok(&tickets((1..=rows).rev().skip((seen.number("page_no") - 1) * 100), said))).await;
        assert_eq!((ids.len(), seen.len()), (usize::try_from(rows).unwrap(), calls), "{rows} rows, {said} said");
    }
}

#[tokio::test]
async fn a_cut_page_size_loses_nothing() {
    let (ids, end, _) = walk(|seen| ok(&tickets(page(seen, 50, seen.number("page_size").min(50)), TOTAL))).await;
    assert_eq!((ids, end), (everything(), End::Complete));
    // The same cut, but the offset still counts in the size asked for.
    let (ids, end, _) = walk(|seen| ok(&tickets(page(seen, 50, seen.number("page_size")), TOTAL))).await;
    assert_eq!((ids, end), (everything(), End::Complete));
}

#[tokio::test]
async fn a_server_that_repeats_itself_ends_in_doubt() {
    let (ids, end, seen) = walk(|_| ok(&tickets((1..=TOTAL).rev().take(50), TOTAL))).await;
    assert_eq!((ids.len(), end, seen.len()), (50, End::Doubtful, 2));
    // It gave everything at once and ignores pages: complete.
    let (ids, end, seen) = walk(|_| ok(&tickets((1..=TOTAL).rev(), TOTAL))).await;
    assert_eq!((ids, end, seen.len()), (everything(), End::Complete, 2));
    // The same as a bare array.
    let bare = |_: &Seen| ok(&json!((1..=TOTAL).rev().map(|id| json!({"id": id})).collect::<Vec<_>>()));
    let (ids, end, _) = walk(bare).await;
    assert_eq!((ids, end), (everything(), End::Complete));
}

#[tokio::test]
async fn a_total_that_is_too_low_is_not_believed() {
    let (ids, end, _) = walk(|seen| ok(&tickets(page(seen, 100, seen.number("page_size")), 50))).await;
    assert_eq!((ids, end), (everything(), End::Complete));
}

#[tokio::test]
async fn rows_that_move_between_pages_come_once() {
    // A ticket is opened after the first page: everything moves by one.
    let (ids, end, _) = walk(|seen| {
        let moved = usize::from(seen.number("page_no") > 1);
        ok(&tickets((1..=TOTAL).rev().skip((seen.number("page_no") - 1) * 100 - moved).take(100), TOTAL + 1))
    })
    .await;
    assert_eq!((ids, end), (everything(), End::Complete), "the one that is counted and not seen came later");
}

#[tokio::test]
async fn ignored_filters_do_not_show() {
    let stub = Stub::start(|seen| match seen.path.split('?').next().unwrap() {
        "/api/Tickets" => ok(&json!({"tickets": page(seen, 100, 100).map(|id| {
            json!({"id": id, "client_id": 1 + id % 2, "deleted": id % 10 == 0, "third_party_id_string": format!("ref-{id}")})
        }).collect::<Vec<_>>()})),
        "/api/Site" if seen.number("page_no") == 1 => {
            ok(&json!({"sites": [{"id": 1, "client_id": 12.0}, {"id": 2, "client_id": 13}, {"id": 3}]}))
        }
        "/api/Asset" if seen.number("page_no") == 1 => {
            ok(&json!({"assets": [{"id": 1, "client_id": 12, "inactive": true}, {"id": 2, "client_id": 12}]}))
        }
        _ => ok(&json!([])),
    })
    .await;
    let client = stub.client();
    let of_two = TicketFilter { client_id: Some(2), ..TicketFilter::default() };
    let (rows, _) = client.tickets(&of_two).all().await.unwrap();
    assert!(rows.iter().all(|ticket| ticket.client_id == Some(2) && ticket.deleted != Some(true)));
    let with_deleted = TicketFilter { deleted: Deleted::With, ..TicketFilter::default() };
    let (rows, _) = client.tickets(&with_deleted).all().await.unwrap();
    assert_eq!(rows.len(), everything().len());
    let by_reference = TicketFilter { third_party_id_string: Some("ref-77".into()), ..TicketFilter::default() };
    let (rows, _) = client.tickets(&by_reference).all().await.unwrap();
    assert_eq!(rows.iter().map(|ticket| ticket.id).collect::<Vec<_>>(), [77]);
    let (sites, _) = client.sites(&SiteFilter { client_id: Some(12), ..SiteFilter::default() }).all().await.unwrap();
    assert_eq!(sites.iter().map(|site| site.id).collect::<Vec<_>>(), [1]);
    let (assets, _) =
        client.assets(&AssetFilter { client_id: Some(12), ..AssetFilter::default() }).all().await.unwrap();
    assert_eq!(assets.iter().map(|asset| asset.id).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_walk_may_stop_early_and_goes_on_after_a_failure() {
    let failed = std::sync::atomic::AtomicBool::new(false);
    let stub = Stub::start(move |seen| {
        if seen.number("page_no") == 2 && !failed.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return Reply::Answer(503, String::new());
        }
        ok(&tickets(page(seen, 100, 100), TOTAL))
    })
    .await;
    let client = stub.client();
    let mut pages = client.tickets(&TicketFilter::default());
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 100);
    pages.next().await.expect_err("503");
    assert_eq!(pages.next().await.unwrap().unwrap().first().unwrap().id, 130, "the same page again");
    drop(pages);
    assert_eq!(stub.seen("/api/Tickets").len(), 3);
}

#[tokio::test]
async fn rows_without_ids_end_the_walk() {
    let stub =
        Stub::start(|_| ok(&json!({"record_count": 9, "clients": [{"name": "Sample Dental Group"}, {"id": "x"}]})))
            .await;
    let (rows, end) = stub.client().customers(&CustomerFilter::default()).all().await.unwrap();
    assert_eq!((rows.len(), end), (0, End::Doubtful));
}
