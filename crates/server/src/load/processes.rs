//! The measured server and the stand-in, each a process of this program; what the system says of the server.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::Args;
use crate::demo::halo::Access;

/// How long a process may take until it says where it listens.
const START: Duration = Duration::from_secs(30);
/// What the system counts CPU time in, for programs, whatever the kernel counts it in (`man 5 proc`).
const TICK_MS: f64 = 10.0;

/// This program with other arguments, and with nothing of what this shell says to a server of its own.
fn this_program(folder: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COUNTERSIGN_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

/// The first line that a process prints; its output stays open.
async fn first_line(child: &mut Child) -> Result<String> {
    let out = child.stdout.as_mut().ok_or_else(|| anyhow!("it has no output"))?;
    let mut line = String::new();
    let mut out = BufReader::new(out);
    let bytes = tokio::time::timeout(START, out.read_line(&mut line)).await.context("it did not start in time")??;
    if bytes == 0 {
        bail!("it ended before it listened");
    }
    Ok(line.trim().to_owned())
}

/// The stand-in's process.
pub(super) struct StandIn {
    pub(super) access: Access,
    folder: PathBuf,
    child: Child,
}

impl StandIn {
    /// Starts it, with some twenty assets for each computer: the computers are of its first customers alone.
    pub(super) async fn start(folder: &Path, args: &Args) -> Result<Self> {
        let mut command = this_program(folder)?;
        let assets = usize::try_from(args.computers)?.saturating_mul(20);
        command.args(["stand-in", "--assets", &assets.to_string()]);
        if args.halo_down {
            command.arg("--snapshot").arg(Self::file(folder));
        }
        let mut child = command.spawn()?;
        let line = first_line(&mut child).await.context("The HaloPSA stand-in")?;
        Ok(Self { access: serde_json::from_str(&line)?, folder: folder.to_owned(), child })
    }

    fn file(folder: &Path) -> PathBuf {
        folder.join("stand-in.jsonl")
    }

    /// Halo is gone.
    pub(super) async fn stop(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Halo is back, where it was and with what it held.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        let mut command = this_program(&self.folder)?;
        command.args(["stand-in", "--listen", &self.access.host()?, "--snapshot"]).arg(Self::file(&self.folder));
        self.child = command.spawn()?;
        first_line(&mut self.child).await.context("The HaloPSA stand-in")?;
        Ok(())
    }
}

/// The measured server's process.
pub(super) struct Server {
    pub(super) url: String,
    /// Token of the first administrator.
    pub(super) admin_token: String,
    process: u32,
    _child: Child,
}

/// Memory of the server's process, MiB.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Memory {
    pub(super) now_mib: Option<f64>,
    pub(super) most_mib: Option<f64>,
}

impl Server {
    /// Makes the first administrator and a token at the command line, then starts the server.
    pub(super) async fn start(folder: &Path, database: Option<&str>, halo: &Access) -> Result<Self> {
        let data = folder.join("data");
        let with_base = |mut command: Command| {
            command.arg("--data-dir").arg(&data);
            if let Some(url) = database {
                command.args(["--database", url]);
            }
            command
        };
        let told = async |words: &[&str]| -> Result<String> {
            let mut command = this_program(folder)?;
            command.args(words).stderr(Stdio::piped());
            let output = with_base(command).output().await?;
            if !output.status.success() {
                bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
            }
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let email = "load@example.com";
        told(&["admin", "create", "--email", email, "--name", "Load Administrator"]).await?;
        let admin_token = told(&["token", "create", "--technician", email, "--name", "Load", "--decide"]).await?;
        let mut command = this_program(folder)?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--log-format", "text"]);
        command.args(["--halo-allow-hosts", &halo.host()?]);
        let mut child = with_base(command).spawn()?;
        let line = first_line(&mut child).await.context("The server")?;
        let url = line.rsplit(' ').next().unwrap_or_default().to_owned();
        let process = child.id().ok_or_else(|| anyhow!("the server ended"))?;
        Ok(Self { url, admin_token, process, _child: child })
    }

    /// CPU time that the server has used, in milliseconds, where the system tells.
    pub(super) fn cpu_ms(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process)).ok()?;
        // The name in brackets may hold anything; user and system time are the 12th and 13th word after it.
        let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: u32 = words.next()?.parse().ok()?;
        let system: u32 = words.next()?.parse().ok()?;
        Some((f64::from(user) + f64::from(system)) * TICK_MS)
    }

    pub(super) fn memory(&self) -> Memory {
        let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", self.process)) else {
            return Memory::default();
        };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
        };
        Memory { now_mib: field("VmRSS:"), most_mib: field("VmHWM:") }
    }
}

/// Size of this program's file, MiB.
pub(super) fn binary_mib() -> Option<f64> {
    let bytes = std::fs::metadata(std::env::current_exe().ok()?).ok()?.len();
    Some(f64::from(u32::try_from(bytes / 1024).ok()?) / 1024.0)
}
