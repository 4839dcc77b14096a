//! Accepting requests: on disk before the answer, a repeat of one is a no-op, a repeat of its content joins it.

use std::collections::HashMap;

use countersign_domain::{
    audit::Entry,
    effect::StepKind,
    id::{RequestId, StepId},
    request::{Request, TicketOn},
};
use tokio::sync::oneshot;

use crate::{
    Error, Result, Store, Tx, audit,
    engine::Query,
    lanes::{NewStep, append_step, insert_first_steps},
    requests::body,
    writer::{Job, Waiting, insert_text, rows_text, sizes},
};

/// A request to accept, pending, with what goes into the same commit.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The request; `joined_to` is found here.
    pub request: Request,
    /// What makes it the same as another.
    pub same_as: String,
    /// Lower-case text that a search finds it by.
    pub search: String,
    /// Id of the step that opens its ticket, where the request itself makes one.
    pub open_step: StepId,
    /// The audit entry.
    pub audit: Entry,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    New(Box<Request>),
    /// It was on disk before; this is how it stands.
    Repeat(Box<Request>),
}

pub(crate) struct AcceptJob {
    new: Box<NewRequest>,
    waiting: Waiting<Accepted>,
}

impl AcceptJob {
    pub(crate) fn finish(self, failure: Option<Error>) {
        self.waiting.finish(failure);
    }
}

impl Store {
    /// Accepts a request. The answer is given after the commit.
    ///
    /// # Errors
    /// [`Error::Database`] where it is not on disk; the endpoint keeps it and asks again.
    pub async fn accept(&self, new: NewRequest) -> Result<Accepted> {
        let (waiting, answer): (_, oneshot::Receiver<_>) = Waiting::new();
        let key = new.request.computer_id.to_string();
        self.inner.writers.send(&key, Job::Accept(AcceptJob { new: Box::new(new), waiting })).await?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

const COLUMNS: &str =
    "id, company_id, location_id, computer_id, state, version, same_as, joined_to, received_at, due_at, body, search";

pub(crate) async fn write(tx: &mut Tx, jobs: &mut [AcceptJob]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let mut known = known(tx, jobs).await?;
    let mut heads = heads(tx, jobs).await?;
    let (mut rows, mut steps, mut entries, mut repeats) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for job in jobs.iter_mut() {
        let new = &job.new;
        let id = new.request.id.to_string();
        if let Some(before) = known.get(&id) {
            job.waiting.result = Some(Accepted::Repeat(Box::new(before.clone())));
            continue;
        }
        let mut request = new.request.clone();
        if let Some(head) = heads.get(&new.same_as) {
            request.joined_to = Some(head.clone());
            if request.ticket_on == TicketOn::Request {
                repeats.push((head.clone(), new.open_step.clone(), request.clone()));
            }
        } else {
            heads.insert(new.same_as.clone(), request.id.clone());
            if request.ticket_on == TicketOn::Request {
                steps.push(NewStep::first(new.open_step.clone(), &request, StepKind::OpenTicket));
            }
        }
        let mut entry = new.audit.clone();
        if let (Some(head), Some(object)) = (&request.joined_to, entry.body.as_object_mut()) {
            object.insert("joined_to".to_owned(), head.as_str().into());
        }
        entries.push(entry);
        known.insert(id, request.clone());
        rows.push((request.clone(), new.same_as.clone(), new.search.clone()));
        job.waiting.result = Some(Accepted::New(Box::new(request)));
    }
    for part in sizes(&rows) {
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
            query.add(request.received_at);
            query.add(request.expires_at);
            query.add(body(request)?);
            query.add(search);
        }
        tx.conn.execute(&query).await?;
    }
    insert_first_steps(tx, &steps).await?;
    // The first repeat is told on the ticket at once; the others are counted with the decision.
    for (head, step, repeat) in repeats {
        append_step(tx, &NewStep::repeat(step, &head, &repeat), Some(1)).await?;
    }
    audit::append(&mut tx.conn, &mut tx.chain, &entries).await
}

pub(crate) const KNOWN: &str = "SELECT body FROM requests WHERE id IN {}";
pub(crate) const HEADS: &str =
    "SELECT same_as, id FROM requests WHERE state = 'pending' AND joined_to IS NULL AND same_as IN {}";
const LOCKED_HEADS: &str =
    "SELECT same_as, id FROM requests WHERE state = 'pending' AND joined_to IS NULL AND same_as IN {} FOR SHARE";

async fn known(tx: &mut Tx, jobs: &[AcceptJob]) -> Result<HashMap<String, Request>> {
    let mut known = HashMap::new();
    for part in sizes(jobs) {
        let text = rows_text("known", KNOWN, part.len(), 1);
        let mut query = Query::rows(text);
        for job in part {
            query.add(job.new.request.id.as_str());
        }
        for (body,) in tx.conn.all::<(String,)>(&query).await? {
            let request = crate::requests::parse(&body)?;
            known.insert(request.id.to_string(), request);
        }
    }
    Ok(known)
}

async fn heads(tx: &mut Tx, jobs: &[AcceptJob]) -> Result<HashMap<String, RequestId>> {
    let mut heads = HashMap::new();
    // PostgreSQL: a decision of a head waits until those who join it are on disk, or is seen here.
    let (name, statement) = if tx.conn.is_postgres() { ("locked heads", LOCKED_HEADS) } else { ("heads", HEADS) };
    for part in sizes(jobs) {
        let text = rows_text(name, statement, part.len(), 1);
        let mut query = Query::rows(text);
        for job in part {
            query.add(&job.new.same_as);
        }
        for (same_as, id) in tx.conn.all::<(String, String)>(&query).await? {
            let id = id.parse().map_err(|error| Error::corrupt("a request", error))?;
            heads.insert(same_as, id);
        }
    }
    Ok(heads)
}
