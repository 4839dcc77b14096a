//! From Halo back: when our tickets are read there, what webhooks wake, and what a ticket closed by hand does.
//!
//! Called by the timers and by the webhook's route; the reading itself is a step (`steps/follow_tickets.rs`) in a lane
//! of its own, so that one runs at a time over all nodes. The decision a reader would undo: nothing that Halo sends is
//! believed. A webhook names tickets, and those are read again; a webhook that is lost costs some minutes, since tickets
//! are read by the clock too.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use countersign_domain::{audit::Actor, effect::StepKind, id::RequestId, request::Event, time::Time};
use countersign_psa::TicketNow;
use countersign_store::{NewStep, TICKETS_LANE};
use serde::{Deserialize, Serialize};

use crate::{App, Error, Result};

/// What becomes of a pending request whose ticket was closed by hand in Halo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedByHand {
    /// Nothing; it is not even told.
    Leave,
    /// It is withdrawn.
    Withdraw,
    /// It waits on, and its page tells that the ticket was closed.
    #[default]
    Warn,
}

/// Where it is kept how far the reading is, so that every node knows.
const DOCUMENT: &str = "ticket_follow";
/// Tickets that are looked at for one that is still open.
const NEWEST: usize = 200;
/// Seconds for which the steps of rounds that are over are kept.
const KEPT_S: i64 = 3600;
/// Seconds between two rounds that webhooks without a ticket's number ask for.
const UNNAMED_S: i64 = 30;
/// The most tickets that are read by name; more of them are a reason to ask for all that changed.
const NAMED: usize = 300;
/// Numbers of tickets that are held until they are read.
const HELD: usize = 1000;
/// Deliveries that are known again.
const DELIVERIES: usize = 10_000;
/// The subject of a step that asks for all that changed.
pub(crate) const CHANGES: &str = "changes";
/// How the subject of a step begins that names tickets.
pub(crate) const IDS: &str = "ids/";
/// Tickets that one step reads: as many as one call shows. Each step has its own attempts, so that of many calls one that
/// fails brings no other to nothing.
pub(crate) const MANY: usize = 100;

/// How far the reading is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// When the last round began that asked for all that changed; what changed since is asked for next.
    pub(crate) asked_at: Option<Time>,
}

/// What webhooks told that was not read yet.
#[derive(Default)]
pub(crate) struct Heard(Mutex<News>);

#[derive(Default)]
struct News {
    known: HashSet<String>,
    order: VecDeque<String>,
    tickets: BTreeSet<String>,
    unnamed: bool,
}

impl News {
    /// Holds a ticket's number; of too many it is only known that there are some.
    fn hold(&mut self, ticket: String) {
        if self.tickets.len() < HELD || self.tickets.contains(&ticket) {
            self.tickets.insert(ticket);
        } else {
            self.unnamed = true;
        }
    }
}

/// Whether a round of reading was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// It was, or there was nothing to read.
    Yes,
    /// Another one is on its way, and may have read too early.
    AnotherRuns,
}

impl Heard {
    fn lock(&self) -> std::sync::MutexGuard<'_, News> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a delivery names; false for one that was heard before. Without a number it is about anything.
    pub(crate) fn add(&self, delivery: Option<String>, ticket: Option<String>) -> bool {
        let mut news = self.lock();
        if let Some(delivery) = delivery {
            if !news.known.insert(delivery.clone()) {
                return false;
            }
            news.order.push_back(delivery);
            if news.order.len() > DELIVERIES
                && let Some(oldest) = news.order.pop_front()
            {
                news.known.remove(&oldest);
            }
        }
        match ticket {
            Some(ticket) => news.hold(ticket),
            None => news.unnamed = true,
        }
        true
    }

    /// Gives what was heard to `read`, with or without what named no ticket. What could not be begun waits for the next
    /// time, with what was heard since.
    async fn hand_over(
        &self,
        unnamed_too: bool,
        read: impl AsyncFnOnce(Vec<String>, bool) -> Result<Begun>,
    ) -> Result<()> {
        let (tickets, unnamed) = self.take(unnamed_too);
        let begun = read(tickets.clone(), unnamed).await;
        if !matches!(begun, Ok(Begun::Yes)) {
            let mut news = self.lock();
            news.unnamed |= unnamed;
            for ticket in tickets {
                news.hold(ticket);
            }
        }
        begun.map(|_| ())
    }

