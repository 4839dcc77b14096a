//! Companies, locations, computers, contacts, and their links.

use countersign_domain::{
    directory::{Company, Location},
    id::CompanyId,
    link::{Candidate, Kind, Link, LinkState},
    role::Access,
    text::name_key,
};
use countersign_store::{DirectoryQuery, Error, NewStep, Store, UnlinkedCounts};

use crate::support::{Desk, NOW, both, company, computer, contact, nobody, step_id, stranger, uuid};

async fn insert(store: &Store, company: &Company) -> countersign_store::Result<()> {
    let company = company.clone();
    store
        .write(move |tx| {
            let company = company.clone();
            Box::pin(async move { tx.insert_company(&company).await })
        })
        .await
}

async fn by_name(store: &Store, name: &str) -> Option<CompanyId> {
    let name = name.to_owned();
    let found = store.write(move |tx| {
        let name = name.clone();
        Box::pin(async move { tx.company_by_name(&name).await })
    });
    found.await.unwrap().map(|row| row.company.id)
}

async fn set_link(store: &Store, kind: Kind, id: &str, link: Link) {
    let id = id.to_owned();
    store
        .write(move |tx| {
            let (id, link) = (id.clone(), link.clone());
            Box::pin(async move { tx.set_link(kind, &id, &link).await })
        })
        .await
        .unwrap();
}

fn all() -> DirectoryQuery {
    DirectoryQuery { limit: 99, ..DirectoryQuery::default() }
}

