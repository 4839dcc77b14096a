//! Settings as JSON documents by name, and sealed secrets.

use countersign_domain::time::Time;

use crate::{Result, Store, Tx, query::Query};

impl Store {
    /// A settings document and its version; none where it was never written.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn setting(&self, name: &str) -> Result<Option<(String, i64)>> {
        let query = Query::new("SELECT value, version FROM settings WHERE name = $1").bind(name);
        self.read().await?.one(&query).await
    }

    /// A sealed secret.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn secret(&self, name: &str) -> Result<Option<String>> {
        let query = Query::new("SELECT sealed FROM secrets WHERE name = $1").bind(name);
        Ok(self.read().await?.one::<(String,)>(&query).await?.map(|(sealed,)| sealed))
    }
}

impl Tx {
    /// Writes a settings document. `before` is the version it was read at, none where it is new.
    ///
    /// # Errors
    /// [`crate::Error::Stale`] where somebody wrote it meanwhile.
    pub async fn set_setting(&mut self, name: &str, value: &str, before: Option<i64>) -> Result<()> {
        let query = match before {
            None => Query::new(
                "INSERT INTO settings (name, value, version) VALUES ($1, $2, 1) ON CONFLICT (name) DO NOTHING",
            )
            .bind(name)
            .bind(value),
            Some(version) => {
                Query::new("UPDATE settings SET value = $1, version = version + 1 WHERE name = $2 AND version = $3")
                    .bind(value)
                    .bind(name)
                    .bind(version)
            }
        };
        if self.conn.execute(&query).await? == 1 { Ok(()) } else { Err(crate::Error::Stale) }
    }

    /// Keeps a sealed secret in the place of the one before it.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn set_secret(&mut self, name: &str, sealed: &str, at: Time) -> Result<()> {
        let query = Query::new(
            "INSERT INTO secrets (name, sealed, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at",
        )
        .bind(name)
        .bind(sealed)
        .bind(at);
        self.conn.execute(&query).await.map(|_| ())
    }

    /// Forgets a sealed secret, if there is one.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn forget_secret(&mut self, name: &str) -> Result<()> {
        let query = Query::new("DELETE FROM secrets WHERE name = $1").bind(name);
        self.conn.execute(&query).await.map(|_| ())
    }

    /// Keeps a sealed secret unless there is one; the one that is kept.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn secret_or(&mut self, name: &str, sealed: &str, at: Time) -> Result<String> {
        let insert = Query::new(
            "INSERT INTO secrets (name, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(sealed)
        .bind(at);
        self.conn.execute(&insert).await?;
        let kept = Query::new("SELECT sealed FROM secrets WHERE name = $1").bind(name);
        let kept: Option<(String,)> = self.conn.one(&kept).await?;
        kept.map(|(sealed,)| sealed).ok_or(crate::Error::Stale)
    }

    /// A settings document inside the transaction.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn setting(&mut self, name: &str) -> Result<Option<(String, i64)>> {
        let query = Query::new("SELECT value, version FROM settings WHERE name = $1").bind(name);
        self.conn.one(&query).await
    }
}
