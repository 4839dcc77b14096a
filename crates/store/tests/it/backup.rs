//! Backup and restore, on either engine and from one to the other.

use std::collections::BTreeMap;

use countersign_domain::decision::Verdict;
use countersign_store::{
    AttemptResult, Next, PortalSession, Store,
    backup::{BackupError, Over, backup, inspect, restore, running_nodes},
};
use serde_json::Value;

use crate::support::{Desk, Home, NOW, assert_sound, both, claim_one, ended, entry, ticket};

async fn taken(home: &Home) -> Vec<u8> {
    let mut file = Vec::new();
    backup(&home.options().place, &mut file, NOW, "0.0.1").await.unwrap();
    file
}

/// Every row of every table that a backup is of, as text.
async fn rows(home: &Home, tables: &[&str]) -> Vec<(String, i64)> {
    let mut rows = Vec::new();
    for table in tables {
        rows.push(((*table).to_owned(), home.count(&format!("SELECT COUNT(*) FROM {table}")).await));
    }
    rows
}

const TABLES: [&str; 8] =
    ["companies", "locations", "computers", "technicians", "requests", "steps", "attempts", "tickets"];

/// Every row of a backup by its columns' names, without what a restore changes: whether it is in doubt.
fn content(file: &[u8]) -> Vec<String> {
    let mut rows = Vec::new();
    let (mut table, mut columns) = (String::new(), Vec::new());
    for line in file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line).unwrap() {
            Value::Array(values) => {
                let row = columns.iter().zip(values).filter(|(column, _)| !IN_DOUBT.contains(&String::as_str(column)));
                let row: BTreeMap<&String, Value> = row.collect();
                rows.push(format!("{table} {}", serde_json::to_string(&row).unwrap()));
            }
            line if line["table"].is_string() => {
                line["table"].as_str().unwrap().clone_into(&mut table);
                columns = serde_json::from_value(line["columns"].clone()).unwrap();
            }
            _header_or_end => {}
        }
    }
    rows.sort();
    rows
}

const IN_DOUBT: [&str; 2] = ["doubt_at", "floor"];

/// Another home of the same engine.
async fn another(home: &Home) -> Home {
    if home.is_postgres() { Home::postgres().await.unwrap() } else { Home::sqlite() }
}

