//! Links, one row for each record that was ever looked for.

use countersign_domain::{
    id::CompanyId,
    link::{How, Kind, Link, LinkState},
    text::name_key,
    time::Time,
};
use serde::Deserialize;
use sqlx::FromRow;

use crate::{Error, Result, Store, Tx, query::Query};

/// A link's columns, as they stand beside a record's; all empty where it was never looked for.
#[derive(FromRow, Deserialize)]
pub(crate) struct LinkColumns {
    link_state: Option<String>,
    psa_id: Option<String>,
    psa_name: Option<String>,
    how: Option<String>,
    link_at: Option<i64>,
    candidates: Option<String>,
}

impl TryFrom<LinkColumns> for Link {
    type Error = Error;

    fn try_from(columns: LinkColumns) -> Result<Self> {
        let Some(state) = columns.link_state else { return Ok(Self::default()) };
        Ok(Self {
            state: LinkState::parse(&state).ok_or_else(|| Error::corrupt("a link", state))?,
            psa_id: columns.psa_id,
            psa_name: columns.psa_name,
            how: columns.how.map(|how| if how == "manual" { How::Manual } else { How::Auto }),
            at: columns.link_at.map(Time),
            candidates: match columns.candidates {
                Some(json) => serde_json::from_str(&json).map_err(|error| Error::corrupt("a link", error))?,
                None => Vec::new(),
            },
        })
    }
}

pub(crate) const fn how_word(how: How) -> &'static str {
    match how {
        How::Auto => "auto",
        How::Manual => "manual",
    }
}

impl Tx {
    /// The link of a record.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn link(&mut self, kind: Kind, id: &str) -> Result<Link> {
        let query = Query::new(
            "SELECT state AS link_state, psa_id, psa_name, how, at AS link_at, candidates FROM links WHERE kind = $1 AND id = $2",
        )
        .bind(kind.as_str())
        .bind(id);
        self.conn.one::<LinkColumns>(&query).await?.map_or_else(|| Ok(Link::default()), Link::try_from)
    }

    /// Writes the link of a record.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn set_link(&mut self, kind: Kind, id: &str, link: &Link) -> Result<()> {
        let candidates = serde_json::to_string(&link.candidates).map_err(|error| Error::corrupt("a link", error))?;
        let query = Query::new(
            "INSERT INTO links (kind, id, state, psa_id, psa_name, psa_name_key, how, at, candidates)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (kind, id) DO UPDATE SET state = excluded.state, psa_id = excluded.psa_id,
             psa_name = excluded.psa_name, psa_name_key = excluded.psa_name_key, how = excluded.how, at = excluded.at, candidates = excluded.candidates",
        )
        .bind(kind.as_str())
        .bind(id)
        .bind(link.state.as_str())
        .bind(link.psa_id.as_deref())
        .bind(link.psa_name.as_deref())
        .bind(link.psa_name.as_deref().map(name_key))
        .bind(link.how.map(how_word))
        .bind(link.at)
        .bind(candidates);
        self.conn.execute(&query).await.map(|_| ())
    }

    /// Records of a company that may still be linked by the rule: `(kind, id)`.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn free_records(&mut self, company: &CompanyId) -> Result<Vec<(Kind, String)>> {
        let free = "COALESCE(k.state, 'unlinked') NOT IN ('linked', 'missing') AND COALESCE(k.how, 'auto') <> 'manual'";
        self.records_that(company, free).await
    }

    /// Records of a company that are linked, by the rule or by hand: `(kind, id)`.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn tied_records(&mut self, company: &CompanyId) -> Result<Vec<(Kind, String)>> {
        self.records_that(company, "k.state = 'linked'").await
    }

    async fn records_that(&mut self, company: &CompanyId, stand_so: &str) -> Result<Vec<(Kind, String)>> {
        let mut found = Vec::new();
        for (kind, table) in [(Kind::Location, "locations"), (Kind::Computer, "computers"), (Kind::Contact, "contacts")]
        {
            let mut query = Query::build(&format!(
                "SELECT d.id FROM {table} d LEFT JOIN links k ON k.kind = '{}' AND k.id = d.id
                 WHERE {stand_so} AND d.archived_at IS NULL AND d.company_id = ",
                kind.as_str()
            ));
            query.arg(company.as_str()).push(" ORDER BY d.id");
            let ids: Vec<(String,)> = self.conn.all(&query).await?;
            found.extend(ids.into_iter().map(|(id,)| (kind, id)));
        }
        Ok(found)
    }
}

impl Store {
    /// Companies in use that are linked to a customer of the other side.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn companies_of_customer(&self, psa_id: &str) -> Result<Vec<String>> {
        let query = Query::new(COMPANIES_OF_CUSTOMER).bind(psa_id);
        Ok(self.read().await?.all::<(String,)>(&query).await?.into_iter().map(|(id,)| id).collect())
    }
}

pub(crate) const COMPANIES_OF_CUSTOMER: &str = "SELECT k.id FROM links k JOIN companies d ON d.id = k.id
    WHERE k.kind = 'company' AND k.psa_id = $1 AND k.state = 'linked' AND d.archived_at IS NULL ORDER BY k.id";
