//! Linux.
//!
//! For: what `/proc`, `/etc` and the C library's user database say, and files that only their owner can touch.
//! Not for: elevation.
//! Called through `platform`. Facts are read from the system each time; none is taken from an environment variable that
//! the user sets, except PATH, which says what he meant to start.

use std::ffi::{CStr, OsStr};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_policy::{Package, Sha256};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256 as Hasher};

/// Mixed into the machine id, which its own manual page (machine-id(5)) asks not to be given away as it is.
const MACHINE_ID_SALT: &[u8] = b"countersign machine id v1";

/// A person at the computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user number.
    pub uid: u32,
    /// The account name.
    pub account: String,
    /// The full name, where the account has one.
    pub display_name: Option<String>,
}

/// The user database does not know the user.
#[derive(Debug, thiserror::Error)]
#[error("The user number {uid} has no account on this computer, so nobody could be named as asking.")]
pub struct NoUser {
    uid: u32,
}

/// The system's clocks cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("The time since start cannot be read from {path}: {source}. Without it no approval could be timed.")]
pub struct NoMoment {
    path: &'static str,
    source: io::Error,
}

/// A moment on two clocks: one that cannot be set but starts anew with the computer, and one that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which start of the computer this is.
    pub boot: String,
    /// Milliseconds since then, sleep included.
    pub since_boot_ms: u64,
    /// Microseconds since 1970, by the clock that can be set.
    pub wall_us: i64,
}

impl Moment {
    /// How much time has passed from `self` to `now`; nothing when that cannot be told.
    ///
    /// Within one run of the computer the clock that cannot be set decides. Over a restart at least the time since that
    /// restart has passed, and the other clock must agree; where it went back, no answer is safe.
    #[must_use]
    pub fn until(&self, now: &Self) -> Option<Duration> {
        if self.boot == now.boot {
            return now.since_boot_ms.checked_sub(self.since_boot_ms).map(Duration::from_millis);
        }
        let wall = u64::try_from(now.wall_us.checked_sub(self.wall_us)?).ok()?;
        let wall = Duration::from_micros(wall);
        (wall >= Duration::from_millis(now.since_boot_ms)).then_some(wall)
    }
}

/// Now, on both clocks.
///
/// # Errors
/// When `/proc` does not tell.
pub fn now() -> Result<Moment, NoMoment> {
    const BOOT: &str = "/proc/sys/kernel/random/boot_id";
    // Counts like CLOCK_BOOTTIME: proc(5), "/proc/uptime ... including time spent in suspend".
    const UPTIME: &str = "/proc/uptime";
    let read = |path: &'static str| fs::read_to_string(path).map_err(|source| NoMoment { path, source });
    let odd = || NoMoment { path: UPTIME, source: io::ErrorKind::InvalidData.into() };
    let uptime = read(UPTIME)?;
    let (seconds, hundredths) =
        uptime.split_whitespace().next().and_then(|first| first.split_once('.')).ok_or_else(odd)?;
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| odd());
    Ok(Moment {
        boot: read(BOOT)?.trim().to_owned(),
        since_boot_ms: number(seconds)?.saturating_mul(1000).saturating_add(number(hundredths)?.saturating_mul(10)),
        wall_us: wall_clock(),
    })
}

/// Microseconds since 1970 by the clock that can be set.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the agent's one place that reads the clock")]
pub fn wall_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Waits: between two tries, never in place of a condition.
#[expect(clippy::disallowed_methods, reason = "the agent's one place that waits for time to pass")]
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Who runs this process: the real user, whatever rights it was given.
///
/// # Errors
/// When the user database has no such user.
pub fn invoker() -> Result<User, NoUser> {
    // SAFETY: getuid takes nothing, touches no memory and cannot fail (getuid(2)).
    #[expect(unsafe_code, reason = "std does not offer the user number")]
    let uid = unsafe { libc::getuid() };
    user(uid).ok_or(NoUser { uid })
}

