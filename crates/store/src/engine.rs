//! Two engines, one text: connections that run the same statement on SQLite or PostgreSQL.

use std::{fs::File, path::Path, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, FromRow, PgPool, Postgres, Sqlite, SqlitePool,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use crate::{Error, Place, Result};

/// Runs the same expression for either engine's connection.
macro_rules! on {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            Conn::Sqlite($c) => $body,
            Conn::Postgres($c) => $body,
        }
    };
}

/// One value bound to a statement.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}
impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}
impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}
impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}
impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}
impl From<countersign_domain::time::Time> for Arg {
    fn from(value: countersign_domain::time::Time) -> Self {
        Self::Int(Some(value.0))
    }
}
impl From<Option<countersign_domain::time::Time>> for Arg {
    fn from(value: Option<countersign_domain::time::Time>) -> Self {
        Self::Int(value.map(|time| time.0))
    }
}

/// A statement with its values.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    text: Text,
    args: Vec<Arg>,
}

#[derive(Debug, Clone)]
enum Text {
    Fixed(&'static str),
    Shared(Arc<str>),
    Built(String),
}

impl Query {
    /// A fixed text with `$1`, `$2`…
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: Text::Fixed(text), args: Vec::new() }
    }

    /// A text that was built before and is used often.
    pub(crate) fn shared(text: Arc<str>) -> Self {
        Self { text: Text::Shared(text), args: Vec::new() }
    }

    /// A text that is put together piece by piece with [`Query::push`] and [`Query::arg`].
    pub(crate) fn build(start: &str) -> Self {
        Self { text: Text::Built(start.to_owned()), args: Vec::new() }
    }

    /// Binds the next value of a fixed text.
    pub(crate) fn bind(mut self, value: impl Into<Arg>) -> Self {
        self.args.push(value.into());
        self
    }

    /// Binds the next value of a fixed text, for use in loops.
    pub(crate) fn add(&mut self, value: impl Into<Arg>) {
        self.args.push(value.into());
    }

    /// Appends to a built text.
    pub(crate) fn push(&mut self, piece: &str) -> &mut Self {
        if let Text::Built(text) = &mut self.text {
            text.push_str(piece);
        }
        self
    }

    /// Appends a place for a value to a built text, and binds it.
    pub(crate) fn arg(&mut self, value: impl Into<Arg>) -> &mut Self {
        self.args.push(value.into());
        let place = format!("${}", self.args.len());
        self.push(&place)
    }

    /// Appends `(value, value, …)`; nothing matches an empty list.
    pub(crate) fn list<T: Into<Arg>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        self.push("(");
        let mut first = true;
        for value in values {
            if !first {
                self.push(", ");
            }
            first = false;
            self.arg(value);
        }
        if first {
            self.push("NULL");
        }
        self.push(")")
    }

    fn sql(&self) -> sqlx::SqlStr {
        use sqlx::SqlSafeStr as _;
        match &self.text {
            Text::Fixed(text) => text.into_sql_str(),
            Text::Shared(text) => AssertSqlSafe(text.clone()).into_sql_str(),
            Text::Built(text) => AssertSqlSafe(text.clone()).into_sql_str(),
        }
    }
}

/// A row that can be read on both engines.
pub(crate) trait Record: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}
impl<T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>> Record for T {}

/// A connection of either engine.
pub(crate) enum Conn {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

macro_rules! bound {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for arg in $args {
            query = match arg {
                Arg::Text(value) => query.bind(value.clone()),
                Arg::Int(value) => query.bind(*value),
            };
        }
        query
    }};
}

impl Conn {
    /// Runs a statement; the number of rows it touched.
    pub(crate) async fn execute(&mut self, query: &Query) -> Result<u64> {
        on!(self, c => Ok(bound!(sqlx::query(query.sql()), &query.args).execute(&mut **c).await?.rows_affected()))
    }

    /// Runs a statement for all its rows.
    pub(crate) async fn all<T: Record>(&mut self, query: &Query) -> Result<Vec<T>> {
        on!(self, c => Ok(bound!(sqlx::query_as::<_, T>(query.sql()), &query.args).fetch_all(&mut **c).await?))
    }

