//! Small documents that the server keeps about its own rounds: what was read last, how far it came.
//!
//! Each belongs to one of `sync`, `follow` and `reconcile`, and is written whole by one step at a time, so that no version
//! is compared. Not for settings, which people change: those go through `ticketing` and `caps`, which refuse a stale one.

use serde::{Serialize, de::DeserializeOwned};

use crate::{App, Error, Result};

impl App {
    /// The document of a name; the default where none was kept yet.
    pub(crate) async fn noted<T: DeserializeOwned + Default>(&self, name: &'static str) -> Result<T> {
        let Some((value, _)) = self.store().setting(name).await? else { return Ok(T::default()) };
        serde_json::from_str(&value)
            .map_err(|error| Error::Sealed(format!("The server's own note {name} cannot be read: {error}")))
    }

    /// Keeps a document under its name.
    pub(crate) async fn note_down<T: Serialize + Sync>(&self, name: &'static str, kept: &T) -> Result<()> {
        let value = serde_json::to_string(kept)
            .map_err(|error| Error::Sealed(format!("The server's own note {name} cannot be written: {error}")))?;
        self.store()
            .write(move |tx| {
                let value = value.clone();
                Box::pin(async move { tx.keep_setting(name, &value).await })
            })
            .await?;
        Ok(())
    }
}