both! {
    async fn a_company_is_found_by_name_then_former_name_then_customer(home) {
        let store = home.open().await;
        let mut renamed = company("Sample Dental Group");
        insert(&store, &renamed).await.unwrap();
        assert!(matches!(insert(&store, &company("sample  DENTAL group")).await, Err(Error::Taken)));
        assert_eq!(by_name(&store, " SAMPLE dental group").await, Some(renamed.id.clone()));
        renamed.former_names = vec!["Sample Dental Group".to_owned(), "100% \"Teeth\" \\ Co_".to_owned()];
        renamed.name = "Specimen Dental".into();
        let update = {
            let renamed = renamed.clone();
            store.write(move |tx| {
                let renamed = renamed.clone();
                Box::pin(async move { tx.update_company(&renamed).await })
            })
        };
        update.await.unwrap();
        assert_eq!(by_name(&store, "Sample Dental Group").await, Some(renamed.id.clone()));
        assert_eq!(by_name(&store, "100% \"teeth\" \\ co_").await, Some(renamed.id.clone()));
        for other in ["Dental", "Sample%", "100_ \"teeth\" \\ co_", "sample dental group\",\"100"] {
            assert_eq!(by_name(&store, other).await, None, "{other}");
        }
        // Somebody takes the old name: a name goes before a former name.
        let taker = company("Sample Dental Group");
        insert(&store, &taker).await.unwrap();
        assert_eq!(by_name(&store, "Sample Dental Group").await, Some(taker.id.clone()));
        let link = Link::by_hand("7".to_owned(), "Ärzte  am Markt".to_owned(), NOW);
        set_link(&store, Kind::Company, taker.id.as_str(), link.clone()).await;
        assert_eq!(by_name(&store, "ÄRZTE am markt").await, Some(taker.id.clone()));
        let exact = company("Another");
        insert(&store, &exact).await.unwrap();
        let shouted = Link::by_hand("8".to_owned(), "ÄRZTE AM MARKT".to_owned(), NOW);
        set_link(&store, Kind::Company, exact.id.as_str(), shouted).await;
        assert_eq!(by_name(&store, "ÄRZTE AM MARKT").await, Some(exact.id.clone()));
        set_link(&store, Kind::Company, exact.id.as_str(), Link { state: LinkState::Missing, ..link }).await;
        assert_eq!(by_name(&store, "ÄRZTE AM MARKT").await, Some(taker.id));
    }

    async fn records_are_kept_and_read(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let maria = contact(&desk.company, "Maria Ruiz", "Maria@example.org");
        let made = desk.clone();
        store
            .write(move |tx| {
                let (desk, maria) = (made.clone(), maria.clone());
                Box::pin(async move {
                    assert_eq!(tx.company(&desk.company.id).await?.unwrap().company, desk.company);
                    let office = tx.location(&desk.location.id).await?.unwrap();
                    assert_eq!((office.location, office.company), (desk.location.clone(), desk.company.name.clone()));
                    let shouted = desk.location.name.to_uppercase();
                    assert!(tx.location_by_name(&desk.company.id, &shouted).await?.is_some());
                    assert!(tx.location_by_name(&desk.company.id, "Cellar").await?.is_none());
                    let double = Location { id: format!("location_{}", uuid()).parse().unwrap(), ..desk.location.clone() };
                    assert!(matches!(tx.insert_location(&double).await, Err(Error::Taken)));
                    let mut cellar = Location { name: "Cellar".to_owned(), ..double };
                    tx.insert_location(&cellar).await?;
                    cellar.name = "Vault".into();
                    tx.update_location(&cellar).await?;
                    assert!(tx.location_by_name(&desk.company.id, "vault").await?.is_some());
                    let mut moved = desk.computer.clone();
                    (moved.location_id, moved.name) = (cellar.id.clone(), "VAULT-PC".to_owned());
                    tx.update_computer(&moved).await?;
                    let row = tx.computer(&moved.id).await?.unwrap();
                    assert_eq!((row.computer, row.location.as_str()), (moved.clone(), "Vault"));
                    assert!(tx.computer_by_machine(&moved.machine_id).await?.is_some());
                    assert!(tx.computer_by_machine("another").await?.is_none());
                    tx.insert_contact(&maria).await?;
                    let double = contact(&desk.company, "Other", "MARIA@example.org");
                    assert!(matches!(tx.insert_contact(&double).await, Err(Error::Taken)));
                    assert_eq!(tx.contact(&maria.id).await?.unwrap().contact, maria);
                    let found = tx.contact_by_email(&desk.company.id, " maria@EXAMPLE.org").await?.unwrap();
                    assert_eq!((found.contact.id, found.company), (maria.id, desk.company.name));
                    Ok(())
                })
            })
            .await
            .unwrap();
        let name = store.look_up(|tx| Box::pin(async move { tx.company(&desk.company.id).await })).await.unwrap();
        assert_eq!(name.unwrap().company.name, "Sample Dental Group");
    }

    async fn lists_show_what_the_caller_may_see(home) {
        let store = home.open().await;
        let one = Desk::set_up(&store, "Sample Dental Group").await;
        let two = Desk::set_up(&store, "Demo Freight Lines").await;
        for desk in [&one, &two] {
            let made = contact(&desk.company, "Maria Ruiz", "maria@example.org");
            store
                .write(move |tx| {
                    let made = made.clone();
                    Box::pin(async move { tx.insert_contact(&made).await })
                })
                .await
                .unwrap();
        }
        let foreign = DirectoryQuery { company: Some(two.company.id.clone()), ..all() };
        let by_id = DirectoryQuery { id: Some(one.company.id.to_string()), ..all() };
        for (access, seen) in [(Access::All, 2), (one.access(), 1), (stranger(), 0), (nobody(), 0)] {
            assert_eq!(store.companies(&access, &all()).await.unwrap().len(), seen);
            assert_eq!(store.locations(&access, &all()).await.unwrap().len(), seen);
            assert_eq!(store.computers(&access, &all()).await.unwrap().len(), seen);
            assert_eq!(store.contacts(&access, &all()).await.unwrap().len(), seen);
            let of_two = usize::from(access == Access::All);
            assert_eq!(store.companies(&access, &foreign).await.unwrap().len(), of_two);
            assert_eq!(store.computers(&access, &foreign).await.unwrap().len(), of_two);
            assert_eq!(store.companies(&access, &by_id).await.unwrap().len(), seen.min(1));
            let n = u64::try_from(seen).unwrap();
            let counts = UnlinkedCounts { companies: n, locations: n, computers: n, technicians: 2 };
            assert_eq!(store.unlinked(&access).await.unwrap(), counts);
        }
    }

    async fn lists_go_by_name_in_pages(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let names = ["alpha", "Alpha 2", "BETA", "beta 100%", "gamma_x", "ÄRZTE"];
        for name in names {
            let made = computer(&desk.company, &desk.location, name);
            store
                .write(move |tx| {
                    let made = made.clone();
                    Box::pin(async move { tx.insert_computer(&made, &format!("hash {}", made.id)).await })
                })
                .await
                .unwrap();
        }
        let mut wanted = DirectoryQuery { limit: 2, ..DirectoryQuery::default() };
        let mut found = Vec::new();
        loop {
            let page = store.computers(&desk.access(), &wanted).await.unwrap();
            let Some(last) = page.last() else { break };
            wanted.after = Some((name_key(&last.computer.name), last.computer.id.to_string()));
            found.extend(page.into_iter().map(|row| row.computer.name));
        }
        assert_eq!(found, ["alpha", "Alpha 2", "BETA", "beta 100%", "gamma_x", "Sample Dental Group-PC", "ÄRZTE"]);
        for (text, hits) in [("BETA", 2), ("0%", 1), ("a_x", 1), ("_", 1), ("ärzte", 1), ("delta", 0), ("  ", 7)] {
            let search = DirectoryQuery { search: Some(text.to_owned()), ..all() };
            assert_eq!(store.computers(&desk.access(), &search).await.unwrap().len(), hits, "{text}");
        }
    }

    async fn links_are_kept_and_found(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let id = desk.company.id.as_str();
        let candidates = vec![Candidate { psa_id: "1".to_owned(), psa_name: "One".to_owned(), score: 0.5 }];
        let ambiguous = Link { state: LinkState::Ambiguous, at: Some(NOW), candidates, ..Link::default() };
        set_link(&store, Kind::Company, id, ambiguous.clone()).await;
        let row = store.companies(&Access::All, &all()).await.unwrap().remove(0);
        assert_eq!(row.link, ambiguous);
        let linked = Link::by_hand("7".to_owned(), "Seven".to_owned(), NOW);
        set_link(&store, Kind::Company, id, linked.clone()).await;
        let read = {
            let id = id.to_owned();
            store.write(move |tx| {
                let id = id.clone();
                Box::pin(async move { Ok((tx.link(Kind::Company, &id).await?, tx.link(Kind::Location, &id).await?)) })
            })
        };
        assert_eq!(read.await.unwrap(), (linked, Link::default()));
        assert_eq!(store.companies_of_customer("7").await.unwrap(), [id]);
        assert!(store.companies_of_customer("8").await.unwrap().is_empty());
        for (state, hits) in [(LinkState::Linked, 1), (LinkState::Unlinked, 0), (LinkState::Ambiguous, 0)] {
            let wanted = DirectoryQuery { link: Some(state), ..all() };
            assert_eq!(store.companies(&Access::All, &wanted).await.unwrap().len(), hits);
        }
        let unlinked = DirectoryQuery { link: Some(LinkState::Unlinked), ..all() };
        assert_eq!(store.locations(&Access::All, &unlinked).await.unwrap().len(), 1);
        assert_eq!(store.unlinked(&Access::All).await.unwrap().companies, 0);
    }

    async fn records_that_a_person_touched_are_not_free(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let free = || {
            let company = desk.company.id.clone();
            store.write(move |tx| {
                let company = company.clone();
                Box::pin(async move { tx.free_records(&company).await })
            })
        };
        let (office, pc) = (desk.location.id.to_string(), desk.computer.id.to_string());
        assert_eq!(free().await.unwrap(), [(Kind::Location, office.clone()), (Kind::Computer, pc.clone())]);
        set_link(&store, Kind::Location, &office, Link::cut_by_hand(NOW)).await;
        assert_eq!(free().await.unwrap(), [(Kind::Computer, pc.clone())]);
        set_link(&store, Kind::Computer, &pc, Link::by_hand("1".to_owned(), "PC".to_owned(), NOW)).await;
        assert_eq!(free().await.unwrap(), []);
    }

    async fn who_asks_is_read_from_the_credential(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let hash = format!("hash of {}", desk.computer.id);
        assert!(store.computer_by_credential("unknown").await.unwrap().is_none());
        let who = store.computer_by_credential(&hash).await.unwrap().unwrap();
        assert_eq!((&who.computer, who.company.as_str()), (&desk.computer, "Sample Dental Group"));
        assert!(!who.held_credential);
        let re_enroll = |held: bool, hash: &'static str| {
            let mut computer = desk.computer.clone();
            computer.held = held;
            computer.os_version = "12".into();
            store.write(move |tx| {
                let computer = computer.clone();
                Box::pin(async move { tx.re_enroll(&computer, hash).await })
            })
        };
        // Held: the old credential stays good, the new one is known but held. Every write is seen at once.
        re_enroll(true, "new").await.unwrap();
        let old = store.computer_by_credential(&hash).await.unwrap().unwrap();
        assert_eq!((old.computer.held, old.held_credential, old.computer.os_version.as_str()), (true, false, "11"));
        assert!(store.computer_by_credential("new").await.unwrap().unwrap().held_credential);
        let confirm = || {
            let id = desk.computer.id.clone();
            store.write(move |tx| {
                let id = id.clone();
                Box::pin(async move {
                    let confirmed = tx.confirm_held(&id).await?;
                    assert!(tx.is_credential_of(&id, "new").await?);
                    Ok(confirmed)
                })
            })
        };
        assert!(confirm().await.unwrap());
        assert!(!confirm().await.unwrap());
        assert!(store.computer_by_credential(&hash).await.unwrap().is_none());
        assert!(!store.computer_by_credential("new").await.unwrap().unwrap().held_credential);
        re_enroll(false, "newer").await.unwrap();
        assert!(store.computer_by_credential("new").await.unwrap().is_none());
        let newest = store.computer_by_credential("newer").await.unwrap().unwrap();
        assert_eq!((newest.computer.held, newest.computer.os_version.as_str()), (false, "12"));
    }

    async fn steps_that_link_have_a_lane_of_their_record(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let subject = format!("company/{}", desk.company.id);
        let step = NewStep::link(step_id(), subject.clone(), Some(desk.company.id.clone()));
        store
            .write(move |tx| {
                let step = step.clone();
                Box::pin(async move { tx.append_step(&step).await })
            })
            .await
            .unwrap();
        let claimed = crate::support::claim_one(&store, NOW).await;
        assert_eq!((claimed.lane.as_str(), claimed.subject.as_str()), (subject.as_str(), subject.as_str()));
    }
}
