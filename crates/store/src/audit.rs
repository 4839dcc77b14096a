//! The audit log: one hash chain per writer and start, in the transaction of what it tells (promise P9).
//!
//! A row's hash covers the digest of its body, not the body, so that personal data can be redacted later without
//! breaking the chain. Rows since the last checkpoint can be rewritten by whoever owns the database.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use countersign_domain::{audit::Entry, role::Access, time::Time};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use crate::{
    Error, Result, Store, Tx,
    engine::Conn,
    query::{Query, ROWS, insert_text},
    requests::only,
};

/// A chain as its writer keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    name: String,
    seq: i64,
    head: String,
}

impl Chain {
    pub(crate) fn new(name: String) -> Self {
        let head = hex(&Sha256::digest(name.as_bytes()));
        Self { name, seq: 0, head }
    }

    fn next(&mut self, entry: &Entry<impl Serialize>) -> Result<Linked> {
        let body =
            serde_json::to_string(&entry.body).map_err(|error| Error::corrupt("an entry of the audit log", error))?;
        self.seq += 1;
        let digest = hex(&Sha256::digest(body.as_bytes()));
        let row = AuditRow {
            chain: self.name.clone(),
            seq: self.seq,
            at: entry.at.0,
            actor: entry.actor.as_text(),
            action: entry.action.clone(),
            object: entry.object.clone(),
            company_id: entry.company.as_ref().map(ToString::to_string),
            body,
            digest,
            prev: self.head.clone(),
            hash: String::new(),
        };
        self.head = row.computed_hash();
        Ok(Linked(AuditRow { hash: self.head.clone(), ..row }))
    }
}

struct Linked(AuditRow);

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Its chain.
    pub chain: String,
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// When, microseconds UTC.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What, `noun.verb`.
    pub action: String,
    /// To which thing.
    pub object: String,
    /// Of which company.
    pub company_id: Option<String>,
    /// Particulars, JSON.
    pub body: String,
    /// SHA-256 of the body.
    pub digest: String,
    /// Hash of the row before.
    pub prev: String,
    /// Hash of this row.
    pub hash: String,
}

impl AuditRow {
    fn computed_hash(&self) -> String {
        let mut hash = Sha256::new();
        for part in [
            self.chain.as_str(),
            &self.seq.to_string(),
            &self.at.to_string(),
            &self.actor,
            &self.action,
            &self.object,
            self.company_id.as_deref().unwrap_or(""),
            &self.digest,
            &self.prev,
        ] {
            // The same on every machine, whatever the width of its words.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize())
    }
}

/// The head of a chain, as a checkpoint names it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// The chain.
    pub chain: String,
    /// Its last place.
    pub seq: i64,
    /// The hash there.
    pub hash: String,
}

/// A signed list of all heads.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Checkpoint {
    /// Its number, from 1.
    pub n: i64,
    /// When, microseconds UTC.
    pub at: i64,
    /// The heads, JSON.
    pub heads: String,
    /// Hash of the checkpoint before.
    pub prev: String,
    /// Hash of this one.
    pub hash: String,
    /// Signature over the hash.
    pub signature: String,
}

impl Checkpoint {
    /// The hash that a checkpoint with these contents has.
    #[must_use]
    pub fn computed_hash(n: i64, at: i64, heads: &str, prev: &str) -> String {
        hex(&Sha256::digest(format!("countersign-checkpoint-v1\n{n}\n{at}\n{prev}\n{heads}")))
    }
}

/// What a walk over the log found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Rows looked at.
    pub rows: u64,
    /// Checkpoints looked at.
    pub checkpoints: u64,
    /// Rows whose body was redacted: the log still proves that they were written, not what they said.
    pub redacted: u64,
    /// What does not fit, one sentence each.
    pub faults: Vec<String>,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

const COLUMNS: &str = "chain, seq, at, actor, action, object, company_id, body, digest, prev, hash";

/// Writes entries into a chain, in as few statements as can be.
pub(crate) async fn append<B: Serialize + Sync>(
    conn: &mut Conn,
    chain: &mut Chain,
    entries: &[Entry<B>],
) -> Result<()> {
    for part in entries.chunks(ROWS) {
        let mut query = Query::rows(insert_text("audit", COLUMNS, part.len(), ""));
        for entry in part {
            let Linked(row) = chain.next(entry)?;
            query.add(row.chain);
            query.add(row.seq);
            query.add(row.at);
            query.add(row.actor);
            query.add(row.action);
            query.add(row.object);
            query.add(row.company_id);
            query.add(row.body);
            query.add(row.digest);
            query.add(row.prev);
            query.add(row.hash);
        }
        conn.execute_later(query).await?;
    }
    Ok(())
}

