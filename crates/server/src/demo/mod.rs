//! `countersign demo`: a stand-in for HaloPSA, a server on an embedded database, and a day's requests played against
//! both through the public HTTP APIs alone.
//!
//! Nothing here writes a row, an id or a ticket past those APIs; the one exception is what an administrator does at the
//! command line before anybody can sign in. What the demo must know again after it was killed stands in its own file
//! ([`memory`]), so that it goes on where it was. The decision a reader would undo: every ticket is read back from Halo
//! and compared with what was asked for, and the demo fails if one is not right.

mod document;
mod endpoint;
pub(crate) mod halo;
mod memory;
pub(crate) mod setup;
mod story;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args as ClapArgs;

use crate::{
    config::{Config, Worker},
    serve,
};

/// Starts a HaloPSA stand-in and a server, plays a day's requests, and stays up to be looked at.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    /// Address and port of the server; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7600", env = "COUNTERSIGN_DEMO_LISTEN")]
    listen: SocketAddr,
    /// A Halo to use instead of the stand-in, without /api; id, secret and tenant come from the environment:
    /// `COUNTERSIGN_HALO_CLIENT_ID`, `COUNTERSIGN_HALO_CLIENT_SECRET` and `COUNTERSIGN_HALO_TENANT`
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_HALO")]
    halo: Option<url::Url>,
    /// Address and port of the stand-in
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7601", env = "COUNTERSIGN_DEMO_HALO_LISTEN")]
    halo_listen: SocketAddr,
    /// The folder for what the demo keeps; started again on the same folder it goes on [default: a new one, removed at
    /// the end]
    #[arg(long, value_name = "DIR", env = "COUNTERSIGN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// End after the story; success only if every ticket is right
    #[arg(long)]
    once: bool,
    /// Print what there is as one line of JSON when the story is told
    #[arg(long)]
    json: bool,
}

/// Runs the demo. True if every ticket is right.
///
/// # Errors
/// A sentence for a person: a port in use, a Halo that refuses, a folder that cannot be written.
pub(crate) async fn run(args: Args) -> Result<bool> {
    let (folder, _removed_at_the_end) = folder(&args)?;
    let say = document::Say::new(if args.json { document::Form::Json } else { document::Form::Text });
    let halo = halo::Halo::find(&args, &folder).await?;
    say.line(format!("HaloPSA {}: {}", halo.kind(), halo.access().url));
    let config = Config::for_demo(args.listen, &folder, vec![halo.access().host()?]);
    let mut running = serve::start(&config, Worker::Run).await?;
    say.line(format!("Countersign: {}", running.url));
    let told = tell(&args, &folder, &halo, &running, &say).await;
    let told = match told {
        Ok(told) => told,
        Err(error) => {
            running.stop().await?;
            halo.stop().await;
            return Err(error);
        }
    };
    if !args.once {
        say.invite(&told.document);
        tokio::select! {
            ended = serve::told_to_end() => ended?,
            failure = running.failure() => return Err(failure),
        }
    }
    drop(told.waiting);
    running.stop().await?;
    halo.stop().await;
    Ok(told.wrong.is_empty())
}

struct Told {
    document: document::Document,
    wrong: Vec<String>,
    /// The endpoints whose requests wait for the reader; they end with this.
    waiting: tokio::task::JoinSet<()>,
}

async fn tell(
    args: &Args,
    folder: &std::path::Path,
    halo: &halo::Halo,
    running: &serve::Running,
    say: &document::Say,
) -> Result<Told> {
    let mut memory = memory::Memory::open(folder)?;
    let desk = setup::set_up(running, halo, &mut memory, say).await?;
    let told = story::play(&desk, &mut memory, say).await?;
    let waiting =
        if args.once { tokio::task::JoinSet::new() } else { story::leave_waiting(&desk, &mut memory, say).await? };
    let document = document::Document {
        portal: document::Portal {
            url: running.url.clone(),
            sign_in_url: desk.sign_in_url.clone(),
            api_token: desk.first.token.clone(),
        },
        endpoint: document::Endpoint { url: running.url.clone(), enrollment_key: desk.enrollment_key.clone() },
        halo: halo.access().clone(),
        requests: told.requests,
    };
    memory.keep_document(&document)?;
    for wrong in &told.wrong {
        say.wrong(wrong);
    }
    say.document(&document)?;
    Ok(Told { document, wrong: told.wrong, waiting })
}

/// The data folder, and what removes it at the end if the demo made it.
fn folder(args: &Args) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(folder) = &args.data_dir {
        serve::make_folder(folder).context("Name another folder with --data-dir")?;
        return Ok((folder.clone(), None));
    }
    let made = tempfile::Builder::new().prefix("countersign-demo-").tempdir()?;
    Ok((made.path().to_owned(), Some(made)))
}
