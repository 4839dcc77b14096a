//! Reading fields whose types Halo does not keep to: numbers as text, `12` as `12.0`, years 1899 and 1900 for "no
//! date", `0` and `-1` for "no record". A field of a wholly wrong type reads as absent; it never spoils its record.

use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::dates;

enum Loose {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Other,
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Anything)
    }
}

/// Takes whatever comes. By hand, because an untagged enum makes an error for each form that it tries in vain, and a
/// list of assets has a million such fields.
struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Loose, E> {
        Ok(Loose::Bool(flag))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Loose, E> {
        Ok(Loose::Integer(n))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Loose, E> {
        // No id of Halo's is that large.
        Ok(i64::try_from(n).map_or(Loose::Other, Loose::Integer))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Loose, E> {
        Ok(Loose::Float(n))
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Loose, A::Error> {
        while members.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Loose, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }
}

impl Loose {
    fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(n),
            Self::Float(n) => whole(n),
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            Self::Bool(_) | Self::Other => None,
        }
    }

    fn float(self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "hours and amounts are far below 2^52")]
            Self::Integer(n) => Some(n as f64),
            Self::Float(n) => Some(n),
            Self::Text(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            Self::Bool(_) | Self::Other => None,
        }
    }
}

fn whole(n: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range where f64 is exact")]
    (n.fract() == 0.0 && n.abs() < 9e15).then_some(n as i64)
}

/// A record's own id; 0 where there is none.
pub(crate) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(Loose::deserialize(from)?.integer().unwrap_or_default())
}

/// A number that may be anything.
pub(crate) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(Loose::deserialize(from)?.integer())
}

/// The id of another record: absent when zero or negative.
pub(crate) fn link<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(Loose::deserialize(from)?.integer().filter(|&id| id > 0))
}

pub(crate) fn float<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(Loose::deserialize(from)?.float())
}

/// A text; absent when empty. Numbers become their digits.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Loose::deserialize(from)? {
        Loose::Text(text) => Some(text).filter(|text| !text.is_empty()),
        Loose::Integer(n) => Some(n.to_string()),
        Loose::Float(n) => Some(n.to_string()),
        Loose::Bool(_) | Loose::Other => None,
    })
}

/// A name; the empty text where there is none.
pub(crate) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(text(from)?.unwrap_or_default())
}

pub(crate) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match Loose::deserialize(from)? {
        Loose::Bool(flag) => Some(flag),
        Loose::Integer(n) => Some(n != 0),
        Loose::Text(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
        Loose::Text(text) if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
        Loose::Float(_) | Loose::Text(_) | Loose::Other => None,
    })
}

pub(crate) fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(match Loose::deserialize(from)? {
        Loose::Text(text) => dates::parse(&text),
        Loose::Bool(_) | Loose::Integer(_) | Loose::Float(_) | Loose::Other => None,
    })
}

/// A list of records; what is null, no list, or a member of another form is left out.
pub(crate) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let members = match serde_json::Value::deserialize(from)? {
        serde_json::Value::Array(members) => members,
        _ => Vec::new(),
    };
    Ok(members.into_iter().filter_map(|member| serde_json::from_value(member).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Row {
        #[serde(deserialize_with = "id")]
        id: i64,
        #[serde(deserialize_with = "link")]
        link: Option<i64>,
        #[serde(deserialize_with = "text")]
        text: Option<String>,
        #[serde(deserialize_with = "flag")]
        flag: Option<bool>,
        #[serde(deserialize_with = "float")]
        float: Option<f64>,
        #[serde(deserialize_with = "date")]
        date: Option<Timestamp>,
        #[serde(deserialize_with = "list")]
        list: Vec<String>,
    }

    fn row(json: &str) -> Row {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn numbers_in_every_dress() {
        for json in [r#"{"id":12}"#, r#"{"id":12.0}"#, r#"{"id":"12"}"#, r#"{"id":" 12.0 "}"#] {
            assert_eq!(row(json).id, 12, "{json}");
        }
        for json in [r#"{"id":12.5}"#, r#"{"id":null}"#, r#"{"id":{"id":1}}"#, r#"{"id":1e300}"#, "{}"] {
            assert_eq!(row(json).id, 0, "{json}");
        }
        assert_eq!(row(r#"{"link":0}"#).link, None);
        assert_eq!(row(r#"{"link":-1}"#).link, None);
        assert_eq!(row(r#"{"link":7.0}"#).link, Some(7));
        assert_eq!(row(r#"{"float":"0.25"}"#).float, Some(0.25));
    }

    #[test]
    fn wrong_types_read_as_absent() {
        assert_eq!(
            row(r#"{"id":18446744073709551615,"link":[{"a":[]}],"text":{"a":{}},"float":null}"#),
            Row::default()
        );
        let json = r#"{"text":["a"],"flag":"maybe","float":{},"date":7,"list":"x","unknown":{"deep":[1,2]}}"#;
        assert_eq!(row(json), Row::default());
        assert_eq!(row(r#"{"list":["a",1,null,"b"]}"#).list, ["a", "b"]);
        assert_eq!(row(r#"{"flag":1}"#).flag, Some(true));
        assert_eq!(row(r#"{"text":""}"#).text, None);
    }
}
