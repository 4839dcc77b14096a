//! What is known of tickets, read-backs, and what a step needs to know.

use countersign_domain::{
    decision::Verdict,
    link::{Kind, Link},
    role::Access,
};
use countersign_store::{AttemptResult, Next, ReadBack};

use crate::support::{Desk, NOW, both, claim_one, contact, ended, ticket};

fn seen(lane: &str, now: &str) -> ReadBack {
    ReadBack { lane: lane.to_owned(), psa_id: "99".to_owned(), now: now.to_owned(), is_open: true }
}

both! {
    async fn a_ticket_is_kept_with_what_it_should_look_like(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        assert_eq!(store.newest_ticket().await.unwrap(), None);
        let lane = request.id.to_string();
        assert!(store.transition(desk.decided(std::slice::from_ref(&request), Verdict::Approve)).await.unwrap());
        let mut opened = ended(&claim_one(&store, NOW).await, AttemptResult::Done, Next::Done);
        opened.ticket = Some(ticket(&lane, "99"));
        store.complete(opened).await.unwrap();
        assert_eq!(store.tickets_to_verify(NOW.plus_seconds(99), 9).await.unwrap(), []);
        // The decision brings no news of the ticket, but something to expect of it.
        let mut decided = ended(&claim_one(&store, NOW).await, AttemptResult::Done, Next::Done);
        decided.expected = Some(("closed".to_owned(), NOW.plus_seconds(5)));
        store.complete(decided).await.unwrap();
        assert_eq!(store.expected_of(&lane).await.unwrap().as_deref(), Some("closed"));
        assert_eq!(store.tickets_to_verify(NOW.plus_seconds(4), 9).await.unwrap(), []);
        let due = store.tickets_to_verify(NOW.plus_seconds(5), 9).await.unwrap();
        assert_eq!((due.len(), due[0].psa_id.as_str(), due[0].expected.as_str()), (1, "99", "closed"));
        store.verify_later(vec![lane.clone()], NOW.plus_seconds(50)).await.unwrap();
        store.verify_later(Vec::new(), NOW).await.unwrap();
        assert_eq!(store.tickets_to_verify(NOW.plus_seconds(49), 9).await.unwrap(), []);
        // Seen before that was asked: it is still to be looked at.
        store.keep_seen(vec![seen(&lane, "{\"seen\":1}")], NOW.plus_seconds(20)).await.unwrap();
        assert_eq!(store.tickets_to_verify(NOW.plus_seconds(50), 9).await.unwrap().len(), 1);
        store.keep_seen(vec![seen(&lane, "{\"seen\":2}")], NOW.plus_seconds(50)).await.unwrap();
        assert_eq!(store.tickets_to_verify(NOW.plus_seconds(99), 9).await.unwrap(), []);
        let row = store.request(&Access::All, &request.id).await.unwrap().unwrap();
        let seen = row.ticket.unwrap();
        assert_eq!((seen.now.as_str(), seen.seen_at), ("{\"seen\":2}", NOW.plus_seconds(50)));
    }

    async fn news_of_a_ticket_keeps_what_was_booked(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let step = claim_one(&store, NOW).await;
        let again = Next::Again { at: NOW, doubt_at: None };
        let mut first = ended(&step, AttemptResult::Later, again);
        first.ticket = Some(countersign_store::TicketRow {
            booked: Some("five minutes".to_owned()),
            ..ticket(request.id.as_str(), "99")
        });
        store.complete(first).await.unwrap();
        let mut second = ended(&claim_one(&store, NOW).await, AttemptResult::Done, Next::Done);
        second.ticket = Some(countersign_store::TicketRow {
            opened_at: NOW.plus_seconds(9),
            ..ticket(request.id.as_str(), "100")
        });
        store.complete(second).await.unwrap();
        let row = store.request(&Access::All, &request.id).await.unwrap().unwrap().ticket.unwrap();
        assert_eq!((row.psa_id.as_str(), row.booked.as_deref(), row.opened_at), ("100", Some("five minutes"), NOW));
        // Numbers are compared as numbers.
        assert_eq!(store.newest_ticket().await.unwrap().as_deref(), Some("100"));
        let asked = ["99".to_owned(), "100".to_owned(), "101".to_owned()];
        assert_eq!(store.known_tickets(&asked).await.unwrap(), ["100"]);
        assert_eq!(store.known_tickets(&[]).await.unwrap(), Vec::<String>::new());
    }

    async fn tickets_of_what_is_pending_are_in_doubt_where_the_database_is_older(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let (decided, pending) = (desk.accept(&store, "decided").await, desk.accept(&store, "pending").await);
        for (number, step) in store.claim(NOW, 9, None).await.unwrap().iter().enumerate() {
            let mut end = ended(step, AttemptResult::Done, Next::Done);
            end.ticket = Some(ticket(&step.lane, &number.to_string()));
            store.complete(end).await.unwrap();
        }
        assert!(store.transition(desk.decided(std::slice::from_ref(&decided), Verdict::Deny)).await.unwrap());
        store.doubt_undone(NOW.plus_seconds(5), "1".to_owned()).await.unwrap();
        store.doubt_undone(NOW.plus_seconds(6), "1".to_owned()).await.unwrap();
        for (request, doubt_at) in [(decided, None), (pending, Some(NOW.plus_seconds(5)))] {
            let row = store.request(&Access::All, &request.id).await.unwrap().unwrap();
            assert_eq!(row.ticket.unwrap().doubt_at, doubt_at);
        }
    }

    async fn a_step_knows_every_link(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let other = desk.accept(&store, "other").await;
        assert_eq!(store.contexts(&[]).await.unwrap().len(), 0);
        let bare = store.contexts(std::slice::from_ref(&request.id)).await.unwrap().remove(0);
        assert_eq!((bare.customer, bare.site, bare.asset, bare.contact, bare.agent), (None, None, None, None, None));
        let maria = contact(&desk.company, "Maria Ruiz", "maria.ruiz@EXAMPLE.org");
        let made = desk.clone();
        store
            .write(move |tx| {
                let (made, maria) = (made.clone(), maria.clone());
                Box::pin(async move {
                    tx.insert_contact(&maria).await?;
                    for (kind, id, psa_id) in [
                        (Kind::Company, made.company.id.as_str(), "1"),
                        (Kind::Location, made.location.id.as_str(), "2"),
                        (Kind::Computer, made.computer.id.as_str(), "3"),
                        (Kind::Contact, maria.id.as_str(), "4"),
                        (Kind::Technician, made.technician.id.as_str(), "5"),
                    ] {
                        let link = Link::by_hand(psa_id.to_owned(), format!("Record {psa_id}"), NOW);
                        tx.set_link(kind, id, &link).await?;
                    }
                    Ok(())
                })
            })
            .await
            .unwrap();
        assert!(store.transition(desk.decided(std::slice::from_ref(&request), Verdict::Deny)).await.unwrap());
        let contexts = store.contexts(&[request.id.clone(), other.id.clone()]).await.unwrap();
        assert_eq!(contexts.len(), 2);
        for context in contexts {
            let decided = context.request.request.id == request.id;
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let links = [&context.customer, &context.site, &context.asset, &context.contact].map(text);
            assert_eq!(links, ["1", "2", "3", "4"]);
            assert_eq!(context.agent.as_deref(), decided.then_some("5"));
            assert!(context.request.company_linked);
        }
    }

    async fn doubts_are_looked_for_above_the_lowest_floor(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        assert_eq!(store.lowest_floor().await.unwrap(), None);
        for (content, floor) in [("a", "100"), ("b", "99")] {
            desk.accept(&store, content).await;
            let step = store.claim(NOW, 1, Some(floor.to_owned())).await.unwrap().remove(0);
            let again = Next::Again { at: NOW.plus_seconds(9), doubt_at: Some(NOW) };
            store.complete(ended(&step, AttemptResult::Unknown, again)).await.unwrap();
        }
        assert_eq!(store.lowest_floor().await.unwrap().as_deref(), Some("99"));
        assert!(store.claim(NOW, 9, None).await.unwrap().is_empty());
        assert_eq!(store.go_on(NOW).await.unwrap(), 2);
        assert_eq!(store.claim(NOW, 9, None).await.unwrap().len(), 2);
    }
}
