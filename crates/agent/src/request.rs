//! `countersign-agent request`: one run of the command.
//!
//! For: doing what `ask` says, and keeping on disk what must survive. Not for: the order of things; that is `ask`'s.
//! Called by `main`. A run that ends without an answer leaves the request in the spool; the next run for the same
//! program, arguments and user goes on with it, so nobody is asked twice.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use countersign_policy::reference;
use countersign_wire::decision::{DecisionAnswer, MAX_WAIT_SECONDS, Outcome, OutcomeBody};
use countersign_wire::grant::{Grant, SignedGrant};
use countersign_wire::keys::NotOpened;
use countersign_wire::request::{EndUser, RequestBody, State};
use countersign_wire::{Id, Name, Text, Time};

use crate::ask::{Act, Ask, Ending, Event, Next, Phase, Refusal, Wanted};
use crate::client::{BadServer, Client, Failure};
use crate::config::{Enrollment, StateDir, StateError};
use crate::facts::{self, Command, NotFound};
use crate::platform::{self, Moment, NoMoment, NoUser};
use crate::show::{Known, Screen};
use crate::spool::{Mark, Spool, SpoolError, Spooled, Withdrawn};

/// Longest wait in one call, well below what proxies cut.
const POLL_SECONDS: u64 = 25;
const _: () = assert!(POLL_SECONDS <= MAX_WAIT_SECONDS as u64);
/// As whom approved programs are to run.
const RUN_AS: &str = "root";

/// What was asked on the command line.
#[derive(Debug)]
pub struct Wish {
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// Why; asked for at a terminal when missing.
    pub reason: Option<String>,
    /// How long to wait for the answer.
    pub wait: Duration,
    /// The state folder.
    pub state_dir: PathBuf,
}

/// The request could not be made, or its course broke off.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server's address is not one to use.
    #[error(transparent)]
    Server(#[from] BadServer),
    /// The program cannot be asked for.
    #[error(transparent)]
    Program(#[from] NotFound),
    /// Nobody asks.
    #[error(transparent)]
    User(#[from] NoUser),
    /// No clock.
    #[error(transparent)]
    Clock(#[from] NoMoment),
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A text of the request is not one that can be sent.
    #[error("{what}: {reason}.")]
    Text {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        reason: countersign_policy::text::BadText,
    },
    /// The working folder is gone.
    #[error("The current folder cannot be read: {0}. Change to one that exists.")]
    Folder(io::Error),
    /// No random numbers.
    #[error("The system gives no random numbers: {0}.")]
    Random(getrandom::Error),
    /// Ctrl-C cannot be heard.
    #[error("Ctrl-C could not be listened for: {0}.")]
    Signals(io::Error),
    /// An approval that must not be trusted.
    #[error(
        "An approval came that must not be trusted: {0}. Nothing was used. Tell whoever runs the server; check this \
         computer's date and time if they look wrong."
    )]
    Grant(NotOpened),
}

/// Asks, waits, and shows the answer.
///
/// # Errors
/// When it cannot be asked at all, or the answer must not be trusted.
pub async fn request(wish: &Wish, screen: &mut Screen) -> Result<Ending, Error> {
    let state = StateDir::open(&wish.state_dir)?;
    let enrollment = state.enrollment()?.ok_or_else(|| StateError::NotEnrolled(wish.state_dir.clone()))?;
    let client = Client::new(&enrollment.server, enrollment.transport, Some(enrollment.credential.as_str()))?;
    let folder = std::env::current_dir().map_err(Error::Folder)?;
    let command = facts::look(&wish.argv, std::env::var_os("PATH").as_deref(), &folder)?;
    let mut body = body(command, &folder)?;
    let spool = Spool::open(state.path(), platform::wall_clock())?;
    let requests = spool.requests()?;
    tell_withdrawn(&requests, &spool, &client).await?;
    let earlier = requests.into_iter().rev().find(|request| request.is_for(&body));
    let asked = platform::now()?;
    let id = earlier.as_ref().map_or_else(|| new_id("req_", asked.wall_us), |earlier| Ok(earlier.id.clone()))?;
    screen.asks(enrollment.provider.as_ref().map(Text::as_str), &reference::short(id.as_str()));
    let spooled = if let Some(earlier) = earlier {
        earlier
    } else {
        body.reason = wish
            .reason
            .clone()
            .or_else(|| screen.reason())
            .map(|reason| Text::new(&reason).map_err(|reason| Error::Text { what: "The reason", reason }))
            .transpose()?;
        let use_id = Text::clipped(new_id("use_", asked.wall_us)?.as_str());
        let new = Spooled { id, body, asked, use_id, withdrawn: Withdrawn::No, grant: None };
        spool.keep(&new)?;
        new
    };
    let known = Known { reference: reference::short(spooled.id.as_str()), ..Known::default() };
    let started = platform::now()?;
    Run { wait: wish.wait, started, client, state, enrollment, spool, spooled, known }.run(screen).await
}

/// The body for a command, as the current user.
fn body(command: Command, folder: &std::path::Path) -> Result<RequestBody, Error> {
    let user = platform::invoker()?;
    Ok(RequestBody {
        end_user: EndUser {
            account: Name::new(&user.account).map_err(|reason| Error::Text { what: "The account name", reason })?,
            user_id: Some(Text::clipped(&user.uid.to_string())),
            display_name: user.display_name.as_deref().map(Text::clipped),
            email: None,
            phone: None,
        },
        program: command.program,
        command_line: Some(command.line),
        arguments_hash: Some(command.arguments),
        run_as: Some(Text::clipped(RUN_AS)),
        parent: platform::parent_process().as_deref().map(Text::clipped),
        working_dir: Some(Text::clipped(&folder.to_string_lossy())),
        reason: None,
        requested_at: wall_time(platform::wall_clock()),
    })
}

fn wall_time(micros: i64) -> Time {
    // No text says a year beyond 9999; a clock set there must not make an ended key good again.
    Time::from_micros(micros).unwrap_or(Time::MAX)
}

/// A prefix and a UUID of version 7 (RFC 9562, 5.7).
fn new_id(prefix: &str, wall_us: i64) -> Result<Id, Error> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(Error::Random)?;
    let millis = u64::try_from(wall_us / 1000).unwrap_or_default();
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    Name::new(&format!("{prefix}{uuid}")).map_err(|reason| Error::Text { what: "The request's id", reason })
}

