//! `doctor`: looks for what would keep the server from serving.

mod clock;
mod keys;
mod revocation;

use serde_json::json;
use trefoil_serve::listen::Server;
use trefoil_serve::tls::ReloadingTls;
use trefoil_shared::is_same_resource;

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::{Output, columns};
use super::state_dir::{check_state_dir, prepare_state_dir};
use crate::server::identifier;
use crate::settings::Settings;

/// How a check came out.
enum Finding {
    Good(String),
    Warning(String),
    Bad(String),
}

impl Finding {
    fn word(&self) -> &'static str {
        match self {
            Self::Good(_) => "ok",
            Self::Warning(_) => "warning",
            Self::Bad(_) => "error",
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Good(text) | Self::Warning(text) | Self::Bad(text) => text,
        }
    }
}

/// Runs every check; fails where one is bad.
pub(super) async fn run(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let (settings, warnings) = flags.settings(place)?;
    let mut findings: Vec<(&str, Finding)> = Vec::new();
    findings.extend(warnings.into_iter().map(|warning| ("environment", Finding::Warning(warning))));
    findings.push(("keys", keys::check(&settings).await));
    findings.extend(clock::check(&settings).await.map(|finding| ("clock", finding)));
    findings.push(("revocation", revocation::check(&settings).await));
    findings.push(("state_dir", state_dir(&settings)));
    findings.push(("public_url", public_url(&settings)));
    findings.push(("routes", routes(&settings)));
    findings.push(("tls", tls(&settings)));
    findings.push(("listen", address(&settings.listen).await));
    if let Some(admin) = &settings.admin_listen {
        findings.push(("admin_listen", address(admin).await));
    }
    let rows: Vec<_> = findings
        .iter()
        .map(|(name, f)| json!({ "check": name, "outcome": f.word(), "says": f.text() }))
        .collect();
    output.document(&json!({ "checks": rows }), || {
        let row = |(name, f): &(&str, Finding)| (format!("{:8}{name}", f.word()), f.text().to_owned());
        columns(&findings.iter().map(row).collect::<Vec<_>>())
    })?;
    match findings.iter().filter(|(_, finding)| matches!(finding, Finding::Bad(_))).count() {
        0 => Ok(()),
        bad => {
            Err(Failure::new(format!("{bad} of {} checks failed; mend what is named above", findings.len())))
        }
    }
}

fn state_dir(settings: &Settings) -> Finding {
    if let Err(failure) = check_state_dir(settings) {
        return Finding::Bad(failure.line);
    }
    match prepare_state_dir(settings) {
        Ok(Some(dir)) => Finding::Good(dir.display().to_string()),
        Ok(None) => Finding::Good("not needed: the keys come from a file".to_owned()),
        Err(reason) => Finding::Warning(reason),
    }
}

fn public_url(settings: &Settings) -> Finding {
    match &settings.public_url {
        None => Finding::Warning(
            "not set: challenges name no metadata, and clients cannot discover it".to_owned(),
        ),
        Some(url) if url.scheme() != "https" => {
            Finding::Warning(format!("{url}: RFC 9728 wants https; fit for a lab only"))
        }
        Some(url) if !is_same_resource(&identifier(url), &settings.audience) => {
            let (resource, audience) = (identifier(url), &settings.audience);
            Finding::Warning(format!(
                "{resource} is not the audience ({audience}): clients that discover it ask for tokens by that name; register \
                 it so with auth-server resource add {resource} --audience {audience}, or make both the same"
            ))
        }
        Some(url) => Finding::Good(url.to_string()),
    }
}

fn routes(settings: &Settings) -> Finding {
    match settings.routes.routes() {
        [] => {
            Finding::Warning("none: every path answers 404; add a [[route]] or --route PATH=FILE".to_owned())
        }
        routes => Finding::Good(routes.iter().map(|r| r.path().to_owned()).collect::<Vec<_>>().join(", ")),
    }
}

fn tls(settings: &Settings) -> Finding {
    match ReloadingTls::from_settings(&settings.tls) {
        Ok(Some(_)) => Finding::Good("certificate and key can be used".to_owned()),
        Ok(None) if settings.listen.starts_with("127.") || settings.listen.starts_with("[::1]") => {
            Finding::Good("off, on loopback".to_owned())
        }
        Ok(None) => Finding::Warning(
            "off beyond loopback: tokens cross in the clear unless a proxy does TLS".to_owned(),
        ),
        Err(reason) => Finding::Bad(reason.to_string()),
    }
}

/// An address that is taken is most likely our own server's, so that is a warning.
async fn address(address: &str) -> Finding {
    match Server::bind(address).await {
        Ok(_) => Finding::Good(format!("{address} is free")),
        Err(reason) => Finding::Warning(format!("{reason}; well if the server is running")),
    }
}
