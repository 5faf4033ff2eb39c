//! Fetching a key set: capped, timed, and never redirected.

use std::path::Path;
use std::time::Duration;

use http::{StatusCode, header};
use reqwest::{Certificate, Client, Response, redirect};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;
use trefoil_shared::jose::KeySet;
use url::{Host, Url};

/// Longest key set, in bytes after decompression.
const MAX_BYTES: usize = 512 * 1024;
/// Most keys in a set.
const MAX_KEYS: usize = 100;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What the configuration says of outbound requests.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// PEM bytes of a certificate authority to trust beside the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// Hosts that may be asked over plain http.
    pub allow_hosts: Vec<String>,
}

/// The URL may not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlRefused {
    /// It is no http or https URL with a host.
    #[error("jwks_url `{0}`: not an https URL; give one such as https://auth.example.com/jwks.json")]
    NotHttp(String),
    /// Plain http beyond loopback.
    #[error(
        "jwks_url `{url}`: plain http is taken from loopback only; use https, or add \"{host}\" to outbound.allow_hosts"
    )]
    PlainHttp {
        /// The URL.
        url: String,
        /// Its host.
        host: String,
    },
    /// A user name or password in it would land in logs.
    #[error("jwks_url: a user name or password in the URL is not taken; remove it")]
    UserInfo,
    /// The extra certificate authority is no PEM, or the TLS library refused it.
    #[error("outbound.extra_ca: {0}; give a PEM file of CA certificates")]
    ExtraCa(String),
}

/// A fetch that gave no key set.
#[derive(Debug, Error)]
pub enum FetchError {
    /// No connection, no answer in time, or a broken one.
    #[error("no answer: {0}")]
    Transport(String),
    /// Another status than 200 and 304; a redirect is one of them.
    #[error("status {0}")]
    Status(StatusCode),
    /// Too long.
    #[error("longer than 512 KiB")]
    TooLong,
    /// Too many keys.
    #[error("more than 100 keys")]
    TooManyKeys,
    /// No key set, or none usable in it.
    #[error("{0}")]
    Keys(String),
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Fetched {
    /// The set that we have is still the right one.
    Unchanged {
        /// The server's `max-age`.
        max_age: Option<Duration>,
    },
    /// A key set.
    Set {
        /// Its bytes.
        jwks: Vec<u8>,
        /// The keys in it.
        keys: KeySet,
        /// Its `ETag`.
        etag: Option<String>,
        /// The server's `max-age`.
        max_age: Option<Duration>,
    },
}

/// Asks one URL for its key set.
#[derive(Clone, Debug)]
pub struct JwksClient {
    http: Client,
    url: Url,
}

impl JwksClient {
    /// Checks the URL and makes the client.
    pub fn new(url: &str, outbound: &Outbound) -> Result<Self, UrlRefused> {
        let url = checked_url(url, outbound)?;
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .user_agent(concat!("trefoil-resource-server/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &outbound.extra_ca {
            let extra = Certificate::from_pem_bundle(pem).map_err(|e| UrlRefused::ExtraCa(e.to_string()))?;
            if extra.is_empty() {
                return Err(UrlRefused::ExtraCa("no certificate in it".to_owned()));
            }
            builder = builder.tls_certs_merge(extra);
        }
        let http = builder.build().map_err(|e| UrlRefused::ExtraCa(e.to_string()))?;
        Ok(Self { http, url })
    }

    /// The URL.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Fetches the set, or learns that the one with `etag` still stands.
    pub async fn fetch(&self, etag: Option<&str>) -> Result<Fetched, FetchError> {
        let mut request = self.http.get(self.url.clone()).header(header::ACCEPT, "application/json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(transport)?;
        let max_age = max_age(&response);
        match response.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::Unchanged { max_age }),
            StatusCode::OK => {}
            other => return Err(FetchError::Status(other)),
        }
        let etag = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let jwks = capped_body(response).await?;
        let keys = parse_jwks(&jwks)?;
        Ok(Fetched::Set { jwks, keys, etag, max_age })
    }
}

/// Reads a key set after counting its keys, so that no crowd of keys is ever parsed.
pub fn parse_jwks(jwks: &[u8]) -> Result<KeySet, FetchError> {
    #[derive(Deserialize)]
    struct Counted<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let counted: Counted<'_> =
        serde_json::from_slice(jwks).map_err(|_| FetchError::Keys("not a JSON Web Key Set".to_owned()))?;
    if counted.keys.len() > MAX_KEYS {
        return Err(FetchError::TooManyKeys);
    }
    KeySet::from_jwks(jwks).map_err(|reason| FetchError::Keys(reason.to_string()))
}

fn checked_url(text: &str, outbound: &Outbound) -> Result<Url, UrlRefused> {
    let not_http = || UrlRefused::NotHttp(text.to_owned());
    let url = Url::parse(text).map_err(|_| not_http())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefused::UserInfo);
    }
    let host = url.host().ok_or_else(not_http)?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&host) || outbound.allow_hosts.contains(&host.to_string()) => Ok(url),
        "http" => Err(UrlRefused::PlainHttp { host: host.to_string(), url: text.to_owned() }),
        _ => Err(not_http()),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

async fn capped_body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn max_age(response: &Response) -> Option<Duration> {
    let value = response.headers().get(header::CACHE_CONTROL)?.to_str().ok()?;
    let seconds = value.split(',').find_map(|part| part.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// The innermost cause says most ("connection refused"); the outer ones repeat the URL.
fn transport(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    FetchError::Transport(cause.to_string())
}

/// Reads the PEM file of `outbound.extra_ca`.
pub fn read_extra_ca(path: &Path) -> Result<Vec<u8>, UrlRefused> {
    std::fs::read(path).map_err(|e| UrlRefused::ExtraCa(format!("{}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_loopback_and_named_hosts_only() {
        let lab = Outbound { extra_ca: None, allow_hosts: vec!["auth-server".to_owned()] };
        for good in [
            "https://a.example/jwks.json",
            "http://127.0.0.1:8080/jwks.json",
            "http://[::1]/j",
            "http://localhost/",
        ] {
            assert!(checked_url(good, &Outbound::default()).is_ok(), "{good}");
        }
        assert!(checked_url("http://auth-server:8080/jwks.json", &lab).is_ok());
        for bad in [
            "http://auth-server/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "file:///etc/passwd",
            "ftp://a/",
            "jwks.json",
            "https://u:p@a.example/",
        ] {
            assert!(checked_url(bad, &Outbound::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a087_a_crowd_of_keys_is_refused_before_any_is_parsed() {
        let crowd = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 10_000].join(","));
        assert!(matches!(parse_jwks(crowd.as_bytes()), Err(FetchError::TooManyKeys)));
        assert!(matches!(parse_jwks(br#"{"keys":[]}"#), Err(FetchError::Keys(_))));
        assert!(matches!(parse_jwks(b"<html>"), Err(FetchError::Keys(_))));
    }
}
