//! Two engines, one text: connections that run the same statement on SQLite or PostgreSQL.

use std::{borrow::Cow, fs::File, future::ready, path::Path, time::Duration};

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use sqlx::{
    AssertSqlSafe, ColumnIndex, ConnectOptions as _, Connection as _, Decode, Executor as _, FromRow, PgPool, Postgres,
    Row, Sqlite, SqlitePool, Type,
    migrate::{MigrateError, Migrator},
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use crate::{
    Error, Place, Result,
    query::{Arg, Dialect, Query},
};

/// Runs the same expression for either engine's connection.
macro_rules! on {
    ($engine:expr, $c:ident => $body:expr) => {
        match $engine {
            Engine::Sqlite($c) => $body,
            Engine::Postgres($c) => $body,
        }
    };
}

/// A row that can be read on both engines.
pub(crate) trait Record: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}
impl<T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>> Record for T {}

/// The columns of any row whose columns are all read as text.
pub(crate) struct Cells(pub(crate) Vec<Option<String>>);

impl<'r, R: Row> FromRow<'r, R> for Cells
where
    usize: ColumnIndex<R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        (0..row.len()).map(|place| row.try_get(place)).collect::<sqlx::Result<_>>().map(Self)
    }
}

/// A column of a table.
pub(crate) struct Column {
    pub(crate) name: String,
    number: bool,
}

impl Column {
    /// A value that was read as text, as JSON.
    pub(crate) fn value(&self, cell: Option<String>) -> Result<serde_json::Value> {
        match cell {
            None => Ok(serde_json::Value::Null),
            Some(cell) if self.number => {
                let number: i64 = cell.parse().map_err(|error| Error::corrupt(&self.name, error))?;
                Ok(number.into())
            }
            Some(cell) => Ok(cell.into()),
        }
    }

    /// A JSON value as one to bind; none where it is of another kind.
    pub(crate) fn arg(&self, value: serde_json::Value) -> Option<Arg> {
        match value {
            serde_json::Value::Null if self.number => Some(Arg::Int(None)),
            serde_json::Value::Null => Some(Arg::Text(None)),
            serde_json::Value::String(text) if !self.number => Some(Arg::from(text)),
            serde_json::Value::Number(number) if self.number => Some(Arg::Int(Some(number.as_i64()?))),
            _ => None,
        }
    }
}

/// A connection of either engine.
pub(crate) struct Conn {
    engine: Engine,
    /// A statement failed since the transaction began.
    failed: bool,
    /// What SQLite is given with the next statement: nothing waits for the outcome of these.
    held: Vec<Query>,
    /// How the transaction begins that SQLite is not told of yet.
    begin: Option<Query>,
}

enum Engine {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

macro_rules! bound {
    ($run:expr, $query:expr) => {{
        let mut query = $run;
        for arg in $query.values() {
            query = match arg {
                Arg::Text(value) => query.bind(value.clone()),
                Arg::Int(value) => query.bind(*value),
            };
        }
        query
    }};
}

impl Conn {
    fn new(engine: Engine) -> Self {
        Self { engine, failed: false, held: Vec::new(), begin: None }
    }

    fn dialect(&self) -> Dialect {
        if self.is_postgres() { Dialect::Postgres } else { Dialect::Sqlite }
    }

    fn outcome<T>(&mut self, outcome: sqlx::Result<T>) -> Result<T> {
        self.failed |= outcome.is_err();
        Ok(outcome?)
    }

