//! The test ticket: opened, read back, written on with time, moved outside of actions, assigned, closed.
//!
//! Each step proves what no reading can. The order keeps the ticket closed wherever it can vanish: it is closed with the
//! first action already, and again with each assignment, since a ticket of somebody else may be hidden from us. No call
//! is sent twice: an answer that is lost is looked for, and what was found is said.

use halopsa::{Agent, Ticket};

use super::Known;
use super::lines::{
    ADD, ASSIGN_OTHER_TEAMS, DEPARTMENT, EDIT_OTHERS, Line, OUTCOMES, OUTSIDE_ACTIONS, REASSIGN, Report, STATUSES,
    TEAM_OTHERS, TEAM_UNASSIGNED, TEST_TICKET, TICKET_TYPES, TICKETS, TIME, VIEW_OTHERS, VIEW_UNASSIGNED,
};
use super::rights::vanished;
use crate::halo::{Halo, choices, find, map};
use crate::{
    Assigning, Cause, Charge, CheckNews, CheckStatus, Class, Fault, NewAction, NewTicket, Notify, Psa, SweepRange,
    TicketChange, TicketNow, WriteTest, Written,
};

/// Technicians that are looked at for one inside and one outside of our agent's teams.
const CANDIDATES: usize = 20;

const TEXT: &str = "<p><b>This ticket is a test by Countersign.</b> It was asked for in Countersign's settings, shows which \
     rights its agent has in HaloPSA, and is closed at the end. Nobody needs to do anything.</p>";

/// The walk, and what is known of its ticket.
struct Walk<'a, 'r> {
    halo: &'a Halo,
    test: &'a WriteTest,
    known: &'a Known,
    report: &'a mut Report<'r>,
    ticket_type: String,
    outcome: Option<String>,
    closed: Option<String>,
    id: String,
    /// Number of the next action, for its reference.
    nth: u32,
    /// The last call that set a status closed it.
    is_closed: bool,
}

/// Where the walk ends early.
struct Stop;

pub(super) async fn walk(halo: &Halo, test: &WriteTest, report: &mut Report<'_>, known: &Known) {
    let Some(ticket_type) = report.plan.ticket_type.clone() else {
        return report.put(&TEST_TICKET, CheckStatus::Fail, "no ticket type is chosen yet", Some("Choose one first"));
    };
    if !known.edits {
        report.blocked_by("needs edit:tickets, which the application lacks");
        return;
    }
    report.blocked_by("not tried: the test ticket did not come so far");
    let mut walk = Walk {
        halo,
        test,
        known,
        report,
        ticket_type,
        outcome: test.outcome.clone(),
        closed: test.status_closed.clone(),
        id: String::new(),
        nth: 0,
        is_closed: false,
    };
    if walk.outcome.is_none() || walk.closed.is_none() {
        walk.choose().await;
    }
    let Some(opened) = walk.open().await else { return };
    // A walk that ends early has said why in the line where it ended.
    let _early = walk.steps(&opened).await;
    walk.close().await;
}

impl Walk<'_, '_> {
    /// What nobody chose yet, as the settings would suggest it.
    async fn choose(&mut self) {
        match choices::choices(&self.halo.sync(), Some(&self.ticket_type)).await {
            Ok(choices) => {
                self.outcome = self.outcome.take().or(choices.suggested.outcome);
                self.closed = self.closed.take().or(choices.suggested.status_closed);
            }
            Err(fault) => tracing::warn!(words = fault.words, "nothing is suggested for the test ticket"),
        }
    }

    async fn open(&mut self) -> Option<TicketNow> {
        let new = NewTicket {
            reference: self.test.reference.clone(),
            summary: format!("Test by Countersign, closed by itself [{}]", self.test.short),
            html: format!("{TEXT}<p>{}</p>", self.test.reference),
            ticket_type: self.ticket_type.clone(),
            customer: self.test.customer.clone(),
            site: None,
            contact: None,
            asset: None,
            status: self.test.status_open.clone(),
            team: self.report.plan.team.clone(),
            priority: self.test.priority.clone(),
            category: None,
            source: None,
            custom_fields: Vec::new(),
            occurred_at: self.test.now,
        };
        let opened = match self.halo.open_ticket(&new).await {
            Ok(opened) => opened.now,
            Err(fault) => self.not_opened(fault).await?,
        };
        self.id.clone_from(&opened.id);
        self.report.news(CheckNews::Ticket { id: self.id.clone() });
        self.report.ok(&ADD, format!("ticket {} was opened", self.id));
        self.report.ok(&TICKETS, format!("ticket {} was opened", self.id));
        Some(opened)
    }

