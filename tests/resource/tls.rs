//! Fault 23: both servers under TLS, and new certificates without a drop.

use std::{fs, path::Path, time::Duration};

use crate::harness::{Engine, Lab, Server, lab::RESOURCE, wait::until};

/// A self-signed certificate for 127.0.0.1, written where the servers look; it is its own authority.
fn certificate(dir: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])
        .expect("certificate");
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    for (path, text) in [(&key, made.signing_key.serialize_pem()), (&cert, made.cert.pem())] {
        let new = path.with_extension("new");
        fs::write(&new, text).expect("a file");
        make_private(&new);
        fs::rename(&new, path).expect("in place");
    }
    made.cert.pem()
}

fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("mode 0600");
}

fn trusting(authority: &str) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(authority.as_bytes()).expect("a certificate");
    reqwest::Client::builder()
        .tls_certs_only([root])
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
        .expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_certificates_are_swapped_without_a_drop() {
    let lab = Lab::new(Engine::Sqlite).await;
    let by = lab.add_client("m");
    let old_authority = certificate(lab.dir.path());
    let file = |name: &str| lab.dir.path().join(name).display().to_string();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let auth = lab.start_auth_with(&[
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "off",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ]);
    assert!(auth.url().starts_with("https://"), "{}", auth.url());
    let ask = async |http: &reqwest::Client, server: &Server| {
        let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
        let sent =
            http.post(server.at("/token")).basic_auth(&by.id, Some(&by.secret)).form(&form).send().await;
        sent.map(|answer| answer.status().as_u16())
    };
    let old = trusting(&old_authority);
    assert_eq!(ask(&old, &auth).await.expect("an answer"), 200);

    // A broken pair first: the old one stays in use.
    let good_key = fs::read(&key).expect("key");
    fs::write(&key, "not a key").expect("a broken key");
    auth.signal("HUP");
    assert_eq!(ask(&trusting(&old_authority), &auth).await.expect("an answer"), 200, "the old pair stays");
    fs::write(&key, good_key).expect("key");

    let new_authority = certificate(lab.dir.path());
    auth.signal("HUP");
    let new = trusting(&new_authority);
    until("the new certificate", Duration::from_secs(15), || async {
        // The connection that was opened under the old certificate goes on meanwhile.
        assert_eq!(ask(&old, &auth).await.expect("the old connection goes on"), 200);
        ask(&new, &auth).await.ok().filter(|status| *status == 200)
    })
    .await;
    assert!(
        ask(&trusting(&old_authority), &auth).await.is_err(),
        "new connections see the new certificate alone"
    );
}
