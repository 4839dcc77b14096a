//! An elevation request and its state machine.
//!
//! [`Request::apply`] is the only way a request changes. The decision a reader would undo: there is no catch-all arm, so
//! that a new state or event does not compile before every meeting of the two was thought of.

use serde::{Deserialize, Serialize};

use crate::{
    decision::{Author, Decision, Verdict},
    effect::StepKind,
    grant::{Grant, GrantState},
    id::{CompanyId, ComputerId, LocationId, RequestId},
    policy::{ProgramFacts, Sha256},
    text,
    time::Time,
};

/// The person at the computer, as the endpoint knows him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndUser {
    /// Account that asked.
    pub account: String,
    /// The operating system's id of that account.
    pub user_id: Option<String>,
    /// Name.
    pub display_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// What the endpoint asks for, cleaned and bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Who.
    pub end_user: EndUser,
    /// Which program.
    pub program: ProgramFacts,
    /// With which arguments.
    pub command_line: Option<String>,
    /// Hash of the arguments, as the endpoint computed it; a grant is bound to it.
    #[serde(default)]
    pub arguments_hash: Option<Sha256>,
    /// As whom it shall run.
    pub run_as: Option<String>,
    /// Which program started it.
    pub parent: Option<String>,
    /// In which folder.
    pub working_dir: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When, by the endpoint's clock. Shown, never relied on.
    pub requested_at: Time,
}

impl Asked {
    /// What makes two requests of one computer the same while one is pending: account, program, run-as, command line.
    #[must_use]
    pub fn same_as_key(&self, company: &CompanyId, computer: &ComputerId) -> String {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        for part in [
            company.as_str(),
            computer.as_str(),
            &self.end_user.account,
            self.program.sha256.as_str(),
            self.run_as.as_deref().unwrap_or(""),
            self.command_line.as_deref().unwrap_or(""),
        ] {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest.iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
            use std::fmt::Write as _;
            // Writing to a String cannot fail.
            let _infallible = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The program's name for people.
    #[must_use]
    pub fn program_name(&self) -> String {
        program_name(&self.program)
    }
}

/// A program's name for people: its product name, else the last part of its path.
#[must_use]
pub fn program_name(program: &ProgramFacts) -> String {
    let product = program.product.as_ref().map(AsRef::as_ref).filter(|name: &&str| !name.trim().is_empty());
    text::line(product.unwrap_or_else(|| program.file_name()), 120)
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for a technician.
    Pending,
    /// May run.
    Approved,
    /// May not.
    Denied,
    /// Taken back by the end user.
    Withdrawn,
    /// Not decided, or not used, in time.
    Expired,
    /// Approved, then taken back by a technician.
    Revoked,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Approved, Self::Denied, Self::Withdrawn, Self::Expired, Self::Revoked];

    /// The word used on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The state that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What became of the approved program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It ran to its end.
    Finished,
    /// It could not be started.
    Failed,
    /// The endpoint did not start it after all.
    GivenUp,
}

/// An ending with its particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of it.
    pub ending: Ending,
    /// Exit code of the program.
    pub exit_code: Option<i32>,
    /// When, by the server's clock.
    pub at: Time,
}

/// Which turn of a request makes its ticket. Fixed when the request is accepted, so that a setting that changes meanwhile
/// does not leave half a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketOn {
    /// The request itself.
    #[default]
    Request,
    /// Its denial; what was approved, taken back or ran out leaves no ticket.
    Denial,
    /// Its denial, or that nobody decided in time.
    DenialOrExpiry,
}

/// One elevation request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Made by the endpoint.
    pub id: RequestId,
    /// Whose computer.
    pub company_id: CompanyId,
    /// Where it stands.
    pub location_id: LocationId,
    /// Which one.
    pub computer_id: ComputerId,
    /// What it asks for.
    pub asked: Asked,
    /// The pending request that this one repeats; one decision answers both.
    pub joined_to: Option<RequestId>,
    /// The request whose ticket tells of this one too: the same was denied there a short while ago.
    #[serde(default)]
    pub again_of: Option<RequestId>,
    /// When the server had it on disk.
    pub received_at: Time,
    /// Until when it can be decided.
    pub expires_at: Time,
    /// Counts the changes; a change names the version it was made from (promise P3).
    pub version: i64,
    /// Where it stands.
    pub state: State,
    /// The decision, if there is one.
    pub decision: Option<Decision>,
    /// What an approval allows, and how far it was used.
    pub grant: Option<Grant>,
    /// Who took the approval back, and when.
    pub revoked: Option<(Author, Time)>,
    /// What became of the program.
    pub outcome: Option<Outcome>,
    /// What makes its ticket.
    #[serde(default)]
    pub ticket_on: TicketOn,
}