    /// What stands behind a ticket that was not opened, or the ticket where it was all the same.
    async fn not_opened(&mut self, fault: Fault) -> Option<TicketNow> {
        match (fault.class, fault.cause) {
            (Class::Unknown, _) => return self.look_for_ticket(&fault).await,
            (_, Cause::NotPermitted) => {
                let elsewhere =
                    self.report.is(&TICKETS, CheckStatus::Fail) || self.report.is(&TICKET_TYPES, CheckStatus::Fail);
                if elsewhere {
                    self.report.unknown(&ADD, "a new ticket is refused; another line says why");
                } else {
                    self.report.bad(&ADD, CheckStatus::Fail, format!("a new ticket is refused: {}", fault.words));
                }
                self.report.unknown(&TEST_TICKET, "was not opened; another line says why");
            }
            (Class::Refused | Class::Gone, _) => {
                let fix = "Choose another customer, or what else HaloPSA names, and test again";
                let seen = format!("HaloPSA refuses it: {}", fault.words);
                self.report.put(&TEST_TICKET, CheckStatus::Fail, seen, Some(fix));
            }
            (Class::Later(_), _) => self.report.unknown(&TEST_TICKET, format!("was not opened: {}", fault.words)),
        }
        None
    }

    /// Nobody knows whether it was opened: it is looked for, and never sent again.
    async fn look_for_ticket(&mut self, fault: &Fault) -> Option<TicketNow> {
        let range = SweepRange { down_to: self.known.newest.clone(), control: None };
        let found = match self.halo.sweep(&range).await {
            Ok(sweep) => sweep.found.into_iter().find(|found| match &found.ticket.reference {
                Some(reference) => *reference == self.test.reference,
                None => found.short.as_ref() == Some(&self.test.short),
            }),
            Err(again) => {
                tracing::warn!(words = again.words, "the test ticket could not be looked for");
                None
            }
        };
        if found.is_none() {
            let seen = format!(
                "{}; looked for by {}, and not found. It is not sent again: it may still turn up",
                fault.words, self.test.short
            );
            let fix = "Look for it in HaloPSA and close it, then test again";
            self.report.put(&TEST_TICKET, CheckStatus::Unknown, seen, Some(fix));
        }
        found.map(|found| found.ticket)
    }

    async fn steps(&mut self, opened: &TicketNow) -> Result<(), Stop> {
        let Some(now) = self.read().await? else {
            let seen = format!("ticket {} was opened, and is not shown to our agent", self.id);
            vanished(self.report, self.known, &VIEW_UNASSIGNED, &TEAM_UNASSIGNED, &seen);
            return Err(Stop);
        };
        if map::ticket_now(now.clone()).assignee.is_none() {
            self.report.ok(&VIEW_UNASSIGNED, format!("ticket {} is unassigned, and visible", self.id));
        }
        self.first_action().await?;
        let open = self.test.status_open.clone().or_else(|| opened.status.clone());
        self.outside(&now, open.as_deref()).await?;
        let (inside, outside) = self.technicians().await;
        let mut moved = None;
        match &inside {
            Some(agent) => moved = self.assign(agent, &REASSIGN).await?,
            None => self.report.unknown(&REASSIGN, "no technician who shares a team with our agent is linked"),
        }
        if inside.is_some() && moved.is_none() {
            self.report.unknown(&ASSIGN_OTHER_TEAMS, "needs re-assigning first");
            return Ok(());
        }
        if let Some(agent) = &moved {
            self.note_on_anothers(agent).await?;
        }
        match &outside {
            Some(agent) => {
                if self.report.is(&OUTSIDE_ACTIONS, CheckStatus::Ok) {
                    // Opened again, since a workflow may offer nothing on a closed ticket.
                    self.set_status(&now, open.as_deref()).await;
                }
                if self.assign(agent, &ASSIGN_OTHER_TEAMS).await?.is_some() && inside.is_none() {
                    self.report.ok(&REASSIGN, format!("assigned to {}", agent.name));
                }
            }
            None => self.report.unknown(&ASSIGN_OTHER_TEAMS, "no technician outside of our agent's teams is linked"),
        }
        Ok(())
    }

