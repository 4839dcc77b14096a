//! The facts of a program that is about to be asked for.
//!
//! For: finding the file that would be started, and saying what it is. Not for: judging it.
//! Called by `request`. Path, size, owner and digest are of one open file, not of a name looked up several times.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use countersign_policy::{ProgramFacts, Sha256, Text};
use countersign_wire::grant::arguments_hash;
use countersign_wire::request::MAX_COMMAND_LINE;
use sha2::{Digest as _, Sha256 as Hasher};

use crate::platform;

/// A program and its arguments, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: ProgramFacts,
    /// What was typed, quoted as a shell would read it.
    pub line: Text<MAX_COMMAND_LINE>,
    /// What a grant is bound to.
    pub arguments: Sha256,
}

/// A program that cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// No file of that name.
    #[error("{0} was not found in any folder of PATH. Check the spelling, or give the full path.")]
    NotInPath(String),
    /// The file cannot be looked at.
    #[error("{path} cannot be asked for: {source}.")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The path is longer than a request can carry.
    #[error("The path of {0} is too long for a request.")]
    TooLong(String),
    /// There is nothing to ask for.
    #[error("No program was named. Put it after --, like this: countersign-agent request -- apt-get install nmap")]
    Nothing,
}

/// Looks at the program that a command would start.
///
/// # Errors
/// When there is no such program, or it cannot be read.
pub fn look(argv: &[OsString], search: Option<&OsStr>, folder: &Path) -> Result<Command, NotFound> {
    let (typed, arguments) = argv.split_first().filter(|(typed, _)| !typed.is_empty()).ok_or(NotFound::Nothing)?;
    let found = find(typed, search, folder)?;
    let unusable = |source| NotFound::Unusable { path: found.clone(), source };
    let path = found.canonicalize().map_err(unusable)?;
    let unusable = |source| NotFound::Unusable { path: path.clone(), source };
    let (mut file, size, owner) = platform::open_program(&path).map_err(unusable)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = file.read(&mut buffer).map_err(unusable)?;
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
    }
    let program = ProgramFacts {
        path: path.to_string_lossy().as_ref().try_into().map_err(|_| NotFound::TooLong(path.display().to_string()))?,
        sha256: Sha256::from_digest(&hasher.finalize().into()),
        size: Some(size),
        owner: Some(Text::clipped(&owner)),
        product: None,
        version: None,
        package: platform::package_of(&path),
        publisher: None,
    };
    let called = Path::new(typed).file_name().unwrap_or(typed);
    let called_and_given = std::iter::once(called).chain(arguments.iter().map(OsString::as_os_str));
    Ok(Command {
        program,
        line: Text::clipped(&line(argv)),
        arguments: arguments_hash(called_and_given.map(platform::command_bytes)),
    })
}

/// The file that would be started: the path itself where one was typed, else the first hit in PATH.
fn find(typed: &OsStr, search: Option<&OsStr>, folder: &Path) -> Result<PathBuf, NotFound> {
    if Path::new(typed).components().count() > 1 || Path::new(typed).is_absolute() {
        return Ok(folder.join(typed));
    }
    let folders = search.map(std::env::split_paths).into_iter().flatten();
    // An empty entry means the current folder to a shell; nobody means it when asking for rights.
    folders
        .filter(|entry| entry.is_absolute())
        .map(|entry| entry.join(typed))
        .find(|path| platform::is_program(path))
        .ok_or_else(|| NotFound::NotInPath(Text::<200>::clipped(&typed.to_string_lossy()).to_string()))
}

/// A command line as a POSIX shell would read it. What cannot be seen is spelt out, so that it is seen.
#[must_use]
pub fn line(argv: &[OsString]) -> String {
    argv.iter().map(|argument| quoted(platform::command_bytes(argument))).collect::<Vec<_>>().join(" ")
}

fn quoted(argument: &[u8]) -> String {
    use std::fmt::Write as _;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(byte);
    let text = std::str::from_utf8(argument);
    match text {
        Ok(text) if !text.is_empty() && argument.iter().all(plain) => text.to_owned(),
        Ok(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let mut spelt = String::from("$'");
            for chunk in argument.utf8_chunks() {
                for c in chunk.valid().chars() {
                    match c {
                        '\n' => spelt.push_str("\\n"),
                        '\t' => spelt.push_str("\\t"),
                        '\'' | '\\' => spelt.extend(['\\', c]),
                        c if c.is_control() => {
                            // Writing to a String cannot fail.
                            let _ = write!(spelt, "\\u{:04x}", u32::from(c));
                        }
                        c => spelt.push(c),
                    }
                }
                for byte in chunk.invalid() {
                    let _ = write!(spelt, "\\x{byte:02x}");
                }
            }
            spelt.push('\'');
            spelt
        }
    }
}
