//! The command line, and what each command does.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use countersign_app::{people::NewTechnician, reconcile::Repairs};
use countersign_domain::{audit::Actor, role::Role};
use countersign_store::{Place, backup::Over};

use crate::{
    backup,
    config::{Config, Options},
    doctor, reconcile, router, serve, telemetry,
};

/// The desk where elevation requests are answered.
///
/// Every option is also an environment variable COUNTERSIGN_… and a key of countersign.toml.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server: portal, APIs and the worker that tells the ticketing system
    Serve(ServeArgs),
    /// Runs the worker alone, beside servers on the same PostgreSQL
    Worker {
        #[command(flatten)]
        base: Base,
        #[command(flatten)]
        way_out: WayOut,
    },
    /// Creates the database, or brings its tables up to date
    Migrate(Base),
    /// Takes a backup of the database into one file, while servers run
    Backup {
        #[command(flatten)]
        base: Base,
        /// The file to make; secrets in it are sealed
        file: PathBuf,
    },
    /// Restores a backup into an empty database, of either engine
    Restore {
        #[command(flatten)]
        base: Base,
        #[command(flatten)]
        way_out: WayOut,
        /// The backup
        file: PathBuf,
        /// Remove what the database holds
        #[arg(long)]
        force: bool,
    },
    /// Checks configuration, data folder, key file, clock, database and Halo; exit 1 if anything fails
    Doctor {
        #[command(flatten)]
        base: Base,
        #[command(flatten)]
        way_out: WayOut,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
        /// Consent to write one test ticket in HaloPSA, which is walked through its life and closed
        #[arg(long, requires = "customer")]
        write_test: bool,
        /// The customer of the test ticket, by its id in HaloPSA
        #[arg(long, value_name = "ID", requires = "write_test")]
        customer: Option<String>,
    },
    /// Compares requests with Halo's tickets, and repairs what is safe; exit 1 if anything is left for a person, 2 if it could not look
    Reconcile {
        #[command(flatten)]
        base: Base,
        #[command(flatten)]
        way_out: WayOut,
        /// Tell alone, change nothing
        #[arg(long)]
        dry_run: bool,
        /// How many days to look back
        #[arg(long, value_name = "DAYS", default_value_t = countersign_app::reconcile::DAYS)]
        days: u32,
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Administrators of this server
    #[command(subcommand)]
    Admin(Admin),
    /// API tokens
    #[command(subcommand)]
    Token(Token),
    /// The audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Prints the OpenAPI document
    Openapi,
    /// Starts a HaloPSA stand-in and a server, plays a day's requests, and stays up to be looked at
    #[cfg(feature = "demo")]
    Demo(crate::demo::Args),
    /// Measures a server of this program under load: tickets a second, latencies, CPU and calls of Halo
    #[cfg(feature = "demo")]
    Load(crate::load::Args),
    /// The HaloPSA stand-in of `load`, in a process of its own
    #[cfg(feature = "demo")]
    #[command(hide = true)]
    StandIn(crate::load::stand_in::Args),
}

const DATABASE_HELP: &str =
    "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE [default: SQLite in the data folder]";

