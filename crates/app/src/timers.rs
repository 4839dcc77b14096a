//! What happens by the clock alone: requests run out, nodes beat, the audit log is checkpointed, the directory is synced.

use std::{collections::HashMap, time::Duration};

use countersign_store::Checkpoint;

use crate::{App, Error, Result};

/// How often requests are looked at for running out.
const EXPIRY: Duration = Duration::from_secs(5);
/// How often a node beats, and looks at the others' beats.
pub const BEAT: Duration = Duration::from_secs(5);
/// A node whose beat stood still for so long, on our own clock, is gone.
const GONE: Duration = Duration::from_mins(1);
/// How often it is looked at what an alert is due for.
const ALERTS: Duration = Duration::from_secs(20);
/// How often the choices in the settings are compared with what Halo offers.
const COMPARE: Duration = Duration::from_hours(24);
/// How often the audit log is checkpointed.
const CHECKPOINT: Duration = Duration::from_mins(1);
/// How often it is looked whether a sync of the directory is due.
const SYNC: Duration = Duration::from_mins(1);
/// How often it is looked whether our tickets are to be read, or compared with our requests.
const FOLLOW: Duration = Duration::from_secs(30);
/// How long what webhooks name is gathered before it is read.
const HEARD: Duration = Duration::from_secs(2);

impl App {
    /// Runs the timers until the task is dropped.
    pub async fn run_timers(&self) {
        tokio::join!(
            self.expire_for_ever(),
            self.beat_for_ever(),
            self.checkpoint_for_ever(),
            self.sync_for_ever(),
            self.follow_for_ever(),
            self.hear_for_ever(),
            self.alert_for_ever(),
            self.compare_for_ever(),
        );
    }

    async fn expire_for_ever(&self) {
        loop {
            self.inner.clock.sleep(EXPIRY).await;
            if let Err(error) = self.heal_repeats().await {
                tracing::error!(%error, "repeats that were left could not be looked at; they are again in 5 s");
            }
            if let Err(error) = self.expire().await {
                tracing::error!(%error, "requests could not be looked at for running out; they are again in 5 s");
            }
        }
    }

    async fn sync_for_ever(&self) {
        loop {
            self.inner.clock.sleep(SYNC).await;
            if let Err(error) = self.sync_by_clock().await {
                tracing::error!(%error, "a sync of the directory could not be begun; it is looked at again in 60 s");
            }
        }
    }

    async fn compare_for_ever(&self) {
        loop {
            self.inner.clock.sleep(COMPARE).await;
            match self.find_vanished().await {
                Ok(_) | Err(Error::NotConnected) => {}
                Err(error) => tracing::warn!(%error, "the choices could not be compared with Halo; they are tomorrow"),
            }
        }
    }

    async fn follow_for_ever(&self) {
        loop {
            self.inner.clock.sleep(FOLLOW).await;
            if let Err(error) = self.follow_by_clock().await {
                tracing::error!(%error, "a round over our tickets could not be begun; it is looked at again in 30 s");
            }
            if let Err(error) = self.begin_reconcile_by_clock().await {
                tracing::error!(%error, "reconciling could not be begun; it is looked at again in 30 s");
            }
        }
    }

    async fn hear_for_ever(&self) {
        loop {
            self.inner.clock.sleep(HEARD).await;
            if let Err(error) = self.follow_heard().await {
                tracing::error!(%error, "tickets that a webhook named could not be read; it is tried again in 2 s");
            }
        }
    }

    async fn beat_for_ever(&self) {
        let mut seen: HashMap<String, (i64, Duration)> = HashMap::new();
        loop {
            if let Err(error) = self.beat(&mut seen).await {
                tracing::error!(%error, "this node could not beat; others may take its steps over");
            }
            self.inner.clock.sleep(BEAT).await;
        }
    }

    async fn beat(&self, seen: &mut HashMap<String, (i64, Duration)>) -> Result<()> {
        let now = self.inner.clock.monotonic();
        for (node, beat) in self.store().beat().await? {
            let known = seen.entry(node.clone()).or_insert((beat, now));
            if known.0 != beat {
                *known = (beat, now);
            } else if node != self.store().instance() && now.saturating_sub(known.1) >= GONE {
                let taken = self.store().take_over(&node, self.now()).await?;
                tracing::warn!(node, taken, "a node is gone; its steps are looked for and go on here");
                seen.remove(&node);
                self.wake().steps();
            }
        }
        self.store().promote_stranded().await?;
        self.follow_caps().await?;
        self.follow_ticketing().await
    }

    async fn alert_for_ever(&self) {
        loop {
            self.inner.clock.sleep(ALERTS).await;
            if let Err(error) = self.tell_alerts().await {
                tracing::error!(%error, "alerts could not be looked at; they are again in 20 s");
            }
        }
    }

    async fn checkpoint_for_ever(&self) {
        loop {
            self.inner.clock.sleep(CHECKPOINT).await;
            match self.checkpoint().await {
                Ok(Some(checkpoint)) => {
                    tracing::info!(n = checkpoint.n, hash = checkpoint.hash, "audit checkpoint");
                    if let Err(error) = self.copy_checkpoint(&checkpoint).await {
                        tracing::error!(%error, n = checkpoint.n, "an audit checkpoint could not be copied to its file");
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the audit log could not be checkpointed; it is again in 60 s"),
            }
        }
    }

    /// Writes a signed checkpoint that names all heads of the audit log; none where nothing was added since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        let heads = self.store().audit_heads().await?;
        let last = self.store().last_checkpoint().await?;
        let heads = serde_json::to_string(&heads).map_err(|error| Error::Sealed(error.to_string()))?;
        if heads == "[]" || last.as_ref().is_some_and(|last| last.heads == heads) {
            return Ok(None);
        }
        let (n, prev) = last.map_or((1, String::new()), |last| (last.n + 1, last.hash));
        let at = self.now().0;
        let hash = Checkpoint::computed_hash(n, at, &heads, &prev);
        let signature = self.keys().sign_checkpoint(&hash);
        let checkpoint = Checkpoint { n, at, heads, prev, hash, signature };
        match self.store().keep_checkpoint(checkpoint.clone()).await {
            Ok(()) => Ok(Some(checkpoint)),
            // Another node made this number first; its heads are as good as ours.
            Err(countersign_store::Error::Taken) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends a checkpoint to the file that stands beside the database: who rewrites the one must rewrite the other.
    async fn copy_checkpoint(&self, checkpoint: &Checkpoint) -> std::io::Result<()> {
        use tokio::io::AsyncWriteExt as _;
        let Some(path) = &self.inner.checkpoints else { return Ok(()) };
        let line = serde_json::json!({
            "n": checkpoint.n, "at": checkpoint.at, "heads": checkpoint.heads, "prev": checkpoint.prev,
            "hash": checkpoint.hash, "signature": checkpoint.signature,
        });
        let mut file = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?;
        file.write_all(format!("{line}\n").as_bytes()).await?;
        file.sync_all().await
    }
}
