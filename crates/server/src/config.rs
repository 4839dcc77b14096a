//! How this server is set up: command line, then environment, then `countersign.toml`, then defaults.
//!
//! Called by `main`, the commands and the demo. Not for: settings that technicians change in the portal, which are rows.
//! The decision a reader would undo: every layer holds plain text and each key is read in one place, so that the sentence
//! about a wrong value can say which key, which value, from where, and what is allowed, whatever layer it came from.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use confique::Layer as _;
use countersign_store::Place;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use tracing_subscriber::filter::LevelFilter;
use url::Url;

use crate::http::limits::Proxies;

/// The configuration file's name where none is named.
const FILE: &str = "countersign.toml";

/// How this server is set up.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Address and port to listen on; port 0 takes any free one.
    pub(crate) listen: SocketAddr,
    /// The folder for what the server keeps.
    pub(crate) data_dir: PathBuf,
    /// Where the database is.
    pub(crate) database: Place,
    /// The address under which people reach the portal; none is the address that is listened on.
    pub(crate) public_url: Option<Url>,
    /// Certificate and key, PEM.
    pub(crate) tls: Option<Tls>,
    /// Proxies whose word about the caller's address counts.
    pub(crate) trusted_proxies: Proxies,
    /// Plain HTTP to the whole network is wanted.
    pub(crate) plain_http: PlainHttp,
    /// Hosts of a Halo that may be private or without https.
    pub(crate) halo_allow_hosts: Vec<String>,
    /// Hosts of mail servers and webhooks that may be private, and webhooks without https.
    pub(crate) alerts_allow_hosts: Vec<String>,
    /// What end users know the provider as.
    pub(crate) provider: Option<String>,
    /// Whether this process tells the ticketing system, too.
    pub(crate) worker: Worker,
    /// Where the key file is.
    pub(crate) key_file: PathBuf,
    /// What is logged, as a filter.
    pub(crate) log_level: String,
    /// How it is logged.
    pub(crate) log_format: LogFormat,
    /// The demo, or what is meant in earnest.
    pub(crate) mode: Mode,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
}

/// Certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Certificate chain.
    pub(crate) cert: PathBuf,
    /// Private key.
    pub(crate) key: PathBuf,
}

/// Whether plain HTTP may be spoken beyond this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// On loopback, or behind a proxy.
    LoopbackOnly,
    /// Everywhere, on somebody's own word.
    Anywhere,
}

