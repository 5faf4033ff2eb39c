//! `doctor`: looks for what would keep the server from serving.

mod clock;
mod keys;
mod revocation;

use serde_json::{Value, json};
use trefoil_serve::findings::{self, Level};
use trefoil_serve::listen::Server;
use trefoil_shared::is_same_resource;

use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::{Output, columns};
use super::state_dir::{check_state_dir, prepare_state_dir};
use super::{Place, config};
use crate::server::identifier;
use crate::settings::Settings;

/// How a check came out.
enum Finding {
    Good(String),
    Warning(String),
    Bad(String),
}

impl Finding {
    fn text(&self) -> &str {
        match self {
            Self::Good(text) | Self::Warning(text) | Self::Bad(text) => text,
        }
    }
}

impl Finding {
    /// The same in the words of both programs.
    fn shared(&self, check: &'static str) -> findings::Finding {
        let (what, mend) =
            self.text().rsplit_once("; ").map_or((self.text(), None), |(what, mend)| (what, Some(mend)));
        let level = match self {
            Self::Good(_) => Level::Ok,
            Self::Warning(_) => Level::Warning,
            Self::Bad(_) => Level::Broken,
        };
        findings::Finding { check, level, what: what.to_owned(), mend: mend.map(str::to_owned) }
    }
}

/// Runs every check; fails where one is bad.
pub(super) async fn run(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let loaded = flags.load(place)?;
    let mut found: Vec<(&str, Finding)> = Vec::new();
    found.extend(loaded.warnings.iter().map(|warning| ("environment", Finding::Warning(warning.clone()))));
    let (raw, mut shared) = (loaded.value.clone(), config::findings(&loaded.value));
    if let Ok(settings) = Settings::check(raw, &place.env) {
        // The keys have a check of their own.
        shared.retain(|finding| finding.check != "keys");
        found.push(("keys", keys::check(&settings).await));
        found.extend(clock::check(&settings).await.map(|finding| ("clock", finding)));
        found.push(("revocation", revocation::check(&settings).await));
        found.push(("state_dir", state_dir(&settings)));
        found.push(("public_url", public_url(&settings)));
        found.push(("routes", routes(&settings)));
        found.extend(cleartext(&settings).map(|finding| ("tls", finding)));
        found.push(("listen", address(&settings.listen).await));
        if let Some(admin) = &settings.admin_listen {
            found.push(("admin_listen", address(admin).await));
        }
    }
    let mut all: Vec<findings::Finding> =
        found.iter().map(|(check, finding)| finding.shared(check)).collect();
    all.append(&mut shared);
    report(&all, output)
}

fn report(found: &[findings::Finding], output: Output) -> Result<(), Failure> {
    let word = |level: Level| if level == Level::Broken { "error" } else { level.word() };
    let checks: Vec<_> = found
        .iter()
        .map(|one| json!({ "check": one.check, "outcome": word(one.level), "says": one.text() }))
        .collect();
    let mut document = findings::document(found);
    if let Value::Object(members) = &mut document {
        members.insert("checks".to_owned(), checks.into());
    }
    output.document(&document, || {
        let row = |one: &findings::Finding| (format!("{:8}{}", one.level.word(), one.check), one.text());
        let mut lines = columns(&found.iter().map(row).collect::<Vec<_>>());
        lines.extend([String::new(), findings::summary(found)]);
        lines
    })?;
    match findings::counts(found).0 {
        0 => Ok(()),
        broken => Err(Failure::after_document(format!(
            "{broken} of {} checks failed; mend what is named above",
            found.len()
        ))),
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

/// A listener without a certificate; the certificate itself is checked with the configuration.
fn cleartext(settings: &Settings) -> Option<Finding> {
    if settings.tls.cert.is_some() || settings.tls.key.is_some() {
        return None;
    }
    if settings.listen.starts_with("127.") || settings.listen.starts_with("[::1]") {
        return Some(Finding::Good("off, on loopback".to_owned()));
    }
    let warning = "off beyond loopback: tokens cross in the clear unless a proxy does TLS";
    Some(Finding::Warning(warning.to_owned()))
}

/// An address that is taken is most likely our own server's, so that is a warning.
async fn address(address: &str) -> Finding {
    match Server::bind(address).await {
        Ok(_) => Finding::Good(format!("{address} is free")),
        Err(reason) => Finding::Warning(format!("{reason}; well if the server is running")),
    }
}