    /// What goes to the engine: the statement, behind those that were held.
    async fn message<'q>(&mut self, query: &'q Query) -> Result<Cow<'q, Query>> {
        let mut queries: Vec<Query> = self.begin.take().into_iter().chain(self.held.drain(..)).collect();
        if queries.is_empty() {
            return Ok(Cow::Borrowed(query));
        }
        queries.push(query.clone());
        if let Some(together) = Query::together(&queries) {
            return Ok(Cow::Owned(together));
        }
        for held in queries.iter().take(queries.len() - 1) {
            self.run(held).await?;
        }
        Ok(Cow::Borrowed(query))
    }

    /// Runs what is to be given to the engine as it is; the number of rows that the last statement touched.
    async fn run(&mut self, query: &Query) -> Result<u64> {
        let dialect = self.dialect();
        let outcome = on!(&mut self.engine, c => {
            let ends = (&mut **c).fetch_many(bound!(sqlx::query(query.sql(dialect)), query));
            ends.try_fold(0, |rows, end| ready(Ok(end.left().map_or(rows, |done| done.rows_affected())))).await
        });
        self.outcome(outcome)
    }

    /// Runs a statement; the number of rows it touched.
    pub(crate) async fn execute(&mut self, query: &Query) -> Result<u64> {
        let message = self.message(query).await?;
        self.run(&message).await
    }

    /// Runs a statement before the next one, or before the end of the transaction: its failure is the failure of that.
    pub(crate) async fn execute_later(&mut self, query: Query) -> Result<()> {
        if self.is_postgres() {
            return self.run(&query).await.map(|_| ());
        }
        self.held.push(query);
        Ok(())
    }

    /// Runs what was left for later.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        match self.held.pop() {
            Some(last) => self.execute(&last).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// All rows of a statement.
    pub(crate) async fn all<T: Record>(&mut self, query: &Query) -> Result<Vec<T>> {
        let query = self.message(query).await?;
        let dialect = self.dialect();
        let outcome = on!(&mut self.engine, c => {
            bound!(sqlx::query_as::<_, T>(query.sql(dialect)), query).fetch_all(&mut **c).await
        });
        self.outcome(outcome)
    }

    /// All rows of a statement that has a great many. They come in one text: row by row, each value would be copied for the
    /// thread that reads it, which costs several times what finding it does. `columns` names the statement's columns in the
    /// order of the fields of `T`; a field that has fields of its own is an `ARRAY(…)` of them.
    pub(crate) async fn packed<T: DeserializeOwned>(&mut self, query: &Query, columns: &str) -> Result<Vec<T>> {
        let packed = query.packed(columns, self.dialect());
        let Some((Some(rows),)) = self.one::<(Option<String>,)>(&packed).await? else { return Ok(Vec::new()) };
        serde_json::from_str(&rows).map_err(|error| Error::corrupt("rows", error))
    }

    /// The first row of a statement, if there is one.
    pub(crate) async fn one<T: Record>(&mut self, query: &Query) -> Result<Option<T>> {
        let query = self.message(query).await?;
        let dialect = self.dialect();
        let outcome = on!(&mut self.engine, c => {
            bound!(sqlx::query_as::<_, T>(query.sql(dialect)), query).fetch_optional(&mut **c).await
        });
        self.outcome(outcome)
    }

    /// Gives the rows of a statement to `each` as they come, until it answers false.
    pub(crate) async fn for_each<T: Record>(
        &mut self,
        query: &Query,
        mut each: impl FnMut(T) -> bool + Send,
    ) -> Result<()> {
        let query = self.message(query).await?;
        let dialect = self.dialect();
        let outcome = on!(&mut self.engine, c => {
            let mut rows = bound!(sqlx::query_as::<_, T>(query.sql(dialect)), query).fetch(&mut **c);
            loop {
                match rows.try_next().await {
                    Ok(Some(row)) => {
                        if !each(row) {
                            break Ok(());
                        }
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            }
        });
        self.outcome(outcome)
    }

    /// The names of all tables.
    pub(crate) async fn tables(&mut self) -> Result<Vec<String>> {
        let text = if self.is_postgres() {
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        };
        Ok(self.all::<(String,)>(&Query::new(text)).await?.into_iter().map(|(name,)| name).collect())
    }

    /// The columns of a table. A schema has only texts and numbers.
    pub(crate) async fn columns(&mut self, table: &str) -> Result<Vec<Column>> {
        let text = if self.is_postgres() {
            "SELECT CAST(column_name AS TEXT), LOWER(CAST(data_type AS TEXT)) FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        } else {
            "SELECT name, LOWER(type) FROM pragma_table_info($1) ORDER BY cid"
        };
        let columns: Vec<(String, String)> = self.all(&Query::new(text).bind(table)).await?;
        Ok(columns.into_iter().map(|(name, kind)| Column { name, number: kind == "bigint" }).collect())
    }

    /// The last migration that was made.
    pub(crate) async fn schema_version(&mut self) -> Result<i64> {
        let query = Query::new("SELECT MAX(version) FROM _sqlx_migrations");
        Ok(self.one::<(Option<i64>,)>(&query).await?.and_then(|(version,)| version).unwrap_or(0))
    }

    /// Creates the tables as they were at a version, or brings them up to it, as a part of the transaction that runs.
    pub(crate) async fn migrate_to(&mut self, version: i64) -> Result<()> {
        if let Some(begin) = self.begin.take() {
            self.run(&begin).await?;
        }
        self.flush().await?;
        let all = sqlx::migrate!("./migrations");
        let mut migrations: Vec<_> = all.iter().filter(|migration| migration.version <= version).cloned().collect();
        for migration in &mut migrations {
            migration.no_tx = true;
        }
        let mut migrator = Migrator::with_migrations(migrations);
        migrator.set_locking(false);
        let outcome = on!(&mut self.engine, c => migrator.run_direct(None, &mut **c, false).await);
        self.failed |= outcome.is_err();
        outcome.map_err(|error| Error::Database(Box::new(error)))
    }

    /// Begins a transaction that reads what stands at one moment, whatever is written meanwhile.
    pub(crate) async fn begin_snapshot(&mut self) -> Result<()> {
        let text = match self.engine {
            // The moment is that of the first read.
            Engine::Sqlite(_) => "BEGIN",
            Engine::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.execute(&Query::new(text)).await.map(|_| ())
    }

    /// Begins a transaction that may write. SQLite is told so with the first statement.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        self.failed = false;
        if self.is_postgres() {
            return self.execute(&Query::new("BEGIN")).await.map(|_| ());
        }
        self.begin = Some(Query::new("BEGIN IMMEDIATE"));
        Ok(())
    }

    /// Keeps the transaction, unless one of its statements failed and the failure was passed over: PostgreSQL would
    /// answer such a COMMIT with a silent rollback.
    pub(crate) async fn commit(&mut self) -> Result<()> {
        if self.failed {
            return Err(Error::Database("a statement of the transaction had failed".into()));
        }
        self.execute(&Query::new("COMMIT")).await.map(|_| ())
    }

    /// Gives the transaction up. False if the connection cannot be used any more.
    pub(crate) async fn roll_back(&mut self) -> bool {
        self.held.clear();
        if self.begin.take().is_some() {
            return true;
        }
        match self.execute(&Query::new("ROLLBACK")).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "a failed transaction could not be rolled back; its connection is given up");
                false
            }
        }
    }

    /// Closes the connection instead of giving it back.
    pub(crate) fn discard(self) {
        on!(self.engine, c => drop(c.detach()));
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    async fn conn() -> (tempfile::TempDir, Conn) {
        let folder = tempfile::tempdir().unwrap();
        let pools = Pools::open(&Place::Sqlite(folder.path().join("sample.db"))).await.unwrap();
        let mut conn = pools.writer().await.unwrap();
        conn.execute(&Query::new("CREATE TABLE sample (name TEXT PRIMARY KEY, n BIGINT)")).await.unwrap();
        (folder, conn)
    }

    fn insert(name: &str) -> Query {
        Query::new("INSERT INTO sample (name, n) VALUES ($1, $2)").bind(name).bind(1_i64)
    }

    async fn names(conn: &mut Conn) -> Vec<String> {
        let rows: Vec<(String,)> = conn.all(&Query::new("SELECT name FROM sample ORDER BY name")).await.unwrap();
        rows.into_iter().map(|(name,)| name).collect()
    }

    #[tokio::test]
    async fn what_was_left_for_later_is_there_for_the_next_statement_and_not_in_its_count() {
        let (_folder, mut conn) = conn().await;
        conn.begin().await.unwrap();
        conn.execute_later(insert("one")).await.unwrap();
        conn.execute_later(insert("two")).await.unwrap();
        let update = Query::new("UPDATE sample SET n = $1 WHERE name = $2").bind(2_i64).bind("two");
        assert_eq!(conn.execute(&update).await.unwrap(), 1);
        conn.execute_later(insert("three")).await.unwrap();
        let two = Query::new("SELECT n FROM sample WHERE name = $1").bind("two");
        assert_eq!(conn.one::<(i64,)>(&two).await.unwrap(), Some((2,)));
        conn.execute_later(insert("four")).await.unwrap();
        conn.commit().await.unwrap();
        assert_eq!(names(&mut conn).await, ["four", "one", "three", "two"]);
    }

    #[tokio::test]
    async fn places_in_another_order_go_alone_behind_what_was_left_for_later() {
        let (_folder, mut conn) = conn().await;
        conn.begin().await.unwrap();
        conn.execute_later(insert("one")).await.unwrap();
        let query = Query::new("SELECT name, $1 FROM sample WHERE name = $1").bind("one");
        assert_eq!(conn.all::<(String, String)>(&query).await.unwrap(), [("one".to_owned(), "one".to_owned())]);
        conn.commit().await.unwrap();
        assert_eq!(names(&mut conn).await, ["one"]);
    }

    #[tokio::test]
    async fn a_failure_of_what_was_left_for_later_fails_the_transaction() {
        let (_folder, mut conn) = conn().await;
        for by_commit in [true, false] {
            conn.begin().await.unwrap();
            conn.execute_later(insert("one")).await.unwrap();
            conn.execute_later(insert("one")).await.unwrap();
            let outcome = if by_commit { conn.commit().await } else { conn.execute(&insert("two")).await.map(|_| ()) };
            assert!(matches!(outcome, Err(Error::Taken)), "{outcome:?}");
            assert!(conn.commit().await.is_err(), "a transaction that failed is not kept");
            assert!(conn.roll_back().await);
            assert!(names(&mut conn).await.is_empty());
        }
    }

    #[tokio::test]
    async fn what_was_left_for_later_goes_with_its_transaction() {
        let (_folder, mut conn) = conn().await;
        conn.begin().await.unwrap();
        assert!(conn.roll_back().await, "nothing had begun");
        conn.begin().await.unwrap();
        conn.execute_later(insert("one")).await.unwrap();
        assert!(conn.roll_back().await, "nothing had begun");
        conn.begin().await.unwrap();
        conn.execute(&insert("two")).await.unwrap();
        conn.execute_later(insert("three")).await.unwrap();
        assert!(conn.roll_back().await);
        conn.begin().await.unwrap();
        conn.commit().await.unwrap();
        assert!(names(&mut conn).await.is_empty());
    }

    #[tokio::test]
    async fn tables_that_are_made_in_a_transaction_go_with_it() {
        let (_folder, mut conn) = conn().await;
        conn.begin().await.unwrap();
        conn.migrate_to(newest_schema()).await.unwrap();
        assert!(conn.tables().await.unwrap().len() > 10);
        assert!(conn.roll_back().await);
        assert_eq!(conn.tables().await.unwrap(), ["sample"]);
    }
}
