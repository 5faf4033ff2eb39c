//! `key export`: public halves alone, for verifiers that cannot or shall not fetch the JWKS.

use serde_json::{Value, json};
use trefoil_shared::jose::{Algorithm, KeySet, PublicKey};

use super::ExportFormat;
use crate::cli::CliError;
use crate::cli::context::Context;
use crate::cli::output::Report;
use crate::model::KeyState;

/// Runs it.
pub(super) async fn run(format: ExportFormat, kid: Option<&str>, cx: &Context) -> Result<Report, CliError> {
    let no_key = || CliError::new("there is no key to export", "auth-server key generate");
    let (keys, store) = super::keys_to_read(cx).await?.ok_or_else(no_key)?;
    let now = store.now().await?;
    let list = keys.list(now).await?;
    let mut published = keys.published(now).await?;
    // A verifier that reads the first key alone must get one that signs.
    published.sort_by_key(|key| {
        let state = list.iter().find(|one| one.kid == key.kid()).map(|one| rank(one.state));
        (key.algorithm() != Algorithm::ES256, state)
    });
    if let Some(kid) = kid {
        published.retain(|key| key.kid() == kid);
        if published.is_empty() {
            return Err(CliError::new(format!("there is no published key {kid}"), "auth-server key list"));
        }
    }
    if published.is_empty() {
        return Err(no_key());
    }
    match format {
        ExportFormat::Pem => Ok(pem(&published)),
        ExportFormat::Jwks => jwks(published),
        ExportFormat::Jwk => {
            let active: Vec<&str> =
                list.iter().filter(|key| key.state == KeyState::Active).map(|key| key.kid.as_str()).collect();
            jwk(&published, &active)
        }
    }
}

/// The keys that sign, then those that will, then those that did.
fn rank(state: KeyState) -> u8 {
    match state {
        KeyState::Active => 0,
        KeyState::Standby => 1,
        KeyState::Retiring | KeyState::Revoked | KeyState::Gone => 2,
    }
}

fn pem(keys: &[PublicKey]) -> Report {
    let text: String = keys.iter().map(PublicKey::to_pem).collect();
    let documents: Vec<Value> = keys
        .iter()
        .map(|key| json!({ "kid": key.kid(), "alg": key.algorithm().to_string(), "pem": key.to_pem() }))
        .collect();
    Report::new(json!({ "keys": documents }), text)
}

fn jwks(keys: Vec<PublicKey>) -> Result<Report, CliError> {
    let set = KeySet::from_keys(keys)
        .map_err(|error| CliError::new(error.to_string(), "auth-server doctor looks at each key"))?;
    Ok(in_json(set.to_jwks()))
}

/// One JWK is one key: the only one, or the one that signs.
fn jwk(keys: &[PublicKey], active: &[&str]) -> Result<Report, CliError> {
    let signing: Vec<&PublicKey> = keys.iter().filter(|key| active.contains(&key.kid())).collect();
    // Access tokens are signed with ES256 where there is such a key.
    let usual = signing.iter().find(|key| key.algorithm() == Algorithm::ES256).copied();
    let only = match (keys, signing.as_slice()) {
        ([key], _) => Some(key),
        (_, [key]) => Some(*key),
        _ => usual,
    };
    only.map(|key| in_json(key.to_jwk())).ok_or_else(|| {
        let kids: Vec<&str> = keys.iter().map(PublicKey::kid).collect();
        CliError::new("a JWK is one key, and there are several", format!("name one of {}", kids.join(", ")))
    })
}

/// The document is the same for people and programs.
fn in_json(document: Value) -> Report {
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    Report::new(document, text)
}
