//! Requests: compare-and-set changes, and reads by what the caller may see.

use countersign_domain::{
    audit::Entry,
    effect::StepKind,
    grant::GrantState,
    id::{CompanyId, RequestId, StepId, TechnicianId},
    request::{Request, State},
    role::Access,
    time::Time,
};
use sqlx::FromRow;

use crate::{
    Error, Result, Store, TicketRow, Tx, audit,
    lanes::{NewStep, append_step},
    query::Query,
    writer::{Job, Waiting},
};

/// The JSON body under which a request is kept.
pub(crate) fn body(request: &Request) -> Result<String> {
    serde_json::to_string(request).map_err(|error| Error::corrupt(request.id.to_string(), error))
}

pub(crate) fn parse(body: &str) -> Result<Request> {
    serde_json::from_str(body).map_err(|error| Error::corrupt("a request", error))
}

/// A change of requests that stands or falls as one: a decision and its repeats.
#[derive(Debug, Clone, Default)]
pub struct Transition {
    /// The changed requests; each was read one version lower.
    pub requests: Vec<Request>,
    /// Steps to append to lanes, with their ids.
    pub steps: Vec<(StepId, Request, StepKind)>,
    /// Audit entries.
    pub audit: Vec<Entry>,
}

pub(crate) struct TransitionJob {
    change: Transition,
    waiting: Waiting<bool>,
}

impl TransitionJob {
    /// What rows are written in the order of.
    pub(crate) fn key(&self) -> &str {
        self.change.requests.first().map_or("", |request| request.id.as_str())
    }

    pub(crate) fn finish(self, failure: Option<Error>) {
        self.waiting.finish(failure);
    }
}

/// When the request next needs a look by the clock: its expiry while pending, its grant's end while unused.
fn due_at(request: &Request) -> Option<Time> {
    match (request.state, &request.grant) {
        (State::Pending, _) => Some(request.expires_at),
        (State::Approved, Some(grant)) if grant.state == GrantState::Issued => Some(grant.until),
        _ => None,
    }
}

pub(crate) async fn write(tx: &mut Tx, jobs: &mut [TransitionJob]) -> Result<()> {
    for job in jobs {
        // Where one request alone is not as it was read, nothing has been written yet.
        let alone = job.change.requests.len() == 1;
        if !alone {
            tx.conn.execute(&Query::new("SAVEPOINT change")).await?;
        }
        let applied = apply(tx, &job.change).await?;
        if !alone {
            if !applied {
                tx.conn.execute(&Query::new("ROLLBACK TO SAVEPOINT change")).await?;
            }
            tx.conn.execute(&Query::new("RELEASE SAVEPOINT change")).await?;
        }
        job.waiting.result = Some(applied);
    }
    Ok(())
}

/// False if one of them is not as it was read; then nothing of the change is to be kept.
async fn apply(tx: &mut Tx, change: &Transition) -> Result<bool> {
    for request in &change.requests {
        let query = Query::new(
            "UPDATE requests SET state = $1, version = $2, due_at = $3, body = $4, joined_to = $5, again_until = $6
             WHERE id = $7 AND version = $8",
        )
        .bind(request.state.as_str())
        .bind(request.version)
        .bind(due_at(request))
        .bind(body(request)?)
        .bind(request.joined_to.as_ref().map(RequestId::as_str))
        .bind(request.again_until())
        .bind(request.id.as_str())
        .bind(request.version - 1);
        if tx.conn.execute(&query).await? != 1 {
            return Ok(false);
        }
    }
    for (id, request, kind) in &change.steps {
        append_step(tx, &NewStep::of(id.clone(), request, *kind), None).await?;
    }
    audit::append(&mut tx.conn, &mut tx.chain, &change.audit).await?;
    Ok(true)
}

/// A request with the names around it and what is known of its ticket.
#[derive(Debug, Clone)]
pub struct RequestRow {
    /// The request.
    pub request: Request,
    /// Name of its company.
    pub company: String,
    /// Name of its location.
    pub location: String,
    /// Name of its computer.
    pub computer: String,
    /// How the company stands to the ticketing system.
    pub company_linked: bool,
    /// How many others joined it.
    pub repeats: u32,
    /// Its ticket.
    pub ticket: Option<TicketRow>,
}

