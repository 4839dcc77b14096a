//! How many requests each company and its computers brought lately, kept in memory beside the database.
//!
//! Asked by [`accept`](crate::accept) for each request that is new. The decision a reader would undo: a company's
//! requests are counted in the database when it is first seen, and every few seconds where other nodes write there too;
//! between that, each node adds its own. A cap may be passed by what other nodes accept in those seconds, and in return
//! no request costs a statement of its own.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use countersign_domain::{
    caps::{Caps, TooMany, WINDOW_S, Whose},
    id::{CompanyId, ComputerId},
    request::Request,
    time::Time,
};

use crate::{Result, Tx, query::Query};

/// How long a count stands where other nodes write to the same database, in seconds.
const FRESH_S: i64 = 5;
/// Companies that are counted before those without a recent request are forgotten.
const COMPANIES: usize = 2000;

/// Requests that were accepted, by company.
pub(crate) struct Recent {
    companies: Mutex<HashMap<CompanyId, Company>>,
    shared: bool,
}

struct Company {
    read_at: Time,
    all: VecDeque<Time>,
    computers: HashMap<ComputerId, VecDeque<Time>>,
}

impl Company {
    fn add(&mut self, computer: &ComputerId, at: Time) {
        self.all.push_back(at);
        match self.computers.get_mut(computer) {
            Some(times) => times.push_back(at),
            None => {
                self.computers.insert(computer.clone(), VecDeque::from([at]));
            }
        }
    }

    fn forget(&mut self, now: Time) {
        drop_old(&mut self.all, now);
        self.computers.retain(|_, times| {
            drop_old(times, now);
            !times.is_empty()
        });
    }
}

/// What is out of the window; also what a clock that was set back put into the future.
fn drop_old(times: &mut VecDeque<Time>, now: Time) {
    let begin = now.plus_seconds(-WINDOW_S);
    if times.front().is_some_and(|at| *at <= begin) || times.back().is_some_and(|at| *at > now) {
        times.retain(|at| *at > begin && *at <= now);
    }
}

/// A computer's request within one transaction, counted when that is kept.
pub(crate) type Taken<'a> = Vec<(&'a CompanyId, &'a ComputerId)>;

pub(crate) const RECENT: &str = "SELECT company_id, computer_id, received_at FROM requests
    WHERE state IN ('pending', 'approved', 'denied', 'withdrawn', 'expired', 'revoked')
    AND received_at > $1 AND received_at <= $2 AND joined_to IS NULL AND company_id IN ";

impl Recent {
    /// Counts that nobody else changes, unless the database is shared with other nodes.
    pub(crate) fn new(shared: bool) -> Self {
        Self { companies: Mutex::default(), shared }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CompanyId, Company>> {
        self.companies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts in the database those companies that were not counted, or not lately.
    pub(crate) async fn look(&self, tx: &mut Tx, requests: &[&Request]) -> Result<()> {
        let Some(now) = requests.iter().map(|request| request.received_at).max() else { return Ok(()) };
        let unknown: HashSet<&CompanyId> = {
            let companies = self.lock();
            let fresh = |company: &Company| {
                !self.shared || (0..FRESH_S * 1_000_000).contains(&now.0.saturating_sub(company.read_at.0))
            };
            let is_unknown = |id: &&CompanyId| !companies.get(*id).is_some_and(fresh);
            requests.iter().map(|request| &request.company_id).filter(is_unknown).collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let mut query = Query::build(RECENT).bind(now.plus_seconds(-WINDOW_S)).bind(now);
        query.list(unknown.iter().map(|id| id.as_str())).push(" ORDER BY received_at");
        let rows: Vec<(String, String, i64)> = tx.conn.all(&query).await?;
        let mut counted: HashMap<CompanyId, Company> = unknown
            .into_iter()
            .map(|id| (id.clone(), Company { read_at: now, all: VecDeque::new(), computers: HashMap::new() }))
            .collect();
        for (company, computer, at) in rows {
            let company: CompanyId = company.parse().map_err(|error| crate::Error::corrupt("a request", error))?;
            let computer = computer.parse().map_err(|error| crate::Error::corrupt("a request", error))?;
            if let Some(company) = counted.get_mut(&company) {
                company.add(&computer, Time(at));
            }
        }
        let mut companies = self.lock();
        companies.extend(counted);
        if companies.len() > COMPANIES {
            companies.retain(|_, company| {
                company.forget(now);
                !company.all.is_empty()
            });
        }
        Ok(())
    }

    /// Whether one more is too many; `taken` are those of the same transaction before it.
    pub(crate) fn too_many(&self, request: &Request, caps: Caps, taken: &Taken<'_>) -> Option<TooMany> {
        let now = request.received_at;
        let mut companies = self.lock();
        let company = companies.get_mut(&request.company_id)?;
        company.forget(now);
        let none = VecDeque::new();
        let own = company.computers.get(&request.computer_id).unwrap_or(&none);
        let taken_by_company = taken.iter().filter(|(id, _)| *id == &request.company_id);
        let taken_by_computer = taken.iter().filter(|(_, id)| *id == &request.computer_id).count();
        over(own, taken_by_computer, caps.per_computer, Whose::Computer, now)
            .or_else(|| over(&company.all, taken_by_company.count(), caps.per_company, Whose::Company, now))
    }

    /// Counts a request that is on disk.
    pub(crate) fn count(&self, request: &Request) {
        if let Some(company) = self.lock().get_mut(&request.company_id) {
            company.add(&request.computer_id, request.received_at);
        }
    }
}

fn over(times: &VecDeque<Time>, taken: usize, cap: Option<u32>, whose: Whose, now: Time) -> Option<TooMany> {
    let cap = cap?;
    let room = usize::try_from(cap).unwrap_or(usize::MAX);
    let over = (times.len() + taken).checked_sub(room)?;
    // The one that must be out of the window before the next fits; where it was taken just now, a whole window.
    let frees_at = times.get(over).copied().unwrap_or(now).plus_seconds(WINDOW_S);
    let micros = frees_at.0.saturating_sub(now.0).max(1);
    let retry_after_s = u32::try_from(micros / 1_000_000 + 1).unwrap_or(u32::MAX);
    Some(TooMany { whose, cap, retry_after_s })
}