/// Whether a server runs the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worker {
    /// It does.
    Run,
    /// Other processes do.
    Leave,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// What a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In earnest.
    Production,
    /// To look at: no second factor, and a banner that says so.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "made by the demo alone"))]
    Demo,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// A sentence that names the key, the value, where it came from and what is allowed.
    pub(crate) fn read(options: Options) -> anyhow::Result<Self> {
        let layers = Layers::load(options)?;
        let data_dir = layers.text(key!(data_dir)).map_or_else(default_data_dir, |given| PathBuf::from(given.text));
        let database = layers.parsed(key!(database), |text| database(text, &data_dir))?;
        let tls = match (layers.text(key!(tls_cert)), layers.text(key!(tls_key))) {
            (Some(cert), Some(key)) => Some(Tls { cert: cert.text.into(), key: key.text.into() }),
            (None, None) => None,
            (Some(given), None) => bail!("tls_cert is set ({}), tls_key is not: TLS needs both.", given.from),
            (None, Some(given)) => bail!("tls_key is set ({}), tls_cert is not: TLS needs both.", given.from),
        };
        Ok(Self {
            listen: layers.parsed(key!(listen), listen)?.unwrap_or(DEFAULT_LISTEN),
            database: database.unwrap_or_else(|| Place::Sqlite(data_dir.join("countersign.db"))),
            public_url: layers.parsed(key!(public_url), public_url)?,
            tls,
            trusted_proxies: layers.parsed(key!(trusted_proxies), proxies)?.unwrap_or_default(),
            plain_http: match layers.parsed(key!(force_plain_http), switch)? {
                Some(true) => PlainHttp::Anywhere,
                _ => PlainHttp::LoopbackOnly,
            },
            halo_allow_hosts: layers.parsed(key!(halo.allow_hosts), allow_hosts)?.unwrap_or_default(),
            alerts_allow_hosts: layers.parsed(key!(alerts.allow_hosts), allow_hosts)?.unwrap_or_default(),
            provider: layers.text(key!(provider)).map(|given| given.text),
            worker: if layers.parsed(key!(no_worker), switch)? == Some(true) { Worker::Leave } else { Worker::Run },
            key_file: layers.text(key!(key_file)).map_or_else(|| data_dir.join("countersign.key"), |g| g.text.into()),
            log_level: layers.parsed(key!(log.level), log_level)?.unwrap_or_else(|| "info".to_owned()),
            log_format: layers.parsed(key!(log.format), log_format)?.unwrap_or(LogFormat::Auto),
            mode: Mode::Production,
            file: layers.file,
            data_dir,
        })
    }

    /// A server to look at, on a database in this folder.
    #[cfg_attr(not(feature = "demo"), expect(dead_code, reason = "made by the demo alone"))]
    pub(crate) fn for_demo(listen: SocketAddr, data_dir: &Path, halo_allow_hosts: Vec<String>) -> Self {
        Self {
            listen,
            data_dir: data_dir.to_owned(),
            database: Place::Sqlite(data_dir.join("countersign.db")),
            public_url: None,
            tls: None,
            trusted_proxies: Proxies::default(),
            plain_http: PlainHttp::LoopbackOnly,
            halo_allow_hosts,
            alerts_allow_hosts: Vec::new(),
            provider: None,
            worker: Worker::Run,
            key_file: data_dir.join("countersign.key"),
            log_level: "warn".to_owned(),
            log_format: LogFormat::Text,
            mode: Mode::Demo,
            file: None,
        }
    }

    /// Refuses to speak plain HTTP to the network where nobody asked for it.
    ///
    /// # Errors
    /// A sentence with the ways out.
    pub(crate) fn check_plain_http(&self) -> anyhow::Result<()> {
        let guarded = self.tls.is_some()
            || self.listen.ip().is_loopback()
            || !self.trusted_proxies.is_empty()
            || self.plain_http == PlainHttp::Anywhere;
        if guarded {
            return Ok(());
        }
        bail!(
            "listen = {} is reachable from the network, and without TLS everybody on the way could read credentials. Set \
             tls_cert and tls_key, or listen on 127.0.0.1, or name the proxy that speaks TLS in trusted_proxies. \
             --force-plain-http goes on regardless.",
            self.listen
        )
    }
}

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7600);

/// What the command line said; each as text, as in the other layers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) config: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) data_dir: Option<String>,
    pub(crate) public_url: Option<String>,
    pub(crate) tls_cert: Option<String>,
    pub(crate) tls_key: Option<String>,
    pub(crate) trusted_proxies: Option<String>,
    pub(crate) force_plain_http: Option<String>,
    pub(crate) halo_allow_hosts: Option<String>,
    pub(crate) alerts_allow_hosts: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) no_worker: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) log_level: Option<String>,
    pub(crate) log_format: Option<String>,
}

/// The keys, as environment and file spell them.
#[derive(Debug, confique::Config)]
#[config(layer_attr(derive(Debug)), layer_attr(serde(deny_unknown_fields)))]
#[expect(dead_code, reason = "read layer by layer, so that it is known where a value came from")]
struct Keys {
    #[config(env = "COUNTERSIGN_LISTEN")]
    listen: Option<Value>,
    #[config(env = "COUNTERSIGN_DATABASE")]
    database: Option<Value>,
    #[config(env = "COUNTERSIGN_DATA_DIR")]
    data_dir: Option<Value>,
    #[config(env = "COUNTERSIGN_PUBLIC_URL")]
    public_url: Option<Value>,
    #[config(env = "COUNTERSIGN_TLS_CERT")]
    tls_cert: Option<Value>,
    #[config(env = "COUNTERSIGN_TLS_KEY")]
    tls_key: Option<Value>,
    #[config(env = "COUNTERSIGN_TRUSTED_PROXIES")]
    trusted_proxies: Option<Value>,
    #[config(env = "COUNTERSIGN_FORCE_PLAIN_HTTP")]
    force_plain_http: Option<Value>,
    #[config(env = "COUNTERSIGN_PROVIDER")]
    provider: Option<Value>,
    #[config(env = "COUNTERSIGN_NO_WORKER")]
    no_worker: Option<Value>,
    #[config(env = "COUNTERSIGN_KEY_FILE")]
    key_file: Option<Value>,
    #[config(nested)]
    halo: HaloKeys,
    #[config(nested)]
    alerts: AlertKeys,
    #[config(nested)]
    log: LogKeys,
}

#[derive(Debug, confique::Config)]
#[config(layer_attr(derive(Debug)), layer_attr(serde(deny_unknown_fields)))]
#[expect(dead_code, reason = "read layer by layer")]
struct HaloKeys {
    #[config(env = "COUNTERSIGN_HALO_ALLOW_HOSTS")]
    allow_hosts: Option<Value>,
}

