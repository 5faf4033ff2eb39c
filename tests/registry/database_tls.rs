//! Decision 30: the database beyond this machine is spoken to under TLS that is checked, or not at all.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::harness::{Lab, cluster::Cluster, environment::postgres_url};

/// An authority, and what it vouches for: a server by the name `localhost`, and by no other.
struct Authority {
    pem: String,
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut root = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        root.distinguished_name.push(DnType::CommonName, name);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key")).expect("a root");
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        let certificate = leaf.signed_by(&key, &root).expect("a certificate").pem();
        Self { pem: root.pem(), certificate, key: key.serialize_pem() }
    }

    fn written(&self, to: &Path) -> String {
        fs::write(to, &self.pem).expect("a file");
        to.display().to_string()
    }
}

/// `url` at that host, with the certificate checked against a file of authorities.
fn verified(url: &str, host: &str, authorities: &str) -> String {
    format!(
        "{}?sslmode=verify-full&sslrootcert={authorities}",
        url.replace("@127.0.0.1:", &format!("@{host}:"))
    )
}

/// The command's complaint about this database, which must come soon.
fn refused(lab: &Lab, url: &str) -> String {
    let begun = Instant::now();
    let cli = lab.auth.clone().with("AUTH_SERVER_DATABASE__URL", url);
    let outcome = cli.with("AUTH_SERVER_DATABASE__ADMIN_URL", url).run(&["client", "list"]);
    assert!(outcome.code != 0 && outcome.stdout.is_empty(), "{outcome:?}");
    assert!(
        begun.elapsed() < crate::harness::wait::stretched(Duration::from_secs(4)),
        "said after {:?}: {outcome:?}",
        begun.elapsed()
    );
    assert!(!outcome.stderr.contains("server-of-") && !outcome.stderr.contains("admin-of-"), "{outcome:?}");
    outcome.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn d30_verify_full_speaks_to_the_right_postgresql_and_to_no_other() {
    let authority = Authority::new("right");
    let settings = "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'";
    let files = [("server.crt", authority.certificate.as_str()), ("server.key", authority.key.as_str())];
    let cluster = Cluster::new(settings, &files);
    let mut lab = Lab::on_cluster(&cluster.url()).await;
    let by = lab.add_client("m");
    let right = authority.written(&lab.dir.path().join("right.pem"));
    let wrong = Authority::new("wrong").written(&lab.dir.path().join("wrong.pem"));

    let url = lab.database.admin_url.clone();
    let stranger = refused(&lab, &verified(&url, "localhost", &wrong));
    assert!(stranger.contains("UnknownIssuer") && stranger.contains("does sslrootcert name"), "{stranger}");
    let misnamed = refused(&lab, &verified(&url, "127.0.0.1", &right));
    assert!(misnamed.contains("certificate not valid for name \"127.0.0.1\""), "{misnamed}");
    let missing = refused(&lab, &verified(&url, "localhost", "/nowhere/ca.pem"));
    assert!(missing.contains("No such file"), "{missing}");
    let plain = refused(&lab, &verified(&postgres_url(), "localhost", &right));
    assert!(plain.to_lowercase().contains("does not support tls"), "{plain}");

    lab.auth = lab
        .auth
        .with("AUTH_SERVER_DATABASE__URL", verified(&lab.database.url, "localhost", &right))
        .with("AUTH_SERVER_DATABASE__ADMIN_URL", verified(&url, "localhost", &right));
    let server = lab.start_auth();
    let late = lab.add_client("late");
    for client in [&by, &late] {
        lab.access_token(&server, client).await;
    }
    let open = "SELECT COUNT(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
         WHERE a.application_name = 'auth-server' AND s.ssl";
    assert!(lab.database.number(open).await > 0, "no connection under TLS");
    let plain = open.replace("AND s.ssl", "AND NOT s.ssl");
    assert_eq!(lab.database.number(&plain).await, 0, "a connection without TLS");
}
