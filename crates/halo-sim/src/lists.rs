//! Lists as Halo gives them: filters, order, pages, and the two forms of an answer (an envelope, or a bare array).
//!
//! A call on a list is O(rows), which is what a list of everything costs; POST and GET by id never come here.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Reply};
use crate::model::Record;
use crate::query::Query;
use crate::switches::{OnOff, Switches, UnpagedRows};

/// How one kind of record is listed.
pub(crate) struct Listing {
    /// The envelope's key: `tickets`.
    pub(crate) key: &'static str,
    /// The largest page; bigger ones are cut without notice.
    pub(crate) largest_page: usize,
    /// Rows without any paging; none: as the `unpaged_rows` switch says.
    pub(crate) unpaged: Option<usize>,
}

/// The order that a call asks for: `order`, `orderdesc`, `order2`, … down to five.
pub(crate) fn sort<T: Record>(rows: &mut [&T], query: &Query) {
    let mut keys = Vec::new();
    for suffix in ["", "2", "3", "4", "5"] {
        if let Some(field) = query.get(&format!("order{suffix}")) {
            keys.push((field.to_lowercase(), query.flag(&format!("orderdesc{suffix}"))));
        }
    }
    if let [(field, descending)] = keys.as_slice()
        && field == "id"
    {
        if rows.is_sorted_by_key(|row| row.id()) {
            if *descending {
                rows.reverse();
            }
        } else {
            rows.sort_by_key(|row| if *descending { -row.id() } else { row.id() });
        }
        return;
    }
    if keys.is_empty() {
        return;
    }
    rows.sort_by_cached_key(|row| {
        let values = serde_json::to_value(row).unwrap_or_default();
        let parts =
            keys.iter().map(|(field, descending)| Part { value: values.get(field).cloned(), descending: *descending });
        (parts.collect::<Vec<_>>(), row.id())
    });
}

#[derive(PartialEq)]
struct Part {
    value: Option<Value>,
    descending: bool,
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = compare(self.value.as_ref(), other.value.as_ref());
        if self.descending { order.reverse() } else { order }
    }
}

fn compare(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    match (one, other) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(a)), Some(Value::String(b))) => a.to_lowercase().cmp(&b.to_lowercase()),
        (a, b) => a.map(Value::to_string).cmp(&b.map(Value::to_string)),
    }
}

/// Cuts a page out of the rows and wraps it into Halo's envelope.
///
/// # Errors
/// 400 for a page number or size that is no number.
pub(crate) fn envelope<T: Record>(
    rows: &[&T],
    query: &Query,
    switches: &Switches,
    listing: &Listing,
    print: impl Fn(&T) -> Value,
) -> Reply {
    let total = rows.len();
    let number =
        |name: &str| Ok::<_, Answer>(query.int(name)?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0));
    let (page_no, page_size, count) = (number("page_no")?, number("page_size")?, number("count")?);
    let incomplete = page_no.is_none() && switches.incomplete_paging == OnOff::On;

    let (page_no, page_size, skip, take, record_count) = if query.flag("pageinate") && !incomplete {
        let size = page_size.unwrap_or(50).min(listing.largest_page);
        let page_no = page_no.unwrap_or(1);
        (page_no, size, (page_no - 1).saturating_mul(size), size, total)
    } else if query.flag("pageinate") {
        (1, 50, 0, 50, total.min(50))
    } else if let Some(count) = count {
        (1, count, 0, count, total.min(count))
    } else {
        let fifty = (switches.unpaged_rows == UnpagedRows::Fifty).then_some(50);
        let most = listing.unpaged.or(fifty).unwrap_or(usize::MAX);
        (1, most.min(total.max(50)), 0, most, total.min(most))
    };
    let page: Vec<Value> = rows.iter().skip(skip).take(take).map(|row| print(row)).collect();
    let mut body = Map::new();
    body.insert("page_no".to_owned(), json!(page_no));
    body.insert("page_size".to_owned(), json!(page_size));
    body.insert("record_count".to_owned(), json!(record_count));
    body.insert(listing.key.to_owned(), Value::Array(page));
    Ok(Answer::ok(Value::Object(body)))
}

/// Whether `search` (lower case) occurs in any of the texts; matching is loose, as in Halo.
pub(crate) fn mentions(needle: &str, texts: &[&str]) -> bool {
    texts.iter().any(|text| text.to_lowercase().contains(needle))
}

/// Which of active and inactive records a call asks for: active ones by default.
pub(crate) fn wants(query: &Query, inactive: bool) -> bool {
    if inactive { query.flag("includeinactive") } else { !query.denied("includeactive") }
}

/// One condition of `advanced_search`.
struct Condition {
    field: String,
    kind: i64,
    value: String,
}

/// The `advanced_search` filter: JSON text, an array of `{filter_name, filter_type, filter_value}`.
pub(crate) struct Advanced(Vec<Condition>);

impl Advanced {
    /// Reads the parameter.
    ///
    /// # Errors
    /// 400 for text that is not such an array, for an unknown type, and for a field that `allowed` does not hold.
    pub(crate) fn read(query: &Query, allowed: &[&str]) -> Result<Self, Answer> {
        let Some(text) = query.get("advanced_search") else { return Ok(Self(Vec::new())) };
        let invalid = |what: &str| Answer::exception(&format!("The advanced search parameter is invalid: {what}."));
        let rows: Vec<Value> = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
        let mut conditions = Vec::new();
        for row in rows {
            let field = row.get("filter_name").and_then(Value::as_str).unwrap_or_default().to_lowercase();
            let kind = row.get("filter_type");
            let kind = kind.and_then(|kind| kind.as_i64().or_else(|| kind.as_str()?.parse().ok())).unwrap_or(-1);
            let value = row.get("filter_value").and_then(Value::as_str).map(str::to_lowercase);
            if !allowed.contains(&field.as_str()) {
                return Err(invalid(&format!("'{field}' cannot be searched")));
            }
            let value = value.ok_or_else(|| invalid("filter_value must be a string"))?;
            if !matches!(kind, 0..=5 | 7..=10) {
                return Err(invalid(&format!("filter_type {kind} is not known")));
            }
            conditions.push(Condition { field, kind, value });
        }
        Ok(Self(conditions))
    }

    /// Whether a record meets every condition.
    pub(crate) fn keeps(&self, record: &impl Record) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let values = serde_json::to_value(record).unwrap_or_default();
        self.0.iter().all(|condition| condition.keeps(values.get(&condition.field).unwrap_or(&Value::Null)))
    }
}

impl Condition {
    fn keeps(&self, value: &Value) -> bool {
        let text = match value {
            Value::String(text) => text.to_lowercase(),
            other => other.to_string(),
        };
        let order = match (text.parse::<f64>(), self.value.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            _ => text.cmp(&self.value),
        };
        let listed = || self.value.split(',').any(|part| part.trim() == text);
        match self.kind {
            0 => listed(),
            1 => !listed(),
            2 => order == Ordering::Equal,
            3 => order != Ordering::Equal,
            4 => text.contains(self.value.trim_matches('%')),
            5 => !text.contains(self.value.trim_matches('%')),
            7 => order == Ordering::Greater,
            8 => order == Ordering::Less,
            9 => order != Ordering::Less,
            _ => order != Ordering::Greater,
        }
    }
}