#[derive(FromRow)]
pub(crate) struct Raw {
    body: String,
    company: String,
    location: String,
    computer: String,
    linked: i64,
    repeats: i64,
    lane: String,
    psa_id: Option<String>,
    url: Option<String>,
    now: Option<String>,
    booked: Option<String>,
    opened_at: Option<i64>,
    seen_at: Option<i64>,
    doubt_at: Option<i64>,
    gone_at: Option<i64>,
    closed_by_hand_at: Option<i64>,
    sent: Option<String>,
}

impl TryFrom<Raw> for RequestRow {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Ok(Self {
            request: parse(&raw.body)?,
            company: raw.company,
            location: raw.location,
            computer: raw.computer,
            company_linked: raw.linked != 0,
            repeats: u32::try_from(raw.repeats).unwrap_or(u32::MAX),
            ticket: match (raw.psa_id, raw.url, raw.now) {
                (Some(psa_id), Some(url), Some(now)) => Some(TicketRow {
                    lane: raw.lane,
                    psa_id,
                    url,
                    now,
                    booked: raw.booked,
                    opened_at: Time(raw.opened_at.unwrap_or(0)),
                    seen_at: Time(raw.seen_at.unwrap_or(0)),
                    doubt_at: raw.doubt_at.map(Time),
                    gone_at: raw.gone_at.map(Time),
                    closed_by_hand_at: raw.closed_by_hand_at.map(Time),
                    sent: raw.sent,
                }),
                _ => None,
            },
        })
    }
}

pub(crate) const COLUMNS: &str = "r.body, c.name AS company, l.name AS location, p.name AS computer,
    CASE WHEN k.state = 'linked' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS linked,
    (SELECT COUNT(*) FROM requests j WHERE j.joined_to = r.id) AS repeats,
    COALESCE(r.again_of, r.joined_to, r.id) AS lane, t.psa_id, t.url, t.now, t.booked, t.opened_at, t.seen_at,
    t.doubt_at, t.gone_at, t.closed_by_hand_at, t.sent";
pub(crate) const FROM: &str = " FROM requests r
    JOIN companies c ON c.id = r.company_id
    JOIN locations l ON l.id = r.location_id
    JOIN computers p ON p.id = r.computer_id
    LEFT JOIN links k ON k.kind = 'company' AND k.id = r.company_id
    LEFT JOIN tickets t ON t.lane = COALESCE(r.again_of, r.joined_to, r.id)";

fn select() -> Query {
    let mut query = Query::build("SELECT ");
    query.push(COLUMNS).push(FROM);
    query
}

/// Who joined a request. Its state stands in a CASE: SQLite would walk every pending request otherwise.
pub(crate) const JOINED: &str = "SELECT body FROM requests WHERE joined_to = $1
    AND CASE state WHEN 'pending' THEN 1 ELSE 0 END = 1 ORDER BY received_at, id";

/// Which requests to list.
#[derive(Debug, Clone, Default)]
pub struct RequestQuery {
    /// In this state.
    pub state: Option<State>,
    /// Decided or over: everything but pending.
    pub over: bool,
    /// Of this company.
    pub company: Option<CompanyId>,
    /// From this computer.
    pub computer: Option<countersign_domain::id::ComputerId>,
    /// Bearing this text in program, user, computer or company.
    pub search: Option<String>,
    /// Leave out requests that joined another.
    pub heads_only: bool,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
    /// After this one, in the order asked for.
    pub after: Option<(Time, RequestId)>,
    /// How many at the most.
    pub limit: usize,
}

/// How many requests stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Pending, repeats left out.
    pub pending: u64,
    /// Steps that wait or are being sent.
    pub waiting_steps: u64,
    /// Steps that need a person.
    pub attention_steps: u64,
    /// Steps that wait for a link.
    pub parked_steps: u64,
}

/// Companies times states that a list is put together from; more are filtered out of all requests by time.
const PARTS: usize = 300;

