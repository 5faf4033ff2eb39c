//! The secret of a client: made, hashed and shown once.

use std::path::Path;

use trefoil_shared::{AuthMethod, ClientId, Secret};

use super::show;
use crate::cli::context::Context;
use crate::cli::output::{Report, note};
use crate::cli::{CliError, input};
use crate::config::Seconds;
use crate::model::{Authentication, Client, StoredSecret};
use crate::registration;
use crate::secrets::RootSecrets;

/// Not 32 hex digits: ids of that shape cost a dummy Argon2 check while imported secrets are unconverted.
pub(super) fn random_id(cx: &Context) -> Result<ClientId, CliError> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let letters =
        cx.rng().bytes32().into_iter().take(20).filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
    let id: String = letters.map(|letter| char::from(*letter)).collect();
    format!("c-{id}").parse().map_err(|_| CliError::new("no random client_id", "give one with --id"))
}

/// The secret that is to be made.
pub(super) struct SecretOrder {
    pub(super) brought: Option<Secret>,
    pub(super) expires: Option<Seconds>,
}

/// Makes or takes a secret, and what is stored of it.
pub(super) fn new_secret(
    client: &ClientId,
    order: SecretOrder,
    roots: &RootSecrets,
    cx: &Context,
) -> Result<(Secret, StoredSecret), CliError> {
    let now = cx.now();
    let secret = order.brought.unwrap_or_else(|| cx.rng().client_secret());
    let stored = StoredSecret {
        id: cx.rng().id(),
        hash: roots.hash_client_secret(client, &secret),
        created_at: now,
        expires_at: registration::secret_end(order.expires.map(Seconds::signed), now)?,
    };
    Ok((secret, stored))
}

/// Warns where Basic, which the client may use, does not carry these credentials as they are.
pub(super) fn warn_of_basic(client: &Client, secret: &Secret) {
    let Authentication::Confidential { methods, .. } = &client.authentication else { return };
    if methods.contains(&AuthMethod::ClientSecretBasic)
        && let Some(warning) = input::basic_warning(client.client_id.as_str(), secret.reveal())
    {
        note(&warning);
    }
}

/// The report of a command that made a secret: the only place where it is ever shown.
pub(super) fn with_secret(client: &Client, secret: &Secret, file: Option<&Path>, cx: &Context) -> Report {
    let shown = match file {
        Some(file) => format!("client_secret  as in {}", file.display()),
        None => {
            format!(
                "client_secret  {}\nThis is the only time that the secret is shown: keep it now.",
                secret.reveal()
            )
        }
    };
    let text = format!("{}\n\n{shown}", show::text(client, cx.now(), cx.screen));
    let id = &client.client_id;
    Report::new(show::document(client, Some(secret)), text).shown_once(format!(
        "the client {id} and its secret are registered, and the secret is never shown again: auth-server client \
         rotate-secret {id} makes another"
    ))
}
