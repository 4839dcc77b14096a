//! The key that secrets in the database are sealed with: from the environment, a service manager's credential, or a file
//! that only this account can read.

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, anyhow, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_app::clock::Ids;
use countersign_store::Place;

use crate::config::Config;

/// Holds the key itself, base64.
const VARIABLE: &str = "COUNTERSIGN_KEY";
/// The name under which a service manager hands the key over (`LoadCredential=countersign.key:…`).
const CREDENTIAL: &str = "countersign.key";

/// The key, and where it came from.
pub(crate) struct Key {
    /// The key.
    pub(crate) bytes: [u8; 32],
    /// In words.
    pub(crate) from: String,
}

/// The key, if there is one.
///
/// # Errors
/// When others can read the key file, or what is there is no key.
pub(crate) fn find(config: &Config) -> anyhow::Result<Option<Key>> {
    if let Some(text) = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty()) {
        let bytes = decode(&text).ok_or_else(|| no_key(VARIABLE))?;
        return Ok(Some(Key { bytes, from: format!("the environment ({VARIABLE})") }));
    }
    let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(CREDENTIAL));
    let path = credential.filter(|path| path.exists()).unwrap_or_else(|| config.key_file.clone());
    if !path.exists() {
        return Ok(None);
    }
    check_mode(&path)?;
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path).with_context(|| format!("The key file {shown} cannot be read"))?;
    let bytes = decode(&text).ok_or_else(|| no_key(&shown))?;
    Ok(Some(Key { bytes, from: shown }))
}

/// Makes the key file, at the first start.
///
/// # Errors
/// When it cannot be written, and when a database is there already: a new key would open none of its secrets.
pub(crate) fn make(config: &Config, ids: &dyn Ids) -> anyhow::Result<Key> {
    let path = &config.key_file;
    let shown = path.display();
    if let Place::Sqlite(database) = &config.database
        && database.exists()
    {
        bail!(
            "The key file {shown} is gone, but the database {} is there: its secrets open with that key alone. Put the key \
             file back from your backup.",
            database.display()
        );
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let bytes = ids.secret();
    // Written beside and then put into its place, so that a key file is never half there; never over another one.
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", STANDARD.encode(bytes))?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("The key file {shown} cannot be made"))?;
    tracing::info!(file = %shown, "made the key file: keep a copy of it apart from the database");
    Ok(Key { bytes, from: shown.to_string() })
}

fn decode(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

fn no_key(place: &str) -> anyhow::Error {
    anyhow!("{place} holds no key. Allowed: 32 bytes as base64, as `openssl rand -base64 32` prints them.")
}

#[cfg(unix)]
fn check_mode(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = path.display();
    let found = std::fs::metadata(path).with_context(|| format!("The key file {shown} cannot be read"))?;
    if found.mode() & 0o077 != 0 {
        bail!("Others can read the key file {shown} (mode {:04o}). Run: chmod 600 {shown}", found.mode() & 0o7777);
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
