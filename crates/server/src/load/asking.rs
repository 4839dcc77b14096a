//! Asks, waits and decides, many at the same time, and notes how long each took.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use countersign_app::clock::{Clock as _, Ids as _, System};
use countersign_domain::id::RequestId;
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinSet};

use super::desk::Desk;
use crate::call::{Caller, items, text};

/// After so long without an event the server is asked.
const UNHEARD: Duration = Duration::from_secs(2);
/// How long a ticket, or all of them, may take.
const PATIENCE: Duration = Duration::from_mins(15);
/// How often it is looked whether nothing waits any more.
const PAUSE: Duration = Duration::from_millis(20);

/// A computer with its credential.
#[derive(Clone)]
pub(super) struct Computer {
    pub(super) caller: Caller,
    pub(super) end_user: Value,
}

/// What a phase did.
#[derive(Default)]
pub(super) struct Done {
    pub(super) ids: Vec<String>,
    /// From the sending of each call to its answer.
    pub(super) answered: Vec<Duration>,
    /// From the sending of each call to what it was for: the ticket known, the action written, the endpoint told.
    pub(super) reached: Vec<Duration>,
    /// From the first call to the last answer.
    pub(super) calling: Duration,
}

/// Who waits to hear of which request.
#[derive(Default)]
struct Heard(Mutex<HashMap<String, oneshot::Sender<Duration>>>);

impl Heard {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Duration>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of the next `ticket.updated` of a request. Take it before what leads to it is sent.
    fn expect(&self, id: &str) -> oneshot::Receiver<Duration> {
        let (tell, told) = oneshot::channel();
        self.lock().insert(id.to_owned(), tell);
        told
    }

    fn tell(&self, id: &str) {
        // Nobody waits for most of them.
        let _nobody = self.lock().remove(id).map(|tell| tell.send(System.monotonic()));
    }
}

/// Computers that ask and a technician who decides.
pub(super) struct Asking {
    desk: Desk,
    heard: Arc<Heard>,
    asked: Mutex<Vec<String>>,
    decided: Mutex<HashSet<String>>,
    taken_back: Mutex<HashSet<String>>,
    _listening: JoinSet<Result<()>>,
}

impl Asking {
    /// Begins to listen to the server's events, and waits until what the set-up left to do is done.
    pub(super) async fn start(desk: Desk) -> Result<Arc<Self>> {
        let heard = Arc::new(Heard::default());
        let stream = desk.portal.stream("/api/v1/events").await?;
        let mut listening = JoinSet::new();
        listening.spawn(listen(stream, heard.clone()));
        let asking = Self {
            desk,
            heard,
            asked: Mutex::default(),
            decided: Mutex::default(),
            taken_back: Mutex::default(),
            _listening: listening,
        };
        asking.until_nothing_waits().await?;
        Ok(Arc::new(asking))
    }

