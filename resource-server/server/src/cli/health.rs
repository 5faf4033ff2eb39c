//! `health`: asks the running server (decision 36: slim images have no curl).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::Output;

/// Asks `/health` of the public listener. Nothing but the listener's address is needed: neither issuer nor keys.
pub(super) async fn run(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let settings = flags.load(place)?.value;
    let url = url(&settings.listen, settings.tls.cert.is_some())?;
    // It asks itself and sends nothing: the certificate's name says nothing about the loopback address.
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(3))
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    let answer = client.get(&url).send().await;
    let answer =
        answer.map_err(|_| Failure::coded("unreachable", format!("{url}: no answer; is it running?")))?;
    if answer.status() != http::StatusCode::OK {
        return Err(Failure::coded("not_ready", format!("{url}: status {}", answer.status().as_u16())));
    }
    output.document(&json!({ "healthy": true, "url": url }), || vec!["healthy".to_owned()])
}

fn url(listen: &str, tls: bool) -> Result<String, Failure> {
    let scheme = if tls { "https" } else { "http" };
    let Ok(mut socket) = listen.parse::<SocketAddr>() else {
        return Ok(format!("{scheme}://{listen}/health"));
    };
    if socket.port() == 0 {
        return Err(Failure::new("health needs a fixed port: set listen to the server's own"));
    }
    // A server on every address is asked on loopback.
    match socket.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => socket.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => socket.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    Ok(format!("{scheme}://{socket}/health"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d36_a_server_on_every_address_is_asked_on_loopback() {
        let cases = [
            ("0.0.0.0:8081", false, "http://127.0.0.1:8081/health"),
            ("[::]:8081", false, "http://[::1]:8081/health"),
            ("192.0.2.1:443", true, "https://192.0.2.1:443/health"),
            ("localhost:8081", false, "http://localhost:8081/health"),
        ];
        for (listen, tls, expected) in cases {
            assert_eq!(url(listen, tls).unwrap(), expected);
        }
        assert!(url("127.0.0.1:0", false).is_err());
    }
}
