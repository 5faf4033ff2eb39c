//! The rules for single values.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::Url;

use super::Problem;

/// RFC 8414 section 2: a URL without query and fragment. Plain http is left to loopback and closed networks.
pub(super) fn issuer(text: &str) -> Result<String, Problem> {
    let wrong =
        |why: &str| Problem::new("issuer", format!("`{text}` {why}, such as https://auth.example.com"));
    let url = Url::parse(text).map_err(|_| wrong("is no URL: write one with its scheme"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("must be an https URL with a host"));
    }
    if text.contains(['?', '#', '@', '\\']) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("must be a plain URL without query, fragment and user"));
    }
    Ok(text.to_owned())
}

pub(super) fn address(key: &str, text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            key,
            format!("`{text}` is no address: write IP:PORT, such as 127.0.0.1:8080 or [::]:8080"),
        )
    })
}

pub(super) fn network(text: &str) -> Result<IpNet, Problem> {
    let one_address = || text.parse().ok().map(|ip: IpAddr| IpNet::from(ip));
    text.parse().ok().or_else(one_address).ok_or_else(|| {
        Problem::new("trusted_proxies", format!("`{text}` is no network: write 10.0.0.0/8 or 192.0.2.1"))
    })
}

/// The URL is never shown: it may hold a password.
pub(super) fn check_database_url(key: &str, text: &str) -> Result<(), Problem> {
    if text.strip_prefix("sqlite:").is_some_and(|rest| !rest.trim_start_matches('/').is_empty()) {
        return Ok(());
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    let Some(url) = url else {
        return Err(Problem::new(key, "must be sqlite://PATH or postgres://USER@HOST/DATABASE"));
    };
    if on_this_machine(&url) || url.query_pairs().any(|(name, _)| name == "sslmode") {
        return Ok(());
    }
    if url.query_pairs().any(|(name, _)| name == "sslrootcert") {
        return Ok(());
    }
    // Decision 30: beyond loopback the connection is verified, or the operator says in the URL that it is not.
    let message = "is not on this machine: add ?sslmode=verify-full&sslrootcert=FILE, or an explicit sslmode";
    Err(Problem::new(key, message))
}

/// Whether a PostgreSQL URL names this machine: by loopback, or by a socket's directory.
pub(crate) fn on_this_machine(url: &Url) -> bool {
    let socket = url.query_pairs().any(|(name, value)| name == "host" && value.starts_with('/'));
    let loopback = match url.host() {
        None => true,
        Some(url::Host::Domain(name)) => name.is_empty() || name == "localhost" || name.starts_with("%2"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
    };
    // A non-special scheme keeps an IP address as a name.
    let literal = url.host_str().map(|host| host.trim_matches(['[', ']']));
    let loopback_name =
        literal.and_then(|host| host.parse::<IpAddr>().ok()).is_some_and(|ip| ip.is_loopback());
    socket || loopback || loopback_name
}
