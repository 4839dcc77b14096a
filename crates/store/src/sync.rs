//! What the directory sync reads and writes: our records of a kind in one order, and their links in chunks.

use countersign_domain::{
    audit::Entry,
    id::CompanyId,
    link::{Kind, Link},
    text::name_key,
    time::Time,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Store, Tx, audit,
    links::{LinkColumns, how_word},
    lists::Table,
    query::{Query, insert_text},
};

/// The lane of all directory syncs: one step at a time, over all nodes.
pub const SYNC_LANE: &str = "directory";

/// One of our records as a sync sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncRow {
    /// Its id.
    pub id: String,
    /// The company it belongs to; for a company itself. None for technicians.
    pub company: Option<CompanyId>,
    /// The name, or the mail address, that it is found by.
    pub key: String,
    /// A person's name.
    pub also: Option<String>,
    /// The customer that its company is linked to, where its kind lives inside one.
    pub customer: Option<String>,
    /// Its link.
    pub link: Link,
    after: After,
}

#[cfg(test)]
impl SyncRow {
    pub(crate) fn sample() -> Self {
        let after = After { company: "x".to_owned(), sorted: "y".to_owned(), id: "z".to_owned() };
        let (id, key, link) = ("z".to_owned(), "Y".to_owned(), Link::default());
        Self { id, company: None, key, also: None, customer: None, link, after }
    }
}

/// Where a page of records ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct After {
    company: String,
    sorted: String,
    id: String,
}

/// A row of [`page_query`], its fields in the order of [`PACKED`].
#[derive(Deserialize)]
struct Raw {
    id: String,
    company_id: Option<String>,
    sorted: String,
    found_by: String,
    also: Option<String>,
    customer: Option<String>,
    link: LinkColumns,
}

const PACKED: &str =
    "id, company_id, sorted, found_by, also, customer, ARRAY(link_state, psa_id, psa_name, how, link_at, candidates)";

impl TryFrom<Raw> for SyncRow {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        let company = raw.company_id.as_deref().map(str::parse).transpose();
        Ok(Self {
            company: company.map_err(|error| Error::corrupt("a directory row", error))?,
            after: After { company: raw.company_id.unwrap_or_default(), sorted: raw.sorted, id: raw.id.clone() },
            id: raw.id,
            key: raw.found_by,
            also: raw.also,
            customer: raw.customer,
            link: raw.link.try_into()?,
        })
    }
}