    /// Every request that was accepted.
    pub(super) fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }

    /// Every request that was decided.
    pub(super) fn decided(&self) -> HashSet<String> {
        lock(&self.decided).clone()
    }

    /// Every request whose approval was taken back.
    pub(super) fn taken_back(&self) -> HashSet<String> {
        lock(&self.taken_back).clone()
    }

    /// Asks once. The id, when it was sent, and when the answer came.
    async fn ask(&self, computer: &Computer, id: &str) -> Result<(Duration, Duration)> {
        // No two programs are the same, so no request joins another.
        let sha256 = id.trim_start_matches("req_").replace('-', "").repeat(2);
        let body = json!({
            "end_user": computer.end_user,
            "program": {
                "path": r"C:\Program Files\Ledger\upd.exe", "sha256": sha256, "size": 9_240_576,
                "product": "Ledger Desk 2027.2 update", "version": "1.0",
                "publisher": { "subject": "Ledger Desk Software Ltd", "thumbprint": sha256, "verified": true },
            },
            "command_line": "/update /quiet", "reason": "The program will not open without the update.",
            "requested_at": System.now().rfc3339(),
        });
        let sent = System.monotonic();
        let answer = computer.caller.put(&format!("/agent/v1/requests/{id}"), &body).await?;
        let came = System.monotonic();
        if answer.status != 201 {
            return Err(answer.ok().err().unwrap_or_else(|| anyhow!("a new request was taken for a repeat")));
        }
        lock(&self.asked).push(id.to_owned());
        Ok((sent, came))
    }

    fn computer(&self, n: usize) -> Result<&Computer> {
        self.desk.computers.iter().cycle().nth(n % self.desk.computers.len().max(1)).context("there is no computer")
    }

    /// Asks, each caller waiting until its ticket is known before it asks again.
    pub(super) async fn until_told(self: &Arc<Self>, requests: usize, width: usize) -> Result<Done> {
        let asking = self.clone();
        at_once((0..requests).collect(), width, move |n| {
            let asking = asking.clone();
            async move {
                let (computer, id) = (asking.computer(n)?, new_id());
                let heard = asking.heard.expect(&id);
                let (sent, came) = asking.ask(computer, &id).await?;
                let reached = asking.told(computer, &id, heard, "/ticket/id").await?;
                Ok(One { id, answered: came.saturating_sub(sent), reached: Some(reached.saturating_sub(sent)) })
            }
        })
        .await
    }

    /// Asks, each caller waiting for the answer alone.
    pub(super) async fn until_accepted(self: &Arc<Self>, requests: usize, width: usize) -> Result<Done> {
        let asking = self.clone();
        at_once((0..requests).collect(), width, move |n| {
            let asking = asking.clone();
            async move {
                let id = new_id();
                let (sent, came) = asking.ask(asking.computer(n)?, &id).await?;
                Ok(One { id, answered: came.saturating_sub(sent), reached: None })
            }
        })
        .await
    }

    /// Decides these requests, each caller waiting until the action is on the ticket.
    pub(super) async fn decide(self: &Arc<Self>, ids: Vec<String>, width: usize) -> Result<Done> {
        let asking = self.clone();
        at_once(ids, width, move |id| {
            let asking = asking.clone();
            async move {
                let heard = asking.heard.expect(&id);
                let (sent, came) = asking.decide_one(&id).await?;
                let reached = written(&id, heard).await?;
                Ok(One { id, answered: came.saturating_sub(sent), reached: Some(reached.saturating_sub(sent)) })
            }
        })
        .await
    }

    /// Decides these requests, each caller waiting for the answer alone.
    pub(super) async fn decide_and_on(self: &Arc<Self>, ids: Vec<String>, width: usize) -> Result<Done> {
        let asking = self.clone();
        at_once(ids, width, move |id| {
            let asking = asking.clone();
            async move {
                let (sent, came) = asking.decide_one(&id).await?;
                Ok(One { id, answered: came.saturating_sub(sent), reached: None })
            }
        })
        .await
    }

    /// Takes these approvals back, each caller waiting until the action is on the ticket.
    pub(super) async fn take_back(self: &Arc<Self>, ids: Vec<String>, width: usize) -> Result<Done> {
        let asking = self.clone();
        at_once(ids, width, move |id| {
            let asking = asking.clone();
            async move {
                let heard = asking.heard.expect(&id);
                let sent = System.monotonic();
                asking.desk.portal.post(&format!("/api/v1/requests/{id}/revoke"), &json!({})).await?;
                let came = System.monotonic();
                lock(&asking.taken_back).insert(id.clone());
                let reached = written(&id, heard).await?;
                Ok(One { id, answered: came.saturating_sub(sent), reached: Some(reached.saturating_sub(sent)) })
            }
        })
        .await
    }

    async fn decide_one(&self, id: &str) -> Result<(Duration, Duration)> {
        let wish = json!({ "verdict": "approve", "scope": "once", "reason": "Known publisher, expected update." });
        let sent = System.monotonic();
        self.desk.portal.post(&format!("/api/v1/requests/{id}/decision"), &wish).await?;
        let came = System.monotonic();
        lock(&self.decided).insert(id.to_owned());
        Ok((sent, came))
    }

    /// While `waiting` endpoints wait for decisions, decides `timed` others one at a time.
    pub(super) async fn decide_while_waiting(self: &Arc<Self>, waiting: usize, timed: usize) -> Result<Done> {
        let mut others = JoinSet::new();
        for n in 0..waiting {
            let (computer, id) = (self.computer(n)?.clone(), new_id());
            self.ask(&computer, &id).await?;
            others.spawn(async move { wait(&computer, &id).await });
        }
        let mut decided = Vec::with_capacity(timed);
        for n in 0..timed {
            let (computer, id) = (self.computer(n)?.clone(), new_id());
            self.ask(&computer, &id).await?;
            decided.push((id.clone(), tokio::spawn(async move { wait(&computer, &id).await })));
        }
        self.until_nothing_waits().await?;
        let began = System.monotonic();
        let mut done = Done::default();
        for (id, endpoint) in decided {
            let (sent, came) = self.decide_one(&id).await?;
            let told = endpoint.await??;
            done.ids.push(id);
            done.answered.push(came.saturating_sub(sent));
            done.reached.push(told.saturating_sub(sent));
        }
        done.calling = System.monotonic().saturating_sub(began);
        if let Some(early) = others.try_join_next() {
            bail!("an endpoint stopped waiting without a decision: {:?}", early?);
        }
        Ok(done)
    }

    /// Waits until every ticket is there that is waited for.
    pub(super) async fn until_caught_up(self: &Arc<Self>, requests: usize) -> Result<Done> {
        let began = System.monotonic();
        self.until_nothing_waits().await?;
        Ok(Done {
            ids: vec![String::new(); requests],
            calling: System.monotonic().saturating_sub(began),
            ..Done::default()
        })
    }

    /// Waits until no step waits.
    pub(super) async fn until_nothing_waits(&self) -> Result<()> {
        self.until_nothing_waits_for(PATIENCE, PAUSE).await
    }

    /// The same, for so long, with such a pause between two looks.
    pub(super) async fn until_nothing_waits_for(&self, patience: Duration, pause: Duration) -> Result<()> {
        let until = System.monotonic() + patience;
        loop {
            let waiting = self.desk.portal.get("/api/v1/steps?state=waiting&limit=1").await?;
            if items(&waiting).is_empty() {
                return Ok(());
            }
            if System.monotonic() > until {
                bail!("Steps still wait after {} s: {waiting}", patience.as_secs());
            }
            System.sleep(pause).await;
        }
    }

    /// Waits until the tickets of these approvals were read back. The server tells of that as it does of an action, so that
    /// the one would be taken for the other.
    pub(super) async fn until_read_back(&self, ids: &[String]) -> Result<()> {
        let until = System.monotonic() + PATIENCE;
        for id in ids {
            loop {
                let request = self.desk.portal.get(&format!("/api/v1/requests/{id}")).await?;
                if request.pointer("/ticket/assigned_to").is_some_and(Value::is_string) {
                    break;
                }
                if System.monotonic() > until {
                    bail!("the ticket of {id} was not read back in time");
                }
                System.sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// When the server said that something became of the request's ticket; asks it, where an event was missed.
    async fn told(
        &self,
        computer: &Computer,
        id: &str,
        mut heard: oneshot::Receiver<Duration>,
        what: &str,
    ) -> Result<Duration> {
        let until = System.monotonic() + PATIENCE;
        while System.monotonic() < until {
            if let Ok(heard) = tokio::time::timeout(UNHEARD, &mut heard).await {
                return Ok(heard?);
            }
            let answer = computer.caller.get(&format!("/agent/v1/requests/{id}")).await?;
            if answer.pointer(what).is_some_and(Value::is_string) {
                return Ok(System.monotonic());
            }
        }
        bail!("the ticket of {id} was not there in time")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_id() -> String {
    RequestId::from_uuid(System.uuid()).to_string()
}

/// When the server said that the action of a decision is written.
async fn written(id: &str, heard: oneshot::Receiver<Duration>) -> Result<Duration> {
    match tokio::time::timeout(PATIENCE, heard).await {
        Ok(heard) => Ok(heard?),
        Err(_) => bail!("what was done to {id} was not told to Halo in time"),
    }
}

/// Waits as an endpoint does, until the request is decided; when that was heard.
async fn wait(computer: &Computer, id: &str) -> Result<Duration> {
    loop {
        let answer = computer.caller.get(&format!("/agent/v1/requests/{id}?wait=55")).await?;
        let now = System.monotonic();
        if text(&answer, "/state")? != "pending" {
            return Ok(now);
        }
    }
}

/// Reads the server's events until it ends.
async fn listen(mut stream: reqwest::Response, heard: Arc<Heard>) -> Result<()> {
    let mut kept = Vec::new();
    let mut ticket = false;
    while let Some(chunk) = stream.chunk().await? {
        kept.extend_from_slice(&chunk);
        while let Some(end) = kept.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = kept.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(name) = line.strip_prefix("event:") {
                ticket = name.trim() == "ticket.updated";
            } else if let (true, Some(data)) = (ticket, line.strip_prefix("data:")) {
                heard.tell(&text(&serde_json::from_str(data)?, "/id")?);
            }
        }
    }
    Ok(())
}

/// What became of one call.
struct One {
    id: String,
    answered: Duration,
    reached: Option<Duration>,
}

/// Works on all of them, `width` at the same time.
async fn at_once<T, F>(wanted: Vec<T>, width: usize, work: impl Fn(T) -> F + Send + Sync + 'static) -> Result<Done>
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<One>> + Send,
{
    let (wanted, next, work) = (Arc::new(wanted), Arc::new(AtomicUsize::new(0)), Arc::new(work));
    let mut tasks = JoinSet::new();
    let began = System.monotonic();
    for _ in 0..width {
        let (wanted, next, work) = (wanted.clone(), next.clone(), work.clone());
        tasks.spawn(async move {
            let mut done = Vec::new();
            while let Some(one) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push(work(one.clone()).await?);
            }
            anyhow::Ok(done)
        });
    }
    let mut all = Done::default();
    while let Some(done) = tasks.join_next().await {
        for one in done?? {
            all.ids.push(one.id);
            all.answered.push(one.answered);
            all.reached.extend(one.reached);
        }
    }
    all.calling = System.monotonic().saturating_sub(began);
    Ok(all)
}
