//! The directory sync: asked for by people, by the clock and by a new connection; how far it is.
//!
//! A sync is five steps in one lane, one for each kind of record in the order in which they are found inside each other,
//! so that one runs at a time over all nodes and each can be tried again; what a step does is
//! `steps/sync_directory.rs`. The decision a reader would undo: a crash while a step runs needs no looking for, since a
//! sync only reads the other side, and writes links that come out the same the next time.

use std::collections::BTreeMap;

use countersign_domain::{
    directory::Technician,
    effect::StepKind,
    link::Kind,
    role::{Access, Right},
    time::Time,
};
use countersign_store::{DirectoryQuery, LinkCounts, NewStep, SYNC_LANE};
use serde::{Deserialize, Serialize};

use crate::{App, Result, directory::all_companies, people::require};

/// How much a sync looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncKind {
    /// Every record; finds what is gone too.
    Full,
    /// What changed since the last sync.
    Changes,
}

impl SyncKind {
    const ALL: [Self; 2] = [Self::Full, Self::Changes];

    /// The word used on the wire and in steps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Changes => "changes",
        }
    }

    /// True if a sync of this kind does what one of the other would.
    const fn covers(self, other: Self) -> bool {
        matches!((self, other), (Self::Full, _) | (Self::Changes, Self::Changes))
    }
}

/// The order of a sync: what lives inside a customer comes after the customers.
pub(crate) const ORDER: [Kind; 5] = [Kind::Company, Kind::Location, Kind::Computer, Kind::Technician, Kind::Contact];

/// How far a running sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncProgress {
    /// What it walks over.
    pub kind: Kind,
    /// Records seen so far.
    pub seen: u64,
    /// How many there are, if Halo says so.
    pub total: Option<u64>,
}

/// How the records of one kind stand to the other side: after their last sync, or as [`App::as_they_stand`] told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSummary {
    /// Which.
    pub kind: Kind,
    /// Records of Halo's that the last full walk saw.
    pub seen: u64,
    /// Ours that are linked.
    pub linked: u64,
    /// Ours that are linked to nothing.
    pub unlinked: u64,
    /// Ours that more than one record fits.
    pub ambiguous: u64,
    /// Ours whose record is gone.
    pub missing: u64,
    /// What is worth knowing: a list that Halo does not show, for one.
    pub note: Option<String>,
}

/// How the directory stands to Halo's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncState {
    /// The sync that runs, or waits for its turn.
    pub running: Option<SyncProgress>,
    /// Every kind that was walked over, in the order of the walk.
    pub kinds: Vec<KindSummary>,
    /// When the last full sync ended.
    pub full_at: Option<Time>,
    /// When the last sync by change ended.
    pub changes_at: Option<Time>,
    /// Why the running sync gets no further, in Halo's words or ours.
    pub trouble: Option<String>,
}

/// Where the state is kept, so that every node shows it.
const DOCUMENT: &str = "directory_sync";

/// What is kept of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    pub(crate) progress: Option<SyncProgress>,
    pub(crate) kinds: Vec<KindSummary>,
    /// When the last good walk over a kind began; one by change asks for what changed since.
    pub(crate) walked: BTreeMap<String, Time>,
    pub(crate) full_at: Option<Time>,
    pub(crate) changes_at: Option<Time>,
}

impl Kept {
    /// Notes how a kind stands after a walk that began at `began`; `seen` of a full walk.
    pub(crate) fn walked(&mut self, kind: Kind, seen: Option<u64>, counts: LinkCounts, note: Option<String>) {
        let before = self.kinds.iter().position(|known| known.kind == kind).map(|place| self.kinds.remove(place));
        self.kinds.push(KindSummary {
            kind,
            seen: seen.or(before.map(|before| before.seen)).unwrap_or(0),
            linked: counts.linked,
            unlinked: counts.unlinked,
            ambiguous: counts.ambiguous,
            missing: counts.missing,
            note,
        });
        self.kinds.sort_by_key(|known| ORDER.iter().position(|kind| *kind == known.kind));
    }
}

/// What a step's subject says: `full/company`.
pub(crate) fn subject(text: &str) -> Option<(SyncKind, Kind)> {
    let (how, kind) = text.split_once('/')?;
    Some((SyncKind::ALL.into_iter().find(|known| known.as_str() == how)?, Kind::parse(kind)?))
}

/// Seconds between two full syncs, and between two by change.
const FULL_S: i64 = 24 * 3600;
const CHANGES_S: i64 = 15 * 60;
/// Seconds for which the steps of a sync that is over are kept.
const KEPT_S: i64 = 3600;

/// Whether a sync that is on its way will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// It will.
    Running,
    /// It will if it has not begun.
    Waiting,
    /// It began before what this one is for.
    Never,
}

