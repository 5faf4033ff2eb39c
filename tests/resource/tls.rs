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

/// The auth-server under TLS with the certificate of the lab's directory.
fn start_secured(lab: &Lab) -> Server {
    let file = |name: &str| lab.dir.path().join(name).display().to_string();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "off"];
    lab.start_auth_with(&[&listen[..], &["--tls-cert", &cert, "--tls-key", &key]].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a121_over_http2_long_header_lists_are_431_and_long_forms_413() {
    let lab = Lab::new(Engine::Sqlite).await;
    let authority = certificate(lab.dir.path());
    let auth = start_secured(&lab);
    let http = trusting(&authority);
    // HTTP/2 counts name, value and 32 bytes more for each field (RFC 9113 section 6.5.2).
    for (fields, expected) in [(40, 200), (60, 431)] {
        let request = http.get(auth.at("/health"));
        let request =
            (0..fields).fold(request, |request, n| request.header(format!("x-{n}"), "y".repeat(300)));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        assert_eq!(answer.status(), expected, "{fields} fields of 300 bytes");
    }
    for (bytes, expected) in [(65_536, 401), (65_537, 413)] {
        let form =
            format!("client_id=x&client_secret=y&grant_type=client_credentials&x={}", "z".repeat(bytes));
        let request =
            http.post(auth.at("/token")).header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(form[..bytes].to_owned()).send().await.expect("an answer");
        assert_eq!(answer.status(), expected, "{bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_certificates_are_swapped_without_a_drop() {
    let lab = Lab::new(Engine::Sqlite).await;
    let by = lab.add_client("m");
    let old_authority = certificate(lab.dir.path());
    let key = lab.dir.path().join("key.pem");
    let auth = start_secured(&lab);
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
