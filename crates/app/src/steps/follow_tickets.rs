//! A step that reads tickets of ours as they are by now: those that changed and those whose request waits, or those that
//! it names.
//!
//! What a person did there is kept and told: another status or assignee, a ticket closed by hand, merged, deleted or
//! hidden. The decision a reader would undo: a ticket that is gone never gets a new one by itself; who wants one says so.

use std::collections::{BTreeSet, HashMap};

use countersign_domain::{
    audit::{Actor, Entry},
    id::CompanyId,
    request::State,
    time::Time,
};
use countersign_psa::{Cause, Class, Fault, Psa, TicketNow};
use countersign_store::{AttemptResult, Claimed, Followed, TicketNews};
use serde_json::json;

use super::{End, Wrote};
use crate::{
    App, Error, Result,
    follow::{ClosedByHand, IDS, Kept, MANY},
    reconcile::{DAYS, Repairs, Standing},
    requests::{Names, closed_by_hand},
};

/// A round asks for this much more than what it missed: two clocks seldom agree.
const OVERLAP_S: i64 = 5 * 60;
/// Tickets of waiting requests that are read in one look, the newest.
const WAITING: usize = 2000;
/// Changed tickets of everybody that are looked through in one look, the newest; reconciling finds the others.
const CHANGED: usize = 2000;
/// Tickets that are read one by one in a round, since a list did not show them.
const DOUBTFUL: usize = 20;
/// So many tickets out of sight at once, and more than are seen, are a right that was taken away.
const FEW: usize = 10;
/// How often a ticket that was merged may have been merged again.
const MERGES: usize = 5;
/// How often one ticket is asked for until its round is given up, and goes again later.
const TRIES: u32 = 4;

/// News of one ticket, with what the audit log says of it.
struct Change {
    lane: String,
    company: CompanyId,
    psa_id: String,
    news: TicketNews,
    audit: Option<Entry>,
}