impl App {
    /// Asks for a sync of the directory; one that is on its way and looks at as much is joined.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not; [`Error::NotConnected`].
    pub async fn sync_directory(&self, by: &Technician, how: SyncKind) -> Result<()> {
        require(by, Right::EditDirectory)?;
        all_companies(by)?;
        self.psa()?;
        self.begin_sync(how, Join::Running).await
    }

    /// Asks for a walk over Halo's customers alone, for what is called like a company that none is called after.
    pub(crate) async fn suggest_customers(&self) -> Result<()> {
        self.begin_walks(SyncKind::Full, &[Kind::Company], Join::Waiting).await
    }

    /// How the directory stands to Halo's, from the database: the same on every node.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn directory_sync(&self) -> Result<SyncState> {
        let kept = self.kept_sync().await?;
        let undone = self.store().undone_in(SYNC_LANE).await?;
        let first = undone.first().and_then(|step| Some((subject(&step.subject)?.1, step)));
        let running = first.map(|(kind, _)| {
            kept.progress.filter(|progress| progress.kind == kind).unwrap_or(SyncProgress {
                kind,
                seen: 0,
                total: None,
            })
        });
        let trouble = first.and_then(|(_, step)| step.words.clone().filter(|_| step.state != "sending"));
        Ok(SyncState { running, kinds: kept.kinds, full_at: kept.full_at, changes_at: kept.changes_at, trouble })
    }

    /// The same kinds with the links as they stand now: people link and unlink between two syncs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn as_they_stand(&self, mut kinds: Vec<KindSummary>) -> Result<Vec<KindSummary>> {
        for summary in &mut kinds {
            let now = self.store().link_counts(summary.kind, &Access::All, &DirectoryQuery::default()).await?;
            summary.linked = now.linked;
            summary.unlinked = now.unlinked;
            summary.ambiguous = now.ambiguous;
            summary.missing = now.missing;
        }
        Ok(kinds)
    }

    pub(crate) async fn begin_sync(&self, how: SyncKind, join: Join) -> Result<()> {
        self.begin_walks(how, &ORDER, join).await
    }

    async fn begin_walks(&self, how: SyncKind, kinds: &'static [Kind], join: Join) -> Result<()> {
        let steps: Vec<NewStep> = kinds
            .iter()
            .map(|kind| {
                let subject = format!("{}/{}", how.as_str(), kind.as_str());
                NewStep::round(self.step_id(), SYNC_LANE, subject, StepKind::SyncDirectory)
            })
            .collect();
        // They come all day; the last few are enough to look at.
        let before = self.now().plus_seconds(-KEPT_S);
        self.store()
            .write(move |tx| {
                let steps = steps.clone();
                Box::pin(async move {
                    let joins = |state: &str| match join {
                        Join::Running => true,
                        Join::Waiting => state != "sending",
                        Join::Never => false,
                    };
                    // What walks over the last kind of these walks over the others before, or did.
                    let will_do = |subject: Option<(SyncKind, Kind)>| {
                        subject.is_some_and(|(running, kind)| running.covers(how) && kinds.last() == Some(&kind))
                    };
                    let undone = tx.undone_in(SYNC_LANE).await?;
                    if undone.iter().any(|step| joins(&step.state) && will_do(subject(&step.subject))) {
                        return Ok(());
                    }
                    tx.append_rounds(SYNC_LANE, &steps, before).await
                })
            })
            .await?;
        self.wake().steps();
        self.sync_news();
        Ok(())
    }

    /// The connection is a new one: what was learnt over the old one is not asked on from, and all is looked at.
    pub(crate) async fn sync_anew(&self) -> Result<()> {
        let kept = self.kept_sync().await?;
        self.keep_sync(&Kept { kinds: kept.kinds, ..Kept::default() }).await?;
        self.begin_sync(SyncKind::Full, Join::Never).await
    }

    /// Begins a sync if it is time for one.
    pub(crate) async fn sync_by_clock(&self) -> Result<()> {
        if self.connected().psa.is_none() {
            return Ok(());
        }
        let kept = self.kept_sync().await?;
        let now = self.now();
        let due = |last: Option<Time>, seconds| last.is_none_or(|last| last.plus_seconds(seconds) <= now);
        if due(kept.full_at, FULL_S) {
            self.begin_sync(SyncKind::Full, Join::Running).await
        } else if due(kept.full_at.max(kept.changes_at), CHANGES_S) {
            self.begin_sync(SyncKind::Changes, Join::Running).await
        } else {
            Ok(())
        }
    }

    pub(crate) async fn kept_sync(&self) -> Result<Kept> {
        self.noted(DOCUMENT).await
    }

    pub(crate) async fn keep_sync(&self, kept: &Kept) -> Result<()> {
        self.note_down(DOCUMENT, kept).await
    }

    /// Pages that show the sync, or links, read anew.
    pub(crate) fn sync_news(&self) {
        self.wake().page("directory.sync", "directory".to_owned(), None);
    }
}
