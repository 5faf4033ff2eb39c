//! `key ..`

mod export;
mod listing;
mod moving;
mod revoke;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use trefoil_shared::jose::Algorithm;
use trefoil_sign::SigningKey;

use super::confirm::ConfirmArgs;
use super::context::Context;
use super::output::{Report, note};
use super::{CliError, input, when};
use crate::keys::{KeyError, KeyHome, KeyPolicy, KeyStatus, Keys, Rotation};
use crate::model::{KeyRow, KeyState, Resource, TokenFormat};
use crate::secrets::RootSecrets;
use crate::store::Store;

/// `key ..`
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an active key and a standby for an algorithm
    Generate {
        /// ES256, RS256, PS256, ES384 or EdDSA [default: ES256, and RS256 for ID tokens]
        #[arg(long)]
        alg: Option<Algorithm>,
    },
    /// List the keys
    List,
    /// Let the standby sign from now on, and publish a new standby
    Rotate {
        /// The algorithm [default: every one that is in use]
        #[arg(long)]
        alg: Option<Algorithm>,
        /// Also where verifiers or servers may not know the standby yet
        #[arg(long)]
        force: bool,
    },
    /// Withdraw a key at once and delete its private half here
    Revoke {
        /// The key
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
    /// Copy private halves into the store that `keys.store` names, from the other one
    Move {
        /// Also remove them from the other one: once every server uses this one
        #[arg(long)]
        finish: bool,
    },
    /// Print public keys, never a private half
    Export {
        /// How they are written
        #[arg(long, default_value = "pem")]
        format: ExportFormat,
        /// One key [default: all that are published]
        #[arg(allow_hyphen_values = true)]
        kid: Option<String>,
    },
    /// Take over a private key (PKCS#8 PEM): it signs, or stands by where another one signs
    Import {
        /// Its file, or `-` for standard input
        file: PathBuf,
        /// What an RSA key signs with: RS256 or PS256
        #[arg(long)]
        alg: Option<Algorithm>,
    },
}

/// A PEM file knows only the keys of its day: after a second rotation none of them signs.
const EXPORT_AGAIN: &str = "resource-servers that have public.pem need it again before the next rotation: \
    auth-server key export --format pem > public.pem";

/// How public keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Pem,
    Jwk,
    Jwks,
}

/// Runs one of them.
pub(super) async fn run(command: KeyCommand, cx: &Context) -> Result<Report, CliError> {
    match command {
        KeyCommand::Generate { alg } => generate(alg, cx).await,
        KeyCommand::List => listing::run(cx).await,
        KeyCommand::Rotate { alg, force } => rotate(alg, force, cx).await,
        KeyCommand::Revoke { kid, confirm } => revoke::run(&kid, confirm, cx).await,
        KeyCommand::Move { finish } => moving::run(finish, cx).await,
        KeyCommand::Export { format, kid } => export::run(format, kid.as_deref(), cx).await,
        KeyCommand::Import { file, alg } => import(&file, alg, cx).await,
    }
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        let mend = match error {
            KeyError::Store(error) => return error.into(),
            KeyError::Complete(alg) => {
                let what = format!("{alg} has an active key and a standby already");
                return Self::new(
                    what,
                    format!("auth-server key rotate --alg {alg}, or choose another --alg"),
                );
            }
            KeyError::NoKey(alg) => {
                return Self::new(
                    format!("there is no active {alg} key"),
                    format!("auth-server key generate --alg {alg}"),
                );
            }
            KeyError::TooYoung { kid, age, needed } => {
                let what = format!(
                    "verifiers may not know the standby {kid} yet (published everywhere {} ago)",
                    when::span(age)
                );
                return Self::new(
                    what,
                    format!("wait {}, or --force", when::span(needed.saturating_sub(age))),
                );
            }
            KeyError::NotEverywhere { kid, replica } => {
                let what = format!("the server {replica} does not hold {kid}");
                return Self::new(
                    what,
                    "give it the key (its file, or keys.store = \"database\"), or --force",
                );
            }
            KeyError::TooMany(published) => {
                let what = format!("{published} keys are published, and verifiers take no more");
                let mend =
                    "wait until retiring keys are gone (auth-server key list), or auth-server key revoke KID";
                return Self::new(what, mend);
            }
            KeyError::File(_) => "see the data directory and its owner",
            KeyError::Key(_) => "bring an unencrypted PKCS#8 PEM file of an ES256, ES384, EdDSA or RSA key",
            KeyError::Unknown(_) | KeyError::Withdrawn(_) | KeyError::Present(_) => "auth-server key list",
        };
        Self::new(error.to_string(), mend)
    }
}

/// The keys of this configuration, and the store behind them.
pub(super) async fn keys(cx: &Context) -> Result<(Keys, Store), CliError> {
    let store = cx.store().await?;
    let roots = Arc::new(cx.roots(&store).await?);
    Ok((of_store(&store, roots, cx), store))
}

/// The same for a command that only reads: nothing is made. `None` where there can be no key yet.
pub(super) async fn keys_to_read(cx: &Context) -> Result<Option<(Keys, Store)>, CliError> {
    let Some(store) = cx.store_to_read().await? else { return Ok(None) };
    let Some(roots) = cx.roots_to_read(&store).await? else { return Ok(None) };
    Ok(Some((of_store(&store, Arc::new(roots), cx), store)))
}

