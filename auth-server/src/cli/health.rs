//! `health`: asks the running server, as a container's health check does (decision 36).

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
    let answer = client.get(&url).send().await.map_err(|error| {
        let why = if error.is_timeout() { "did not answer in time" } else { "does not answer" };
        CliError::new(
            format!("the server {why} at {url}"),
            "is `auth-server serve` running with this configuration?",
        )
    })?;
    let status = answer.status();
    let body = answer.text().await.unwrap_or_default();
    let body: String = body.chars().take(500).collect();
    if !status.is_success() {
        return Err(CliError::new(
            format!("the server at {url} is not ready ({status}) {body}"),
            "see its log",
        ));
    }
    let document = json!({ "healthy": true, "url": url, "status": status.as_u16() });
    Ok(Report::new(document, format!("healthy: {url} answered {status}")))
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
    use super::*;

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
