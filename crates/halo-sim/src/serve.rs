//! The HTTP side: connections that can be cut, the way of a call through log, faults and limit, and the table of routes.
//!
//! A call's work is one synchronous function under one lock: it cannot be seen half done, and it is written to the
//! journal before the answer leaves. Cutting is done below HTTP: the connection's writes fail from then on, so the
//! client sees a closed connection and no status, as with a real cable.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::answer::{Answer, Call, Reply};
use crate::calls::{Calls, Ended};
use crate::clock::{Stopwatch, wait};
use crate::faults::{Faults, Twist, Waits, Window, too_many};
use crate::query::Query;
use crate::switches::OnOff;
use crate::world::{Change, World};
use crate::{
    RateLimit, actions, attachments, control, directory, lookups, oauth, pages, ticket_writes, tickets, webhooks,
};

/// The largest body that is read; a larger one is answered 413.
const LARGEST_BODY: usize = 30_000_000;

/// What all calls share.
pub(crate) struct Shared {
    world: Mutex<World>,
    faults: Mutex<Faults>,
    calls: Mutex<Calls>,
    limiter: Mutex<Window>,
    rate_limit: Option<RateLimit>,
    token_seconds: i64,
    address: SocketAddr,
    stopping: watch::Receiver<bool>,
}

