//! What is due to be told, and telling it: once for a cause while it lasts, again after a day, and when it is over.
//!
//! Called by the timers of every node. The decision a reader would undo: a node that sends says so in the database first
//! and has [`LEASE`] for it; if it dies meanwhile another sends the same again, under the same id.

use countersign_domain::{
    cause::{Cause, Needs},
    directory::Technician,
    role::{Access, Right},
    time::Time,
};
use countersign_notify::{Delivery, Mail};
use countersign_store::{AlertRow, AlertStage, CauseIs, CauseRow, StepState, StepsQuery};

use super::{Settings, Target, Tells, text};
use crate::{App, Error, Result, people::require};

/// Seconds a node has to send before another may: longer than a mail server's slowest answers.
const LEASE: i64 = 180;
/// Seconds until a reminder.
const REMIND: i64 = 24 * 3600;
/// The longest pause between two tries, in seconds.
const LONGEST_PAUSE: i64 = 3600;
/// Tries until nobody is told any more that something is over.
const CLEAR_TRIES: u32 = 10;
/// Companies and words that are named.
const NAMED: usize = 5;

/// What an alert says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Raised,
    Reminder,
    Cleared,
    Test,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Reminder => "reminder",
            Self::Cleared => "cleared",
            Self::Test => "test",
        }
    }
}

/// What is to be done about an alert now.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Send(Kind),
    /// Over before anybody was told, or nobody wants it any more.
    Forget,
    /// It was over and is there again before that could be told.
    StandsAgain,
}

/// Failures of one outage are one alert, whichever a step met last.
const fn told_as(cause: Cause) -> Cause {
    match cause {
        Cause::NotReached | Cause::NoAnswer | Cause::ServerFault | Cause::NotUnderstood | Cause::LookedFor => {
            Cause::ServerFault
        }
        other => other,
    }
}

/// What is due. `stands` is since when steps stand for the cause; `tells` what the target wants, none where it is off.
fn due(
    cause: Cause,
    tells: Option<Tells>,
    after_minutes: u32,
    row: Option<&AlertRow>,
    stands: Option<Time>,
    now: Time,
) -> Due {
    let wanted = match tells {
        None => false,
        Some(Tells::Everything) => true,
        Some(Tells::Person) => cause.needs() == Needs::Person,
    };
    let Some(row) = row else {
        let long = stands.is_some_and(|since| since.plus_seconds(i64::from(after_minutes) * 60) <= now);
        return if wanted && long { Due::Send(Kind::Raised) } else { Due::Nothing };
    };
    if !wanted {
        return Due::Forget;
    }
    let may = row.next_at <= now;
    match (row.stage, stands) {
        (AlertStage::Raise, None) => Due::Forget,
        (AlertStage::Raise, Some(_)) if may => Due::Send(Kind::Raised),
        (AlertStage::Told, Some(_)) if may => Due::Send(Kind::Reminder),
        (AlertStage::Told, None) => Due::Send(Kind::Cleared),
        (AlertStage::Clear, None) if row.tries >= CLEAR_TRIES => Due::Forget,
        (AlertStage::Clear, None) if may => Due::Send(Kind::Cleared),
        (AlertStage::Clear, Some(_)) => Due::StandsAgain,
        (AlertStage::Raise | AlertStage::Told, Some(_)) | (AlertStage::Clear, None) => Due::Nothing,
    }
}

impl Settings {
    fn tells(&self, target: Target) -> Option<Tells> {
        match target {
            Target::Mail => self.mail.as_ref().map(|mail| mail.tells),
            Target::Webhook => self.webhook.as_ref().map(|hook| hook.tells),
        }
    }
}

impl App {
    /// Tells what is due; how many alerts were sent.
    ///
    /// # Errors
    /// When the database fails. A target that cannot be reached is kept with the alert, and tried again.
    pub async fn tell_alerts(&self) -> Result<usize> {
        let (settings, _) = self.alert_settings().await?;
        let rows = self.store().alerts().await?;
        if settings.mail.is_none() && settings.webhook.is_none() && rows.is_empty() {
            return Ok(0);
        }
        let standing = self.standing().await?;
        let mut sent = 0;
        for target in Target::ALL {
            for cause in Cause::ALL {
                let row = rows.iter().find(|row| row.cause == cause && row.target == target.as_str());
                let stands = standing.iter().find(|one| one.cause == Some(cause));
                let since = stands.and_then(|one| one.since);
                let due = due(cause, settings.tells(target), settings.after_minutes, row, since, self.now());
                sent += usize::from(self.do_what_is_due(&settings, target, cause, row, stands, due).await?);
            }
        }
        Ok(sent)
    }

