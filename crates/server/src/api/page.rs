//! Lists by pages: `{"items": [...], "next": CURSOR | null}`. A cursor is opaque to callers.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::http::problem::{Answer, Problem};

/// Rows of a page where none are asked for.
const USUAL: usize = 50;
/// The most rows of a page.
const MOST: usize = 200;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// What `after` is set to for the next page; null at the end.
    pub(crate) next: Option<String>,
}

/// How much of a list, and from where.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// Rows of the page, 1 to 200.
    pub(crate) limit: Option<usize>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
}

impl Paging {
    /// Rows to answer.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL).clamp(1, MOST)
    }

    /// Where the page before ended.
    pub(crate) fn after<T: DeserializeOwned>(&self) -> Answer<Option<T>> {
        let Some(cursor) = self.after.as_deref().filter(|cursor| !cursor.is_empty()) else { return Ok(None) };
        let read = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|json| serde_json::from_slice(&json).ok());
        read.map(Some).ok_or_else(|| {
            let sentence = "after is not the `next` of a page of this list. Leave it out to begin at the start.";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_cursor", sentence).about("after")
        })
    }

    /// The page of these rows, of which one more than asked for was read. `place` says where a row stands.
    pub(crate) fn page<R, P: Serialize, T>(
        &self,
        mut rows: Vec<R>,
        place: impl Fn(&R) -> P,
        show: impl Fn(R) -> T,
    ) -> Page<T> {
        let more = rows.len() > self.limit();
        rows.truncate(self.limit());
        let next = rows.last().filter(|_| more).and_then(|row| cursor(&place(row)));
        Page { items: rows.into_iter().map(show).collect(), next }
    }
}

/// The cursor of a place in a list.
pub(crate) fn cursor(place: &impl Serialize) -> Option<String> {
    Some(URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).ok()?))
}
