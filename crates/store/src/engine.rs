//! Two engines, one text: connections that run the same statement on SQLite or PostgreSQL.

use std::{borrow::Cow, future::ready};

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use sqlx::{
    ColumnIndex, Decode, Executor as _, FromRow, Postgres, Row, Sqlite, Type, migrate::Migrator, pool::PoolConnection,
    postgres::PgRow, sqlite::SqliteRow,
};

use crate::{
    Error, Result,
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

/// A connection as its pool gives it.
pub(crate) enum Engine {
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
    pub(crate) fn new(engine: Engine) -> Self {
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

    /// True where statements were left for later, so that a failure of the commit may be theirs.
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Place,
        pools::{Pools, newest_schema},
    };

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
