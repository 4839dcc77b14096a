//! Backup and restore: every table as one file of lines, read at one moment, the same for both engines.
//!
//! The first line says what the file is, then each table names its columns and gives its rows as JSON arrays; the last
//! line holds their number and a SHA-256 of all that stands before it, so that a file that was cut is never restored.
//! Secrets stay sealed: the key is not in the database. Called by the server's commands `backup` and `restore`, beside
//! a server that runs. The decision a reader would undo: what was not finished when the backup was taken is in doubt
//! after a restore, because the other side may have seen its end; it is looked for before anything is sent.

use std::{
    collections::HashMap,
    io::{BufRead, Read as _, Write},
};

use countersign_domain::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    Error, Place, Result,
    engine::{self, Cells, Conn},
    pools::{self, Pools},
    query::Query,
};

/// The form of the file. A change that older programs cannot read raises it.
const FORM: u32 = 1;
/// Our tables, each after those that it refers to. Another program's may stand beside them.
const TABLES: [&str; 22] = [
    "companies",
    "locations",
    "technicians",
    "alerts",
    "attempts",
    "audit",
    "checkpoints",
    "computers",
    "contacts",
    "enrollment_keys",
    "former_tickets",
    "links",
    "looks",
    "requests",
    "secrets",
    "settings",
    "steps",
    "tickets",
    "tokens",
    SIGN_IN_LINKS,
    PORTAL_SESSIONS,
    NODES,
];
const SIGN_IN_LINKS: &str = "sign_in_links";
const PORTAL_SESSIONS: &str = "portal_sessions";
const NODES: &str = "nodes";
/// Made by the migrations themselves, by every program that has such.
const MIGRATIONS: &str = "_sqlx_migrations";
/// What tells of processes that run and of people who are signed in: a restore would bring back what was ended since.
const LEFT_OUT: [&str; 3] = [SIGN_IN_LINKS, PORTAL_SESSIONS, NODES];
/// Rows of one statement.
const ROWS: usize = 100;
/// The longest line, in bytes.
const LINE: u64 = 64 * 1024 * 1024;

/// The first line of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file.
    pub countersign_backup: u32,
    /// When it was taken, RFC 3339.
    pub taken_at: String,
    /// The version of the program that took it.
    pub version: String,
    /// The last migration of the database.
    pub schema: i64,
}

#[derive(Serialize, Deserialize)]
struct TableLine {
    table: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    rows: u64,
    sha256: String,
}

/// How many rows a table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCount {
    /// Its name.
    pub table: String,
    /// How many.
    pub rows: u64,
}

/// What a backup is restored over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// A database without a row.
    Empty,
    /// Whatever is there, which is removed.
    Anything,
}

/// Why a backup was not taken or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database failed, or cannot be opened.
    #[error(transparent)]
    Store(#[from] Error),
    /// The file cannot be read or written.
    #[error("the file: {0}")]
    File(#[from] std::io::Error),
    /// There is no database to take a backup of.
    #[error("there is no database of Countersign at {0}")]
    NoDatabase(String),
    /// It is not a backup.
    #[error("this is not a backup of Countersign: {0}")]
    Foreign(String),
    /// Something of it is missing or was changed.
    #[error("the backup is damaged: {0}. Nothing was restored")]
    Damaged(String),
    /// A newer program took it.
    #[error(
        "the backup was taken by Countersign {version}, which is newer than this program. Restore it with that one"
    )]
    Newer {
        /// That program's version.
        version: String,
    },
    /// The tables are not ours.
    #[error(
        "its tables are another program's, or were not made to their end: of {MIGRATIONS} and settings there is only one. \
         Name another database or schema"
    )]
    OtherTables,
    /// There is something already.
    #[error(
        "the database is not empty: {table} has {rows} rows. Name an empty one, or use --force to remove what is there"
    )]
    NotEmpty {
        /// A table with rows.
        table: String,
        /// How many.
        rows: i64,
    },
}

/// Writes and hashes.
struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    fn line(&mut self, line: &impl Serialize) -> Result<(), BackupError> {
        let mut bytes = serde_json::to_vec(line).map_err(std::io::Error::from)?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        Ok(self.out.write_all(&bytes)?)
    }
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(hex, "{byte:02x}");
        hex
    })
}

