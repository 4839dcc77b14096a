//! The directory sync's reads and writes: pages in order, links in chunks, what a person did meanwhile.

use countersign_domain::{
    decision::Verdict,
    effect::StepKind,
    id::CompanyId,
    link::{Candidate, How, Kind, Link, LinkState},
    role::Access,
    time::Time,
};
use countersign_store::{
    AttemptResult, DirectoryQuery, LinkCounts, NewStep, Next, SYNC_LANE, StepsQuery, Store, SyncRow,
};

use crate::support::{
    Desk, NOW, assert_sound, both, claim_one, company, computer, contact, ended, entry, step_id, technician,
};

fn auto(psa_id: &str) -> Link {
    Link {
        state: LinkState::Linked,
        psa_id: Some(psa_id.to_owned()),
        psa_name: Some(format!("Theirs {psa_id}")),
        how: Some(How::Auto),
        at: Some(NOW),
        candidates: Vec::new(),
    }
}

async fn set(store: &Store, kind: Kind, links: &[(&str, Link)]) -> u64 {
    let links: Vec<(String, Link)> = links.iter().map(|(id, link)| ((*id).to_owned(), link.clone())).collect();
    store
        .write(move |tx| {
            let links = links.clone();
            let told = [entry("links.synced", "directory", None, NOW)];
            Box::pin(async move { tx.set_links(kind, &links, &told).await })
        })
        .await
        .unwrap()
}

async fn by_hand(store: &Store, kind: Kind, id: &str, link: Link) {
    let id = id.to_owned();
    store
        .write(move |tx| {
            let (id, link) = (id.clone(), link.clone());
            Box::pin(async move { tx.set_link(kind, &id, &link).await })
        })
        .await
        .unwrap();
}

async fn link(store: &Store, kind: Kind, id: &str) -> Link {
    let id = id.to_owned();
    store.look_up(move |tx| Box::pin(async move { tx.link(kind, &id).await })).await.unwrap()
}

async fn all(store: &Store, kind: Kind, of: Option<&CompanyId>, page: usize) -> Vec<SyncRow> {
    let mut rows: Vec<SyncRow> = Vec::new();
    loop {
        let next = store.sync_rows(kind, of, rows.last(), page).await.unwrap();
        let full = next.len() == page;
        rows.extend(next);
        if !full {
            return rows;
        }
    }
}

