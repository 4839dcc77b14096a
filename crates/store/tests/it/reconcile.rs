//! What comes back from the other side, and what reconciling reads and appends.

use countersign_domain::{decision::Verdict, effect::StepKind, request::Request, role::Access};
use countersign_store::{AttemptResult, NewStep, Next, ReadBack, Store, TICKETS_LANE, TicketNews, TicketRow};

use crate::support::{Desk, NOW, both, claim_one, ended, step_id, ticket};

/// A pending request whose ticket is open.
async fn opened(store: &Store, desk: &Desk, content: &str, psa_id: &str) -> Request {
    let request = desk.accept(store, content).await;
    let mut done = ended(&claim_one(store, NOW).await, AttemptResult::Done, Next::Done);
    done.ticket = Some(TicketRow { sent: Some("as sent".to_owned()), ..ticket(request.id.as_str(), psa_id) });
    store.complete(done).await.unwrap();
    request
}

async fn news(store: &Store, request: &Request, psa_id: &str, news: TicketNews, seconds: i64) -> bool {
    let (lane, psa_id) = (request.id.to_string(), psa_id.to_owned());
    store
        .write(move |tx| {
            let (lane, psa_id, news) = (lane.clone(), psa_id.clone(), news.clone());
            Box::pin(async move { tx.keep_ticket_news(&lane, &psa_id, &news, NOW.plus_seconds(seconds)).await })
        })
        .await
        .unwrap()
}

async fn known(store: &Store, request: &Request) -> TicketRow {
    store.request(&Access::All, &request.id).await.unwrap().unwrap().ticket.unwrap()
}

