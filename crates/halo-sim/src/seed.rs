//! Where a simulated Halo comes from: the two seeds that ship with it, a file, or nothing but a fresh set-up; and the
//! sample records that fill it up to a size.
//!
//! Seeds are JSON files in the form of [`Book`]; `seeds/demo.json` is the example to copy.

use std::path::Path;

use crate::model::{Action, Agent, Asset, Book, Client, Site, TeamMembership, UNASSIGNED, User};
use crate::{Config, Seed, StartError};

const DEMO: &str = include_str!("../seeds/demo.json");
const OTHER: &str = include_str!("../seeds/other.json");

/// The records that a simulator with this configuration starts with.
///
/// # Errors
/// When a seed file cannot be read or is none.
pub(crate) fn book(config: &Config) -> Result<Book, StartError> {
    let mut book = match &config.seed {
        Seed::Demo => parse(DEMO, Path::new("demo"))?,
        Seed::Other => parse(OTHER, Path::new("other"))?,
        Seed::Empty => bare(parse(DEMO, Path::new("demo"))?),
        Seed::File(path) => {
            let text = std::fs::read_to_string(path);
            parse(&text.map_err(|source| StartError::SeedUnreadable { path: path.clone(), source })?, path)?
        }
    };
    if let Some(scopes) = &config.application_scopes {
        book.application_scopes.clone_from(scopes);
    }
    fill(&mut book, config);
    settle(&mut book);
    Ok(book)
}

fn parse(text: &str, path: &Path) -> Result<Book, StartError> {
    serde_json::from_str(text).map_err(|source| StartError::SeedInvalid { path: path.to_owned(), source })
}

/// A fresh Halo: configuration and the API agent, no customers and no people.
fn bare(book: Book) -> Book {
    let mut agents = crate::model::Table::default();
    let keep = [UNASSIGNED, book.login_agent_id];
    for agent in book.agents.values().filter(|agent| keep.contains(&agent.id)) {
        agents.put(agent.clone());
    }
    agents.start_after(book.agents.next_id() - 1);
    Book {
        agents,
        default_client_id: 0,
        clients: crate::model::Table::default(),
        sites: crate::model::Table::default(),
        users: crate::model::Table::default(),
        assets: crate::model::Table::default(),
        ..book
    }
}

/// Whether the `n`th of a row, from 0, bears the name of the one before it, so that of any hundred exactly `percent` do.
fn is_double(n: usize, percent: usize) -> bool {
    let so_far = |n: usize| n * percent.min(50) / 100;
    so_far(n + 1) > so_far(n)
}

/// Adds sample records until there are as many as the configuration asks for.
fn fill(book: &mut Book, config: &Config) {
    let missing = |wanted: Option<usize>, there: usize| 1..=wanted.unwrap_or_default().saturating_sub(there);
    let toplevel_id = book.toplevels.values().next().map_or(0, |top| top.id);
    for n in missing(config.clients, book.clients.len()) {
        let id = book.clients.next_id();
        let n = if is_double(n - 1, config.ambiguous) { n - 1 } else { n };
        book.clients.put(Client { id, name: format!("Sample Customer {n:05}"), toplevel_id, ..Client::default() });
    }
    let clients: Vec<i64> = book.clients.values().map(|client| client.id).collect();
    let has_site: std::collections::HashSet<i64> = book.sites.values().map(|site| site.client_id).collect();
    let bare = clients.iter().copied().filter(|client| !has_site.contains(client));
    for client_id in bare.collect::<Vec<_>>() {
        let id = book.sites.next_id();
        book.sites.put(Site { id, name: "Main".to_owned(), client_id, ..Site::default() });
    }
    for (n, client_id) in missing(config.sites, book.sites.len()).zip(clients.iter().copied().cycle()) {
        let id = book.sites.next_id();
        book.sites.put(Site { id, name: format!("Sample Site {n:05}"), client_id, ..Site::default() });
    }
    let sites: Vec<(i64, i64)> = book.sites.values().map(|site| (site.id, site.client_id)).collect();
    let assettype_id = book.assettypes.values().next().map_or(0, |kind| kind.id);
    for (n, (site_id, client_id)) in missing(config.assets, book.assets.len()).zip(sites.iter().copied().cycle()) {
        let id = book.assets.next_id();
        // Assets go round the sites, so the one before it at its site came one round before.
        let double = is_double((n - 1) / sites.len(), config.ambiguous);
        let n = if double { n - sites.len() } else { n };
        let name = format!("PC-{n:06}");
        let (inventory_number, key_field) = (name.clone(), name);
        book.assets.put(Asset {
            id,
            inventory_number,
            key_field,
            client_id,
            site_id,
            assettype_id,
            ..Asset::default()
        });
    }
    let team = book.teams.values().next().map(|team| (team.id, team.name.clone()));
    for n in missing(config.agents, book.agents.len()) {
        let id = book.agents.next_id();
        book.agents.put(Agent {
            id,
            name: format!("Sample Agent {n:04}"),
            email: format!("agent{n:04}@example.com"),
            team: team.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
            teams: team.iter().map(|(id, _)| TeamMembership::open(*id)).collect(),
            ..Agent::default()
        });
    }
}

/// Fills in what follows from the rest: main sites, stand-in users, first actions, where ids go on.
pub(crate) fn settle(book: &mut Book) {
    book.users.start_after(7000);
    let mut first_site = std::collections::HashMap::new();
    for site in book.sites.values() {
        first_site.entry(site.client_id).or_insert(site.id);
    }
    for client in book.clients.values_mut().filter(|client| client.main_site_id == 0) {
        client.main_site_id = first_site.get(&client.id).copied().unwrap_or_default();
    }
    let general: std::collections::HashMap<i64, i64> =
        book.users.values().filter(|user| user.isgeneraluser).map(|user| (user.site_id, user.id)).collect();
    for site in book.sites.values_mut().filter(|site| site.general_user_id == 0) {
        site.general_user_id = general.get(&site.id).copied().unwrap_or_else(|| {
            let id = book.users.next_id();
            let name = "General User".to_owned();
            book.users.put(User { id, name, site_id: site.id, isgeneraluser: true, ..User::default() });
            id
        });
    }
    book.tickets.start_after(book.first_ticket_id - 1);
    for ticket in book.tickets.values() {
        let actions = book.timelines.entry(ticket.id).or_default();
        if actions.len() == 0 {
            actions.put(Action {
                id: 1,
                ticket_id: ticket.id,
                outcome: "Opened".to_owned(),
                note: ticket.details.clone(),
                who_type: 1,
                datetime: ticket.dateoccurred,
                actiondatecreated: ticket.dateoccurred,
                ..Action::default()
            });
        }
    }
}
