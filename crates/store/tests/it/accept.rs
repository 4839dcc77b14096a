//! Accepting requests: once on disk, repeats, joins, many at once.

use countersign_domain::{
    caps::{Caps, TooMany, Whose},
    decision::Verdict,
    request::State,
    role::Access,
};
use countersign_store::{Accepted, Error};
use futures_util::FutureExt as _;

use crate::support::{Desk, NOW, accepted, assert_sound, both, nobody, stranger};

both! {
    async fn new_then_the_same_again(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let new = desk.new_request("setup");
        let first = store.accept(new.clone()).await.unwrap();
        assert_eq!(first, Accepted::New(Box::new(new.request.clone())));
        assert_eq!(store.accept(new.clone()).await.unwrap(), Accepted::Repeat(Box::new(new.request.clone())));
        assert_eq!(store.request_alone(&new.request.id).await.unwrap(), Some(new.request));
        assert_eq!(home.count("SELECT COUNT(*) FROM requests").await, 1);
        assert_eq!(home.count("SELECT COUNT(*) FROM steps").await, 1);
        assert_eq!(assert_sound(&store).await, 1);
    }

    async fn another_computers_id_shows_whose_it_is(home) {
        let store = home.open().await;
        let one = Desk::set_up(&store, "Sample Dental Group").await;
        let two = Desk::set_up(&store, "Demo Freight Lines").await;
        let theirs = one.accept(&store, "setup").await;
        let mut stolen = two.new_request("other");
        stolen.request.id = theirs.id.clone();
        let Accepted::Repeat(found) = store.accept(stolen).await.unwrap() else { panic!("accepted twice") };
        assert_eq!(found.computer_id, one.computer.id);
    }

    async fn the_same_content_joins(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let head = desk.accept(&store, "setup").await;
        let (second, third) = (desk.accept(&store, "setup").await, desk.accept(&store, "setup").await);
        assert_eq!((second.joined_to.as_ref(), third.joined_to.as_ref()), (Some(&head.id), Some(&head.id)));
        assert_eq!(desk.accept(&store, "other").await.joined_to, None);
        let joined = store.joined_pending(&head.id).await.unwrap();
        assert_eq!(joined.iter().map(|request| &request.id).collect::<Vec<_>>(), [&second.id, &third.id]);
        let last = async |access: &Access, limit| {
            let rows = store.joined(access, &head.id, limit).await.unwrap();
            rows.into_iter().map(|row| row.request.id).collect::<Vec<_>>()
        };
        let newest_first = [third.id.clone(), second.id.clone()];
        assert_eq!(last(&Access::All, 9).await, newest_first);
        assert_eq!(last(&Access::All, 1).await, newest_first[..1]);
        for access in [stranger(), nobody()] {
            assert!(last(&access, 9).await.is_empty(), "{access:?}");
        }
        let row = store.request(&desk.access(), &head.id).await.unwrap().unwrap();
        assert_eq!(row.repeats, 2);
        // The first repeat is told at once, behind the opening; the next is only counted.
        let told = home.column(&format!("SELECT kind FROM steps WHERE lane = '{}' ORDER BY seq", head.id)).await;
        assert_eq!(told, ["open_ticket", "record_repeat"]);
    }

    async fn two_at_once_have_one_head(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let other = home.is_postgres().then(|| home.open());
        let other = match other {
            Some(opening) => opening.await,
            None => store.clone(),
        };
        for round in 0..20 {
            let content = format!("setup {round}");
            let (one, two) =
                tokio::join!(store.accept(desk.new_request(&content)), other.accept(desk.new_request(&content)));
            let heads = [accepted(one.unwrap()), accepted(two.unwrap())];
            assert_eq!(heads.iter().filter(|request| request.joined_to.is_none()).count(), 1);
        }
        assert_eq!(home.count("SELECT COUNT(*) FROM requests WHERE joined_to IS NULL").await, 20);
        assert_eq!(assert_sound(&store).await, 40);
    }

    async fn five_hundred_at_once_are_all_on_disk(home) {
        let store = home.open().await;
        let mut desks = Vec::new();
        for number in 0..8 {
            desks.push(Desk::set_up(&store, &format!("Example Company {number}")).await);
        }
        let all = (0..500).map(|number| {
            let new = desks[number % desks.len()].new_request(&format!("program {number}"));
            let store = store.clone();
            async move { store.accept(new).await }
        });
        let answers = futures_util::future::join_all(all).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Accepted::New(_)))));
        assert_eq!(home.count("SELECT COUNT(DISTINCT id) FROM requests").await, 500);
        assert_eq!(home.count("SELECT COUNT(*) FROM steps WHERE state = 'waiting'").await, 500);
        let without = "SELECT COUNT(*) FROM requests r WHERE 1 <> (SELECT COUNT(*) FROM audit a WHERE a.object = r.id)";
        assert_eq!(home.count(without).await, 0);
        assert_eq!(assert_sound(&store).await, 500);
    }

    async fn one_that_cannot_be_written_sinks_no_other(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        // SQLite refuses a state that is unknown; PostgreSQL also a text with a NUL.
        home.sql("CREATE TABLE poison (n BIGINT)").await;
        let constraint = if home.is_postgres() {
            "ALTER TABLE requests ADD CONSTRAINT poisoned CHECK (search NOT LIKE '%poison%')"
        } else {
            "CREATE TRIGGER poisoned BEFORE INSERT ON requests WHEN NEW.search LIKE '%poison%'
             BEGIN SELECT RAISE(ABORT, 'poison'); END"
        };
        home.sql(constraint).await;
        let all = (0..40).map(|number| {
            let content = if number == 17 { "poison".to_owned() } else { format!("program {number}") };
            store.accept(desk.new_request(&content))
        });
        let answers = futures_util::future::join_all(all).await;
        let failed: Vec<usize> = (0..40).filter(|number| answers[*number].is_err()).collect();
        assert_eq!(failed, [17]);
        assert!(matches!(answers[17], Err(Error::Database(_))));
        assert_eq!(assert_sound(&store).await, 39);
    }

    async fn a_caller_that_leaves_cancels_nothing(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let new = desk.new_request("setup");
        // Polled once: the job is with the writer, the answer is not awaited.
        assert!(store.accept(new.clone()).now_or_never().is_none());
        store.close().await;
        let again = home.open().await;
        assert_eq!(again.request_alone(&new.request.id).await.unwrap().map(|request| request.state), Some(State::Pending));
    }

    async fn due_requests_come_by_time(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let later = accepted(store.accept(desk.new_request_at("b", NOW.plus_seconds(5))).await.unwrap());
        let sooner = desk.accept(&store, "a").await;
        assert_eq!(store.due_requests(NOW, 10).await.unwrap(), []);
        let due = store.due_requests(NOW.plus_seconds(4000), 10).await.unwrap();
        assert_eq!(due.iter().map(|request| &request.id).collect::<Vec<_>>(), [&sooner.id, &later.id]);
        assert_eq!(store.due_requests(NOW.plus_seconds(4000), 1).await.unwrap().len(), 1);
    }
}