both! {
    async fn news_of_a_ticket_are_kept_once_and_in_their_order(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = opened(&store, &desk, "setup", "99").await;
        let seen = || TicketNews::Seen("{\"seen\":1}".to_owned());
        assert!(!news(&store, &request, "98", seen(), 10).await, "another ticket has taken its place");
        assert!(news(&store, &request, "99", seen(), 10).await);
        assert!(!news(&store, &request, "99", TicketNews::Gone, 9).await, "it was seen later");
        assert!(news(&store, &request, "99", TicketNews::Gone, 20).await);
        assert!(!news(&store, &request, "99", TicketNews::Gone, 30).await, "known already");
        assert_eq!(known(&store, &request).await.gone_at, Some(NOW.plus_seconds(20)));
        assert!(news(&store, &request, "99", seen(), 40).await);
        assert_eq!(known(&store, &request).await.gone_at, None);
        let closed = || TicketNews::ClosedByHand(request.id.clone());
        assert!(news(&store, &request, "99", closed(), 50).await);
        assert!(!news(&store, &request, "99", closed(), 60).await);
        let row = known(&store, &request).await;
        assert_eq!((row.closed_by_hand_at, row.sent.as_deref()), (Some(NOW.plus_seconds(50)), Some("as sent")));
        assert!(news(&store, &request, "99", TicketNews::OpenAgain, 70).await);
        assert!(!news(&store, &request, "99", TicketNews::OpenAgain, 80).await);
        let into = TicketNews::Merged { psa_id: "120".to_owned(), url: "there".to_owned(), now: "{}".to_owned() };
        assert!(news(&store, &request, "99", into, 90).await);
        let row = known(&store, &request).await;
        assert_eq!((row.psa_id.as_str(), row.url.as_str()), ("120", "there"));
        assert_eq!(store.former_tickets(request.id.as_str()).await.unwrap(), ["99"]);
        assert!(store.transition(desk.decided(std::slice::from_ref(&request), Verdict::Deny)).await.unwrap());
        assert!(!news(&store, &request, "120", closed(), 99).await, "it is decided");
    }

    async fn tickets_of_waiting_requests_and_tickets_by_their_numbers(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let waits = opened(&store, &desk, "waits", "99").await;
        let over = opened(&store, &desk, "over", "100").await;
        assert!(store.transition(desk.decided(std::slice::from_ref(&over), Verdict::Deny)).await.unwrap());
        let open = store.open_tickets(9).await.unwrap();
        assert_eq!(open.iter().map(|one| one.ticket.psa_id.as_str()).collect::<Vec<_>>(), ["99"]);
        assert_eq!(open[0].request.id, waits.id);
        let asked = ["100".to_owned(), "777".to_owned()];
        let found = store.tickets_by_id(&asked).await.unwrap();
        assert_eq!(found.iter().map(|one| &one.request.id).collect::<Vec<_>>(), [&over.id]);
        assert_eq!(store.tickets_by_id(&[]).await.unwrap().len(), 0);
    }

    async fn a_ticket_speaks_of_what_asked_again_once_it_was_seen_open(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let first = opened(&store, &desk, "setup", "99").await;
        let one = async || store.open_tickets(9).await.unwrap().remove(0);
        assert!(one().await.was_open, "its own request's ticket was opened for it");
        assert!(store.transition(desk.decided(std::slice::from_ref(&first), Verdict::Deny)).await.unwrap());
        store.complete(ended(&claim_one(&store, NOW).await, AttemptResult::Done, Next::Done)).await.unwrap();
        let again = desk.accept(&store, "setup").await;
        let repeat = desk.accept(&store, "setup").await;
        assert_eq!((again.again_of.as_ref(), repeat.joined_to.as_ref()), (Some(&first.id), Some(&again.id)));
        let open = store.open_tickets(9).await.unwrap();
        assert_eq!(open.iter().map(|one| (&one.request.id, one.was_open)).collect::<Vec<_>>(), [(&again.id, false)]);
        let by_id = store.tickets_by_id(&["99".to_owned()]).await.unwrap();
        assert_eq!(by_id.iter().map(|one| &one.request.id).collect::<Vec<_>>(), [&again.id]);
        // It counts as open once what asks again is told (its note ends a second after NOW), and nothing is on its way.
        assert!(!news(&store, &first, "99", TicketNews::Open, 9).await, "it is not told");
        let mut told = ended(&claim_one(&store, NOW).await, AttemptResult::Done, Next::Done);
        told.expected = Some(("open".to_owned(), NOW.plus_seconds(5)));
        store.complete(told).await.unwrap();
        assert!(!news(&store, &first, "99", TicketNews::Open, 9).await, "the repeat is not told");
        store.complete(ended(&claim_one(&store, NOW).await, AttemptResult::Done, Next::Done)).await.unwrap();
        assert!(!news(&store, &first, "99", TicketNews::Open, 9).await, "it is to be read back");
        let seen = |is_open| {
            let (lane, psa_id) = (first.id.to_string(), "99".to_owned());
            vec![ReadBack { lane, psa_id, now: "{}".to_owned(), is_open }]
        };
        store.keep_seen(seen(false), NOW.plus_seconds(9)).await.unwrap();
        assert!(!one().await.was_open, "it is closed");
        store.keep_seen(seen(true), NOW).await.unwrap();
        assert!(!one().await.was_open, "seen before it was told");
        store.keep_seen(seen(true), NOW.plus_seconds(9)).await.unwrap();
        assert!(one().await.was_open);
        assert!(!news(&store, &first, "99", TicketNews::Open, 10).await, "known already");
        // Closed for the first and closed for this one are two things.
        home.sql("UPDATE tickets SET closed_by_hand_at = 7").await;
        assert!(news(&store, &first, "99", TicketNews::ClosedByHand(again.id.clone()), 20).await);
        assert!(!news(&store, &first, "99", TicketNews::ClosedByHand(again.id.clone()), 30).await);
        assert!(!news(&store, &first, "99", TicketNews::ClosedByHand(first.id.clone()), 30).await, "it is decided");
        assert_eq!(one().await.ticket.closed_by_hand_at, Some(NOW.plus_seconds(20)));
        // The next that asks again begins anew.
        assert!(store.transition(desk.decided(&[again.clone(), repeat], Verdict::Deny)).await.unwrap());
        let next = desk.accept(&store, "setup").await;
        assert_eq!((next.again_of.as_ref(), one().await.was_open), (Some(&first.id), false));
    }

    async fn a_lane_of_the_servers_own_has_its_steps(home) {
        let store = home.open().await;
        let step = NewStep::round(step_id(), TICKETS_LANE, "changes".to_owned(), StepKind::FollowTickets);
        store.write(move |tx| {
            let steps = [step.clone()];
            Box::pin(async move { tx.append_rounds(TICKETS_LANE, &steps, NOW).await })
        }).await.unwrap();
        assert_eq!(store.undone_in(TICKETS_LANE).await.unwrap()[0].subject, "changes");
        // It looks for nothing of its own, whatever is in doubt.
        assert_eq!(store.doubt_undone(NOW, "1".to_owned()).await.unwrap(), 0);
    }

    async fn what_is_to_be_compared_is_read_in_chunks(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        assert_eq!(store.ticket_before(NOW).await.unwrap(), None);
        let mut heads = Vec::new();
        for n in 0..5 {
            heads.push(desk.accept(&store, &format!("n{n}")).await.id);
        }
        desk.accept(&store, "n0").await;
        let mut read = Vec::new();
        let mut after = None;
        loop {
            let rows = store.heads_since(NOW, after.as_ref(), 2).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(last.clone());
            read.extend(rows.into_iter().map(|row| row.request.id));
        }
        assert_eq!(read, heads, "one that joined is told with the other");
        assert_eq!(store.heads_since(NOW.plus_seconds(1), None, 9).await.unwrap().len(), 0);
        let lanes: Vec<String> = heads.iter().take(2).map(ToString::to_string).collect();
        let steps = store.lane_steps(&lanes).await.unwrap();
        let told: Vec<_> = steps.iter().map(|step| (step.subject.as_str(), step.kind.as_str(), step.nth)).collect();
        assert_eq!(told.iter().filter(|step| **step == (lanes[0].as_str(), "open_ticket", 1)).count(), 1);
        assert_eq!(store.lane_steps(&[]).await.unwrap(), []);
    }

    async fn a_lost_step_is_appended_once_and_looks_first(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = opened(&store, &desk, "setup", "99").await;
        assert_eq!(store.ticket_before(NOW).await.unwrap().as_deref(), Some("99"), "the lowest, as none is older");
        assert_eq!(store.ticket_before(NOW.plus_seconds(1)).await.unwrap().as_deref(), Some("99"));
        // Two programs that compare at the same time come to the same.
        for is_appended in [true, false] {
            let step = NewStep::told(step_id(), &request, StepKind::RecordDecision);
            let appended = store.write(move |tx| {
                let step = step.clone();
                Box::pin(async move { tx.append_in_doubt(&step, 1, NOW, "42").await })
            }).await.unwrap();
            assert_eq!(appended, is_appended);
        }
        let lanes = [request.id.to_string()];
        let steps = store.lane_steps(&lanes).await.unwrap();
        assert_eq!(steps.iter().filter(|step| step.kind == "record_decision").count(), 1, "{steps:?}");
        let mut claimed = claim_one(&store, NOW).await;
        assert_eq!((claimed.doubt_at, claimed.floor.as_deref()), (Some(NOW), Some("42")));
        let look = |store: &Store, id: String, floor: &'static str| {
            let store = store.clone();
            async move {
                store.write(move |tx| {
                    let id = id.clone();
                    Box::pin(async move { tx.look_again(&id, NOW, floor, NOW).await })
                }).await.unwrap()
            }
        };
        assert!(!look(&store, claimed.id.to_string(), "9").await, "it is being sent");
        // It looks as far down as ever it had to; numbers are compared as numbers.
        for (floor, lowest) in [("41", "41"), ("100", "41"), ("9", "9")] {
            let attention = Next::Attention { doubt_at: None };
            store.complete(ended(&claimed, AttemptResult::Refused, attention)).await.unwrap();
            assert!(look(&store, claimed.id.to_string(), floor).await);
            let again = claim_one(&store, NOW).await;
            assert_eq!((&again.id, again.doubt_at, again.floor.as_deref()), (&claimed.id, Some(NOW), Some(lowest)));
            claimed = again;
        }
    }

    async fn a_walk_goes_down_below_what_a_ticket_was_merged_into(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let merged = opened(&store, &desk, "merged", "99").await;
        let into = TicketNews::Merged { psa_id: "120".to_owned(), url: "there".to_owned(), now: "{}".to_owned() };
        assert!(news(&store, &merged, "99", into, 90).await);
        // Since then a ticket may have been opened with any number above the first.
        let before = async || store.ticket_before(NOW.plus_seconds(1)).await.unwrap();
        assert_eq!(before().await.as_deref(), Some("99"));
        opened(&store, &desk, "later", "110").await;
        assert_eq!(before().await.as_deref(), Some("110"));
    }
}
