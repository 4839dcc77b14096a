//! Accepting requests: on disk before the answer, a repeat of one is a no-op, a repeat of its content joins it.

use std::{collections::HashMap, sync::Arc};

use countersign_domain::{
    audit::Entry,
    caps::{Caps, TooMany},
    effect::StepKind,
    id::{RequestId, StepId},
    request::{Request, TicketOn},
};
use tokio::sync::oneshot;

use crate::{
    Claimed, Error, Result, Store, Tx, audit,
    lanes::{FirstStep, NewStep, Offered, append_step, insert_first_steps},
    query::{Query, ROWS, in_text, insert_text, rows_text},
    recent::{Recent, Taken},
    requests::body,
    writer::{Job, Waiting},
};

/// A request to accept, pending, with what goes into the same commit. It repeats one that is pending, or asks again for
/// what was denied lately, or is new.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The request; `joined_to` and `again_of` are found here.
    pub request: Request,
    /// What makes it the same as another.
    pub same_as: String,
    /// Lower-case text that a search finds it by.
    pub search: String,
    /// Id of the step that opens its ticket, or tells of it on the one that is there.
    pub open_step: StepId,
    /// The audit entry.
    pub audit: Entry,
    /// How many may be new in ten minutes.
    pub caps: Caps,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    New(Box<Request>),
    /// It was on disk before; this is how it stands.
    Repeat(Box<Request>),
    /// It is not kept: too many came before it.
    TooMany(TooMany),
}

pub(crate) struct AcceptJob {
    new: Box<NewRequest>,
    waiting: Waiting<Accepted>,
    recent: Arc<Recent>,
    instance: String,
    offered: Option<Offered>,
    claimed: Option<Claimed>,
}

impl AcceptJob {
    pub(crate) fn finish(self, failure: Option<Error>) {
        if let (None, Some(Accepted::New(request))) = (&failure, &self.waiting.result)
            && request.joined_to.is_none()
        {
            self.recent.count(request);
        }
        if let (None, Some(claimed), Some(offered)) = (&failure, self.claimed, self.offered) {
            (offered.start)(claimed);
        }
        self.waiting.finish(failure);
    }
}

impl Store {
    /// Accepts a request. The answer is given after the commit.
    ///
    /// # Errors
    /// [`Error::Database`] where it is not on disk; the endpoint keeps it and asks again.
    pub async fn accept(&self, new: NewRequest) -> Result<Accepted> {
        self.accept_and_claim(new, None).await
    }