/// Looks a user up in the user database, wherever the system keeps it.
fn user(uid: u32) -> Option<User> {
    // Entries longer than this are not found; glibc itself suggests 1 KiB (sysconf _SC_GETPW_R_SIZE_MAX).
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are to live, writable memory of the lengths given, and outlive the call.
    #[expect(unsafe_code, reason = "users of a directory service are only found through the C library")]
    let code =
        unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), buffer.as_mut_ptr().cast(), buffer.len(), &raw mut found) };
    if code != 0 || found.is_null() {
        return None;
    }
    // SAFETY: on success `entry` is filled, and its strings end with zero inside `buffer`, which still lives.
    #[expect(unsafe_code, reason = "the C library hands strings out as pointers")]
    let (account, gecos) = unsafe {
        let entry = entry.assume_init();
        let text = |pointer: *const libc::c_char| {
            if pointer.is_null() { String::new() } else { CStr::from_ptr(pointer).to_string_lossy().into_owned() }
        };
        (text(entry.pw_name), text(entry.pw_gecos))
    };
    // The first of the comma-separated parts is the full name; `&` in it stands for the account (passwd(5) of BSD).
    let full_name = gecos.split(',').next().unwrap_or_default().trim().replace('&', &account);
    Some(User { uid, account, display_name: Some(full_name).filter(|name| !name.is_empty()) })
}

/// The name of the computer.
#[must_use]
pub fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

/// Name and version of the operating system, from os-release(5).
#[must_use]
pub fn operating_system() -> (String, Option<String>) {
    let release = ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .unwrap_or_default();
    let value = |key: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches(['"', '\'']).to_owned())
    };
    (value("NAME").unwrap_or_else(|| "Linux".to_owned()), value("VERSION_ID"))
}

/// Names this installation, over renames of the computer: a digest of the machine id, or, where the system has none, of
/// random bytes kept in `state_dir`.
///
/// # Errors
/// When neither can be read nor made.
pub fn identity(state_dir: &Path) -> io::Result<Sha256> {
    let system = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .map(|id| id.trim().to_owned())
        .find(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let id = match system {
        Some(id) => id,
        None => own_machine_id(&state_dir.join("machine-id"))?,
    };
    Ok(Sha256::from_digest(&Hasher::new().chain_update(MACHINE_ID_SALT).chain_update(id).finalize().into()))
}

fn own_machine_id(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(id) => Ok(id),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut random = [0; 32];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let id = Sha256::from_digest(&random).to_string();
            replace_private(path, id.as_bytes())?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

/// The program that started this one, by its file, or by its name where the file is not shown to us.
#[must_use]
pub fn parent_process() -> Option<String> {
    let folder = PathBuf::from(format!("/proc/{}", std::os::unix::process::parent_id()));
    fs::read_link(folder.join("exe"))
        .map(|path| path.to_string_lossy().into_owned())
        .or_else(|_| fs::read_to_string(folder.join("comm")).map(|name| name.trim().to_owned()))
        .ok()
        .filter(|name| !name.is_empty())
}

/// Whether a path names a plain file that is marked as executable. It may still be one that we cannot read.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|facts| facts.is_file() && facts.mode() & 0o111 != 0)
}

/// Opens a file that can be started: the open file, its size in bytes, and the account that owns it.
///
/// # Errors
/// When it cannot be opened, is no plain file, or nobody may execute it.
pub fn open_program(path: &Path) -> io::Result<(File, u64, String)> {
    // Not blocking, since a pipe put there would hold the agent up for ever.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    if facts.mode() & 0o111 == 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not marked as executable"));
    }
    let owner = user(facts.uid()).map_or_else(|| facts.uid().to_string(), |user| user.account);
    Ok((file, facts.len(), owner))
}

/// The package that the system's package database names for a path. A database that cannot be read is logged, and
/// the fact is left out.
#[must_use]
pub fn package_of(path: &Path) -> Option<Package> {
    super::dpkg::package_of(Path::new("/var/lib/dpkg"), path).unwrap_or_else(|error| {
        tracing::warn!(%error, "the package database cannot be read");
        None
    })
}

/// The bytes of one argument.
#[must_use]
pub fn command_bytes(argument: &OsStr) -> &[u8] {
    argument.as_bytes()
}

/// A file or folder that others could have written, or read.
#[derive(Debug, thiserror::Error)]
pub enum NotPrivate {
    /// It cannot be looked at.
    #[error("{path} cannot be read: {source}.")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error(
        "{path} belongs to {owner}, not to {me}, so what it says cannot be trusted. Run this as {owner}, or name another \
         folder with --state-dir."
    )]
    Foreign {
        /// The file or folder.
        path: PathBuf,
        /// Who owns it.
        owner: String,
        /// Who looks.
        me: String,
    },
    /// Its mode lets others in.
    #[error("{path} has mode {mode:04o}, which lets others in. Check what is inside, then: chmod {wanted:04o} {path}")]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
}

