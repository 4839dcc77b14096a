//! Technicians, and what they sign in with: one-use links, portal sessions, API tokens.

use countersign_domain::{
    audit::Entry,
    directory::Technician,
    id::{TechnicianId, TokenId},
    link::{Kind, Link},
    role::{Access, Role},
    text::{email_key, name_key},
    time::Time,
};
use sqlx::FromRow;

use crate::{DirectoryQuery, Error, Result, Store, Tx, links::LinkColumns, query::Query};

/// A technician with his link.
#[derive(Debug, Clone)]
pub struct TechnicianRow {
    /// The technician.
    pub technician: Technician,
    /// His link.
    pub link: Link,
}

#[derive(FromRow)]
struct RawTechnician {
    id: String,
    email: String,
    name: String,
    role: String,
    access: String,
    accounts: String,
    disabled: i64,
    created_at: i64,
    #[sqlx(flatten)]
    link: LinkColumns,
}

impl TryFrom<RawTechnician> for TechnicianRow {
    type Error = Error;

    fn try_from(raw: RawTechnician) -> Result<Self> {
        let broken = |why: &dyn std::fmt::Display| Error::corrupt(raw.id.clone(), why);
        Ok(Self {
            technician: Technician {
                id: raw.id.parse().map_err(|error| broken(&error))?,
                email: raw.email,
                name: raw.name,
                role: Role::parse(&raw.role).ok_or_else(|| broken(&"its role is unknown"))?,
                access: serde_json::from_str(&raw.access).map_err(|error| broken(&error))?,
                accounts: serde_json::from_str(&raw.accounts).map_err(|error| broken(&error))?,
                disabled: raw.disabled != 0,
                created_at: Time(raw.created_at),
            },
            link: raw.link.try_into()?,
        })
    }
}

/// An API token to keep.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// Whose.
    pub technician: TechnicianId,
    /// What it is for, in its maker's words.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: String,
    /// It may decide.
    pub may_decide: bool,
    /// Until when; none is without limit.
    pub expires_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

/// A token as people see it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TokenRow {
    /// Its id.
    pub id: String,
    /// Whose.
    pub technician_id: String,
    /// What it is for.
    pub name: String,
    /// It may decide.
    pub may_decide: i64,
    /// Until when, microseconds UTC.
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
}

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PortalSession {
    /// SHA-256 of its cookie.
    pub hash: String,
    /// Who.
    pub technician_id: String,
    /// What every form of it carries.
    pub form_token: String,
    /// When it was last seen, microseconds UTC.
    pub seen_at: i64,
    /// Until when at the most.
    pub expires_at: i64,
}

pub(crate) const TECHNICIANS: &str =
    "SELECT d.id, d.email, d.name, d.role, d.access, d.accounts, d.disabled, d.created_at,
    k.state AS link_state, k.psa_id, k.psa_name, k.how, k.at AS link_at, k.candidates
    FROM technicians d
    LEFT JOIN links k ON k.kind = 'technician' AND k.id = d.id WHERE 1 = 1";

