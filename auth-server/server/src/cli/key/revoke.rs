//! `key revoke`

use serde_json::json;

use super::told;
use crate::cli::CliError;
use crate::cli::confirm::ConfirmArgs;
use crate::cli::context::Context;
use crate::cli::output::{Report, note};
use crate::keys::{KeyError, KeyStatus, Keys};
use crate::model::KeyState;
use crate::store::{Store, StoreError};

/// Runs it.
pub(super) async fn run(kid: &str, confirm: ConfirmArgs, cx: &Context) -> Result<Report, CliError> {
    if confirm.dry_run {
        let unknown = || CliError::from(KeyError::Unknown(kid.to_owned()));
        let (keys, store) = super::keys_to_read(cx).await?.ok_or_else(unknown)?;
        let text = format!("{}; nothing was changed", consequence(kid, &keys, &store).await?);
        return Ok(Report::new(json!({ "kid": kid, "revoked": false, "dry_run": true }), text));
    }
    let (keys, store) = super::keys_to_change(cx).await?;
    confirm.confirm(&consequence(kid, &keys, &store).await?)?;
    let act = cx.act("key revoke", &kid);
    let rotation = match keys.revoke(kid, store.now().await?, Some(&act)).await {
        Err(KeyError::Store(StoreError::Conflict(_))) => {
            return Err(CliError::new(
                format!("{kid} was changed by somebody else just now"),
                "auth-server key list",
            ));
        }
        revoked => revoked?,
    };
    note(
        "verifiers that keep a key set trust it until they read a new one; those with a PEM file until they get a new \
         one: auth-server key export --format pem > public.pem",
    );
    Ok(Report::new(json!(rotation), told(&rotation)))
}

/// What it means to revoke this key now.
async fn consequence(kid: &str, keys: &Keys, store: &Store) -> Result<String, CliError> {
    let all = keys.list(store.now().await?).await?;
    let Some(key) = all.iter().find(|key| key.kid == kid) else {
        if keys.is_rejected(kid).await? {
            return Ok(format!("the key {kid}, whose row is not authentic, is removed"));
        }
        return Err(KeyError::Unknown(kid.to_owned()).into());
    };
    let next = |other: &&KeyStatus| other.algorithm == key.algorithm && other.state == KeyState::Standby;
    let successor = match key.state {
        KeyState::Active => match all.iter().find(next) {
            Some(standby) => format!(", and {} signs", standby.kid),
            None => ", and a new key signs".to_owned(),
        },
        KeyState::Standby | KeyState::Retiring | KeyState::Revoked | KeyState::Gone => String::new(),
    };
    Ok(format!(
        "the {} key {kid} ({}) leaves the key set at once, every token that it has signed ends with it, its private \
         half is deleted{successor}",
        key.algorithm,
        super::state(key.state)
    ))
}