/// The statement of a list. Where it is of some companies, each company and state is a walk of its own over an index that
/// holds them in order, and stops at the limit; the walks are merged.
pub(crate) fn list_text(companies: Option<&[&CompanyId]>, wanted: &RequestQuery) -> Query {
    let order = if wanted.oldest_first { "ASC" } else { "DESC" };
    let limit = i64::try_from(wanted.limit).unwrap_or(i64::MAX);
    let states: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| {
            wanted.state.is_none_or(|wanted| wanted == *state) && !(wanted.over && *state == State::Pending)
        })
        .collect();
    let mut query = select();
    match companies {
        Some(companies)
            if wanted.computer.is_none() && companies.len() * states.len() <= PARTS && !states.is_empty() =>
        {
            query.push(" WHERE r.id IN (SELECT m.id FROM (");
            let parts = companies.iter().flat_map(|company| states.iter().map(move |state| (company, state)));
            for (place, (company, state)) in parts.enumerate() {
                query.push(if place == 0 { "" } else { " UNION ALL " });
                query.push("SELECT * FROM (SELECT r.id, r.received_at FROM requests r WHERE r.company_id = ");
                query.arg(company.as_str()).push(" AND r.state = '").push(state.as_str()).push("'");
                narrow(&mut query, wanted);
                query.push(&format!(" ORDER BY r.received_at {order}, r.id {order} LIMIT ")).arg(limit);
                query.push(&format!(") p{place}"));
            }
            query.push(&format!(") m ORDER BY m.received_at {order}, m.id {order} LIMIT ")).arg(limit).push(")");
        }
        companies => {
            query.push(" WHERE 1 = 1");
            if let Some(companies) = companies {
                query.push(" AND r.company_id IN ").list(companies.iter().map(|company| company.as_str()));
            }
            if let Some(state) = wanted.state {
                query.push(" AND r.state = '").push(state.as_str()).push("'");
            }
            if wanted.over {
                query.push(" AND r.state <> 'pending'");
            }
            narrow(&mut query, wanted);
        }
    }
    query.push(&format!(" ORDER BY r.received_at {order}, r.id {order} LIMIT ")).arg(limit);
    query
}

fn narrow(query: &mut Query, wanted: &RequestQuery) {
    if let Some(computer) = &wanted.computer {
        query.push(" AND r.computer_id = ").arg(computer.as_str());
    }
    if wanted.heads_only {
        query.push(" AND r.joined_to IS NULL");
    }
    if let Some(text) = wanted.search.as_deref().filter(|text| !text.trim().is_empty()) {
        query.push(" AND r.search LIKE ").arg(like(text.trim())).push(" ESCAPE '!'");
    }
    if let Some((at, id)) = &wanted.after {
        let compare = if wanted.oldest_first { ">" } else { "<" };
        query
            .push(" AND (r.received_at, r.id) ")
            .push(compare)
            .push(" (")
            .arg(*at)
            .push(", ")
            .arg(id.as_str())
            .push(")");
    }
}