    /// The ticket as it is now; none where it is hidden.
    async fn read(&mut self) -> Result<Option<Ticket>, Stop> {
        let id = map::id(&self.id).map_err(|_| Stop)?;
        find::or_none(self.halo.sync().ticket(id).await).map_err(|fault| {
            self.report.unknown(&TEST_TICKET, format!("could not be read back: {}", fault.words));
            Stop
        })
    }

    /// Writes an action. Of one whose answer is lost it is said whether it was found.
    async fn act(&mut self, what: &str, change: impl FnOnce(&mut NewAction)) -> Result<Written, Fault> {
        self.nth += 1;
        let reference = format!("{}/test/{}", self.test.reference, self.nth);
        let mut action = NewAction {
            ticket: self.id.clone(),
            html: format!("<p>Test by Countersign: {what}.</p><p>{reference}</p>"),
            reference,
            visibility: self.test.visibility,
            outcome: self.outcome.clone(),
            work_seconds: None,
            charge: Charge::default(),
            notify: Notify::default(),
            ended_at: self.test.now,
            owner: None,
            status: None,
            assignee: None,
        };
        change(&mut action);
        let answer = match self.halo.write_action(&action).await {
            Err(fault) if fault.class == Class::Unknown => {
                let actions = self.halo.actions(&self.id).await?;
                let found = actions.into_iter().find(|found| found.note.contains(&action.reference));
                let found = found.map(|found| Written {
                    id: found.id,
                    work_seconds: found.work_seconds,
                    owner: found.owner,
                    owner_name: found.owner_name,
                });
                found.ok_or(fault)
            }
            answer => answer,
        };
        if answer.is_ok() && action.status.is_some() {
            self.is_closed = action.status == self.closed;
        }
        answer
    }

    /// The first action: time for a technician, and the closing status.
    async fn first_action(&mut self) -> Result<(), Stop> {
        let (owner, closed) = (self.test.technicians.first().cloned(), self.closed.clone());
        let seconds = self.test.work_seconds;
        let written = self
            .act("an action with working time, which closes the ticket", |action| {
                action.work_seconds = Some(seconds);
                action.owner.clone_from(&owner);
                action.status.clone_from(&closed);
            })
            .await;
        match written {
            Ok(written) => {
                self.report.ok(&OUTCOMES, format!("action {} was written", written.id));
                self.report.ok(&EDIT_OTHERS, format!("an action was written on ticket {}", self.id));
            }
            Err(fault) => return Err(self.not_written(&fault)),
        }
        self.time(owner.as_deref()).await;
        let now = self.read().await?.map(map::ticket_now);
        match (now, &closed) {
            (Some(now), Some(closed)) if now.status.as_ref() == Some(closed) => {
                self.report.ok(&STATUSES, "an action sets them");
            }
            (Some(now), Some(closed)) => {
                let seen = format!("the action left status {} in place of {closed}", now.status.unwrap_or_default());
                self.is_closed = false;
                self.report.bad(&STATUSES, CheckStatus::Warn, seen);
            }
            (Some(_) | None, _) => {}
        }
        Ok(())
    }