/// Writes everything that the database held at one moment; what each table had. Servers may run meanwhile.
///
/// # Errors
/// [`BackupError::NoDatabase`] where there is none, else when it cannot be read or the output cannot be written.
pub async fn backup<W: Write + Send>(
    place: &Place,
    out: W,
    now: Time,
    version: &str,
) -> Result<Vec<TableCount>, BackupError> {
    if let Place::Sqlite(path) = place
        && !path.is_file()
    {
        return Err(BackupError::NoDatabase(path.display().to_string()));
    }
    let pools = Pools::open_to_read(place).await?;
    let mut conn = pools.reader().await?;
    conn.begin_snapshot().await?;
    let written = write_all(&mut conn, out, now, version).await;
    conn.discard();
    pools.close().await;
    written
}

async fn write_all<W: Write + Send>(
    conn: &mut Conn,
    out: W,
    now: Time,
    version: &str,
) -> Result<Vec<TableCount>, BackupError> {
    let tables = ours(conn).await?;
    if tables.is_empty() {
        return Err(BackupError::NoDatabase("this address: it has no tables".to_owned()));
    }
    let schema = conn.schema_version().await?;
    let mut out = Hashed { out, hash: Sha256::new() };
    let taken_at = now.rfc3339();
    out.line(&Header { countersign_backup: FORM, taken_at, version: version.to_owned(), schema })?;
    let mut counts = Vec::new();
    for table in tables.into_iter().filter(|table| !LEFT_OUT.contains(table)) {
        let columns = conn.columns(table).await?;
        let names = columns.iter().map(|column| column.name.clone()).collect();
        out.line(&TableLine { table: table.to_owned(), columns: names })?;
        let mut rows = 0;
        let mut query = Query::build("SELECT ");
        for (place, column) in columns.iter().enumerate() {
            query.push(if place == 0 { "CAST(" } else { ", CAST(" }).push(&column.name).push(" AS TEXT)");
        }
        query.push(" FROM ").push(table);
        let mut failed = None;
        conn.for_each(&query, |Cells(cells)| {
            let values = cells.into_iter().zip(&columns).map(|(cell, column)| column.value(cell));
            let line: Result<Vec<Value>> = values.collect();
            if let Err(error) = line.map_err(BackupError::from).and_then(|line| out.line(&line)) {
                failed.get_or_insert(error);
                return false;
            }
            rows += 1;
            true
        })
        .await?;
        if let Some(error) = failed {
            return Err(error);
        }
        counts.push(TableCount { table: table.to_owned(), rows });
    }
    let rows = counts.iter().map(|count| count.rows).sum();
    let end = EndLine { rows, sha256: hex(out.hash.clone()) };
    out.line(&end)?;
    out.out.flush()?;
    Ok(counts)
}

/// Those of our tables that there are; none where the database has nothing of ours.
async fn ours(conn: &mut Conn) -> Result<Vec<&'static str>, BackupError> {
    let there = conn.tables().await?;
    let has = |table: &str| there.iter().any(|name| name == table);
    match (has(MIGRATIONS), has("settings")) {
        (true, true) => Ok(TABLES.into_iter().filter(|table| has(table)).collect()),
        (false, false) => Ok(Vec::new()),
        _ => Err(BackupError::OtherTables),
    }
}

/// The nodes that run on a PostgreSQL database: those whose beat moves while `wait` lasts, which must be longer than they
/// take from one beat to the next. It is only waited where there may be one. SQLite has its lock instead.
///
/// # Errors
/// When the database cannot be read.
pub async fn running_nodes(place: &Place, wait: impl AsyncFnOnce()) -> Result<Vec<String>, BackupError> {
    if matches!(place, Place::Sqlite(_)) {
        return Ok(Vec::new());
    }
    let pools = Pools::open_to_read(place).await?;
    let moved = async {
        let before: HashMap<String, i64> = beats(&pools).await?.into_iter().collect();
        if before.is_empty() {
            return Ok(Vec::new());
        }
        wait().await;
        let after = beats(&pools).await?.into_iter();
        Ok(after.filter(|(node, beat)| before.get(node) != Some(beat)).map(|(node, _)| node).collect())
    }
    .await;
    pools.close().await;
    moved
}

async fn beats(pools: &Pools) -> Result<Vec<(String, i64)>, BackupError> {
    let mut conn = pools.reader().await?;
    if !ours(&mut conn).await?.contains(&NODES) {
        return Ok(Vec::new());
    }
    Ok(conn.all(&Query::new("SELECT id, beat FROM nodes ORDER BY id")).await?)
}

/// One line of a backup, behind the first.
enum Line {
    Table(TableLine),
    Row(Vec<Value>),
    End(EndLine),
}

