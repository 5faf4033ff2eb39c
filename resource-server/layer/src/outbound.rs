//! Requests that this server makes itself: to which URLs, with which client.

mod fault;

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, redirect};
use thiserror::Error;
use url::{Host, Url};

pub use fault::Fault;

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// So long a connection is kept without a request: from one poll of the revocation list to the next, and no longer than
/// the auth-server keeps it (9 s), as a request on one that is being closed fails.
const IDLE: Duration = Duration::from_secs(6);

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
    #[error("{key} `{url}`: not an https URL; give one such as https://auth.example.com/jwks.json")]
    NotHttp {
        /// The setting.
        key: &'static str,
        /// The text.
        url: String,
    },
    /// Plain http beyond loopback.
    #[error(
        "{key} `{url}`: plain http is taken from loopback only; use https, or add \"{host}\" to outbound.allow_hosts"
    )]
    PlainHttp {
        /// The setting.
        key: &'static str,
        /// The URL.
        url: String,
        /// Its host.
        host: String,
    },
    /// A user name or password in it would land in logs.
    #[error("{key}: a user name or password in the URL is not taken; remove it")]
    UserInfo {
        /// The setting.
        key: &'static str,
    },
    /// The extra certificate authority is no PEM, or the TLS library refused it.
    #[error("outbound.extra_ca: {0}; give a PEM file of CA certificates")]
    ExtraCa(String),
}

impl Outbound {
    /// A client that follows no redirect, uses no proxy and gives up after that time.
    pub(crate) fn client(&self, answer_within: Duration) -> Result<Client, UrlRefused> {
        self.build(answer_within, true)
    }

    /// The same, and answers come as they went over the wire.
    pub(crate) fn raw_client(&self, answer_within: Duration) -> Result<Client, UrlRefused> {
        self.build(answer_within, false)
    }

    fn build(&self, answer_within: Duration, inflate: bool) -> Result<Client, UrlRefused> {
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .gzip(inflate)
            .connect_timeout(CONNECT_WITHIN)
            .timeout(answer_within)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("trefoil-resource-server/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &self.extra_ca {
            let extra = Certificate::from_pem_bundle(pem).map_err(|e| UrlRefused::ExtraCa(e.to_string()))?;
            if extra.is_empty() {
                return Err(UrlRefused::ExtraCa("no certificate in it".to_owned()));
            }
            builder = builder.tls_certs_merge(extra);
        }
        builder.build().map_err(|e| UrlRefused::ExtraCa(e.to_string()))
    }
}

/// Reads the URL of the setting `key`: https, or http to loopback and to hosts that are named.
pub(crate) fn checked_url(key: &'static str, text: &str, outbound: &Outbound) -> Result<Url, UrlRefused> {
    let not_http = || UrlRefused::NotHttp { key, url: text.to_owned() };
    let url = Url::parse(text).map_err(|_| not_http())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefused::UserInfo { key });
    }
    let host = url.host().ok_or_else(not_http)?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&host) || outbound.allow_hosts.contains(&host.to_string()) => Ok(url),
        "http" => Err(UrlRefused::PlainHttp { key, host: host.to_string(), url: text.to_owned() }),
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

/// The cause of a failed request, and what to do about it.
pub(crate) fn transport(error: reqwest::Error) -> String {
    Fault::of(&error.without_url()).to_string()
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
            assert!(checked_url("jwks_url", good, &Outbound::default()).is_ok(), "{good}");
        }
        assert!(checked_url("jwks_url", "http://auth-server:8080/jwks.json", &lab).is_ok());
        for bad in [
            "http://auth-server/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "file:///etc/passwd",
            "ftp://a/",
            "jwks.json",
            "https://u:p@a.example/",
        ] {
            assert!(checked_url("jwks_url", bad, &Outbound::default()).is_err(), "{bad}");
        }
    }
}