    /// An action was refused on a ticket that is not ours.
    fn not_written(&mut self, fault: &Fault) -> Stop {
        let words = &fault.words;
        if fault.cause != Cause::NotPermitted {
            match fault.class {
                Class::Refused | Class::Gone => {
                    self.report.bad(&OUTCOMES, CheckStatus::Fail, format!("the action is refused: {words}"));
                }
                Class::Later(_) | Class::Unknown => {
                    self.report.unknown(&OUTCOMES, format!("an action has no certain end: {words}"));
                }
            }
            return Stop;
        }
        let seen = format!("an action on ticket {} is refused: {words}", self.id);
        if self.report.is(&TICKET_TYPES, CheckStatus::Fail) {
            self.report.unknown(&EDIT_OTHERS, "another line says why");
        } else if self.known.is_of_the_team() {
            self.report.bad(&EDIT_OTHERS, CheckStatus::Fail, seen);
        } else {
            // Either of the two; Halo does not say which.
            let team = self.known.team.clone().unwrap_or_default();
            let seen = format!("{seen}. Our agent is not in {team}: its department needs Modify All, or this is No");
            self.report.bad(&DEPARTMENT, CheckStatus::Warn, seen.clone());
            self.report.bad(&EDIT_OTHERS, CheckStatus::Warn, seen);
        }
        Stop
    }

    /// Whose time it is, and how much, read back.
    async fn time(&mut self, owner: Option<&str>) {
        let reference = format!("{}/test/{}", self.test.reference, self.nth);
        let actions = match self.halo.actions(&self.id).await {
            Ok(actions) => actions,
            Err(fault) => return self.report.unknown(&TIME, fault.words),
        };
        let Some(action) = actions.into_iter().find(|action| action.note.contains(&reference)) else {
            return self.report.unknown(&TIME, "the action is not shown again");
        };
        let minutes = |seconds: u32| format!("{} min", f64::from(seconds) / 60.0);
        let whose = action.owner_name.clone().or_else(|| action.owner.clone()).unwrap_or_default();
        let booked = action.work_seconds.unwrap_or_default();
        if booked != self.test.work_seconds {
            let seen = format!("{} were booked in place of {}", minutes(booked), minutes(self.test.work_seconds));
            self.report.put(&TIME, CheckStatus::Warn, seen, Some("Let the outcome take the time it is given"));
        } else if owner.is_none() {
            let seen = format!("{} booked to {whose}: no technician is linked yet", minutes(booked));
            self.report.bad(&TIME, CheckStatus::Info, seen);
        } else if action.owner.as_deref() == owner {
            self.report.ok(&TIME, format!("{} booked to {whose}", minutes(booked)));
        } else {
            let seen = format!("{} booked to {whose}, although another agent was named", minutes(booked));
            let fix = "Your HaloPSA does not let an application book for others; the note names who decided";
            self.report.put(&TIME, CheckStatus::Warn, seen, Some(fix));
        }
    }

    async fn set_status(&mut self, now: &Ticket, status: Option<&str>) -> Option<Result<(), Fault>> {
        let now = map::ticket_now(now.clone());
        let (Some(ticket_type), Some(customer), Some(status)) = (now.ticket_type, now.customer, status) else {
            return None;
        };
        let change = TicketChange {
            id: self.id.clone(),
            ticket_type,
            customer,
            status: Some(status.to_owned()),
            assignee: None,
        };
        let answer = self.halo.change_ticket(&change).await;
        if answer.is_ok() {
            self.is_closed = Some(status) == self.closed.as_deref();
        }
        Some(answer)
    }

    /// The status outside of actions: the ticket is opened again.
    async fn outside(&mut self, before: &Ticket, open: Option<&str>) -> Result<(), Stop> {
        let was_closed = self.is_closed;
        match self.set_status(before, open).await {
            None => self.report.unknown(&OUTSIDE_ACTIONS, "no status to set is known"),
            Some(Err(fault)) if fault.cause == Cause::NotPermitted => {
                let seen = format!("a status outside of an action is refused: {}", fault.words);
                self.report.bad(&OUTSIDE_ACTIONS, CheckStatus::Warn, seen);
            }
            Some(Err(fault)) => self.report.unknown(&OUTSIDE_ACTIONS, fault.words),
            Some(Ok(())) => {
                let now = self.read().await?.map(map::ticket_now).and_then(|now| now.status);
                if now.as_deref() == open {
                    self.report.ok(&OUTSIDE_ACTIONS, "a status was set outside of an action");
                } else {
                    self.is_closed = was_closed;
                    let seen = "a status outside of an action is accepted, and does not move";
                    self.report.bad(&OUTSIDE_ACTIONS, CheckStatus::Warn, seen);
                }
            }
        }
        Ok(())
    }

