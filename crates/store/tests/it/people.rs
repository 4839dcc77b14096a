//! Technicians, tokens, sign-in links, sessions, enrolment keys.

use countersign_domain::{
    directory::Technician,
    id::{EnrollmentKeyId, TechnicianId, TokenId},
    link::{Kind, Link, LinkState},
    role::{Access, Role},
};
use countersign_store::{DirectoryQuery, Error, NewEnrollmentKey, NewToken, PortalSession, Store};

use crate::support::{Desk, NOW, assert_sound, both, company, entry, technician, uuid};

async fn add(store: &Store, technician: &Technician) -> countersign_store::Result<()> {
    let technician = technician.clone();
    store
        .write(move |tx| {
            let technician = technician.clone();
            Box::pin(async move { tx.insert_technician(&technician).await })
        })
        .await
}

async fn update(store: &Store, technician: &Technician) -> countersign_store::Result<i64> {
    let technician = technician.clone();
    store
        .write(move |tx| {
            let technician = technician.clone();
            Box::pin(async move {
                tx.update_technician(&technician).await?;
                tx.other_administrators(&technician.id).await
            })
        })
        .await
}

fn session(hash: &str, of: &TechnicianId) -> PortalSession {
    PortalSession {
        hash: hash.to_owned(),
        technician_id: of.to_string(),
        form_token: "form".to_owned(),
        seen_at: NOW.0,
        expires_at: NOW.plus_seconds(3600).0,
    }
}

