//! Changes of requests, compare-and-set, and reads by what the caller may see.

use countersign_domain::{
    decision::Verdict,
    id::RequestId,
    request::{Event, Request, State},
    role::Access,
    time::Time,
};
use countersign_store::{Counts, RequestQuery, RequestRow, Store, Transition};

use crate::support::{Desk, NOW, accepted, assert_sound, both, nobody, stranger};

fn ids(rows: &[RequestRow]) -> Vec<&RequestId> {
    rows.iter().map(|row| &row.request.id).collect()
}

/// Walks a list page by page.
async fn walk(store: &Store, access: &Access, mut wanted: RequestQuery, page: usize) -> Vec<RequestId> {
    let mut all = Vec::new();
    wanted.limit = page;
    loop {
        let rows = store.requests(access, &wanted).await.unwrap();
        let Some(last) = rows.last() else { return all };
        wanted.after = Some((last.request.received_at, last.request.id.clone()));
        all.extend(rows.into_iter().map(|row| row.request.id));
    }
}

both! {
    async fn of_two_at_once_one_wins(home) {
        let store = home.open().await;
        let other = if home.is_postgres() { home.open().await } else { store.clone() };
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        for round in 0..10 {
            let request = desk.accept(&store, &format!("setup {round}")).await;
            let (one, two) = tokio::join!(
                store.transition(desk.decided(std::slice::from_ref(&request), Verdict::Approve)),
                other.transition(desk.decided(std::slice::from_ref(&request), Verdict::Deny)),
            );
            let won = [one.unwrap(), two.unwrap()];
            assert_eq!(won.iter().filter(|won| **won).count(), 1);
            let now = store.request_alone(&request.id).await.unwrap().unwrap();
            assert_eq!(now.state, if won[0] { State::Approved } else { State::Denied });
            assert_eq!(now.version, 2);
        }
        assert_eq!(home.count("SELECT COUNT(*) FROM steps WHERE kind = 'record_decision'").await, 10);
        assert_eq!(home.count("SELECT COUNT(*) FROM audit WHERE action = 'request.decided'").await, 10);
        assert_sound(&store).await;
    }

    async fn a_decision_and_its_repeats_stand_or_fall_together(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let mut changes = Vec::new();
        let mut stale = Vec::new();
        for round in 0..6 {
            let content = format!("setup {round}");
            let (head, joined) = (desk.accept(&store, &content).await, desk.accept(&store, &content).await);
            if round % 2 == 0 {
                // Its repeat is taken back meanwhile.
                let (after, _) = joined.clone().apply(Event::Withdrawn(NOW)).unwrap();
                let change = Transition { requests: vec![after], ..Transition::default() };
                assert!(store.transition(change).await.unwrap());
                stale.push(head.id.clone());
            }
            changes.push(desk.decided(&[head, joined], Verdict::Approve));
        }
        // Between them, changes of one request: one that applies and one that does not.
        let single = desk.accept(&store, "single").await;
        changes.push(desk.decided(std::slice::from_ref(&single), Verdict::Deny));
        changes.push(desk.decided(std::slice::from_ref(&single), Verdict::Approve));
        let kept = futures_util::future::join_all(changes.into_iter().map(|change| store.transition(change))).await;
        let kept: Vec<bool> = kept.into_iter().map(Result::unwrap).collect();
        assert_eq!(kept[..6], [false, true, false, true, false, true]);
        assert_eq!(kept[6..].iter().filter(|kept| **kept).count(), 1);
        for id in &stale {
            let head = store.request_alone(id).await.unwrap().unwrap();
            assert_eq!((head.state, head.version), (State::Pending, 1));
            let steps = format!("SELECT COUNT(*) FROM steps WHERE lane = '{id}' AND kind = 'record_decision'");
            assert_eq!(home.count(&steps).await, 0);
        }
        assert_eq!(home.count("SELECT COUNT(*) FROM requests WHERE state = 'approved'").await / 2, 3);
        // Three heads with their repeats, and the single one.
        assert_eq!(home.count("SELECT COUNT(*) FROM audit WHERE action = 'request.decided'").await, 7);
        assert_sound(&store).await;
    }

    /// Whoever joins in the moment of the decision is seen by the read after it, or begins anew: none is left behind.
    async fn nobody_joins_a_decided_request_unseen(home) {
        let store = home.open().await;
        let other = if home.is_postgres() { home.open().await } else { store.clone() };
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        for round in 0..20 {
            let content = format!("setup {round}");
            let head = desk.accept(&store, &content).await;
            let decide = async {
                assert!(store.transition(desk.decided(std::slice::from_ref(&head), Verdict::Approve)).await.unwrap());
                store.joined_pending(&head.id).await.unwrap()
            };
            let (seen, late) = tokio::join!(decide, other.accept(desk.new_request(&content)));
            let late = accepted(late.unwrap());
            match &late.joined_to {
                Some(joined_to) => {
                    assert_eq!(joined_to, &head.id);
                    assert_eq!(seen.iter().map(|request| &request.id).collect::<Vec<_>>(), [&late.id]);
                }
                None => assert_eq!(seen, []),
            }
        }
    }

    async fn due_times_follow_the_state(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let change = desk.decided(&[request], Verdict::Approve);
        let approved = change.requests[0].clone();
        assert!(store.transition(change).await.unwrap());
        let until = approved.grant.as_ref().unwrap().until;
        assert_eq!(store.due_requests(Time(until.0 - 1), 9).await.unwrap(), []);
        assert_eq!(store.due_requests(until, 9).await.unwrap(), std::slice::from_ref(&approved));
        let (started, _) = approved.apply(Event::Started(NOW.plus_seconds(61), None)).unwrap();
        assert!(store.transition(Transition { requests: vec![started], ..Transition::default() }).await.unwrap());
        assert_eq!(store.due_requests(until.plus_seconds(1), 9).await.unwrap(), []);
    }

    async fn lists_are_complete_in_order_and_in_pages(home) {
        let store = home.open().await;
        let one = Desk::set_up(&store, "Sample Dental Group").await;
        let two = Desk::set_up(&store, "Demo Freight Lines").await;
        let mut all: Vec<Request> = Vec::new();
        for number in 0..24_i64 {
            let desk = if number % 3 == 0 { &two } else { &one };
            // Four at each moment, so that pages end within one.
            let new = desk.new_request_at(&format!("program {number}"), NOW.plus_seconds(number / 4));
            let request = accepted(store.accept(new).await.unwrap());
            if number % 4 == 1 {
                assert!(store.transition(desk.decided(std::slice::from_ref(&request), Verdict::Deny)).await.unwrap());
            }
            all.push(store.request_alone(&request.id).await.unwrap().unwrap());
        }
        all.sort_by(|a, b| (a.received_at, &a.id).cmp(&(b.received_at, &b.id)));
        let expect = |of: &dyn Fn(&Request) -> bool| -> Vec<RequestId> {
            all.iter().filter(|request| of(request)).map(|request| request.id.clone()).collect()
        };
        let both = Access::Only([one.company.id.clone(), two.company.id.clone()].into());
        let base = RequestQuery { oldest_first: true, ..RequestQuery::default() };
        for access in [&Access::All, &both] {
            assert_eq!(walk(&store, access, base.clone(), 5).await, expect(&|_| true));
            let newest = RequestQuery::default();
            let mut backwards = walk(&store, access, newest, 7).await;
            backwards.reverse();
            assert_eq!(backwards, expect(&|_| true));
            let pending = RequestQuery { state: Some(State::Pending), ..base.clone() };
            assert_eq!(walk(&store, access, pending, 3).await, expect(&|request| request.state == State::Pending));
            let over = RequestQuery { over: true, ..base.clone() };
            assert_eq!(walk(&store, access, over.clone(), 2).await, expect(&|request| request.state != State::Pending));
            let none = RequestQuery { state: Some(State::Pending), ..over };
            assert_eq!(walk(&store, access, none, 2).await, []);
            let of_two = RequestQuery { company: Some(two.company.id.clone()), ..base.clone() };
            assert_eq!(walk(&store, access, of_two, 3).await, expect(&|request| request.company_id == two.company.id));
            let from = RequestQuery { computer: Some(one.computer.id.clone()), ..base.clone() };
            assert_eq!(walk(&store, access, from, 3).await, expect(&|request| request.company_id == one.company.id));
            let search = RequestQuery { search: Some("PROGRAM 1".to_owned()), ..base.clone() };
            let found = expect(&|request| request.asked.command_line.as_deref().unwrap().starts_with("program 1"));
            assert_eq!(walk(&store, access, search, 4).await, found);
        }
        let only_one = walk(&store, &one.access(), base.clone(), 5).await;
        assert_eq!(only_one, expect(&|request| request.company_id == one.company.id));
        let foreign = RequestQuery { company: Some(two.company.id.clone()), ..base };
        assert_eq!(walk(&store, &one.access(), foreign, 5).await, []);
    }

    async fn heads_only_leaves_repeats_out(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let head = desk.accept(&store, "setup").await;
        let repeat = desk.accept(&store, "setup").await;
        let wanted = RequestQuery { heads_only: true, limit: 9, ..RequestQuery::default() };
        assert_eq!(ids(&store.requests(&desk.access(), &wanted).await.unwrap()), [&head.id]);
        let wanted = RequestQuery { limit: 9, ..RequestQuery::default() };
        assert_eq!(store.requests(&desk.access(), &wanted).await.unwrap().len(), 2);
        let row = store.request(&Access::All, &repeat.id).await.unwrap().unwrap();
        assert_eq!((row.company.as_str(), row.repeats), ("Sample Dental Group", 0));
    }

    async fn wildcards_in_a_search_are_letters(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let percent = desk.accept(&store, "100%_done!").await;
        desk.accept(&store, "100 things done").await;
        for text in ["100%", "%_d", "done!", "100%_DONE!"] {
            let wanted = RequestQuery { search: Some(text.to_owned()), limit: 9, ..RequestQuery::default() };
            assert_eq!(ids(&store.requests(&Access::All, &wanted).await.unwrap()), [&percent.id], "{text}");
        }
    }

    async fn a_stranger_sees_nothing(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let step = home.column("SELECT id FROM steps").await.remove(0).parse().unwrap();
        let wanted = RequestQuery { limit: 9, ..RequestQuery::default() };
        let of_company = RequestQuery { company: Some(desk.company.id.clone()), ..wanted.clone() };
        for access in [stranger(), nobody()] {
            assert!(store.request(&access, &request.id).await.unwrap().is_none());
            assert!(store.requests(&access, &wanted).await.unwrap().is_empty());
            assert!(store.requests(&access, &of_company).await.unwrap().is_empty());
            assert_eq!(store.counts(&access).await.unwrap(), Counts::default());
            let steps = countersign_store::StepsQuery { limit: 9, ..Default::default() };
            assert!(store.steps(&access, &steps).await.unwrap().is_empty());
            let lane = countersign_store::StepsQuery { lane: Some(request.id.to_string()), ..steps };
            assert!(store.steps(&access, &lane).await.unwrap().is_empty());
            assert!(store.step(&access, &step).await.unwrap().is_none());
            assert!(store.audit_rows(&access, None, None, 9).await.unwrap().is_empty());
            assert!(store.audit_rows(&access, Some(request.id.as_str()), None, 9).await.unwrap().is_empty());
        }
        assert!(store.request(&desk.access(), &request.id).await.unwrap().is_some());
        assert!(store.step(&desk.access(), &step).await.unwrap().is_some());
        assert_eq!(store.audit_rows(&desk.access(), None, None, 9).await.unwrap().len(), 1);
        let counts = Counts { pending: 1, waiting_steps: 1, ..Counts::default() };
        assert_eq!(store.counts(&desk.access()).await.unwrap(), counts);
    }

    async fn the_first_look_counts(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let (id, who) = (&request.id, &desk.technician.id);
        assert_eq!(store.look(id, who, NOW).await.unwrap(), NOW);
        assert_eq!(store.look(id, who, NOW.plus_seconds(9)).await.unwrap(), NOW);
        let fresh = desk.accept(&store, "other").await;
        let (one, two) = tokio::join!(store.look(&fresh.id, who, NOW), store.look(&fresh.id, who, Time(7)));
        assert_eq!(one.unwrap(), two.unwrap());
    }
}
