//! Where the agent keeps its things, and what enrolment left there.
//!
//! For: the state folder, `enrollment.json` (with the credential, mode 0600) and `keys.json`. Not for: requests; see
//! `spool`.
//! Called by `enroll` and `request`. The folder is refused when somebody else owns it or could write into it: whoever
//! can put a root key there can approve anything.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use countersign_wire::enroll::MAX_CREDENTIAL;
use countersign_wire::keys::{NotOpened, SignedKeySet, TrustedKeys};
use countersign_wire::{Id, MAX_NAME, Name, PublicKey, Refused, Text, read};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::platform::{self, NotPrivate};

/// What a computer knows after enrolment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrollment {
    /// The server's address.
    pub server: Url,
    /// Whether plain HTTP to another computer was asked for at enrolment.
    pub transport: Transport,
    /// This computer's id.
    pub computer_id: Id,
    /// The secret for `Authorization: Bearer`.
    pub credential: Name<MAX_CREDENTIAL>,
    /// The key that vouches for all others.
    pub root_key: PublicKey,
    /// Who decides, as end users know them.
    #[serde(default)]
    pub provider: Option<Text<MAX_NAME>>,
}

/// Which connections are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TLS, or plain HTTP to this computer itself.
    Safe,
    /// Plain HTTP to anywhere: only for trials.
    InsecureHttp,
}

/// The state folder, checked.
#[derive(Debug, Clone)]
pub struct StateDir(PathBuf);

/// The state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No place for it is known.
    #[error("There is no home folder to keep the agent's state in. Name one with --state-dir.")]
    NoHome,
    /// It is not there yet.
    #[error("This computer is not enrolled: {0} does not exist. Run: countersign-agent enroll --help")]
    NotEnrolled(PathBuf),
    /// Others could have written it.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
    /// It cannot be read or written.
    #[error("{path} cannot be used: {source}.")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its content is not ours, or damaged.
    #[error("{path} is damaged ({source}). Enrol this computer again, or restore the file.")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Refused,
    },
    /// The server showed an older key set than before.
    #[error(
        "The server showed key set {shown}, but had shown {seen} before. Nothing is accepted until it shows that one or a \
         newer one; tell whoever runs the server, a restored backup can be the cause."
    )]
    OldKeys {
        /// The serial now.
        shown: u64,
        /// The highest serial seen.
        seen: u64,
    },
    /// The stored key set does not hold.
    #[error("The key set in {path} does not hold: {source}. Enrol this computer again.")]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        source: NotOpened,
    },
}

impl StateDir {
    /// The folder that is used when none is named: `/var/lib/countersign` for root, else below `XDG_STATE_HOME` or
    /// `~/.local/state` (XDG Base Directory Specification).
    ///
    /// # Errors
    /// When there is no home folder.
    pub fn default_path(uid: u32, state_home: Option<OsString>, home: Option<OsString>) -> Result<PathBuf, StateError> {
        let absolute = |path: Option<OsString>| path.map(PathBuf::from).filter(|path| path.is_absolute());
        if uid == 0 {
            return Ok(PathBuf::from("/var/lib/countersign"));
        }
        absolute(state_home)
            .or_else(|| absolute(home).map(|home| home.join(".local/state")))
            .map(|folder| folder.join("countersign"))
            .ok_or(StateError::NoHome)
    }

    /// The folder, which must be there.
    ///
    /// # Errors
    /// When it is not, or others could have written it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        if !path.exists() {
            return Err(StateError::NotEnrolled(path.to_owned()));
        }
        platform::require_private_dir(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The folder, made if need be.
    ///
    /// # Errors
    /// When it cannot be made, or others could have written it.
    pub fn create(path: &Path) -> Result<Self, StateError> {
        platform::make_private_dir(path).map_err(|source| StateError::Io { path: path.to_owned(), source })?;
        Self::open(path)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn enrollment_file(&self) -> PathBuf {
        self.0.join("enrollment.json")
    }

    /// What enrolment left; nothing when there was none.
    ///
    /// # Errors
    /// When the file is damaged, or others could have read or written it.
    pub fn enrollment(&self) -> Result<Option<Enrollment>, StateError> {
        let path = self.enrollment_file();
        if !path.exists() {
            return Ok(None);
        }
        platform::require_private_file(&path)?;
        load(&path).map(Some)
    }

    /// Keeps an enrolment in the place of an earlier one, with its keys.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn enroll(&self, enrollment: &Enrollment) -> Result<(), StateError> {
        let keys = self.keys_file();
        match fs::remove_file(&keys) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(StateError::Io { path: keys, source });
            }
            _ => {}
        }
        save(&self.enrollment_file(), enrollment)
    }

    fn keys_file(&self) -> PathBuf {
        self.0.join("keys.json")
    }

    /// Takes a key set in whose signature held, and keeps it if it is newer than the one kept.
    ///
    /// # Errors
    /// When it is older, or cannot be kept.
    pub fn accept_keys(&self, root: &PublicKey, signed: &SignedKeySet, keys: &TrustedKeys) -> Result<(), StateError> {
        let path = self.keys_file();
        if path.exists() {
            let kept: SignedKeySet = load(&path)?;
            let seen = kept.open(root).map_err(|source| StateError::Keys { path: path.clone(), source })?.serial();
            if keys.serial() < seen {
                return Err(StateError::OldKeys { shown: keys.serial(), seen });
            }
            if keys.serial() == seen {
                return Ok(());
            }
        }
        save(&path, signed)
    }
}

fn load<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, StateError> {
    let bytes = fs::read(path).map_err(|source| StateError::Io { path: path.to_owned(), source })?;
    read(&bytes).map_err(|source| StateError::Damaged { path: path.to_owned(), source })
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), StateError> {
    serde_json::to_vec_pretty(value)
        .map_err(io::Error::from)
        .and_then(|bytes| platform::replace_private(path, &bytes))
        .map_err(|source| StateError::Io { path: path.to_owned(), source })
}

impl fmt::Debug for Enrollment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrollment")
            .field("server", &self.server.as_str())
            .field("computer_id", &self.computer_id)
            .finish_non_exhaustive()
    }
}
