//! Which host names a request may use.
//!
//! Without access control the server listens only on the loopback. A web page open on the same machine could still reach it
//! through DNS rebinding, by pointing its own name at 127.0.0.1; the request would then carry that name in `Host`.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, Uri, header, uri::Authority};

/// Why a request is not taken by its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostFault {
    /// It names none.
    Missing,
    NotAllowed,
}

/// The allowed host names.
#[derive(Clone, Debug, Default)]
pub(super) struct HostCheck {
    allowed: Vec<String>,
}

impl HostCheck {
    /// `allowed`: names or addresses without a port, in addition to those of the loopback.
    pub(super) fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.iter().map(|name| normal(name)).collect() }
    }

    /// Every host that the request names, in `:authority`, an absolute URI or `Host`, must be allowed, and it must name at
    /// least one.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), HostFault> {
        let mut named = false;
        if let Some(authority) = uri.authority() {
            named = true;
            if !self.allows(authority) {
                return Err(HostFault::NotAllowed);
            }
        }
        for value in headers.get_all(header::HOST) {
            named = true;
            let authority = Authority::try_from(value.as_bytes());
            if !authority.is_ok_and(|authority| self.allows(&authority)) {
                return Err(HostFault::NotAllowed);
            }
        }
        if named { Ok(()) } else { Err(HostFault::Missing) }
    }

    fn allows(&self, authority: &Authority) -> bool {
        // Compared whole: what the parser calls the host may be followed by something else.
        let after_host = authority.as_str().strip_prefix(authority.host());
        if !after_host.is_some_and(is_port) {
            return false;
        }
        let host = normal(authority.host());
        is_loopback(&host) || self.allowed.contains(&host)
    }
}

/// Nothing, or a colon and a port.
fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':');
    text.is_empty()
        || digits
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn is_loopback(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse() == Ok(Ipv6Addr::LOCALHOST);
    }
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], host: Option<&str>, uri: &str) -> Result<(), HostFault> {
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(header::HOST, host.parse().unwrap());
        }
        HostCheck::new(&allowed).check(&uri.parse().unwrap(), &headers)
    }

    fn passes(allowed: &[&str], host: Option<&str>, uri: &str) -> bool {
        check(allowed, host, uri).is_ok()
    }

    #[test]
    fn the_loopback_passes_under_any_port() {
        for host in
            ["localhost", "LOCALHOST:1", "localhost.:80", "127.0.0.1:50051", "127.9.9.9", "[::1]", "[::1]:9"]
        {
            assert!(passes(&[], Some(host), "/"), "{host}");
        }
    }

    #[test]
    fn other_names_do_not_pass() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "128.0.0.1",
            "0.0.0.0",
            "[::2]",
            "user@localhost",
            "",
            "a b",
            "0x7f.1",
            "[::1].example",
            "[::1]1",
            "127.0.0.1:99999",
            "127.0.0.1:",
            "localhost:+80",
            "localhost:80:80",
        ] {
            assert!(!passes(&[], Some(host), "/"), "{host}");
        }
        assert_eq!(check(&[], None, "/"), Err(HostFault::Missing));
        assert_eq!(check(&[], Some(""), "/"), Err(HostFault::NotAllowed));
    }

    #[test]
    fn every_name_given_must_pass() {
        assert!(passes(&[], Some("localhost"), "http://127.0.0.1/x"));
        assert!(!passes(&[], Some("localhost"), "http://evil.example/x"));
        assert!(!passes(&[], Some("evil.example"), "http://localhost/x"));
    }

    #[test]
    fn a_configured_name_passes() {
        assert!(passes(&["Plaudit.internal"], Some("plaudit.internal:50051"), "/"));
        assert!(!passes(&["plaudit.internal"], Some("x.plaudit.internal"), "/"));
    }
}
