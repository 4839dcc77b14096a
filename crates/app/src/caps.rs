//! How many requests a computer and a company may bring within ten minutes: read, changed, followed on other nodes.

use std::sync::{PoisonError, RwLock};

pub use countersign_domain::caps::{Caps, TooMany, WINDOW_S, Whose};
use countersign_domain::{audit::Actor, directory::Technician, role::Right};

use crate::{App, Error, Result, people::require};

const DOCUMENT: &str = "caps";
/// The highest cap; more is said by taking the cap away.
const MOST: u32 = 100_000;

/// The caps in force, and the version of the document that they were read from.
#[derive(Default)]
pub(crate) struct InForce(RwLock<(Caps, Option<i64>)>);

/// A change: only what is `Some` changes; the inner `None` takes the cap away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change {
    /// Of one computer.
    pub per_computer: Option<Option<u32>>,
    /// Of one company.
    pub per_company: Option<Option<u32>>,
}

impl App {
    /// The caps in force.
    #[must_use]
    pub fn caps(&self) -> Caps {
        self.caps_and_version().0
    }

    fn caps_and_version(&self) -> (Caps, Option<i64>) {
        *self.inner.caps.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the caps. Other nodes follow within seconds.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field and what is allowed.
    pub async fn change_caps(&self, by: &Technician, change: Change) -> Result<Caps> {
        require(by, Right::EditSettings)?;
        self.follow_caps().await?;
        let (before, version) = self.caps_and_version();
        let after = Caps {
            per_computer: change.per_computer.unwrap_or(before.per_computer),
            per_company: change.per_company.unwrap_or(before.per_company),
        };
        for (field, cap) in [("per_computer", after.per_computer), ("per_company", after.per_company)] {
            if cap.is_some_and(|cap| !(1..=MOST).contains(&cap)) {
                return Err(Error::invalid("cap", field, format!("{field} is from 1 to {MOST}, or null for no cap.")));
            }
        }
        let value = serde_json::to_string(&after)
            .map_err(|error| Error::Sealed(format!("The caps cannot be written: {error}")))?;
        let entry = self.entry(
            Actor::Technician(by.id.clone()),
            "caps.changed",
            DOCUMENT,
            None,
            serde_json::json!({ "from": before, "to": after }),
        );
        self.store()
            .write(move |tx| {
                let (value, entry) = (value.clone(), entry.clone());
                Box::pin(async move {
                    tx.set_setting(DOCUMENT, &value, version).await?;
                    tx.audit(&entry).await
                })
            })
            .await?;
        self.follow_caps().await?;
        Ok(self.caps())
    }

    /// Reads the caps, which this or another node may have written.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn follow_caps(&self) -> Result<()> {
        let Some((value, version)) = self.store().setting(DOCUMENT).await? else { return Ok(()) };
        let caps = serde_json::from_str(&value)
            .map_err(|error| Error::Sealed(format!("The caps in the database cannot be read: {error}")))?;
        *self.inner.caps.0.write().unwrap_or_else(PoisonError::into_inner) = (caps, Some(version));
        Ok(())
    }
}