both! {
    async fn caps_count_what_is_new(home) {
        let store = home.open().await;
        let one = Desk::set_up(&store, "Sample Dental Group").await;
        let two = Desk::set_up(&store, "Demo Freight Lines").await;
        let caps = Caps { per_computer: Some(3), per_company: Some(5) };
        let asked = |desk: &Desk, content: &str, at: i64| {
            let mut new = desk.new_request_at(content, NOW.plus_seconds(at));
            new.caps = caps;
            new
        };
        for n in 0..3 {
            accepted(store.accept(asked(&one, &format!("setup {n}"), n)).await.unwrap());
        }
        let kept = asked(&one, "setup 0", 3);
        assert!(accepted(store.accept(kept.clone()).await.unwrap()).joined_to.is_some(), "a repeat does not count");
        let fourth = asked(&one, "setup 4", 3);
        let met = Accepted::TooMany(TooMany { whose: Whose::Computer, cap: 3, retry_after_s: 598 });
        assert_eq!(store.accept(fourth.clone()).await.unwrap(), met);
        assert!(matches!(store.accept(kept).await.unwrap(), Accepted::Repeat(_)), "what was accepted is answered");
        accepted(store.accept(asked(&two, "setup 0", 3)).await.unwrap());
        // A second computer of the company, which has two left.
        let mut second = one.clone();
        second.computer.id = format!("computer_{}", crate::support::uuid()).parse().unwrap();
        for n in 0..2 {
            accepted(store.accept(asked(&second, &format!("tool {n}"), 4)).await.unwrap());
        }
        let met = Accepted::TooMany(TooMany { whose: Whose::Company, cap: 5, retry_after_s: 597 });
        assert_eq!(store.accept(asked(&second, "tool 3", 4)).await.unwrap(), met);
        // Another process counts what is on disk.
        if home.is_postgres() {
            let other = home.open().await;
            assert!(matches!(other.accept(fourth.clone()).await.unwrap(), Accepted::TooMany(_)));
        }
        // All at once: not one more than fits.
        let three = Desk::set_up(&store, "Placeholder Legal").await;
        let many = (0..20).map(|n| store.accept(asked(&three, &format!("many {n}"), 5)));
        let many = futures_util::future::join_all(many).await;
        assert_eq!(many.iter().filter(|one| matches!(one, Ok(Accepted::New(_)))).count(), 3);
        // When the first is out of the window there is room for one.
        let mut late = fourth;
        late.request.received_at = NOW.plus_seconds(601);
        accepted(store.accept(late).await.unwrap());
        assert_sound(&store).await;
    }

    async fn the_same_after_a_denial_asks_again(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let first = desk.accept(&store, "setup").await;
        // Decided a minute after NOW.
        assert!(store.transition(desk.decided(std::slice::from_ref(&first), Verdict::Deny)).await.unwrap());
        let again = accepted(store.accept(desk.new_request_at("setup", NOW.plus_seconds(120))).await.unwrap());
        assert_eq!((again.again_of.as_ref(), again.joined_to.as_ref()), (Some(&first.id), None));
        let joined = accepted(store.accept(desk.new_request_at("setup", NOW.plus_seconds(121))).await.unwrap());
        assert_eq!((joined.again_of.as_ref(), joined.joined_to.as_ref()), (Some(&first.id), Some(&again.id)));
        let told = home.column(&format!("SELECT kind FROM steps WHERE lane = '{}' ORDER BY seq", first.id)).await;
        assert_eq!(told, ["open_ticket", "record_decision", "record_again", "record_repeat"]);
        assert_eq!(home.count("SELECT COUNT(DISTINCT lane) FROM steps").await, 1);
        // Not another content, and not after an hour.
        assert_eq!(desk.accept(&store, "other").await.again_of, None);
        assert!(store.transition(desk.decided(&[again, joined], Verdict::Approve)).await.unwrap());
        let late = accepted(store.accept(desk.new_request_at("setup", NOW.plus_seconds(60 + 3600))).await.unwrap());
        assert_eq!((late.again_of, late.joined_to), (None, None));
        assert_sound(&store).await;
    }
}
