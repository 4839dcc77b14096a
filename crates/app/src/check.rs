//! The live check of the ticketing system: one run at a time, its lines told as they are known.
//!
//! Called by the wizard's page, the API, `doctor`, and by [`steps`](crate::steps) when rights seem to have changed. What
//! is tried, and what an answer proves, is the business of [`Psa::check`](crate::psa::Psa::check). The decision a reader
//! would undo: a run belongs to nobody. Who asks while one runs sees that one; only consent to a test ticket puts a new
//! run in the place of one that merely reads.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_domain::{audit::Actor, directory::Technician, id::RequestId, role::Right, time::Time};
use countersign_psa::{Assigning, Check, CheckNews, CheckPlan, CheckStatus, Psa, TicketNow, WriteTest};
use countersign_store::DirectoryQuery;
use serde::Serialize;
use tokio::{sync::watch, task::AbortHandle};

use crate::{
    App, Error, Result,
    people::require,
    ticketing::{Settings, Switch, TimeEntry},
};

/// Working time of the test ticket where the settings book none, so that booking can be proved.
const TEST_SECONDS: u32 = 60;

/// Technicians whose mail addresses are looked for.
const PEOPLE: usize = 1000;

/// Tickets of ours that are looked for.
const KNOWN: usize = 20;

/// One line, known or still being checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckLine {
    /// Stable id.
    pub id: String,
    /// What is tried, in Halo's own words.
    pub title: String,
    /// How it ended; none while it is being checked.
    pub told: Option<Check>,
}

/// Whether a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finished {
    /// It runs.
    NotYet,
    /// All its lines are told.
    Yes,
}

/// The ticket that a write test made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestTicket {
    /// Its id.
    pub id: String,
    /// Its address, for people.
    pub url: String,
}

/// A run of the check, going on or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckRun {
    /// When it began.
    pub started_at: Time,
    /// All lines, in a fixed order, from the start.
    pub lines: Vec<CheckLine>,
    /// Whether it is over.
    pub finished: Finished,
    /// The ticket of the write test, once it is there.
    pub ticket: Option<TestTicket>,
    /// The customer whose write test this is; none where it only reads.
    pub customer: Option<String>,
}

impl CheckRun {
    /// It runs, and does what a check for this customer would do.
    fn covers(&self, customer: Option<&str>) -> bool {
        self.finished == Finished::NotYet && (customer.is_none() || self.customer.is_some())
    }

    /// The lines that are known.
    #[must_use]
    pub fn told(&self) -> Vec<Check> {
        self.lines.iter().filter_map(|line| line.told.clone()).collect()
    }
}

/// The current or last run, and the task behind it.
pub(crate) struct Board {
    run: watch::Sender<Option<CheckRun>>,
    task: Mutex<Option<AbortHandle>>,
}

impl Default for Board {
    fn default() -> Self {
        Self { run: watch::Sender::new(None), task: Mutex::default() }
    }
}

/// Ends its run when it is dropped: in the end, or because the task broke off.
struct Running {
    app: App,
    started_at: Time,
}

impl Running {
    fn tell(&self, psa: &dyn Psa, news: CheckNews) {
        self.change(|run| match news {
            CheckNews::Line(check) => {
                if let Some(line) = run.lines.iter_mut().find(|line| line.id == check.id) {
                    line.told = Some(check);
                }
            }
            CheckNews::Ticket { id } => run.ticket = Some(TestTicket { url: psa.ticket_url(&id), id }),
        });
    }

    /// Changes the run, unless another took its place.
    fn change(&self, change: impl FnOnce(&mut CheckRun)) {
        self.app.inner.checks.run.send_if_modified(|run| {
            let mine = run.as_mut().filter(|run| run.started_at == self.started_at && run.finished == Finished::NotYet);
            mine.map(change).is_some()
        });
        self.app.wake().page("ticketing.checked", "ticketing".to_owned(), None);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.change(|run| {
            for line in run.lines.iter_mut().filter(|line| line.told.is_none()) {
                line.told = Some(Check {
                    id: line.id.clone(),
                    title: line.title.clone(),
                    status: CheckStatus::Unknown,
                    seen: "not looked at: the check broke off".to_owned(),
                    fix: Some("Check again".to_owned()),
                    r#where: None,
                });
            }
            run.finished = Finished::Yes;
        });
        let ended = self.app.inner.checks.run.borrow().clone();
        if let Some(run) = ended.filter(|run| run.started_at == self.started_at) {
            self.app.judge(&run);
        }
    }
}