/// Escapes the wildcards of LIKE; the statement names `!` as escape character.
pub(crate) fn like(text: &str) -> String {
    let escaped = text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

pub(crate) fn only(query: &mut Query, column: &str, access: &Access) {
    if let Access::Only(companies) = access {
        query.push(" AND ").push(column).push(" IN ").list(companies.iter().map(CompanyId::as_str));
    }
}

impl Store {
    /// Keeps a change; false if somebody else changed one of the requests meanwhile, and then nothing is kept.
    ///
    /// After it, [`Store::joined_pending`] tells whoever joined a decided request before the decision; none can join it
    /// later.
    ///
    /// # Errors
    /// [`Error::Database`] where nothing was kept.
    pub async fn transition(&self, change: Transition) -> Result<bool> {
        let key = change.requests.first().map(|request| request.id.to_string()).unwrap_or_default();
        let (waiting, answer) = Waiting::new();
        self.inner.writers.send(&key, Job::Transition(TransitionJob { change, waiting })).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// One request, if the caller may see it.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn request(&self, access: &Access, id: &RequestId) -> Result<Option<RequestRow>> {
        let mut query = select();
        query.push(" WHERE r.id = ").arg(id.as_str());
        only(&mut query, "r.company_id", access);
        let raw: Option<Raw> = self.read().await?.one(&query).await?;
        raw.map(RequestRow::try_from).transpose()
    }

    /// Requests that the caller may see.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn requests(&self, access: &Access, wanted: &RequestQuery) -> Result<Vec<RequestRow>> {
        let companies: Option<Vec<&CompanyId>> = match (&wanted.company, access) {
            (Some(company), access) => Some(if access.covers(company) { vec![company] } else { Vec::new() }),
            (None, Access::Only(companies)) => Some(companies.iter().collect()),
            (None, Access::All) => None,
        };
        if companies.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let rows: Vec<Raw> = self.read().await?.all(&list_text(companies.as_deref(), wanted)).await?;
        rows.into_iter().map(RequestRow::try_from).collect()
    }

    /// One request without the names around it, whoever asks. For use cases that check the caller themselves.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn request_alone(&self, id: &RequestId) -> Result<Option<Request>> {
        let query = Query::new("SELECT body FROM requests WHERE id = $1").bind(id.as_str());
        let body: Option<(String,)> = self.read().await?.one(&query).await?;
        body.map(|(body,)| parse(&body)).transpose()
    }

    /// The requests that joined this one and are still pending, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn joined_pending(&self, head: &RequestId) -> Result<Vec<Request>> {
        let query = Query::new(JOINED).bind(head.as_str());
        let bodies: Vec<(String,)> = self.read().await?.all(&query).await?;
        bodies.into_iter().map(|(body,)| parse(&body)).collect()
    }

    /// Requests that are over while repeats of them still wait; at most `limit`.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn heads_that_left_repeats(&self, limit: usize) -> Result<Vec<Request>> {
        let query = Query::new(
            "SELECT h.body FROM requests h WHERE h.state <> 'pending' AND h.id IN
             (SELECT r.joined_to FROM requests r WHERE r.joined_to IS NOT NULL AND r.state = 'pending') LIMIT $1",
        )
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let bodies: Vec<(String,)> = self.read().await?.all(&query).await?;
        bodies.into_iter().map(|(body,)| parse(&body)).collect()
    }

    /// Requests whose time to be decided, or to be used, has passed; at most `limit`.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn due_requests(&self, now: Time, limit: usize) -> Result<Vec<Request>> {
        let query =
            Query::new("SELECT body FROM requests WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2")
                .bind(now)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let bodies: Vec<(String,)> = self.read().await?.all(&query).await?;
        bodies.into_iter().map(|(body,)| parse(&body)).collect()
    }

    /// Notes that a technician looks at a request, if it is his first look; when that was.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be kept.
    pub async fn look(&self, request: &RequestId, technician: &TechnicianId, at: Time) -> Result<Time> {
        let (request, technician) = (request.clone(), technician.clone());
        let known = Query::new("SELECT at FROM looks WHERE request_id = $1 AND technician_id = $2")
            .bind(request.as_str())
            .bind(technician.as_str());
        if let Some((first,)) = self.read().await?.one::<(i64,)>(&known).await? {
            return Ok(Time(first));
        }
        self.write(move |tx| {
            let insert = Query::new(
                "INSERT INTO looks (request_id, technician_id, at) VALUES ($1, $2, $3)
                 ON CONFLICT (request_id, technician_id) DO NOTHING",
            )
            .bind(request.as_str())
            .bind(technician.as_str())
            .bind(at);
            let known = known.clone();
            Box::pin(async move {
                tx.conn.execute(&insert).await?;
                Ok(tx.conn.one::<(i64,)>(&known).await?.map_or(at, |(first,)| Time(first)))
            })
        })
        .await
    }

    /// What waits, among what the caller may see.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn counts(&self, access: &Access) -> Result<Counts> {
        let mut conn = self.read().await?;
        let mut pending =
            Query::build("SELECT COUNT(*) FROM requests r WHERE r.state = 'pending' AND r.joined_to IS NULL");
        only(&mut pending, "r.company_id", access);
        let pending: Option<(i64,)> = conn.one(&pending).await?;
        let mut steps = Query::build(
            "SELECT s.state, COUNT(*) FROM steps s
             WHERE (s.kind NOT IN ('link_record', 'sync_directory', 'follow_tickets', 'reconcile') OR s.state = 'attention')
             AND s.state IN ('queued', 'waiting', 'sending', 'parked', 'attention')",
        );
        only(&mut steps, "s.company_id", access);
        steps.push(" GROUP BY s.state");
        let steps: Vec<(String, i64)> = conn.all(&steps).await?;
        let count = |states: &[&str]| {
            let sum: i64 = steps.iter().filter(|(state, _)| states.contains(&state.as_str())).map(|(_, n)| n).sum();
            u64::try_from(sum).unwrap_or(0)
        };
        Ok(Counts {
            pending: u64::try_from(pending.map_or(0, |(n,)| n)).unwrap_or(0),
            waiting_steps: count(&["queued", "waiting", "sending"]),
            attention_steps: count(&["attention"]),
            parked_steps: count(&["parked"]),
        })
    }
}

pub(crate) async fn by_ids(conn: &mut crate::engine::Conn, ids: &[RequestId]) -> Result<Vec<RequestRow>> {
    let mut query = select();
    query.push(" WHERE r.id IN ").list(ids.iter().map(RequestId::as_str));
    let rows: Vec<Raw> = conn.all(&query).await?;
    rows.into_iter().map(RequestRow::try_from).collect()
}
