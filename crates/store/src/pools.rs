//! Where connections come from: opening either engine, its pools, and its tables.
//!
//! Called when a store is opened. Not for: what runs on a connection, see [`engine`](crate::engine). The decision a reader
//! would undo: SQLite has one writer and a lock on its file beside it, so that no other process writes there.

use std::{borrow::Cow, fs::File, path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool, SqlitePool,
    migrate::MigrateError,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Error, Place, Result,
    engine::{Conn, Engine},
};

/// The pools of one engine: connections that read, and those that writer tasks own.
#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres { readers: PgPool, writers: PgPool },
}

/// Writers of a PostgreSQL node; SQLite has one.
const POSTGRES_WRITERS: u32 = 4;
/// Connections that read.
const READERS: u32 = 4;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 500;
/// Rows that SQLite's thread reads ahead: each time that it has to wait for room, two threads are woken.
const ROWS_AHEAD: usize = 1024;
/// How long a reader waits for a connection.
const READER_WAIT: Duration = Duration::from_secs(10);
/// How long a writer waits for a new connection in the place of a lost one, before it answers its callers.
const WRITER_WAIT: Duration = Duration::from_secs(2);

fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

/// The last migration that this program knows.
pub(crate) fn newest_schema() -> i64 {
    sqlx::migrate!("./migrations").iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Pools {
    pub(crate) async fn open(place: &Place) -> Result<Self> {
        if let Place::Postgres { schema: Some(schema), .. } = place
            && !schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        {
            return Err(place.error("a schema's name is made of lower-case letters, digits and _".to_owned()));
        }
        let opened = match place {
            Place::Sqlite(path) => Self::open_sqlite(path).await,
            Place::Postgres { url, schema } => Self::open_postgres(url, schema.as_deref()).await,
        };
        opened.map_err(|error| place.error(sentence(&error)))
    }

    /// Opens a database beside a server that has it, to read: no lock, no file made.
    pub(crate) async fn open_to_read(place: &Place) -> Result<Self> {
        let opened = match place {
            Place::Sqlite(path) => {
                let options = sqlite(path).create_if_missing(false);
                let pool = SqlitePoolOptions::new().test_before_acquire(false).max_connections(1);
                pool.connect_with(options).await.map(|readers| Self::Sqlite { writer: readers.clone(), readers })
            }
            Place::Postgres { .. } => return Self::open(place).await,
        };
        opened.map_err(|error| place.error(sentence(&error)))
    }

    async fn open_sqlite(path: &Path) -> sqlx::Result<Self> {
        let options = sqlite(path);
        let pool = SqlitePoolOptions::new().test_before_acquire(false);
        let writer = pool.clone().max_connections(1).connect_with(options.clone()).await?;
        let readers = pool.max_connections(READERS).connect_lazy_with(options.create_if_missing(false).read_only(true));
        Ok(Self::Sqlite { readers, writer })
    }

    async fn open_postgres(url: &str, schema: Option<&str>) -> sqlx::Result<Self> {
        let mut options: PgConnectOptions = url.parse()?;
        options = options
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging()
            .options([("plan_cache_mode", "force_custom_plan")]);
        // A connection outside of the pools first: they would wait for a server that is not there, and not say why.
        let mut first = options.connect().await?;
        if let Some(schema) = schema {
            let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
            if let Err(error) = sqlx::query(AssertSqlSafe(create)).execute(&mut first).await {
                // Another node may have made it in the same moment.
                let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
                if !matches!(code.as_deref(), Some("23505" | "42P06")) {
                    return Err(error);
                }
            }
            options = options.options([("search_path", schema)]);
        }
        first.close().await?;
        let pool = PgPoolOptions::new();
        Ok(Self::Postgres {
            readers: pool
                .clone()
                .max_connections(READERS)
                .acquire_timeout(READER_WAIT)
                .connect_lazy_with(options.clone().options([("default_transaction_read_only", "on")])),
            writers: pool.max_connections(POSTGRES_WRITERS).acquire_timeout(WRITER_WAIT).connect_lazy_with(options),
        })
    }

    /// Creates the tables or brings them up to date.
    pub(crate) async fn migrate(&self, place: &Place) -> Result<()> {
        let mut migrations = sqlx::migrate!("./migrations");
        // No advisory lock, which not every server has: of two nodes that start together one fails, and finds it done.
        migrations.set_locking(false);
        let mut outcome = Ok(());
        // Each failure of two such nodes is a step of the other, so that there are no more of them than migrations.
        for _ in 0..2 + migrations.iter().count() {
            outcome = match self {
                Self::Sqlite { writer, .. } => migrations.run(writer).await,
                Self::Postgres { writers, .. } => migrations.run(writers).await,
            };
            if outcome.is_ok() || matches!(outcome, Err(MigrateError::VersionMissing(_))) {
                break;
            }
        }
        outcome.map_err(|error| {
            place.error(match error {
                MigrateError::VersionMissing(_) => {
                    "a newer Countersign has written it. Start that one, or restore a backup from before it".to_owned()
                }
                MigrateError::Execute(error) => sentence(&error),
                other => format!("its tables cannot be brought up to date: {other}"),
            })
        })
    }

    pub(crate) async fn reader(&self) -> Result<Conn> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Conn::new(Engine::Sqlite(readers.acquire().await?)),
            Self::Postgres { readers, .. } => Conn::new(Engine::Postgres(readers.acquire().await?)),
        })
    }

    /// How many writers there are.
    pub(crate) const fn writers(&self) -> u32 {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres { .. } => POSTGRES_WRITERS,
        }
    }

    /// A connection that a writer task owns.
    pub(crate) async fn writer(&self) -> Result<Conn> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Conn::new(Engine::Sqlite(writer.acquire().await?)),
            Self::Postgres { writers, .. } => Conn::new(Engine::Postgres(writers.acquire().await?)),
        })
    }

    /// Closes every connection, those in use when they come back.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { readers, writers } => {
                readers.close().await;
                writers.close().await;
            }
        }
    }
}

