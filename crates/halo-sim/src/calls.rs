//! The log of Halo calls: what `/sim/v1/calls` answers. Control calls are not in it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Stamp;

/// Calls that are kept one by one; counts go on beyond.
const KEPT: usize = 100_000;

struct Logged {
    method: String,
    path: String,
    query: String,
    status: Ended,
    ms: f64,
    at: Stamp,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With an answer of this status.
    Answered(u16),
    /// With a closed connection.
    Cut,
}

/// Every call so far.
#[derive(Default)]
pub(crate) struct Calls {
    kept: VecDeque<Logged>,
    counts: BTreeMap<String, u64>,
    statuses: BTreeMap<String, u64>,
    total: u64,
}

impl Calls {
    /// Notes a call. `path` is as the client wrote it, without `/api`.
    pub(crate) fn note(&mut self, method: &str, path: &str, query: &str, status: Ended, time: Duration) {
        self.total += 1;
        *self.counts.entry(format!("{method} {}", pattern(path))).or_default() += 1;
        let word = match status {
            Ended::Answered(code) => code.to_string(),
            Ended::Cut => "cut".to_owned(),
        };
        *self.statuses.entry(word).or_default() += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Logged {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            status,
            ms: (time.as_secs_f64() * 1e6).round() / 1e3,
            at: Stamp::now(),
        });
    }

    pub(crate) fn list(&self) -> Value {
        let calls = self.kept.iter().map(|call| {
            let (status, cut) = match call.status {
                Ended::Answered(code) => (json!(code), false),
                Ended::Cut => (Value::Null, true),
            };
            json!({
                "method": call.method, "path": call.path, "query": call.query, "status": status, "cut": cut, "ms": call.ms,
                "at": format!("{}Z", call.at),
            })
        });
        json!({
            "calls": calls.collect::<Vec<_>>(), "counts": self.counts, "statuses": self.statuses, "total": self.total,
        })
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The path with ids as `{id}`, so that counts stay few.
fn pattern(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let id = !part.is_empty() && (part.bytes().all(|b| b.is_ascii_digit()) || part.len() == 36);
        if id { "{id}" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}
