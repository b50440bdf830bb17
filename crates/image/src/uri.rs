//! Which addresses an image may be fetched from. Whoever can name an address can make this node ask it, from inside the
//! cloud's own networks; so: schemes, hosts and ports are listed, a name is judged by the addresses that it resolves to at the
//! moment of connecting (a name that changes its mind later gains nothing), and every redirect is judged anew.
//!
//! Loopback, private, link-local (where clouds keep their metadata) and other special networks are refused unless the host is on
//! the list of allowed ones by name.

use http::Uri;
use kernel::{Error, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What may be fetched. An empty list of hosts: any that is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UriRules {
    pub schemes: Vec<String>,
    pub hosts: Vec<String>,
    pub disallowed_hosts: Vec<String>,
    /// Empty: any.
    pub ports: Vec<u16>,
}

impl Default for UriRules {
    /// Glance's.
    fn default() -> Self {
        let schemes = ["http", "https"].map(str::to_owned).to_vec();
        Self { schemes, hosts: Vec::new(), disallowed_hosts: Vec::new(), ports: vec![80, 443] }
    }
}

/// Which of a host's addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The operator named the host.
    Any,
    Public,
}

impl UriRules {
    /// Judges an address by what is written in it.
    pub(crate) fn check(&self, uri: &str) -> Result<Reach> {
        self.judge(uri)
            .ok_or_else(|| Error::bad_request(format!("URI for web-download does not pass filtering: {uri}")))
    }

    fn judge(&self, uri: &str) -> Option<Reach> {
        let uri: Uri = uri.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        // A user's name before the host only serves to mislead readers.
        if uri.authority()?.as_str().contains('@') {
            return None;
        }
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let port = match (uri.port_u16(), scheme.as_str()) {
            (Some(port), _) => port,
            (None, "https") => 443,
            (None, _) => 80,
        };
        let listed = |list: &[String]| list.iter().any(|h| h.eq_ignore_ascii_case(&host));
        if host.is_empty() || !self.schemes.contains(&scheme) || listed(&self.disallowed_hosts) {
            return None;
        }
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return None;
        }
        if listed(&self.hosts) {
            return Some(Reach::Any);
        }
        let literal: Option<IpAddr> = host.parse().ok();
        (self.hosts.is_empty() && literal.is_none_or(public)).then_some(Reach::Public)
    }
}

/// Whether an address is one of the internet's at large. Addresses that carry another one inside are judged by that.
#[must_use]
pub fn public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => public_v6(v6),
    }
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && b & 0xc0 == 64) // carrier-grade NAT
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18);
    !special
}

fn public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let v4 = |high: u16, low: u16| public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match s {
        // ::, ::1 and IPv4 as it was once written
        [0, 0, 0, 0, 0, 0, high, low] => high != 0 && v4(high, low),
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        // Teredo, and what is for documents
        [0x2001, 0, ..] | [0x2001, 0xdb8, ..] => false,
        // only what is given out: unique local, link-local, site-local and multicast are not in it
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, expect) in [
            ("8.8.8.8", true),
            ("93.184.216.34", true),
            ("2606:4700::1111", true),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("10.0.0.1", false),
            ("172.16.5.5", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("::127.0.0.1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(public(address.parse().unwrap()), expect, "{address}");
        }
    }

    #[test]
    fn written_addresses() {
        let open = UriRules::default();
        for (uri, expect) in [
            ("http://images.example.org/a.qcow2", Some(Reach::Public)),
            ("HTTPS://images.example.org./a", Some(Reach::Public)),
            ("https://images.example.org:443/a", Some(Reach::Public)),
            ("http://images.example.org:8080/a", None),
            ("ftp://images.example.org/a", None),
            ("file:///etc/passwd", None),
            ("/etc/passwd", None),
            ("http://127.0.0.1/", None),
            ("http://[::1]/", None),
            ("http://[::ffff:169.254.169.254]/latest", None),
            ("http://images.example.org@10.0.0.1/", None),
            ("http://user:word@images.example.org/", None),
            ("http://", None),
            ("", None),
        ] {
            assert_eq!(open.judge(uri), expect, "{uri}");
        }
        let listed = UriRules {
            hosts: vec!["127.0.0.1".into(), "Mirror".into()],
            disallowed_hosts: vec!["bad".into()],
            ports: Vec::new(),
            ..UriRules::default()
        };
        for (uri, expect) in [
            ("http://127.0.0.1:9/", Some(Reach::Any)),
            ("http://mirror/x", Some(Reach::Any)),
            ("http://bad/x", None),
            ("http://images.example.org/", None),
        ] {
            assert_eq!(listed.judge(uri), expect, "{uri}");
        }
    }
}
