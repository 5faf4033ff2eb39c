//! `verify`: one token, its claims or the one reason why not.

use std::io::Read;
use std::sync::Arc;

use trefoil_serve::SystemClock;
use trefoil_shared::jose::{KeySet, MAX_TOKEN_BYTES};

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::{Output, columns};
use super::revocations;
use crate::keys::{DiskCopy, Fetched, JwksClient, parse_jwks, read_key_file};
use crate::settings::{KeySource, Settings};
use crate::verifier::TokenVerifier;

/// Verifies the token and prints its claims.
pub(super) async fn run(
    place: &Place,
    flags: &SettingFlags,
    (token, output): (&str, Output),
) -> Result<(), Failure> {
    let (settings, _) = flags.settings(place)?;
    let token = if token == "-" { read_stdin()? } else { token.trim().to_owned() };
    let keys = match &settings.keys {
        KeySource::File(path) => read_key_file(path)?,
        KeySource::Url(client) => fetched_or_kept(client, &settings).await?,
    };
    let verifier = TokenVerifier::new(&settings.issuer, &settings.audience, keys, Arc::new(SystemClock))?;
    let verifier = revocations::with_revocations(verifier, &settings.revocations)?;
    revocations::read_once(&settings, &verifier).await;
    let claims = verifier.check(&token).map_err(|refused| Failure::coded(refused.name(), refused))?;
    let document = serde_json::to_value(&*claims)?;
    output.document(&document, || {
        let members = document.as_object().into_iter().flatten();
        let text =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        columns(&members.map(|(name, value)| (name.clone(), text(value))).collect::<Vec<_>>())
    })
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let limit = u64::try_from(MAX_TOKEN_BYTES).unwrap_or(u64::MAX).saturating_add(1024);
    std::io::stdin().take(limit).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

async fn fetched_or_kept(client: &JwksClient, settings: &Settings) -> Result<KeySet, Failure> {
    let reason = match client.fetch(None).await {
        Ok(Fetched::Set { keys, .. }) => return Ok(keys),
        Ok(Fetched::Unchanged { .. }) => "status 304".to_owned(),
        Err(reason) => reason.to_string(),
    };
    let copy = settings.state_dir.as_deref().map(|dir| DiskCopy::new(dir, client.url(), &settings.audience));
    if let Some(kept) = copy.and_then(|copy| copy.read().ok().flatten())
        && let Ok(keys) = parse_jwks(&kept.jwks)
    {
        return Ok(keys);
    }
    let url = client.url();
    Err(Failure::coded("no_keys", format!("jwks_url {url}: {reason}")))
}