impl Tx {
    /// Adds an entry to the log, in this transaction.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn audit(&mut self, entry: &Entry) -> Result<()> {
        append(&mut self.conn, &mut self.chain, std::slice::from_ref(entry)).await
    }
}

impl Store {
    /// The newest entries that the caller may see, before `before` (microseconds UTC) where given; of one object where
    /// given. Entries of no company are seen with access to all companies alone.
    ///
    /// All entries of the last one's moment come with it, be they more than `limit`: `before` its time goes on without a
    /// gap.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn audit_rows(
        &self,
        access: &Access,
        object: Option<&str>,
        before: Option<Time>,
        limit: usize,
    ) -> Result<Vec<AuditRow>> {
        let select = || {
            let mut query = Query::build(&format!("SELECT {COLUMNS} FROM audit WHERE 1 = 1"));
            only(&mut query, "company_id", access);
            if let Some(object) = object {
                query.push(" AND object = ").arg(object);
            }
            query
        };
        let mut query = select();
        if let Some(before) = before {
            query.push(" AND at < ").arg(before);
        }
        query.push(" ORDER BY at DESC, chain DESC, seq DESC LIMIT ").arg(i64::try_from(limit).unwrap_or(i64::MAX));
        let mut conn = self.read().await?;
        let mut rows: Vec<AuditRow> = conn.all(&query).await?;
        if let Some(last) = rows.last().filter(|_| rows.len() >= limit) {
            let mut rest = select();
            rest.push(" AND at = ").arg(last.at).push(" AND (chain, seq) < (").arg(&last.chain).push(", ");
            rest.arg(last.seq).push(") ORDER BY chain DESC, seq DESC");
            rows.extend(conn.all::<AuditRow>(&rest).await?);
        }
        Ok(rows)
    }

    /// The head of every chain.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn audit_heads(&self) -> Result<Vec<Head>> {
        // Jumps from chain to chain in the index; grouping would read every row.
        let query = Query::new(
            "WITH RECURSIVE c (chain) AS (SELECT MIN(a.chain) FROM audit a UNION ALL
                 SELECT (SELECT MIN(a.chain) FROM audit a WHERE a.chain > c.chain) FROM c WHERE c.chain IS NOT NULL)
             SELECT a.chain, a.seq, a.hash FROM c JOIN audit a ON a.chain = c.chain
                 AND a.seq = (SELECT MAX(m.seq) FROM audit m WHERE m.chain = c.chain) ORDER BY a.chain",
        );
        self.read().await?.all(&query).await
    }

    /// The last checkpoint.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn last_checkpoint(&self) -> Result<Option<Checkpoint>> {
        let query = Query::new("SELECT n, at, heads, prev, hash, signature FROM checkpoints ORDER BY n DESC LIMIT 1");
        self.read().await?.one(&query).await
    }

    /// Keeps a checkpoint; [`Error::Taken`] where another node made the same number first.
    ///
    /// # Errors
    /// As above, or [`Error::Database`].
    pub async fn keep_checkpoint(&self, checkpoint: Checkpoint) -> Result<()> {
        self.write(move |tx| {
            let query = Query::new(
                "INSERT INTO checkpoints (n, at, heads, prev, hash, signature) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(checkpoint.n)
            .bind(checkpoint.at)
            .bind(&checkpoint.heads)
            .bind(&checkpoint.prev)
            .bind(&checkpoint.hash)
            .bind(&checkpoint.signature);
            Box::pin(async move { tx.conn.execute(&query).await.map(|_| ()) })
        })
        .await
    }

    /// Walks the whole log and finds edits, removals and reorders. `signed` checks a checkpoint's signature.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be read.
    pub async fn verify_audit(&self, signed: impl Fn(&Checkpoint) -> bool) -> Result<Verified> {
        let mut found = Verified::default();
        let mut conn = self.read().await?;
        // Checkpoints first: every row that they name is older than they are.
        let checkpoints: Vec<Checkpoint> =
            conn.all(&Query::new("SELECT n, at, heads, prev, hash, signature FROM checkpoints ORDER BY n")).await?;
        let mut named = verify_checkpoints(&checkpoints, signed, &mut found);
        let (mut chain, mut seq, mut head) = (String::new(), 0_i64, String::new());
        let text: Arc<str> =
            format!("SELECT {COLUMNS} FROM audit WHERE (chain, seq) > ($1, $2) ORDER BY chain, seq LIMIT 1000").into();
        loop {
            let rows: Vec<AuditRow> = conn.all(&Query::shared(text.clone()).bind(&chain).bind(seq)).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if row.chain != chain {
                    (chain, seq, head) = (row.chain.clone(), 0, Chain::new(row.chain.clone()).head);
                }
                row.verify(seq, &head, &mut found);
                seq = row.seq;
                head.clone_from(&row.hash);
                let place = (row.chain, row.seq);
                if named.get(&place) == Some(&row.hash) {
                    named.remove(&place);
                }
            }
        }
        for (chain, seq) in named.keys() {
            found.faults.push(format!("row {seq} of chain {chain}: a checkpoint names it; it is gone or was changed"));
        }
        Ok(found)
    }
}

