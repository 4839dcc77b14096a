//! Puts a server together from its configuration, starts it, and ends it in good order.
//!
//! Called by the commands, and by the demo in its own process. The decision a reader would undo: the address is bound
//! before anything else, so that a port in use is told before a database is touched.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use axum_server::{
    Handle, Server,
    accept::NoDelayAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use countersign_app::{
    App, DirectoryQuery, Parts,
    clock::{Clock as _, Ids as _, System},
    notify::Notifier,
    seal::Sealer,
};
use countersign_egress::{Egress, EgressConfig};
use countersign_psa::halo::{ALLOW_HOSTS, HaloConnect};
use countersign_store::{Options, Place, Store};
use tokio::task::{JoinHandle, JoinSet};

use crate::{
    config::{Config, Mode, Tls, Worker},
    http::{Setup, Shared, limits::Limits},
    key_file, router, telemetry,
};

/// How long calls may still take when the server ends. A waiting endpoint asks again elsewhere.
const GRACE: Duration = Duration::from_secs(5);
/// How long a webhook's receiver may take.
const ALERT_DEADLINE: Duration = Duration::from_secs(20);
/// The size at which buffers of HTTP/1 begin and end: ten thousand endpoints wait at the same time.
const HTTP1_BUFFER: usize = 8 * 1024;
/// How long a caller may take to send the head of a call.
const HEAD: Duration = Duration::from_secs(30);
/// How often addresses that have not been seen for long are forgotten.
const FORGET: Duration = Duration::from_mins(1);

/// The use cases over an open database.
pub(crate) struct Opened {
    /// The use cases.
    pub(crate) app: App,
    /// The database.
    pub(crate) store: Store,
}

/// Opens the database and puts the use cases together.
///
/// # Errors
/// When folder, key file, database or the way out cannot be used.
pub(crate) async fn open(config: &Config, public_url: &str) -> anyhow::Result<Opened> {
    let found = key_file::find(config)?;
    make_folder(&config.data_dir)?;
    let key = match found {
        Some(key) => key,
        None => key_file::make(config, &System)?,
    };
    let options = Options { place: config.database.clone(), instance: System.uuid().to_string() };
    let store = Store::open(options, System.now()).await?;
    let egress = Egress::new(&EgressConfig {
        allow_hosts: config.halo_allow_hosts.clone(),
        setting: ALLOW_HOSTS,
        ..EgressConfig::default()
    })?;
    let to_people = Egress::new(&EgressConfig {
        allow_hosts: config.alerts_allow_hosts.clone(),
        setting: "alerts.allow_hosts",
        deadline: ALERT_DEADLINE,
        ..EgressConfig::default()
    })?;
    let app = App::new(Parts {
        store: store.clone(),
        clock: Arc::new(System),
        ids: Arc::new(System),
        connect: Arc::new(HaloConnect::new(egress)),
        notify: Notifier::new(to_people),
        sealer: Sealer::new(&key.bytes),
        public_url: public_url.to_owned(),
        checkpoints: Some(config.data_dir.join("audit-checkpoints.jsonl")),
    })
    .await?;
    Ok(Opened { app, store })
}

/// Makes the data folder, for this account alone.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("The data folder {} cannot be made", folder.display()))
}

/// The address under which people reach a server that listens there.
pub(crate) fn public_url(config: &Config, listens: SocketAddr) -> String {
    if let Some(url) = &config.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    if listens.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", listens.port())
    } else {
        format!("{scheme}://{listens}")
    }
}

/// A server that runs.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The address under which people reach it, without a slash at its end.
    pub(crate) url: String,
    /// Its use cases.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "the demo alone reaches in"))]
    pub(crate) app: App,
    handle: Handle<SocketAddr>,
    server: JoinHandle<std::io::Result<()>>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Ends the server: no new calls, open ones have [`GRACE`] to answer, no new steps. A step that was being sent is
    /// looked for at the next start.
    ///
    /// # Errors
    /// When the server had failed.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.handle.graceful_shutdown(Some(GRACE));
        self.tasks.shutdown().await;
        self.server.await.context("the server broke down")?.context("the server failed")
    }

    /// Waits until the server fails; it does not end by itself.
    ///
    /// # Errors
    /// Always: why it failed.
    pub(crate) async fn failure(&mut self) -> anyhow::Error {
        match (&mut self.server).await {
            Ok(Ok(())) => anyhow!("the server ended"),
            Ok(Err(error)) => anyhow::Error::new(error).context("the server failed"),
            Err(error) => anyhow::Error::new(error).context("the server broke down"),
        }
    }
}

