//! Which URLs may be spoken to, and which of them are one place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::{Error, ErrorKind, Result};

/// Scheme, host and port (RFC 6454 section 4): what a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(url::Origin);

impl Origin {
    pub(crate) fn of(url: &Url) -> Self {
        Self(url.origin())
    }
}

/// Hosts that may be spoken to over plain http, beside loopback.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlainHosts(Vec<String>);

impl PlainHosts {
    pub(crate) fn allow(&mut self, host: &str) {
        self.0.push(host.trim_matches(['[', ']']).to_ascii_lowercase());
    }

    /// The hosts, for a cache key.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    /// Refuses a URL that is neither https, nor http to loopback, nor http to an allowed host; and one with user
    /// name, password or fragment.
    pub(crate) fn check(&self, url: &Url) -> Result<()> {
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            let why = "a URL here has no user name, no password and no fragment";
            return Err(Error::new(ErrorKind::InsecureUrl, why));
        }
        let Some(host) = url.host() else {
            return Err(Error::new(ErrorKind::InsecureUrl, "a URL here needs a host"));
        };
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_loopback(&host) || self.allowed(&host) => Ok(()),
            "http" => Err(Error::new(
                ErrorKind::InsecureUrl,
                format!(
                    "http to {host} would show the credentials to the network: use https, or allow_plain_http(\"{host}\") in a lab"
                ),
            )),
            scheme => Err(Error::new(ErrorKind::InsecureUrl, format!("{scheme} is neither https nor http"))),
        }
    }

    fn allowed(&self, host: &Host<&str>) -> bool {
        let text = host.to_string();
        let text = text.trim_matches(['[', ']']);
        self.0.iter().any(|allowed| allowed == text)
    }
}

/// Reads a URL; the error names what it was meant for.
pub(crate) fn parse(text: &str, what: &str) -> Result<Url> {
    Url::parse(text).map_err(|why| {
        let shown = crate::oauth_error::clean(text);
        Error::configuration(format!("{what} `{shown}` is no URL: {why}"))
    })
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

/// Whether a host is written as an address that no public server has: where a metadata document could send requests
/// that its author cannot make himself.
pub(crate) fn is_internal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => internal_v4(ip),
        Some(Host::Ipv6(ip)) => internal_v6(ip),
        None => true,
    }
}

fn internal_v4(ip: Ipv4Addr) -> bool {
    let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_unspecified()
        || ip.is_broadcast()
        || shared
}

fn internal_v6(ip: Ipv6Addr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => internal_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn d38_https_and_http_to_loopback_pass_and_other_http_does_not() {
        let plain = PlainHosts::default();
        for good in ["https://a.example", "http://127.0.0.1:8080/x", "http://[::1]:1", "http://localhost:9"] {
            assert!(plain.check(&url(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "ftp://a",
            "file:///etc",
            "https://u:p@a",
        ] {
            let error = plain.check(&url(bad)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InsecureUrl, "{bad}");
        }
    }

    #[test]
    fn d38_a_lab_host_is_allowed_by_name() {
        let mut plain = PlainHosts::default();
        plain.allow("Auth-Server");
        plain.allow("[fd00::1]");
        assert!(plain.check(&url("http://auth-server:8080/token")).is_ok());
        assert!(plain.check(&url("http://[fd00::1]/")).is_ok());
        assert!(plain.check(&url("http://other:8080/token")).is_err());
    }

    #[test]
    fn a137_addresses_of_inner_networks_are_known() {
        for inner in [
            "https://169.254.169.254/",
            "https://10.1.1.1",
            "https://[::ffff:10.0.0.1]/",
            "https://[fe80::1]/",
            "https://100.64.0.1",
        ] {
            assert!(is_internal(&url(inner)), "{inner}");
        }
        assert!(!is_internal(&url("https://auth.example.com")));
        assert!(!is_internal(&url("https://192.0.2.1")));
    }
}
