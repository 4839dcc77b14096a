//! What the stand-in wrote down: its calls, and the tickets that are there at the end.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Caller;

/// The stand-in's books.
pub(super) struct Books {
    stand_in: Caller,
}

#[derive(Deserialize)]
struct Calls {
    counts: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Log {
    calls: Vec<Call>,
}

/// One call, as the stand-in wrote it down.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    pub(super) method: String,
    /// Without `/api`.
    pub(super) path: String,
    /// None where the connection was cut.
    pub(super) status: Option<u16>,
}

#[derive(Deserialize)]
struct State {
    tickets: Vec<Ticket>,
}

#[derive(Deserialize)]
struct Ticket {
    third_party_id_string: Option<String>,
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Action {
    id: i64,
}

/// Whether every request has exactly one ticket, and every decision exactly the actions that it must have.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Checked {
    pub(super) requests: usize,
    /// Requests with exactly one ticket.
    pub(super) with_one_ticket: usize,
    pub(super) without_ticket: usize,
    /// Tickets beyond a request's first.
    pub(super) doubled_tickets: usize,
    pub(super) decisions: usize,
    /// Decisions with exactly one action on their ticket, and one more where they were taken back.
    pub(super) with_one_action: usize,
    /// Actions that nothing decided asked for.
    pub(super) wrong_actions: usize,
}

impl Checked {
    pub(super) const fn is_right(&self) -> bool {
        self.with_one_ticket == self.requests
            && self.doubled_tickets == 0
            && self.with_one_action == self.decisions
            && self.wrong_actions == 0
    }
}

impl Books {
    pub(super) const fn new(stand_in: Caller) -> Self {
        Self { stand_in }
    }

    /// How often each call came since the stand-in started.
    pub(super) async fn calls(&self) -> Result<BTreeMap<String, u64>> {
        Ok(self.stand_in.get_as::<Calls>("/sim/v1/calls").await?.counts)
    }

    /// The calls that are kept one by one, in order.
    pub(super) async fn log(&self) -> Result<Vec<Call>> {
        Ok(self.stand_in.get_as::<Log>("/sim/v1/calls").await?.calls)
    }

    /// Refuses what is beyond so many calls in so many seconds, from now on.
    pub(super) async fn limit(&self, calls: u32, window_s: u32) -> Result<()> {
        let limit = json!({ "kind": "rate_limit", "path": "*", "limit": calls, "window_s": window_s });
        self.stand_in.post("/sim/v1/faults", &limit).await?;
        Ok(())
    }

    /// Refuses nothing any more.
    pub(super) async fn lift_limit(&self) -> Result<()> {
        self.stand_in.delete("/sim/v1/faults").await?;
        Ok(())
    }

    /// Compares the tickets with what was asked, decided and taken back.
    pub(super) async fn check(
        &self,
        asked: &[String],
        decided: &HashSet<String>,
        taken_back: &HashSet<String>,
    ) -> Result<Checked> {
        let state: State = self.stand_in.get_as("/sim/v1/state?only=tickets").await?;
        let mut tickets: HashMap<&str, Vec<&Ticket>> = HashMap::new();
        for ticket in &state.tickets {
            if let Some(reference) = &ticket.third_party_id_string {
                tickets.entry(reference).or_default().push(ticket);
            }
        }
        let mut checked = Checked { requests: asked.len(), decisions: decided.len(), ..Checked::default() };
        for id in asked {
            let found = tickets.get(id.as_str()).map_or(&[][..], Vec::as_slice);
            match found {
                [] => checked.without_ticket += 1,
                [_] => checked.with_one_ticket += 1,
                [_, more @ ..] => checked.doubled_tickets += more.len(),
            }
            // The first action of a ticket is its opening entry.
            let actions = found.iter().flat_map(|ticket| &ticket.actions).filter(|action| action.id > 1).count();
            let expected = usize::from(decided.contains(id)) + usize::from(taken_back.contains(id));
            if actions == expected {
                checked.with_one_action += usize::from(expected > 0);
            } else {
                checked.wrong_actions += actions;
            }
        }
        Ok(checked)
    }
}
