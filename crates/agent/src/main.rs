//! `countersign-agent`: the command line.
//!
//! For: options, exit codes, and the one place where an error becomes a sentence. Not for: anything else.
//! Exit codes are a promise to scripts: 0 approved (or enrolled), 1 denied, 2 no answer, 3 error. So a wrong option
//! ends with 3 as well, and not with the 2 that command-line libraries like.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use countersign_agent::config::{StateDir, Transport};
use countersign_agent::show::Screen;
use countersign_agent::{enroll, platform, request};
use countersign_wire::enroll::EnrollmentKey;
use tracing_subscriber::EnvFilter;
use url::Url;

const NO_ANSWER: u8 = 2;
const ERROR: u8 = 3;

/// Asks your IT provider to approve a program that needs administrator rights.
#[derive(Debug, Parser)]
#[command(name = "countersign-agent", version)]
struct Cli {
    /// Folder for the enrolment and for requests that are not over
    ///
    /// Default: /var/lib/countersign for root, else ~/.local/state/countersign
    /// (or in the XDG state folder that is set). It must belong to you, and
    /// nobody else may be able to write into it.
    #[arg(long, value_name = "DIR", env = "COUNTERSIGN_STATE_DIR", global = true, verbatim_doc_comment)]
    state_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tie this computer to a Countersign server
    ///
    /// The key comes from the portal's first page, or from its API. It names the server's root
    /// key, so that no other server can take this computer over.
    ///
    /// Exit codes: 0 enrolled, 2 a technician must confirm this computer first,
    /// 3 error.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  countersign-agent enroll --server https://countersign.example.com \
                            --key csk_… \\\n    --company 'Sample Dental Group' --location 'Main Street'"
    )]
    Enroll(EnrollArgs),
    /// Ask for a program to be approved, and wait for the answer
    ///
    /// Nothing is started and nobody gets more rights: the command gathers the
    /// facts of the program, asks, and shows the answer. Ctrl-C takes the request
    /// back. A command that stops waiting does not: run it again, and it goes on
    /// with the same request. An approval is used up by the run that shows it.
    ///
    /// Exit codes: 0 approved, 1 denied, 2 no answer, 3 error.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  countersign-agent request --reason 'port check' -- apt-get install nmap"
    )]
    Request(RequestArgs),
}

#[derive(Debug, Args)]
struct EnrollArgs {
    /// Address of the server; https, unless it is this computer itself
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_SERVER")]
    server: Url,
    /// The enrolment key
    #[arg(long, value_name = "KEY", env = "COUNTERSIGN_KEY", hide_env_values = true)]
    key: EnrollmentKey,
    /// The company this computer belongs to: its name, or its id
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_COMPANY")]
    company: String,
    /// The location: its name, or its id
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_LOCATION")]
    location: String,
    /// Allow plain HTTP to another computer, where anybody on the way can read the credential
    #[arg(long, env = "COUNTERSIGN_INSECURE_HTTP")]
    insecure_http: bool,
}

#[derive(Debug, Args)]
struct RequestArgs {
    /// Why it is needed; asked for when this is a terminal
    #[arg(long, value_name = "TEXT", env = "COUNTERSIGN_REASON")]
    reason: Option<String>,
    /// How long to wait for the answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(0..=86_400),
          env = "COUNTERSIGN_WAIT")]
    wait: u64,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM [ARGS]")]
    argv: Vec<OsString>,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where nobody reads the message, the exit code still tells.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(ERROR) } else { ExitCode::SUCCESS };
        }
    };
    let filter =
        EnvFilter::try_from_env("COUNTERSIGN_LOG").unwrap_or_else(|_| EnvFilter::new("countersign_agent=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let mut screen = Screen::of_process();
    match run(cli, &mut screen) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            screen.clear_line();
            eprintln!("countersign-agent: {error}");
            ExitCode::from(ERROR)
        }
    }
}

fn run(cli: Cli, screen: &mut Screen) -> anyhow::Result<u8> {
    // Another provider can only have been installed by this process, and nothing before this line does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let state_dir = match cli.state_dir {
        Some(folder) => folder,
        None => StateDir::default_path(
            platform::invoker()?.uid,
            std::env::var_os("XDG_STATE_HOME"),
            std::env::var_os("HOME"),
        )?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Enroll(args) => {
                let wish = enroll::Wish {
                    server: args.server,
                    transport: if args.insecure_http { Transport::InsecureHttp } else { Transport::Safe },
                    key: args.key,
                    company: args.company,
                    location: args.location,
                    state_dir,
                };
                Ok(match enroll::enroll(&wish).await? {
                    enroll::Answer::Enrolled { computer, name, server } => {
                        screen.say(&format!("Enrolled: {server} knows {name} as {computer}."));
                        0
                    }
                    enroll::Answer::Held { computer } => {
                        screen.say(&format!(
                            "Held: the server knows this computer already, as {computer}, but not by this enrolment. A \
                             technician confirms it in the portal, under Computers; then run the same command again."
                        ));
                        NO_ANSWER
                    }
                })
            }
            Command::Request(args) => {
                let wish = request::Wish {
                    argv: args.argv,
                    reason: args.reason,
                    wait: Duration::from_secs(args.wait),
                    state_dir,
                };
                Ok(request::request(&wish, screen).await?.exit_code())
            }
        }
    })
}