/// The lines of a backup, in order, each hashed as it is read.
struct Lines<R> {
    file: R,
    hash: Sha256,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(file: R) -> Self {
        Self { file, hash: Sha256::new(), number: 0 }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, BackupError> {
        let mut bytes = Vec::new();
        (&mut self.file).take(LINE).read_until(b'\n', &mut bytes)?;
        self.number += 1;
        Ok(bytes)
    }

    fn header(&mut self) -> Result<Header, BackupError> {
        let bytes = self.bytes()?;
        let header: Header = serde_json::from_slice(&bytes)
            .map_err(|_| BackupError::Foreign("its first line is another one than a backup begins with".to_owned()))?;
        if header.countersign_backup != FORM || header.schema > pools::newest_schema() {
            return Err(BackupError::Newer { version: header.version });
        }
        self.hash.update(&bytes);
        Ok(header)
    }

    fn line(&mut self) -> Result<Line, BackupError> {
        let bytes = self.bytes()?;
        let damaged = |why: &str| BackupError::Damaged(format!("line {}: {why}", self.number));
        if bytes.last() != Some(&b'\n') {
            return Err(damaged("the file ends before its end"));
        }
        if bytes.first() == Some(&b'[') {
            let row = serde_json::from_slice(&bytes).map_err(|_| damaged("it is no row"))?;
            self.hash.update(&bytes);
            return Ok(Line::Row(row));
        }
        if let Ok(table) = serde_json::from_slice::<TableLine>(&bytes) {
            self.hash.update(&bytes);
            return Ok(Line::Table(table));
        }
        let end: EndLine = serde_json::from_slice(&bytes).map_err(|_| damaged("it is neither table, row nor end"))?;
        if end.sha256 != hex(self.hash.clone()) {
            return Err(damaged("what stands before it was changed, its SHA-256 is another one"));
        }
        Ok(Line::End(end))
    }
}

/// Reads a backup to its end, and finds whether all of it is there.
///
/// # Errors
/// Which line is wrong, and why.
pub fn inspect(file: impl BufRead) -> Result<Header, BackupError> {
    let mut lines = Lines::new(file);
    let header = lines.header()?;
    let mut rows = 0;
    loop {
        match lines.line()? {
            Line::Table(_) => {}
            Line::Row(_) => rows += 1,
            Line::End(end) if end.rows == rows => return Ok(header),
            Line::End(end) => {
                return Err(BackupError::Damaged(format!("it has {rows} rows of {}", end.rows)));
            }
        }
    }
}

/// Restores a backup that [`inspect`] has found whole; what each table has now.
///
/// Removing what was there, and making and filling the tables, is one transaction on both engines: where anything fails,
/// the database stays as it was. The tables are made as they were when the backup was taken, and brought up to date after
/// it. What was not finished is in doubt since `now`. Nobody is signed in.
///
/// On PostgreSQL no server may run: see [`running_nodes`].
///
/// # Errors
/// [`BackupError::NotEmpty`] where rows would be lost, else what stood against it.
pub async fn restore(
    place: &Place,
    file: impl BufRead + Send,
    over: Over,
    now: Time,
) -> Result<(Header, Vec<TableCount>), BackupError> {
    // Held until all is written: no server may start meanwhile.
    let _lock = match place {
        Place::Sqlite(path) => Some(pools::lock(path)?),
        Place::Postgres { .. } => None,
    };
    let mut lines = Lines::new(file);
    let header = lines.header()?;
    let pools = Pools::open(place).await?;
    let restored = async {
        let mut conn = pools.writer().await?;
        conn.begin().await?;
        match replace(&mut conn, &mut lines, header.schema, over, now).await {
            Ok(counts) => {
                conn.commit().await?;
                Ok(counts)
            }
            Err(error) => {
                if !conn.roll_back().await {
                    conn.discard();
                }
                Err(error)
            }
        }
    }
    .await;
    pools.close().await;
    Ok((header, restored?))
}

async fn replace<R: BufRead>(
    conn: &mut Conn,
    lines: &mut Lines<R>,
    schema: i64,
    over: Over,
    now: Time,
) -> Result<Vec<TableCount>, BackupError> {
    clear(conn, over).await?;
    conn.migrate_to(schema).await?;
    let counts = fill(conn, lines).await?;
    conn.migrate_to(pools::newest_schema()).await?;
    doubt(conn, now).await?;
    Ok(counts)
}

/// Makes sure that nothing is lost, and removes our tables, which may be of another version.
async fn clear(conn: &mut Conn, over: Over) -> Result<(), BackupError> {
    let tables = ours(conn).await?;
    if over == Over::Empty {
        for &table in &tables {
            let mut query = Query::build("SELECT COUNT(*) FROM ");
            query.push(table);
            let rows = conn.one::<(i64,)>(&query).await?.map_or(0, |(rows,)| rows);
            if rows > 0 && table != NODES {
                return Err(BackupError::NotEmpty { table: table.to_owned(), rows });
            }
        }
    }
    let migrations = (!tables.is_empty()).then_some(MIGRATIONS);
    for table in tables.into_iter().rev().chain(migrations) {
        let mut query = Query::build("DROP TABLE ");
        query.push(table);
        conn.execute(&query).await?;
    }
    Ok(())
}

async fn fill<R: BufRead>(conn: &mut Conn, lines: &mut Lines<R>) -> Result<Vec<TableCount>, BackupError> {
    let mut counts: Vec<TableCount> = Vec::new();
    let mut columns = Vec::new();
    let mut waiting: Vec<Vec<Value>> = Vec::new();
    loop {
        let line = lines.line()?;
        let full = waiting.len() == ROWS;
        if let (true, Some(count)) = (full || !matches!(line, Line::Row(_)), counts.last_mut()) {
            count.rows += u64::try_from(waiting.len()).unwrap_or(u64::MAX);
            insert(conn, &count.table, &columns, std::mem::take(&mut waiting)).await?;
        }
        match line {
            Line::Row(row) => waiting.push(row),
            Line::Table(TableLine { table, columns: names }) => {
                if !TABLES.contains(&table.as_str()) || LEFT_OUT.contains(&table.as_str()) {
                    return Err(BackupError::Damaged(format!("its version has no table {table}")));
                }
                columns = conn.columns(&table).await?;
                // The order of what was added later is each engine's own.
                columns.sort_by_key(|column| names.iter().position(|name| *name == column.name));
                if !columns.iter().map(|column| &column.name).eq(&names) {
                    return Err(BackupError::Damaged(format!("its version has other columns in {table}")));
                }
                counts.push(TableCount { table, rows: 0 });
            }
            Line::End(_) => break,
        }
    }
    Ok(counts)
}

async fn insert(
    conn: &mut Conn,
    table: &str,
    columns: &[engine::Column],
    rows: Vec<Vec<Value>>,
) -> Result<(), BackupError> {
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut query = Query::build("INSERT INTO ");
    query.push(table).push(" (").push(&names.join(", ")).push(") VALUES ");
    for (nth, row) in rows.into_iter().enumerate() {
        if row.len() != columns.len() {
            return Err(BackupError::Damaged(format!("a row of {table} has {} values", row.len())));
        }
        query.push(if nth == 0 { "(" } else { ", (" });
        for (place, (value, column)) in row.into_iter().zip(columns).enumerate() {
            let value = column.arg(value).ok_or_else(|| {
                BackupError::Damaged(format!("a value of {table}.{} is of another kind", column.name))
            })?;
            query.push(if place == 0 { "" } else { ", " }).arg(value);
        }
        query.push(")");
    }
    conn.execute(&query).await?;
    Ok(())
}

/// What was not finished, and writes on the other side: it may have been done after the backup was taken. So may all that
/// is yet to be written on the tickets: a request that is pending here may have been decided there.
async fn doubt(conn: &mut Conn, now: Time) -> Result<()> {
    let query = Query::new(
        "UPDATE steps SET state = CASE state WHEN 'sending' THEN 'waiting' ELSE state END, claimed_by = NULL,
             doubt_at = $1, floor = COALESCE(floor,
                 (SELECT t.psa_id FROM tickets t ORDER BY LENGTH(t.psa_id) DESC, t.psa_id DESC LIMIT 1), '1')
         WHERE state IN ('queued', 'waiting', 'parked', 'sending', 'attention')
         AND (kind = 'open_ticket' OR kind LIKE 'record!_%' ESCAPE '!')",
    )
    .bind(now);
    conn.execute(&query).await?;
    conn.execute(&Query::new("UPDATE tickets SET doubt_at = $1").bind(now)).await?;
    let rest = Query::new("UPDATE steps SET state = 'waiting', claimed_by = NULL WHERE state = 'sending'");
    conn.execute(&rest).await?;
    Ok(())
}
