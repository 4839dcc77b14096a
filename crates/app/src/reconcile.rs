//! Reconciling: what should stand in Halo is compared with what does; what is safe to repair is repaired, the rest is
//! told line by line.
//!
//! Called by the command line, the API, and once a day by a step. One walk over Halo's tickets serves all, and one more
//! call each for those in doubt. The decision a reader would undo: nothing is written from here. A repair appends a step
//! to its lane, or lets one go again, and the step looks first whether its work was done before (promise P1).

use std::collections::{BTreeSet, HashMap};

use countersign_domain::{
    directory::Technician,
    effect::StepKind,
    request::State,
    role::{Access, Right},
    time::Time,
};
use countersign_psa::{Found, Psa, TicketNow};
use countersign_store::{Followed, LaneStep, NewStep, RECONCILE_LANE, RequestRow, TicketNews, TicketRow};
use serde::{Deserialize, Serialize};

mod look;

use crate::{App, Error, Result, directory::all_companies, people::require, steps::by_number};

const DOCUMENT: &str = "reconcile";
/// Seconds between two rounds by the clock.
const DAILY_S: i64 = 24 * 3600;
/// Days that are looked back, unless asked otherwise.
pub const DAYS: u32 = 30;
/// The most days that can be asked for.
const MOST_DAYS: u32 = 366;
/// Requests that are read at a time.
const CHUNK: usize = 200;
/// Lines that are kept of a round.
const LINES: usize = 200;
/// Tickets of nobody that are looked into, to see whose they are.
const STRANGERS: usize = 20;

/// Whether anything may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repairs {
    /// What is safe is repaired.
    On,
    /// Nothing changes.
    Off,
}

/// What became of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is on its way to be as it should.
    Repaired,
    /// It would be repaired, if that were allowed.
    Repairable,
    /// A person must look.
    Left,
    /// Worth knowing, nothing to do.
    Note,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The request it is about, if one is known.
    pub request: Option<String>,
    /// The ticket it is about, if there is one.
    pub ticket: Option<String>,
    /// What is different, one of a few fixed words.
    pub what: String,
    /// What was seen.
    pub words: String,
    /// What became of it.
    pub standing: Standing,
    /// What a person does about it.
    pub fix: Option<String>,
}

/// What a round found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When it began.
    pub at: Time,
    /// How many days it looked back.
    pub days: u32,
    /// Nothing was allowed to change.
    pub dry_run: bool,
    /// Requests that were looked at.
    pub requests: u64,
    /// Tickets of ours that Halo showed.
    pub tickets: u64,
    /// The differences.
    pub lines: Vec<Line>,
}

impl Report {
    /// How many lines stand so.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.lines.iter().filter(|line| line.standing == standing).count()
    }
}

/// A round that is on its way.
struct Round<'a> {
    app: &'a App,
    psa: &'a dyn Psa,
    repairs: Repairs,
    /// When it began.
    at: Time,
    /// No ticket opened in the days looked at has a lower number.
    floor: String,
    /// Nothing can be said of what was not shown.
    blind: bool,
    live: HashMap<String, Found>,
    deleted: BTreeSet<String>,
    lines: Vec<Line>,
}

/// A request with all that is known of its ticket. What asks again is told on the ticket of the request that was denied, in
/// the lane of that one.
struct Case<'a> {
    row: &'a RequestRow,
    steps: &'a [LaneStep],
    former: Vec<String>,
}

impl Case<'_> {
    /// Its last step of a kind. A lane may hold steps of other requests, too.
    fn step(&self, kind: StepKind) -> Option<&LaneStep> {
        let id = self.row.request.id.as_str();
        self.steps.iter().rfind(|step| step.kind == kind.as_str() && step.subject == id)
    }

    fn asks_again(&self) -> bool {
        self.row.request.again_of.is_some()
    }

    /// Its steps: of the lane's, the first request has all that are not of one that asks again.
    fn own_steps(&self) -> impl Iterator<Item = &LaneStep> {
        let id = self.row.request.id.as_str();
        let again = |subject: &str| {
            self.steps.iter().any(|step| step.kind == StepKind::RecordAgain.as_str() && step.subject == subject)
        };
        self.steps.iter().filter(move |step| step.subject == id || (!self.asks_again() && !again(&step.subject)))
    }

    fn followed(&self, ticket: &TicketRow) -> Followed {
        Followed { ticket: ticket.clone(), request: self.row.request.clone(), was_open: !self.asks_again() }
    }

    fn line(&self, what: &str, standing: Standing, words: String, fix: Option<&str>) -> Line {
        Line {
            request: Some(self.row.request.id.to_string()),
            ticket: self.row.ticket.as_ref().map(|ticket| ticket.psa_id.clone()),
            what: what.to_owned(),
            words,
            standing,
            fix: fix.map(str::to_owned),
        }
    }
}