    async fn do_what_is_due(
        &self,
        settings: &Settings,
        target: Target,
        cause: Cause,
        row: Option<&AlertRow>,
        stands: Option<&CauseRow>,
        due: Due,
    ) -> Result<bool> {
        let now = self.now();
        let mut row = row.cloned().unwrap_or_else(|| AlertRow {
            cause,
            target: target.as_str().to_owned(),
            stage: AlertStage::Raise,
            began_at: stands.and_then(|one| one.since).unwrap_or(now),
            told_at: None,
            next_at: now,
            tries: 0,
            failure: None,
            version: 0,
        });
        let kind = match due {
            Due::Nothing => return Ok(false),
            Due::Forget => {
                self.store().forget_alert(&row).await?;
                return Ok(false);
            }
            Due::StandsAgain => {
                row.stage = AlertStage::Told;
                row.next_at = row.told_at.unwrap_or(now).plus_seconds(REMIND);
                row.failure = None;
                self.store().keep_alert(row).await?;
                return Ok(false);
            }
            Due::Send(kind) => kind,
        };
        if kind == Kind::Cleared && row.stage != AlertStage::Clear {
            row.stage = AlertStage::Clear;
            row.tries = 0;
        }
        row.next_at = now.plus_seconds(LEASE);
        if !self.store().keep_alert(row.clone()).await? {
            // Another node sends it.
            return Ok(false);
        }
        row.version += 1;
        let steps = stands.map_or(0, |one| one.steps);
        let outcome = self.tell(settings, target, kind, Some((cause, row.began_at, steps))).await;
        match outcome {
            Ok(()) => {
                tracing::info!(cause = cause.as_str(), target = target.as_str(), kind = kind.as_str(), "alert sent");
                if kind == Kind::Cleared {
                    self.store().forget_alert(&row).await?;
                } else {
                    let now = self.now();
                    let (told_at, next_at) = (Some(now), now.plus_seconds(REMIND));
                    let told = AlertRow { stage: AlertStage::Told, told_at, next_at, tries: 0, failure: None, ..row };
                    self.store().keep_alert(told).await?;
                }
                Ok(true)
            }
            Err(error) => {
                tracing::warn!(cause = cause.as_str(), target = target.as_str(), %error, "an alert could not be sent");
                let pause = (60_i64 << row.tries.min(6)).min(LONGEST_PAUSE);
                let (next_at, tries) = (self.now().plus_seconds(pause), row.tries.saturating_add(1));
                let failure = Some(error.to_string());
                self.store().keep_alert(AlertRow { next_at, tries, failure, ..row }).await?;
                Ok(false)
            }
        }
    }

    /// Every cause for which steps stand, as it is told.
    async fn standing(&self) -> Result<Vec<CauseRow>> {
        let mut standing: Vec<CauseRow> = Vec::new();
        let mut found = self.store().all_causes().await?;
        if let Some((id, steps)) = self.store().first_unsent().await? {
            found.push(CauseRow { cause: Some(Cause::NotSent), steps, since: id.made_at(), next_at: None });
        }
        for one in found {
            let Some(cause) = one.cause.map(told_as) else { continue };
            match standing.iter_mut().find(|known| known.cause == Some(cause)) {
                Some(known) => {
                    known.steps += one.steps;
                    known.since = known.since.into_iter().chain(one.since).min();
                }
                None => standing.push(CauseRow { cause: Some(cause), ..one }),
            }
        }
        Ok(standing)
    }

    async fn tell(
        &self,
        settings: &Settings,
        target: Target,
        kind: Kind,
        about: Option<(Cause, Time, u64)>,
    ) -> Result<()> {
        let now = self.now();
        let mut alert = text::Alert { kind, at: now, portal: self.public_url().to_owned(), about: None };
        if let Some((cause, since, steps)) = about {
            let (companies, words) = if kind == Kind::Cleared { Default::default() } else { self.named(cause).await? };
            alert.about = Some(text::About { cause, since, steps, companies, words });
        }
        // The same for each try, so that doubles can be told; a test is never the same.
        let began = about.map_or(now, |(_, since, _)| since);
        let cause = about.map_or("test", |(cause, ..)| cause.as_str()).replace('_', "-");
        let day = if kind == Kind::Reminder { now.0 / 1_000_000 / REMIND } else { 0 };
        let id = format!("alert-{cause}-{}-{day}-{}", began.0, kind.as_str());
        let sent = match target {
            Target::Mail => {
                let mail = settings.mail.as_ref().ok_or(Error::NotFound("mail target"))?;
                let server = self.mail_server(mail).await?;
                let (subject, text) = (alert.subject(), alert.text());
                self.inner.notify.mail(&server, &Mail { id, at: now, to: mail.to.clone(), subject, text }).await
            }
            Target::Webhook => {
                let hook = settings.webhook.as_ref().ok_or(Error::NotFound("webhook"))?;
                let hook = self.hook(hook).await?;
                let body = alert.json(&id);
                self.inner.notify.webhook(&hook, &Delivery { id, at: now, body }).await
            }
        };
        sent.map_err(|failed| Error::conflict("not_sent", failed.to_string()))
    }