    fn is_empty(&self) -> bool {
        let news = self.lock();
        news.tickets.is_empty() && !news.unnamed
    }

    fn take(&self, unnamed_too: bool) -> (Vec<String>, bool) {
        let mut news = self.lock();
        let unnamed = unnamed_too && std::mem::take(&mut news.unnamed);
        (std::mem::take(&mut news.tickets).into_iter().collect(), unnamed)
    }
}

impl App {
    /// Begins a round of reading if it is time for one.
    pub(crate) async fn follow_by_clock(&self) -> Result<()> {
        if self.connected().psa.is_none() {
            return Ok(());
        }
        let kept = self.kept_follow().await?;
        let now = self.now();
        let Some(asked_at) = kept.asked_at else {
            // Tickets are as their own steps left them; from now on it is asked what changed.
            return self.keep_follow(Kept { asked_at: Some(now) }).await;
        };
        let minutes = i64::from(self.ticketing_settings().follow_minutes);
        if asked_at.plus_seconds(minutes * 60) > now {
            return Ok(());
        }
        if !self.is_any_open().await? {
            // Nobody waits for news of what is over. A webhook brings them all the same, and the daily comparison.
            return self.keep_follow(Kept { asked_at: Some(now) }).await;
        }
        self.begin_follow(vec![self.step(CHANGES.to_owned())]).await.map(|_| ())
    }

    /// Whether a ticket of ours is open: its request waits, or it is among the newest and was last seen in a status that
    /// is not a closed one.
    async fn is_any_open(&self) -> Result<bool> {
        if !self.store().open_tickets(1).await?.is_empty() {
            return Ok(true);
        }
        let names = self.inner.desk.names(self).await;
        let is_open = |now: &String| {
            // What cannot be read is read again.
            let now: Option<TicketNow> = serde_json::from_str(now).ok();
            now.and_then(|now| now.status).is_none_or(|status| !names.closed.contains(&status))
        };
        Ok(self.store().newest_tickets_seen(NEWEST).await?.iter().any(is_open))
    }

    /// Begins to read the tickets that webhooks named since the last time: at once, but one step at a time, so that a
    /// thousand deliveries are few calls.
    pub(crate) async fn follow_heard(&self) -> Result<()> {
        let heard = &self.inner.heard;
        if heard.is_empty() || !self.store().undone_in(TICKETS_LANE).await?.is_empty() {
            return Ok(());
        }
        let asked_at = self.kept_follow().await?.asked_at;
        let unnamed_too = asked_at.is_none_or(|at| at.plus_seconds(UNNAMED_S) <= self.now());
        heard.hand_over(unnamed_too, async |tickets, unnamed| self.begin_heard(&tickets, unnamed).await).await
    }

    /// Begins to read what was heard of; there may be nothing to read.
    async fn begin_heard(&self, tickets: &[String], unnamed: bool) -> Result<Begun> {
        if self.connected().psa.is_none() {
            return Ok(Begun::Yes);
        }
        let ours = self.store().known_tickets(tickets).await?;
        if ours.len() > NAMED || (unnamed && self.is_any_open().await?) {
            self.begin_follow(vec![self.step(CHANGES.to_owned())]).await
        } else if ours.is_empty() {
            Ok(Begun::Yes)
        } else {
            self.begin_follow(self.rounds(&ours)).await
        }
    }

    fn step(&self, subject: String) -> NewStep {
        NewStep::round(self.step_id(), TICKETS_LANE, subject, StepKind::FollowTickets)
    }

    fn rounds(&self, ids: &[String]) -> Vec<NewStep> {
        deal(ids).into_iter().map(|subject| self.step(subject)).collect()
    }

    /// Leaves these tickets to steps of their own, and keeps how far the reading is, both or neither.
    pub(crate) async fn keep_rounds(&self, ids: &[String], kept: Kept) -> Result<()> {
        let value = serde_json::to_string(&kept).map_err(|error| Error::Sealed(error.to_string()))?;
        let (steps, before) = (self.rounds(ids), self.now().plus_seconds(-KEPT_S));
        Ok(self
            .store()
            .write(move |tx| {
                let (steps, value) = (steps.clone(), value.clone());
                Box::pin(async move {
                    tx.append_rounds(TICKETS_LANE, &steps, before).await?;
                    tx.keep_setting(DOCUMENT, &value).await
                })
            })
            .await?)
    }

