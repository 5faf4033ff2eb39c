//! `verify`: one token, its claims or the one reason why not.

use std::io::Read;
use std::sync::Arc;

use trefoil_serve::SystemClock;
use trefoil_shared::jose::{KeySet, MAX_TOKEN_BYTES, Rejected};

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::{Output, columns};
use super::revocations;
use crate::settings::Settings;
use trefoil_resource_layer::Refused;
use trefoil_resource_layer::TokenVerifier;
use trefoil_resource_layer::keys::{DiskCopy, Fetched, JwksClient, parse_jwks, read_key_file};

/// Verifies the token and prints its claims.
pub(super) async fn run(
    place: &Place,
    flags: &SettingFlags,
    (token, output): (&[String], Output),
) -> Result<(), Failure> {
    let (settings, _) = flags.settings(place)?;
    let token = match token {
        [dash] if dash == "-" => read_stdin()?,
        parts => parts.join(" "),
    };
    let token = bare(&token);
    let keys = keys(&settings).await?;
    let verifier = TokenVerifier::new(&settings.issuer, &settings.audience, keys, Arc::new(SystemClock))?;
    let verifier = revocations::with_revocations(verifier, &settings.revocations)?;
    revocations::read_once(&settings, &verifier).await;
    let claims = verifier.examine(token).map_err(|refusal| {
        let reason = if let Refused::Token(Rejected::UnknownKey { kid }) = &refusal.refused {
            no_such_key(kid, &verifier, &settings)
        } else {
            refusal.explain(&verifier)
        };
        Failure::coded(refusal.refused.name(), reason)
    })?;
    let document = serde_json::to_value(&*claims)?;
    output.document(&document, || {
        let members = document.as_object().into_iter().flatten();
        let text =
            |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        columns(&members.map(|(name, value)| (name.clone(), text(value))).collect::<Vec<_>>())
    })
}

/// The token of what was pasted: it may stand in quotes, and behind `Bearer` or the whole header's name.
fn bare(pasted: &str) -> &str {
    let quote = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    let mut token = pasted.trim_matches(quote);
    for before in ["authorization:", "bearer "] {
        let begins = token.get(..before.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(before));
        token =
            if begins { token.get(before.len()..).unwrap_or_default().trim_matches(quote) } else { token };
    }
    token
}

/// A token that names a key which we do not have: which ones there are, and what to do.
fn no_such_key(kid: &str, verifier: &TokenVerifier, settings: &Settings) -> String {
    let kids = match verifier.kids() {
        kids if kids.is_empty() => "no usable key".to_owned(),
        kids => kids.join(", "),
    };
    match (settings.keys.client(), settings.keys.file()) {
        (Some(client), _) => format!(
            "no key {kid} at {} (it has {kids}): the token is not of this issuer, or its key was withdrawn",
            client.url()
        ),
        (None, file) => format!(
            "no key {kid} in {} (it has {kids}): if the token is of this issuer, export the file again with auth-server key \
             export --format pem, or set jwks_url beside it",
            file.map(|file| file.display().to_string()).unwrap_or_default()
        ),
    }
}

/// The keys as `serve` would have them.
async fn keys(settings: &Settings) -> Result<KeySet, Failure> {
    let of_file = || settings.keys.file().map(read_key_file).transpose();
    let Some(client) = settings.keys.client() else { return Ok(of_file()?.unwrap_or_else(KeySet::empty)) };
    match fetched_or_kept(client, settings).await {
        Ok(keys) => Ok(keys),
        Err(reason) => of_file()?.ok_or(reason),
    }
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let limit = u64::try_from(MAX_TOKEN_BYTES).unwrap_or(u64::MAX).saturating_add(1024);
    std::io::stdin().take(limit).read_to_string(&mut text)?;
    Ok(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u02_a_token_is_taken_as_it_was_pasted() {
        for pasted in [
            "a.b.c",
            " a.b.c\n",
            "Bearer a.b.c",
            "bearer  a.b.c",
            "\"Bearer a.b.c\"",
            "Authorization: Bearer a.b.c",
            "authorization:bearer a.b.c\r\n",
            "'a.b.c'",
        ] {
            assert_eq!(bare(pasted), "a.b.c", "{pasted:?}");
        }
        assert_eq!(bare("bearer"), "bearer");
        assert_eq!(bare(""), "");
    }
}
