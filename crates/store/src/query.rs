//! Statements with their values, as one text for both engines.
//!
//! Used by every module that reads or writes; run by [`engine`](crate::engine). The decision a reader would undo: a
//! statement that takes many rows has places for a power of two of them, and the places that are left over hold NULL,
//! which is no row. Each statement is a message to SQLite's thread and back, which costs more than what it does to a row:
//! fifteen rows are one statement, and seven texts, prepared once, serve every number up to 64.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use sqlx::AssertSqlSafe;

/// One value bound to a statement. A text is shared with the engine rather than copied for it.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    Text(Option<Arc<str>>),
    Int(Option<i64>),
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.into()))
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value.into()))
    }
}
impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::from(value.as_str())
    }
}
impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Into::into))
    }
}
impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(Into::into))
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

/// One statement as either engine is given it. A numbered place costs SQLite a walk over all places before it, each time
/// that a value is bound; a bare one costs nothing.
#[derive(Debug, Clone)]
pub(crate) struct RowsText {
    /// With `$1`, `$2`…, for PostgreSQL.
    numbered: Arc<str>,
    /// With `?`, for SQLite.
    bare: Arc<str>,
    /// Values of one row.
    width: usize,
    /// Values of all rows that there is a place for.
    places: usize,
}

/// Which engine a text is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone)]
enum Text {
    Fixed(&'static str),
    Shared(Arc<str>),
    Rows(RowsText),
    Built(String),
    /// For SQLite alone.
    Bare(String),
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

    /// A text with places for many rows, that was built before and is used often. Values are added row by row.
    pub(crate) fn rows(text: RowsText) -> Self {
        Self { text: Text::Rows(text), args: Vec::new() }
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

    /// Appends `(value, value, …)` for `IN`; nothing matches an empty list. The last value is repeated up to a power of
    /// two, so that few texts, prepared once, serve lists of every length.
    pub(crate) fn list<T: Into<Arg>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        let mut values: Vec<Arg> = values.into_iter().map(Into::into).collect();
        let Some(last) = values.last().cloned() else { return self.push("(NULL)") };
        values.resize(values.len().next_power_of_two(), last);
        for (place, value) in values.into_iter().enumerate() {
            self.push(if place == 0 { "(" } else { ", " }).arg(value);
        }
        self.push(")")
    }

    /// These statements as one message to SQLite, which runs them one after the other; none where one of them has numbered
    /// places in another order than its values, for which SQLite must be asked alone.
    pub(crate) fn together(queries: &[Self]) -> Option<Self> {
        let mut together = Self { text: Text::Fixed(""), args: Vec::new() };
        let mut text = String::new();
        for query in queries {
            text.push_str(if text.is_empty() { "" } else { ";\n" });
            push_bare(&mut text, query.sql(Dialect::Sqlite).as_str())?;
            together.args.extend(query.values().cloned());
        }
        together.text = Text::Bare(text);
        Some(together)
    }

    /// The statement that gives all rows of this one in one JSON text.
    pub(crate) fn packed(&self, columns: &str, dialect: Dialect) -> Self {
        let (all, array) = match dialect {
            Dialect::Sqlite => ("json_group_array", "json_array("),
            Dialect::Postgres => ("json_agg", "json_build_array("),
        };
        let row = format!("ARRAY({columns})").replace("ARRAY(", array);
        let text = format!("SELECT CAST({all}({row}) AS TEXT) FROM ({}) AS packed", self.sql(dialect).as_str());
        Self { text: Text::Built(text), args: self.args.clone() }
    }

    /// The statement that shows how SQLite would run this one.
    #[cfg(test)]
    pub(crate) fn explained(&self) -> Self {
        let text = format!("EXPLAIN QUERY PLAN {}", self.sql(Dialect::Sqlite).as_str());
        Self { text: Text::Built(text), args: self.args.clone() }
    }

    /// A value for each place: those that were bound, and NULL for the rows that are not there, each of the kind that its
    /// column has in the first row.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Arg> {
        let (width, places) = match &self.text {
            Text::Rows(text) => (text.width, text.places),
            Text::Fixed(_) | Text::Shared(_) | Text::Built(_) | Text::Bare(_) => (1, 0),
        };
        let none = move |place: usize| match self.args.get(place % width) {
            Some(Arg::Int(_)) => &Arg::Int(None),
            Some(Arg::Text(_)) | None => &Arg::Text(None),
        };
        self.args.iter().chain((self.args.len()..places).map(none))
    }

    pub(crate) fn sql(&self, dialect: Dialect) -> sqlx::SqlStr {
        use sqlx::SqlSafeStr as _;
        match &self.text {
            Text::Rows(text) => match dialect {
                Dialect::Sqlite => AssertSqlSafe(text.bare.clone()).into_sql_str(),
                Dialect::Postgres => AssertSqlSafe(text.numbered.clone()).into_sql_str(),
            },
            Text::Fixed(text) => text.into_sql_str(),
            Text::Shared(text) => AssertSqlSafe(text.clone()).into_sql_str(),
            Text::Built(text) | Text::Bare(text) => AssertSqlSafe(text.clone()).into_sql_str(),
        }
    }
}

