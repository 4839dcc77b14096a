//! What the demo must know again after it was killed: credentials it was told once, and the ids of its requests.
//!
//! Written before it is used, so that the same request is asked for again, never another.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::document::Document;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    values: BTreeMap<String, String>,
}

/// Named texts on disk.
pub(super) struct Memory {
    folder: PathBuf,
    kept: Kept,
}

impl Memory {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("demo-memory.json");
        let kept = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} cannot be read; remove the folder to begin anew", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        Ok(Self { folder: folder.to_owned(), kept })
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.kept.values.get(name).cloned()
    }

    /// Keeps a text; it is on disk when this answers.
    pub(super) fn keep(&mut self, name: &str, value: &str) -> Result<()> {
        self.kept.values.insert(name.to_owned(), value.to_owned());
        self.write("demo-memory.json", &serde_json::to_vec_pretty(&self.kept)?)
    }

    /// The text of that name; drawn and kept if there is none.
    pub(super) fn get_or(&mut self, name: &str, draw: impl FnOnce() -> String) -> Result<String> {
        if let Some(value) = self.get(name) {
            return Ok(value);
        }
        let value = draw();
        self.keep(name, &value)?;
        Ok(value)
    }

    pub(super) fn keep_document(&self, document: &Document) -> Result<()> {
        self.write("demo.json", &serde_json::to_vec_pretty(document)?)
    }

    /// Whole or not at all, for this account alone: there are credentials in it.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(name))?;
        Ok(())
    }
}