/// Starts a server.
///
/// # Errors
/// A sentence with the next step: port in use, plain HTTP to the network, database or key file unusable.
pub(crate) async fn start(config: &Config, worker: Worker) -> anyhow::Result<Running> {
    config.check_plain_http()?;
    telemetry::start_log(config)?;
    let listener = listen(config.listen)?;
    let address = listener.local_addr()?;
    let url = public_url(config, address);
    let tls = match &config.tls {
        Some(tls) => Some(read_tls(tls).await?),
        None => None,
    };
    telemetry::metrics()?;
    let Opened { app, store } = open(config, &url).await?;
    tell_first_steps(config, &store).await?;
    let shared = Shared {
        app: app.clone(),
        setup: Arc::new(Setup {
            secure: url.starts_with("https://"),
            demo: config.mode == Mode::Demo,
            provider: config.provider.clone(),
        }),
    };
    let limits = Arc::new(Limits::new(config.trusted_proxies.clone()));
    let routes = router::router(&shared, limits.clone(), store);
    let handle = Handle::new();
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let plain = tuned(axum_server::from_tcp(listener)?, &handle);
    let server = match tls {
        None => tokio::spawn(plain.acceptor(NoDelayAcceptor::new()).serve(service)),
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
            tokio::spawn(plain.acceptor(acceptor).serve(service))
        }
    };
    let mut tasks = run(&app, worker);
    tasks.spawn(async move {
        loop {
            System.sleep(FORGET).await;
            limits.forget();
        }
    });
    Ok(Running { address, url, app, handle, server, tasks })
}

/// The timers, and the worker where it is wanted.
pub(crate) fn run(app: &App, worker: Worker) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let timers = app.clone();
    tasks.spawn(async move { Box::pin(timers.run_timers()).await });
    if worker == Worker::Run {
        let steps = app.clone();
        tasks.spawn(async move { steps.run_worker().await });
    }
    tasks
}

fn listen(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    std::net::TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow!("Another program listens on {address} already. Stop it, or choose another address with --listen.")
        }
        std::io::ErrorKind::PermissionDenied => anyhow!(
            "This account may not listen on {address}: ports below 1024 need a right (AmbientCapabilities=CAP_NET_BIND_SERVICE \
             in a systemd unit). Choose another port with --listen."
        ),
        _ => anyhow!("{address} cannot be listened on: {error}. Choose another address with --listen."),
    })
}

async fn read_tls(tls: &Tls) -> anyhow::Result<RustlsConfig> {
    // An error says that a provider is installed already, which is as good.
    let _already = rustls::crypto::ring::default_provider().install_default();
    RustlsConfig::from_pem_file(&tls.cert, &tls.key).await.with_context(|| {
        format!(
            "tls_cert {} and tls_key {} cannot be used; both must be PEM, the certificate with its chain",
            tls.cert.display(),
            tls.key.display()
        )
    })
}

/// Small buffers, and no endless wait for the head of a call.
fn tuned<A>(mut server: Server<SocketAddr, A>, handle: &Handle<SocketAddr>) -> Server<SocketAddr, A> {
    server.http_builder().http1().max_buf_size(HTTP1_BUFFER).header_read_timeout(HEAD);
    server.handle(handle.clone())
}

/// At the first start nobody can sign in yet: the log says how somebody can.
async fn tell_first_steps(config: &Config, store: &Store) -> anyhow::Result<()> {
    let one = DirectoryQuery { limit: 1, ..DirectoryQuery::default() };
    if config.mode == Mode::Demo || !store.technicians(&one).await?.is_empty() {
        return Ok(());
    }
    let first = match config.database {
        Place::Sqlite(_) => "Stop this server, make the first administrator, and start it again",
        Place::Postgres { .. } => "Make the first administrator",
    };
    tracing::warn!(
        "Nobody can sign in yet. {first}: countersign admin create --email you@example.com --name \"Your Name\""
    );
    Ok(())
}

/// Raises the number of file handles to what the system allows: each waiting endpoint is one.
pub(crate) fn raise_file_handles() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
            tracing::warn!(%error, now = limit.current, "the number of file handles could not be raised");
        }
    }
}

/// Waits until somebody wants this process to end.
///
/// # Errors
/// When signals cannot be listened for.
pub(crate) async fn told_to_end() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = end.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
