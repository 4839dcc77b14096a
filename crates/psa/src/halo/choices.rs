//! What can be chosen in the settings, and what fits most where nobody chose yet.

use std::collections::HashSet;

use halopsa::{AgentFilter, Client, Closed, ErrorKind, Outcome, TicketType, TicketTypeFilter};

use super::map::{self, fault};
use crate::{Choice, Choices, CustomFieldChoice, Fault, OutcomeChoice, StatusChoice, Suggested};

/// Halo's general lists of where tickets come from, and of charge rates.
const SOURCES: i64 = 22;
const CHARGE_RATES: i64 = 17;

/// Reads the choices; those that depend on a ticket type for the one given, else for the one suggested.
pub(super) async fn choices(client: &Client, ticket_type: Option<&str>) -> Result<Choices, Fault> {
    let read = |error: halopsa::Error| fault(&error);
    let types = client.ticket_types(TicketTypeFilter::Creatable).await.map_err(read)?;
    let suggested = types.iter().find(|kind| is(&kind.name, "incident")).or(types.first());
    let chosen = match ticket_type {
        Some(id) => Some(map::id(id)?),
        None => suggested.map(|kind| kind.id),
    };
    // The list leaves details out; a type that is hidden from us still has statuses and outcomes.
    let details = match chosen {
        Some(id) => super::find::or_none(client.ticket_type(id).await)?,
        None => None,
    };
    let statuses = statuses(client, chosen).await?;
    let outcomes = outcomes(client, chosen, details.as_ref()).await?;
    let priorities = priorities(client, details.as_ref()).await;
    let teams = client.teams().await.map_err(read)?;
    let agents = client.agents(AgentFilter::Enabled).await.map_err(read)?;
    let categories = readable(client.categories(1, chosen).await)?;
    let sources = readable(client.lookup(SOURCES).await)?;
    let charge_rates = readable(client.lookup(CHARGE_RATES).await)?;
    let custom_fields = readable(client.fields().await)?;
    Ok(Choices {
        categories: categories
            .into_iter()
            .map(|category| Choice { id: category.value.clone(), name: category.value })
            .collect(),
        sources: sources.into_iter().map(|source| choice(source.id, source.name)).collect(),
        charge_rates: charge_rates.into_iter().map(|rate| choice(rate.id, rate.name)).collect(),
        custom_fields: custom_fields
            .into_iter()
            .map(|field| CustomFieldChoice {
                id: field.id.to_string(),
                label: field.label.unwrap_or_else(|| field.name.clone()),
                name: field.name,
            })
            .collect(),
        suggested: Suggested {
            ticket_type: suggested.map(|kind| kind.id.to_string()),
            status_open: first_status(&statuses, details.and_then(|kind| kind.initial_status)),
            status_closed: best(&statuses, |status| status.closed, "closed"),
            outcome: quiet_note(&outcomes),
        },
        ticket_types: types.into_iter().map(|kind| choice(kind.id, kind.name)).collect(),
        statuses,
        outcomes,
        priorities,
        teams: teams
            .into_iter()
            .filter(|team| team.inactive != Some(true) && team.forrequests != Some(false))
            .map(|team| choice(team.id, team.name))
            .collect(),
        agents: agents
            .into_iter()
            .filter(|agent| agent.isapiagent != Some(true))
            .map(|agent| choice(agent.id, agent.name))
            .collect(),
    })
}

/// The numbers count within a service level, so without one there is nothing to choose.
async fn priorities(client: &Client, details: Option<&TicketType>) -> Vec<Choice> {
    let Some(level) = details.and_then(|kind| kind.default_sla) else { return Vec::new() };
    match client.priorities(Some(level)).await {
        Ok(rows) => rows
            .into_iter()
            .filter(|row| row.ishidden != Some(true))
            .map(|row| choice(row.priorityid, row.name))
            .collect(),
        Err(error) => {
            // Tickets do without: Halo gives them one of its own.
            tracing::debug!(%error, "the priorities are not readable");
            Vec::new()
        }
    }
}

/// Rows that our agent may have no right to read, and needs for nothing but these settings: none then.
fn readable<T>(answer: Result<Vec<T>, halopsa::Error>) -> Result<Vec<T>, Fault> {
    match answer {
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {
            tracing::debug!(%error, "a list for the settings is not readable");
            Ok(Vec::new())
        }
        other => other.map_err(|error| fault(&error)),
    }
}