impl Place {
    fn error(&self, why: String) -> Error {
        let place = match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres { url, schema } => match url.parse::<PgConnectOptions>() {
                Ok(options) => format!(
                    "{}{} on {}:{}",
                    options.get_database().unwrap_or("of the account's name"),
                    schema.as_ref().map(|schema| format!(" (schema {schema})")).unwrap_or_default(),
                    options.get_host(),
                    options.get_port()
                ),
                Err(_) => "at the PostgreSQL address of the configuration".to_owned(),
            },
        };
        Error::Open { place, why }
    }
}

/// What stood against opening, for people.
fn sentence(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code().map(Cow::into_owned));
    match (error, code.as_deref()) {
        // SQLITE_CORRUPT and SQLITE_NOTADB.
        (_, Some("11" | "26")) => {
            "the file is damaged, or is not a database. Restore a backup, or name another file".to_owned()
        }
        (sqlx::Error::Io(error), _) => format!("the server cannot be reached: {error}"),
        (sqlx::Error::Configuration(error), _) => format!("the address is not one of PostgreSQL: {error}"),
        (error, _) => error.to_string(),
    }
}

/// Locks a database file for this process, by a file beside it.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let open = |why: String| Error::Open { place: path.display().to_string(), why };
    let lock_path = path.with_extension("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(|error| {
        open(format!(
            "its lock {} cannot be opened: {error}. Does the folder exist, and may this account write there?",
            lock_path.display()
        ))
    })?;
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => {
            open("another Countersign process has it open. Stop that one, or name another data folder".to_owned())
        }
        std::fs::TryLockError::Error(error) => open(format!("its lock cannot be taken: {error}")),
    })?;
    Ok(file)
}
