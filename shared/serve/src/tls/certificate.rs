//! What a certificate says about itself: for which names it is, and until when.

use std::path::Path;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use trefoil_shared::Timestamp;

use super::TlsError;
use super::pair::read_chain;

/// What a check of the configuration wants to know of a server's certificate.
#[derive(Clone, Debug)]
pub struct CertificateFacts {
    own: CertificateDer<'static>,
    /// The second after which the first certificate that expires is no longer valid: clients check the whole chain.
    pub expires: Option<Timestamp>,
}

/// Reads the certificate chain of a PEM file.
pub fn certificate_facts(cert: &Path) -> Result<CertificateFacts, TlsError> {
    let chain = read_chain(cert)?;
    let expires = chain.iter().filter_map(not_after).min();
    let own = chain.into_iter().next().ok_or(TlsError::Pair("the file holds no certificate"))?;
    Ok(CertificateFacts { own, expires })
}

impl CertificateFacts {
    /// Whether the server's own certificate is for this host (a name or an address; RFC 6125).
    pub fn is_for(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let (Ok(name), Ok(own)) = (ServerName::try_from(bare), webpki::EndEntityCert::try_from(&self.own))
        else {
            return false;
        };
        own.verify_is_valid_for_subject_name(&name).is_ok()
    }

    /// The host names that it is for.
    pub fn names(&self) -> Vec<String> {
        webpki::EndEntityCert::try_from(&self.own)
            .map(|own| own.valid_dns_names().map(str::to_owned).collect())
            .unwrap_or_default()
    }
}

/// The verifier looks at the validity first of all, and its refusal at a time far away names the end.
fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let far = UnixTime::since_unix_epoch(Duration::from_secs(u64::from(u32::MAX) * 1000));
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let usage = webpki::KeyUsage::server_auth();
    let verdict = parsed.verify_for_usage(&[], &[], &[], far, usage, None, None);
    let Some(webpki::Error::CertExpired { not_after, .. }) = verdict.err() else { return None };
    i64::try_from(not_after.as_secs()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u04_names_and_end_of_a_certificate_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let cert = dir.path().join("c.pem");
        let mut params =
            rcgen::CertificateParams::new(vec!["auth.example.com".to_owned(), "192.0.2.7".to_owned()])
                .unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 5, 17);
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(&cert, params.self_signed(&key).unwrap().pem()).unwrap();
        let facts = certificate_facts(&cert).unwrap();
        assert_eq!(facts.expires, Some(Timestamp(1_936_742_400)));
        assert!(facts.is_for("auth.example.com") && facts.is_for("192.0.2.7"));
        assert!(!facts.is_for("example.com") && !facts.is_for("[::1]") && !facts.is_for(""));
        assert_eq!(facts.names(), ["auth.example.com"]);
    }
}
