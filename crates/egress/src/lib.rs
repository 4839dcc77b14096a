//! The one way out of the server: HTTP clients that cannot be talked into calling the inside of a network.
//!
//! An administrator types the address of a ticketing system or of a webhook; whoever can type it must not be able to
//! read the cloud's metadata service or a neighbour's admin page with it. So every client made here speaks https
//! only, reaches public addresses only, follows no redirect, ignores proxy variables and repeats nothing. Hosts that
//! the server's own configuration names are exempt.
//!
//! Not here: what is sent, retries, budgets. Called by `psa` and `notify`.
//!
//! The decision a reader would undo: the address is checked where the connection is made, after name resolution.
//! Checking the name beforehand looks simpler and is worthless, since the second look-up may answer otherwise.

mod address;
mod body;
mod refusal;
mod resolve;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

pub use address::kind as address_kind;
pub use body::{BodyError, read_capped};
pub use refusal::Refusal;

use refusal::Reason;
use resolve::{AllowList, Guard};

/// What the clients may reach, and for how long they may try.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// Hosts (`host` or `host:port`) that may be private and may be spoken to in plain http.
    pub allow_hosts: Vec<String>,
    /// The configuration key that holds `allow_hosts`, for the sentence of a refusal.
    pub setting: &'static str,
    /// Longest time for name resolution, connection and TLS together. Kept well under `deadline`: a failure within it
    /// is known to have sent nothing.
    pub connect_timeout: Duration,
    /// Longest time from the start of a request to the last byte of its answer.
    pub deadline: Duration,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            setting: "halo.allow_hosts",
            connect_timeout: Duration::from_secs(10),
            deadline: Duration::from_mins(1),
        }
    }
}

/// A client could not be built: the platform's TLS set-up is unusable (no root certificates, for one).
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct SetUpError(#[from] reqwest::Error);

/// A host that nothing can be spoken with.
#[derive(Debug, thiserror::Error)]
pub enum NoAddress {
    /// It may not be called.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its name is not known.
    #[error("{0} is not known: {1}")]
    Unknown(String, std::io::Error),
}

/// The way out: one pool of connections under one set of rules. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Egress {
    client: reqwest::Client,
    allow: Arc<AllowList>,
}

impl Egress {
    /// Builds the way out, and installs ring as the process's TLS provider if none is installed yet.
    ///
    /// # Errors
    /// If the platform's TLS set-up is unusable.
    pub fn new(config: &EgressConfig) -> Result<Self, SetUpError> {
        // An error means that another provider is installed already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let allow = Arc::new(AllowList::new(&config.allow_hosts, config.setting));
        let client = reqwest::Client::builder()
            .dns_resolver(Guard::new(Arc::clone(&allow)))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(config.connect_timeout)
            .timeout(config.deadline)
            .user_agent(concat!("Countersign/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, allow })
    }

    /// The client, after checking every address it is meant for.
    ///
    /// Names are checked again at connect time; an address written as digits is checked only here, because no name
    /// is resolved for it. So ask for the client once per address, and call nothing else with it.
    ///
    /// # Errors
    /// If one of the addresses may not be called; the refusal shows the line that would allow it.
    pub fn client_for(&self, urls: &[&Url]) -> Result<reqwest::Client, Refusal> {
        urls.iter().try_for_each(|url| self.check(url))?;
        Ok(self.client.clone())
    }

    /// Where a host is that something else than HTTP is spoken with, such as a mail server. Connect to these addresses and
    /// no other: a second look-up may answer otherwise.
    ///
    /// # Errors
    /// If one of them may not be called, or the name is not known.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoAddress> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| NoAddress::Unknown(host.to_owned(), error))?
            .collect();
        if !self.allow.allows(host, Some(port)) {
            for address in found.iter().map(SocketAddr::ip) {
                if let Some(kind) = address_kind(address) {
                    return Err(self.allow.refusal(host, Some(port), Reason::Address(address, kind)).into());
                }
            }
        }
        Ok(found)
    }

    /// Whether this address may be called, as far as can be told without resolving a name.
    ///
    /// # Errors
    /// If it may not: no host, credentials in the address, plain http, or a private address in digits.
    pub fn check(&self, url: &Url) -> Result<(), Refusal> {
        let refuse = |reason| Err(self.allow.refusal(url.host_str().unwrap_or_default(), url.port(), reason));
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(Reason::Credentials);
        }
        let Some(host) = url.host() else { return refuse(Reason::NoHost) };
        let named = self.allow.allows(&host.to_string(), url.port_or_known_default());
        match url.scheme() {
            "https" => {}
            "http" if named => {}
            "http" => return refuse(Reason::PlainHttp),
            _ => return refuse(Reason::Scheme),
        }
        let address = match host {
            Host::Domain(_) => return Ok(()),
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
        };
        match address_kind(address) {
            Some(kind) if !named => refuse(Reason::Address(address, kind)),
            _ => Ok(()),
        }
    }
}
