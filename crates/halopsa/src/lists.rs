//! Reading lists: bare arrays, and arrays in an envelope beside `record_count`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::Error;
use crate::loose;
use crate::send::{Answer, Query};
use crate::{Client, Pages};

/// A kind of record that Halo lists.
pub trait Record: DeserializeOwned + Send + Sync + 'static {
    /// The path below the resource address, such as `/Client`.
    const PATH: &'static str;
    /// The key of the list in an envelope, such as `clients`.
    const LIST: &'static str;

    /// The record's id; 0 where the row had none.
    fn id(&self) -> i64;
}

/// One answer to a list call.
pub(crate) struct Rows<T> {
    pub(crate) rows: Vec<T>,
    /// What Halo says is the total over all pages; it can be wrong.
    pub(crate) said: Option<u64>,
}

impl Client {
    /// A list that Halo gives in one answer. Rows without an id are left out.
    pub(crate) async fn list<T: Record>(&self, query: Query) -> Result<Vec<T>, Error> {
        let answer = self.get(T::PATH.to_owned(), query).await?;
        let rows = read::<T>(&answer, T::LIST)?.rows;
        Ok(rows.into_iter().filter(|row| row.id() != 0).collect())
    }

    /// One record by its id. A body without an id counts as not found: that is how some deleted records are answered.
    pub(crate) async fn one<T: Record>(&self, id: i64, query: Query) -> Result<T, Error> {
        let answer = self.get(format!("{}/{id}", T::PATH), query).await?;
        let record: T = answer.first()?;
        match record.id() {
            found if found == id => Ok(record),
            0 => Err(answer.call.error(crate::ErrorKind::NotFound, Some(answer.status), String::new())),
            other => Err(answer.not_understood(&format!("record {other} in place of {id}"))),
        }
    }

    pub(crate) fn pages<T: Record>(
        &self,
        query: Query,
        keeps: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Pages<T> {
        Pages::new(self.clone(), query, Box::new(keeps))
    }
}

pub(crate) fn is_array(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

pub(crate) fn read<T: DeserializeOwned>(answer: &Answer, list: &'static str) -> Result<Rows<T>, Error> {
    let mut json = serde_json::Deserializer::from_slice(&answer.body);
    let rows = List { name: list, of: PhantomData }.deserialize(&mut json).and_then(|rows| json.end().map(|()| rows));
    rows.map_err(|error| answer.not_understood(&error.to_string()))
}

struct List<T> {
    name: &'static str,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for List<T> {
    type Value = Rows<T>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Rows<T>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for List<T> {
    type Value = Rows<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Rows<T>, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = members.next_element()? {
            rows.push(row);
        }
        Ok(Rows { rows, said: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Rows<T>, A::Error> {
        let mut rows: Option<Vec<T>> = None;
        let mut said = None;
        while let Some(key) = entries.next_key::<String>()? {
            if key.eq_ignore_ascii_case(self.name) {
                rows = Some(entries.next_value::<Option<_>>()?.unwrap_or_default());
            } else if key.eq_ignore_ascii_case("record_count") {
                said = entries.next_value::<Count>()?.0.and_then(|n| u64::try_from(n).ok());
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        match rows {
            Some(rows) => Ok(Rows { rows, said }),
            None if said == Some(0) => Ok(Rows { rows: Vec::new(), said }),
            None => Err(serde::de::Error::missing_field(self.name)),
        }
    }
}

#[derive(Deserialize)]
struct Count(#[serde(deserialize_with = "loose::integer")] Option<i64>);
