//! A certificate chain and its private key, from their files to a server configuration.
//!
//! Errors of the PEM reader quote the text that they stumbled over, which may be the private key itself, so that none
//! of them is shown: each has words of ours.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;
use trefoil_disk::read_private;

/// Reads both files. No error shows any part of the key.
pub(super) fn read_config(cert: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let chain = read_chain(cert)?;
    let private = read_key(key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| TlsError::Pair(pair_fault(&error)))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = Ticketer::new().map_err(|error| TlsError::Pair(pair_fault(&error)))?;
    Ok(config)
}

/// The certificates of a PEM file, at least one.
pub(super) fn read_chain(cert: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refused = |reason: String| TlsError::Certificate { path: cert.into(), reason };
    let text = std::fs::read(cert).map_err(|error| refused(error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refused(pem_fault(&error)))?;
    if chain.is_empty() {
        return Err(refused("holds no certificate".into()));
    }
    Ok(chain)
}

fn read_key(key: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    let text = read_private(key)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let encrypted = text.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED);
        let reason = if !matches!(error, pem::Error::NoItemsFound) {
            pem_fault(&error)
        } else if encrypted {
            "is encrypted with a passphrase; decrypt it (openssl pkey -in FILE)".to_owned()
        } else {
            "holds no private key".to_owned()
        };
        TlsError::Key { path: key.into(), reason }
    })
}

/// What is wrong with a PEM text, without any part of the text.
fn pem_fault(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a PEM block has no `-----END` line: the file was cut off, or its line breaks were lost".to_owned()
        }
        pem::Error::IllegalSectionStart { .. } => {
            "a `-----BEGIN` line goes on after its dashes: the line breaks of the file were lost (an unquoted \
             variable, or `\\n` written out)"
                .to_owned()
        }
        pem::Error::Base64Decode(_) => "the content of a PEM block is not base64".to_owned(),
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "holds no PEM block of this kind".to_owned(),
        pem::Error::SectionTooLarge => "a PEM block is far too long".to_owned(),
        _ => "is not PEM".to_owned(),
    }
}

/// What is wrong with the pair, without the library's own text.
fn pair_fault(error: &rustls::Error) -> &'static str {
    if matches!(error, rustls::Error::InconsistentKeys(_)) {
        "the key does not belong to the certificate; name the key that the certificate was issued for"
    } else if matches!(error, rustls::Error::InvalidCertificate(_)) {
        "the first certificate of the file cannot be read; the server's own certificate comes first"
    } else {
        "the key is not an EC (P-256, P-384, P-521), Ed25519 or RSA key that can sign"
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What `serve` and `config check` would show of a key file with this text, and the key's own base64.
    fn shown(change: impl Fn(&str) -> String) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("tls.pem"), dir.path().join("tls.key"));
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&cert, made.cert.pem()).unwrap();
        let pem = made.signing_key.serialize_pem();
        std::fs::write(&key, change(&pem)).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = read_config(&cert, &key).unwrap_err();
        (format!("{error} {error:?}"), pem)
    }

    #[test]
    fn case_01_no_error_shows_any_part_of_a_tls_key() {
        let spoiled: [&dyn Fn(&str) -> String; 6] = [
            &|pem| pem.replace('\n', " "),
            &|pem| pem.replace('\n', "\\n"),
            &|pem| pem.replace("-----END PRIVATE KEY-----", ""),
            &|pem| pem.replace("-----BEGIN", "----BEGIN"),
            &|pem| pem.replace('M', "!"),
            &|pem| pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        ];
        for change in spoiled {
            let (text, pem) = shown(change);
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            let bytes: Vec<String> = change(&pem).bytes().map(|byte| byte.to_string()).collect();
            for (at, part) in body.as_bytes().windows(12).enumerate() {
                assert!(!text.contains(std::str::from_utf8(part).unwrap()), "{at}: {text}");
            }
            for part in bytes.windows(8) {
                assert!(!text.contains(&part.join(", ")), "{text}");
            }
        }
    }

    #[test]
    fn case_01_lost_line_breaks_are_named() {
        for mark in [" ", "\\n"] {
            let (text, _) = shown(|pem| pem.trim_end().replace('\n', mark));
            assert!(text.contains("line breaks"), "{text}");
        }
    }
}
