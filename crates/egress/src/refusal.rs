//! The sentence that a refused address answers with: why, and the line that would allow it.

use std::net::IpAddr;

/// An address that may not be called, told so that an operator knows what to write where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host}: {reason}{}", remedy(setting, host, *port, reason))]
pub struct Refusal {
    host: String,
    port: Option<u16>,
    setting: &'static str,
    reason: Reason,
}

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("the address names no host")]
    NoHost,
    #[error("the address must not carry a user name or password")]
    Credentials,
    #[error("only https addresses are called")]
    Scheme,
    #[error("plain http is refused, use https")]
    PlainHttp,
    #[error("{0} is {1} address, and only addresses on the internet are called")]
    Address(IpAddr, &'static str),
}

impl Refusal {
    pub(crate) fn new(host: &str, port: Option<u16>, setting: &'static str, reason: Reason) -> Self {
        Self { host: host.to_owned(), port, setting, reason }
    }

    /// The configuration line that allows this host, if one does.
    #[must_use]
    pub fn line_to_add(&self) -> Option<String> {
        matches!(self.reason, Reason::PlainHttp | Reason::Address(..))
            .then(|| line(self.setting, &self.host, self.port))
    }
}

fn line(setting: &str, host: &str, port: Option<u16>) -> String {
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{setting} = [\"{host}{port}\"]")
}

fn remedy(setting: &str, host: &str, port: Option<u16>, reason: &Reason) -> String {
    match reason {
        Reason::PlainHttp | Reason::Address(..) => {
            format!(". If this server is meant to reach it, add to its configuration: {}", line(setting, host, port))
        }
        Reason::NoHost | Reason::Credentials | Reason::Scheme => String::new(),
    }
}