fn is_undone(step: &LaneStep) -> bool {
    !matches!(step.state.as_str(), "done" | "given_up")
}

impl App {
    /// Compares, for a technician.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where he may not; `reconciling` where a round is on its way; [`Error::Psa`] with Halo's words.
    pub async fn reconcile_for(&self, by: &Technician, days: Option<u32>, repairs: Repairs) -> Result<Report> {
        require(by, Right::RunSteps)?;
        all_companies(by)?;
        self.reconcile(days.unwrap_or(DAYS), repairs).await
    }

    /// The last round's report; none before the first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not see all companies.
    pub async fn last_reconcile(&self, by: &Technician) -> Result<Option<Report>> {
        require(by, Right::ReadSettings)?;
        all_companies(by)?;
        self.kept_report().await.map(|kept| kept.report)
    }

    /// Compares the requests of the last days with Halo's tickets.
    ///
    /// # Errors
    /// `reconciling` where a round is on its way; [`Error::NotConnected`]; [`Error::Psa`] with Halo's words.
    pub async fn reconcile(&self, days: u32, repairs: Repairs) -> Result<Report> {
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(Error::invalid("days", "days", "days is from 1 to 366."));
        }
        let _alone = self.inner.reconciling.try_lock().map_err(|_| Error::Conflict {
            code: "reconciling",
            sentence: "Requests and tickets are being compared already. Ask again in a moment.".to_owned(),
        })?;
        let psa = self.psa()?;
        let at = self.now();
        let since = at.plus_seconds(-i64::from(days) * 24 * 3600);
        let mut round = self.round(&*psa, at, since, repairs).await?;
        let mut requests = 0;
        let mut after: Option<RequestRow> = None;
        loop {
            let rows = self.store().heads_since(since, after.as_ref(), CHUNK).await?;
            let lanes: Vec<String> = rows.iter().map(|row| row.request.lane().to_string()).collect();
            let mut steps: HashMap<String, Vec<LaneStep>> = HashMap::new();
            for step in self.store().lane_steps(&lanes).await? {
                steps.entry(step.lane.clone()).or_default().push(step);
            }
            for row in &rows {
                let lane = row.request.lane().as_str();
                let former = self.store().former_tickets(lane).await?;
                let steps = steps.get(lane).map_or(&[][..], Vec::as_slice);
                round.look_at(&Case { row, steps, former }).await?;
            }
            requests += rows.len() as u64;
            after = rows.last().cloned();
            if rows.len() < CHUNK {
                break;
            }
        }
        round.look_for_strangers().await?;
        let report = Report {
            at,
            days,
            dry_run: repairs == Repairs::Off,
            requests,
            tickets: round.live.len() as u64,
            lines: round.lines,
        };
        if repairs == Repairs::On {
            self.wake().steps();
            self.keep_report(&report).await?;
        }
        Ok(report)
    }

    async fn round<'a>(&'a self, psa: &'a dyn Psa, at: Time, since: Time, repairs: Repairs) -> Result<Round<'a>> {
        let floor = self.store().ticket_before(since).await?;
        let mut round = Round {
            app: self,
            psa,
            repairs,
            at,
            floor: floor.clone().unwrap_or_else(|| "1".to_owned()),
            blind: true,
            live: HashMap::new(),
            deleted: BTreeSet::new(),
            lines: Vec::new(),
        };
        // Before the first ticket there is nothing to compare with, and no end of a walk.
        let Some(floor) = floor else { return Ok(round) };
        let walk = self.walk(psa, self.inner.clock.monotonic(), Some(&floor)).await?;
        round.blind = walk.blind;
        if walk.blind {
            self.hidden();
            round.lines.push(Line {
                request: None,
                ticket: None,
                what: "hidden".to_owned(),
                words: "Halo does not show our agent the newest ticket of ours, so nothing can be said of tickets that are \
                        not shown."
                    .to_owned(),
                standing: Standing::Left,
                fix: Some("Look at the agent's rights to see tickets in Halo, then compare again.".to_owned()),
            });
        }
        for found in &walk.sweep.found {
            if found.deleted {
                round.deleted.insert(found.ticket.id.clone());
            } else {
                round.live.insert(found.ticket.id.clone(), found.clone());
            }
        }
        Ok(round)
    }

    /// Begins the daily round if it is time for it.
    pub(crate) async fn begin_reconcile_by_clock(&self) -> Result<()> {
        if self.connected().psa.is_none() {
            return Ok(());
        }
        let now = self.now();
        let mut kept = self.kept_report().await?;
        let Some(begun_at) = kept.begun_at else {
            kept.begun_at = Some(now);
            return self.keep_reconciled(&kept).await;
        };
        if begun_at.plus_seconds(DAILY_S) > now {
            return Ok(());
        }
        kept.begun_at = Some(now);
        self.keep_reconciled(&kept).await?;
        let step = NewStep::round(self.step_id(), RECONCILE_LANE, "daily".to_owned(), StepKind::Reconcile);
        let before = now.plus_seconds(-7 * DAILY_S);
        self.store()
            .write(move |tx| {
                let steps = [step.clone()];
                Box::pin(async move {
                    if tx.undone_in(RECONCILE_LANE).await?.is_empty() {
                        tx.append_rounds(RECONCILE_LANE, &steps, before).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.wake().steps();
        Ok(())
    }

    async fn kept_report(&self) -> Result<Kept> {
        self.noted(DOCUMENT).await
    }

    async fn keep_report(&self, report: &Report) -> Result<()> {
        let mut report = report.clone();
        report.lines.sort_by_key(|line| line.standing != Standing::Left);
        report.lines.truncate(LINES);
        self.keep_reconciled(&Kept { begun_at: Some(report.at), report: Some(report) }).await
    }

    async fn keep_reconciled(&self, kept: &Kept) -> Result<()> {
        self.note_down(DOCUMENT, kept).await
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    begun_at: Option<Time>,
    report: Option<Report>,
}

impl Round<'_> {
    /// Tickets with references of ours that no request has as its own.
    async fn look_for_strangers(&mut self) -> Result<()> {
        let ids: Vec<String> = self.live.keys().cloned().collect();
        let known: BTreeSet<String> = self.app.store().known_tickets(&ids).await?.into_iter().collect();
        let mut strange: Vec<Found> =
            self.live.values().filter(|found| !known.contains(&found.ticket.id)).cloned().collect();
        strange.sort_by(|a, b| by_number(&b.ticket.id).cmp(&by_number(&a.ticket.id)));
        for found in strange.into_iter().take(STRANGERS) {
            let ticket = &found.ticket;
            let request = ticket.reference.as_ref().and_then(|reference| reference.parse().ok());
            let row = match &request {
                Some(request) => self.app.store().request(&Access::All, request).await?,
                None => None,
            };
            match (row.as_ref().and_then(|row| row.ticket.as_ref()), &request) {
                // The lane has a step that finds it.
                (None, _) if row.is_some() => {}
                (Some(kept), Some(request)) => {
                    let told = format!("{request}/duplicate/{}", ticket.id);
                    let is_told = self.psa.actions(&ticket.id).await?.iter().any(|action| action.note.contains(&told));
                    if ticket.merged_into.is_none() && !is_told {
                        let words = format!(
                            "Halo has a second ticket for this request; ticket {} tells its story.",
                            kept.psa_id
                        );
                        self.second_ticket(request.to_string(), &found, words).await?;
                    }
                }
                _ => {
                    let details = self.psa.ticket_details(&ticket.id).await?.unwrap_or_default();
                    if details.contains(&countersign_domain::ticket::server_mark(self.app.server_id())) {
                        self.lines.push(Line {
                            request: ticket.reference.clone(),
                            ticket: Some(ticket.id.clone()),
                            what: "unknown_request".to_owned(),
                            words: "Halo has a ticket of this server's that no request here belongs to.".to_owned(),
                            standing: Standing::Left,
                            fix: Some("The database is older than the ticket, as after a restore. Close it in Halo by hand if nobody needs it.".to_owned()),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    async fn second_ticket(&mut self, request: String, found: &Found, words: String) -> Result<()> {
        if self.repairs == Repairs::On {
            let both = self.live.values().filter(|other| other.ticket.reference == found.ticket.reference).cloned();
            let sweep = countersign_psa::Sweep { found: both.collect(), ..countersign_psa::Sweep::default() };
            self.app.close_duplicates(self.psa, &sweep).await?;
        }
        self.lines.push(Line {
            request: Some(request),
            ticket: Some(found.ticket.id.clone()),
            what: "second_ticket".to_owned(),
            words,
            standing: self.repair(),
            fix: None,
        });
        Ok(())
    }

    const fn repair(&self) -> Standing {
        match self.repairs {
            Repairs::On => Standing::Repaired,
            Repairs::Off => Standing::Repairable,
        }
    }

    /// How a difference stands whose repair changed something, or did not: somebody was quicker, or a step is on its way.
    const fn repaired(changed: bool) -> Standing {
        if changed { Standing::Repaired } else { Standing::Note }
    }

    /// When what is looked for was sent at the latest: so long ago that what is not found may be sent again.
    fn doubt_at(&self) -> Time {
        self.app.now().plus_seconds(-i64::from(self.app.ticketing_settings().settle_s))
    }

    /// Appends a step to the lane of a request that it lacks; it looks first whether its work was done before.
    async fn append(&self, case: &Case<'_>, kind: StepKind) -> Result<Standing> {
        if self.repairs == Repairs::Off {
            return Ok(Standing::Repairable);
        }
        let step = NewStep::told(self.app.step_id(), &case.row.request, kind);
        let nth = 1 + case.steps.iter().filter(|step| step.kind == kind.as_str()).count();
        let nth = i64::try_from(nth).unwrap_or(i64::MAX);
        let (doubt_at, floor) = (self.doubt_at(), self.floor.clone());
        let changed = self
            .app
            .store()
            .write(move |tx| {
                let (step, floor) = (step.clone(), floor.clone());
                Box::pin(async move { tx.append_in_doubt(&step, nth, doubt_at, &floor).await })
            })
            .await?;
        Ok(Self::repaired(changed))
    }

    /// Lets an undone step go again; it looks first whether its work was done before.
    async fn let_look(&self, step: &LaneStep) -> Result<Standing> {
        if self.repairs == Repairs::Off {
            return Ok(Standing::Repairable);
        }
        let (id, doubt_at, floor, now) = (step.id.clone(), self.doubt_at(), self.floor.clone(), self.app.now());
        let changed = self
            .app
            .store()
            .write(move |tx| {
                let (id, floor) = (id.clone(), floor.clone());
                Box::pin(async move { tx.look_again(&id, doubt_at, &floor, now).await })
            })
            .await?;
        Ok(Self::repaired(changed))
    }

    /// The request's page tells how the ticket was shown.
    async fn keep_shown(&self, case: &Case<'_>, ticket: &TicketRow, now: &TicketNow) -> Result<()> {
        if self.repairs == Repairs::Off {
            return Ok(());
        }
        self.app.keep_shown(&case.followed(ticket), now, self.at).await
    }

    /// The ticket is not there any more: its request's page tells so.
    async fn mark_gone(&self, case: &Case<'_>, ticket: &TicketRow) -> Result<()> {
        if self.repairs == Repairs::Off || ticket.gone_at.is_some() {
            return Ok(());
        }
        self.app.keep_news(&case.followed(ticket), TicketNews::Gone, "ticket.gone", self.app.now()).await
    }

    fn is_over(case: &Case<'_>) -> bool {
        case.row.request.state != State::Pending
    }
}