fn require_private(path: &Path, refused: u32, wanted: u32) -> Result<(), NotPrivate> {
    let facts = fs::metadata(path).map_err(|source| NotPrivate::Unreadable { path: path.to_owned(), source })?;
    // SAFETY: geteuid takes nothing, touches no memory and cannot fail (getuid(2)).
    #[expect(unsafe_code, reason = "std does not offer the effective user number, which files are made with")]
    let me = unsafe { libc::geteuid() };
    let name = |uid| user(uid).map_or_else(|| format!("user {uid}"), |user| user.account);
    if facts.uid() != me {
        return Err(NotPrivate::Foreign { path: path.to_owned(), owner: name(facts.uid()), me: name(me) });
    }
    if facts.mode() & refused != 0 {
        return Err(NotPrivate::Open { path: path.to_owned(), mode: facts.mode() & 0o7777, wanted });
    }
    Ok(())
}

/// Refuses a folder that somebody else owns or could write into.
///
/// # Errors
/// See [`NotPrivate`].
pub fn require_private_dir(path: &Path) -> Result<(), NotPrivate> {
    require_private(path, 0o022, 0o700)
}

/// Refuses a file that somebody else owns, or could read or write.
///
/// # Errors
/// See [`NotPrivate`].
pub fn require_private_file(path: &Path) -> Result<(), NotPrivate> {
    require_private(path, 0o077, 0o600)
}

/// Makes a folder, and those above it, that only we can enter. One that exists is left as it is.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only we can read, in one go: after a crash there is the old content or the new, on disk.
///
/// # Errors
/// When it cannot be written.
pub fn replace_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    write_private(&temporary, content)?;
    fs::rename(&temporary, path)?;
    sync_folder_of(path)
}

/// Writes a file that only we can read, and has it on disk before it returns.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes an empty file that must not be there yet, and has it on disk before it returns: of several that try, one wins.
///
/// # Errors
/// `AlreadyExists` for those that lose; others when it cannot be written.
pub fn create_once(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.sync_all()?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot: &str, since_boot_ms: u64, wall_us: i64) -> Moment {
        Moment { boot: boot.to_owned(), since_boot_ms, wall_us }
    }

    #[test]
    fn the_clock_that_can_be_set_does_not_matter_within_one_run() {
        let asked = at("a", 1_000, 50_000_000);
        assert_eq!(asked.until(&at("a", 61_000, -1)), Some(Duration::from_mins(1)));
        assert_eq!(asked.until(&at("a", 999, 90_000_000)), None);
    }

    #[test]
    fn over_a_restart_both_clocks_must_agree() {
        let asked = at("a", 9_000_000, 0);
        assert_eq!(asked.until(&at("b", 10_000, 60_000_000)), Some(Duration::from_mins(1)));
        assert_eq!(asked.until(&at("b", 10_000, 9_000_000)), None, "less than since the restart");
        assert_eq!(asked.until(&at("b", 10_000, -1)), None, "before it was asked");
    }

    #[test]
    fn this_computer_has_a_user_and_clocks() {
        let (first, second) = (now().unwrap(), now().unwrap());
        assert!(first.until(&second).unwrap() < Duration::from_mins(1));
        assert!(!invoker().unwrap().account.is_empty());
        assert!(!host_name().is_empty());
        assert!(!operating_system().0.is_empty());
        assert!(parent_process().is_some());
    }

    #[test]
    fn the_machine_id_is_stable_and_not_the_systems_own() {
        let folder = tempfile::tempdir().unwrap();
        let id = identity(folder.path()).unwrap();
        assert_eq!(identity(folder.path()).unwrap(), id);
        let own = own_machine_id(&folder.path().join("machine-id")).unwrap();
        assert_eq!(own_machine_id(&folder.path().join("machine-id")).unwrap(), own);
        if let Ok(system) = fs::read_to_string("/etc/machine-id") {
            assert!(!id.as_str().contains(system.trim()) || system.trim().is_empty());
        }
    }

    #[test]
    fn what_others_could_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        set(0o755);
        require_private_dir(folder.path()).unwrap();
        set(0o775);
        let error = require_private_dir(folder.path()).unwrap_err().to_string();
        assert!(error.contains("0775") && error.contains("chmod 0700"), "{error}");
        set(0o700);
        let file = folder.path().join("f");
        replace_private(&file, b"x").unwrap();
        require_private_file(&file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(require_private_file(&file).is_err());
        create_once(&folder.path().join("once")).unwrap();
        let error = create_once(&folder.path().join("once")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }
}
