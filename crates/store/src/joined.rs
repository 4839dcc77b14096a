//! Who joined a request: the same asked again while it waited.
//!
//! Called for a request's own page. Not for: whom a decision answers too, which is
//! [`joined_pending`](crate::Store::joined_pending).

use countersign_domain::{id::RequestId, role::Access};

use crate::{
    Error, RequestRow, Result, Store,
    query::Query,
    requests::{by_ids, only},
};

impl Store {
    /// The last `limit` requests that joined this one and that the caller may see, newest first, whatever became of them.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn joined(&self, access: &Access, head: &RequestId, limit: usize) -> Result<Vec<RequestRow>> {
        let mut query = Query::build("SELECT r.id FROM requests r WHERE r.joined_to = ");
        query.arg(head.as_str());
        only(&mut query, "r.company_id", access);
        query.push(" ORDER BY r.received_at DESC, r.id DESC LIMIT ").arg(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut conn = self.read().await?;
        let ids = conn.all::<(String,)>(&query).await?.into_iter();
        let ids = ids.map(|(id,)| id.parse().map_err(|error| Error::corrupt("a request", error)));
        let mut rows = by_ids(&mut conn, &ids.collect::<Result<Vec<_>>>()?).await?;
        rows.sort_by(|a, b| (b.request.received_at, &b.request.id).cmp(&(a.request.received_at, &a.request.id)));
        Ok(rows)
    }
}