/// What can happen to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A technician decides.
    Decided(Decision),
    /// The end user takes it back.
    Withdrawn(Time),
    /// Its ticket was closed by hand, and that is to end the request.
    TicketClosed(Time),
    /// Time has passed: a pending request or an unused grant may have ended.
    TimePassed(Time),
    /// A technician takes an approval back.
    Revoked(Author, Time),
    /// The endpoint wants to start the program now. The text names this use, so that a repeat of it is the same use.
    Started(Time, Option<String>),
    /// The endpoint says what became of it.
    Ended(Outcome),
}

/// Why an event does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Somebody was first.
    #[error("already decided")]
    AlreadyDecided(Box<Decision>),
    /// It is over without a decision, or it was already so.
    #[error("the request is {}", .0.as_str())]
    Is(State),
    /// The grant was used before.
    #[error("the grant has been used")]
    AlreadyUsed,
    /// The grant was taken back.
    #[error("the approval was revoked")]
    Revoked,
    /// The grant was not used in time.
    #[error("the approval was not used in time")]
    Lapsed,
    /// Nothing has ended yet, or it was already said: nothing changes.
    #[error("nothing changes")]
    Nothing,
}

/// How long after a denial the same is "asked again" and not asked anew, in seconds.
pub const AGAIN_S: i64 = 3600;

impl Request {
    /// The request whose lane, and ticket, tells of this one: the one it asks again for, or joined, or itself.
    #[must_use]
    pub fn lane(&self) -> &RequestId {
        self.again_of.as_ref().or(self.joined_to.as_ref()).unwrap_or(&self.id)
    }

    /// Until when the same is "asked again"; none where it was not denied, or joined one that was.
    #[must_use]
    pub fn again_until(&self) -> Option<Time> {
        let denied = self.decision.as_ref().filter(|_| self.state == State::Denied && self.joined_to.is_none())?;
        Some(denied.at.plus_seconds(AGAIN_S))
    }

    /// Applies an event: the changed request and what the outside must be told, or why it does not apply.
    ///
    /// # Errors
    /// [`Refused`] names what stands against it; the request is unchanged.
    pub fn apply(mut self, event: Event) -> Result<(Self, Vec<StepKind>), Refused> {
        let told = match (self.state, event) {
            (State::Pending, Event::Decided(decision)) => self.decide(decision),
            (State::Pending, Event::Withdrawn(_)) => {
                self.state = State::Withdrawn;
                vec![StepKind::RecordWithdrawal]
            }
            // Nothing is written: whoever closed the ticket knows, and a note could open it again.
            (State::Pending, Event::TicketClosed(_)) => {
                self.state = State::Withdrawn;
                Vec::new()
            }
            (State::Pending, Event::TimePassed(now)) if now >= self.expires_at => {
                self.state = State::Expired;
                vec![StepKind::RecordExpiry]
            }
            (State::Approved, Event::TimePassed(now)) => self.lapse(now)?,
            (State::Approved, Event::Revoked(by, at)) => self.revoke(by, at)?,
            (State::Approved, Event::Started(now, use_id)) => self.redeem(now, use_id)?,
            (State::Approved | State::Revoked | State::Expired, Event::Ended(outcome)) => self.end(outcome)?,
            (State::Revoked, Event::Started(..)) => return Err(Refused::Revoked),
            (State::Expired, Event::Started(..)) => return Err(Refused::Lapsed),
            (
                State::Pending | State::Denied | State::Withdrawn | State::Expired | State::Revoked,
                Event::TimePassed(_),
            ) => {
                return Err(Refused::Nothing);
            }
            (State::Approved | State::Denied | State::Expired | State::Revoked, Event::Decided(_)) => {
                return Err(self.decided_before());
            }
            (
                State::Approved | State::Denied | State::Expired | State::Revoked,
                Event::Withdrawn(_) | Event::TicketClosed(_),
            )
            | (State::Withdrawn, Event::Decided(_) | Event::Withdrawn(_) | Event::TicketClosed(_))
            | (State::Pending | State::Denied | State::Withdrawn, Event::Started(..) | Event::Ended(_))
            | (
                State::Pending | State::Denied | State::Withdrawn | State::Expired | State::Revoked,
                Event::Revoked(..),
            ) => return Err(Refused::Is(self.state)),
        };
        self.version += 1;
        // A repeat has no ticket of its own: the request that it joined tells the story of both.
        let told = if self.joined_to.is_some() { Vec::new() } else { self.told(told) };
        Ok((self, told))
    }

