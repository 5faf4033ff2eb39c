//! The rules for single values.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::Url;

use super::{InvalidPostgresUrl, PostgresUrl, Problem};

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
    if let Some(rest) = text.strip_prefix("sqlite:") {
        if text.contains(":memory:") || text.contains("mode=memory") {
            return Err(Problem::new(key, "SQLite needs a file: its connections share no memory"));
        }
        if !rest.trim_start_matches('/').is_empty() {
            return Ok(());
        }
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !scheme.is_some_and(|scheme| ["postgres", "postgresql"].contains(&scheme.as_str())) {
        return Err(Problem::new(key, "must be sqlite://PATH or postgres://USER@HOST/DATABASE"));
    }
    let url: PostgresUrl =
        text.parse().map_err(|error: InvalidPostgresUrl| Problem::new(key, error.to_string()))?;
    // Decision 30: beyond loopback the connection is verified, or the operator says in the URL that it is not.
    if !url.is_local() && url.ssl_mode.is_none() && url.root_cert.is_none() {
        let message = "names a host that is not this machine: add ?sslmode=verify-full&sslrootcert=FILE, or an \
                       explicit sslmode";
        return Err(Problem::new(key, message));
    }
    Ok(())
}