#[derive(Debug, confique::Config)]
#[config(layer_attr(derive(Debug)), layer_attr(serde(deny_unknown_fields)))]
#[expect(dead_code, reason = "read layer by layer")]
struct AlertKeys {
    #[config(env = "COUNTERSIGN_ALERTS_ALLOW_HOSTS")]
    allow_hosts: Option<Value>,
}

#[derive(Debug, confique::Config)]
#[config(layer_attr(derive(Debug)), layer_attr(serde(deny_unknown_fields)))]
#[expect(dead_code, reason = "read layer by layer")]
struct LogKeys {
    #[config(env = "COUNTERSIGN_LOG_LEVEL")]
    level: Option<Value>,
    #[config(env = "COUNTERSIGN_LOG_FORMAT")]
    format: Option<Value>,
}

type Keyed = <Keys as confique::Config>::Layer;

/// A value as it was written: text, number, switch, or a list, which becomes text with commas.
#[derive(Debug, Clone)]
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text, a number, true or false, or a list of texts")
            }
            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value(text.to_owned()))
            }
            fn visit_bool<E>(self, switch: bool) -> Result<Value, E> {
                Ok(Value(switch.to_string()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    texts.push(text);
                }
                Ok(Value(texts.join(",")))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A key: its name, and where a layer holds it.
#[derive(Clone, Copy)]
struct Key {
    name: &'static str,
    get: fn(&Keyed) -> Option<&Value>,
}

macro_rules! key {
    ($key:ident) => {
        Key { name: stringify!($key), get: |layer| layer.$key.as_ref() }
    };
    ($group:ident . $key:ident) => {
        Key { name: concat!(stringify!($group), ".", stringify!($key)), get: |layer| layer.$group.$key.as_ref() }
    };
}
use key;

/// A value, and where it came from.
struct Given {
    text: String,
    from: String,
}

/// Command line, environment, file: the first that holds a key counts.
struct Layers {
    layers: Vec<(Source, Keyed)>,
    file: Option<PathBuf>,
}

enum Source {
    CommandLine,
    Environment,
    File(PathBuf),
}

impl Layers {
    fn load(options: Options) -> anyhow::Result<Self> {
        let named = options.config.clone().or_else(|| set_variable("COUNTERSIGN_CONFIG").map(PathBuf::from));
        let environment = Keyed::from_env().context("The environment cannot be used")?;
        let mut layers = vec![(Source::CommandLine, command_line(options)), (Source::Environment, environment)];
        let file = named.clone().or_else(|| {
            let data_dir = first(&layers, &key!(data_dir)).map_or_else(default_data_dir, |given| given.text.into());
            [PathBuf::from(FILE), data_dir.join(FILE)].into_iter().find(|path| path.is_file())
        });
        if let Some(path) = &file {
            layers.push((Source::File(path.clone()), read_file(path)?));
        }
        Ok(Self { layers, file })
    }

    /// The value of a key; a blank one is none.
    fn text(&self, key: Key) -> Option<Given> {
        first(&self.layers, &key)
    }

    fn parsed<T>(&self, key: Key, parse: impl FnOnce(&str) -> Result<T, Wrong>) -> anyhow::Result<Option<T>> {
        let name = key.name;
        let Some(given) = self.text(key) else { return Ok(None) };
        parse(&given.text).map(Some).map_err(|wrong| {
            let shown = wrong.shown.unwrap_or(given.text);
            anyhow!("{name} = {shown:?} ({}) cannot be used. Allowed: {}.", given.from, wrong.allowed)
        })
    }
}

fn first(layers: &[(Source, Keyed)], key: &Key) -> Option<Given> {
    layers.iter().find_map(|(source, layer)| {
        let text = (key.get)(layer)?.0.trim().to_owned();
        let from = match source {
            Source::CommandLine => "from the command line".to_owned(),
            Source::Environment => {
                format!("from COUNTERSIGN_{}", key.name.replace('.', "_").to_ascii_uppercase())
            }
            Source::File(path) => format!("from {}", path.display()),
        };
        (!text.is_empty()).then_some(Given { text, from })
    })
}

fn command_line(options: Options) -> Keyed {
    let mut layer = Keyed::empty();
    layer.listen = options.listen.map(Value);
    layer.database = options.database.map(Value);
    layer.data_dir = options.data_dir.map(Value);
    layer.public_url = options.public_url.map(Value);
    layer.tls_cert = options.tls_cert.map(Value);
    layer.tls_key = options.tls_key.map(Value);
    layer.trusted_proxies = options.trusted_proxies.map(Value);
    layer.force_plain_http = options.force_plain_http.map(Value);
    layer.provider = options.provider.map(Value);
    layer.no_worker = options.no_worker.map(Value);
    layer.key_file = options.key_file.map(Value);
    layer.halo.allow_hosts = options.halo_allow_hosts.map(Value);
    layer.alerts.allow_hosts = options.alerts_allow_hosts.map(Value);
    layer.log.level = options.log_level.map(Value);
    layer.log.format = options.log_format.map(Value);
    layer
}

fn read_file(path: &Path) -> anyhow::Result<Keyed> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("The configuration {shown} cannot be read"))?;
    toml::from_str(&text).map_err(|error| {
        // The error's own display quotes the line, which may hold a password: its message does not.
        let line =
            error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        let message = error.message().replace("unknown field", "unknown key");
        anyhow!("The configuration {shown} cannot be used: line {line}: {message}.")
    })
}