fn choice(id: i64, name: String) -> Choice {
    Choice { id: id.to_string(), name }
}

fn is(name: &str, word: &str) -> bool {
    name.trim().eq_ignore_ascii_case(word)
}

pub(super) async fn statuses(client: &Client, ticket_type: Option<i64>) -> Result<Vec<StatusChoice>, Fault> {
    let all = client.statuses(ticket_type, Closed::With).await.map_err(|error| fault(&error))?;
    let open = client.statuses(ticket_type, Closed::Without).await.map_err(|error| fault(&error))?;
    let open: HashSet<i64> = open.into_iter().map(|status| status.id).collect();
    // A Halo that ignores `excludeclosed` shows no difference; then the name is the only hint.
    let told = all.iter().any(|status| !open.contains(&status.id));
    let closed = |id: i64, name: &str| if told { !open.contains(&id) } else { is(name, "closed") };
    Ok(all
        .into_iter()
        .map(|status| StatusChoice {
            closed: closed(status.id, &status.name),
            id: status.id.to_string(),
            name: status.name,
        })
        .collect())
}

/// Outcomes that the type's workflow permits in some step; all of the type's where no workflow says.
async fn outcomes(
    client: &Client,
    ticket_type: Option<i64>,
    details: Option<&TicketType>,
) -> Result<Vec<OutcomeChoice>, Fault> {
    let mut all = client.outcomes(ticket_type).await.map_err(|error| fault(&error))?;
    all.retain(|outcome| outcome.hidden != Some(true));
    if let Some(workflow) = details.and_then(|kind| kind.workflow_id) {
        match client.workflow(workflow).await {
            Ok(workflow) => {
                let steps = workflow.steps.iter().flat_map(|step| &step.actions);
                let permitted: HashSet<i64> = steps.filter_map(|action| action.action_id).collect();
                if all.iter().any(|outcome| permitted.contains(&outcome.id)) {
                    all.retain(|outcome| permitted.contains(&outcome.id));
                }
            }
            // Reading workflows may take rights that our agent has no other use for.
            Err(error) => tracing::debug!(%error, "the workflow is not readable"),
        }
    }
    Ok(all.into_iter().map(outcome_choice).collect())
}

fn outcome_choice(outcome: Outcome) -> OutcomeChoice {
    OutcomeChoice {
        id: outcome.id.to_string(),
        private: outcome.hidefromuser == Some(true),
        sends_mail: outcome.sendemail.is_some_and(|mode| mode > 0),
        sets_status: outcome.newstatus.map(|id| id.to_string()),
        name: if outcome.outcome.is_empty() { outcome.buttonname.unwrap_or_default() } else { outcome.outcome },
    }
}

fn first_status(statuses: &[StatusChoice], initial: Option<i64>) -> Option<String> {
    let initial = initial.map(|id| id.to_string());
    let own = statuses.iter().find(|status| !status.closed && Some(&status.id) == initial.as_ref());
    own.map(|status| status.id.clone()).or_else(|| best(statuses, |status| !status.closed, "new"))
}

/// The status of that name among those that fit, else the first that fits.
fn best(statuses: &[StatusChoice], fits: impl Fn(&StatusChoice) -> bool, name: &str) -> Option<String> {
    let mut fitting = statuses.iter().filter(|status| fits(status));
    let named = statuses.iter().find(|status| fits(status) && is(&status.name, name));
    named.or_else(|| fitting.next()).map(|status| status.id.clone())
}

/// A private note that sends no mail and sets no status; by its name where there are several.
fn quiet_note(outcomes: &[OutcomeChoice]) -> Option<String> {
    let quiet = |outcome: &&OutcomeChoice| !outcome.sends_mail && outcome.sets_status.is_none();
    let called = |words: &'static str| move |outcome: &&OutcomeChoice| outcome.name.to_lowercase().contains(words);
    let private = || outcomes.iter().filter(quiet).filter(|outcome| outcome.private);
    let found = private().find(called("note")).or_else(|| private().next());
    found.or_else(|| outcomes.iter().filter(quiet).find(called("note"))).map(|outcome| outcome.id.clone())
}
