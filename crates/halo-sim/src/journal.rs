//! The journal: one JSON line per change, appended and handed to the system before the answer goes out.
//!
//! It guards against the death of the process, not of the machine: lines are written, not synced, because tests kill
//! processes and a sync per call would hide how fast a client is. A last line that was cut short is dropped at the next
//! start: its answer never went out.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::world::{Beginning, Change};

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened, read or written.
    #[error("the snapshot file {path} cannot be used: {source}; check that the folder exists and can be written")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error(
        "line {line} of the snapshot file {path} is not readable ({source}); name another file, or remove this one"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
}

/// An open journal.
pub(crate) struct Journal {
    file: File,
    buffer: Vec<u8>,
    broken: Option<String>,
}

/// What an existing journal held.
pub(crate) struct Old {
    pub(crate) beginning: Option<Beginning>,
    pub(crate) changes: Vec<Change>,
}

impl Journal {
    /// Opens the file, reads what it holds, and writes the beginning if it is new.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub(crate) fn open(path: &Path, beginning: &Beginning) -> Result<(Self, Old), JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').filter(|line| !line.is_empty());

        let mut old = Old { beginning: None, changes: Vec::new() };
        for (number, line) in lines.enumerate() {
            let foreign = |source| JournalError::Foreign { path: path.to_owned(), line: number + 1, source };
            if number == 0 {
                old.beginning = Some(serde_json::from_slice(line).map_err(foreign)?);
            } else {
                old.changes.push(serde_json::from_slice(line).map_err(foreign)?);
            }
        }
        let end = u64::try_from(whole).unwrap_or(u64::MAX);
        file.set_len(end).map_err(io)?;
        file.seek(SeekFrom::Start(end)).map_err(io)?;

        let mut journal = Self { file, buffer: Vec::new(), broken: None };
        if old.beginning.is_none() {
            journal.append(beginning);
            journal.flush().map_err(io)?;
        }
        Ok((journal, old))
    }

    /// Adds a line to the buffer.
    pub(crate) fn append(&mut self, line: &impl serde::Serialize) {
        match serde_json::to_writer(&mut self.buffer, line) {
            Ok(()) => self.buffer.push(b'\n'),
            Err(error) => self.broken = Some(error.to_string()),
        }
    }

    /// Writes the buffer.
    ///
    /// # Errors
    /// When the system refuses, now or earlier: a journal with a gap is of no use.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        if let Some(error) = &self.broken {
            return Err(std::io::Error::other(error.clone()));
        }
        if !self.buffer.is_empty() {
            let written = self.file.write_all(&self.buffer);
            self.buffer.clear();
            if let Err(error) = written {
                self.broken = Some(error.to_string());
                return Err(error);
            }
        }
        Ok(())
    }
}
