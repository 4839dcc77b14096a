//! `countersign-agent enroll`.
//!
//! For: tying this computer to a server. Not for: trusting whoever answers; the root key must be the one that the
//! enrolment key names.
//! Called by `main`. A computer that is enrolled already shows its old credential, so that the server knows it again;
//! without it a known machine is held until a technician confirms it.

use std::io;
use std::path::PathBuf;

use countersign_wire::enroll::{ComputerFacts, EnrollBody, Enrolled, EnrollmentKey, Held};
use countersign_wire::{Id, Name, keys};
use url::Url;

use crate::client::{BadServer, Client, Failure};
use crate::config::{Enrollment, StateDir, StateError, Transport};
use crate::platform;

/// What was asked on the command line.
#[derive(Debug)]
pub struct Wish {
    /// The server's address.
    pub server: Url,
    /// Whether plain HTTP to another computer is allowed.
    pub transport: Transport,
    /// The enrolment key.
    pub key: EnrollmentKey,
    /// The company's name or id.
    pub company: String,
    /// The location's name or id.
    pub location: String,
    /// The state folder.
    pub state_dir: PathBuf,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Enrolled {
        /// The computer's id.
        computer: Id,
        /// The name it was enrolled under.
        name: String,
        /// The server.
        server: String,
    },
    /// A technician must confirm first.
    Held {
        /// The computer's id.
        computer: Id,
    },
}

/// This computer was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum NotEnrolled {
    /// A text that the server would not take.
    #[error("--{option} {reason}.")]
    BadOption {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        reason: countersign_policy::text::BadText,
    },
    /// The computer's own name is no name.
    #[error("This computer's host name cannot be used: {0}.")]
    BadHostName(countersign_policy::text::BadText),
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// No machine id.
    #[error("This computer has no machine id, and none could be kept in {path}: {source}.")]
    NoMachineId {
        /// The state folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The address is not one to use.
    #[error(transparent)]
    Server(#[from] BadServer),
    /// The server does not take the key.
    #[error(
        "The server does not take this enrolment key: {0} Ask for a new one: the portal's first page or its API makes keys."
    )]
    KeyRefused(String),
    /// Another server than the key was made for.
    #[error(
        "{server} is not the server that this enrolment key was made for: its root key has the fingerprint {shown}, the \
         key names {wanted}. Nothing was kept. Check the address; if it is right, somebody may be in between."
    )]
    OtherServer {
        /// The server.
        server: String,
        /// Its fingerprint.
        shown: String,
        /// The one wanted.
        wanted: String,
    },
    /// The call failed.
    #[error("{0} This computer is not enrolled; run the command again when that is solved.")]
    Failed(#[from] Failure),
}

/// Enrols this computer.
///
/// # Errors
/// When the server refuses or cannot be reached, is another one than the key names, or the result cannot be kept.
pub async fn enroll(wish: &Wish) -> Result<Answer, NotEnrolled> {
    let name = |option, text: &str| Name::new(text.trim()).map_err(|reason| NotEnrolled::BadOption { option, reason });
    let (company, location) = (name("company", &wish.company)?, name("location", &wish.location)?);
    let state = StateDir::create(&wish.state_dir)?;
    let old = state.enrollment()?.filter(|old| old.server == wish.server);
    let credential = old.as_ref().map(|old| old.credential.as_str());
    let client = Client::new(&wish.server, wish.transport, credential)?;
    let machine_id = platform::identity(state.path())
        .map_err(|source| NotEnrolled::NoMachineId { path: state.path().to_owned(), source })?;
    let (os, os_version) = platform::operating_system();
    let clipped = |text: &str| Some(countersign_wire::Text::clipped(text));
    let body = EnrollBody {
        enrollment_key: name_of_key(&wish.key)?,
        company,
        location,
        computer: ComputerFacts {
            name: Name::new(&platform::host_name()).map_err(NotEnrolled::BadHostName)?,
            os: clipped(&os),
            os_version: os_version.as_deref().and_then(clipped),
            machine_id: Name::new(machine_id.as_str()).map_err(NotEnrolled::BadHostName)?,
        },
        agent_version: clipped(env!("CARGO_PKG_VERSION")),
    };
    let (status, answer) = client.enroll(&body).await.map_err(|failure| match failure {
        Failure::Refused { status: 401 | 403, problem } => {
            NotEnrolled::KeyRefused(problem.detail.map_or_else(String::new, String::from))
        }
        failure => NotEnrolled::Failed(failure),
    })?;
    if status == reqwest::StatusCode::ACCEPTED {
        let held: Held = client.understand(&answer)?;
        return Ok(Answer::Held { computer: held.computer_id });
    }
    let enrolled: Enrolled = client.understand(&answer)?;
    let shown = keys::fingerprint(&enrolled.root_key);
    if shown != wish.key.root_fingerprint {
        return Err(NotEnrolled::OtherServer {
            server: client.name(),
            shown: shown.to_string(),
            wanted: wish.key.root_fingerprint.to_string(),
        });
    }
    let computer = enrolled.computer_id.clone();
    state.enroll(&Enrollment {
        server: wish.server.clone(),
        transport: wish.transport,
        computer_id: enrolled.computer_id,
        credential: enrolled.credential,
        root_key: enrolled.root_key,
        provider: enrolled.provider,
    })?;
    Ok(Answer::Enrolled { computer, name: body.computer.name.to_string(), server: client.name() })
}

fn name_of_key(key: &EnrollmentKey) -> Result<Name<{ countersign_wire::enroll::MAX_ENROLLMENT_KEY }>, NotEnrolled> {
    Name::new(&key.to_string()).map_err(|reason| NotEnrolled::BadOption { option: "key", reason })
}