/// Where things are; for every command that opens the database.
#[derive(Debug, Clone, Args)]
struct Base {
    /// Configuration file [default: ./countersign.toml, then the data folder's]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the database
    #[arg(long, value_name = "URL", help = DATABASE_HELP)]
    database: Option<String>,
    /// The folder for what the server keeps
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// File that holds the key of the database's secrets [default: countersign.key in the data folder]
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// error, warn, info, debug or trace, alone or for a part: info,countersign=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// auto, text or json [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// What may be called.
#[derive(Debug, Clone, Args)]
struct WayOut {
    /// Hosts of a Halo that may be on a private address or without https, with commas between
    #[arg(long, value_name = "HOSTS")]
    halo_allow_hosts: Option<String>,
    /// Hosts of mail servers and webhooks for alerts that may be on a private address, with commas between
    #[arg(long, value_name = "HOSTS")]
    alerts_allow_hosts: Option<String>,
}

#[derive(Debug, Clone, Args)]
struct ServeArgs {
    #[command(flatten)]
    base: Base,
    #[command(flatten)]
    way_out: WayOut,
    /// Address and port to listen on [default: 127.0.0.1:7600]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The address under which people reach the portal
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Certificate with its chain, PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// Private key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Addresses and networks of proxies that speak TLS for this server, with commas between
    #[arg(long, value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
    /// What end users know the provider as
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Leave telling the ticketing system to `countersign worker`
    #[arg(long)]
    no_worker: bool,
    /// Speak plain HTTP to the network, without a proxy that speaks TLS
    #[arg(long)]
    force_plain_http: bool,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Makes an administrator, and prints a one-use sign-in link
    Create {
        #[command(flatten)]
        base: Base,
        /// Mail address
        #[arg(long)]
        email: String,
        /// Name
        #[arg(long)]
        name: String,
        /// The address under which people reach the portal
        #[arg(long, value_name = "URL")]
        public_url: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Makes an API token, and prints it once
    Create {
        #[command(flatten)]
        base: Base,
        /// Mail address of the technician
        #[arg(long, value_name = "EMAIL")]
        technician: String,
        /// What the token is for
        #[arg(long)]
        name: String,
        /// It may decide requests
        #[arg(long)]
        decide: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Walks the whole log: finds edits, removals and reorders; exit 1 if there are any
    Verify(Base),
}

impl Base {
    fn options(self) -> Options {
        Options {
            config: self.config,
            database: self.database,
            data_dir: self.data_dir,
            key_file: self.key_file,
            log_level: self.log_level,
            log_format: self.log_format,
            ..Options::default()
        }
    }

    /// For commands of one breath: the log says only what is wrong, unless asked.
    fn quiet(self) -> Options {
        let log_level = self.log_level.clone().or_else(|| Some("warn".to_owned()));
        Options { log_level, log_format: self.log_format.clone().or_else(|| Some("text".to_owned())), ..self.options() }
    }
}

impl ServeArgs {
    fn options(self) -> Options {
        let set = |switch: bool| switch.then(|| "true".to_owned());
        Options {
            listen: self.listen,
            public_url: self.public_url,
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            trusted_proxies: self.trusted_proxies,
            provider: self.provider,
            no_worker: set(self.no_worker),
            force_plain_http: set(self.force_plain_http),
            halo_allow_hosts: self.way_out.halo_allow_hosts,
            alerts_allow_hosts: self.way_out.alerts_allow_hosts,
            ..self.base.options()
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All is well.
    Well,
    /// It did its work, and found something wrong.
    Found,
    /// It could not look, and has said why.
    NotLooked,
}

impl Cli {
    /// Does it.
    ///
    /// # Errors
    /// A sentence for a person.
    pub(crate) async fn run(self) -> anyhow::Result<End> {
        match self.command {
            Command::Serve(args) => serve_until_told(&configured(args.options())?).await,
            Command::Worker { base, way_out } => {
                let options = Options {
                    halo_allow_hosts: way_out.halo_allow_hosts,
                    alerts_allow_hosts: way_out.alerts_allow_hosts,
                    ..base.options()
                };
                work_until_told(&configured(options)?).await
            }
            Command::Migrate(base) => {
                let config = configured(base.quiet())?;
                serve::open(&config, &serve::public_url(&config, config.listen)).await?;
                println!("The database is up to date.");
                Ok(End::Well)
            }
            Command::Backup { base, file } => {
                backup::take(&configured(base.quiet())?, &file).await?;
                Ok(End::Well)
            }
            Command::Restore { base, way_out, file, force } => {
                let over = if force { Over::Anything } else { Over::Empty };
                let options = Options {
                    halo_allow_hosts: way_out.halo_allow_hosts,
                    alerts_allow_hosts: way_out.alerts_allow_hosts,
                    ..base.quiet()
                };
                backup::put_back(&configured(options)?, &file, over).await?;
                Ok(End::Well)
            }
            // `--write-test` is the consent, and asks for the customer.
            Command::Doctor { base, way_out, json, write_test: _, customer } => {
                let options = Options {
                    halo_allow_hosts: way_out.halo_allow_hosts,
                    alerts_allow_hosts: way_out.alerts_allow_hosts,
                    ..base.quiet()
                };
                let form = if json { doctor::Form::Json } else { doctor::Form::Table };
                doctor::run(options, form, customer.as_deref()).await
            }
            Command::Reconcile { base, way_out, dry_run, days, json } => {
                let options = Options {
                    halo_allow_hosts: way_out.halo_allow_hosts,
                    alerts_allow_hosts: way_out.alerts_allow_hosts,
                    ..base.quiet()
                };
                let repairs = if dry_run { Repairs::Off } else { Repairs::On };
                let form = if json { reconcile::Form::Json } else { reconcile::Form::Table };
                let compared = async {
                    let app = beside_a_server(&configured(options)?, "ask it: POST /api/v1/reconcile").await?.app;
                    reconcile::run(&app, days, repairs, form).await
                };
                // A program must tell "something is left" from "nobody knows".
                Ok(compared.await.unwrap_or_else(|error| {
                    eprintln!("error: {error:#}");
                    End::NotLooked
                }))
            }
            Command::Admin(Admin::Create { base, email, name, public_url }) => {
                let config = configured(Options { public_url, ..base.quiet() })?;
                create_admin(&config, email, name).await
            }
            Command::Token(Token::Create { base, technician, name, decide }) => {
                let config = configured(base.quiet())?;
                let app = beside_a_server(&config, "make the token in the portal").await?.app;
                let owner = app.technician_by_email(&technician).await?;
                let (_, token) = app.make_token(Actor::CommandLine, &owner.technician.id, &name, decide).await?;
                println!("{token}");
                Ok(End::Well)
            }
            Command::Audit(Audit::Verify(base)) => verify_audit(&configured(base.quiet())?).await,
            #[cfg(feature = "demo")]
            Command::Demo(args) => {
                let right = crate::demo::run(args).await?;
                Ok(if right { End::Well } else { End::Found })
            }
            #[cfg(feature = "demo")]
            Command::Load(args) => {
                let right = crate::load::run(args).await?;
                Ok(if right { End::Well } else { End::Found })
            }
            #[cfg(feature = "demo")]
            Command::StandIn(args) => {
                crate::load::stand_in::run(args).await?;
                Ok(End::Well)
            }
            Command::Openapi => {
                println!("{}", router::document().to_pretty_json()?);
                Ok(End::Well)
            }
        }
    }
}

fn configured(options: Options) -> anyhow::Result<Config> {
    let config = Config::read(options)?;
    telemetry::start_log(&config)?;
    Ok(config)
}

async fn serve_until_told(config: &Config) -> anyhow::Result<End> {
    serve::raise_file_handles();
    let mut running = serve::start(config, config.worker).await?;
    tracing::info!(address = %running.address, url = running.url, "listening");
    println!("Countersign listens on {}; people reach it at {}", running.address, running.url);
    tokio::select! {
        told = serve::told_to_end() => told?,
        error = running.failure() => return Err(error),
    }
    tracing::info!("ending: open calls have a few seconds to answer");
    running.stop().await?;
    Ok(End::Well)
}

async fn work_until_told(config: &Config) -> anyhow::Result<End> {
    let url = serve::public_url(config, config.listen);
    let opened = serve::open(config, &url).await?;
    let mut tasks = serve::run(&opened.app, crate::config::Worker::Run);
    tracing::info!("working");
    serve::told_to_end().await?;
    tasks.shutdown().await;
    Ok(End::Well)
}

/// Opens the database for a command of one breath, which a running server may stand in the way of.
async fn beside_a_server(config: &Config, instead: &str) -> anyhow::Result<serve::Opened> {
    let url = serve::public_url(config, config.listen);
    let opened = serve::open(config, &url).await;
    match &config.database {
        Place::Sqlite(path) if opened.is_err() && doctor::is_open_elsewhere(path) => {
            bail!("A running server has {} open: stop it, run this again and start it, or {instead}", path.display())
        }
        _ => opened,
    }
}

async fn create_admin(config: &Config, email: String, name: String) -> anyhow::Result<End> {
    let app = beside_a_server(config, "make the administrator in the portal").await?.app;
    let new = NewTechnician { email: email.clone(), name, role: Role::Administrator, companies: None };
    let row = match app.add_technician(Actor::CommandLine, new).await {
        // The way back in for an administrator without a session.
        Err(error) if error.code() == "taken" => {
            let known = app.technician_by_email(&email).await?;
            if known.technician.role != Role::Administrator || known.technician.disabled {
                bail!(
                    "{email} is a technician already, and no administrator. An administrator changes that under Users."
                );
            }
            known
        }
        created => created?,
    };
    let link = app.make_sign_in_link(Actor::CommandLine, &row.technician.id).await?;
    eprintln!("{} is an administrator. This link signs in once, within 24 hours:", row.technician.name);
    println!("{}{link}", app.public_url());
    Ok(End::Well)
}

async fn verify_audit(config: &Config) -> anyhow::Result<End> {
    let app = beside_a_server(config, "look at the audit page").await?.app;
    let found = app.verify_audit().await?;
    println!("{} entries, {} checkpoints, {} redacted.", found.rows, found.checkpoints, found.redacted);
    for fault in &found.faults {
        println!("{fault}");
    }
    if found.faults.is_empty() {
        println!("Nothing was edited, removed or reordered.");
        return Ok(End::Well);
    }
    bail!("{} faults were found in the audit log.", found.faults.len())
}
