//! Finding: directory records by name, and tickets of ours by their references.
//!
//! Halo searches loosely and ignores filters it does not know, so whatever it returns is compared here again.

use countersign_domain::link::{Kind, Theirs};
use countersign_domain::{text, time::Time};
use halopsa::{
    AgentFilter, AssetFilter, Client, CustomerFilter, Deleted, End, Error, ErrorKind, Pages, Record, SiteFilter,
    Ticket, TicketFilter, TokenError, UserFilter,
};

use super::map::{self, fault};
use super::sentence;
use crate::{Cause, Class, Fault, Found, Sweep, SweepRange, TicketNow};

/// Rows per page of the directory. Halo cuts tickets to 100, but customers, sites, users and assets hardly at all.
pub(super) const DIRECTORY_PAGE: usize = 1000;
/// How often a page of a walk over tickets is asked for until the walk is given up.
const PAGE_TRIES: u32 = 4;

/// Turns "not found" into nothing.
pub(super) fn or_none<T>(result: Result<T, Error>) -> Result<Option<T>, Fault> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(&error)),
    }
}

/// Walks the tickets from the newest down, then once more with deleted ones.
pub(super) async fn sweep(client: &Client, range: &SweepRange) -> Result<Sweep, Fault> {
    let floor = range.down_to.as_deref().map(map::id).transpose()?;
    let control = range.control.as_deref().map(map::id).transpose()?;
    // The control ticket may be older than the highest id seen; it has to be met all the same.
    let floor = floor.map(|floor| control.map_or(floor, |control| control.min(floor)));
    let live = walk(client, Deleted::Without, floor, 1).await?;
    // Halo answers, so what fails from here on is bad luck.
    let deleted = walk(client, Deleted::With, floor, PAGE_TRIES).await?;
    let highest = live.ids.iter().chain(&deleted.ids).max().map(i64::to_string);
    let gone = deleted.ours.into_iter().filter(|ticket| !live.ids.contains(&ticket.id));
    let gone: Vec<Found> = gone.map(|ticket| found(ticket, true)).collect();
    Ok(Sweep {
        highest,
        complete: live.complete && deleted.complete && !live.ids.is_empty(),
        control_seen: control.is_some_and(|control| live.ids.contains(&control)),
        found: live.ours.into_iter().map(|ticket| found(ticket, false)).chain(gone).collect(),
    })
}

/// Tickets that changed since a time, among the newest `limit` rows that come.
pub(super) async fn changed(client: &Client, since: Time, limit: usize) -> Result<Vec<TicketNow>, Fault> {
    let filter = TicketFilter { updated_since: map::stamp(since), ..TicketFilter::default() };
    let mut pages = client.tickets(&filter);
    let mut rows = Vec::new();
    // What was met counts, not what fits: a Halo that ignores the time shows everything.
    while pages.seen() < limit as u64
        && let Some(page) = next_page(&mut pages, 1).await?
    {
        rows.extend(page.into_iter().map(map::ticket_now));
    }
    Ok(rows)
}

struct Walk {
    ids: Vec<i64>,
    ours: Vec<Ticket>,
    complete: bool,
}

/// Walks down to `floor`; the first page is asked for `first` times at the most.
async fn walk(client: &Client, deleted: Deleted, floor: Option<i64>, first: u32) -> Result<Walk, Fault> {
    let mut pages = client.tickets(&TicketFilter { deleted, ..TicketFilter::default() });
    let mut walk = Walk { ids: Vec::new(), ours: Vec::new(), complete: false };
    // Halo may not honour the order asked for; then the lowest id met says nothing about what is still to come.
    let mut falling = true;
    while let Some(page) = next_page(&mut pages, first).await? {
        for ticket in page {
            falling &= walk.ids.last().is_none_or(|&last| last > ticket.id);
            walk.ids.push(ticket.id);
            let ours = ticket.third_party_id_string.as_deref().is_some_and(map::is_reference)
                || map::short_reference(&ticket.summary).is_some();
            if ours {
                walk.ours.push(ticket);
            }
        }
        if falling && walk.ids.last().zip(floor).is_some_and(|(&last, floor)| last <= floor) {
            walk.complete = true;
            return Ok(walk);
        }
    }
    walk.complete = pages.end() == Some(End::Complete);
    walk.ours.sort_by_key(|ticket| std::cmp::Reverse(ticket.id));
    Ok(walk)
}

