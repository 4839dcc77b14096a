//! The log: what `audit verify` finds, checkpoints, pages.

use countersign_domain::role::Access;
use countersign_store::{AuditRow, Checkpoint, Error, Store};

use crate::support::{Desk, NOW, assert_sound, both, entry};

async fn write(store: &Store, object: &str, entries: i64) {
    let object = object.to_owned();
    store
        .write(move |tx| {
            let object = object.clone();
            Box::pin(async move {
                for number in 0..entries {
                    // Two of each moment.
                    tx.audit(&entry("sample.done", &object, None, NOW.plus_seconds(number / 2))).await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
}

async fn faults(store: &Store) -> Vec<String> {
    store.verify_audit(|checkpoint| checkpoint.signature == "ours").await.unwrap().faults
}

async fn checkpoint(store: &Store) -> Checkpoint {
    let last = store.last_checkpoint().await.unwrap();
    let heads = serde_json::to_string(&store.audit_heads().await.unwrap()).unwrap();
    let (n, prev) = last.map_or((1, String::new()), |last| (last.n + 1, last.hash));
    let hash = Checkpoint::computed_hash(n, NOW.0, &heads, &prev);
    let made = Checkpoint { n, at: NOW.0, heads, prev, hash, signature: "ours".to_owned() };
    store.keep_checkpoint(made.clone()).await.unwrap();
    made
}

/// The log after a change made past the store.
macro_rules! tampered {
    ($home:ident, $sql:expr) => {{
        let store = $home.open().await;
        write(&store, "thing", 6).await;
        assert_eq!(assert_sound(&store).await, 6);
        let sql: &str = $sql;
        $home.sql(sql).await;
        faults(&store).await
    }};
}

both! {
    async fn an_edit_is_found(home) {
        let found = tampered!(home, "UPDATE audit SET actor = 'somebody else' WHERE seq = 3");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("row 3 of chain") && found[0].ends_with("was changed"), "{found:?}");
    }

    async fn an_edit_that_mends_its_own_hash_is_found(home) {
        let found = tampered!(home, "UPDATE audit SET actor = 'somebody else', hash = 'made up' WHERE seq = 3");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    async fn a_body_that_was_changed_is_found(home) {
        let found = tampered!(home, "UPDATE audit SET body = '{\"note\":\"other\"}' WHERE seq = 2");
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("its body was changed"), "{found:?}");
    }

    async fn a_removal_is_found(home) {
        let found = tampered!(home, "DELETE FROM audit WHERE seq IN (3, 4)");
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("rows 3 to 4 are missing"), "{found:?}");
    }

    async fn a_removed_beginning_is_found(home) {
        let found = tampered!(home, "DELETE FROM audit WHERE seq < 3");
        assert!(found[0].ends_with("rows 1 to 2 are missing"), "{found:?}");
    }

    async fn a_reorder_is_found(home) {
        let swap = "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;
            UPDATE audit SET seq = 3 WHERE seq = 100";
        assert!(tampered!(home, swap).len() >= 2);
    }

    async fn a_redacted_body_is_counted_and_breaks_nothing(home) {
        assert_eq!(tampered!(home, "UPDATE audit SET body = 'null' WHERE seq = 2"), Vec::<String>::new());
        let store = home.column("SELECT COUNT(*) FROM audit WHERE body = 'null'").await;
        assert_eq!(store, ["1"]);
    }

    async fn checkpoints_hold_the_ends_of_all_chains(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        assert_eq!(store.audit_heads().await.unwrap(), []);
        assert_eq!(store.last_checkpoint().await.unwrap(), None);
        for number in 0..9 {
            desk.accept(&store, &format!("program {number}")).await;
        }
        write(&store, "thing", 3).await;
        let first = checkpoint(&store).await;
        let again = store.keep_checkpoint(first.clone()).await;
        assert!(matches!(again, Err(Error::Taken)), "{again:?}");
        write(&store, "thing", 3).await;
        checkpoint(&store).await;
        let heads = store.audit_heads().await.unwrap();
        assert_eq!(heads.len(), usize::try_from(home.count("SELECT COUNT(DISTINCT chain) FROM audit").await).unwrap());
        assert_eq!(heads.iter().map(|head| head.seq).sum::<i64>(), 15);
        let found = store.verify_audit(|checkpoint| checkpoint.signature == "ours").await.unwrap();
        assert_eq!((found.rows, found.checkpoints, found.redacted, found.faults), (15, 2, 0, Vec::new()));
        // The end of a chain that a checkpoint names cannot be cut off.
        let last = "DELETE FROM audit WHERE object = 'thing' AND seq = (SELECT MAX(b.seq) FROM audit b WHERE b.object = 'thing')";
        home.sql(last).await;
        let found = faults(&store).await;
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("a checkpoint names it"), "{found:?}");
    }

    async fn a_changed_or_removed_checkpoint_is_found(home) {
        let store = home.open().await;
        for _ in 0..3 {
            write(&store, "thing", 1).await;
            checkpoint(&store).await;
        }
        assert_eq!(faults(&store).await, Vec::<String>::new());
        assert!(store.verify_audit(|_| false).await.unwrap().faults.len() == 3);
        home.sql("UPDATE checkpoints SET at = 7 WHERE n = 3").await;
        assert_eq!(faults(&store).await, ["checkpoint 3: was changed, or its signature is not ours"]);
        home.sql("UPDATE checkpoints SET heads = 'x' WHERE n = 3").await;
        assert!(faults(&store).await.iter().any(|fault| fault.contains("cannot be read")));
        home.sql("DELETE FROM checkpoints WHERE n = 2").await;
        assert!(faults(&store).await.contains(&"checkpoint 3: does not follow the one before it".to_owned()));
    }

    async fn pages_leave_nothing_out(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        write(&store, "thing", 20).await;
        desk.accept(&store, "setup").await;
        let mut all: Vec<AuditRow> = Vec::new();
        let mut before = None;
        loop {
            let page = store.audit_rows(&Access::All, None, before, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(countersign_domain::time::Time(last.at));
            all.extend(page);
        }
        assert_eq!(all.len(), 21);
        assert!(all.is_sorted_by(|a, b| a.at >= b.at));
        assert_eq!(store.audit_rows(&Access::All, Some("thing"), None, 99).await.unwrap().len(), 20);
        assert_eq!(store.audit_rows(&desk.access(), None, None, 99).await.unwrap().len(), 1);
    }
}