    /// Whether there is a ticket as it stands now, or is to be one.
    #[must_use]
    pub fn makes_ticket(&self) -> bool {
        match self.ticket_on {
            TicketOn::Request => true,
            TicketOn::Denial => self.state == State::Denied,
            TicketOn::DenialOrExpiry => {
                self.state == State::Denied || (self.state == State::Expired && self.decision.is_none())
            }
        }
    }

    /// What is told of a change: where a denial makes the ticket, it opens it, and all else has none to be told on.
    fn told(&self, told: Vec<StepKind>) -> Vec<StepKind> {
        match self.ticket_on {
            TicketOn::Request => told,
            TicketOn::Denial | TicketOn::DenialOrExpiry if !self.makes_ticket() => Vec::new(),
            TicketOn::Denial | TicketOn::DenialOrExpiry => std::iter::once(StepKind::OpenTicket).chain(told).collect(),
        }
    }

    fn decided_before(&self) -> Refused {
        self.decision.clone().map_or(Refused::Is(self.state), |decision| Refused::AlreadyDecided(Box::new(decision)))
    }

    fn decide(&mut self, decision: Decision) -> Vec<StepKind> {
        match decision.verdict {
            Verdict::Approve => {
                self.state = State::Approved;
                self.grant = Some(Grant {
                    state: GrantState::Issued,
                    issued_at: decision.at,
                    until: decision.at.plus_seconds(i64::from(decision.minutes) * 60),
                    redeemed_at: None,
                    use_id: None,
                });
            }
            Verdict::Deny => self.state = State::Denied,
        }
        self.decision = Some(decision);
        vec![StepKind::RecordDecision]
    }

    fn lapse(&mut self, now: Time) -> Result<Vec<StepKind>, Refused> {
        let grant = self.grant.as_mut().ok_or(Refused::Nothing)?;
        if grant.state != GrantState::Issued || now < grant.until {
            return Err(Refused::Nothing);
        }
        grant.state = GrantState::Lapsed;
        self.state = State::Expired;
        Ok(vec![StepKind::RecordExpiry])
    }

    fn revoke(&mut self, by: Author, at: Time) -> Result<Vec<StepKind>, Refused> {
        let grant = self.grant.as_mut().ok_or(Refused::Nothing)?;
        match grant.state {
            GrantState::Issued => grant.state = GrantState::Revoked,
            GrantState::Redeemed => return Err(Refused::AlreadyUsed),
            GrantState::Revoked => return Err(Refused::Revoked),
            GrantState::Lapsed => return Err(Refused::Lapsed),
        }
        self.state = State::Revoked;
        self.revoked = Some((by, at));
        Ok(vec![StepKind::RecordRevocation])
    }

    fn redeem(&mut self, now: Time, use_id: Option<String>) -> Result<Vec<StepKind>, Refused> {
        let grant = self.grant.as_mut().ok_or(Refused::Nothing)?;
        match grant.state {
            GrantState::Issued if now < grant.until => {
                grant.state = GrantState::Redeemed;
                grant.redeemed_at = Some(now);
                grant.use_id = use_id;
                Ok(Vec::new())
            }
            GrantState::Issued | GrantState::Lapsed => Err(Refused::Lapsed),
            GrantState::Redeemed if use_id.is_some() && grant.use_id == use_id => Err(Refused::Nothing),
            GrantState::Redeemed => Err(Refused::AlreadyUsed),
            GrantState::Revoked => Err(Refused::Revoked),
        }
    }

    fn end(&mut self, outcome: Outcome) -> Result<Vec<StepKind>, Refused> {
        if self.grant.is_none() {
            return Err(Refused::Is(self.state));
        }
        if self.outcome.is_some() {
            return Err(Refused::Nothing);
        }
        self.outcome = Some(outcome);
        Ok(match outcome.ending {
            Ending::Failed => vec![StepKind::RecordFailure],
            Ending::Finished | Ending::GivenUp => Vec::new(),
        })
    }
}