impl App {
    /// Begins a check in the background, or joins the one that runs. A customer is the consent to write a test ticket for
    /// it; such a run takes the place of one that only reads.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the caller may not, [`Error::Invalid`] where the test ticket lacks something.
    pub async fn start_check(&self, by: &Technician, customer: Option<&str>) -> Result<()> {
        require(by, if customer.is_some() { Right::EditSettings } else { Right::ReadSettings })?;
        self.begin_check(Actor::Technician(by.id.clone()), customer).await
    }

    /// The check that runs, or the last one of this process. None where there was none, or the caller may not see it.
    #[must_use]
    pub fn check_run(&self, by: &Technician) -> Option<CheckRun> {
        if by.may(Right::ReadSettings) { self.inner.checks.run.borrow().clone() } else { None }
    }

    /// As [`start_check`](Self::start_check), and waits for its end.
    ///
    /// # Errors
    /// Those of [`start_check`](Self::start_check); what Halo refuses is in the lines.
    pub async fn check_ticketing(&self, by: &Technician, customer: Option<&str>) -> Result<CheckRun> {
        self.start_check(by, customer).await?;
        self.end_of_check().await
    }

    /// As [`check_ticketing`](Self::check_ticketing), for whoever runs the server's own program.
    ///
    /// # Errors
    /// Those of [`start_check`](Self::start_check), but for the right.
    pub async fn check_as_operator(&self, customer: Option<&str>) -> Result<CheckRun> {
        self.begin_check(Actor::CommandLine, customer).await?;
        self.end_of_check().await
    }

    async fn end_of_check(&self) -> Result<CheckRun> {
        let mut runs = self.inner.checks.run.subscribe();
        let ended = runs.wait_for(|run| run.as_ref().is_some_and(|run| run.finished == Finished::Yes)).await;
        let ended = ended.ok().and_then(|run| run.clone());
        ended.ok_or_else(|| Error::conflict("check_ended", "The check was broken off. Check again."))
    }

    async fn begin_check(&self, actor: Actor, customer: Option<&str>) -> Result<()> {
        let customer = customer.map(str::trim);
        if customer == Some("") {
            return Err(Error::invalid("customer_missing", "customer", "The test ticket needs a customer."));
        }
        if self.inner.checks.run.borrow().as_ref().is_some_and(|run| run.covers(customer)) {
            return Ok(());
        }
        let psa = self.psa();
        let plan = self.check_plan(customer).await?;
        let lines = match &psa {
            Ok(psa) => {
                psa.check_lines(&plan).into_iter().map(|line| (line.id.to_owned(), line.title.to_owned())).collect()
            }
            Err(_) => vec![("connection".to_owned(), "Connection".to_owned())],
        };
        let mut run = CheckRun {
            started_at: self.now(),
            lines: lines.into_iter().map(|(id, title)| CheckLine { id, title, told: None }).collect(),
            finished: Finished::NotYet,
            ticket: None,
            customer: customer.map(str::to_owned),
        };
        if let Some(write) = plan.write.as_ref().filter(|_| psa.is_ok()) {
            let body = serde_json::json!({ "customer": write.customer, "reference": write.reference });
            let entry = self.entry(actor, "ticketing.test_ticket", "ticketing", None, body);
            self.store()
                .write(move |tx| {
                    let entry = entry.clone();
                    Box::pin(async move { tx.audit(&entry).await })
                })
                .await?;
        }
        let mut task = self.inner.checks.task.lock().unwrap_or_else(PoisonError::into_inner);
        let mut joined = false;
        self.inner.checks.run.send_if_modified(|current| {
            match current.as_ref().filter(|current| current.finished == Finished::NotYet) {
                Some(current) if current.covers(customer) => {
                    joined = true;
                    return false;
                }
                // Two runs are told apart by their times.
                Some(current) if current.started_at >= run.started_at => {
                    run.started_at = current.started_at.plus_millis(1);
                }
                _ => {}
            }
            *current = Some(run.clone());
            true
        });
        if joined {
            return Ok(());
        }
        if let Some(before) = task.take() {
            before.abort();
        }
        let running = Running { app: self.clone(), started_at: run.started_at };
        let ended = tokio::spawn(async move { running.run(psa, plan).await });
        *task = Some(ended.abort_handle());
        Ok(())
    }

