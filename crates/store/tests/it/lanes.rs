//! Lanes: order, one at a time, parking, attention, doubt, claims of two nodes.

use std::collections::{BTreeMap, BTreeSet};

use countersign_domain::{
    audit::Entry,
    decision::Verdict,
    effect::StepKind,
    id::{CompanyId, StepId},
    link::{Kind, Link},
    role::Access,
    time::Time,
};
use countersign_store::{
    Accepted, Attempt, AttemptResult, Completed, DirectoryQuery, NewStep, Next, Offered, Refused, StepState,
    StepsQuery, Store,
};

use crate::support::{
    Desk, NOW, accepted, assert_sound, both, claim_one, ended, entry, retry_refused, step_id, ticket,
};

fn done() -> (AttemptResult, Next) {
    (AttemptResult::Done, Next::Done)
}

async fn complete(store: &Store, step: &countersign_store::Claimed, (result, next): (AttemptResult, Next)) {
    store.complete(ended(step, result, next)).await.unwrap();
}

async fn states(store: &Store, lane: &str) -> Vec<String> {
    let wanted = StepsQuery { lane: Some(lane.to_owned()), limit: 99, ..StepsQuery::default() };
    store.steps(&Access::All, &wanted).await.unwrap().into_iter().map(|step| step.state).collect()
}

async fn link(store: &Store, company: &CompanyId, at: Time) -> u64 {
    let company = company.clone();
    store
        .write(move |tx| {
            let company = company.clone();
            Box::pin(async move {
                let link = Link::by_hand("7".to_owned(), "Customer seven".to_owned(), at);
                tx.set_link(Kind::Company, company.as_str(), &link).await?;
                tx.unpark(&company, at).await
            })
        })
        .await
        .unwrap()
}

async fn retry(store: &Store, id: &StepId, audit: Entry) -> Vec<String> {
    store.retry_steps(vec![(id.clone(), audit)], NOW).await.unwrap()
}