impl AuditRow {
    /// Notes what does not fit, `seq` and `head` being those of the row before.
    fn verify(&self, seq: i64, head: &str, found: &mut Verified) {
        let place = format!("row {} of chain {}", self.seq, self.chain);
        found.rows += 1;
        if self.seq != seq + 1 {
            found.faults.push(format!("{place}: rows {} to {} are missing", seq + 1, self.seq - 1));
        } else if self.prev != head {
            found.faults.push(format!("{place}: does not follow the row before it"));
        }
        if self.hash != self.computed_hash() {
            found.faults.push(format!("{place}: was changed"));
        }
        if self.digest != hex(&Sha256::digest(self.body.as_bytes())) {
            if self.body == REDACTED {
                found.redacted += 1;
            } else {
                found.faults.push(format!("{place}: its body was changed"));
            }
        }
    }
}

/// Notes what does not fit in the checkpoints; which rows they name, with their hashes.
fn verify_checkpoints(
    checkpoints: &[Checkpoint],
    signed: impl Fn(&Checkpoint) -> bool,
    found: &mut Verified,
) -> BTreeMap<(String, i64), String> {
    let mut named = BTreeMap::new();
    let mut prev = "";
    for (place, checkpoint) in (1..).zip(checkpoints) {
        found.checkpoints += 1;
        let name = format!("checkpoint {}", checkpoint.n);
        if checkpoint.n != place || checkpoint.prev != prev {
            found.faults.push(format!("{name}: does not follow the one before it"));
        }
        let hash = Checkpoint::computed_hash(checkpoint.n, checkpoint.at, &checkpoint.heads, &checkpoint.prev);
        if hash != checkpoint.hash || !signed(checkpoint) {
            found.faults.push(format!("{name}: was changed, or its signature is not ours"));
        }
        match serde_json::from_str::<Vec<Head>>(&checkpoint.heads) {
            Ok(heads) => named.extend(heads.into_iter().map(|head| ((head.chain, head.seq), head.hash))),
            Err(_) => found.faults.push(format!("{name}: what it names cannot be read")),
        }
        prev = &checkpoint.hash;
    }
    named
}

/// What stands in the place of a body that was redacted.
const REDACTED: &str = "null";

#[cfg(test)]
mod tests {
    use countersign_domain::audit::Actor;
    use proptest::prelude::*;

    use super::*;

    fn chained(texts: &[String]) -> Vec<AuditRow> {
        let mut chain = Chain::new("node/0/1".to_owned());
        let entries = texts.iter().map(|text| Entry {
            at: Time(7),
            actor: Actor::Server,
            action: "sample.done".to_owned(),
            object: text.clone(),
            company: None,
            body: serde_json::Value::from(text.as_str()),
        });
        entries.map(|entry| chain.next(&entry).unwrap().0).collect()
    }

    fn faults(rows: &[AuditRow]) -> usize {
        let mut found = Verified::default();
        let (mut seq, mut head) = (0, Chain::new("node/0/1".to_owned()).head);
        for row in rows {
            row.verify(seq, &head, &mut found);
            (seq, head) = (row.seq, row.hash.clone());
        }
        found.faults.len()
    }

    proptest! {
        #[test]
        fn a_chain_is_sound_until_it_is_touched(
            texts in prop::collection::vec(".{0,12}", 2..20),
            place in any::<prop::sample::Index>(),
            touch in 0..5,
        ) {
            let mut rows = chained(&texts);
            prop_assert_eq!(faults(&rows), 0);
            // The last row could be cut off unseen: checkpoints are for that.
            let place = place.index(rows.len() - 1);
            match touch {
                0 => rows[place].object.push('x'),
                1 => rows[place].body.push('x'),
                2 => drop(rows.remove(place)),
                3 => rows.swap(place, place + 1),
                _ => rows[place].hash = hex(&Sha256::digest("other")),
            }
            prop_assert!(faults(&rows) > 0);
        }
    }
}