both! {
    async fn what_was_there_is_there_again(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let told = desk.accept(&store, "one").await;
        let step = claim_one(&store, NOW).await;
        let mut end = ended(&step, AttemptResult::Done, Next::Done);
        end.ticket = Some(ticket(told.id.as_str(), "2001"));
        store.complete(end).await.unwrap();
        let under_way = desk.accept(&store, "two").await;
        claim_one(&store, NOW.plus_seconds(1)).await;
        assert!(store.transition(desk.decided(std::slice::from_ref(&told), Verdict::Deny)).await.unwrap());
        for n in 0..250 {
            desk.accept(&store, &format!("many \"{n}\" \u{1F512} \\ \n")).await;
        }
        let file = taken(&home).await;
        // More comes while and after it is taken; the backup holds one moment.
        desk.accept(&store, "later").await;
        store.close().await;
        assert_eq!(inspect(&*file).unwrap().version, "0.0.1");

        let new = another(&home).await;
        let (_, counts) = restore(&new.options().place, &*file, Over::Empty, NOW.plus_seconds(99)).await.unwrap();
        assert_eq!(counts.iter().find(|count| count.table == "requests").unwrap().rows, 252);
        let restored = new.open().await;
        let mut before = rows(&home, &TABLES).await;
        before[4].1 -= 1;
        before[5].1 -= 1;
        assert_eq!(rows(&new, &TABLES).await, before);
        let row = restored.request(&desk.access(), &told.id).await.unwrap().unwrap();
        let known = row.ticket.unwrap();
        assert_eq!((known.psa_id.as_str(), known.doubt_at), ("2001", Some(NOW.plus_seconds(99))));
        assert_eq!(row.request.decision.unwrap().verdict, Verdict::Deny);
        assert_sound(&restored).await;
        // What was not finished is in doubt, above the newest ticket that was known.
        let doubt = "SELECT COUNT(*) FROM steps WHERE doubt_at IS NULL AND state <> 'done'";
        assert_eq!(new.count(doubt).await, 0);
        let state = format!("SELECT state FROM steps WHERE lane = '{}'", under_way.id);
        assert_eq!(new.column(&state).await, ["waiting"]);
        let floor = format!("SELECT floor FROM steps WHERE lane = '{}' AND kind = 'record_decision'", told.id);
        assert_eq!(new.column(&floor).await, ["2001"]);
        restored.close().await;

        // Not over rows, unless asked to.
        let refused = restore(&new.options().place, &*file, Over::Empty, NOW).await;
        assert!(matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
        restore(&new.options().place, &*file, Over::Anything, NOW).await.unwrap();
        assert_eq!(rows(&new, &TABLES).await, before);
    }

    async fn a_backup_goes_to_the_other_engine(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "one").await;
        let file = taken(&home).await;
        store.close().await;
        let new = if home.is_postgres() { Some(Home::sqlite()) } else { Home::postgres().await };
        let Some(new) = new else { return };
        restore(&new.options().place, &*file, Over::Empty, NOW).await.unwrap();
        let restored = new.open().await;
        assert_eq!(restored.request_alone(&request.id).await.unwrap(), Some(request));
        assert_sound(&restored).await;
        restored.close().await;
        let again = taken(&new).await;
        assert_eq!(content(&again), content(&file));
    }

    async fn what_is_not_whole_is_refused_and_nothing_is_touched(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        desk.accept(&store, "one").await;
        let file = taken(&home).await;
        store.close().await;
        let text = String::from_utf8(file.clone()).unwrap();
        let cut = &file[..file.len() - 10];
        let shorter = &text[..=text.trim_end().rfind('\n').unwrap()];
        let changed = text.replace("Sample Dental Group", "Another Dental Group");
        for (damaged, what) in
            [(cut, "cut"), (shorter.as_bytes(), "without its end"), (changed.as_bytes(), "changed")]
        {
            let found = inspect(damaged);
            assert!(matches!(found, Err(BackupError::Damaged(_))), "{what}: {found:?}");
            let new = another(&home).await;
            let refused = restore(&new.options().place, damaged, Over::Empty, NOW).await;
            assert!(matches!(refused, Err(BackupError::Damaged(_))), "{what}: {refused:?}");
            let opened = new.open().await;
            assert_eq!(new.count("SELECT COUNT(*) FROM companies").await, 0, "{what}");
            opened.close().await;
            // Not even where all of it would be replaced.
            let refused = restore(&home.options().place, damaged, Over::Anything, NOW).await;
            assert!(matches!(refused, Err(BackupError::Damaged(_))), "{what}: {refused:?}");
            assert_eq!(taken(&home).await, file, "{what}");
        }
        assert!(matches!(inspect(&b"PK\x03\x04 something else"[..]), Err(BackupError::Foreign(_))));
        assert!(matches!(inspect(&b""[..]), Err(BackupError::Foreign(_))));
        let newer = text.replacen("\"schema\":", "\"schema\":9", 1);
        assert!(matches!(inspect(newer.as_bytes()), Err(BackupError::Newer { .. })));
    }

    async fn only_our_tables_are_kept_and_removed(home) {
        let store = home.open().await;
        Desk::set_up(&store, "Sample Dental Group").await;
        store.close().await;
        let list = if home.is_postgres() {
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        };
        let made = home.column(list).await;
        home.sql("CREATE TABLE others (name TEXT)").await;
        home.sql("INSERT INTO others VALUES ('kept')").await;
        let file = taken(&home).await;
        // All that the migrations make is in it, or left out for a reason.
        let mut known: Vec<String> = ["_sqlx_migrations", "nodes", "portal_sessions", "sign_in_links"]
            .map(str::to_owned).into();
        for line in file.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"table\"")) {
            known.push(serde_json::from_slice::<Value>(line).unwrap()["table"].as_str().unwrap().to_owned());
        }
        known.sort();
        let mut made = made;
        made.sort();
        assert_eq!(known, made);
        restore(&home.options().place, &*file, Over::Anything, NOW).await.unwrap();
        assert_eq!(home.column("SELECT name FROM others").await, ["kept"]);
        assert_eq!(home.count("SELECT COUNT(*) FROM companies").await, 1);
        // Tables that are another program's, whatever they are named.
        home.sql("DROP TABLE settings").await;
        let refused = restore(&home.options().place, &*file, Over::Anything, NOW).await;
        assert!(matches!(refused, Err(BackupError::OtherTables)), "{refused:?}");
        let none = backup(&home.options().place, Vec::new(), NOW, "0.0.1").await;
        assert!(matches!(none, Err(BackupError::OtherTables)), "{none:?}");
        home.sql("DROP TABLE _sqlx_migrations").await;
        let refused = restore(&home.options().place, &*file, Over::Anything, NOW).await;
        assert!(matches!(refused, Err(BackupError::Store(_))), "{refused:?}");
        assert_eq!(home.count("SELECT COUNT(*) FROM companies").await, 1);
    }

    async fn nobody_is_signed_in_after_a_restore(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let audit = || entry("technician.signed_in", desk.technician.id.as_str(), None, NOW);
        let until = NOW.plus_seconds(60);
        for link in ["used", "unused"] {
            store.add_sign_in_link(link.to_owned(), desk.technician.id.clone(), NOW, until, audit()).await.unwrap();
        }
        let session = PortalSession {
            hash: "session".to_owned(),
            technician_id: desk.technician.id.to_string(),
            form_token: "form".to_owned(),
            seen_at: NOW.0,
            expires_at: until.0,
        };
        assert!(store.sign_in("used".to_owned(), session, NOW, audit()).await.unwrap());
        let file = taken(&home).await;
        store.close().await;
        restore(&home.options().place, &*file, Over::Anything, NOW).await.unwrap();
        let store = home.open().await;
        assert!(store.portal_session("session", NOW, NOW.plus_seconds(-900)).await.unwrap().is_none());
        assert!(store.sign_in_link("unused", NOW).await.unwrap().is_none());
        assert_sound(&store).await;
    }

    async fn nodes_that_run_are_seen(home) {
        let none = running_nodes(&home.options().place, async || panic!("there is nobody to wait for")).await.unwrap();
        assert!(none.is_empty());
        let gone = home.open().await;
        gone.beat().await.unwrap();
        gone.close().await;
        let still = running_nodes(&home.options().place, async || ()).await.unwrap();
        assert!(still.is_empty(), "{still:?}");
        let options = home.options();
        let id = options.instance.clone();
        let store = Store::open(options, NOW).await.unwrap();
        store.beat().await.unwrap();
        let running = running_nodes(&home.options().place, async || drop(store.beat().await.unwrap())).await.unwrap();
        let seen = if home.is_postgres() { vec![id] } else { Vec::new() };
        assert_eq!(running, seen);
    }
}

#[tokio::test]
async fn a_backup_is_of_one_moment_while_a_server_writes() {
    let home = Home::sqlite();
    let store = home.open().await;
    let desk = Desk::set_up(&store, "Sample Dental Group").await;
    let (asking, asker) = (store.clone(), desk.clone());
    let load = tokio::spawn(async move {
        for n in 0..600 {
            asker.accept(&asking, &format!("load {n}")).await;
        }
    });
    for _ in 0..10 {
        let file = taken(&home).await;
        let new = Home::sqlite();
        restore(&new.options().place, &*file, Over::Empty, NOW).await.unwrap();
        let requests = new.count("SELECT COUNT(*) FROM requests").await;
        // Each was written with its step and its audit entry, in one commit.
        assert_eq!(new.count("SELECT COUNT(*) FROM steps").await, requests);
        let entries = new.count("SELECT COUNT(*) FROM audit WHERE action = 'request.received'").await;
        assert_eq!(entries, requests);
    }
    load.await.unwrap();
}
