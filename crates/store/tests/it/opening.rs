//! Opening, closing, and what stands against it.

use countersign_store::{Error, Options, Place, Store};

use crate::support::{Desk, Home, NOW, assert_sound, both};

async fn refused(options: Options) -> String {
    match Store::open(options, NOW).await {
        Err(error @ Error::Open { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    }
}

both! {
    async fn open_close_and_open_again(home) {
        let store = home.open().await;
        store.ping().await.unwrap();
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let request = desk.accept(&store, "setup").await;
        store.close().await;
        assert!(store.ping().await.is_err());
        assert!(matches!(store.accept(desk.new_request("late")).await, Err(Error::Closed)));
        let again = home.open().await;
        assert_ne!(again.instance(), store.instance());
        assert!(again.request_alone(&request.id).await.unwrap().is_some());
        desk.accept(&again, "next").await;
        assert_eq!(assert_sound(&again).await, 2);
    }

    async fn a_newer_schema_is_refused(home) {
        home.open().await.close().await;
        home.sql("UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)").await;
        let words = refused(home.options()).await;
        assert!(words.contains("a newer Countersign"), "{words}");
    }

    async fn a_write_that_panics_harms_no_other(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let outcome: Result<(), _> = store
            .write(|tx| Box::pin(async move {
                tx.set_secret("name", "sealed", NOW).await?;
                panic!("on purpose")
            }))
            .await;
        assert!(matches!(outcome, Err(Error::Database(_))), "{outcome:?}");
        assert_eq!(store.secret("name").await.unwrap(), None);
        desk.accept(&store, "setup").await;
        assert_eq!(assert_sound(&store).await, 1);
    }

    async fn a_failure_that_is_passed_over_is_not_kept(home) {
        let store = home.open().await;
        let desk = Desk::set_up(&store, "Sample Dental Group").await;
        let (computer, company) = (desk.computer.clone(), desk.company.clone());
        let outcome: Result<(), _> = store
            .write(move |tx| {
                let (computer, company) = (computer.clone(), company.clone());
                Box::pin(async move {
                    tx.set_secret("name", "sealed", NOW).await?;
                    // A taken name can be answered: nothing of the database failed.
                    assert!(matches!(tx.insert_company(&company).await, Err(Error::Taken)));
                    // A doubled computer cannot.
                    assert!(tx.insert_computer(&computer, "other hash").await.is_err());
                    Ok(())
                })
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(store.secret("name").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let home = Home::sqlite();
    let store = home.open().await;
    let words = refused(home.options()).await;
    assert!(words.contains("another Countersign process has it open"), "{words}");
    store.close().await;
    home.open().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told() {
    let home = Home::sqlite();
    std::fs::write(home.file(), "this is a letter, not a database".repeat(100)).unwrap();
    let words = refused(home.options()).await;
    assert!(words.contains("countersign.db") && words.contains("damaged, or is not a database"), "{words}");
}

#[tokio::test]
async fn a_damaged_database_is_told() {
    let home = Home::sqlite();
    home.open().await.close().await;
    let mut bytes = std::fs::read(home.file()).unwrap();
    for byte in bytes.iter_mut().skip(100).take(4000) {
        *byte = 0xAA;
    }
    std::fs::write(home.file(), bytes).unwrap();
    let words = refused(home.options()).await;
    assert!(words.contains("damaged, or is not a database"), "{words}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told() {
    let home = Home::sqlite();
    let path = home.file().parent().unwrap().join("missing").join("countersign.db");
    let words = refused(Options { place: Place::Sqlite(path), instance: "node".to_owned() }).await;
    assert!(words.contains("Does the folder exist"), "{words}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_its_password() {
    let place = Place::Postgres { url: "postgres://someone:hush@127.0.0.1:1/desk".to_owned(), schema: None };
    let words = refused(Options { place, instance: "node".to_owned() }).await;
    assert!(words.contains("desk on 127.0.0.1:1") && words.contains("cannot be reached"), "{words}");
    assert!(!words.contains("hush"), "{words}");
    let place = Place::Postgres { url: "mysql://x:hush@y".to_owned(), schema: None };
    let words = refused(Options { place, instance: "node".to_owned() }).await;
    assert!(!words.contains("hush"), "{words}");
    let place = Place::Postgres { url: "postgres://127.0.0.1:1/desk".to_owned(), schema: Some("a; b".to_owned()) };
    assert!(refused(Options { place, instance: "node".to_owned() }).await.contains("lower-case letters"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_create_the_tables_at_once() {
    let Some(home) = Home::postgres().await else { return };
    let (one, two) = tokio::join!(Store::open(home.options(), NOW), Store::open(home.options(), NOW));
    one.unwrap().ping().await.unwrap();
    two.unwrap().ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_whose_connection_was_cut_gets_a_new_one() {
    let Some(home) = Home::postgres().await else { return };
    let store = home.open().await;
    let desk = Desk::set_up(&store, "Sample Dental Group").await;
    let one = desk.accept(&store, "one").await;
    // As a restart of the server would.
    let cut =
        home.column("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = current_schema()");
    assert!(!cut.await.is_empty());
    let two = desk.accept(&store, "two").await;
    assert_ne!(one.id, two.id);
    store.secret("any").await.unwrap();
    assert_eq!(assert_sound(&store).await, 2);
}
