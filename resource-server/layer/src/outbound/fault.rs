//! Why a request of our own brought no answer: each cause in its own words, with what to do about it.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use thiserror::Error;

/// What went wrong before there was an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Nobody listens at that address.
    #[error("connection refused: no server listens there; start it, or correct host and port")]
    Refused,
    /// The host has no address.
    #[error("the host name has no address; correct it, or the name service of this machine")]
    NoAddress,
    /// The network has no way there.
    #[error("the network does not lead there; check the address, routes and firewalls")]
    Unreachable,
    /// No connection or no whole answer within the time that is allowed.
    #[error("no answer in time; check for a firewall between, or a server that is overloaded")]
    TimedOut,
    /// The other side ended the connection.
    #[error("the server closed the connection before its answer was complete")]
    Closed,
    /// The other side does not speak TLS.
    #[error("the server does not speak TLS at that port; correct the port, or the scheme of the URL")]
    NotTls,
    /// The other side's certificate is not taken.
    #[error("the server's certificate is refused: {0}")]
    Certificate(String),
    /// TLS failed for another reason.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// Anything else, in the words of the innermost cause.
    #[error("no answer: {0}")]
    Other(String),
}

impl Fault {
    /// Finds the cause of a failed request. The URL is not repeated.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        let mut cause: &(dyn Error + 'static) = error;
        loop {
            if let Some(fault) = known(cause) {
                return fault;
            }
            match cause.source() {
                Some(source) => cause = source,
                None if error.is_timeout() => return Self::TimedOut,
                None => return Self::Other(cause.to_string()),
            }
        }
    }
}

fn known(cause: &(dyn Error + 'static)) -> Option<Fault> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(of_tls(tls));
    }
    if let Some(io) = cause.downcast_ref::<io::Error>() {
        // An io::Error stands for the error in it, which may be another one: `source` passes over them.
        let inner = io.get_ref().and_then(|inner| known(inner));
        return inner.or_else(|| of_io(io));
    }
    // hyper's own errors, of which this crate knows the texts alone.
    let text = cause.to_string();
    let closed = ["connection closed before message completed", "end of file before message length reached"];
    closed.iter().any(|part| text.contains(part)).then_some(Fault::Closed)
}

fn of_io(error: &io::Error) -> Option<Fault> {
    use io::ErrorKind as Kind;
    let is = |kinds: &[Kind]| kinds.contains(&error.kind());
    if is(&[Kind::ConnectionRefused]) {
        Some(Fault::Refused)
    } else if is(&[Kind::HostUnreachable, Kind::NetworkUnreachable, Kind::NetworkDown]) {
        Some(Fault::Unreachable)
    } else if is(&[Kind::TimedOut]) {
        Some(Fault::TimedOut)
    } else if is(&[Kind::ConnectionReset, Kind::ConnectionAborted, Kind::BrokenPipe, Kind::UnexpectedEof]) {
        Some(Fault::Closed)
    } else if error.to_string().contains("failed to lookup address") {
        Some(Fault::NoAddress)
    } else {
        None
    }
}

fn of_tls(error: &rustls::Error) -> Fault {
    use rustls::Error as Tls;
    if let Tls::InvalidCertificate(reason) = error {
        return Fault::Certificate(of_certificate(reason));
    }
    if matches!(error, Tls::InvalidMessage(_)) {
        return Fault::NotTls;
    }
    Fault::Tls(error.to_string())
}

fn of_certificate(reason: &CertificateError) -> String {
    const AUTHORITY: &str = "name the PEM file of the authority that issued it in outbound.extra_ca";
    // The reasons of webpki that rustls has no name for come as another crate's error.
    if format!("{reason:?}").contains("CaUsedAsEndEntity") {
        return "it is a self-signed authority's (CA:TRUE), which no server may show; make the server's certificate with \
                basicConstraints=CA:FALSE, or have an authority issue it, and name the PEM file of that authority in \
                outbound.extra_ca"
            .to_owned();
    }
    let is = |names: &[&str]| names.iter().any(|name| format!("{reason:?}").starts_with(name));
    if is(&["UnknownIssuer"]) {
        format!("it is self-signed, or issued by an authority that is not trusted here; {AUTHORITY}")
    } else if is(&["NotValidForName"]) {
        format!("it is not for the host name of the URL ({reason}); use a name that the certificate has")
    } else if is(&["Expired"]) {
        format!("it has expired, or the clock of this machine is ahead ({reason})")
    } else if is(&["NotValidYet"]) {
        format!("it is not valid yet, or the clock of this machine is behind ({reason})")
    } else {
        reason.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_07_each_reason_against_a_certificate_has_its_own_words() {
        let other = |text: &str| {
            let error: Box<dyn Error + Send + Sync> = text.into();
            CertificateError::Other(rustls::OtherError(std::sync::Arc::from(error)))
        };
        let cases = [
            (other("CaUsedAsEndEntity"), "CA:FALSE"),
            (CertificateError::UnknownIssuer, "outbound.extra_ca"),
            (CertificateError::NotValidForName, "host name"),
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidYet, "behind"),
        ];
        for (reason, words) in cases {
            let text = of_tls(&rustls::Error::InvalidCertificate(reason)).to_string();
            assert!(text.contains(words) && text.contains("certificate") && !text.contains('\n'), "{text}");
        }
    }
}