    async fn check_plan(&self, customer: Option<&str>) -> Result<CheckPlan> {
        let settings = self.ticketing_settings();
        let people = self.store().technicians(&DirectoryQuery { limit: PEOPLE, ..DirectoryQuery::default() }).await?;
        let people = people.into_iter().filter(|person| !person.technician.disabled);
        let (emails, linked): (Vec<String>, Vec<Option<String>>) =
            people.map(|person| (person.technician.email, person.link.psa_id)).unzip();
        let technicians = linked.into_iter().flatten().collect();
        Ok(CheckPlan {
            ticket_type: settings.ticket_type.clone(),
            team: settings.team.clone(),
            known: self.known_tickets().await?,
            emails,
            assigning: if settings.assign == Switch::On { Assigning::On } else { Assigning::Off },
            write: customer.map(|customer| self.write_test(&settings, customer, technicians)),
        })
    }

    /// The newest tickets of ours, which must be visible.
    async fn known_tickets(&self) -> Result<Vec<TicketNow>> {
        let seen = self.store().newest_tickets_seen(KNOWN).await?;
        let seen = seen.iter().map(|now| serde_json::from_str(now));
        seen.collect::<std::result::Result<_, _>>().map_err(|error| Error::Sealed(error.to_string()))
    }

    /// As [`check_ticketing`](Self::check_ticketing), for nobody: rights seem to have changed.
    pub(crate) async fn check_by_itself(&self) -> Result<()> {
        self.begin_check(Actor::Server, None).await?;
        self.end_of_check().await.map(|_| ())
    }

    fn write_test(&self, settings: &Settings, customer: &str, technicians: Vec<String>) -> WriteTest {
        let reference = RequestId::from_uuid(self.inner.ids.uuid());
        WriteTest {
            short: reference.short(),
            reference: reference.to_string(),
            customer: customer.to_owned(),
            priority: settings.priority.clone(),
            status_open: settings.status_open.clone(),
            status_closed: settings.status_denied.clone().or_else(|| settings.status_approved.clone()),
            outcome: settings.outcome.clone(),
            visibility: settings.notes,
            work_seconds: match settings.time {
                TimeEntry::Fixed { minutes } | TimeEntry::Measured { minimum_minutes: minutes } => minutes * 60,
                TimeEntry::Off => TEST_SECONDS,
            },
            technicians,
            now: self.now(),
        }
    }
}

impl Running {
    async fn run(self, psa: Result<Arc<dyn Psa>>, plan: CheckPlan) {
        let (status, seen, fix) = match psa {
            Ok(psa) => return psa.check(&plan, &|news| self.tell(&*psa, news)).await,
            Err(Error::Psa(refused)) => {
                (CheckStatus::Fail, refused.words, Some(refused.fix).filter(|fix| !fix.is_empty()))
            }
            Err(_) => (
                CheckStatus::Unknown,
                "The ticketing system is not set up yet.".to_owned(),
                Some("Enter addresses, client id and secret.".to_owned()),
            ),
        };
        self.change(|run| {
            for line in &mut run.lines {
                line.told = Some(Check {
                    id: line.id.clone(),
                    title: line.title.clone(),
                    status,
                    seen: seen.clone(),
                    fix: fix.clone(),
                    r#where: Some("Settings › Ticketing System".to_owned()),
                });
            }
        });
    }
}