    /// A linked technician who shares a team with our agent, and one who does not.
    async fn technicians(&self) -> (Option<Agent>, Option<Agent>) {
        let (mut inside, mut outside) = (None, None);
        for id in self.test.technicians.iter().take(CANDIDATES).filter_map(|id| map::id(id).ok()) {
            let Ok(agent) = self.halo.sync().agent(id).await else { continue };
            let assignable = agent.teams.is_empty() || agent.teams.iter().any(|team| team.in_section != Some(false));
            if agent.isdisabled == Some(true) || !assignable || agent.id == self.known.me.id {
                continue;
            }
            let ours = |id: Option<i64>| self.known.me.teams.iter().any(|team| team.team_id == id);
            let shares = agent.teams.iter().any(|team| ours(team.team_id));
            let place = if shares { &mut inside } else { &mut outside };
            place.get_or_insert(agent);
        }
        (inside, outside)
    }

    /// Assigns the ticket and closes it, in one action. Whom it went to, if it did and is still shown.
    async fn assign(&mut self, agent: &Agent, line: &Line) -> Result<Option<Agent>, Stop> {
        let closed = self.closed.clone();
        let what = format!("assigned to {}, and closed", agent.name);
        let written = self
            .act(&what, |action| {
                action.assignee = Some(agent.id.to_string());
                action.status = closed;
            })
            .await;
        // Legitimate where tickets are to keep their agent.
        let bad = match self.report.plan.assigning {
            Assigning::On => CheckStatus::Warn,
            Assigning::Off => CheckStatus::Info,
        };
        match written {
            Err(fault) if matches!(fault.class, Class::Refused | Class::Gone) => {
                let seen = format!("assigning to {} is refused: {}", agent.name, fault.words);
                self.report.bad(line, bad, seen);
                return Ok(None);
            }
            Err(fault) => {
                self.report.unknown(line, fault.words);
                return Ok(None);
            }
            Ok(_) => {}
        }
        let Some(now) = self.read().await? else {
            self.report.ok(line, format!("assigned to {}", agent.name));
            let seen = format!("ticket {} is assigned to {}, and not shown to our agent any more", self.id, agent.name);
            vanished(self.report, self.known, &VIEW_OTHERS, &TEAM_OTHERS, &seen);
            return Err(Stop);
        };
        if now.agent_id == Some(agent.id) {
            self.report.ok(line, format!("assigned to {}", agent.name));
            self.report.ok(&VIEW_OTHERS, format!("ticket {} is assigned to {}, and visible", self.id, agent.name));
            return Ok(Some(agent.clone()));
        }
        self.report.bad(line, bad, format!("assigning to {} is accepted, and does nothing", agent.name));
        Ok(None)
    }

    async fn note_on_anothers(&mut self, agent: &Agent) -> Result<(), Stop> {
        match self.act(&format!("a note on a ticket of {}", agent.name), |_| {}).await {
            Ok(_) => {
                self.report.ok(&EDIT_OTHERS, format!("an action was written on a ticket of {}", agent.name));
                Ok(())
            }
            Err(fault) => Err(self.not_written(&fault)),
        }
    }

    /// Leaves the ticket closed wherever that can be, and says how it was left.
    async fn close(&mut self) {
        let closed = self.closed.clone();
        if !self.is_closed && closed.is_some() {
            let written = self.act("closed", |action| action.status.clone_from(&closed)).await;
            if written.is_err()
                && let Ok(Some(now)) = self.read().await
            {
                self.set_status(&now, closed.as_deref()).await;
            }
        }
        let now = self.read().await.ok().flatten().map(map::ticket_now);
        let (id, short) = (&self.id, &self.test.short);
        match now {
            Some(now) if closed.is_some() && now.status == closed => {
                self.report.ok(&TEST_TICKET, format!("ticket {id} [{short}] is closed"));
            }
            None if self.is_closed => {
                self.report.ok(&TEST_TICKET, format!("ticket {id} [{short}] is closed, and hidden from our agent"));
            }
            Some(_) | None => {
                let seen = format!("ticket {id} [{short}] is still open, since our agent may not close it");
                self.report.put(&TEST_TICKET, CheckStatus::Unknown, seen, Some(TEST_TICKET.fix));
            }
        }
    }
}