impl App {
    pub(super) async fn follow_tickets(&self, step: &Claimed) -> Result<End> {
        let psa = self.psa()?;
        match self.follow(&*psa, &step.subject).await {
            Ok(words) => Ok(End::done(words)),
            // A right that is missing may come back, and the next round must not wait for a person.
            Err(Error::Psa(fault)) if matches!(fault.class, Class::Refused | Class::Gone) => {
                let end = End::of_fault(step, &fault, Wrote::Nothing, self.now());
                let at = self.now().plus_seconds(i64::from(self.ticketing_settings().follow_minutes) * 60);
                Ok(End {
                    status: end.status,
                    cause: end.cause,
                    ..End::again(AttemptResult::Refused, end.words, at, None)
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn follow(&self, psa: &dyn Psa, subject: &str) -> Result<String> {
        match subject.strip_prefix(IDS) {
            Some(ids) => self.read_round(psa, &ids.split(',').map(str::to_owned).collect::<Vec<_>>()).await,
            None => self.read_changes(psa).await,
        }
    }

    /// Reads the tickets of ours that changed since the last look, and those whose request waits. More than fit into one
    /// call are left to rounds of their own. The time from which the next look counts moves when they are kept, in the same
    /// transaction: not before, or a crash between would lose them; nor after all were read, or one that fails would have
    /// all listed again.
    async fn read_changes(&self, psa: &dyn Psa) -> Result<String> {
        let began = self.now();
        let asked_at = self.kept_follow().await?.asked_at.unwrap_or(began);
        let changed = psa.changed_tickets(asked_at.plus_seconds(-OVERLAP_S), CHANGED).await?;
        self.inner.desk.works();
        let changed: Vec<String> = changed.into_iter().map(|ticket| ticket.id).collect();
        let mut ids: BTreeSet<String> = self.store().known_tickets(&changed).await?.into_iter().collect();
        ids.extend(self.store().open_tickets(WAITING).await?.into_iter().map(|followed| followed.ticket.psa_id));
        let ids: Vec<String> = ids.into_iter().collect();
        let kept = Kept { asked_at: Some(began) };
        if ids.len() > MANY {
            self.keep_rounds(&ids, kept).await?;
            return Ok(format!("{} tickets of ours are read in the next rounds.", ids.len()));
        }
        let words = self.read_round(psa, &ids).await?;
        self.keep_follow(kept).await?;
        Ok(words)
    }

    /// Reads these tickets, as far as they are ours.
    async fn read_round(&self, psa: &dyn Psa, ids: &[String]) -> Result<String> {
        let began = self.now();
        let ours = self.store().tickets_by_id(ids).await?;
        let asked: Vec<String> = ours.iter().map(|followed| followed.ticket.psa_id.clone()).collect();
        let mut theirs = HashMap::new();
        if !asked.is_empty() {
            theirs.extend(psa.tickets(&asked).await?.into_iter().map(|ticket| (ticket.id.clone(), ticket)));
            self.inner.desk.works();
        }
        let note = self.take_in(psa, &ours, theirs, began).await?;
        Ok(note.unwrap_or_else(|| format!("{} tickets of ours were read.", ours.len())))
    }

    /// Keeps what was read; what is worth knowing, if anything.
    async fn take_in(
        &self,
        psa: &dyn Psa,
        ours: &[Followed],
        mut theirs: HashMap<String, TicketNow>,
        began: Time,
    ) -> Result<Option<String>> {
        let looked_at = self.look_one_by_one(psa, ours, &mut theirs).await?;
        let unseen = ours.iter().filter(|followed| !theirs.contains_key(&followed.ticket.psa_id)).count();
        let blind = unseen > FEW && unseen > ours.len() - unseen;
        if blind {
            self.hidden();
        }
        let shown = ours.iter().filter_map(|followed| theirs.get(&followed.ticket.psa_id)?.status.clone());
        let shown: Vec<String> = shown.collect();
        let closed = self.closed_statuses(psa, &shown).await?;
        let mut changes = Vec::new();
        let mut ended = Vec::new();
        for followed in ours {
            match theirs.get(&followed.ticket.psa_id) {
                // Those that nobody looked at wait for the next round.
                None if blind || !looked_at.contains(&followed.ticket.psa_id) => {}
                None => {
                    tracing::warn!(
                        ticket = followed.ticket.psa_id,
                        "a ticket of ours is deleted or hidden from our agent"
                    );
                    changes.push(self.change_of(followed, TicketNews::Gone, Some("ticket.gone")));
                }
                Some(now) => {
                    let is_open = matches!(followed.request.state, State::Pending | State::Approved);
                    if is_open
                        && let Some(into) = &now.merged_into
                        && let Some(news) = merged(psa, into).await?
                    {
                        changes.push(self.change_of(followed, news, Some("ticket.merged")));
                        continue;
                    }
                    changes.extend(self.seen(followed, now)?);
                    if followed.request.state != State::Pending {
                        continue;
                    }
                    if self.is_closed(&followed.request.company_id, now, &closed) {
                        if !followed.was_open {
                            continue;
                        }
                        ended.push(followed);
                        if closed_by_hand(&followed.ticket, &followed.request).is_none() {
                            let news = TicketNews::ClosedByHand(followed.request.id.clone());
                            changes.push(self.change_of(followed, news, Some("ticket.closed_by_hand")));
                        }
                    } else {
                        if !followed.was_open && now.status.is_some() {
                            changes.push(self.change_of(followed, TicketNews::Open, None));
                        }
                        if followed.ticket.closed_by_hand_at.is_some() {
                            changes.push(self.change_of(followed, TicketNews::OpenAgain, Some("ticket.open_again")));
                        }
                    }
                }
            }
        }
        self.keep_changes(changes, began).await?;
        for followed in ended {
            if self.ticketing_for(&followed.request.company_id).closed_by_hand == ClosedByHand::Withdraw {
                self.withdraw_closed(&followed.request.id).await?;
            }
        }
        Ok(blind.then(|| {
            format!(
                "Halo does not show our agent {unseen} tickets of ours. That many at once is a right that was taken away \
                 rather than tickets that are gone, so none counts as gone. Look at the rights of the agent in Halo."
            )
        }))
    }

    /// A list leaves out what is merged: its page still tells into which ticket. The tickets that were looked at.
    async fn look_one_by_one(
        &self,
        psa: &dyn Psa,
        ours: &[Followed],
        theirs: &mut HashMap<String, TicketNow>,
    ) -> std::result::Result<BTreeSet<String>, Fault> {
        let unseen = ours.iter().map(|followed| &followed.ticket);
        let unseen = unseen.filter(|ticket| ticket.gone_at.is_none() && !theirs.contains_key(&ticket.psa_id));
        let ids: BTreeSet<String> = unseen.map(|ticket| ticket.psa_id.clone()).take(DOUBTFUL).collect();
        for id in &ids {
            if let Some(now) = one_of_many(psa, id).await? {
                theirs.insert(id.clone(), now);
            }
        }
        Ok(ids)
    }

    /// Whether a ticket's status says that it is over; whoever opens tickets in a closed status does not mean them to be.
    fn is_closed(&self, company: &CompanyId, now: &TicketNow, closed: &BTreeSet<String>) -> bool {
        let opens_in = &self.ticketing_for(company).status_open;
        now.status.as_ref().is_some_and(|status| closed.contains(status) && Some(status) != opens_in.as_ref())
    }

    /// Whether the next round would find this ticket to be closed by hand.
    pub(crate) async fn counts_as_closed(&self, psa: &dyn Psa, company: &CompanyId, now: &TicketNow) -> Result<bool> {
        let shown: Vec<String> = now.status.iter().cloned().collect();
        let closed = self.closed_statuses(psa, &shown).await?;
        Ok(self.is_closed(company, now, &closed))
    }

    /// The statuses in which a ticket counts as closed. Those of all ticket types are asked for where one is shown that is
    /// not known; it counts as known from then on, whether or not it was among them.
    async fn closed_statuses(&self, psa: &dyn Psa, shown: &[String]) -> Result<BTreeSet<String>> {
        let known = self.inner.desk.names(self).await;
        let strange: Vec<&String> = shown.iter().filter(|status| !known.statuses.contains_key(*status)).collect();
        if strange.is_empty() {
            return Ok(known.closed.clone());
        }
        let mut names = Names::clone(&known);
        names.statuses.extend(strange.into_iter().map(|status| (status.clone(), status.clone())));
        for status in psa.statuses().await? {
            if status.closed {
                names.closed.insert(status.id.clone());
            }
            names.statuses.insert(status.id, status.name);
        }
        let closed = names.closed.clone();
        self.keep_names(names).await?;
        Ok(closed)
    }

    /// What a list shows, where it is not what we know.
    fn seen(&self, followed: &Followed, now: &TicketNow) -> Result<Option<Change>> {
        let broken = |error: serde_json::Error| Error::Sealed(error.to_string());
        let known: TicketNow = serde_json::from_str(&followed.ticket.now).map_err(broken)?;
        let mut now = now.clone();
        if now.assets.is_empty() {
            // Rows of a list do not show them.
            now.assets.clone_from(&known.assets);
        }
        if now == known && followed.ticket.gone_at.is_none() {
            return Ok(None);
        }
        let action = followed.ticket.gone_at.map(|_| "ticket.shown_again");
        let now = serde_json::to_string(&now).map_err(broken)?;
        Ok(Some(self.change_of(followed, TicketNews::Seen(now), action)))
    }

    fn change_of(&self, followed: &Followed, news: TicketNews, action: Option<&str>) -> Change {
        let into = match &news {
            TicketNews::Merged { psa_id, .. } => Some(psa_id),
            TicketNews::Seen(_)
            | TicketNews::Gone
            | TicketNews::ClosedByHand(_)
            | TicketNews::OpenAgain
            | TicketNews::Open => None,
        };
        let body = json!({ "ticket": followed.ticket.psa_id, "into": into });
        let request = &followed.request;
        let entry = |action| {
            self.entry(Actor::Server, action, request.id.to_string(), Some(request.company_id.clone()), body.clone())
        };
        let (lane, psa_id) = (followed.ticket.lane.clone(), followed.ticket.psa_id.clone());
        Change { lane, company: request.company_id.clone(), psa_id, audit: action.map(entry), news }
    }

    /// Keeps what Halo showed of a ticket at `at`, where it is not what we know.
    pub(crate) async fn keep_shown(&self, followed: &Followed, now: &TicketNow, at: Time) -> Result<()> {
        let change = self.seen(followed, now)?;
        self.keep_changes(change.into_iter().collect(), at).await
    }

    /// Keeps one piece of news, with its entry in the audit log.
    pub(crate) async fn keep_news(&self, followed: &Followed, news: TicketNews, action: &str, at: Time) -> Result<()> {
        self.keep_changes(vec![self.change_of(followed, news, Some(action))], at).await
    }

    /// The daily comparison of requests and tickets.
    pub(super) async fn reconcile_by_clock(&self, step: &Claimed) -> Result<End> {
        match self.reconcile(DAYS, Repairs::On).await {
            Ok(report) => {
                let (repaired, left) = (report.count(Standing::Repaired), report.count(Standing::Left));
                let words =
                    format!("{} requests compared: {repaired} repaired, {left} left for a person.", report.requests);
                Ok(End::done(words))
            }
            Err(Error::Psa(fault)) if matches!(fault.class, Class::Refused | Class::Gone) => {
                let end = End::of_fault(step, &fault, Wrote::Nothing, self.now());
                let at = self.now().plus_seconds(3600);
                Ok(End {
                    status: end.status,
                    cause: end.cause,
                    ..End::again(AttemptResult::Refused, end.words, at, None)
                })
            }
            Err(error) => Err(error),
        }
    }

    async fn keep_changes(&self, changes: Vec<Change>, at: Time) -> Result<()> {
        for change in changes {
            let Change { lane, company, psa_id, news, audit } = change;
            let told = lane.clone();
            let kept = self
                .store()
                .write(move |tx| {
                    let (lane, psa_id, news, audit) = (lane.clone(), psa_id.clone(), news.clone(), audit.clone());
                    Box::pin(async move {
                        let kept = tx.keep_ticket_news(&lane, &psa_id, &news, at).await?;
                        if kept && let Some(audit) = &audit {
                            tx.audit(audit).await?;
                        }
                        Ok(kept)
                    })
                })
                .await?;
            if kept {
                self.wake().page("ticket.updated", told, Some(company));
            }
        }
        Ok(())
    }
}

/// One ticket of a round; none where it is not shown. Asked for again where nobody can tell why it did not come: of many
/// calls some fail on a bad day, and beginning the round anew would not end.
async fn one_of_many(psa: &dyn Psa, id: &str) -> std::result::Result<Option<TicketNow>, Fault> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match psa.ticket(id).await {
            Err(Fault { cause: Cause::ServerFault | Cause::NoAnswer | Cause::NotUnderstood, .. }) if tries > 0 => {}
            answer => return answer,
        }
    }
}

/// The ticket that one was merged into, and whatever that was merged into; none where it is not shown.
async fn merged(psa: &dyn Psa, into: &str) -> Result<Option<TicketNews>> {
    let mut into = into.to_owned();
    for _ in 0..MERGES {
        let Some(now) = one_of_many(psa, &into).await? else { return Ok(None) };
        match &now.merged_into {
            Some(further) if *further != into => into.clone_from(further),
            _ => {
                let url = psa.ticket_url(&now.id);
                let psa_id = now.id.clone();
                let now = serde_json::to_string(&now).map_err(|error| Error::Sealed(error.to_string()))?;
                return Ok(Some(TicketNews::Merged { psa_id, url, now }));
            }
        }
    }
    Ok(None)
}