    /// Companies and words of the other side, as examples.
    async fn named(&self, cause: Cause) -> Result<(Vec<String>, Vec<String>)> {
        let causes: Vec<Cause> = Cause::ALL.into_iter().filter(|one| told_as(*one) == cause).collect();
        let (mut companies, mut words) = (Vec::new(), Vec::new());
        for state in [StepState::Attention, StepState::Waiting] {
            for cause in &causes {
                let cause = CauseIs::This(*cause);
                let wanted = StepsQuery { state: Some(state), cause, limit: 50, ..StepsQuery::default() };
                for step in self.store().steps(&Access::All, &wanted).await? {
                    for (list, one) in [(&mut companies, step.company), (&mut words, step.words)] {
                        if let Some(one) = one.filter(|one| !list.contains(one) && list.len() < NAMED) {
                            list.push(one);
                        }
                    }
                }
            }
        }
        Ok((companies, words))
    }

    /// Sends a test to every target that is set: which, and why not.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where his role may not; `no_target` where none is set.
    pub async fn test_alerts(&self, by: &Technician) -> Result<Vec<(Target, Option<String>)>> {
        require(by, Right::EditSettings)?;
        let (settings, _) = self.alert_settings().await?;
        let mut outcomes = Vec::new();
        for target in Target::ALL.into_iter().filter(|target| settings.tells(*target).is_some()) {
            let outcome = self.tell(&settings, target, Kind::Test, None).await;
            outcomes.push((target, outcome.err().map(|error| error.to_string())));
        }
        if outcomes.is_empty() {
            return Err(Error::conflict("no_target", "No target is set yet: enter a mail server or a webhook first."));
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000_000_000);

    fn row(stage: AlertStage, next_at: Time) -> AlertRow {
        AlertRow {
            cause: Cause::Hidden,
            target: "mail".to_owned(),
            stage,
            began_at: NOW,
            told_at: Some(NOW),
            next_at,
            tries: 0,
            failure: None,
            version: 1,
        }
    }

    #[test]
    fn an_alert_is_due_once_then_after_a_day_then_when_it_is_over() {
        let later = NOW.plus_seconds(1);
        let (stands, over) = (Some(NOW.plus_seconds(-1800)), None);
        let all = Some(Tells::Everything);
        let new = |tells, since| due(Cause::ServerFault, tells, 30, None, since, NOW);
        assert_eq!(new(all, stands), Due::Send(Kind::Raised));
        assert_eq!(new(all, Some(NOW.plus_seconds(-1799))), Due::Nothing);
        assert_eq!(new(Some(Tells::Person), stands), Due::Nothing);
        assert_eq!(new(None, stands), Due::Nothing);
        let known = |stage, next_at, stands| due(Cause::Hidden, all, 30, Some(&row(stage, next_at)), stands, NOW);
        assert_eq!(known(AlertStage::Raise, later, stands), Due::Nothing);
        assert_eq!(known(AlertStage::Raise, NOW, stands), Due::Send(Kind::Raised));
        assert_eq!(known(AlertStage::Raise, NOW, over), Due::Forget);
        assert_eq!(known(AlertStage::Told, later, stands), Due::Nothing);
        assert_eq!(known(AlertStage::Told, NOW, stands), Due::Send(Kind::Reminder));
        assert_eq!(known(AlertStage::Told, later, over), Due::Send(Kind::Cleared));
        assert_eq!(known(AlertStage::Clear, later, over), Due::Nothing);
        assert_eq!(known(AlertStage::Clear, NOW, over), Due::Send(Kind::Cleared));
        assert_eq!(known(AlertStage::Clear, NOW, stands), Due::StandsAgain);
        assert_eq!(due(Cause::Hidden, None, 30, Some(&row(AlertStage::Told, NOW)), stands, NOW), Due::Forget);
    }
}
