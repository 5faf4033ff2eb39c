//! `health`: asks the running server, as a container's health check does (decision 36).

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use super::CliError;
use super::output::Report;
use crate::config::Settings;

const DEADLINE: Duration = Duration::from_secs(5);

/// Asks `/ready` on the operators' listener, or `/health` on the public one where there is none.
pub(super) async fn run(settings: &Settings) -> Result<Report, CliError> {
    let url = url(settings)?;
    let client = reqwest::Client::builder()
        .timeout(DEADLINE)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // The certificate names the public host, not the loopback address that is asked here. Nothing secret is
        // sent and nothing that is answered is believed but "ready".
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(|error| CliError::new("cannot make an HTTP client", error.to_string()))?;
    let answer = client.get(&url).send().await.map_err(|error| unanswered(&url, &error))?;
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    let body: String = body.chars().take(500).collect();
    if status.is_redirection() || status.is_client_error() {
        return Err(CliError::new(
            format!("{url} answers {status}, which is not what this server says"),
            "another program listens there: give this one another address, or stop that one",
        ));
    }
    if !status.is_success() {
        return Err(CliError::new(
            format!("the server at {url} is not ready ({status}) {body}"),
            "see its log",
        ));
    }
    let document = json!({ "healthy": true, "url": url, "status": status.as_u16() });
    Ok(Report::new(document, format!("healthy: {url} answered {status}")))
}

/// Each way not to answer has a remedy of its own.
fn unanswered(url: &str, error: &reqwest::Error) -> CliError {
    let mut causes =
        std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (**cause).source());
    let kind = causes.find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    if error.is_timeout() {
        return CliError::new(
            format!("the server did not answer within {} s at {url}", DEADLINE.as_secs()),
            "it is overloaded or hangs: see its log, or restart it",
        );
    }
    let (why, mend) = match kind {
        Some(io::ErrorKind::ConnectionRefused) => (
            "nothing listens there",
            "start `auth-server serve` with this configuration, or see why it ended",
        ),
        _ if error.is_connect() && url.starts_with("https:") => (
            "no TLS connection is made",
            "what listens there serves plain http: tls.cert was set after it was started, or it is another program",
        ),
        _ if error.is_connect() => ("no connection is made", "see whether a firewall stands between"),
        _ => ("the answer is no HTTP", "what listens there serves TLS, or is another program"),
    };
    CliError::new(format!("the server does not answer at {url}: {why}"), mend)
}

fn url(settings: &Settings) -> Result<String, CliError> {
    if let Some(address) = settings.admin_listen {
        return Ok(format!("http://{}/ready", reachable(address, "admin_listen")?));
    }
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    Ok(format!("{scheme}://{}/health", reachable(settings.listen, "listen")?))
}

/// An address that is bound everywhere is asked on loopback.
fn reachable(address: SocketAddr, key: &str) -> Result<SocketAddr, CliError> {
    if address.port() == 0 {
        let mend = format!("give {key} a port");
        return Err(CliError::new("nobody knows the port that the server took, as its port is 0", mend));
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    Ok(SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// What is said of a listener that sends `answer` and hangs up.
    async fn said(scheme: &str, answer: &'static [u8]) -> String {
        trefoil_serve::install_crypto_provider();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _request = stream.read(&mut [0; 4096]);
            let _gone = stream.write_all(answer);
        });
        let mut settings = Settings::for_data_dir(std::path::Path::new("d"));
        (settings.admin_listen, settings.listen) = (None, address);
        if scheme == "https" {
            settings.tls =
                Some(crate::config::TlsSettings { cert: "c".into(), key: "k".into(), client_ca: None });
        }
        let error = run(&settings).await.unwrap_err().to_string();
        serving.join().unwrap();
        error
    }

    #[tokio::test]
    async fn kind_3_each_way_not_to_be_healthy_has_a_remedy_of_its_own() {
        let plain = b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
        assert!(said("http", plain).await.contains("another program listens there"));
        assert!(said("http", b"\x15\x03\x01\x00\x02\x02\x46").await.contains("is no HTTP"));
        assert!(said("https", b"HTTP/1.1 400 Bad Request\r\n\r\n").await.contains("serves plain http"));
        let busy = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        assert!(said("http", busy).await.contains("is not ready"));
    }

    #[test]
    fn d36_the_operators_listener_is_asked_first() {
        let mut settings = Settings::for_data_dir(std::path::Path::new("d"));
        assert_eq!(url(&settings).unwrap(), "http://127.0.0.1:9080/ready");
        settings.admin_listen = None;
        settings.listen = "[::]:8443".parse().unwrap();
        assert_eq!(url(&settings).unwrap(), "http://[::1]:8443/health");
        settings.listen = "0.0.0.0:0".parse().unwrap();
        assert!(url(&settings).is_err());
    }
}