    /// The same. The step that opens the request's ticket, where there is one, is claimed in the same commit for the runner
    /// that offered a place.
    ///
    /// # Errors
    /// As above; nothing was claimed then.
    pub async fn accept_and_claim(&self, new: NewRequest, offered: Option<Offered>) -> Result<Accepted> {
        let (waiting, answer): (_, oneshot::Receiver<_>) = Waiting::new();
        let key = new.request.computer_id.to_string();
        let job = AcceptJob {
            new: Box::new(new),
            waiting,
            recent: self.inner.recent.clone(),
            instance: self.inner.instance.clone(),
            offered,
            claimed: None,
        };
        self.inner.writers.send(&key, Job::Accept(job)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

const COLUMNS: &str =
    "id, company_id, location_id, computer_id, state, version, same_as, joined_to, again_of, received_at, due_at, body,
    search";

pub(crate) async fn write(tx: &mut Tx, jobs: &mut [AcceptJob]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let Before { mut known, denied } = before(tx, jobs).await?;
    let mut heads = heads(tx, jobs).await?;
    let counted: Vec<&Request> =
        jobs.iter().filter(|job| job.new.caps != Caps::OFF).map(|job| &job.new.request).collect();
    if let Some(job) = jobs.first() {
        job.recent.look(tx, &counted).await?;
    }
    let (mut rows, mut steps, mut entries, mut later) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut taken = Taken::new();
    for job in jobs.iter_mut() {
        // It may be written for the second time, and find another state.
        job.claimed = None;
        let new = &job.new;
        let id = new.request.id.to_string();
        if let Some(before) = known.get(&id) {
            job.waiting.result = Some(Accepted::Repeat(Box::new(before.clone())));
            continue;
        }
        let mut request = new.request.clone();
        if let Some(head) = heads.get(&new.same_as) {
            request.joined_to = Some(head.id.clone());
            request.again_of.clone_from(&head.again_of);
            if request.again_of.is_some() {
                request.ticket_on = TicketOn::Request;
            }
            if request.ticket_on == TicketOn::Request {
                // The first repeat is told on the ticket at once; the others are counted with the decision.
                later.push((NewStep::of(new.open_step.clone(), &request, StepKind::RecordRepeat), Some(1)));
            }
        } else if let Some(too_many) = job.recent.too_many(&request, new.caps, &taken) {
            job.waiting.result = Some(Accepted::TooMany(too_many));
            continue;
        } else {
            taken.push((&new.request.company_id, &new.request.computer_id));
            if let Some(lane) = denied.get(&new.same_as) {
                request.again_of = Some(lane.clone());
                // There is a ticket: the denial's.
                request.ticket_on = TicketOn::Request;
                later.push((NewStep::of(new.open_step.clone(), &request, StepKind::RecordAgain), None));
            } else if request.ticket_on == TicketOn::Request {
                let claimed = job.offered.as_ref().map(|offered| (job.instance.clone(), offered.highest.clone()));
                let step = NewStep::of(new.open_step.clone(), &request, StepKind::OpenTicket);
                let first = FirstStep { step, claimed };
                job.claimed = first.claim();
                steps.push(first);
            }
            let head = Head { id: request.id.clone(), again_of: request.again_of.clone() };
            heads.insert(new.same_as.clone(), head);
        }
        let mut entry = new.audit.clone();
        for (name, other) in [("joined_to", &request.joined_to), ("again_of", &request.again_of)] {
            if let (Some(other), Some(object)) = (other, entry.body.as_object_mut()) {
                object.insert(name.to_owned(), other.as_str().into());
            }
        }
        entries.push(entry);
        known.insert(id, request.clone());
        rows.push((request.clone(), new.same_as.clone(), new.search.clone()));
        job.waiting.result = Some(Accepted::New(Box::new(request)));
    }
    for part in rows.chunks(ROWS) {
        let mut query = Query::rows(insert_text("requests", COLUMNS, part.len(), ""));
        for (request, same_as, search) in part {
            query.add(request.id.as_str());
            query.add(request.company_id.as_str());
            query.add(request.location_id.as_str());
            query.add(request.computer_id.as_str());
            query.add(request.state.as_str());
            query.add(request.version);
            query.add(same_as);
            query.add(request.joined_to.as_ref().map(RequestId::as_str));
            query.add(request.again_of.as_ref().map(RequestId::as_str));
            query.add(request.received_at);
            query.add(request.expires_at);
            query.add(body(request)?);
            query.add(search);
        }
        tx.conn.execute_later(query).await?;
    }
    insert_first_steps(tx, &steps).await?;
    for (step, at_most) in later {
        append_step(tx, &step, at_most).await?;
    }
    audit::append(&mut tx.conn, &mut tx.chain, &entries).await
}

/// What is there of these ids, and what was denied of the same content lately. The join's order is fixed, or SQLite would
/// walk all requests.
pub(crate) const BEFORE: &str = "WITH v (id, same_as, at) AS (VALUES {})
    SELECT CAST(0 AS BIGINT) AS again, r.same_as, r.body FROM v CROSS JOIN requests r WHERE r.id = v.id
    UNION ALL
    SELECT CAST(1 AS BIGINT) AS again, r.same_as, r.body FROM v CROSS JOIN requests r
    WHERE r.same_as = v.same_as AND r.again_until > v.at AND r.again_until IS NOT NULL";
pub(crate) const HEADS: &str =
    "SELECT same_as, id, again_of FROM requests WHERE state = 'pending' AND joined_to IS NULL AND same_as IN {}";
const LOCKED_HEADS: &str = "SELECT same_as, id, again_of FROM requests WHERE state = 'pending' AND joined_to IS NULL AND same_as IN {} FOR SHARE";

/// What requests meet that are not pending.
struct Before {
    /// Requests of the same ids.
    known: HashMap<String, Request>,
    /// The lanes of denials that were a short while ago, by content.
    denied: HashMap<String, RequestId>,
}

async fn before(tx: &mut Tx, jobs: &[AcceptJob]) -> Result<Before> {
    let mut before = Before { known: HashMap::new(), denied: HashMap::new() };
    for part in jobs.chunks(ROWS) {
        let mut query = Query::rows(rows_text("before", BEFORE, 3, part.len()));
        for job in part {
            query.add(job.new.request.id.as_str());
            query.add(&job.new.same_as);
            query.add(job.new.request.received_at);
        }
        for (again, same_as, body) in tx.conn.all::<(i64, String, String)>(&query).await? {
            let request = crate::requests::parse(&body)?;
            if again == 0 {
                before.known.insert(request.id.to_string(), request);
            } else {
                // Denials of one lane follow each other, so that any of them names it.
                before.denied.insert(same_as, request.lane().clone());
            }
        }
    }
    Ok(before)
}

/// A pending request that others may join.
struct Head {
    id: RequestId,
    again_of: Option<RequestId>,
}

async fn heads(tx: &mut Tx, jobs: &[AcceptJob]) -> Result<HashMap<String, Head>> {
    let mut heads = HashMap::new();
    // PostgreSQL: a decision of a head waits until those who join it are on disk, or is seen here.
    let (name, statement) = if tx.conn.is_postgres() { ("locked heads", LOCKED_HEADS) } else { ("heads", HEADS) };
    for part in jobs.chunks(ROWS) {
        let text = in_text(name, statement, part.len());
        let mut query = Query::rows(text);
        for job in part {
            query.add(&job.new.same_as);
        }
        for (same_as, id, again_of) in tx.conn.all::<(String, String, Option<String>)>(&query).await? {
            let parse = |id: String| id.parse().map_err(|error| Error::corrupt("a request", error));
            heads.insert(same_as, Head { id: parse(id)?, again_of: again_of.map(parse).transpose()? });
        }
    }
    Ok(heads)
}