/// The next page, asked for again where it may well come a moment later: of a long walk some page fails on a bad day, and
/// beginning anew would not end. The first page is asked for `first` times at the most. After "too many calls" the
/// allowance holds the next try back for as long as Halo says.
async fn next_page(pages: &mut Pages<Ticket>, first: u32) -> Result<Option<Vec<Ticket>>, Fault> {
    let mut tries = if pages.seen() == 0 { first } else { PAGE_TRIES };
    loop {
        tries -= 1;
        match pages.next().await {
            Err(error) if tries > 0 && is_passing(error.kind) => {}
            answer => return answer.map_err(|error| fault(&error)),
        }
    }
}

/// Whether the same read may well succeed a moment later.
fn is_passing(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unknown(_) | ErrorKind::RateLimited => true,
        ErrorKind::Token(error) => error == TokenError::Unavailable,
        ErrorKind::Refused
        | ErrorKind::NotFound
        | ErrorKind::Unauthorised
        | ErrorKind::Forbidden
        | ErrorKind::NotSent => false,
    }
}

fn found(ticket: Ticket, deleted: bool) -> Found {
    let short = map::short_reference(&ticket.summary);
    Found { ticket: map::ticket_now(ticket), short, deleted }
}

/// The customer that a record of this kind is looked for in.
fn inside(kind: Kind, customer: Option<&str>) -> Result<Option<i64>, Fault> {
    match (kind, customer) {
        (Kind::Company | Kind::Technician, _) => Ok(None),
        (Kind::Location | Kind::Computer | Kind::Contact, Some(customer)) => map::id(customer).map(Some),
        (Kind::Location | Kind::Computer | Kind::Contact, None) => {
            Err(map::invalid("sites, assets and contacts are looked for inside a customer; the company is not linked"))
        }
    }
}

/// Records whose name, in normal form, is the one asked for.
pub(super) async fn look_up(
    client: &Client,
    kind: Kind,
    customer: Option<&str>,
    name: &str,
) -> Result<Vec<Theirs>, Fault> {
    let key = text::name_key(name);
    if key.is_empty() {
        return Ok(Vec::new());
    }
    let fits = |row: &Theirs| row.keys.iter().any(|other| text::name_key(other) == key);
    named(client, kind, customer, name, usize::MAX, &fits).await
}

/// Up to `limit` records, by name.
pub(super) async fn records(
    client: &Client,
    kind: Kind,
    customer: Option<&str>,
    limit: usize,
) -> Result<Vec<Theirs>, Fault> {
    let mut rows = list(client, kind, customer, None, limit, &|_| true).await?;
    sort(&mut rows);
    Ok(rows)
}

/// Up to `limit` records with `part` in one of their names, and the one whose id it is, by name.
pub(super) async fn search(
    client: &Client,
    kind: Kind,
    customer: Option<&str>,
    part: &str,
    limit: usize,
) -> Result<Vec<Theirs>, Fault> {
    let key = text::name_key(part);
    if key.is_empty() {
        return records(client, kind, customer, limit).await;
    }
    let bears = |name: &str| text::name_key(name).contains(&key);
    let fits = |row: &Theirs| bears(&row.psa_name) || row.keys.iter().any(|other| bears(other));
    let mut rows = named(client, kind, customer, part, limit, &fits).await?;
    if let Ok(id) = map::id(part.trim())
        && rows.iter().all(|row| row.psa_id != part.trim())
    {
        rows.extend(one(client, kind, inside(kind, customer)?, id).await?);
    }
    sort(&mut rows);
    Ok(rows)
}