fn set_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Where a service manager says; for root the place of services; else the account's own data.
fn default_data_dir() -> PathBuf {
    if let Some(folder) = set_variable("STATE_DIRECTORY") {
        return folder.into();
    }
    let service = PathBuf::from("/var/lib/countersign");
    if service.is_dir() {
        return service;
    }
    let own = set_variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| set_variable("HOME").map(|home| Path::new(&home).join(".local/share")));
    own.map_or_else(|| PathBuf::from("countersign-data"), |own| own.join("countersign"))
}

/// Why a value cannot be used.
struct Wrong {
    allowed: &'static str,
    /// What to show in place of a value that may hold a secret.
    shown: Option<String>,
}

const fn wrong(allowed: &'static str) -> Wrong {
    Wrong { allowed, shown: None }
}

fn listen(text: &str) -> Result<SocketAddr, Wrong> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| wrong("an address and a port, such as 127.0.0.1:7600, 0.0.0.0:443 or [::1]:7600"))
}

fn database(text: &str, data_dir: &Path) -> Result<Place, Wrong> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = if path.is_empty() { data_dir.join("countersign.db") } else { PathBuf::from(path) };
        return Ok(Place::Sqlite(path));
    }
    let is_server = |url: &Url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host();
    match Url::parse(text).ok().filter(is_server) {
        Some(_) => Ok(Place::Postgres { url: text.to_owned(), schema: None }),
        None => Err(Wrong {
            allowed: "sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
            shown: Some(without_password(text)),
        }),
    }
}

/// A database's address with everything between scheme and host left out.
fn without_password(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((front, rest)) => {
            format!("{}…@{rest}", front.split_once("://").map_or(String::new(), |(s, _)| format!("{s}://")))
        }
        None => text.to_owned(),
    }
}

fn public_url(text: &str) -> Result<Url, Wrong> {
    let fits = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    Url::parse(text).ok().filter(fits).ok_or_else(|| Wrong {
        allowed: "an address without a path, such as https://desk.example.com",
        shown: Some(without_password(text)),
    })
}

fn proxies(text: &str) -> Result<Proxies, Wrong> {
    let nets: Option<Vec<IpNet>> = items(text)
        .map(|item| item.parse::<IpNet>().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from)))
        .collect();
    nets.map(Proxies::new)
        .ok_or_else(|| wrong("addresses and networks with commas between, such as 127.0.0.1, 10.0.0.0/8"))
}

fn allow_hosts(text: &str) -> Result<Vec<String>, Wrong> {
    let is_host = |item: &&str| item.contains("://") || item.contains('/') || item.contains(char::is_whitespace);
    if items(text).any(|item| is_host(&item)) {
        return Err(wrong(
            "names of hosts, with or without a port, with commas between, such as halo.example.com, 10.0.0.5:8443",
        ));
    }
    Ok(items(text).map(str::to_owned).collect())
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn switch(text: &str) -> Result<bool, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(wrong("true or false")),
    }
}

fn log_level(text: &str) -> Result<String, Wrong> {
    let is_level = |item: &str| item.rsplit('=').next().is_some_and(|level| level.parse::<LevelFilter>().is_ok());
    if items(text).all(is_level) {
        return Ok(text.to_owned());
    }
    Err(wrong("error, warn, info, debug, trace or off, alone or for a part: info,countersign=debug"))
}

fn log_format(text: &str) -> Result<LogFormat, Wrong> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(wrong("auto, text or json")),
    }
}
