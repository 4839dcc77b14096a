//! `halo-sim`: the HaloPSA stand-in as a program. Prints one JSON line when it listens; ends on SIGTERM and SIGINT.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use halo_sim::{Config, RateLimit, Seed, Sim};
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for HaloPSA, to develop and test against without a tenant.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:7601")]
    listen: SocketAddr,
    /// The records to start with: demo, other, empty, or a JSON file
    #[arg(long, default_value = "demo", value_parser = seed)]
    seed: Seed,
    /// Fill up with sample customers to this many
    #[arg(long)]
    clients: Option<usize>,
    /// Fill up with sample sites to this many
    #[arg(long)]
    sites: Option<usize>,
    /// Fill up with sample assets to this many
    #[arg(long)]
    assets: Option<usize>,
    /// Fill up with sample agents to this many
    #[arg(long)]
    agents: Option<usize>,
    /// Of a hundred sample customers, and of a hundred sample assets of a site, this many bear the name of another
    #[arg(long, default_value = "0", value_parser = clap::value_parser!(u8).range(0..=50), value_name = "PERCENT")]
    ambiguous: u8,
    /// Calls in a rolling window, as CALLS/SECONDS, or off
    #[arg(long, default_value = "off", value_parser = rate_limit)]
    rate_limit: Limit,
    /// Keep everything in this file, so that a killed simulator goes on where it was
    #[arg(long)]
    snapshot: Option<PathBuf>,
}

/// clap reads a bare `Option` as "the option may be left out"; this is "the limit may be off".
#[derive(Clone, Copy)]
struct Limit(Option<RateLimit>);

#[expect(clippy::unnecessary_wraps, reason = "the form that clap's value parsers have")]
fn seed(text: &str) -> Result<Seed, String> {
    Ok(match text {
        "demo" => Seed::Demo,
        "other" => Seed::Other,
        "empty" => Seed::Empty,
        file => Seed::File(PathBuf::from(file)),
    })
}

fn rate_limit(text: &str) -> Result<Limit, String> {
    if text == "off" {
        return Ok(Limit(None));
    }
    let parts =
        text.split_once('/').and_then(|(calls, seconds)| Some((calls.parse().ok()?, seconds.parse::<u64>().ok()?)));
    match parts {
        Some((calls, seconds)) if calls > 0 && seconds > 0 => {
            Ok(Limit(Some(RateLimit { calls, window: Duration::from_secs(seconds) })))
        }
        _ => Err("give calls and seconds, for example 300/300, or off".to_owned()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("warn").init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("halo-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let sim = Sim::start(Config {
        listen: options.listen,
        seed: options.seed,
        clients: options.clients,
        sites: options.sites,
        assets: options.assets,
        agents: options.agents,
        ambiguous: usize::from(options.ambiguous),
        rate_limit: options.rate_limit.0,
        snapshot: options.snapshot,
        ..Config::default()
    })
    .await?;
    let line = serde_json::json!({
        "url": sim.url(), "client_id": sim.client_id(), "client_secret": sim.client_secret(), "tenant": sim.tenant(),
    });
    println!("{line}");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sim.stop().await;
    Ok(())
}
