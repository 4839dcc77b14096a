//! Trying the connection out: what answers, who we are there, what we may do, and what to change where we may not.
//!
//! [`connection`] comes first, since everything else needs it; [`reads`] looks at the lists, [`rights`] at what the
//! agent's record and the visible tickets prove, and [`walk`], with consent, takes a test ticket through its life.
//! [`lines`] holds what each line is called and where it is changed. Halo gives an empty list where something is hidden,
//! so an empty list is never called good; and what can be told only by writing is not guessed: that line says `unknown`.
//! The decision a reader would undo: a line is put down to a right only if nothing else explains what was seen.

mod connection;
mod lines;
mod reads;
mod rights;
mod walk;

use halopsa::Agent;

use super::Halo;
use crate::{Check, CheckPlan, CheckTitle, Tell};
use lines::{LINES, Report};

pub(super) use lines::suspect;

/// What the later parts of a check know from the earlier ones.
struct Known {
    /// Our agent, as Halo shows it to us.
    me: Agent,
    /// Whether the token may edit tickets; false only where Halo says that it may not.
    edits: bool,
    /// Teams that new tickets land in, by name; none where nobody tells.
    team: Option<String>,
    /// The newest ticket that was visible.
    newest: Option<String>,
}

/// Every line, in the order in which things depend on each other.
pub(super) async fn check(halo: &Halo, plan: &CheckPlan, tell: Tell<'_>) {
    let client = &halo.sync();
    let mut report = Report::new(plan, tell);
    if let Some((me, grants)) = connection::look(client, &mut report).await {
        halo.learn_agent_url().await;
        let mut known = Known { me, edits: grants.may("edit:tickets"), team: None, newest: None };
        reads::look(client, &mut report, &grants, &mut known).await;
        rights::memberships(&mut report, &known);
        rights::tickets(client, &mut report, &grants, &mut known).await;
        reads::people(client, &mut report).await;
        if let Some(write) = &plan.write {
            walk::walk(halo, write, &mut report, &known).await;
        }
    }
    report.end();
}

/// The first two lines alone.
pub(super) async fn knock(halo: &Halo) -> Vec<Check> {
    let client = &halo.sync();
    vec![connection::reach(client).await, connection::sign_in(&client.sign_in(halopsa::SignIn::Fresh).await)]
}

pub(super) fn titles(plan: &CheckPlan) -> Vec<CheckTitle> {
    let shown = LINES.iter().filter(|line| plan.write.is_some() || line.id != lines::TEST_TICKET.id);
    shown.map(|line| CheckTitle { id: line.id, title: line.title }).collect()
}