both! {
    async fn a_place_that_was_offered_is_taken_in_the_commit_of_the_request(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let (started, mut taken) = tokio::sync::mpsc::unbounded_channel();
        let offered = || {
            let started = started.clone();
            Some(Offered { highest: Some("41".into()), start: Box::new(move |step| started.send(step).unwrap()) })
        };
        let new = desk.new_request("setup");
        let repeat = new.clone();
        accepted(store.accept_and_claim(new, offered()).await.unwrap());
        let step = taken.try_recv().unwrap();
        assert_eq!((step.kind, step.attempt, step.floor.as_deref()), (StepKind::OpenTicket, 1, Some("41")));
        let stands = "SELECT state || ' ' || attempts || ' ' || claimed_by || ' ' || floor FROM steps";
        assert_eq!(home.column(stands).await, [format!("sending 1 {} 41", store.instance())]);
        assert_eq!(store.claim(NOW, 10, None).await.unwrap(), []);

        // Neither the same once more nor what joins it opens a ticket.
        assert!(matches!(store.accept_and_claim(repeat, offered()).await.unwrap(), Accepted::Repeat(_)));
        accepted(store.accept_and_claim(desk.new_request("setup"), offered()).await.unwrap());
        assert!(taken.try_recv().is_err());

        // Nobody waits for the answer any more: the step is given over all the same.
        let mut left = Box::pin(store.accept_and_claim(desk.new_request("left"), offered()));
        assert!(futures_util::poll!(&mut left).is_pending());
        drop(left);
        let second = taken.recv().await.unwrap();
        complete(&store, &step, done()).await;
        complete(&store, &second, done()).await;
        assert_eq!(claim_one(&store, NOW).await.kind, StepKind::RecordRepeat);
        assert_sound(&store).await;
    }

    async fn one_of_a_lane_at_a_time_in_order(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let lane = request.id.to_string();
        assert!(store.transition(desk.decided(&[request], Verdict::Approve)).await.unwrap());
        assert_eq!(states(&store, &lane).await, ["waiting", "queued"]);
        assert_eq!(store.next_due().await.unwrap(), Some(Time(0)));
        let open = claim_one(&store, NOW).await;
        assert_eq!((open.kind, open.nth, open.attempt), (StepKind::OpenTicket, 1, 1));
        assert_eq!((open.floor.as_deref(), open.doubt_at), (Some("41"), None));
        assert_eq!(store.next_due().await.unwrap(), None);
        assert!(store.claim(NOW, 10, None).await.unwrap().is_empty());
        // Goes again later, not sooner.
        let again = Next::Again { at: NOW.plus_seconds(5), doubt_at: Some(NOW) };
        complete(&store, &open, (AttemptResult::Unknown, again)).await;
        assert_eq!(store.next_due().await.unwrap(), Some(NOW.plus_seconds(5)));
        assert!(store.claim(NOW.plus_seconds(4), 10, None).await.unwrap().is_empty());
        let mut open = store.claim(NOW.plus_seconds(5), 10, Some("99".to_owned())).await.unwrap();
        let open = open.remove(0);
        // The floor is that of the first attempt.
        assert_eq!((open.attempt, open.doubt_at, open.floor.as_deref()), (2, Some(NOW), Some("41")));
        let mut opened = ended(&open, AttemptResult::Found, Next::Done);
        opened.ticket = Some(ticket(&lane, "42"));
        opened.audit = Some(entry("ticket.opened", &lane, Some(&desk.company.id), NOW));
        store.complete(opened).await.unwrap();
        assert_eq!(states(&store, &lane).await, ["done", "waiting"]);
        let decision = claim_one(&store, NOW).await;
        assert_eq!((decision.kind, decision.subject.as_str()), (StepKind::RecordDecision, lane.as_str()));
        complete(&store, &decision, done()).await;
        let attempts = store.attempts(&lane).await.unwrap();
        let told: Vec<(&str, i64, &str)> =
            attempts.iter().map(|a| (a.kind.as_str(), a.n, a.result.as_str())).collect();
        assert_eq!(told, [("open_ticket", 1, "unknown"), ("open_ticket", 2, "found"), ("record_decision", 1, "done")]);
        let finished = StepsQuery { state: Some(StepState::Done), limit: 9, ..StepsQuery::default() };
        assert_eq!(store.steps(&desk.access(), &finished).await.unwrap().len(), 2);
        assert_eq!(home.count("SELECT COUNT(*) FROM steps WHERE claimed_by IS NOT NULL").await, 0);
        assert_eq!(assert_sound(&store).await, 3);
    }

    async fn decisions_overtake_creates(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let decided = desk.accept(&store, "decided").await;
        let open = claim_one(&store, NOW).await;
        complete(&store, &open, done()).await;
        for number in 0..3 {
            desk.accept(&store, &format!("new {number}")).await;
        }
        assert!(store.transition(desk.decided(&[decided], Verdict::Deny)).await.unwrap());
        let kinds: Vec<StepKind> = store.claim(NOW, 2, None).await.unwrap().iter().map(|step| step.kind).collect();
        assert_eq!(kinds, [StepKind::RecordDecision, StepKind::OpenTicket]);
        assert_eq!(store.claim(NOW, 1, None).await.unwrap().len(), 1);
    }

    async fn what_is_less_urgent_is_left_where_calls_are_short(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let subject = format!("company/{}", desk.company.id);
        let sync = NewStep::link(step_id(), subject, Some(desk.company.id.clone()));
        store
            .write(move |tx| {
                let sync = sync.clone();
                Box::pin(async move { tx.append_step(&sync).await })
            })
            .await
            .unwrap();
        let (decided, decided_too) = (desk.accept(&store, "decided").await, desk.accept(&store, "decided too").await);
        for open in store.claim_below(NOW, 9, None, Some(2)).await.unwrap() {
            complete(&store, &open, done()).await;
        }
        desk.accept(&store, "new").await;
        let claim = async |limit, below| {
            let claimed = store.claim_below(NOW, limit, None, below).await.unwrap();
            claimed.iter().map(|step| step.kind).collect::<Vec<_>>()
        };
        assert_eq!(claim(9, Some(1)).await, [], "no decision is due yet");
        assert!(store.transition(desk.decided(&[decided, decided_too], Verdict::Deny)).await.unwrap());
        assert_eq!(claim(9, Some(0)).await, [], "nothing is as urgent as that");
        assert_eq!(claim(1, Some(1)).await, [StepKind::RecordDecision]);
        assert_eq!(claim(9, Some(1)).await, [StepKind::RecordDecision]);
        assert_eq!(claim(9, Some(2)).await, [StepKind::OpenTicket]);
        assert_eq!(claim(9, Some(2)).await, []);
        assert_eq!(claim(9, None).await, [StepKind::LinkRecord]);
    }

    async fn parked_until_the_link(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let open = claim_one(&store, NOW).await;
        complete(&store, &open, (AttemptResult::Parked, Next::Parked)).await;
        assert!(store.claim(NOW.plus_seconds(999), 10, None).await.unwrap().is_empty());
        assert_eq!(store.counts(&Access::All).await.unwrap().parked_steps, 1);
        let wanted = DirectoryQuery { limit: 9, ..DirectoryQuery::default() };
        assert_eq!(store.companies(&Access::All, &wanted).await.unwrap()[0].waiting, 1);
        assert_eq!(link(&store, &desk.company.id, NOW.plus_seconds(1000)).await, 1);
        let open = claim_one(&store, NOW.plus_seconds(1000)).await;
        assert_eq!((open.lane.as_str(), open.attempt), (request.id.as_str(), 2));
    }

    /// A step that ran while the link was made did not see it, and nobody will unpark it.
    async fn a_link_that_meets_a_running_step_lets_it_go_again(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        desk.accept(&store, "setup").await;
        let open = claim_one(&store, NOW).await;
        assert_eq!(link(&store, &desk.company.id, NOW).await, 0);
        complete(&store, &open, (AttemptResult::Parked, Next::Parked)).await;
        let again = claim_one(&store, NOW.plus_seconds(3)).await;
        // Linked long ago, it waits for something else.
        let mut parked = ended(&again, AttemptResult::Parked, Next::Parked);
        parked.attempt.started_at = NOW.plus_seconds(3600);
        parked.attempt.ended_at = NOW.plus_seconds(3601);
        store.complete(parked).await.unwrap();
        assert!(store.claim(NOW.plus_seconds(9999), 10, None).await.unwrap().is_empty());
    }

    async fn parking_keeps_a_doubt(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        desk.accept(&store, "setup").await;
        let step = claim_one(&store, NOW).await;
        complete(&store, &step, (AttemptResult::Unknown, Next::Again { at: NOW, doubt_at: Some(NOW) })).await;
        let step = claim_one(&store, NOW).await;
        complete(&store, &step, (AttemptResult::Parked, Next::Parked)).await;
        assert_eq!(link(&store, &desk.company.id, NOW.plus_seconds(9)).await, 1);
        assert_eq!(claim_one(&store, NOW.plus_seconds(9)).await.doubt_at, Some(NOW));
    }

    async fn a_person_retries_or_gives_up(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let lane = request.id.to_string();
        assert!(store.transition(desk.decided(&[request], Verdict::Approve)).await.unwrap());
        let open = claim_one(&store, NOW).await;
        let audit = |action: &str| entry(action, &lane, Some(&desk.company.id), NOW);
        assert!(retry(&store, &open.id, audit("step.retried")).await.is_empty());
        assert!(!store.give_up_step(&open.id, NOW, audit("step.given_up")).await.unwrap());
        complete(&store, &open, (AttemptResult::Refused, Next::Attention { doubt_at: None })).await;
        let wanted = StepsQuery { state: Some(StepState::Attention), limit: 9, ..StepsQuery::default() };
        let listed = store.steps(&desk.access(), &wanted).await.unwrap();
        assert_eq!((listed.len(), listed[0].words.as_deref()), (1, Some("as the other side says")));
        assert_eq!(store.counts(&desk.access()).await.unwrap().attention_steps, 1);
        assert_eq!(retry(&store, &open.id, audit("step.retried")).await, [open.id.to_string()]);
        let open = claim_one(&store, NOW).await;
        complete(&store, &open, (AttemptResult::Refused, Next::Attention { doubt_at: None })).await;
        assert!(store.give_up_step(&open.id, NOW, audit("step.given_up")).await.unwrap());
        assert!(!store.give_up_step(&open.id, NOW, audit("step.given_up")).await.unwrap());
        assert_eq!(states(&store, &lane).await, ["given_up", "waiting"]);
        assert!(retry(&store, &open.id, audit("step.retried")).await.is_empty());
        // Accepted, decided, one retry, one giving up: what changed nothing left no entry.
        assert_eq!(assert_sound(&store).await, 4);
    }

    async fn what_was_refused_since_then_goes_again(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        for (content, result) in
            [("one", AttemptResult::Refused), ("two", AttemptResult::Unseen), ("three", AttemptResult::Unknown)]
        {
            desk.accept(&store, content).await;
            let step = claim_one(&store, NOW).await;
            complete(&store, &step, (result, Next::Attention { doubt_at: None })).await;
        }
        let ended_at = NOW.plus_seconds(1);
        let again = async |since: Time, which: Refused| retry_refused(&store, since, which).await;
        assert_eq!(again(ended_at.plus_seconds(1), Refused::All).await, 0, "refused before that");
        assert_eq!(again(ended_at, Refused::Oldest).await, 1);
        assert_eq!(again(ended_at, Refused::All).await, 1, "not the one of unknown end");
        let steps = store.claim(NOW, 9, None).await.unwrap();
        assert_eq!(steps.len(), 2);
        assert_eq!(store.counts(&desk.access()).await.unwrap().attention_steps, 1);
        // One meets it again, later.
        let mut met = ended(&steps[0], AttemptResult::Unseen, Next::Attention { doubt_at: None });
        met.attempt.ended_at = ended_at.plus_seconds(300);
        store.complete(met).await.unwrap();
        assert_eq!(again(ended_at.plus_seconds(300), Refused::New).await, 0, "it had its try");
        assert_eq!(again(ended_at, Refused::New).await, 1, "all that it met is new");
    }

    /// The answer came after the lease was lost and the step was taken over: the success is recorded all the same, a
    /// failure is not this node's business any more.
    async fn a_late_success_is_recorded(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let late = claim_one(&store, NOW).await;
        assert_eq!(store.take_over(store.instance(), NOW.plus_seconds(60)).await.unwrap(), 1);
        let anew = claim_one(&store, NOW.plus_seconds(60)).await;
        assert_eq!((anew.attempt, anew.doubt_at), (2, Some(NOW.plus_seconds(60))));
        complete(&store, &late, (AttemptResult::Later, Next::Again { at: NOW, doubt_at: None })).await;
        assert_eq!(states(&store, request.id.as_str()).await, ["sending"]);
        let mut success = ended(&late, AttemptResult::Done, Next::Done);
        success.ticket = Some(ticket(request.id.as_str(), "42"));
        store.complete(success).await.unwrap();
        assert_eq!(states(&store, request.id.as_str()).await, ["done"]);
        // The other attempt finds it done, and changes nothing.
        complete(&store, &anew, (AttemptResult::Refused, Next::Attention { doubt_at: None })).await;
        assert_eq!(states(&store, request.id.as_str()).await, ["done"]);
        assert_eq!(store.attempts(request.id.as_str()).await.unwrap().len(), 2);
    }

    async fn what_was_being_sent_is_in_doubt_after_the_end_of_its_node(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        desk.accept(&store, "setup").await;
        let step = claim_one(&store, NOW).await;
        assert_eq!(store.beat().await.unwrap().len(), 1);
        let gone = store.instance().to_owned();
        store.close().await;
        let store = home.open().await;
        if home.is_postgres() {
            // Another node may live: only a beat that stands still gives its steps up.
            assert!(store.claim(NOW, 9, None).await.unwrap().is_empty());
            assert_eq!(store.beat().await.unwrap(), [(gone.clone(), 1), (store.instance().to_owned(), 1)]);
            assert_eq!(store.beat().await.unwrap(), [(gone.clone(), 1), (store.instance().to_owned(), 2)]);
            assert_eq!(store.take_over(&gone, NOW).await.unwrap(), 1);
            assert_eq!(store.beat().await.unwrap().len(), 1);
        }
        let again = claim_one(&store, NOW).await;
        assert_eq!((again.id, again.attempt, again.doubt_at), (step.id, 2, Some(NOW)));
    }

    /// Two nodes (or, on SQLite, many callers) claim and complete until nothing is left: every step once.
    async fn claims_never_overlap(home) {
        let store = home.open().await;
        let other = if home.is_postgres() { home.open().await } else { store.clone() };
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let accepts = (0..120).map(|number| store.accept(desk.new_request(&format!("program {number}"))));
        let all = futures_util::future::join_all(accepts).await;
        for (number, accepted) in all.into_iter().enumerate() {
            let request = crate::support::accepted(accepted.unwrap());
            if number % 2 == 0 {
                assert!(store.transition(desk.decided(&[request], Verdict::Deny)).await.unwrap());
            }
        }
        let work = |store: Store| async move {
            let mut taken = Vec::new();
            loop {
                let claimed = store.claim(NOW, 7, None).await.unwrap();
                assert!(claimed.len() <= 7);
                if claimed.is_empty() {
                    let left = store.next_due().await.unwrap();
                    let sending = StepsQuery { state: Some(StepState::Waiting), limit: 1, ..StepsQuery::default() };
                    if left.is_none() && store.steps(&Access::All, &sending).await.unwrap().is_empty() {
                        return taken;
                    }
                    store.promote_stranded().await.unwrap();
                    continue;
                }
                let lanes: BTreeSet<&str> = claimed.iter().map(|step| step.lane.as_str()).collect();
                assert_eq!(lanes.len(), claimed.len());
                for step in &claimed {
                    complete(&store, step, done()).await;
                }
                taken.extend(claimed);
            }
        };
        let workers = [store.clone(), store.clone(), other.clone(), other.clone()].map(|store| tokio::spawn(work(store)));
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for worker in workers {
            for step in worker.await.unwrap() {
                assert_eq!(step.attempt, 1);
                *times.entry(step.id.to_string()).or_default() += 1;
            }
        }
        assert_eq!(times.len(), 180);
        assert!(times.values().all(|times| *times == 1));
        assert_eq!(home.count("SELECT COUNT(*) FROM attempts").await, 180);
        assert_sound(&store).await;
    }

    async fn steps_appended_to_one_lane_at_once_are_numbered(home) {
        let store = home.open().await;
        let other = if home.is_postgres() { home.open().await } else { store.clone() };
        let appends = (0..20).map(|number| {
            let store = if number % 2 == 0 { &store } else { &other };
            store.write(move |tx| {
                let step = NewStep::adjust(step_id(), "lane".to_owned());
                Box::pin(async move { tx.append_step(&step).await })
            })
        });
        for appended in futures_util::future::join_all(appends).await {
            appended.unwrap();
        }
        let seqs: Vec<String> = (1..=20).map(|seq| seq.to_string()).collect();
        assert_eq!(home.column("SELECT seq FROM steps ORDER BY seq").await, seqs);
        assert_eq!(home.count("SELECT COUNT(*) FROM steps WHERE state = 'waiting'").await, 1);
        assert_eq!(home.column("SELECT nth FROM steps ORDER BY nth").await, seqs);
    }

    async fn a_stranded_step_is_let_go(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        let lane = request.id.to_string();
        assert!(store.transition(desk.decided(&[request], Verdict::Approve)).await.unwrap());
        assert_eq!(store.promote_stranded().await.unwrap(), 0);
        // As two nodes leave it that end and append in the same moment.
        home.sql("UPDATE steps SET state = 'done' WHERE seq = 1").await;
        assert_eq!(store.promote_stranded().await.unwrap(), 1);
        assert_eq!(states(&store, &lane).await, ["done", "waiting"]);
    }

    async fn a_kind_of_a_newer_node_is_left_to_it(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        desk.accept(&store, "new kind").await;
        home.sql("UPDATE steps SET kind = 'sing_a_song'").await;
        let request = desk.accept(&store, "known kind").await;
        assert_eq!(claim_one(&store, NOW).await.lane, request.id.as_str());
    }

    async fn many_ends_in_one_commit(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let accepts = (0..100).map(|number| store.accept(desk.new_request(&format!("program {number}"))));
        futures_util::future::join_all(accepts).await;
        let claimed = store.claim(NOW, 100, None).await.unwrap();
        assert_eq!(claimed.len(), 100);
        let ends = claimed.iter().enumerate().map(|(number, step)| {
            let (result, next) = match number % 4 {
                0 => (AttemptResult::Later, Next::Again { at: NOW.plus_seconds(9), doubt_at: None }),
                1 => (AttemptResult::Refused, Next::Attention { doubt_at: Some(NOW) }),
                _ => (AttemptResult::Done, Next::Done),
            };
            let ticket = (next == Next::Done).then(|| ticket(&step.lane, &number.to_string()));
            let audit = Some(entry("ticket.opened", &step.lane, Some(&desk.company.id), NOW));
            let attempt = Attempt { status: None, ..ended(step, result, Next::Done).attempt };
            store.complete(Completed { step: step.clone(), attempt, next, ticket, expected: None, audit })
        });
        for end in futures_util::future::join_all(ends).await {
            end.unwrap();
        }
        let by_state = "SELECT state || ' ' || COUNT(*) FROM steps GROUP BY state ORDER BY state";
        assert_eq!(home.column(by_state).await, ["attention 25", "done 50", "waiting 25"]);
        assert_eq!(home.count("SELECT COUNT(*) FROM tickets").await, 50);
        assert_eq!(assert_sound(&store).await, 200);
    }
}