    async fn begin_follow(&self, steps: Vec<NewStep>) -> Result<Begun> {
        // They come all day; the last few are enough to look at.
        let before = self.now().plus_seconds(-KEPT_S);
        let begun = self
            .store()
            .write(move |tx| {
                let steps = steps.clone();
                Box::pin(async move {
                    if !tx.undone_in(TICKETS_LANE).await?.is_empty() {
                        return Ok(Begun::AnotherRuns);
                    }
                    tx.append_rounds(TICKETS_LANE, &steps, before).await?;
                    Ok(Begun::Yes)
                })
            })
            .await?;
        self.wake().steps();
        Ok(begun)
    }

    pub(crate) async fn kept_follow(&self) -> Result<Kept> {
        self.noted(DOCUMENT).await
    }

    pub(crate) async fn keep_follow(&self, kept: Kept) -> Result<()> {
        self.note_down(DOCUMENT, &kept).await
    }

    /// A request whose ticket was closed by hand ends, and what joined it with it: nobody waits for a new ticket.
    pub(crate) async fn withdraw_closed(&self, head: &RequestId) -> Result<()> {
        let mut all = self.store().joined_pending(head).await?;
        all.extend(self.store().request_alone(head).await?);
        for request in all {
            let id = request.id.clone();
            match self.change(request, Event::TicketClosed(self.now()), Actor::Server, "request.withdrawn").await {
                Ok(_) => {}
                // Somebody was quicker; what he said holds.
                Err(Error::Conflict { .. } | Error::AlreadyDecided(_)) => {
                    tracing::debug!(%id, "was answered while its ticket was closed");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The subjects of steps that read these tickets. They are dealt out, so that each step is a sample of all of them: many
/// out of sight in one tell of a right that was taken away only where they would among all.
fn deal(ids: &[String]) -> Vec<String> {
    let rounds = ids.len().div_ceil(MANY);
    let hand = |round| ids.iter().skip(round).step_by(rounds).map(String::as_str).collect::<Vec<_>>();
    (0..rounds).map(|round| format!("{IDS}{}", hand(round).join(","))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_dealt_out_to_rounds_of_like_size() {
        assert_eq!(deal(&[]), Vec::<String>::new());
        assert_eq!(deal(&["7".to_owned(), "8".to_owned()]), ["ids/7,8"]);
        let ids: Vec<String> = (1000..1201).map(|id| id.to_string()).collect();
        let rounds = deal(&ids);
        let hands: Vec<Vec<&str>> = rounds.iter().map(|round| round[IDS.len()..].split(',').collect()).collect();
        assert_eq!(hands.iter().map(Vec::len).collect::<Vec<_>>(), [67, 67, 67]);
        assert_eq!(hands.iter().map(|hand| hand[0]).collect::<Vec<_>>(), ["1000", "1001", "1002"]);
        assert_eq!(hands.concat().into_iter().collect::<BTreeSet<_>>().len(), ids.len());
    }

    fn heard(tickets: &[&str]) -> Heard {
        let heard = Heard::default();
        for ticket in tickets {
            assert!(heard.add(None, Some((*ticket).to_owned())));
        }
        heard
    }

    /// The database was away, or another round was on its way that may have read too early.
    #[tokio::test]
    async fn what_could_not_be_begun_is_heard_again_with_what_came_meanwhile() {
        for failed in [Err(Error::NotFound("database")), Ok(Begun::AnotherRuns)] {
            let heard = heard(&["7", "8"]);
            heard.add(None, None);
            let is_error = failed.is_err();
            let ended = heard
                .hand_over(true, async |tickets, unnamed| {
                    assert_eq!((tickets, unnamed), (vec!["7".to_owned(), "8".to_owned()], true));
                    heard.add(None, Some("9".to_owned()));
                    failed
                })
                .await;
            assert_eq!(ended.is_err(), is_error);
            let all = ["7", "8", "9"].map(str::to_owned).to_vec();
            assert_eq!(heard.take(true), (all, true));
        }
    }

    #[tokio::test]
    async fn what_was_begun_is_not_heard_again() {
        let heard = heard(&["7"]);
        heard.hand_over(true, async |_, _| Ok(Begun::Yes)).await.unwrap();
        assert!(heard.is_empty());
    }
}