/// A statement over the records of a kind, in the order of an index. Records inside a customer come company by company.
pub(crate) fn page_query(kind: Kind, of: Option<&CompanyId>, after: Option<&SyncRow>, limit: usize) -> Query {
    let (table, sorted, found_by, also) = match kind {
        Kind::Company => ("companies", "name_key", "name", "CAST(NULL AS TEXT)"),
        Kind::Location => ("locations", "name_key", "name", "CAST(NULL AS TEXT)"),
        Kind::Computer => ("computers", "name_key", "name", "CAST(NULL AS TEXT)"),
        Kind::Technician => ("technicians", "email_key", "email", "d.name"),
        Kind::Contact => ("contacts", "email_key", "email", "d.name"),
    };
    let company = match kind {
        Kind::Company => "d.id",
        Kind::Technician => "CAST(NULL AS TEXT)",
        Kind::Location | Kind::Computer | Kind::Contact => "d.company_id",
    };
    let inside = kind.is_inside_customer();
    let mut query = Query::build(&format!(
        "SELECT d.id, {company} AS company_id, d.{sorted} AS sorted, d.{found_by} AS found_by, {also} AS also,
         {} AS customer, k.state AS link_state, k.psa_id, k.psa_name, k.how, k.at AS link_at, k.candidates
         FROM {table} d LEFT JOIN links k ON k.kind = '{}' AND k.id = d.id{}",
        if inside { "c.psa_id" } else { "CAST(NULL AS TEXT)" },
        kind.as_str(),
        if inside {
            " LEFT JOIN links c ON c.kind = 'company' AND c.id = d.company_id AND c.state = 'linked'"
        } else {
            ""
        },
    ));
    query.push(" WHERE 1 = 1").push(Table::of(kind).in_use());
    if let Some(of) = of {
        query.push(if inside { " AND d.company_id = " } else { " AND d.id = " }).arg(of.as_str());
    }
    if let Some(SyncRow { after, .. }) = after {
        if inside {
            query.push(" AND (d.company_id, d.").push(sorted).push(", d.id) > (").arg(&after.company).push(", ");
        } else {
            query.push(" AND (d.").push(sorted).push(", d.id) > (");
        }
        query.arg(&after.sorted).push(", ").arg(&after.id).push(")");
    }
    query.push(if inside { " ORDER BY d.company_id, d." } else { " ORDER BY d." }).push(sorted).push(", d.id LIMIT ");
    query.arg(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}

/// Links of one statement at the most, a power of two: nine values each, of the 32,766 that SQLite takes.
const LINKS: usize = 1024;

impl Tx {
    /// Writes the links of many records of a kind, and the entries that tell of it. A link that a person made, or cut,
    /// since it was read stays as he left it.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be written.
    pub async fn set_links<B: Serialize + Sync>(
        &mut self,
        kind: Kind,
        links: &[(String, Link)],
        entries: &[Entry<B>],
    ) -> Result<u64> {
        const COLUMNS: &str = "kind, id, state, psa_id, psa_name, psa_name_key, how, at, candidates";
        let mut links: Vec<&(String, Link)> = links.iter().collect();
        // In one order, so that two writers seldom wait for each other in a circle.
        links.sort_by(|a, b| a.0.cmp(&b.0));
        let mut written = 0;
        for part in links.chunks(LINKS) {
            let mut query = Query::rows(insert_text(
                "links",
                COLUMNS,
                part.len(),
                "ON CONFLICT (kind, id) DO UPDATE SET state = excluded.state, psa_id = excluded.psa_id,
                 psa_name = excluded.psa_name, psa_name_key = excluded.psa_name_key, how = excluded.how, at = excluded.at,
                 candidates = excluded.candidates
                 WHERE COALESCE(links.how, 'auto') <> 'manual' OR (excluded.how = 'manual' AND links.psa_id = excluded.psa_id)",
            ));
            for (id, link) in part {
                let candidates =
                    serde_json::to_string(&link.candidates).map_err(|error| Error::corrupt("a link", error))?;
                query.add(kind.as_str());
                query.add(id);
                query.add(link.state.as_str());
                query.add(link.psa_id.as_deref());
                query.add(link.psa_name.as_deref());
                query.add(link.psa_name.as_deref().map(name_key));
                query.add(link.how.map(how_word));
                query.add(link.at);
                query.add(candidates);
            }
            written += self.conn.execute(&query).await?;
        }
        audit::append(&mut self.conn, &mut self.chain, entries).await?;
        Ok(written)
    }

    /// Lets go the parked steps of companies that were linked after they parked.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn unpark_linked(&mut self, now: Time) -> Result<u64> {
        // A step is parked with its due time a second after.
        let query = Query::new(
            "UPDATE steps SET state = 'waiting', due_at = $1, words = NULL WHERE state = 'parked' AND EXISTS
             (SELECT 1 FROM links k WHERE k.kind = 'company' AND k.id = steps.company_id AND k.state = 'linked'
              AND k.at >= steps.due_at - 1000000)",
        )
        .bind(now);
        self.conn.execute(&query).await
    }

    /// Keeps a document of settings, whatever it was before.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn keep_setting(&mut self, name: &str, value: &str) -> Result<()> {
        let query = Query::new(
            "INSERT INTO settings (name, value, version) VALUES ($1, $2, 1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = settings.version + 1",
        )
        .bind(name)
        .bind(value);
        self.conn.execute(&query).await.map(|_| ())
    }
}

impl Store {
    /// Our records of a kind, of one company or of all, after one of them, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn sync_rows(
        &self,
        kind: Kind,
        of: Option<&CompanyId>,
        after: Option<&SyncRow>,
        limit: usize,
    ) -> Result<Vec<SyncRow>> {
        let rows: Vec<Raw> = self.read().await?.packed(&page_query(kind, of, after, limit), PACKED).await?;
        rows.into_iter().map(SyncRow::try_from).collect()
    }

    /// The records of the other side that ours of a kind are linked to.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn linked_ids(&self, kind: Kind) -> Result<Vec<String>> {
        let query = Query::new("SELECT psa_id FROM links WHERE kind = $1 AND state = 'linked' AND psa_id IS NOT NULL")
            .bind(kind.as_str());
        Ok(self.read().await?.packed::<(String,)>(&query, "psa_id").await?.into_iter().map(|(id,)| id).collect())
    }
}
