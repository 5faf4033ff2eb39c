//! `doctor`'s look at the keys: whether there are any, and whether the issuer publishes others.

use std::path::Path;

use trefoil_shared::jose::{KeySet, PublicKey};

use super::Finding;
use crate::settings::{KeySource, Settings};
use trefoil_resource_layer::keys::{DiskCopy, Fetched, IssuerMetadata, JwksClient, read_key_file};

pub(super) async fn check(settings: &Settings) -> Finding {
    match &settings.keys {
        KeySource::File(file) => match read_key_file(file) {
            Ok(keys) => beside_the_issuers(file, &keys, settings).await,
            Err(reason) => Finding::Bad(reason.to_string()),
        },
        KeySource::Url(client) => match fetched(client).await {
            Ok(finding) => finding,
            Err(reason) => without_fetch(client, &reason, settings),
        },
        KeySource::FileThenUrl(file, client) => match (read_key_file(file), fetched(client).await) {
            (Err(reason), _) => Finding::Bad(reason.to_string()),
            (Ok(_), Ok(finding)) => finding,
            (Ok(_), Err(reason)) => Finding::Warning(format!(
                "{}: {reason}; the last good copy will serve, or {} where there is none",
                client.url(),
                file.display()
            )),
        },
    }
}

/// A key file is a copy that nobody renews: whether it has every key that the issuer publishes.
async fn beside_the_issuers(file: &Path, keys: &KeySet, settings: &Settings) -> Finding {
    let says = format!("{}: {} keys", file.display(), keys.keys().len());
    let published = match published(settings).await {
        Ok(published) => published,
        Err(reason) => return Finding::Good(format!("{says}; not compared with the issuer's: {reason}")),
    };
    let has = |key: &&PublicKey| keys.keys().iter().any(|known| known.thumbprint() == key.thumbprint());
    let lacking: Vec<&str> = published.keys().iter().filter(|key| !has(key)).map(PublicKey::kid).collect();
    if lacking.is_empty() {
        return Finding::Good(format!("{says}, all that the issuer publishes"));
    }
    Finding::Warning(format!(
        "{says} ({}); the issuer also publishes {}, whose tokens are refused here: export the file again with auth-server \
         key export --format pem, or set jwks_url beside it",
        keys.kids().collect::<Vec<_>>().join(", "),
        lacking.join(", ")
    ))
}

async fn published(settings: &Settings) -> Result<KeySet, String> {
    let metadata = IssuerMetadata::fetch(&settings.issuer, &settings.outbound).await?;
    let client = metadata.jwks(&settings.outbound)?;
    match client.fetch(None).await {
        Ok(Fetched::Set { keys, .. }) => Ok(keys),
        Ok(Fetched::Unchanged { .. }) => Err("status 304".to_owned()),
        Err(reason) => Err(format!("{}: {reason}", client.url())),
    }
}

async fn fetched(client: &JwksClient) -> Result<Finding, String> {
    let url = client.url();
    match client.fetch(None).await {
        Ok(Fetched::Set { keys, .. }) if keys.is_empty() => {
            let first = keys.ignored().first().map(|ignored| format!(": {}", ignored.reason));
            let first = first.unwrap_or_default();
            Ok(Finding::Bad(format!("{url}: no key in it can be used, so every token is refused{first}")))
        }
        Ok(Fetched::Set { keys, .. }) => Ok(Finding::Good(format!("{url}: {} keys", keys.keys().len()))),
        Ok(Fetched::Unchanged { .. }) => Err("status 304".to_owned()),
        Err(reason) => Err(reason.to_string()),
    }
}

fn without_fetch(client: &JwksClient, reason: &str, settings: &Settings) -> Finding {
    let url = client.url();
    let copy = settings.state_dir.as_deref().map(|dir| DiskCopy::new(dir, url, &settings.audience));
    match copy.map(|copy| copy.read()) {
        Some(Ok(Some(_))) => Finding::Warning(format!("{url}: {reason}; the last good copy will serve")),
        _ => Finding::Bad(format!("{url}: {reason}; and there is no earlier copy to serve with")),
    }
}