    /// Runs a statement for its first row.
    pub(crate) async fn one<T: Record>(&mut self, query: &Query) -> Result<Option<T>> {
        on!(self, c => Ok(bound!(sqlx::query_as::<_, T>(query.sql()), &query.args).fetch_optional(&mut **c).await?))
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        let text = match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        };
        self.execute(&Query::new(text)).await.map(|_| ())
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// The pools of one engine.
pub(crate) enum Pools {
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres(PgPool),
}

/// Writers of a PostgreSQL node; SQLite has one.
const POSTGRES_WRITERS: usize = 4;
/// Connections that read.
const READERS: u32 = 4;

fn open_error(place: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Error {
    let place = place.into();
    move |error| Error::Open { place, why: error.to_string() }
}

impl Pools {
    pub(crate) async fn open(place: &Place) -> Result<(Self, Option<File>)> {
        match place {
            Place::Sqlite(path) => {
                let lock = lock(path)?;
                let shown = path.display().to_string();
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(5))
                    .statement_cache_capacity(200)
                    .disable_statement_logging();
                let writer = SqlitePoolOptions::new()
                    .max_connections(1)
                    .connect_with(options.clone())
                    .await
                    .map_err(open_error(shown.clone()))?;
                let readers = SqlitePoolOptions::new()
                    .max_connections(READERS)
                    .connect_lazy_with(options.create_if_missing(false).read_only(true));
                Ok((Self::Sqlite { readers, writer }, Some(lock)))
            }
            Place::Postgres { url, schema } => {
                let mut options: PgConnectOptions = url
                    .parse()
                    .map_err(|error: sqlx::Error| Error::Open { place: "PostgreSQL".into(), why: error.to_string() })?;
                options = options.disable_statement_logging().options([("plan_cache_mode", "force_custom_plan")]);
                if let Some(schema) = schema {
                    options = options.options([("search_path", schema.as_str())]);
                }
                let shown = format!("{} on {}", options.get_database().unwrap_or("postgres"), options.get_host());
                let writers = u32::try_from(POSTGRES_WRITERS).unwrap_or(4);
                let pool = PgPoolOptions::new()
                    .max_connections(READERS + writers)
                    .acquire_timeout(Duration::from_secs(10))
                    .connect_with(options)
                    .await
                    .map_err(open_error(shown))?;
                Ok((Self::Postgres(pool), None))
            }
        }
    }

    pub(crate) async fn migrate(&self) -> Result<()> {
        static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
        let outcome = match self {
            Self::Sqlite { writer, .. } => MIGRATIONS.run(writer).await,
            Self::Postgres(pool) => MIGRATIONS.run(pool).await,
        };
        outcome.map_err(|error| Error::Open {
            place: match self {
                Self::Sqlite { .. } => "file".to_owned(),
                Self::Postgres(_) => "server".to_owned(),
            },
            why: format!("its tables cannot be brought up to date: {error}"),
        })
    }

    pub(crate) async fn reader(&self) -> Result<Conn> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Conn::Sqlite(readers.acquire().await?),
            Self::Postgres(pool) => Conn::Postgres(pool.acquire().await?),
        })
    }

    /// The connections that writer tasks own.
    pub(crate) async fn writers(&self) -> Result<Vec<Conn>> {
        match self {
            Self::Sqlite { writer, .. } => Ok(vec![Conn::Sqlite(writer.acquire().await?)]),
            Self::Postgres(pool) => {
                let mut conns = Vec::new();
                for _ in 0..POSTGRES_WRITERS {
                    conns.push(Conn::Postgres(pool.acquire().await?));
                }
                Ok(conns)
            }
        }
    }
}

/// Locks the folder of a database file for this process.
fn lock(path: &Path) -> Result<File> {
    let open = |why: String| Error::Open { place: path.display().to_string(), why };
    let lock_path = path.with_extension("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(|error| {
        open(format!("its lock {} cannot be opened: {error}. Does the folder exist, and may this account write there?", lock_path.display()))
    })?;
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => {
            open("another Countersign process has it open. Stop that one, or name another data folder".to_owned())
        }
        std::fs::TryLockError::Error(error) => open(format!("its lock cannot be taken: {error}")),
    })?;
    Ok(file)
}
