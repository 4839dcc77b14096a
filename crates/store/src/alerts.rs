//! What was told of a cause to whom: one row for each, so that several nodes tell it once and a restart tells it no more.
//!
//! Called by `app`, which decides what is due. The decision a reader would undo: who changes a row's version sends, and
//! has until `next_at` to say how it went; after that another may try, since the first may be dead.

use countersign_domain::{cause::Cause, time::Time};
use sqlx::FromRow;

use crate::{Error, Result, Store, query::Query};

/// What is known of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertStage {
    /// Is to be told.
    Raise,
    /// Was told; a reminder is due at its time.
    Told,
    /// Is over, which is to be told.
    Clear,
}

impl AlertStage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Raise => "raise",
            Self::Told => "told",
            Self::Clear => "clear",
        }
    }
}

/// What was told of a cause to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// The cause.
    pub cause: Cause,
    /// `mail` or `webhook`.
    pub target: String,
    /// What is known there.
    pub stage: AlertStage,
    /// Since when steps stand for the cause.
    pub began_at: Time,
    /// When it was last told.
    pub told_at: Option<Time>,
    /// Not to be told before.
    pub next_at: Time,
    /// How often telling failed in a row.
    pub tries: u32,
    /// Why telling failed the last time.
    pub failure: Option<String>,
    /// Counts changes.
    pub version: i64,
}

#[derive(FromRow)]
struct Raw {
    cause: String,
    target: String,
    stage: String,
    began_at: i64,
    told_at: Option<i64>,
    next_at: i64,
    tries: i64,
    failure: Option<String>,
    version: i64,
}

impl TryFrom<Raw> for AlertRow {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Ok(Self {
            cause: Cause::parse(&raw.cause).ok_or_else(|| Error::corrupt("an alert", "its cause is unknown"))?,
            target: raw.target,
            stage: match raw.stage.as_str() {
                "raise" => AlertStage::Raise,
                "told" => AlertStage::Told,
                _ => AlertStage::Clear,
            },
            began_at: Time(raw.began_at),
            told_at: raw.told_at.map(Time),
            next_at: Time(raw.next_at),
            tries: u32::try_from(raw.tries).unwrap_or(u32::MAX),
            failure: raw.failure,
            version: raw.version,
        })
    }
}

impl Store {
    /// Every alert that was raised and is not over.
    ///
    /// # Errors
    /// [`Error::Database`] where they cannot be read.
    pub async fn alerts(&self) -> Result<Vec<AlertRow>> {
        let query = Query::new(
            "SELECT cause, target, stage, began_at, told_at, next_at, tries, failure, version FROM alerts
             ORDER BY began_at, cause, target",
        );
        self.read().await?.all::<Raw>(&query).await?.into_iter().map(AlertRow::try_from).collect()
    }

    /// Writes what is known of an alert, if nobody did since `row` was read; version 0 is one that there was not. True
    /// where it was written.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn keep_alert(&self, row: AlertRow) -> Result<bool> {
        self.write(move |tx| {
            let query = if row.version == 0 {
                Query::new(
                    "INSERT INTO alerts (cause, target, stage, began_at, told_at, next_at, tries, failure, version)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) ON CONFLICT (cause, target) DO NOTHING",
                )
                .bind(row.cause.as_str())
                .bind(&row.target)
                .bind(row.stage.as_str())
                .bind(row.began_at)
                .bind(row.told_at)
                .bind(row.next_at)
                .bind(i64::from(row.tries))
                .bind(row.failure.as_deref())
            } else {
                Query::new(
                    "UPDATE alerts SET stage = $1, told_at = $2, next_at = $3, tries = $4, failure = $5,
                     version = version + 1 WHERE cause = $6 AND target = $7 AND version = $8",
                )
                .bind(row.stage.as_str())
                .bind(row.told_at)
                .bind(row.next_at)
                .bind(i64::from(row.tries))
                .bind(row.failure.as_deref())
                .bind(row.cause.as_str())
                .bind(&row.target)
                .bind(row.version)
            };
            Box::pin(async move { Ok(tx.conn.execute(&query).await? == 1) })
        })
        .await
    }

    /// Forgets an alert that is over, if nobody changed it since it was read.
    ///
    /// # Errors
    /// [`Error::Database`] where it cannot be written.
    pub async fn forget_alert(&self, row: &AlertRow) -> Result<bool> {
        let query = Query::new("DELETE FROM alerts WHERE cause = $1 AND target = $2 AND version = $3")
            .bind(row.cause.as_str())
            .bind(&row.target)
            .bind(row.version);
        self.write(move |tx| {
            let query = query.clone();
            Box::pin(async move { Ok(tx.conn.execute(&query).await? == 1) })
        })
        .await
    }
}
