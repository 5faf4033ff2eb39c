//! A PostgreSQL URL, parsed once and as libpq reads it, for everything that wants to know something about it: a text
//! search would find `sslmode=` inside a password.
//!
//! No error shows any part of the URL but the names of its parameters and values from fixed lists.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sqlx::postgres::PgSslMode;
use thiserror::Error;
use trefoil_shared::Secret;
use trefoil_shared::nearest;
use url::Url;

/// Parameters that libpq knows and that have no effect here.
const WITHOUT_EFFECT: [&str; 25] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "passfile",
    "requirepeer",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslpassword",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// Parameters that are read.
const READ: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

const SSL_MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host name or an address.
    Host(String),
    /// The directory of a Unix socket.
    Socket(PathBuf),
}

/// A parsed URL. What it does not say is `None`.
#[derive(Clone, Debug, Default)]
pub struct PostgresUrl {
    /// The host or the directory of the socket.
    pub place: Option<Place>,
    /// The port.
    pub port: Option<u16>,
    /// The role.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The name of the database.
    pub database: Option<String>,
    /// `sslmode`.
    pub ssl_mode: Option<PgSslMode>,
    /// `sslrootcert`: the authorities that the server's certificate is checked against.
    pub root_cert: Option<PathBuf>,
    /// `sslcert`.
    pub client_cert: Option<PathBuf>,
    /// `sslkey`.
    pub client_key: Option<PathBuf>,
    /// The name that the server shows for the connection.
    pub application_name: Option<String>,
    /// Names and values of `options=-c NAME=VALUE` and `options[NAME]=VALUE`.
    pub options: Vec<(String, String)>,
    /// How many prepared statements are kept.
    pub statement_cache_capacity: Option<usize>,
    /// Names of parameters that libpq knows and that have no effect here.
    pub without_effect: Vec<String>,
}

/// Why a text is no such URL, and what to write. Holds no part of a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidPostgresUrl(String);

fn refused<T>(message: impl Into<String>) -> Result<T, InvalidPostgresUrl> {
    Err(InvalidPostgresUrl(message.into()))
}

impl FromStr for PostgresUrl {
    type Err = InvalidPostgresUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (url, has_host) = split(text)?;
        let mut parsed = Self::default();
        if let Some(host) = url.host_str().filter(|host| has_host && !host.is_empty()) {
            let host = decoded(host, "the host")?;
            if host.contains(',') {
                return refused("names several hosts: name one address that leads to the primary");
            }
            parsed.place = Some(place(&host));
        }
        parsed.port = url.port();
        parsed.user = non_empty(decoded(url.username(), "the user")?);
        if let Some(password) = url.password() {
            parsed.password = non_empty(decoded(password, "the password")?).map(Secret::new);
        }
        parsed.database = non_empty(decoded(url.path().trim_start_matches('/'), "the database")?);
        for (name, value) in url.query_pairs() {
            parsed.parameter(&name, &value)?;
        }
        Ok(parsed)
    }
}

/// The URL, and whether it names a host: `postgres://user@/db?host=/run` does not, and the URL standard has no place
/// for a user without one.
fn split(text: &str) -> Result<(Url, bool), InvalidPostgresUrl> {
    let form = "write postgres://USER@HOST/DATABASE, or with a socket postgres://USER@/DATABASE?host=/DIR";
    let Some((scheme, rest)) = text.split_once("://") else { return refused(form) };
    if !["postgres", "postgresql"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return refused(form);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let has_host = !(host.is_empty() || host.starts_with(':'));
    let whole = if has_host || authority.is_empty() {
        format!("postgres://{authority}{tail}")
    } else {
        format!("postgres://{user}@none{host}{tail}")
    };
    if host.contains(',') {
        return refused("names several hosts: name one address that leads to the primary");
    }
    match Url::parse(&whole) {
        Ok(url) if url.fragment().is_none() => Ok((url, has_host)),
        Ok(_) => refused("has a `#`: in a password it is written %23"),
        Err(url::ParseError::InvalidPort) => refused(
            "has no number as its port: `/`, `?`, `#` and `@` in a password are written %2F, %3F, %23 and %40",
        ),
        Err(_) => refused(format!("cannot be parsed: {form}; write special characters of a password as %XX")),
    }
}

fn decoded(text: &str, what: &str) -> Result<String, InvalidPostgresUrl> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => refused(format!("{what} is not UTF-8 after its %XX are decoded")),
    }
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn place(host: &str) -> Place {
    if host.starts_with('/') { Place::Socket(host.into()) } else { Place::Host(host.to_owned()) }
}

