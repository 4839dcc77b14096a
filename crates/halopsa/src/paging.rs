//! Walking a list page by page, to its true end.
//!
//! Halo ignores page parameters that are not complete, cuts page sizes without a word, ignores filters it does not
//! know, and its totals can be wrong. So a walk sends all of `pageinate`, `page_size`, `page_no` and an order, counts
//! each id once, and shows its caller only rows that match what was asked for. It ends at an empty page or one with
//! nothing new; a short page ends it only if the total agrees and the page is smaller than any cut Halo makes.

use std::collections::HashSet;

use crate::Client;
use crate::error::{Error, ErrorKind, UnknownCause};
use crate::lists::{self, Record};
use crate::send::Query;

/// Rows asked for per page. Halo cuts tickets to 100 by itself and takes more elsewhere.
pub(crate) const PAGE: usize = 100;

/// The smallest page that Halo cuts an answer to by itself. A page below it was not cut.
const SMALLEST_CUT: usize = 50;

/// No list of this length is real: a server that invents ids without end is given up here.
const MAX_PAGES: usize = 100_000;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Halo had no more.
    Complete,
    /// Halo gave the same rows again while counting more of them: absence from this walk proves nothing.
    Doubtful,
}

/// A walk over a list. The caller may stop at any page.
pub struct Pages<T: Record> {
    client: Client,
    query: Query,
    keeps: Box<dyn Fn(&T) -> bool + Send + Sync>,
    page_size: usize,
    page_no: usize,
    seen: HashSet<i64>,
    said: u64,
    end: Option<End>,
}

impl<T: Record> std::fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut f = f.debug_struct("Pages");
        f.field("of", &T::PATH).field("page_no", &self.page_no).field("end", &self.end).finish_non_exhaustive()
    }
}

impl<T: Record> Pages<T> {
    pub(crate) fn new(client: Client, query: Query, keeps: Box<dyn Fn(&T) -> bool + Send + Sync>) -> Self {
        Self { client, query, keeps, page_size: PAGE, page_no: 1, seen: HashSet::new(), said: 0, end: None }
    }

    /// The same walk with another page size. Halo cuts ticket pages to 100.
    #[must_use]
    pub fn page_size(mut self, rows: usize) -> Self {
        self.page_size = rows.max(1);
        self
    }

    /// The next page's rows that match what was asked for, each id once; `None` at the end. After an error the same
    /// page is asked for again.
    ///
    /// # Errors
    /// If the call fails, or the list has no end.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        if self.end.is_some() {
            return Ok(None);
        }
        let mut query = self.query.clone();
        query.push(("pageinate", "true".into()));
        query.push(("page_size", self.page_size.to_string()));
        query.push(("page_no", self.page_no.to_string()));
        let answer = self.client.get(T::PATH.to_owned(), query).await?;
        let page = lists::read::<T>(&answer, T::LIST)?;
        let count = page.rows.len();
        let new: Vec<T> = page.rows.into_iter().filter(|row| row.id() != 0 && self.seen.insert(row.id())).collect();
        if count > 0 {
            self.said = page.said.unwrap_or_default();
        }
        if new.is_empty() {
            // Behind an empty page there is no more, whatever the total: it may count rows that are hidden from us.
            let repeats = count > 0 && self.said > self.seen.len() as u64;
            self.end = Some(if repeats { End::Doubtful } else { End::Complete });
            return Ok(None);
        }
        if self.page_no >= MAX_PAGES {
            return Err(answer.call.error(
                ErrorKind::Unknown(UnknownCause::TooLarge),
                Some(answer.status),
                format!("more than {MAX_PAGES} pages"),
            ));
        }
        // A first page that is short although more is counted was cut: should the server cut the rows but not the
        // offset, asking on with the old size would skip rows.
        if self.page_no == 1 && count < self.page_size && self.said > count as u64 {
            self.page_size = count;
        }
        if count < self.page_size.min(SMALLEST_CUT) && page.said == Some(self.seen.len() as u64) {
            self.end = Some(End::Complete);
        }
        self.page_no += 1;
        Ok(Some(new.into_iter().filter(|row| (self.keeps)(row)).collect()))
    }

    /// Rows met so far, those that do not match included.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen.len() as u64
    }

    /// How many rows Halo says there are over all pages; it can be wrong. `None` before it said so.
    #[must_use]
    pub fn said(&self) -> Option<u64> {
        (self.said > 0).then_some(self.said)
    }

    /// How the walk ended; `None` while it has not.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The whole list.
    ///
    /// # Errors
    /// If one of the calls fails.
    pub async fn all(mut self) -> Result<(Vec<T>, End), Error> {
        let mut rows = Vec::new();
        while let Some(page) = self.next().await? {
            rows.extend(page);
        }
        Ok((rows, self.end.unwrap_or(End::Doubtful)))
    }
}
