//! Backup and restore, on either engine and from one to the other.

use countersign_domain::decision::Verdict;
use countersign_store::{
    AttemptResult, Next,
    backup::{BackupError, Over, backup, inspect, restore},
};

use crate::support::{Desk, Home, NOW, assert_sound, both, claim_one, ended, ticket};

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
        let lines = |file: &[u8]| {
            let mut lines: Vec<String> = file.split(|byte| *byte == b'\n').filter(|line| line.first() == Some(&b'['))
                .map(|line| String::from_utf8_lossy(line).into_owned()).collect();
            lines.sort();
            lines.len()
        };
        assert_eq!(lines(&again), lines(&file));
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
        }
        assert!(matches!(inspect(&b"PK\x03\x04 something else"[..]), Err(BackupError::Foreign(_))));
        assert!(matches!(inspect(&b""[..]), Err(BackupError::Foreign(_))));
        let newer = text.replacen("\"schema\":", "\"schema\":9", 1);
        assert!(matches!(inspect(newer.as_bytes()), Err(BackupError::Newer { .. })));
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