impl PostgresUrl {
    fn parameter(&mut self, name: &str, value: &str) -> Result<(), InvalidPostgresUrl> {
        match name {
            "host" if value.is_empty() => {}
            "host" if value.contains(',') => {
                return refused("host names several hosts: name one address that leads to the primary");
            }
            "host" => self.place = Some(place(value)),
            "hostaddr" if value.parse::<IpAddr>().is_err() => return refused("hostaddr is no IP address"),
            "hostaddr" => self.place = Some(Place::Host(value.to_owned())),
            "port" => match value.parse() {
                Ok(port) => self.port = Some(port),
                Err(_) => return refused("port is no number from 1 to 65535"),
            },
            "user" => self.user = non_empty(value.to_owned()),
            "password" => self.password = non_empty(value.to_owned()).map(Secret::new),
            "dbname" => self.database = non_empty(value.to_owned()),
            "sslmode" | "ssl-mode" => self.ssl_mode = Some(ssl_mode(value)?),
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => self.root_cert = Some(value.into()),
            "sslcert" | "ssl-cert" => self.client_cert = Some(value.into()),
            "sslkey" | "ssl-key" => self.client_key = Some(value.into()),
            "application_name" => self.application_name = non_empty(value.to_owned()),
            "statement-cache-capacity" => match value.parse() {
                Ok(capacity) => self.statement_cache_capacity = Some(capacity),
                Err(_) => return refused("statement-cache-capacity is no number"),
            },
            "options" => self.options.extend(session_options(value)?),
            _ => return self.other(name, value),
        }
        Ok(())
    }

    fn other(&mut self, name: &str, value: &str) -> Result<(), InvalidPostgresUrl> {
        if let Some(option) = name.strip_prefix("options[").and_then(|rest| rest.strip_suffix(']')) {
            self.options.push((option.to_owned(), value.to_owned()));
            return Ok(());
        }
        if WITHOUT_EFFECT.contains(&name) {
            self.without_effect.push(name.to_owned());
            return Ok(());
        }
        // A password with a raw `?` would come out here as a name.
        let plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        match nearest(name, READ.iter().copied()).filter(|_| plain) {
            Some(near) => refused(format!("the parameter `{name}` is unknown; did you mean `{near}`?")),
            None => refused(format!(
                "a parameter after `?` is unknown; known are {}. A `?` in a password is written %3F",
                READ.join(", ")
            )),
        }
    }

    /// Whether it leads to this machine: by a socket, a loopback address, or by naming no host.
    pub fn is_local(&self) -> bool {
        match &self.place {
            None | Some(Place::Socket(_)) => true,
            Some(Place::Host(host)) => is_loopback(host),
        }
    }
}

/// `localhost`, or an address of the loopback network.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn ssl_mode(value: &str) -> Result<PgSslMode, InvalidPostgresUrl> {
    value.parse().or_else(|_| {
        let harmless =
            value.len() <= 20 && value.bytes().all(|b| b.is_ascii_alphabetic() || b"-_".contains(&b));
        let named =
            if harmless { format!("sslmode `{value}` is unknown") } else { "sslmode is unknown".to_owned() };
        refused(format!("{named}: use {SSL_MODES}"))
    })
}

/// `-c search_path=a --work_mem=1MB`, with `\` before a space that does not end an option (libpq).
fn session_options(text: &str) -> Result<Vec<(String, String)>, InvalidPostgresUrl> {
    let mut words = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        let ends = c.is_whitespace() && !escaped;
        escaped = c == '\\' && !escaped;
        match words.last_mut() {
            Some(word) if !ends => word.push(c),
            _ => words.push(String::new()),
        }
    }
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next(),
            Some(setting) => Some(setting.to_owned()),
            None => None,
        };
        match setting.as_deref().and_then(|setting| setting.split_once('=')) {
            Some((name, value)) => options.push((name.replace('-', "_"), value.to_owned())),
            None => return refused("options is not of the form `-c NAME=VALUE`"),
        }
    }
    Ok(options)
}

#[cfg(test)]
#[path = "postgres_url_tests.rs"]
mod tests;