impl Store {
    /// Technicians; whoever may read people reads all of them.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn technicians(&self, wanted: &DirectoryQuery) -> Result<Vec<TechnicianRow>> {
        let query = crate::lists::Table::of(Kind::Technician).rows(&Access::All, wanted);
        let rows: Vec<RawTechnician> = self.read().await?.all(&query).await?;
        rows.into_iter().map(TechnicianRow::try_from).collect()
    }

    /// A technician by his id.
    ///
    /// # Errors
    /// [`Error::Database`] where he cannot be read.
    pub async fn technician(&self, id: &TechnicianId) -> Result<Option<TechnicianRow>> {
        let wanted = DirectoryQuery { id: Some(id.to_string()), limit: 1, ..DirectoryQuery::default() };
        Ok(self.technicians(&wanted).await?.into_iter().next())
    }

    /// A technician by his mail address.
    ///
    /// # Errors
    /// [`Error::Database`] where he cannot be read.
    pub async fn technician_by_email(&self, email: &str) -> Result<Option<TechnicianRow>> {
        let email = email.to_owned();
        self.look_up(move |tx| Box::pin(async move { tx.technician_by_email(&email).await })).await
    }

    /// Whose token has this SHA-256, and whether it may decide; none where it is revoked, out of time or unknown.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn token_owner(&self, hash: &str, now: Time) -> Result<Option<(TechnicianRow, bool)>> {
        let query = Query::new(
            "SELECT technician_id, may_decide FROM tokens WHERE hash = $1 AND revoked_at IS NULL
             AND (expires_at IS NULL OR expires_at > $2)",
        )
        .bind(hash)
        .bind(now);
        let Some((owner, may_decide)) = self.read().await?.one::<(String, i64)>(&query).await? else {
            return Ok(None);
        };
        let owner = owner.parse().map_err(|error| Error::corrupt("a token", error))?;
        Ok(self.technician(&owner).await?.filter(|row| !row.technician.disabled).map(|row| (row, may_decide != 0)))
    }

    /// Keeps a new token.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn add_token(&self, token: NewToken, audit: Entry) -> Result<()> {
        let query = Query::new(
            "INSERT INTO tokens (id, technician_id, name, hash, may_decide, expires_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(token.id.as_str())
        .bind(token.technician.as_str())
        .bind(token.name)
        .bind(token.hash)
        .bind(i64::from(token.may_decide))
        .bind(token.expires_at)
        .bind(token.created_at);
        self.change_one(query, audit).await.map(|_| ())
    }

    /// The tokens of a technician, or of all, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn tokens(&self, of: Option<&TechnicianId>) -> Result<Vec<TokenRow>> {
        let mut query = Query::build(
            "SELECT id, technician_id, name, may_decide, expires_at, revoked_at, created_at FROM tokens WHERE 1 = 1",
        );
        if let Some(of) = of {
            query.push(" AND technician_id = ").arg(of.as_str());
        }
        query.push(" ORDER BY created_at DESC, id DESC LIMIT 500");
        self.read().await?.all(&query).await
    }

    /// Revokes a token. False if there is none such, or it was revoked before.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn revoke_token(&self, id: &TokenId, now: Time, audit: Entry) -> Result<bool> {
        let query = Query::new("UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now)
            .bind(id.as_str());
        self.change_one(query, audit).await
    }

    /// Keeps a one-use sign-in link by the SHA-256 of its secret.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn add_sign_in_link(
        &self,
        hash: String,
        technician: TechnicianId,
        now: Time,
        expires_at: Time,
        audit: Entry,
    ) -> Result<()> {
        let query = Query::new(
            "INSERT INTO sign_in_links (hash, technician_id, expires_at, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(hash)
        .bind(technician.as_str())
        .bind(expires_at)
        .bind(now);
        self.change_one(query, audit).await.map(|_| ())
    }

    /// Whose unused, unexpired link this is.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn sign_in_link(&self, hash: &str, now: Time) -> Result<Option<TechnicianRow>> {
        let query = Query::new(
            "SELECT technician_id FROM sign_in_links WHERE hash = $1 AND used_at IS NULL AND expires_at > $2",
        )
        .bind(hash)
        .bind(now);
        let Some((owner,)) = self.read().await?.one::<(String,)>(&query).await? else { return Ok(None) };
        let owner = owner.parse().map_err(|error| Error::corrupt("a sign-in link", error))?;
        Ok(self.technician(&owner).await?.filter(|row| !row.technician.disabled))
    }

    /// Uses a one-use link up and opens a session of its owner with it; false if it was used meanwhile.
    ///
    /// # Errors
    /// [`Error::Database`] where nothing was kept.
    pub async fn sign_in(&self, link: String, session: PortalSession, now: Time, audit: Entry) -> Result<bool> {
        self.write(move |tx| {
            let used = Query::new(
                "UPDATE sign_in_links SET used_at = $1
                 WHERE hash = $2 AND technician_id = $3 AND used_at IS NULL AND expires_at > $4",
            )
            .bind(now)
            .bind(&link)
            .bind(&session.technician_id)
            .bind(now);
            let open = Query::new(
                "INSERT INTO portal_sessions (hash, technician_id, form_token, created_at, seen_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&session.hash)
            .bind(&session.technician_id)
            .bind(&session.form_token)
            .bind(now)
            .bind(session.seen_at)
            .bind(session.expires_at);
            let audit = audit.clone();
            Box::pin(async move {
                if tx.conn.execute(&used).await? != 1 {
                    return Ok(false);
                }
                tx.conn.execute(&open).await?;
                tx.audit(&audit).await?;
                Ok(true)
            })
        })
        .await
    }

    /// The session with this cookie's SHA-256, if it is not over at `now` and was seen after `seen_after`.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn portal_session(
        &self,
        hash: &str,
        now: Time,
        seen_after: Time,
    ) -> Result<Option<(PortalSession, TechnicianRow)>> {
        let query = Query::new(
            "SELECT hash, technician_id, form_token, seen_at, expires_at FROM portal_sessions
             WHERE hash = $1 AND expires_at > $2 AND seen_at > $3",
        )
        .bind(hash)
        .bind(now)
        .bind(seen_after);
        let Some(session) = self.read().await?.one::<PortalSession>(&query).await? else { return Ok(None) };
        let owner = session.technician_id.parse().map_err(|error| Error::corrupt("a session", error))?;
        let owner = self.technician(&owner).await?.filter(|row| !row.technician.disabled);
        Ok(owner.map(|owner| (session, owner)))
    }

    /// Notes that a session was seen.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn session_seen(&self, hash: &str, now: Time) -> Result<()> {
        let hash = hash.to_owned();
        self.write(move |tx| {
            let query = Query::new("UPDATE portal_sessions SET seen_at = $1 WHERE hash = $2").bind(now).bind(&hash);
            Box::pin(async move { tx.conn.execute(&query).await.map(|_| ()) })
        })
        .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn end_session(&self, hash: &str, audit: Entry) -> Result<bool> {
        let query = Query::new("DELETE FROM portal_sessions WHERE hash = $1").bind(hash);
        self.change_one(query, audit).await
    }

    /// Runs a statement that is to touch one row, with its audit entry; false if it touched none, and then nothing is
    /// kept.
    pub(crate) async fn change_one(&self, query: Query, audit: Entry) -> Result<bool> {
        self.write(move |tx| {
            let (query, audit) = (query.clone(), audit.clone());
            Box::pin(async move {
                let changed = tx.conn.execute(&query).await? > 0;
                if changed {
                    tx.audit(&audit).await?;
                }
                Ok(changed)
            })
        })
        .await
    }
}

