//! A step of the directory sync: walks over the other side's records of one kind, and puts our links right.
//!
//! The walk's rows are held in an index for this step alone; our records pass it in chunks, so that intake goes on
//! between two writes. What becomes of a link is `domain`'s ([`settle`]); which links may be written over is the store's.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use countersign_domain::{
    audit::{Actor, Entry},
    id::CompanyId,
    link::{
        Index, Kind, Link, LinkState,
        settle::{Inside, Ours, Settled, Walk, settle},
    },
    role::Access,
    time::Time,
};
use countersign_psa::{Cause, Class, Fault, Psa};
use countersign_store::{Claimed, DirectoryQuery, SyncRow};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::End;
use crate::{
    App, Error, Result,
    sync::{self, Join, Kept, ORDER, SyncKind, SyncProgress},
};

/// Our records in one write.
const CHUNK: usize = 1000;
/// How often a page is asked for again before the step is tried again as a whole.
const PAGE_TRIES: u32 = 4;
/// How often a list that cannot be relied on is walked, until the sync goes on without it.
const LIST_TRIES: i64 = 3;
/// How often the progress is written down.
const PROGRESS: Duration = Duration::from_secs(2);
/// A walk by change asks for this much more than what it missed: two clocks seldom agree.
const OVERLAP_S: i64 = 5 * 60;
/// So many known records out of sight at once, and more than are seen, are a right that was taken away.
const FEW: usize = 10;
/// Changed records that are looked up one by one; more of them are a reason for a full sync.
const LOOK_UPS: usize = 100;

impl App {
    pub(super) async fn sync_kind(&self, step: &Claimed) -> Result<End> {
        let Some((how, kind)) = sync::subject(&step.subject) else {
            return Ok(End::not_needed(format!("{} is nothing to walk over.", step.subject)));
        };
        let psa = self.psa()?;
        let began = self.now();
        let mut kept = self.kept_sync().await?;
        let since = match how {
            SyncKind::Full => None,
            SyncKind::Changes => kept.walked.get(kind.as_str()).map(|last| last.plus_seconds(-OVERLAP_S)),
        };
        // Agents come all at once, whatever is asked for.
        let whole = since.is_none() || kind == Kind::Technician;
        let (seen, note) = match self.gather(&*psa, kind, since, &mut kept).await {
            Ok(index) => {
                let note = self.put_right(kind, &index, whole).await?;
                kept.walked.insert(kind.as_str().to_owned(), began);
                (whole.then_some(index.len() as u64), note)
            }
            Err(fault) if is_for_good(&fault, step) => {
                let words = format!("Halo does not show our agent its {}: {}", theirs(kind), fault.words);
                (whole.then_some(0), Some(words))
            }
            Err(fault) => return Err(fault.into()),
        };
        let counts = self.store().link_counts(kind, &Access::All, &DirectoryQuery::default()).await?;
        let words = note.clone().unwrap_or_else(|| {
            format!(
                "{} linked, {} not, {} for a person to choose, {} missing.",
                counts.linked, counts.unlinked, counts.ambiguous, counts.missing
            )
        });
        kept.walked(kind, seen, counts, note);
        if ORDER.last() == Some(&kind) {
            kept.progress = None;
            match how {
                SyncKind::Full => kept.full_at = Some(self.now()),
                SyncKind::Changes => kept.changes_at = Some(self.now()),
            }
            let now = self.now();
            // Everything that their companies have is linked by now.
            self.store().write(move |tx| Box::pin(async move { tx.unpark_linked(now).await })).await?;
        }
        self.keep_sync(&kept).await?;
        self.inner.desk.works();
        Ok(End::done(words))
    }