both! {
    async fn pages_hold_every_record_once_company_by_company_with_its_customer(home) {
        let store = home.open().await;
        let one = Desk::set_up(&store, "Sample Dental Group").await;
        let two = Desk::set_up(&store, "Demo Freight Lines").await;
        set(&store, Kind::Company, &[(one.company.id.as_str(), auto("201"))]).await;
        for n in 0..7 {
            for desk in [&one, &two] {
                // The same names in both, and the same name twice in one.
                let pc = computer(&desk.company, &desk.location, &format!("pc-{}", n / 2));
                let person = contact(&desk.company, "Alex", &format!("alex{n}@example.org"));
                store.write(move |tx| {
                    let (pc, person) = (pc.clone(), person.clone());
                    Box::pin(async move {
                        tx.insert_computer(&pc, &format!("hash of {}", pc.id)).await?;
                        tx.insert_contact(&person).await
                    })
                }).await.unwrap();
            }
        }
        for page in [1, 2, 3, 100] {
            for (kind, count) in
                [(Kind::Company, 2), (Kind::Location, 2), (Kind::Computer, 16), (Kind::Technician, 2), (Kind::Contact, 14)]
            {
                let rows = all(&store, kind, None, page).await;
                let mut ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
                ids.sort_unstable();
                ids.dedup();
                assert_eq!(ids.len(), count, "{kind:?} in pages of {page}");
                for row in &rows {
                    let customer = (kind.is_inside_customer() && row.company.as_ref() == Some(&one.company.id)).then_some("201");
                    assert_eq!(row.customer.as_deref(), customer, "{row:?}");
                }
                if kind.is_inside_customer() {
                    assert!(rows.is_sorted_by_key(|row| row.company.clone()), "company by company");
                }
            }
            assert_eq!(all(&store, Kind::Computer, Some(&two.company.id), page).await.len(), 8);
        }
        let people = all(&store, Kind::Technician, None, 10).await;
        assert_eq!((people[0].also.as_deref(), people[0].company.as_ref()), (Some("Sam Okoro"), None));
    }

    async fn a_chunk_of_any_size_is_written_once_with_its_entries(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let machines: Vec<_> = (0..1000).map(|n| computer(&desk.company, &desk.location, &format!("PC-{n:04}"))).collect();
        let made = machines.clone();
        store.write(move |tx| {
            let made = made.clone();
            Box::pin(async move {
                for pc in &made {
                    tx.insert_computer(pc, &format!("hash of {}", pc.id)).await?;
                }
                Ok(())
            })
        }).await.unwrap();
        let links: Vec<(&str, Link)> = machines.iter().map(|pc| (pc.id.as_str(), auto(&pc.name))).collect();
        assert_eq!(set(&store, Kind::Computer, &links).await, 1000);
        let counts = LinkCounts { linked: 1000, unlinked: 1, ..LinkCounts::default() };
        assert_eq!(store.link_counts(Kind::Computer, &Access::All, &DirectoryQuery::default()).await.unwrap(), counts);
        assert_eq!(store.linked_ids(Kind::Computer).await.unwrap().len(), 1000);
        assert_eq!(link(&store, Kind::Computer, machines[7].id.as_str()).await, auto("PC-0007"));
        let candidates = vec![Candidate { psa_id: "9".to_owned(), psa_name: "Nine".to_owned(), score: 0.93 }];
        let missing = Link { state: LinkState::Missing, candidates, ..auto("PC-0007") };
        set(&store, Kind::Computer, &[(machines[7].id.as_str(), missing.clone())]).await;
        assert_eq!(link(&store, Kind::Computer, machines[7].id.as_str()).await, missing, "a score reads as it was written");
        let counts = LinkCounts { linked: 999, unlinked: 1, missing: 1, ..LinkCounts::default() };
        assert_eq!(store.link_counts(Kind::Computer, &Access::All, &DirectoryQuery::default()).await.unwrap(), counts);
        assert_eq!(assert_sound(&store).await, 2);
    }

    async fn what_a_person_did_since_the_read_stays(home) {
        let store = home.open().await;
        let person = technician("Maria Ruiz", "maria.ruiz@example.com");
        let id = person.id.to_string();
        store.write(move |tx| {
            let person = person.clone();
            Box::pin(async move { tx.insert_technician(&person).await })
        }).await.unwrap();
        let renamed = |link: Link| Link { psa_name: Some("New name".to_owned()), ..link };
        // Read as free; cut by hand, then tied by hand.
        by_hand(&store, Kind::Technician, &id, Link::cut_by_hand(NOW)).await;
        assert_eq!(set(&store, Kind::Technician, &[(&id, auto("25"))]).await, 0);
        assert_eq!(link(&store, Kind::Technician, &id).await.state, LinkState::Unlinked);
        let hand = Link::by_hand("28".to_owned(), "Sam".to_owned(), NOW);
        by_hand(&store, Kind::Technician, &id, hand.clone()).await;
        set(&store, Kind::Technician, &[(&id, auto("25"))]).await;
        assert_eq!(link(&store, Kind::Technician, &id).await, hand);
        // His link under the name that it has now.
        set(&store, Kind::Technician, &[(&id, renamed(hand.clone()))]).await;
        assert_eq!(link(&store, Kind::Technician, &id).await, renamed(hand.clone()));
        // Read while he had it, written after he cut it, or tied it to another.
        by_hand(&store, Kind::Technician, &id, Link::cut_by_hand(NOW)).await;
        set(&store, Kind::Technician, &[(&id, renamed(hand.clone()))]).await;
        assert_eq!(link(&store, Kind::Technician, &id).await, Link::cut_by_hand(NOW));
        let other = Link::by_hand("29".to_owned(), "Priya".to_owned(), NOW);
        by_hand(&store, Kind::Technician, &id, other.clone()).await;
        set(&store, Kind::Technician, &[(&id, renamed(hand))]).await;
        assert_eq!(link(&store, Kind::Technician, &id).await, other);
    }

    async fn steps_go_that_parked_before_their_company_was_linked(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        assert!(store.transition(desk.decided(std::slice::from_ref(&request), Verdict::Approve)).await.unwrap());
        let open = claim_one(&store, NOW).await;
        store.complete(ended(&open, AttemptResult::Parked, Next::Parked)).await.unwrap();
        let unpark = async |now: Time| {
            store.write(move |tx| Box::pin(async move { tx.unpark_linked(now).await })).await.unwrap()
        };
        assert_eq!(unpark(NOW.plus_seconds(60)).await, 0, "its company is not linked");
        let later = Link { at: Some(NOW.plus_seconds(120)), ..auto("201") };
        set(&store, Kind::Company, &[(desk.company.id.as_str(), later)]).await;
        assert_eq!(unpark(NOW.plus_seconds(130)).await, 1);
        // What parks again, for a reason of its own, is not woken by the same link.
        let again = claim_one(&store, NOW.plus_seconds(130)).await;
        let mut parked = ended(&again, AttemptResult::Parked, Next::Parked);
        parked.attempt.started_at = NOW.plus_seconds(600);
        parked.attempt.ended_at = NOW.plus_seconds(601);
        store.complete(parked).await.unwrap();
        assert_eq!(unpark(NOW.plus_seconds(700)).await, 0);
    }

    async fn a_sync_is_a_lane_and_old_ones_are_forgotten(home) {
        let store = home.open().await;
        let append = async |before: Time| {
            let steps = ["full/company", "full/location"].map(|subject| NewStep::round(step_id(), SYNC_LANE, subject.to_owned(), StepKind::SyncDirectory));
            store.write(move |tx| {
                let steps = steps.clone();
                Box::pin(async move { tx.append_rounds(SYNC_LANE, &steps, before).await })
            }).await.unwrap();
        };
        append(NOW).await;
        let undone = store.undone_in(SYNC_LANE).await.unwrap();
        assert_eq!(undone.iter().map(|step| (step.subject.as_str(), step.state.as_str())).collect::<Vec<_>>(),
            [("full/company", "waiting"), ("full/location", "queued")]);
        for _ in 0..2 {
            let step = claim_one(&store, NOW).await;
            store.complete(ended(&step, AttemptResult::Done, Next::Done)).await.unwrap();
        }
        assert!(store.undone_in(SYNC_LANE).await.unwrap().is_empty());
        let lane = async || {
            let wanted = StepsQuery { lane: Some(SYNC_LANE.to_owned()), limit: 99, ..StepsQuery::default() };
            (store.steps(&Access::All, &wanted).await.unwrap().len(), store.attempts(SYNC_LANE).await.unwrap().len())
        };
        append(NOW).await;
        assert_eq!(lane().await, (4, 2), "they ended after that");
        append(NOW.plus_seconds(60)).await;
        assert_eq!(lane().await, (4, 0));
        let other = company("Demo Freight Lines");
        assert_eq!(store.sync_rows(Kind::Computer, Some(&other.id), None, 10).await.unwrap(), []);
    }
}
