//! A walk over every record of a kind, of all customers, page by page: what the directory sync reads.
//!
//! Records that are out of use come too, so that they can be told from what is gone.

use async_trait::async_trait;
use countersign_domain::{
    link::{Kind, Theirs},
    time::Time,
};
use halopsa::{AgentFilter, AssetFilter, Client, CustomerFilter, End, Inactive, Pages, Record, SiteFilter, UserFilter};

use super::{
    find::{DIRECTORY_PAGE, incomplete},
    map::{self, fault},
};
use crate::{Fault, Records, RecordsPage};

/// Begins a walk; nothing is called before its first page is asked for.
pub(super) fn walk(client: Client, kind: Kind, since: Option<Time>) -> Box<dyn Records> {
    let changed_since = since.and_then(map::stamp);
    let inactive = Inactive::With;
    match kind {
        Kind::Company => {
            let filter = CustomerFilter { inactive, changed_since, ..CustomerFilter::default() };
            listed(client.customers(&filter), map::customer)
        }
        Kind::Location => {
            let filter = SiteFilter { inactive, changed_since, ..SiteFilter::default() };
            listed(client.sites(&filter), map::site)
        }
        Kind::Computer => {
            let filter = AssetFilter { inactive, changed_since, ..AssetFilter::default() };
            listed(client.assets(&filter), map::asset)
        }
        Kind::Contact => {
            let filter = UserFilter { inactive, changed_since, ..UserFilter::default() };
            listed(client.users(&filter), map::contact)
        }
        Kind::Technician => Box::new(Agents { client: Some(client) }),
    }
}

fn listed<T: Record>(pages: Pages<T>, map: fn(T) -> Theirs) -> Box<dyn Records> {
    Box::new(Listed { pages: pages.page_size(DIRECTORY_PAGE), map })
}

struct Listed<T: Record> {
    pages: Pages<T>,
    map: fn(T) -> Theirs,
}

#[async_trait]
impl<T: Record> Records for Listed<T> {
    async fn next(&mut self) -> Result<Option<RecordsPage>, Fault> {
        match self.pages.next().await.map_err(|error| fault(&error))? {
            Some(rows) => {
                let rows = rows.into_iter().map(self.map).collect();
                Ok(Some(RecordsPage { rows, seen: self.pages.seen(), total: self.pages.said() }))
            }
            None if self.pages.end() == Some(End::Doubtful) => Err(incomplete(T::PATH)),
            None => Ok(None),
        }
    }
}

/// Halo gives its agents in one answer, and cannot be asked for those that changed.
struct Agents {
    client: Option<Client>,
}

#[async_trait]
impl Records for Agents {
    async fn next(&mut self) -> Result<Option<RecordsPage>, Fault> {
        let Some(client) = &self.client else { return Ok(None) };
        let agents = client.agents(AgentFilter::Everyone).await.map_err(|error| fault(&error))?;
        self.client = None;
        let rows: Vec<Theirs> = agents.into_iter().map(map::agent).collect();
        let seen = rows.len() as u64;
        Ok(Some(RecordsPage { rows, seen, total: Some(seen) }))
    }
}
