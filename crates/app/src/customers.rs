//! Halo's customers, to choose from and to make companies of.
//!
//! Called by the portal's set-up pages. Not for: how one customer becomes a company; that is [`link`](crate::link)'s. The
//! decision a reader would undo: the list is kept for two minutes, because a page of it, a search in it and an import of
//! all of it are three looks at the same thousand rows, and each would cost the allowance dozens of calls.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use countersign_domain::{
    directory::Technician,
    link::{Kind, LinkState, Theirs},
    role::Right,
};
use countersign_store::DirectoryQuery;
use tokio::task::JoinHandle;

use crate::{App, Error, Result, directory::all_companies, link::Imported, people::require, sync::SyncKind};

/// For how long a list that was read is good.
const GOOD: Duration = Duration::from_mins(2);
/// More companies than anybody has.
const ALL: usize = 100_000;
/// How many failures of an import are told one by one.
const TOLD: usize = 20;

/// A list of customers that was read.
pub(crate) struct Kept {
    /// When, by the clock that is never set.
    at: Duration,
    /// Of which settings.
    version: Option<i64>,
    customers: Arc<Vec<Theirs>>,
}

/// Which customers to import.
#[derive(Debug, Clone)]
pub enum Which {
    /// Every one.
    All,
    /// These, by Halo's ids.
    Only(BTreeSet<String>),
}

/// An import, going on or ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Import {
    /// Customers that are done.
    pub seen: usize,
    /// Customers in all.
    pub total: usize,
    /// Companies that were made.
    pub made: usize,
    /// Companies that were there, and are linked now.
    pub linked: usize,
    /// Customers that failed.
    pub failed: usize,
    /// The first of them: name, and why.
    pub failures: Vec<(String, String)>,
}

impl Import {
    /// True once nothing more comes.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.seen >= self.total
    }
}

impl App {
    /// Halo's customers by name, as they were within the last two minutes.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not; [`Error::NotConnected`]; [`Error::Psa`] with Halo's words.
    pub async fn customers(&self, by: &Technician) -> Result<Arc<Vec<Theirs>>> {
        require(by, Right::EditDirectory)?;
        all_companies(by)?;
        let version = self.connected().version;
        let now = self.clock().monotonic();
        if let Some(kept) = &*self.inner.setup.customers.lock().unwrap_or_else(PoisonError::into_inner)
            && kept.version == version
            && now.saturating_sub(kept.at) < GOOD
        {
            return Ok(kept.customers.clone());
        }
        let customers = Arc::new(self.psa()?.records(Kind::Company, None, ALL).await?);
        *self.inner.setup.customers.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Kept { at: now, version, customers: customers.clone() });
        Ok(customers)
    }

    /// Reads the customers anew when they are next asked for.
    pub fn forget_customers(&self) {
        *self.inner.setup.customers.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The customers that a company is linked to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn linked_customers(&self, by: &Technician) -> Result<BTreeSet<String>> {
        let wanted = DirectoryQuery { link: Some(LinkState::Linked), limit: ALL, ..DirectoryQuery::default() };
        Ok(self.companies(by, &wanted).await?.into_iter().filter_map(|row| row.link.psa_id).collect())
    }

    /// Makes companies of customers in the background, linked by id, and has the directory read afterwards;
    /// [`import`](Self::import) tells how it stands. Who awaits the handle sees the end, who drops it lets it go on.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not; `import_runs` where one runs; [`Error::Psa`] with Halo's words.
    pub async fn start_import(&self, by: &Technician, which: Which) -> Result<JoinHandle<()>> {
        let customers = self.customers(by).await?;
        let wanted: Vec<Theirs> = match which {
            Which::All => customers.to_vec(),
            Which::Only(ids) => customers.iter().filter(|theirs| ids.contains(&theirs.psa_id)).cloned().collect(),
        };
        if wanted.is_empty() {
            return Err(Error::invalid("none_chosen", "ids", "No customer is chosen."));
        }
        let psa = self.psa()?;
        let begun = Import { total: wanted.len(), ..Import::default() };
        let mut free = true;
        self.inner.setup.import.send_if_modified(|now| {
            free = now.as_ref().is_none_or(Import::is_over);
            if free {
                *now = Some(begun);
            }
            free
        });
        if !free {
            return Err(Error::conflict("import_runs", "Customers are being imported already."));
        }
        let (app, by) = (self.clone(), by.clone());
        Ok(tokio::spawn(async move {
            for theirs in wanted {
                let done = app.import_customer(&by, &*psa, &theirs).await;
                app.inner.setup.import.send_modify(|now| {
                    if let Some(now) = now {
                        count(now, &theirs, done);
                    }
                });
            }
            // What lives inside the new companies' customers, and what the others are like.
            if let Err(error) = app.sync_directory(&by, SyncKind::Full).await {
                tracing::warn!(%error, "the directory could not be read after an import; it is read within a day");
            }
        }))
    }

    /// The import that runs, or the last one of this process.
    #[must_use]
    pub fn import(&self) -> Option<Import> {
        self.inner.setup.import.borrow().clone()
    }
}

fn count<T>(import: &mut Import, theirs: &Theirs, done: Result<(T, Imported)>) {
    import.seen += 1;
    match done {
        Ok((_, Imported::Made)) => import.made += 1,
        Ok((_, Imported::Linked)) => import.linked += 1,
        Ok((_, Imported::LinkedBefore)) => {}
        Err(error) => {
            import.failed += 1;
            if import.failures.len() < TOLD {
                import.failures.push((theirs.psa_name.clone(), error.to_string()));
            }
        }
    }
}
