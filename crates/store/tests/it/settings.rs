//! Settings by version, and sealed secrets.

use countersign_store::{Error, Store};

use crate::support::{NOW, both};

async fn set(store: &Store, value: &str, before: Option<i64>) -> countersign_store::Result<()> {
    let value = value.to_owned();
    store
        .write(move |tx| {
            let value = value.clone();
            Box::pin(async move { tx.set_setting("ticketing", &value, before).await })
        })
        .await
}

both! {
    async fn the_second_writer_of_a_version_is_stale(home) {
        let store = home.open().await;
        assert_eq!(store.setting("ticketing").await.unwrap(), None);
        set(&store, "one", None).await.unwrap();
        assert!(matches!(set(&store, "uno", None).await, Err(Error::Stale)));
        assert_eq!(store.setting("ticketing").await.unwrap(), Some(("one".to_owned(), 1)));
        let (a, b) = tokio::join!(set(&store, "two", Some(1)), set(&store, "due", Some(1)));
        assert!(matches!((&a, &b), (Ok(()), Err(Error::Stale)) | (Err(Error::Stale), Ok(()))), "{a:?} {b:?}");
        let inside = store.write(|tx| Box::pin(async move { tx.setting("ticketing").await })).await.unwrap();
        assert_eq!(inside.unwrap().1, 2);
    }

    async fn secrets_are_kept_and_replaced(home) {
        let store = home.open().await;
        assert_eq!(store.secret("key").await.unwrap(), None);
        let or = |sealed: &'static str| store.write(move |tx| Box::pin(tx.secret_or("key", sealed, NOW)));
        assert_eq!(or("first").await.unwrap(), "first");
        assert_eq!(or("second").await.unwrap(), "first");
        store.write(|tx| Box::pin(tx.set_secret("key", "third", NOW))).await.unwrap();
        assert_eq!(store.secret("key").await.unwrap().as_deref(), Some("third"));
    }
}
