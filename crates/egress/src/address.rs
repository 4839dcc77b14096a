//! Which IP addresses lie inside a network rather than on the internet. Pure; called by the checks of this crate.
//!
//! IPv6 is an allow list (global unicast without its special blocks), because new special blocks keep being assigned;
//! IPv4 is full, so there a list of exceptions is final. Sources: the IANA special-purpose address registries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of inside address this is, as a word for a sentence; `None` for an address on the internet.
#[must_use]
pub fn kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

fn kind_v4(address: Ipv4Addr) -> Option<&'static str> {
    let kind = match address.octets() {
        [127, ..] => "a loopback",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private",
        [169, 254, ..] => "a link-local or metadata",
        // The host agent of one large cloud answers on this public address, from inside its machines only.
        [168, 63, 129, 16] => "a metadata",
        [100, 64..=127, ..] => "a carrier-internal",
        [0, ..] => "an unspecified",
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => "a special-purpose",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "a documentation",
        [224..=239, ..] => "a multicast",
        [240..=255, ..] => "a reserved",
        _ => return None,
    };
    Some(kind)
}

fn kind_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [.., a, b, c, d] = address.octets();
    let kind = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "an unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback",
        [0, 0, 0, 0, 0, 0xffff, ..] => "an IPv4-mapped",
        // NAT64: the IPv4 address in the tail is where the packet ends up.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => return kind_v4(Ipv4Addr::new(a, b, c, d)),
        [0xfc00..=0xfdff, ..] => "a unique-local",
        [0xfe80..=0xfebf, ..] => "a link-local",
        [0xff00..=0xffff, ..] => "a multicast",
        [0x2001, 0x0000..=0x01ff, ..] | [0x2002, ..] => "a tunnelled",
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => "a documentation",
        [0x2000..=0x3fff, ..] => return None,
        _ => "a reserved",
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_addresses_are_named() {
        for (text, word) in [
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("10.1.2.3", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("169.254.169.254", "metadata"),
            ("168.63.129.16", "metadata"),
            ("100.64.0.1", "carrier"),
            ("100.100.100.200", "carrier"),
            ("0.0.0.0", "unspecified"),
            ("192.0.0.192", "special"),
            ("198.19.0.1", "special"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::7f00:1", "reserved"),
            ("::ffff:10.0.0.1", "mapped"),
            ("::ffff:8.8.8.8", "mapped"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b:1::1", "reserved"),
            ("fd00:ec2::254", "unique-local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "reserved"),
            ("ff02::1", "multicast"),
            ("2002:7f00:1::", "tunnelled"),
            ("2001::1", "tunnelled"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("5f00::1", "reserved"),
        ] {
            let found = kind(text.parse().expect(text)).unwrap_or_else(|| panic!("{text} passed"));
            assert!(found.contains(word), "{text} is {found}, expected {word}");
        }
    }

    #[test]
    fn internet_addresses_pass() {
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.1.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"] {
            assert_eq!(kind(text.parse().expect(text)), None, "{text}");
        }
    }
}