    /// Reads the records of a kind, and tells how far it is.
    async fn gather(
        &self,
        psa: &dyn Psa,
        kind: Kind,
        since: Option<Time>,
        kept: &mut Kept,
    ) -> std::result::Result<Index, Fault> {
        let mut index = Index::default();
        let mut walk = psa.walk(kind, since);
        let mut told: Option<Duration> = None;
        let mut tries = 0;
        loop {
            match walk.next().await {
                Ok(None) => return Ok(index),
                Ok(Some(page)) => {
                    tries = 0;
                    index.extend(page.rows);
                    kept.progress = Some(SyncProgress { kind, seen: page.seen, total: page.total });
                    let now = self.inner.clock.monotonic();
                    if told.is_none_or(|told| now.saturating_sub(told) >= PROGRESS) {
                        told = Some(now);
                        self.tell_progress(kept).await;
                    }
                }
                // A busy Halo in the middle of a long list: the pages before are not asked for again.
                Err(Fault { class: Class::Later(after), cause, .. })
                    if tries < PAGE_TRIES
                        && !matches!(cause, Cause::NotUnderstood | Cause::Credentials | Cause::NotPermitted) =>
                {
                    tries += 1;
                    let wait = after.unwrap_or(Duration::from_secs(1 << tries));
                    self.inner.clock.sleep(wait.min(Duration::from_mins(5))).await;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn tell_progress(&self, kept: &Kept) {
        match self.keep_sync(kept).await {
            Ok(()) => self.sync_news(),
            // It is told again with the next page.
            Err(error) => tracing::warn!(%error, "the progress of the directory sync could not be kept"),
        }
    }

    /// Passes our records of a kind by the index, chunk by chunk; what is worth knowing, if anything.
    async fn put_right(&self, kind: Kind, index: &Index, whole: bool) -> Result<Option<String>> {
        let linked: HashSet<String> = self.store().linked_ids(kind).await?.into_iter().collect();
        let seen = linked.iter().filter(|id| index.get(id).is_some()).count();
        let unseen = linked.len() - seen;
        let blind = unseen > 0 && (seen == 0 || (unseen > FEW && unseen > seen));
        let walk = match (whole, blind) {
            (false, _) => Walk::Changes,
            (true, true) => Walk::Blind,
            (true, false) => Walk::Whole,
        };
        let look_ups = self.settle_all(kind, None, index, walk, &Actor::Server).await?;
        if look_ups.len() > LOOK_UPS {
            self.begin_sync(SyncKind::Full, Join::Running).await?;
        } else {
            for id in look_ups {
                self.link_by_rule(kind, &id, Actor::Server).await?;
            }
        }
        Ok(worth_knowing(kind, index, walk, unseen))
    }

    /// Passes our records of a kind, of one company or of all, by the index, and writes what changes chunk by chunk.
    /// The records that a look at the whole list must tell of come back.
    pub(crate) async fn settle_all(
        &self,
        kind: Kind,
        company: Option<&CompanyId>,
        index: &Index,
        walk: Walk,
        actor: &Actor,
    ) -> Result<Vec<String>> {
        let mut taken = HashSet::new();
        if kind == Kind::Company {
            taken.extend(self.store().linked_ids(kind).await?);
        }
        let mut look_ups = Vec::new();
        let mut after: Option<SyncRow> = None;
        loop {
            let rows = self.store().sync_rows(kind, company, after.as_ref(), CHUNK).await?;
            let more = rows.len() == CHUNK;
            after = rows.last().cloned();
            let mut changes: Vec<(SyncRow, Link)> = Vec::new();
            for row in rows {
                match self.settled(kind, &row, index, walk, &mut taken) {
                    Settled::Same => {}
                    Settled::Anew(link) => changes.push((row, link)),
                    Settled::LookUp => look_ups.push(row.id),
                }
            }
            self.write_chunk(kind, changes, actor).await?;
            if !more {
                return Ok(look_ups);
            }
        }
    }

    fn settled(&self, kind: Kind, row: &SyncRow, index: &Index, walk: Walk, taken: &mut HashSet<String>) -> Settled {
        let inside = match (kind.is_inside_customer(), &row.customer) {
            (false, _) => Inside::Everywhere,
            (true, Some(customer)) => Inside::Customer(customer),
            (true, None) => Inside::Nowhere,
        };
        let ours = Ours { key: &row.key, also: row.also.as_deref(), inside, link: &row.link };
        match settle(&ours, index, walk, self.now()) {
            // Two companies of one customer are for a person to decide.
            Settled::Anew(link) if kind == Kind::Company && link.state == LinkState::Linked => {
                let new = link.psa_id.clone().filter(|id| row.link.psa_id.as_ref() != Some(id));
                if new.is_some_and(|id| !taken.insert(id)) {
                    let question = link.for_a_person();
                    let asked = row.link.state == question.state && row.link.candidates == question.candidates;
                    if asked { Settled::Same } else { Settled::Anew(question) }
                } else {
                    Settled::Anew(link)
                }
            }
            settled => settled,
        }
    }

    /// Writes the links of one chunk, with an entry in the audit log for each company that names what changed.
    async fn write_chunk(&self, kind: Kind, changes: Vec<(SyncRow, Link)>, actor: &Actor) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let entries = self.entries(kind, &changes, actor)?;
        let links: Vec<(String, Link)> = changes.into_iter().map(|(row, link)| (row.id, link)).collect();
        let told = Arc::new((links, entries));
        self.store()
            .write(move |tx| {
                let told = told.clone();
                Box::pin(async move { tx.set_links(kind, &told.0, &told.1).await })
            })
            .await?;
        self.sync_news();
        Ok(())
    }

    fn entries(&self, kind: Kind, changes: &[(SyncRow, Link)], actor: &Actor) -> Result<Vec<Entry<Box<RawValue>>>> {
        let mut of: BTreeMap<Option<&CompanyId>, Vec<(&str, Told<'_>)>> = BTreeMap::new();
        for (row, link) in changes {
            let before = &row.link;
            // A suggestion, or that nothing was found, changes nothing.
            if (before.state, &before.psa_id, &before.psa_name) == (link.state, &link.psa_id, &link.psa_name) {
                continue;
            }
            let told = match (before.state, link.state) {
                (LinkState::Linked, LinkState::Linked) if before.psa_id == link.psa_id => {
                    Told::Renamed { renamed: link.psa_name.as_deref(), before: before.psa_name.as_deref() }
                }
                (_, state) => {
                    Told::Changed { state, psa_id: link.psa_id.as_deref(), psa_name: link.psa_name.as_deref() }
                }
            };
            of.entry(row.company.as_ref()).or_default().push((&row.id, told));
        }
        let entry = |(company, links): (Option<&CompanyId>, Vec<(&str, Told<'_>)>)| {
            let object = company.map_or_else(|| "directory".to_owned(), ToString::to_string);
            let body = to_raw_value(&AllTold { kind, links }).map_err(|error| Error::Sealed(error.to_string()))?;
            Ok(self.entry(actor.clone(), "links.synced", object, company.cloned(), body))
        };
        of.into_iter().map(entry).collect()
    }
}

/// What the audit log says of the links of one company. It is written as it is read: a tree of JSON for each of 100,000
/// links costs a twentieth of the sync.
#[derive(Serialize)]
struct AllTold<'c> {
    kind: Kind,
    #[serde(serialize_with = "as_map")]
    links: Vec<(&'c str, Told<'c>)>,
}

/// What it says of one.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'c> {
    Renamed { renamed: Option<&'c str>, before: Option<&'c str> },
    Changed { state: LinkState, psa_id: Option<&'c str>, psa_name: Option<&'c str> },
}

fn as_map<S: Serializer>(links: &[(&str, Told<'_>)], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_map(links.iter().map(|(id, told)| (id, told)))
}

/// True for a failure that the next try would meet again: the sync goes on without this kind.
fn is_for_good(fault: &Fault, step: &Claimed) -> bool {
    match (fault.class, fault.cause) {
        (Class::Refused | Class::Gone, _) | (_, Cause::NotPermitted) => true,
        (_, Cause::NotUnderstood) => step.attempt >= LIST_TRIES,
        _ => false,
    }
}

const fn theirs(kind: Kind) -> &'static str {
    match kind {
        Kind::Company => "customers",
        Kind::Location => "sites",
        Kind::Computer => "assets",
        Kind::Technician => "agents",
        Kind::Contact => "end users",
    }
}

fn worth_knowing(kind: Kind, index: &Index, walk: Walk, unseen: usize) -> Option<String> {
    let what = theirs(kind);
    match walk {
        Walk::Blind => Some(format!(
            "Halo does not show our agent {unseen} {what} that are linked. That many at once is a right that was taken \
             away rather than records that are gone, so none counts as missing. Look at the rights of the agent in Halo."
        )),
        Walk::Whole if index.is_empty() => Some(format!("Halo shows our agent no {what}.")),
        Walk::Whole if !index.has_names() && kind == Kind::Contact => Some(
            "Halo shows our agent end users without their mail addresses, as its client access View (Names Only) does. \
             Contacts are found by mail address, so none can be linked."
                .to_owned(),
        ),
        Walk::Changes | Walk::Whole => None,
    }
}
