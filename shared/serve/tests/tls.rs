//! Fault 23: certificates that change while the server runs. Decision 11: who may read the key.

use std::os::unix::fs::PermissionsExt;

use rustix::process::{Signal, getpid, kill_process};
use rustls::pki_types::CertificateDer;
use trefoil_serve::config::TlsSettings;
use trefoil_serve::listen::Limits;
use trefoil_serve::tls::{ReloadingTls, TlsError};

use crate::harness::{Certificate, ask, connect_tls, eventually, start, write_private};

#[tokio::test]
async fn f23_a_new_certificate_is_taken_up_and_open_connections_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let tls = certificate.open();
    let server = start(Limits::default(), Some(tls.clone())).await;
    let first = certificate.der();
    let mut open = connect_tls(server.address, first.clone(), &["http/1.1"]).await.unwrap();
    assert!(ask(&mut open, "/").await.ends_with("hello"));

    assert!(!tls.reload_if_changed().unwrap());
    certificate.renew();
    assert!(tls.reload_if_changed().unwrap());

    assert!(connect_tls(server.address, first, &["http/1.1"]).await.is_err());
    let mut fresh = connect_tls(server.address, certificate.der(), &["http/1.1"]).await.unwrap();
    assert!(ask(&mut fresh, "/").await.ends_with("hello"));
    assert!(ask(&mut open, "/").await.ends_with("hello"));
}

#[tokio::test]
async fn f23_files_that_cannot_be_used_leave_the_old_certificate_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let tls = certificate.open();
    let server = start(Limits::default(), Some(tls.clone())).await;
    let good = certificate.der();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = std::fs::read_to_string(&certificate.key).unwrap();

    write_private(&certificate.key, &other.signing_key.serialize_pem());
    assert!(matches!(tls.reload_if_changed(), Err(TlsError::Pair(_))));
    still_serves(&server, &good).await;
    assert!(!tls.reload_if_changed().unwrap(), "a pair that was refused is not read again");
    write_private(&certificate.key, "no key");
    assert!(matches!(tls.reload(), Err(TlsError::Key { .. })));
    still_serves(&server, &good).await;
    write_private(&certificate.key, &key);
    std::fs::write(&certificate.cert, "no certificate").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Certificate { .. })));
    still_serves(&server, &good).await;
    std::fs::remove_file(&certificate.cert).unwrap();
    assert!(matches!(tls.reload_if_changed(), Err(TlsError::Certificate { .. })));
    still_serves(&server, &good).await;
}

async fn still_serves(server: &crate::harness::Running, cert: &CertificateDer<'static>) {
    let mut stream = connect_tls(server.address, cert.clone(), &["http/1.1"]).await.unwrap();
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
}

#[tokio::test]
async fn f23_the_watch_follows_files_and_sighup() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let tls = certificate.open();
    let server = start(Limits::default(), Some(tls.clone())).await;
    tls.watch(&server.shutdown).unwrap();
    for by_signal in [true, false] {
        certificate.renew();
        if by_signal {
            kill_process(getpid(), Signal::HUP).unwrap();
        }
        eventually("the new certificate is served", async || {
            connect_tls(server.address, certificate.der(), &["http/1.1"]).await.is_ok()
        })
        .await;
    }
}

#[test]
fn d11_a_tls_key_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    std::fs::set_permissions(&certificate.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = ReloadingTls::open(&certificate.cert, &certificate.key).unwrap_err().to_string();
    assert!(error.contains("run: chmod 0600 "), "{error}");
}

#[test]
fn half_a_pair_and_client_authorities_are_refused_by_name() {
    let refused = |settings: TlsSettings| ReloadingTls::from_settings(&settings).unwrap_err().to_string();
    let half = TlsSettings { cert: Some("c.pem".into()), ..TlsSettings::default() };
    assert_eq!(refused(half), "tls.cert is set but tls.key is not; set both, or neither for cleartext");
    let half = TlsSettings { key: Some("k.pem".into()), ..TlsSettings::default() };
    assert!(refused(half).starts_with("tls.key is set but tls.cert is not"));
    let client_ca = TlsSettings { client_ca: Some("ca.pem".into()), ..TlsSettings::default() };
    assert_eq!(refused(client_ca), "tls.client_ca is not available yet; remove it");
    assert!(ReloadingTls::from_settings(&TlsSettings::default()).unwrap().is_none());
}

#[tokio::test]
async fn d29_http1_is_spoken_where_the_client_offers_no_alpn() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let server = start(Limits::default(), Some(certificate.open())).await;
    let mut stream = connect_tls(server.address, certificate.der(), &[]).await.unwrap();
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}
