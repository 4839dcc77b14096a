//! `countersign load`: measures a server under load, as it is shipped.
//!
//! Three processes of this program: this one asks and measures; a HaloPSA stand-in and a server on a fresh data folder
//! run beside it, so that the server's CPU and memory can be read from the system and are nobody else's. Everything goes
//! through the public APIs, and at the end the stand-in's own books are read: each request must have exactly one ticket.
//! Not for: stress on a server in use. The decision a reader would undo: a request counts as told to Halo when the server
//! says so on its event stream, after its commit, not when the stand-in got the call.

mod asking;
mod books;
mod desk;
mod goals;
mod limited;
mod processes;
mod report;
pub(crate) mod stand_in;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;

use asking::Asking;
use limited::{Limit, Limited};
use processes::{Server, StandIn};
use report::{Phase, Report};

use crate::call::Caller;

/// Requests that are asked for one at a time, before the crowd: at the most so many, and a tenth of the crowd.
const ALONE: usize = 500;
/// Decisions that are timed while others wait; approvals that are taken back.
const TIMED: usize = 500;

/// Measures a server of this program under load.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    /// Requests of each phase, 10,000 at the most: the stand-in's tickets are read in one answer at the end
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    requests: u32,
    /// Requests on their way at the same time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrency: u32,
    /// Computers that ask
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    computers: u32,
    /// Decide each request of the crowd, too, and take some approvals back
    #[arg(long)]
    decide: bool,
    /// Endpoints that wait while decisions are timed
    #[arg(long, value_name = "N", default_value_t = 0)]
    waiting: u32,
    /// Accept requests while Halo is down, too; it comes back at the end
    #[arg(long)]
    halo_down: bool,
    /// Work off a burst of requests with decisions, 1,000 at the most, under a limit of calls, such as 300/30: calls and
    /// seconds
    #[arg(long, value_name = "CALLS/SECONDS")]
    limit: Option<Limit>,
    /// An empty PostgreSQL database to measure on, instead of SQLite
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The folder in which the measured server's data folder is made, and removed at the end [default: the system's for
    /// temporary files]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

/// Measures. True if every request has exactly one ticket, and every decision exactly one action.
///
/// # Errors
/// A sentence for a person: a process that does not start, a call that fails.
pub(crate) async fn run(args: Args) -> Result<bool> {
    crate::serve::raise_file_handles();
    let mut made = tempfile::Builder::new();
    made.prefix("countersign-load-");
    let folder = match &args.data_dir {
        Some(parent) => made.tempdir_in(parent),
        None => made.tempdir(),
    };
    let folder = folder.context("No data folder can be made; name another place with --data-dir")?;
    let mut halo = StandIn::start(folder.path(), &args).await?;
    let server = Server::start(folder.path(), args.database.as_deref(), &halo.access).await?;
    let (desk, books) = desk::set_up(&server, &halo.access, usize::try_from(args.computers)?).await?;
    let asking = Asking::start(desk).await?;
    let (phases, limited) = measure(&args, &asking, &server, &books, &mut halo).await?;
    let checked = books.check(&asking.asked(), &asking.decided(), &asking.taken_back()).await?;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        database: if args.database.is_some() { "postgresql" } else { "sqlite" },
        concurrency: args.concurrency,
        computers: args.computers,
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        binary_mib: processes::binary_mib(),
        memory: server.memory(),
        phases,
        limited,
        goals: Vec::new(),
        checked,
    };
    report.goals = goals::of(&report);
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        report.print();
    }
    Ok(report.checked.is_right())
}

async fn measure(
    args: &Args,
    asking: &Arc<Asking>,
    server: &Server,
    books: &books::Books,
    halo: &mut StandIn,
) -> Result<(Vec<Phase>, Option<Limited>)> {
    let (requests, width) = (usize::try_from(args.requests)?, usize::try_from(args.concurrency)?);
    let mut phases = Vec::new();
    let alone = (requests / 10).clamp(1, ALONE);
    let phase = report::Meter::start(goals::ALONE, server, Some(books)).await?;
    phases.push(phase.end(asking.until_told(alone, 1).await?).await?);

    let phase = report::Meter::start(goals::CROWD, server, Some(books)).await?;
    let crowd = asking.until_told(requests, width).await?;
    let ids = crowd.ids.clone();
    phases.push(phase.end(crowd).await?);

    let phase = report::Meter::start(goals::ACCEPTED, server, Some(books)).await?;
    let accepted = asking.until_accepted(requests, width).await?;
    asking.until_nothing_waits().await?;
    phases.push(phase.end(accepted).await?);

    if args.decide {
        let phase = report::Meter::start(goals::DECISIONS, server, Some(books)).await?;
        phases.push(phase.end(asking.decide(ids.clone(), width).await?).await?);
        let some: Vec<String> = ids.into_iter().take(TIMED).collect();
        asking.until_read_back(&some).await?;
        let phase = report::Meter::start(goals::TAKEN_BACK, server, Some(books)).await?;
        phases.push(phase.end(asking.take_back(some, width).await?).await?);
    }
    if args.waiting > 0 {
        let waiting = usize::try_from(args.waiting)?;
        let phase = report::Meter::start("decision to endpoint, others waiting", server, Some(books)).await?;
        phases.push(phase.end(asking.decide_while_waiting(waiting, TIMED.min(requests)).await?).await?);
        asking.until_nothing_waits().await?;
    }
    let mut limited = None;
    if let Some(limit) = args.limit {
        let meter = report::Meter::start("a burst under a limit of calls", server, Some(books)).await?;
        let admin = Caller::new(&server.url)?.with(&server.admin_token);
        let (phase, seen) = limited::burst(asking, &admin, books, meter, (limit, requests, width)).await?;
        phases.push(phase);
        limited = Some(seen);
    }
    if args.halo_down {
        halo.stop().await?;
        let phase = report::Meter::start(goals::DOWN, server, None).await?;
        phases.push(phase.end(asking.until_accepted(requests, width).await?).await?);
        halo.start_again().await?;
        let phase = report::Meter::start("tickets after Halo came back", server, Some(books)).await?;
        phases.push(phase.end(asking.until_caught_up(requests).await?).await?);
    }
    Ok((phases, limited))
}
