//! Certificates: a server is trusted by the system's roots and by those that were named.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use trefoil_client::http::ApiClient;
use trefoil_client::{Client, ErrorKind};

/// Serves the metadata of itself over TLS at `localhost`; returns the issuer and the PEM of its root.
pub(crate) async fn tls_server() -> (String, String) {
    tls_server_with(|_| {}).await
}

/// The same with a changed certificate.
pub(crate) async fn tls_server_with(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let mut root = CertificateParams::new(Vec::<String>::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut leaf);
    let leaf = leaf.signed_by(&key, &root).unwrap();
    let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let body = crate::mock::metadata(&issuer, &issuer).to_string();
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A handshake fails where the client does not trust us: that is one of the tests.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok_and(|n| n > 0)
            {
            }
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (issuer, root.pem())
}

#[tokio::test]
async fn a_server_of_an_unknown_root_is_a_connect_error_and_a_named_root_is_trusted() {
    let (issuer, pem) = tls_server().await;
    let quick = trefoil_client::RetryPolicy::never();
    let error = Client::builder("c").retry(quick).discover(&issuer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    let builder = Client::builder("c").root_ca_pem(pem.clone()).discover(&issuer).await.unwrap();
    assert_eq!(builder.build().unwrap().issuer(), Some(issuer.as_str()));
    let api = ApiClient::new(&issuer).unwrap().root_ca_pem(pem).unwrap();
    assert_eq!(api.get("/").send().await.unwrap().status(), 200);
    // What one client trusts, another of the same process does not.
    let error = Client::builder("c").retry(quick).discover(&issuer).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
}

#[test]
fn a_root_that_is_no_pem_is_a_configuration_error() {
    let error = Client::builder("c").root_ca_pem("not a certificate").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}