/// Records that fit, as the other side's search finds them.
async fn named(
    client: &Client,
    kind: Kind,
    customer: Option<&str>,
    text: &str,
    limit: usize,
    fits: Fits<'_>,
) -> Result<Vec<Theirs>, Fault> {
    // Halo's search does not fold white space, so it gets the text as one line.
    let search = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = list(client, kind, customer, Some(search), limit, fits).await?;
    if found.is_empty() && kind == Kind::Computer {
        // The search looks at the tag and the key fields alone; some tenants keep the name in a field of the type.
        return list(client, kind, customer, None, limit, fits).await;
    }
    Ok(found)
}

fn sort(rows: &mut [Theirs]) {
    rows.sort_by_cached_key(|row| (text::name_key(&row.psa_name), row.psa_id.clone()));
}

/// One record by its id.
pub(super) async fn record(client: &Client, kind: Kind, id: i64) -> Result<Option<Theirs>, Fault> {
    one(client, kind, None, id).await
}

/// One record by its id, if it is this customer's.
async fn one(client: &Client, kind: Kind, of: Option<i64>, id: i64) -> Result<Option<Theirs>, Fault> {
    let theirs = |customer: Option<i64>| of.is_none() || customer == of;
    Ok(match kind {
        Kind::Company => or_none(client.customer(id).await)?.map(map::customer),
        Kind::Location => or_none(client.site(id).await)?.filter(|site| theirs(site.client_id)).map(map::site),
        Kind::Computer => or_none(client.asset(id).await)?.filter(|asset| theirs(asset.client_id)).map(map::asset),
        Kind::Technician => or_none(client.agent(id).await)?.map(map::agent),
        Kind::Contact => or_none(client.user(id).await)?.filter(|user| theirs(user.client_id)).map(map::contact),
    })
}

/// Which rows of a list count: a filter of the other side can be ignored in silence.
type Fits<'a> = &'a (dyn Fn(&Theirs) -> bool + Sync);

async fn list(
    client: &Client,
    kind: Kind,
    customer: Option<&str>,
    search: Option<String>,
    limit: usize,
    fits: Fits<'_>,
) -> Result<Vec<Theirs>, Fault> {
    let client_id = inside(kind, customer)?;
    match kind {
        Kind::Company => {
            let filter = CustomerFilter { search, ..CustomerFilter::default() };
            gather(client.customers(&filter), limit, map::customer, fits).await
        }
        Kind::Location => {
            let filter = SiteFilter { client_id, search, ..SiteFilter::default() };
            gather(client.sites(&filter), limit, map::site, fits).await
        }
        Kind::Computer => {
            let filter = AssetFilter { client_id, search, ..AssetFilter::default() };
            gather(client.assets(&filter), limit, map::asset, fits).await
        }
        Kind::Contact => {
            let filter = UserFilter { client_id, search, ..UserFilter::default() };
            gather(client.users(&filter), limit, map::contact, fits).await
        }
        Kind::Technician => {
            let agents = client.agents(AgentFilter::Enabled).await.map_err(|error| fault(&error))?;
            // An agent that exists for an application is nobody's colleague.
            let people = agents.into_iter().filter(|agent| agent.isapiagent != Some(true));
            Ok(people.map(map::agent).filter(fits).take(limit).collect())
        }
    }
}

async fn gather<T: Record>(
    pages: Pages<T>,
    limit: usize,
    map: fn(T) -> Theirs,
    fits: Fits<'_>,
) -> Result<Vec<Theirs>, Fault> {
    let mut pages = pages.page_size(DIRECTORY_PAGE.min(limit.max(1)));
    let mut rows = Vec::new();
    while let Some(page) = pages.next().await.map_err(|error| fault(&error))? {
        rows.extend(page.into_iter().map(map).filter(fits));
        if rows.len() >= limit {
            rows.truncate(limit);
            return Ok(rows);
        }
    }
    if pages.end() == Some(End::Doubtful) {
        return Err(incomplete(T::PATH));
    }
    Ok(rows)
}

/// A list whose count and rows disagree.
pub(super) fn incomplete(list: &str) -> Fault {
    let (words, fix) = sentence::of_holes(list);
    Fault { class: Class::Later(None), cause: Cause::NotUnderstood, status: None, words, fix }
}