impl Tx {
    /// A technician by his mail address.
    ///
    /// # Errors
    /// [`Error::Database`] where he cannot be read.
    pub async fn technician_by_email(&mut self, email: &str) -> Result<Option<TechnicianRow>> {
        let mut query = Query::build(TECHNICIANS);
        query.push(" AND d.email_key = ").arg(email_key(email));
        self.conn.one::<RawTechnician>(&query).await?.map(TechnicianRow::try_from).transpose()
    }

    /// Adds a technician.
    ///
    /// # Errors
    /// [`Error::Taken`] where the mail address is taken.
    pub async fn insert_technician(&mut self, technician: &Technician) -> Result<()> {
        let query = Query::new(
            "INSERT INTO technicians (id, email, email_key, name, name_key, role, access, accounts, disabled, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (email_key) DO NOTHING",
        );
        let (access, accounts) = documents(technician)?;
        let query = query
            .bind(technician.id.as_str())
            .bind(&technician.email)
            .bind(email_key(&technician.email))
            .bind(&technician.name)
            .bind(name_key(&technician.name))
            .bind(technician.role.as_str())
            .bind(access)
            .bind(accounts)
            .bind(i64::from(technician.disabled))
            .bind(technician.created_at);
        self.insert(&query).await
    }

    /// Writes a technician anew; a disabled one loses his sessions.
    ///
    /// # Errors
    /// [`Error::Taken`] where the mail address is taken.
    pub async fn update_technician(&mut self, technician: &Technician) -> Result<()> {
        let (access, accounts) = documents(technician)?;
        let query = Query::new(
            "UPDATE technicians SET email = $1, email_key = $2, name = $3, name_key = $4, role = $5, access = $6, accounts = $7,
             disabled = $8 WHERE id = $9",
        )
        .bind(&technician.email)
        .bind(email_key(&technician.email))
        .bind(&technician.name)
        .bind(name_key(&technician.name))
        .bind(technician.role.as_str())
        .bind(access)
        .bind(accounts)
        .bind(i64::from(technician.disabled))
        .bind(technician.id.as_str());
        self.conn.execute(&query).await?;
        if technician.disabled {
            let end = Query::new("DELETE FROM portal_sessions WHERE technician_id = $1").bind(technician.id.as_str());
            self.conn.execute(&end).await?;
        }
        Ok(())
    }

    /// How many administrators can still sign in, this one left out.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be counted.
    pub async fn other_administrators(&mut self, id: &TechnicianId) -> Result<i64> {
        let query =
            Query::new("SELECT COUNT(*) FROM technicians WHERE role = 'administrator' AND disabled = 0 AND id <> $1")
                .bind(id.as_str());
        Ok(self.conn.one::<(i64,)>(&query).await?.map_or(0, |(n,)| n))
    }
}

fn documents(technician: &Technician) -> Result<(String, String)> {
    let json = |value: std::result::Result<String, serde_json::Error>| {
        value.map_err(|error| Error::corrupt(technician.id.to_string(), error))
    };
    Ok((json(serde_json::to_string(&technician.access))?, json(serde_json::to_string(&technician.accounts))?))
}
