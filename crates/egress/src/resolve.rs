//! Name resolution that hands out no inside address, and the list of hosts that are exempt.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address;
use crate::refusal::{Reason, Refusal};

/// The hosts that the configuration names, in comparable form.
#[derive(Debug)]
pub(crate) struct AllowList {
    hosts: Vec<(String, Option<u16>)>,
    setting: &'static str,
}

impl AllowList {
    pub(crate) fn new(entries: &[String], setting: &'static str) -> Self {
        let hosts = entries.iter().map(|entry| split_port(entry.trim())).collect();
        Self { hosts, setting }
    }

    /// Whether the host is exempt at this port.
    pub(crate) fn allows(&self, host: &str, port: Option<u16>) -> bool {
        let host = comparable(host);
        self.hosts.iter().any(|(name, at)| *name == host && (at.is_none() || *at == port))
    }

    /// Whether the host is exempt at some port: all a resolver can ask, which sees no port. The port was checked with
    /// the URL.
    fn allows_name(&self, host: &str) -> bool {
        let host = comparable(host);
        self.hosts.iter().any(|(name, _)| *name == host)
    }

    pub(crate) fn refusal(&self, host: &str, port: Option<u16>, reason: Reason) -> Refusal {
        Refusal::new(host, port, self.setting, reason)
    }
}

fn split_port(entry: &str) -> (String, Option<u16>) {
    // A bare IPv6 address has colons of its own; with a port it wears brackets.
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (comparable(host), Some(port)),
            Err(_) => (comparable(entry), None),
        },
        _ => (comparable(entry), None),
    }
}

fn comparable(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// The resolver of every client made here.
pub(crate) struct Guard {
    allow: Arc<AllowList>,
}

impl Guard {
    pub(crate) fn new(allow: Arc<AllowList>) -> Self {
        Self { allow }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = Arc::clone(&self.allow);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            if !allow.allows_name(host) {
                // One inside address among public ones is what a rebinding attack looks like, so it refuses them all.
                for address in found.iter().map(SocketAddr::ip) {
                    if let Some(kind) = address::kind(address) {
                        return Err(allow.refusal(host, None, Reason::Address(address, kind)).into());
                    }
                }
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_match_with_and_without_port() {
        let allow = AllowList::new(
            &["Halo.Corp.Example".into(), "127.0.0.1:7601".into(), "[::1]:80".into(), "fd00::5".into()],
            "halo.allow_hosts",
        );
        assert!(allow.allows("halo.corp.example", Some(443)));
        assert!(allow.allows("halo.corp.example.", Some(8080)));
        assert!(allow.allows("127.0.0.1", Some(7601)));
        assert!(!allow.allows("127.0.0.1", Some(7602)));
        assert!(allow.allows("[::1]", Some(80)));
        assert!(!allow.allows("[::1]", Some(443)));
        assert!(allow.allows("[fd00::5]", Some(443)));
        assert!(!allow.allows("corp.example", Some(443)));
        assert!(!allow.allows("evil-halo.corp.example", Some(443)));
    }
}