/// Tells the server what earlier runs took back without reaching it. What still cannot be told waits for the next run.
async fn tell_withdrawn(requests: &[Spooled], spool: &Spool, client: &Client) -> Result<(), Error> {
    for request in requests.iter().filter(|request| request.withdrawn == Withdrawn::Unsent) {
        match client.withdraw(&request.id).await {
            Ok(()) | Err(Failure::Refused { .. }) => spool.remove(&request.id)?,
            Err(failure) => {
                tracing::info!(%failure, "a withdrawal could not be told");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// One run of the command for one request.
struct Run {
    wait: Duration,
    started: Moment,
    client: Client,
    state: StateDir,
    enrollment: Enrollment,
    spool: Spool,
    spooled: Spooled,
    known: Known,
}

impl Run {
    async fn run(mut self, screen: &mut Screen) -> Result<Ending, Error> {
        let (mut ask, mut next) = Ask::new(self.wanted());
        let mut interrupt =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).map_err(Error::Signals)?;
        if let Some(grant) = self.spooled.grant.clone()
            && let Some(event) = self.open(&grant).await?
        {
            (ask, next) = ask.step(event);
        }
        loop {
            if let Act::End(ending) = next.act {
                return self.end(ending, screen);
            }
            let patient = matches!(ask.phase(), Phase::Sending | Phase::Waiting);
            let event = {
                let mut tick = tokio::time::interval(Duration::from_secs(1));
                let known = self.known.clone();
                let started = self.started.clone();
                let wait = self.wait;
                let work = self.perform(next);
                tokio::pin!(work);
                loop {
                    tokio::select! {
                        event = &mut work => break event?,
                        _ = interrupt.recv() => break Event::Interrupted,
                        _ = tick.tick(), if patient => screen.waiting(left(&started, wait)?, &known),
                    }
                }
            };
            let repeat = matches!(event, Event::Pending(_) | Event::Failed(..));
            if event == Event::Interrupted && ask.phase() != Phase::Withdrawing {
                // On disk before the server is told: a run that dies in between has still taken it back.
                self.spooled.withdrawn = Withdrawn::Unsent;
                self.spool.keep(&self.spooled)?;
            }
            (ask, next) = ask.step(event);
            if repeat && !matches!(next.act, Act::End(_)) && left(&self.started, self.wait)? <= next.after {
                (ask, next) = ask.step(Event::TimeUp);
            }
        }
    }

    fn wanted(&self) -> Wanted {
        let body = &self.spooled.body;
        Wanted {
            computer: self.enrollment.computer_id.clone(),
            request: self.spooled.id.clone(),
            account: body.end_user.account.clone(),
            user_id: body.end_user.user_id.clone(),
            run_as: body.run_as.clone(),
            program_sha256: body.program.sha256.clone(),
            arguments: body.arguments(),
        }
    }

    /// Does one act and says what came of it.
    async fn perform(&mut self, next: Next) -> Result<Event, Error> {
        if !next.after.is_zero() {
            platform::pause(next.after).await;
        }
        let id = self.spooled.id.clone();
        let result = match next.act {
            Act::Send => match self.client.put_request(&id, &self.spooled.body).await {
                Ok(answer) => {
                    self.known.ticket = answer.ticket.or(self.known.ticket.take());
                    Ok(Event::Accepted)
                }
                Err(failure) => Err(failure),
            },
            Act::Poll => return self.poll(&id).await,
            Act::Redeem => self.client.outcome(&id, &self.outcome(Outcome::Started)).await.map(|()| Event::Redeemed),
            Act::Mark => {
                return Ok(match self.spool.mark_used(&id)? {
                    Mark::Made => Event::Marked,
                    Mark::WasThere => Event::MarkWasThere,
                });
            }
            Act::Withdraw => match self.client.withdraw(&id).await {
                // Decided in the meantime: then the approval is given up.
                Err(Failure::Refused { status: 409, .. }) => {
                    self.client.outcome(&id, &self.outcome(Outcome::GivenUp)).await
                }
                result => result,
            }
            .map(|()| Event::Withdrawn),
            Act::End(_) => Ok(Event::TimeUp),
        };
        Ok(self.event_of(result))
    }

    fn outcome(&self, outcome: Outcome) -> OutcomeBody {
        let use_id = Some(self.spooled.use_id.clone());
        OutcomeBody { outcome, exit_code: None, use_id, at: wall_time(platform::wall_clock()) }
    }

    fn event_of(&mut self, result: Result<Event, Failure>) -> Event {
        match result {
            Ok(event) => {
                self.known.trouble = None;
                event
            }
            Err(failure) => {
                tracing::info!(%failure, "a call failed");
                self.known.trouble = Some(failure.to_string());
                match (&failure, failure.later()) {
                    (Failure::Refused { problem, .. }, _) => Event::Refused(Refusal::of(problem)),
                    (_, wanted) => Event::Failed(wanted.flatten(), random_byte()),
                }
            }
        }
    }

    async fn poll(&mut self, id: &Id) -> Result<Event, Error> {
        let asked = platform::now()?;
        let wait = left(&self.started, self.wait)?.as_secs().min(POLL_SECONDS);
        let answer = match self.client.decision(id, wait).await {
            Ok(answer) => answer,
            Err(failure) => return Ok(self.event_of(Err(failure))),
        };
        let DecisionAnswer { state, decision, grant, ticket, expires_at, .. } = answer;
        self.known.trouble = None;
        self.known.ticket = ticket.or(self.known.ticket.take());
        self.known.expires_at = expires_at.or(self.known.expires_at);
        self.known.decision = decision;
        // A grant that was redeemed is not shown again; a run that broke off after that has it on disk.
        match (state, grant.or_else(|| self.spooled.grant.clone())) {
            (State::Pending, _) => Ok(Event::Pending(asked.until(&platform::now()?).unwrap_or_default())),
            (State::Approved, Some(grant)) => match self.open(&grant).await? {
                Some(event) => {
                    // On disk before it is redeemed: after that the server may not show it again.
                    self.spooled.grant = Some(grant);
                    self.spool.keep(&self.spooled)?;
                    Ok(event)
                }
                None => Ok(Event::Failed(None, random_byte())),
            },
            (state, _) => Ok(Event::Closed(state)),
        }
    }

    /// Opens a grant with the server's present keys; nothing when these could not be had now.
    async fn open(&mut self, grant: &SignedGrant) -> Result<Option<Event>, Error> {
        let root = self.enrollment.root_key;
        let signed = match self.client.keys().await {
            Ok(signed) => signed,
            Err(failure) => {
                self.known.trouble = Some(failure.to_string());
                return Ok(None);
            }
        };
        let keys = signed.open(&root).map_err(Error::Grant)?;
        self.state.accept_keys(&root, &signed, &keys)?;
        let grant: Grant = grant.open(&keys, wall_time(platform::wall_clock())).map_err(Error::Grant)?;
        self.known.uses = Some(grant.uses);
        let since = self.spooled.asked.until(&platform::now()?);
        Ok(Some(Event::Approved(Box::new(grant), since)))
    }

    fn end(self, ending: Ending, screen: &mut Screen) -> Result<Ending, Error> {
        if ending.is_over() {
            self.spool.remove(&self.spooled.id)?;
        }
        let now = platform::now()?;
        let waited = self.started.until(&now).unwrap_or_default();
        screen.ended(ending, &self.known, waited, wall_time(now.wall_us));
        Ok(ending)
    }
}

/// What is left of the time to wait, on the clock that cannot be set.
fn left(started: &Moment, wait: Duration) -> Result<Duration, NoMoment> {
    Ok(wait.saturating_sub(started.until(&platform::now()?).unwrap_or_default()))
}

/// Spreads retries. Without random numbers they are not spread, which harms nothing here.
fn random_byte() -> u8 {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_or(255, |()| byte.first().copied().unwrap_or(255))
}
