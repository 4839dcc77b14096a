//! The course of one request on the endpoint, as a pure state machine.
//!
//! For: what to do next after each thing that can happen, and whether a grant fits what was asked. Not for: doing it;
//! `request` does, and reports back.
//! Called by `request` and by tests. There is exactly one way to [`Ending::Approved`]: a grant that fits, then redeemed
//! at the server, then marked on disk. Every other event, whatever its order, leads somewhere else.

use std::time::Duration;

use countersign_wire::grant::{Arguments, Grant};
use countersign_wire::problem::{Problem, code};
use countersign_wire::request::State;
use countersign_wire::{Id, MAX_NAME, Name, Sha256, Text};

/// Shortest time between two questions for the decision, should the server not wait.
const LEAST_POLL: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(15);

/// What a grant must say to be good for this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// This computer.
    pub computer: Id,
    /// This request.
    pub request: Id,
    /// Who asked.
    pub account: Name<MAX_NAME>,
    /// The system's id of who asked.
    pub user_id: Option<Text<MAX_NAME>>,
    /// As whom it is to run.
    pub run_as: Option<Text<MAX_NAME>>,
    /// The program.
    pub program_sha256: Sha256,
    /// Its arguments.
    pub arguments: Arguments,
}

/// Why a grant is not good for this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Another computer's.
    #[error("it is for another computer")]
    Computer,
    /// Another request's.
    #[error("it answers another request")]
    Request,
    /// Another user's, or to run as somebody else.
    #[error("it is for another user")]
    User,
    /// For other content.
    #[error("it is for another program, or the program was changed")]
    Program,
    /// For other arguments.
    #[error("it is for other arguments")]
    Arguments,
    /// It also names a script, and this version does not look at scripts.
    #[error("it names a script, which this version of the agent cannot check")]
    Script,
    /// Its time is over.
    #[error("its time is over")]
    Over,
    /// Its time cannot be told.
    #[error("the computer's clock was set back, so its time cannot be told")]
    Clock,
}

impl Wanted {
    /// Compares a grant with what was asked, and its time with the time since then.
    ///
    /// # Errors
    /// When it is not good for exactly this, now.
    pub fn fits(&self, grant: &Grant, since_asked: Option<Duration>) -> Result<(), Misfit> {
        let checks = [
            (grant.computer == self.computer, Misfit::Computer),
            (grant.request == self.request, Misfit::Request),
            (grant.account == self.account && grant.user_id == self.user_id, Misfit::User),
            (grant.run_as == self.run_as, Misfit::User),
            (grant.program_sha256 == self.program_sha256, Misfit::Program),
            (grant.arguments == Arguments::Any || grant.arguments == self.arguments, Misfit::Arguments),
            (grant.script_sha256.is_none(), Misfit::Script),
            (since_asked.is_some(), Misfit::Clock),
            (since_asked.is_some_and(|time| time < Duration::from_secs(grant.seconds)), Misfit::Over),
        ];
        checks.into_iter().find(|(fits, _)| !fits).map_or(Ok(()), |(_, misfit)| Err(misfit))
    }
}

/// Where a request stands on the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// On disk; the server may not know it.
    Sending,
    /// The server has it; nobody has decided.
    Waiting,
    /// Approved; the server is asked whether that still holds.
    Redeeming,
    /// Redeemed; the use is written down.
    Marking,
    /// Taken back; the server is told.
    Withdrawing,
    /// Over.
    Ended,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The server took the request in, or had it already.
    Accepted,
    /// Nobody has decided yet; the answer took so long.
    Pending(Duration),
    /// Approved, with a grant whose signature held, and the time since the request was asked.
    Approved(Box<Grant>, Option<Duration>),
    /// Over at the server without an approval that can be used.
    Closed(State),
    /// The server took the redemption.
    Redeemed,
    /// The mark was made by this run.
    Marked,
    /// Another run had made it.
    MarkWasThere,
    /// The server knows that the request was taken back, or has no such request.
    Withdrawn,
    /// A call failed in a way that may pass; the server may have named a time; a random number spreads the retries.
    Failed(Option<Duration>, u8),
    /// The server refused the call for good.
    Refused(Refusal),
    /// The person pressed Ctrl-C.
    Interrupted,
    /// The time to wait is over.
    TimeUp,
}

/// Why the server refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The approval was used.
    AlreadyUsed,
    /// The approval was taken back.
    Revoked,
    /// The approval's time is over.
    Expired,
    /// Anything else.
    Other,
}

impl Refusal {
    /// Reads the code of a problem.
    #[must_use]
    pub fn of(problem: &Problem) -> Self {
        [(code::ALREADY_USED, Self::AlreadyUsed), (code::REVOKED, Self::Revoked), (code::EXPIRED, Self::Expired)]
            .into_iter()
            .find(|(code, _)| problem.is(code))
            .map_or(Self::Other, |(_, refusal)| refusal)
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// `PUT` the request.
    Send,
    /// `GET` the decision.
    Poll,
    /// `PUT` the outcome `started`.
    Redeem,
    /// Write the mark.
    Mark,
    /// `DELETE` the request.
    Withdraw,
    /// Nothing more.
    End(Ending),
}

/// How a request ended for this run of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Approved, redeemed, marked.
    Approved,
    /// Somebody said no.
    Denied,
    /// Nobody decided while the command waited; the request goes on.
    NoAnswer,
    /// Nobody decided before the request ended, or the approval was not used in time.
    Expired,
    /// The approval was taken back.
    Revoked,
    /// Taken back, and the server knows.
    Withdrawn,
    /// Taken back, and the server does not know yet.
    WithdrawnHere,
    /// The request could not be handed over while the command waited.
    NotSent,
    /// Approved, but the server could not be asked whether that still holds.
    NotRedeemed,
    /// The approval was used by another run.
    Used,
    /// The approval does not fit.
    Misfit(Misfit),
    /// The server refused.
    Refused,
}

