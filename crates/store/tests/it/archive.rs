//! Archived records, the order of lists, and counts by the state of a link.

use std::collections::HashMap;

use countersign_domain::{
    link::{Kind, Link, LinkState},
    role::Access,
    time::Time,
};
use countersign_store::{DirectoryQuery, LinkCounts, Order, Shelf, Store, UnlinkedCounts};

use crate::support::{Desk, NOW, both, company, computer, contact, nobody, stranger};

const LATER: Time = Time(NOW.0 + 1_000_000);

async fn archive(store: &Store, kind: Kind, id: &str, at: Time) -> bool {
    let id = id.to_owned();
    let archived = store.write(move |tx| {
        let id = id.clone();
        Box::pin(async move { tx.archive(kind, &id, at).await })
    });
    archived.await.unwrap()
}

async fn restore(store: &Store, kind: Kind, id: &str) -> bool {
    let id = id.to_owned();
    let restored = store.write(move |tx| {
        let id = id.clone();
        Box::pin(async move {
            if kind == Kind::Company {
                tx.restore_parts(&id).await?;
            }
            tx.restore(kind, &id).await
        })
    });
    restored.await.unwrap()
}

async fn link(store: &Store, kind: Kind, id: &str, link: Link) {
    let id = id.to_owned();
    store
        .write(move |tx| {
            let (id, link) = (id.clone(), link.clone());
            Box::pin(async move { tx.set_link(kind, &id, &link).await })
        })
        .await
        .unwrap();
}

async fn add_computer(store: &Store, desk: &Desk, name: &str, at: Time) -> String {
    let mut made = computer(&desk.company, &desk.location, name);
    made.created_at = at;
    let id = made.id.to_string();
    store
        .write(move |tx| {
            let made = made.clone();
            Box::pin(async move { tx.insert_computer(&made, &format!("hash of {}", made.id)).await })
        })
        .await
        .unwrap();
    id
}

fn all() -> DirectoryQuery {
    DirectoryQuery { limit: 99, ..DirectoryQuery::default() }
}

fn on(shelf: Shelf) -> DirectoryQuery {
    DirectoryQuery { shelf, ..all() }
}

/// How many companies, locations, computers and contacts a list of that half has.
async fn sizes(store: &Store, shelf: Shelf) -> [usize; 4] {
    let (access, wanted) = (Access::All, on(shelf));
    [
        store.companies(&access, &wanted).await.unwrap().len(),
        store.locations(&access, &wanted).await.unwrap().len(),
        store.computers(&access, &wanted).await.unwrap().len(),
        store.contacts(&access, &wanted).await.unwrap().len(),
    ]
}

