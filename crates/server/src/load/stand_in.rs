//! The HaloPSA stand-in as a process of its own: says on standard output how to reach it, and runs until it is ended.

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use anyhow::Result;
use clap::Args as ClapArgs;
use halo_sim::{Config, Sim};

use crate::{demo::halo::Access, serve};

/// The HaloPSA stand-in, in a process of its own.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    /// Address and port
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// Fill up with sample assets to this many
    #[arg(long)]
    pub(super) assets: Option<usize>,
    /// Keep everything in this file, to go on where it was
    #[arg(long)]
    pub(super) snapshot: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// When it cannot listen, or its file cannot be used.
pub(crate) async fn run(args: Args) -> Result<()> {
    let config = Config { listen: args.listen, assets: args.assets, snapshot: args.snapshot, ..Config::default() };
    let sim = Sim::start(config).await?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &Access::of(&sim))?;
    out.write_all(b"\n")?;
    out.flush()?;
    drop(out);
    serve::told_to_end().await?;
    sim.stop().await;
    Ok(())
}