impl Ending {
    /// The exit code: 0 approved, 1 denied, 2 no answer, 3 error.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Approved => 0,
            Self::Denied | Self::Revoked => 1,
            Self::NoAnswer | Self::Expired | Self::Withdrawn | Self::WithdrawnHere => 2,
            Self::NotSent | Self::NotRedeemed | Self::Used | Self::Misfit(_) | Self::Refused => 3,
        }
    }

    /// Whether the request leaves the spool, so that the same command asks anew.
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            Self::Approved
            | Self::Denied
            | Self::Expired
            | Self::Revoked
            | Self::Withdrawn
            | Self::Used
            | Self::Misfit(_)
            | Self::Refused => true,
            Self::NoAnswer | Self::WithdrawnHere | Self::NotSent | Self::NotRedeemed => false,
        }
    }
}

/// The next act, and how long to wait before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// What to do.
    pub act: Act,
    /// How long to wait first.
    pub after: Duration,
}

impl Next {
    fn now(act: Act) -> Self {
        Self { act, after: Duration::ZERO }
    }
}

/// One request's course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    wanted: Wanted,
    phase: Phase,
    failures: u32,
}

impl Ask {
    /// A request that is on disk and may or may not have been sent.
    #[must_use]
    pub fn new(wanted: Wanted) -> (Self, Next) {
        (Self { wanted, phase: Phase::Sending, failures: 0 }, Next::now(Act::Send))
    }

    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The course after an event, and what to do then.
    #[must_use]
    pub fn step(mut self, event: Event) -> (Self, Next) {
        let failures = std::mem::take(&mut self.failures);
        let (phase, next) = match (self.phase, event) {
            (Phase::Ended, _) => (Phase::Ended, Next::now(Act::End(Ending::Refused))),

            (Phase::Sending, Event::Accepted) => (Phase::Waiting, Next::now(Act::Poll)),
            (Phase::Waiting, Event::Pending(took)) => {
                (Phase::Waiting, Next { act: Act::Poll, after: LEAST_POLL.saturating_sub(took) })
            }
            // Before `Accepted` only a grant that an earlier run kept.
            (Phase::Sending | Phase::Waiting, Event::Approved(grant, since)) => match self.wanted.fits(&grant, since) {
                Ok(()) => (Phase::Redeeming, Next::now(Act::Redeem)),
                Err(misfit) => end(Ending::Misfit(misfit)),
            },
            (Phase::Sending | Phase::Waiting, Event::Closed(state)) => end(match state {
                State::Denied => Ending::Denied,
                State::Withdrawn => Ending::Withdrawn,
                State::Expired => Ending::Expired,
                State::Revoked => Ending::Revoked,
                // Approved without a grant that could be used: it was used before.
                State::Approved => Ending::Used,
                State::Pending => Ending::Refused,
            }),
            (Phase::Redeeming, Event::Redeemed) => (Phase::Marking, Next::now(Act::Mark)),
            (Phase::Redeeming, Event::Refused(refusal)) => end(match refusal {
                Refusal::AlreadyUsed => Ending::Used,
                Refusal::Revoked => Ending::Revoked,
                Refusal::Expired => Ending::Misfit(Misfit::Over),
                Refusal::Other => Ending::Refused,
            }),
            (Phase::Marking, Event::Marked) => end(Ending::Approved),
            (Phase::Marking, Event::MarkWasThere) => end(Ending::Used),

            (Phase::Sending | Phase::Waiting | Phase::Redeeming | Phase::Marking, Event::Interrupted) => {
                (Phase::Withdrawing, Next::now(Act::Withdraw))
            }
            // What was taken back is gone at the server, or the server never had it.
            (Phase::Withdrawing, Event::Withdrawn | Event::Refused(_)) => end(Ending::Withdrawn),
            (Phase::Withdrawing, Event::Failed(..) | Event::Interrupted | Event::TimeUp) => end(Ending::WithdrawnHere),

            (Phase::Sending, Event::TimeUp) => end(Ending::NotSent),
            (Phase::Waiting, Event::TimeUp) => end(Ending::NoAnswer),
            (Phase::Redeeming, Event::TimeUp) => end(Ending::NotRedeemed),

            (Phase::Sending | Phase::Waiting | Phase::Redeeming, Event::Failed(wanted, random)) => {
                self.failures = failures.saturating_add(1);
                let act = match self.phase {
                    Phase::Sending => Act::Send,
                    Phase::Redeeming => Act::Redeem,
                    Phase::Waiting | Phase::Marking | Phase::Withdrawing | Phase::Ended => Act::Poll,
                };
                (self.phase, Next { act, after: pause(failures, random).max(wanted.unwrap_or_default()) })
            }

            // Nothing else belongs here: an answer to a question that was not asked approves nothing.
            (Phase::Sending | Phase::Waiting | Phase::Redeeming | Phase::Marking | Phase::Withdrawing, _) => {
                end(Ending::Refused)
            }
        };
        self.phase = phase;
        (self, next)
    }
}

fn end(ending: Ending) -> (Phase, Next) {
    (Phase::Ended, Next::now(Act::End(ending)))
}

/// The pause after some failures in a row: doubling, and spread between one half and the whole.
fn pause(failures: u32, random: u8) -> Duration {
    let whole = FIRST_RETRY.saturating_mul(1 << failures.min(10)).min(LONGEST_RETRY);
    whole / 2 + whole / 2 * u32::from(random) / 255
}
