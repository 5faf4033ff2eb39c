//! `health`: asks the running server (decision 36: slim images have no curl).

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::Output;
use crate::settings::Settings;

/// Asks `/ready` of the operators' listener, or `/health` of the public one where there is none.
pub(super) async fn run(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let (settings, _) = flags.settings(place)?;
    let url = url(&settings)?;
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
    output.document(&json!({ "healthy": true, "url": url }), || vec!["healthy".to_owned()]);
    Ok(())
}

fn url(settings: &Settings) -> Result<String, Failure> {
    let (scheme, address, path) = match &settings.admin_listen {
        Some(address) => ("http", address, "/ready"),
        None if settings.tls.cert.is_some() => ("https", &settings.listen, "/health"),
        None => ("http", &settings.listen, "/health"),
    };
    let Ok(mut socket) = address.parse::<SocketAddr>() else {
        return Ok(format!("{scheme}://{address}{path}"));
    };
    if socket.port() == 0 {
        return Err(Failure::new("health needs a fixed port: set admin_listen or listen to one"));
    }
    if socket.ip().is_unspecified() {
        socket.set_ip(if socket.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    Ok(format!("{scheme}://{socket}{path}"))
}