/// A lock that outlives a panic: each change of the state is whole, so there is nothing half done behind it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(
        world: World,
        rate_limit: Option<RateLimit>,
        token_lifetime: Duration,
        address: SocketAddr,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            world: Mutex::new(world),
            faults: Mutex::default(),
            calls: Mutex::default(),
            limiter: Mutex::default(),
            rate_limit,
            token_seconds: i64::try_from(token_lifetime.as_secs()).unwrap_or(i64::MAX),
            address,
            stopping,
        }
    }
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }
    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        lock(&self.calls)
    }
    pub(crate) fn limiter(&self) -> MutexGuard<'_, Window> {
        lock(&self.limiter)
    }

    /// Waits, unless the simulator stops meanwhile.
    async fn pause(&self, waits: Waits) {
        let waited = async {
            for mut hold in waits.holds {
                // Nothing is ever sent: it ends with its sender, which is dropped with the fault.
                while hold.changed().await.is_ok() {}
            }
            if !waits.time.is_zero() {
                wait(waits.time).await;
            }
        };
        let mut stopping = self.stopping.clone();
        tokio::select! {
            biased;
            () = waited => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
}

/// The handle that cuts a connection.
#[derive(Clone, Default)]
pub(crate) struct Cut(Arc<AtomicBool>);

impl Cut {
    fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
    fn is_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A TCP connection whose writes fail once it is cut.
pub(crate) struct Cuttable {
    stream: TcpStream,
    cut: Cut,
}

impl Cuttable {
    fn refusal(&self) -> Option<io::Error> {
        self.cut.is_cut().then(|| io::Error::from(io::ErrorKind::ConnectionReset))
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.refusal() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.refusal() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.stream).poll_flush(context),
        }
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Accepts connections that can be cut.
pub(crate) struct Door(pub(crate) TcpListener);

impl Listener for Door {
    type Io = Cuttable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        (Cuttable { stream, cut: Cut::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().cut.clone()
    }
}

/// Every request comes here: paths are matched without regard to case, which a router cannot.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let watch = Stopwatch::start();
    let (head, body) = request.into_parts();
    let given = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let mut path: Vec<String> = given.split('/').filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let base = format!("http://{}", host.map_or_else(|| shared.address.to_string(), str::to_owned));

    let control = matches!(path.as_slice(), [sim, v1, ..] if sim == "sim" && v1 == "v1");
    let api = path.first().is_some_and(|part| part == "api");
    if api {
        path.remove(0);
    }
    let body = axum::body::to_bytes(body, LARGEST_BODY).await;
    let call = Call {
        method: head.method.as_str().to_owned(),
        path,
        query: Query::parse(&query),
        headers: head.headers,
        body: body.as_ref().cloned().unwrap_or_default(),
        base,
    };
    if control {
        let rest: Vec<&str> = call.path.iter().skip(2).map(String::as_str).collect();
        let answer = control::answer(&shared, &call, &rest).unwrap_or_else(|refusal| refusal);
        let answer = commit(&shared, answer);
        webhooks::deliver_waiting(&shared);
        return answer.into_response();
    }
    if !api && let Some(page) = pages::page(&shared.world(), &call) {
        return page.into_response();
    }
    // In a task of its own: the work goes on where the caller hangs up, as a real server's does.
    let playing = tokio::spawn(async move {
        let ended = match body {
            Ok(_) => play(&shared, &call, api).await,
            Err(_) => Some(Answer::empty(413)),
        };
        let shown = if api { given.get(4..).unwrap_or_default() } else { given.as_str() };
        let status = ended.as_ref().map_or(Ended::Cut, |answer| Ended::Answered(answer.status));
        shared.calls().note(&call.method, shown, &query, status, watch.elapsed());
        webhooks::deliver_waiting(&shared);
        ended
    });
    let ended = playing.await.unwrap_or_else(|_panic| Some(Answer::empty(500)));
    ended.map_or_else(
        || {
            cut.cut();
            Response::new(Body::empty())
        },
        Answer::into_response,
    )
}

/// One Halo call with its faults; none means that the connection is to be cut.
async fn play(shared: &Shared, call: &Call, api: bool) -> Option<Answer> {
    let plan = shared.faults().plan(&call.method, &call.path);
    shared.pause(plan.before).await;
    let answer = match plan.twist {
        Some(Twist::Instead(answer)) => Some(answer),
        Some(Twist::CutBefore) => None,
        Some(Twist::CutAfter) => {
            work(shared, call, api);
            None
        }
        Some(Twist::After(answer)) => {
            work(shared, call, api);
            Some(answer)
        }
        Some(Twist::ExpireTokens) => {
            shared.world().record(Change::TokensGone);
            Some(work(shared, call, api))
        }
        None => Some(work(shared, call, api)),
    };
    shared.pause(plan.after).await;
    answer
}

/// Does what the call asks for, and makes it last.
fn work(shared: &Shared, call: &Call, api: bool) -> Answer {
    if api && let Some(limit) = shared.rate_limit {
        let admitted = shared.limiter().admit(limit.calls, limit.window);
        if let Err(wait) = admitted {
            let mut answer = too_many(limit.calls, limit.window, wait);
            if shared.world().switches.retry_after == OnOff::Off {
                answer.headers.clear();
            }
            return answer;
        }
    }
    let answer = {
        let mut world = shared.world();
        let reply = if api { route(&mut world, call) } else { sign_in(&mut world, call, shared.token_seconds) };
        reply.unwrap_or_else(|refusal| refusal)
    };
    commit(shared, answer)
}

/// Writes the journal; an answer whose work is not on disk is a server fault instead.
fn commit(shared: &Shared, answer: Answer) -> Answer {
    match shared.world().commit() {
        Ok(()) => answer,
        Err(error) => {
            tracing::error!(%error, "the snapshot file cannot be written");
            Answer::text(500, "The snapshot file of the simulator cannot be written.")
        }
    }
}

/// Paths outside `/api`: the authorisation server.
fn sign_in(world: &mut World, call: &Call, token_seconds: i64) -> Reply {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["auth", "token"] | ["token"] => oauth::token(world, call, token_seconds),
        ["auth", ".well-known", "openid-configuration"] => Ok(oauth::discovery(call, &format!("{}/auth", call.base))),
        [".well-known", "openid-configuration"] => Ok(oauth::discovery(call, &call.base)),
        ["auth", ".well-known", "jwks"] => Ok(Answer::ok(serde_json::json!({ "keys": [] }))),
        _ => Err(Answer::html(404, "Not Found")),
    }
}

/// Paths below `/api`.
fn route(world: &mut World, call: &Call) -> Reply {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    if path.as_slice() == ["authinfo"] {
        return Ok(lookups::auth_info(world, call));
    }
    let access = oauth::access(world, call)?;
    let access = &access;
    let (kind, rest) = path.split_first().ok_or_else(Answer::not_found)?;
    match (call.method.as_str(), *kind, rest) {
        ("GET", "tickets", []) => tickets::list(world, access, call),
        ("POST", "tickets", []) => ticket_writes::post(world, access, call),
        ("POST", "tickets", ["object"]) => ticket_writes::post_object(world, access, call),
        ("GET", "tickets", [id]) => tickets::get(world, access, call, number(id)?),
        ("DELETE", "tickets", [id]) => ticket_writes::delete(world, access, number(id)?),
        ("GET", "actions", []) => actions::list(world, access, call),
        ("POST", "actions", []) => actions::post(world, access, call),
        ("GET", "actions", [id]) => actions::get(world, access, call, number(id)?),
        ("DELETE", "actions", [id]) => actions::delete(world, access, call, number(id)?),
        ("GET", "attachment", []) => attachments::list(world, access, call),
        ("POST", "attachment", []) => attachments::post(world, access, call),
        ("GET", "attachment", [id]) => attachments::get(world, access, number(id)?),
        ("DELETE", "attachment", [id]) => attachments::delete(world, access, number(id)?),
        ("GET", "client", []) => directory::clients(world, access, call),
        ("GET", "site", []) => directory::sites(world, access, call),
        ("GET", "users", []) => directory::users(world, access, call),
        ("GET", "asset", []) => directory::assets(world, access, call),
        ("GET", "agent", []) => directory::agents(world, access, call),
        ("GET", "agent", ["me"]) => directory::me(world, access),
        ("GET", "users", ["me"]) => directory::user_me(access),
        ("GET", "timesheetevent", []) => actions::timesheet(world, access, call),
        ("GET", "client" | "site" | "users" | "asset" | "agent", [id]) => {
            directory::get(world, access, kind, number(id)?)
        }
        ("POST", "client" | "site" | "users" | "asset" | "agent", []) => directory::post(world, access, call, kind),
        ("GET", "team", ["tree"]) => Ok(lookups::team_tree(&world.book)),
        ("GET", "instanceinfo", []) => Ok(lookups::instance_info(world, call)),
        ("GET", "versioninfo", []) => Ok(Answer::ok(serde_json::json!([{ "id": 1, "version": lookups::VERSION }]))),
        ("GET", "clientcache" | "control", []) => {
            Ok(Answer::ok(serde_json::json!({ "app_version": lookups::VERSION })))
        }
        (_, "webhook" | "webhookevent" | "notification" | "roles" | "application", _) => {
            webhooks::route(world, access, call)
        }
        (
            "GET",
            "tickettype" | "status" | "priority" | "outcome" | "team" | "sla" | "category" | "lookup" | "assettype"
            | "fieldinfo" | "toplevel" | "organisation" | "workflow",
            [] | [_],
        ) => lookups::get(world, access, call, kind, rest.first().copied()),
        (
            "POST" | "DELETE",
            "tickettype" | "status" | "priority" | "outcome" | "team" | "sla" | "category" | "lookup" | "assettype"
            | "fieldinfo" | "toplevel" | "organisation" | "workflow" | "client" | "site" | "users" | "asset" | "agent",
            _,
        ) => Err(Answer::forbidden()),
        ("PUT" | "PATCH", "tickets" | "actions" | "client" | "site" | "users" | "asset" | "agent", _) => {
            Err(Answer::method_not_allowed("GET, POST, DELETE"))
        }
        _ => Err(Answer::not_found()),
    }
}

fn number(text: &str) -> Result<i64, Answer> {
    text.parse().map_err(|_| Answer::not_found())
}