/// The same for a command that changes keys: it clears up first what others that were killed have left.
async fn keys_to_change(cx: &Context) -> Result<(Keys, Store), CliError> {
    let (keys, store) = keys(cx).await?;
    for kid in keys.clear_leftovers(store.now().await?, cx.now()).await? {
        note(&format!("deleted the private half of {kid}, which is over"));
    }
    Ok((keys, store))
}

/// The keys over a store that is open already.
pub(super) fn of_store(store: &Store, roots: Arc<RootSecrets>, cx: &Context) -> Keys {
    let settings = cx.settings();
    let policy =
        KeyPolicy { max_age: settings.keys.max_age, token_max_lifetime: settings.tokens.max_lifetime };
    let home = KeyHome::new(settings.keys.store, &settings.data_dir);
    let home = settings.issuer.iter().fold(home, |home, issuer| home.of_issuer(issuer));
    Keys::new(store.clone(), roots, home, policy)
}

/// Says which key a resource's tokens still lack. A hint: where it cannot be known yet, nothing is said.
pub(super) async fn hint_of_missing(store: &Store, resource: &Resource, cx: &Context) {
    if resource.token_format != TokenFormat::Jwt {
        return;
    }
    let Ok(roots) = RootSecrets::load(&cx.settings().root_secret_files()) else { return };
    let Ok(keys) = of_store(store, Arc::new(roots), cx).list(cx.now()).await else { return };
    if !active_algorithms(&keys).contains(&resource.algorithm) {
        let alg = resource.algorithm;
        note(&format!("no key signs {alg} yet: auth-server key generate --alg {alg}"));
    }
}

/// What a server needs that nobody has told more: access tokens are signed with ES256, ID tokens with RS256.
const USUAL: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];

async fn generate(alg: Option<Algorithm>, cx: &Context) -> Result<Report, CliError> {
    let (keys, store) = keys_to_change(cx).await?;
    let wanted = if let Some(alg) = alg {
        vec![alg]
    } else {
        // What is complete stays as it is, unless there is nothing to make.
        let list = keys.list(store.now().await?).await?;
        let has = |alg, state| list.iter().any(|key| key.algorithm == alg && key.state == state);
        let lacks = |alg: &Algorithm| !(has(*alg, KeyState::Active) && has(*alg, KeyState::Standby));
        let lacking: Vec<Algorithm> = USUAL.into_iter().filter(lacks).collect();
        if lacking.is_empty() { vec![Algorithm::ES256] } else { lacking }
    };
    let mut made = Vec::new();
    for alg in wanted {
        let act = cx.act("key generate", &alg);
        made.extend(keys.generate(alg, store.now().await?, Some(&act)).await?);
    }
    let lines: Vec<String> =
        made.iter().map(|row| format!("{}  {}  {}", row.kid, row.algorithm, state(row.state))).collect();
    let next = "auth-server key export > public.pem gives verifiers the public halves";
    Ok(Report::new(
        json!(made.iter().map(document).collect::<Vec<_>>()),
        format!("{}\n\n{next}", lines.join("\n")),
    ))
}

fn document(row: &KeyRow) -> Value {
    json!({
        "kid": row.kid, "alg": row.algorithm.to_string(), "state": row.state,
        "published_at": row.published_at, "activated_at": row.activated_at,
    })
}

fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Standby => "standby",
        KeyState::Active => "active",
        KeyState::Retiring => "retiring",
        KeyState::Revoked => "revoked",
        KeyState::Gone => "gone",
    }
}

async fn rotate(alg: Option<Algorithm>, force: bool, cx: &Context) -> Result<Report, CliError> {
    let (keys, store) = keys_to_change(cx).await?;
    let algorithms = match alg {
        Some(alg) => vec![alg],
        None => active_algorithms(&keys.list(store.now().await?).await?),
    };
    if algorithms.is_empty() {
        return Err(CliError::new("there is no active key", "auth-server key generate"));
    }
    let mut done = Vec::new();
    for alg in algorithms {
        let act = cx.act("key rotate", &alg).with_detail(json!({ "force": force }));
        done.push(keys.rotate(alg, force, (store.now().await?, Some(&act))).await?);
    }
    note(EXPORT_AGAIN);
    Ok(Report::new(json!(done), done.iter().map(told).collect::<Vec<_>>().join("\n")))
}

fn active_algorithms(keys: &[KeyStatus]) -> Vec<Algorithm> {
    keys.iter().filter(|key| key.state == KeyState::Active).map(|key| key.algorithm).collect()
}

fn told(rotation: &Rotation) -> String {
    let none = || "none".to_owned();
    if rotation.active.is_none() && rotation.standby.is_none() {
        return format!("{} is withdrawn", rotation.retired);
    }
    format!(
        "{} no longer signs; active: {}; standby: {}",
        rotation.retired,
        rotation.active.clone().unwrap_or_else(none),
        rotation.standby.clone().unwrap_or_else(none)
    )
}

async fn import(file: &Path, alg: Option<Algorithm>, cx: &Context) -> Result<Report, CliError> {
    let pem = input::text(file)?;
    let key = SigningKey::from_pkcs8_pem(pem.reveal(), alg).map_err(|error| {
        let mend = "bring an unencrypted PKCS#8 PEM file; for RSA say --alg RS256 or PS256";
        CliError::new(format!("{}: {error}", file.display()), mend)
    })?;
    let (keys, store) = keys_to_change(cx).await?;
    let act = cx.act("key import", &key.kid());
    let row = keys.import(&key, store.now().await?, Some(&act)).await?;
    note(EXPORT_AGAIN);
    Ok(Report::new(document(&row), format!("{} is {} for {}", row.kid, state(row.state), row.algorithm)))
}
