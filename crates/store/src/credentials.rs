//! Credentials of computers: who asks, and the second credential that waits for a technician.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use countersign_domain::{directory::Computer, id::ComputerId, text::name_key};

use crate::{
    ComputerRow, Result, Store, Tx,
    directory::{COMPUTERS, RawComputer},
    query::Query,
};

/// A computer with the names around it: who asks, as the credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputerContext {
    /// The computer.
    pub computer: Computer,
    /// Name of its company.
    pub company: String,
    /// Name of its location.
    pub location: String,
    /// True if the credential is one that waits for a technician.
    pub held_credential: bool,
    /// True if the computer is archived: it asks for nothing any more.
    pub archived: bool,
}

/// Who asks, by credential, kept in memory while only this process writes. Emptied by every unit that commits.
#[derive(Clone)]
pub(crate) struct ContextCache {
    on: bool,
    held: Arc<RwLock<Held>>,
}

/// How often it was emptied, and what it holds.
type Held = (u64, HashMap<String, Arc<ComputerContext>>);

impl ContextCache {
    /// `on` is false where other processes write too.
    pub(crate) fn new(on: bool) -> Self {
        Self { on, held: Arc::default() }
    }

    pub(crate) fn clear(&self) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.0 += 1;
        held.1.clear();
    }

    fn get(&self, hash: &str) -> (u64, Option<Arc<ComputerContext>>) {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        (held.0, held.1.get(hash).cloned())
    }

    /// Keeps what was read, unless something was written since `generation`.
    fn put(&self, generation: u64, hash: &str, context: &Arc<ComputerContext>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if self.on && held.0 == generation {
            held.1.insert(hash.to_owned(), context.clone());
        }
    }
}

impl Store {
    /// The computer that a credential (its SHA-256) belongs to.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn computer_by_credential(&self, hash: &str) -> Result<Option<Arc<ComputerContext>>> {
        let (generation, held) = self.inner.contexts.get(hash);
        if held.is_some() {
            return Ok(held);
        }
        let mut query = Query::build(COMPUTERS);
        query.push(" AND (d.credential_hash = ").arg(hash).push(" OR d.held_credential_hash = ").arg(hash).push(")");
        let rows: Vec<ComputerRow> = self.list::<RawComputer, _>(&query).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let current = Query::new("SELECT credential_hash FROM computers WHERE id = $1").bind(row.computer.id.as_str());
        let current: Option<(String,)> = self.read().await?.one(&current).await?;
        let context = Arc::new(ComputerContext {
            held_credential: current.is_none_or(|(current,)| current != hash),
            archived: row.archived_at.is_some(),
            computer: row.computer,
            company: row.company,
            location: row.location,
        });
        self.inner.contexts.put(generation, hash, &context);
        Ok(Some(context))
    }
}

impl Tx {
    /// Writes what an enrolment says of a known computer, with a new credential: good at once, or held until a
    /// technician confirms (then nothing else changes).
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn re_enroll(&mut self, computer: &Computer, credential_hash: &str) -> Result<()> {
        let query = if computer.held {
            Query::new("UPDATE computers SET held_credential_hash = $1 WHERE id = $2")
                .bind(credential_hash)
                .bind(computer.id.as_str())
        } else {
            Query::new(
                "UPDATE computers SET company_id = $1, location_id = $2, name = $3, name_key = $4, os = $5, os_version = $6,
                 agent_version = $7, credential_hash = $8, held_credential_hash = NULL WHERE id = $9",
            )
            .bind(computer.company_id.as_str())
            .bind(computer.location_id.as_str())
            .bind(&computer.name)
            .bind(name_key(&computer.name))
            .bind(&computer.os)
            .bind(&computer.os_version)
            .bind(&computer.agent_version)
            .bind(credential_hash)
            .bind(computer.id.as_str())
        };
        self.conn.execute(&query).await.map(|_| ())
    }

    /// True if a credential (its SHA-256) is the computer's own.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn is_credential_of(&mut self, id: &ComputerId, credential_hash: &str) -> Result<bool> {
        let query = Query::new("SELECT COUNT(*) FROM computers WHERE id = $1 AND credential_hash = $2")
            .bind(id.as_str())
            .bind(credential_hash);
        Ok(self.conn.one::<(i64,)>(&query).await?.is_some_and(|(n,)| n > 0))
    }

    /// Makes a held credential the computer's own. False if none is held.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn confirm_held(&mut self, id: &ComputerId) -> Result<bool> {
        let query = Query::new(
            "UPDATE computers SET credential_hash = held_credential_hash, held_credential_hash = NULL
             WHERE id = $1 AND held_credential_hash IS NOT NULL",
        )
        .bind(id.as_str());
        Ok(self.conn.execute(&query).await? == 1)
    }
}
