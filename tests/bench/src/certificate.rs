//! A self-signed certificate for 127.0.0.1, and the two ends of TLS 1.3 that use it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The two files of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// The certificate, PEM.
    pub(crate) cert: PathBuf,
    /// Its key, PEM, mode 0600.
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// Makes one in `dir`.
    pub(crate) fn create(dir: &Path) -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let files = Self { cert: dir.join("tls.pem"), key: dir.join("tls-key.pem") };
        fs::write(&files.cert, made.cert.pem())?;
        fs::write(&files.key, made.signing_key.serialize_pem())?;
        crate::machine::only_for_us(&files.key)?;
        Ok(files)
    }

    /// A client that trusts this certificate alone, and makes a full handshake for each connection.
    pub(crate) fn client_config(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.cert)?)?;
        let mut config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The limit's side.
pub(crate) fn server_config(cert: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from_pem_file(cert)?], PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
