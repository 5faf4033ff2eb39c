//! Why a request got no answer, in words that name the cause and what to do about it.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{CertificateError, InvalidMessage};
use url::Url;

use crate::oauth_error::clean;
use crate::{Error, ErrorKind, Remedy};

/// The way of one request: where it goes, through which proxy, and how long it may take.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Scheme, host and port: no path and no query, which can hold secrets.
    place: String,
    /// The proxy, if one stands between, without user name and password.
    proxy: Option<Arc<str>>,
    timeout: Duration,
}

/// What a failed request came to grief on.
enum Cause {
    Refused,
    UnknownHost(String),
    Network(String),
    Tunnel(String),
    Certificate(String),
    NotTls,
    Tls(String),
    Other(String),
}

impl Route {
    /// The way to `url`. Plain http goes past the proxy.
    pub(crate) fn new(url: &Url, proxy: Option<&Arc<str>>, timeout: Duration) -> Self {
        let proxy = proxy.filter(|_| url.scheme() == "https").map(Arc::clone);
        Self { place: url.origin().ascii_serialization(), proxy, timeout }
    }

    /// Turns the HTTP client's error into one that names the cause.
    pub(crate) fn failure(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let failure = if error.is_timeout() {
            self.timed_out()
        } else if error.is_connect() {
            self.not_connected(cause(&error))
        } else if error.is_builder() {
            Error::configuration(format!("the request cannot be built: {}", innermost(&error)))
        } else {
            self.broken_off(&innermost(&error))
        };
        failure.with_source(error)
    }

    fn timed_out(&self) -> Error {
        let by_way =
            self.proxy.as_ref().map_or(String::new(), |proxy| format!(" by way of the proxy {proxy}"));
        let why = format!(
            "no answer from {}{by_way} within {:?}: it is busy, or the network drops what is sent; try again, or \
             allow more time",
            self.place, self.timeout
        );
        Error::new(ErrorKind::Timeout, why)
    }

    fn not_connected(&self, cause: Cause) -> Error {
        let place = &self.place;
        let error = |why: String| Error::new(ErrorKind::Connect, why);
        match cause {
            Cause::Certificate(why) => {
                error(format!("cannot connect to {place}: {why}")).with_remedy(Remedy::FixConfiguration)
            }
            Cause::NotTls => {
                error(format!("cannot connect to {place}: what answers there is no TLS; is the port right?"))
                    .with_remedy(Remedy::FixConfiguration)
            }
            Cause::Tls(why) => error(format!("cannot connect to {place}: no TLS session: {why}")),
            Cause::Tunnel(why) => {
                let proxy = self.proxy.as_deref().unwrap_or_default();
                error(format!("the proxy {proxy} makes no connection to {place}: {why}; check its rules and its password"))
                    .with_remedy(Remedy::FixConfiguration)
            }
            Cause::Refused => error(format!(
                "{}: connection refused; {}",
                self.cannot_reach(),
                self.advice("is the server running, and are address and port right?")
            )),
            Cause::UnknownHost(why) => error(format!(
                "{}: the host name is unknown ({why}); {}",
                self.cannot_reach(),
                self.advice("check its spelling and the DNS of this machine")
            )),
            Cause::Network(why) | Cause::Other(why) => {
                error(format!("{}: {why}; {}", self.cannot_reach(), self.advice("check the network between")))
            }
        }
    }

    /// Which connection failed: with a proxy between, the one to the proxy.
    fn cannot_reach(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("cannot connect to the proxy {proxy} on the way to {}", self.place),
            None => format!("cannot connect to {}", self.place),
        }
    }

    fn advice(&self, direct: &'static str) -> &'static str {
        if self.proxy.is_some() { "check the proxy that was set by `proxy`" } else { direct }
    }

    fn broken_off(&self, why: &str) -> Error {
        let place = &self.place;
        if why.contains("invalid HTTP version") {
            let why =
                format!("what answers at {place} is not HTTP; is it an https address, or another service?");
            return Error::new(ErrorKind::Transport, why).with_remedy(Remedy::FixConfiguration);
        }
        Error::new(
            ErrorKind::Transport,
            format!("the connection to {place} broke before a whole answer: {why}"),
        )
    }
}

/// The first cause that has words of its own, from the outermost inwards.
fn cause(error: &(dyn StdError + 'static)) -> Cause {
    let mut next = Some(error);
    let mut name_failed = false;
    while let Some(error) = next {
        let text = error.to_string();
        name_failed |= text.starts_with("dns error");
        if let Some(why) = text.strip_prefix("tunnel error: ").filter(|_| error.source().is_none()) {
            return Cause::Tunnel(clean(why));
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            match io_cause(io) {
                Some(cause) => return cause,
                None if name_failed => return Cause::UnknownHost(clean(&text)),
                None => {}
            }
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return tls_cause(tls);
        }
        next = error.source();
    }
    Cause::Other(innermost(error))
}

/// An I/O error by its kind; or what is wrapped in it, which it does not give as its source.
fn io_cause(error: &io::Error) -> Option<Cause> {
    if let Some(inner) = error.get_ref() {
        let tls = inner.downcast_ref().map(tls_cause);
        return tls.or_else(|| inner.downcast_ref().and_then(io_cause));
    }
    let unreachable = [
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::NetworkUnreachable,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::TimedOut,
    ];
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return Some(Cause::Refused);
    }
    unreachable.contains(&error.kind()).then(|| Cause::Network(clean(&error.to_string())))
}

fn tls_cause(error: &rustls::Error) -> Cause {
    if let rustls::Error::InvalidCertificate(why) = error {
        return Cause::Certificate(certificate(why));
    }
    if matches!(error, rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) {
        return Cause::NotTls;
    }
    Cause::Tls(clean(&error.to_string()))
}

/// What is wrong with a certificate, and what to do about it. rustls has more reasons than have words here, and will
/// have further ones: those are shown as it writes them.
#[expect(clippy::wildcard_enum_match_arm, reason = "another crate's enum, open to further reasons")]
fn certificate(why: &CertificateError) -> String {
    let text = match why {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by no authority that is trusted here: name its root by `root_ca_pem`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: renew it there, or check the clock of this machine"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: check the clock of this machine"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another host name: use a name that the certificate has"
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "its certificate is that of an authority (CA:TRUE), which a server may not show: sign a certificate for \
             the server with it, and name the authority by `root_ca_pem`"
        }
        other => return format!("its certificate is not accepted: {}", clean(&other.to_string())),
    };
    text.to_owned()
}

/// The text of the innermost cause: the outer ones only say that something failed.
pub(crate) fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    clean(&cause.to_string())
}
