//! Requests on disk, until they are answered and used.
//!
//! For: a request's id, body and grant, written before they are acted on, so that a crash or a lost answer leads to the
//! same request and not to a second one. Not for: history; a finished request leaves.
//! Called by `request`. `spool/<id>.json` is the request, `spool/<id>.used` says that its approval was used. The mark
//! is a file of its own, made exclusively, and outlives the request: two runs that wait for the same approval must not
//! both use it.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use countersign_wire::grant::SignedGrant;
use countersign_wire::request::RequestBody;
use countersign_wire::{Id, MAX_ID, Text, read};
use serde::{Deserialize, Serialize};

use crate::platform::{self, Moment};

/// How long a mark stays: longer than any approval lasts (seven days).
const KEEP_MARKS: Duration = Duration::from_hours(30 * 24);

/// A request that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spooled {
    /// Its id, made here.
    pub id: Id,
    /// What is sent, the same each time.
    pub body: RequestBody,
    /// When it was asked.
    pub asked: Moment,
    /// Names the one use of its approval.
    pub use_id: Text<MAX_ID>,
    /// Whether the end user took it back. It stays until the server knows.
    pub withdrawn: Withdrawn,
    /// The approval, once it has come.
    #[serde(default)]
    pub grant: Option<SignedGrant>,
}

/// Whether the end user took a request back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawn {
    /// No.
    No,
    /// Yes, and the server does not know yet.
    Unsent,
}

impl Spooled {
    /// Whether this is the same wish: program, arguments, account and run-as.
    #[must_use]
    pub fn is_for(&self, body: &RequestBody) -> bool {
        let same = |body: &RequestBody| {
            (body.program.sha256.clone(), body.arguments(), body.end_user.user_id.clone(), body.run_as.clone())
        };
        self.withdrawn == Withdrawn::No
            && self.body.end_user.account == body.end_user.account
            && same(&self.body) == same(body)
    }
}

/// The spool cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be used: {source}. Without it the request could get lost, so nothing was sent.")]
pub struct SpoolError {
    path: PathBuf,
    source: io::Error,
}

/// Whether a mark was made, or had been made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// This run may use the approval.
    Made,
    /// Another run has used it.
    WasThere,
}

/// The folder of requests.
#[derive(Debug)]
pub struct Spool(PathBuf);

impl Spool {
    /// The spool below a state folder. Files that are too old to matter leave.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn open(state_dir: &Path, now_us: i64) -> Result<Self, SpoolError> {
        let spool = Self(state_dir.join("spool"));
        platform::make_private_dir(&spool.0).map_err(|source| error(&spool.0, source))?;
        let mut old = spool.files("used")?;
        // What a crash leaves of a file that was being written.
        old.extend(spool.files("new")?);
        for file in old {
            let age = fs::metadata(&file)
                .and_then(|facts| facts.modified())
                .ok()
                .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
                .and_then(|made| Duration::from_micros(u64::try_from(now_us).ok()?).checked_sub(made));
            if age.is_some_and(|age| age > KEEP_MARKS) {
                remove(&file).map_err(|source| error(&file, source))?;
            }
        }
        Ok(spool)
    }

    /// All requests that are not over, oldest first. A file that was cut or is not ours is logged and passed over: it
    /// must not stop new requests.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn requests(&self) -> Result<Vec<Spooled>, SpoolError> {
        let mut requests = Vec::new();
        for path in self.files("json")? {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                // Another run has just finished it.
                Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(error(&path, source)),
            };
            match read::<Spooled>(&bytes) {
                // A crash between mark and removal: it is over.
                Ok(request) if self.mark_of(&request.id).exists() => self.remove(&request.id)?,
                Ok(request) => requests.push(request),
                Err(refused) => tracing::warn!(path = %path.display(), %refused, "not a spooled request; passed over"),
            }
        }
        requests.sort_by_key(|request| request.asked.wall_us);
        Ok(requests)
    }

    /// Writes a request down, new or changed; on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, request: &Spooled) -> Result<(), SpoolError> {
        let path = self.request_of(&request.id);
        serde_json::to_vec_pretty(request)
            .map_err(io::Error::from)
            .and_then(|bytes| platform::replace_private(&path, &bytes))
            .map_err(|source| error(&path, source))
    }

    /// Says that the approval of a request is used now; on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be started.
    pub fn mark_used(&self, id: &Id) -> Result<Mark, SpoolError> {
        let path = self.mark_of(id);
        match platform::create_once(&path) {
            Ok(()) => Ok(Mark::Made),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Ok(Mark::WasThere),
            Err(source) => Err(error(&path, source)),
        }
    }

    /// Removes a request that is over. Its mark stays.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, id: &Id) -> Result<(), SpoolError> {
        let path = self.request_of(id);
        remove(&path).map_err(|source| error(&path, source))
    }

    fn request_of(&self, id: &Id) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }

    fn mark_of(&self, id: &Id) -> PathBuf {
        self.0.join(format!("{id}.used"))
    }

    fn files(&self, extension: &str) -> Result<Vec<PathBuf>, SpoolError> {
        fs::read_dir(&self.0)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>())
            .map(|paths| {
                paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == extension)).collect()
            })
            .map_err(|source| error(&self.0, source))
    }
}

fn error(path: &Path, source: io::Error) -> SpoolError {
    SpoolError { path: path.to_owned(), source }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