both! {
    async fn technicians_are_unique_by_mail(home) {
        let store = home.open().await;
        let mut sam = technician("Sam Okoro", "Sam.Okoro@example.com");
        add(&store, &sam).await.unwrap();
        let double = technician("Another", "sam.okoro@EXAMPLE.com");
        assert!(matches!(add(&store, &double).await, Err(Error::Taken)));
        let found = store.technician_by_email(" SAM.okoro@example.com").await.unwrap().unwrap();
        assert_eq!((found.technician, found.link), (sam.clone(), Link::default()));
        let priya = technician("Priya Nair", "priya@example.com");
        add(&store, &priya).await.unwrap();
        sam.email = "priya@example.com".into();
        assert!(matches!(update(&store, &sam).await, Err(Error::Taken)));
        sam.email = "okoro@example.com".into();
        sam.role = Role::L1;
        sam.access = Access::Only([company("x").id].into());
        assert_eq!(update(&store, &sam).await.unwrap(), 1);
        assert_eq!(store.technician(&sam.id).await.unwrap().unwrap().technician, sam);
        let mut priya = priya;
        priya.disabled = true;
        assert_eq!(update(&store, &priya).await.unwrap(), 0);
        assert!(store.technician(&technician("x", "x@example.com").id).await.unwrap().is_none());
    }

    async fn technicians_are_listed_by_name_in_normal_form(home) {
        let store = home.open().await;
        for name in ["Ørjan Sample", "maria RUIZ", "Sam Okoro", "ÖZGE Sample"] {
            add(&store, &technician(name, &format!("{}@example.com", uuid()))).await.unwrap();
        }
        let mut names = Vec::new();
        let mut wanted = DirectoryQuery { limit: 1, ..DirectoryQuery::default() };
        while let [row] = store.technicians(&wanted).await.unwrap().as_slice() {
            names.push(row.technician.name.clone());
            let key = countersign_domain::text::name_key(&row.technician.name);
            wanted.after = Some((key, row.technician.id.to_string()));
        }
        assert_eq!(names, ["maria RUIZ", "Sam Okoro", "ÖZGE Sample", "Ørjan Sample"]);
        let search = DirectoryQuery { search: Some("özge".to_owned()), limit: 9, ..DirectoryQuery::default() };
        assert_eq!(store.technicians(&search).await.unwrap().len(), 1);
        let unlinked = DirectoryQuery { link: Some(LinkState::Unlinked), limit: 9, ..DirectoryQuery::default() };
        assert_eq!(store.technicians(&unlinked).await.unwrap().len(), 4);
        let id = store.technicians(&search).await.unwrap()[0].technician.id.to_string();
        store
            .write(move |tx| {
                let id = id.clone();
                let link = Link::by_hand("5".to_owned(), "Özge".to_owned(), NOW);
                Box::pin(async move { tx.set_link(Kind::Technician, &id, &link).await })
            })
            .await
            .unwrap();
        let linked = DirectoryQuery { link: Some(LinkState::Linked), limit: 9, ..DirectoryQuery::default() };
        assert_eq!(store.technicians(&linked).await.unwrap().len(), 1);
    }

    async fn tokens_end(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let token = |name: &str, may_decide, expires_at| NewToken {
            id: TokenId::from_uuid(uuid()),
            technician: desk.technician.id.clone(),
            name: name.to_owned(),
            hash: format!("hash of {name}"),
            may_decide,
            expires_at,
            created_at: NOW,
        };
        let audit = || entry("token.created", "token", None, NOW);
        let (decider, reader) = (token("decider", true, None), token("reader", false, Some(NOW.plus_seconds(10))));
        store.add_token(decider.clone(), audit()).await.unwrap();
        store.add_token(reader, audit()).await.unwrap();
        let (owner, may_decide) = store.token_owner("hash of decider", NOW).await.unwrap().unwrap();
        assert_eq!((owner.technician.id, may_decide), (desk.technician.id.clone(), true));
        assert!(!store.token_owner("hash of reader", NOW).await.unwrap().unwrap().1);
        assert!(store.token_owner("hash of reader", NOW.plus_seconds(10)).await.unwrap().is_none());
        assert!(store.token_owner("unknown", NOW).await.unwrap().is_none());
        assert_eq!(store.tokens(Some(&desk.technician.id)).await.unwrap().len(), 2);
        assert_eq!(store.tokens(None).await.unwrap().len(), 2);
        assert!(store.tokens(Some(&technician("x", "x@example.com").id)).await.unwrap().is_empty());
        assert!(store.revoke_token(&decider.id, NOW, entry("token.revoked", "token", None, NOW)).await.unwrap());
        assert!(!store.revoke_token(&decider.id, NOW, entry("token.revoked", "token", None, NOW)).await.unwrap());
        assert!(store.token_owner("hash of decider", NOW).await.unwrap().is_none());
        assert_eq!(assert_sound(&store).await, 3);
        let mut gone = desk.technician.clone();
        gone.disabled = true;
        update(&store, &gone).await.unwrap();
        assert!(store.token_owner("hash of reader", NOW).await.unwrap().is_none());
    }

    async fn a_sign_in_link_is_used_once(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let other = technician("Maria Ruiz", "maria@example.com");
        add(&store, &other).await.unwrap();
        let audit = || entry("technician.signed_in", desk.technician.id.as_str(), None, NOW);
        let until = NOW.plus_seconds(60);
        store.add_sign_in_link("link".to_owned(), desk.technician.id.clone(), NOW, until, audit()).await.unwrap();
        assert_eq!(store.sign_in_link("link", NOW).await.unwrap().unwrap().technician.id, desk.technician.id);
        assert!(store.sign_in_link("link", until).await.unwrap().is_none());
        assert!(store.sign_in_link("other", NOW).await.unwrap().is_none());
        // Not for somebody else's session, and not after its time.
        assert!(!store.sign_in("link".to_owned(), session("s0", &other.id), NOW, audit()).await.unwrap());
        assert!(!store.sign_in("link".to_owned(), session("s0", &desk.technician.id), until, audit()).await.unwrap());
        let (one, two) = tokio::join!(
            store.sign_in("link".to_owned(), session("s1", &desk.technician.id), NOW, audit()),
            store.sign_in("link".to_owned(), session("s2", &desk.technician.id), NOW, audit()),
        );
        assert!(one.unwrap() ^ two.unwrap());
        assert!(store.sign_in_link("link", NOW).await.unwrap().is_none());
        assert_eq!(home.count("SELECT COUNT(*) FROM portal_sessions").await, 1);
        assert_eq!(assert_sound(&store).await, 2);
    }

    async fn sessions_end(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let audit = || entry("technician.signed_in", desk.technician.id.as_str(), None, NOW);
        let until = NOW.plus_seconds(60);
        for (link, hash) in [("l1", "s1"), ("l2", "s2")] {
            store.add_sign_in_link(link.to_owned(), desk.technician.id.clone(), NOW, until, audit()).await.unwrap();
            assert!(store.sign_in(link.to_owned(), session(hash, &desk.technician.id), NOW, audit()).await.unwrap());
        }
        let idle = NOW.plus_seconds(-900);
        let (found, owner) = store.portal_session("s1", NOW, idle).await.unwrap().unwrap();
        assert_eq!((found, owner.technician.id), (session("s1", &desk.technician.id), desk.technician.id.clone()));
        assert!(store.portal_session("s1", NOW, NOW).await.unwrap().is_none());
        store.session_seen("s1", NOW.plus_seconds(5)).await.unwrap();
        assert!(store.portal_session("s1", NOW, NOW).await.unwrap().is_some());
        assert!(store.portal_session("s1", NOW.plus_seconds(3600), NOW).await.unwrap().is_none());
        assert!(store.end_session("s1", audit()).await.unwrap());
        assert!(!store.end_session("s1", audit()).await.unwrap());
        assert!(store.portal_session("s1", NOW, idle).await.unwrap().is_none());
        let mut gone = desk.technician.clone();
        gone.disabled = true;
        update(&store, &gone).await.unwrap();
        assert!(store.portal_session("s2", NOW, idle).await.unwrap().is_none());
        assert_eq!(home.count("SELECT COUNT(*) FROM portal_sessions").await, 0);
    }

    async fn enrolment_keys_are_counted(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let key = NewEnrollmentKey {
            id: EnrollmentKeyId::from_uuid(uuid()),
            secret_hash: "hash".to_owned(),
            name: "for the new office".to_owned(),
            company: Some(desk.company.id.clone()),
            max_uses: Some(3),
            expires_at: Some(NOW.plus_seconds(60)),
            trusts_known_machines: true,
            created_at: NOW,
        };
        let audit = || entry("enrollment_key.created", "key", None, NOW);
        store.add_enrollment_key(key.clone(), audit()).await.unwrap();
        let endless = NewEnrollmentKey {
            id: EnrollmentKeyId::from_uuid(uuid()),
            secret_hash: "other".to_owned(),
            company: None,
            max_uses: None,
            expires_at: None,
            trusts_known_machines: false,
            ..key.clone()
        };
        store.add_enrollment_key(endless.clone(), audit()).await.unwrap();
        assert!(store.add_enrollment_key(endless.clone(), audit()).await.is_err());
        let id = key.id.to_string();
        let use_up = || {
            let id = id.clone();
            store.write(move |tx| {
                let id = id.clone();
                Box::pin(async move { tx.use_enrollment_key(&id).await })
            })
        };
        // Five at once for three uses.
        let used = futures_util::future::join_all((0..5).map(|_| use_up())).await;
        assert_eq!(used.into_iter().filter(|used| *used.as_ref().unwrap()).count(), 3);
        let row = store.write(|tx| Box::pin(tx.enrollment_key("hash"))).await.unwrap().unwrap();
        assert_eq!((row.uses, row.max_uses, row.expires_at), (3, Some(3), Some(NOW.plus_seconds(60).0)));
        assert_eq!((row.company_id.as_deref(), row.trusts_known_machines), (Some(desk.company.id.as_str()), 1));
        assert!(store.write(|tx| Box::pin(tx.enrollment_key("unknown"))).await.unwrap().is_none());
        let id = endless.id.to_string();
        let endless_use = store.write({
            let id = id.clone();
            move |tx| {
                let id = id.clone();
                Box::pin(async move { tx.use_enrollment_key(&id).await })
            }
        });
        assert!(endless_use.await.unwrap());
        assert!(store.revoke_enrollment_key(&endless.id, NOW, audit()).await.unwrap());
        assert!(!store.revoke_enrollment_key(&endless.id, NOW, audit()).await.unwrap());
        let after = store.write(move |tx| {
            let id = id.clone();
            Box::pin(async move { tx.use_enrollment_key(&id).await })
        });
        assert!(!after.await.unwrap());
        let listed = store.enrollment_keys().await.unwrap();
        assert_eq!(listed.iter().filter(|key| key.revoked_at.is_some()).count(), 1);
        assert_eq!(listed.len(), 2);
        assert_eq!(assert_sound(&store).await, 3);
    }
}