/// Appends a text with `?` for each of `$1`, `$2`…; none where they are not in this order.
fn push_bare(to: &mut String, text: &str) -> Option<()> {
    let mut pieces = text.split('$');
    to.push_str(pieces.next()?);
    for (before, piece) in pieces.enumerate() {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = piece.get(..piece.len() - rest.len())?;
        if number.parse() != Ok(before + 1) {
            return None;
        }
        to.push('?');
        to.push_str(rest);
    }
    Some(())
}

/// Rows of one statement at the most.
pub(crate) const ROWS: usize = 64;

/// What a text is made of: a name, two pieces, and how many values of how many rows.
type Made = (&'static str, &'static str, &'static str, usize, usize);
type Texts = Mutex<HashMap<Made, RowsText>>;

/// Writes the place of a number.
type Place = fn(usize) -> String;

/// The text for so many rows, or for the next power of two of them, from `make`, which is given that number.
fn cached((name, piece, tail, width, rows): Made, make: impl Fn(usize, Place) -> String) -> RowsText {
    static TEXTS: LazyLock<Texts> = LazyLock::new(Texts::default);
    let rows = rows.next_power_of_two();
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = || RowsText {
        numbered: make(rows, |n| format!("${n}")).into(),
        bare: make(rows, |_| "?".to_owned()).into(),
        width,
        places: width * rows,
    };
    texts.entry((name, piece, tail, width, rows)).or_insert_with(text).clone()
}

/// `INSERT INTO table (columns) … tail` of many rows. The first column is never NULL.
pub(crate) fn insert_text(table: &'static str, columns: &'static str, rows: usize, tail: &'static str) -> RowsText {
    let width = columns.split(',').count();
    cached((table, columns, tail, width, rows), |rows, place| {
        let values = places(width, rows, place);
        format!("INSERT INTO {table} ({columns}) SELECT * FROM (VALUES {values}) AS v WHERE column1 IS NOT NULL {tail}")
    })
}

/// A text with one `{}` where many rows of `width` values go. A row of NULL must match nothing.
pub(crate) fn rows_text(name: &'static str, text: &'static str, width: usize, rows: usize) -> RowsText {
    cached((name, text, "", width, rows), |rows, place| text.replacen("{}", &places(width, rows, place), 1))
}

/// A text with one `{}` where a list of many values goes. NULL must match nothing.
pub(crate) fn in_text(name: &'static str, text: &'static str, values: usize) -> RowsText {
    cached((name, text, "", 1, values), |values, place| text.replacen("{}", &places(values, 1, place), 1))
}

fn places(width: usize, rows: usize, place: Place) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=width).map(|column| place(row * width + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_place_has_a_value_and_few_texts_serve_every_number(rows in 1_usize..=64) {
            let mut query = Query::rows(insert_text("sample", "a, b", rows, ""));
            for row in 0..rows {
                query.add("x");
                query.add(i64::try_from(row).unwrap());
            }
            let text = query.sql(Dialect::Sqlite);
            let places = text.as_str().matches('?').count();
            prop_assert!(places.is_power_of_two() && places < rows * 4, "{places} places for {rows} rows");
            prop_assert_eq!(query.values().count(), places);
            for (place, value) in query.values().enumerate() {
                let row = place / 2;
                match value {
                    Arg::Text(text) => prop_assert!(place % 2 == 0 && text.is_some() == (row < rows)),
                    Arg::Int(number) => prop_assert!(place % 2 == 1 && number.is_some() == (row < rows)),
                }
            }
        }
    }

    #[test]
    fn statements_that_go_together_keep_their_values_apart() {
        let one = Query::new("INSERT INTO sample (a, b) VALUES ($1, $2)").bind("x").bind(1_i64);
        let mut two = Query::build("SELECT a FROM sample WHERE a IN ");
        two.list(["x", "y", "z"]);
        let three = Query::rows(in_text("sample", "DELETE FROM sample WHERE a IN {}", 3)).bind("x");
        let together = Query::together(&[Query::new("BEGIN"), one, two, three]).unwrap();
        assert_eq!(
            together.sql(Dialect::Sqlite).as_str(),
            "BEGIN;\nINSERT INTO sample (a, b) VALUES (?, ?);\nSELECT a FROM sample WHERE a IN (?, ?, ?, ?);\n\
             DELETE FROM sample WHERE a IN (?, ?, ?, ?)"
        );
        assert_eq!(together.values().count(), 10);
        for text in ["SELECT $2, $1", "SELECT $1, $1", "SELECT '$.path'"] {
            assert!(Query::together(&[Query::new(text).bind("x")]).is_none(), "{text}");
        }
    }

    #[test]
    fn places_are_numbered_through() {
        let numbered = |n: usize| format!("${n}");
        assert_eq!(places(2, 2, numbered), "($1, $2), ($3, $4)");
        assert_eq!(places(3, 1, numbered), "($1, $2, $3)");
        assert_eq!(places(2, 2, |_| "?".to_owned()), "(?, ?), (?, ?)");
        let text = insert_text("sample", "a, b", 2, "ON CONFLICT (a) DO NOTHING");
        assert_eq!(
            &*text.numbered,
            "INSERT INTO sample (a, b) SELECT * FROM (VALUES ($1, $2), ($3, $4)) AS v WHERE column1 IS NOT NULL
             ON CONFLICT (a) DO NOTHING"
                .replace("\n            ", "")
        );
    }
}
