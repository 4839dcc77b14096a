//! Enrolment keys: bound to a company unless made otherwise, limited in count and time.

use countersign_domain::{
    audit::Entry,
    id::{CompanyId, EnrollmentKeyId},
    time::Time,
};
use sqlx::FromRow;

use crate::{Result, Store, Tx, query::Query};

/// A key to keep.
#[derive(Debug, Clone)]
pub struct NewEnrollmentKey {
    /// Its id.
    pub id: EnrollmentKeyId,
    /// SHA-256 of its secret.
    pub secret_hash: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// The company it is bound to; none is good for every company.
    pub company: Option<CompanyId>,
    /// How often it can be used; none is without limit.
    pub max_uses: Option<i64>,
    /// Until when; none is without limit.
    pub expires_at: Option<Time>,
    /// A known machine that comes with it gets a new credential at once instead of being held.
    pub trusts_known_machines: bool,
    /// When it was made.
    pub created_at: Time,
}

/// A key as people see it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EnrollmentKeyRow {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// The company it is bound to.
    pub company_id: Option<String>,
    /// How often it can be used.
    pub max_uses: Option<i64>,
    /// How often it was used.
    pub uses: i64,
    /// Until when, microseconds UTC.
    pub expires_at: Option<i64>,
    /// Exempts known machines from being held.
    pub trusts_known_machines: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
}

const COLUMNS: &str = "id, name, company_id, max_uses, uses, expires_at, trusts_known_machines, revoked_at, created_at";

impl Tx {
    /// The key with this secret's SHA-256.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be read.
    pub async fn enrollment_key(&mut self, secret_hash: &str) -> Result<Option<EnrollmentKeyRow>> {
        let mut query = Query::build(&format!("SELECT {COLUMNS} FROM enrollment_keys WHERE secret_hash = "));
        query.arg(secret_hash);
        self.conn.one(&query).await
    }

    /// Counts one use. False if its uses are up, or it was revoked meanwhile.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn use_enrollment_key(&mut self, id: &str) -> Result<bool> {
        let query = Query::new(
            "UPDATE enrollment_keys SET uses = uses + 1
             WHERE id = $1 AND revoked_at IS NULL AND (max_uses IS NULL OR uses < max_uses)",
        )
        .bind(id);
        Ok(self.conn.execute(&query).await? == 1)
    }
}

impl Store {
    /// Keeps a new key.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn add_enrollment_key(&self, key: NewEnrollmentKey, audit: Entry) -> Result<()> {
        self.write(move |tx| {
            let query = Query::new(
                "INSERT INTO enrollment_keys (id, secret_hash, name, company_id, max_uses, uses, expires_at,
                 trusts_known_machines, created_at) VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8)",
            )
            .bind(key.id.as_str())
            .bind(&key.secret_hash)
            .bind(&key.name)
            .bind(key.company.as_ref().map(CompanyId::as_str))
            .bind(key.max_uses)
            .bind(key.expires_at)
            .bind(i64::from(key.trusts_known_machines))
            .bind(key.created_at);
            let audit = audit.clone();
            Box::pin(async move {
                tx.conn.execute(&query).await?;
                tx.audit(&audit).await
            })
        })
        .await
    }

    /// All keys, newest first.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where they cannot be read.
    pub async fn enrollment_keys(&self) -> Result<Vec<EnrollmentKeyRow>> {
        let query =
            Query::build(&format!("SELECT {COLUMNS} FROM enrollment_keys ORDER BY created_at DESC, id DESC LIMIT 500"));
        self.read().await?.all(&query).await
    }

    /// Revokes a key. False if there is none such, or it was revoked before.
    ///
    /// # Errors
    /// [`crate::Error::Database`] where it cannot be written.
    pub async fn revoke_enrollment_key(&self, id: &EnrollmentKeyId, now: Time, audit: Entry) -> Result<bool> {
        let query = Query::new("UPDATE enrollment_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now)
            .bind(id.as_str());
        self.change_one(query, audit).await
    }
}