both! {
    async fn a_company_takes_what_belongs_to_it_along_and_brings_just_that_back(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        Desk::set_up(&store, "Demo Freight Lines").await;
        let maria = contact(&desk.company, "Maria Ruiz", "maria@example.org");
        store
            .write(move |tx| {
                let maria = maria.clone();
                Box::pin(async move { tx.insert_contact(&maria).await })
            })
            .await
            .unwrap();
        let before = add_computer(&store, &desk, "OLD-01", NOW).await;
        let id = desk.company.id.as_str();
        assert!(archive(&store, Kind::Computer, &before, NOW).await);
        assert!(!archive(&store, Kind::Computer, &before, LATER).await, "it is archived already");
        assert_eq!(sizes(&store, Shelf::Archived).await, [0, 0, 1, 0]);

        assert!(archive(&store, Kind::Company, id, LATER).await);
        assert_eq!(sizes(&store, Shelf::InUse).await, [1, 1, 1, 0]);
        assert_eq!(sizes(&store, Shelf::Archived).await, [1, 1, 2, 1]);
        assert_eq!(sizes(&store, Shelf::Both).await, [2, 2, 3, 1]);
        let counts = UnlinkedCounts { companies: 1, locations: 1, computers: 1, technicians: 2 };
        assert_eq!(store.unlinked(&Access::All).await.unwrap(), counts);
        let row = store.companies(&Access::All, &DirectoryQuery { id: Some(id.to_owned()), ..all() }).await.unwrap();
        assert_eq!(row[0].archived_at, Some(LATER), "its own address still finds it");
        for access in [stranger(), nobody()] {
            assert!(store.companies(&access, &on(Shelf::Archived)).await.unwrap().is_empty());
            assert_eq!(store.link_counts(Kind::Computer, &access, &all()).await.unwrap(), LinkCounts::default());
        }

        assert!(restore(&store, Kind::Company, id).await);
        assert!(!restore(&store, Kind::Company, id).await, "it is in use already");
        assert_eq!(sizes(&store, Shelf::InUse).await, [2, 2, 2, 1]);
        let left = store.computers(&Access::All, &on(Shelf::Archived)).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].computer.id.as_str(), before, "what was archived before stays archived");
    }

    async fn an_archived_computer_is_told_by_its_credential_and_stands_nowhere(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let hash = format!("hash of {}", desk.computer.id);
        let at = desk.location.id.clone();
        let standing = || {
            let at = at.clone();
            store.look_up(move |tx| Box::pin(async move { tx.computers_at(&at).await }))
        };
        assert!(!store.computer_by_credential(&hash).await.unwrap().unwrap().archived);
        assert_eq!(standing().await.unwrap(), 1);
        archive(&store, Kind::Computer, desk.computer.id.as_str(), NOW).await;
        assert!(store.computer_by_credential(&hash).await.unwrap().unwrap().archived);
        assert_eq!(standing().await.unwrap(), 0);
        restore(&store, Kind::Computer, desk.computer.id.as_str()).await;
        assert!(!store.computer_by_credential(&hash).await.unwrap().unwrap().archived);
    }

    async fn what_is_archived_is_not_linked_and_holds_no_customer(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let other = Desk::set_up(&store, "Demo Freight Lines").await;
        let id = desk.company.id.as_str();
        let seven = Link::by_hand("7".to_owned(), "Seven".to_owned(), NOW);
        link(&store, Kind::Company, id, seven.clone()).await;
        assert_eq!(store.companies_of_customer("7").await.unwrap(), [id]);
        let free = || {
            let company = desk.company.id.clone();
            store.look_up(move |tx| Box::pin(async move { tx.free_records(&company).await }))
        };
        assert_eq!(free().await.unwrap().len(), 2);
        archive(&store, Kind::Company, id, NOW).await;
        assert!(store.companies_of_customer("7").await.unwrap().is_empty());
        assert!(free().await.unwrap().is_empty());

        let taken = |company: &str| {
            let company = company.to_owned();
            store.look_up(move |tx| Box::pin(async move { tx.is_customer_of_another("7", &company).await }))
        };
        assert!(!taken(other.company.id.as_str()).await.unwrap(), "an archived company holds no customer");
        link(&store, Kind::Company, other.company.id.as_str(), seven).await;
        assert!(taken(id).await.unwrap());
        assert!(!taken(other.company.id.as_str()).await.unwrap());
    }

    async fn the_newest_come_first_in_pages(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        for (n, name) in ["b", "a", "c", "c"].into_iter().enumerate() {
            // Two of one moment go by their ids.
            add_computer(&store, &desk, name, Time(NOW.0 + i64::try_from(n.min(2)).unwrap() + 1)).await;
        }
        let mut wanted = DirectoryQuery { order: Order::Newest, limit: 2, ..DirectoryQuery::default() };
        let mut found = Vec::new();
        loop {
            let page = store.computers(&desk.access(), &wanted).await.unwrap();
            let Some(last) = page.last() else { break };
            wanted.after = Some((last.computer.created_at.0.to_string(), last.computer.id.to_string()));
            found.extend(page.into_iter().map(|row| row.computer.name));
        }
        assert_eq!(found, ["c", "c", "a", "b", "Sample Dental Group-PC"]);
    }

    async fn states_are_counted_within_what_is_asked_for(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let other = Desk::set_up(&store, "Demo Freight Lines").await;
        let mut ids = Vec::new();
        for name in ["ws-1", "ws-2", "ws-3", "lab"] {
            ids.push(add_computer(&store, &desk, name, NOW).await);
        }
        let state = |state| Link { state, at: Some(NOW), ..Link::default() };
        link(&store, Kind::Computer, &ids[0], state(LinkState::Linked)).await;
        link(&store, Kind::Computer, &ids[1], state(LinkState::Ambiguous)).await;
        link(&store, Kind::Computer, &ids[2], state(LinkState::Missing)).await;
        archive(&store, Kind::Computer, &ids[3], NOW).await;
        let counts = |access: Access, wanted: DirectoryQuery| {
            let store = store.clone();
            async move { store.link_counts(Kind::Computer, &access, &wanted).await.unwrap() }
        };
        let every = LinkCounts { unlinked: 2, linked: 1, ambiguous: 1, missing: 1, archived: 1 };
        assert_eq!(counts(Access::All, all()).await, every);
        assert_eq!(every.in_use(), 5);
        assert_eq!(counts(desk.access(), all()).await, LinkCounts { unlinked: 1, ..every });
        let search = DirectoryQuery { search: Some("WS-".to_owned()), link: Some(LinkState::Linked), ..all() };
        let searched = LinkCounts { unlinked: 0, archived: 0, ..every };
        assert_eq!(counts(Access::All, search).await, searched, "the tab that is open does not change the others");
        let of_other = DirectoryQuery { company: Some(other.company.id.clone()), ..all() };
        assert_eq!(counts(Access::All, of_other).await, LinkCounts { unlinked: 1, ..LinkCounts::default() });

        let wanted = DirectoryQuery { ids: vec![ids[1].clone(), ids[0].clone()], ..all() };
        let names: Vec<_> = store.computers(&Access::All, &wanted).await.unwrap();
        assert_eq!(names.into_iter().map(|row| row.computer.name).collect::<Vec<_>>(), ["ws-1", "ws-2"]);
        let (one, two) = (desk.company.id.clone(), other.company.id.clone());
        let sizes = store.company_sizes(&[one.clone(), two.clone(), company("none").id]).await.unwrap();
        assert_eq!(sizes, HashMap::from([(one.to_string(), (1, 4)), (two.to_string(), (1, 1))]));
    }

    async fn disabled_technicians_are_the_archived_ones(home) {
        let store = home.open().await;
        let mut sam = Desk::set_up(&store, "Sample Dental Group").await.technician;
        Desk::set_up(&store, "Demo Freight Lines").await;
        sam.disabled = true;
        let id = sam.id.clone();
        store
            .write(move |tx| {
                let sam = sam.clone();
                Box::pin(async move { tx.update_technician(&sam).await })
            })
            .await
            .unwrap();
        for (shelf, n) in [(Shelf::InUse, 1), (Shelf::Archived, 1), (Shelf::Both, 2)] {
            assert_eq!(store.technicians(&on(shelf)).await.unwrap().len(), n, "{shelf:?}");
        }
        let counts = store.link_counts(Kind::Technician, &Access::All, &all()).await.unwrap();
        assert_eq!(counts, LinkCounts { unlinked: 1, archived: 1, ..LinkCounts::default() });
        assert_eq!(store.unlinked(&Access::All).await.unwrap().technicians, 1);
        assert!(store.technician(&id).await.unwrap().unwrap().technician.disabled);
    }
}
