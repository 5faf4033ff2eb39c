//! What one caller of a race does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use trefoil_auth_server::config::KeyStoreKind;
use trefoil_auth_server::keys::{KeyError, KeyHome, KeyPolicy, Keys};
use trefoil_auth_server::model::Client;
use trefoil_auth_server::secrets::TokenHash;
use trefoil_auth_server::store::{Revocation, Revoked, RootClaim, Store, StoreError};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::revocation::{CutOffScope, TokenId};
use trefoil_shared::{Timestamp, TypedValue, ValueKind};

use super::callers::Round;
use super::records;
use crate::samples::{NOW, act, client, id, roots, secret_of, secrets, set_secrets, stored};

/// Between two rounds of rotations, in seconds: a standby is old enough by then, a retired key gone.
const ROUND_OF_KEYS: i64 = 1_000_000;
/// So many callers of each process rotate in a round in which the others withdraw a key.
const ROTATING: usize = 4;
/// So many callers of each process revoke something in a round.
pub(super) const REVOKING: usize = 4;

/// What is raced for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Act {
    AddClient,
    UpdateClient,
    RemoveClient,
    RotateSecret,
    Rehash,
    GenerateKey,
    RotateKey,
    RevokeKey,
    RevokeOpaque,
    NumberRevocations,
    ClaimRoot,
    CreateRecord,
    ReplaceRecord,
    RemoveRecord,
    CountRecord,
}

/// One of the two processes.
pub(super) struct Process {
    pub(super) number: usize,
    store: Store,
    keys: Keys,
}

/// Whether the caller won, and what it learned.
pub(super) type Answer = Result<(bool, String), StoreError>;

impl Process {
    pub(super) fn new(store: Store, number: usize) -> Self {
        Self { number, keys: keys(&store), store }
    }
}

/// Private halves in the database, so that both processes hold them.
pub(super) fn keys(store: &Store) -> Keys {
    let home = KeyHome::new(KeyStoreKind::Database, std::path::Path::new("/nowhere"));
    Keys::new(store.clone(), Arc::new(roots()), home, KeyPolicy::default())
}

/// When the keys of a round are rotated; the first ones are made a round before.
pub(super) fn moment_of_keys(round: usize) -> Timestamp {
    NOW.plus(i64::try_from(round + 1).unwrap() * ROUND_OF_KEYS)
}

/// The opaque token of a round.
pub(super) fn opaque_of(round: usize) -> TokenHash {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&round.to_be_bytes());
    roots().hash_token(ValueKind::OpaqueToken, &TypedValue::from_bytes(ValueKind::OpaqueToken, &bytes))
}

/// The id of the client of a round.
pub(super) fn client_of(round: usize) -> String {
    format!("c{round}")
}

impl Act {
    /// Does it once, as caller `caller` of `process`.
    pub(super) async fn call(self, process: &Process, (round, caller): (Round, usize)) -> Answer {
        let me = format!("{}-{caller}", process.number);
        match self {
            Self::AddClient => add_client(process, &client_of(round.number), &me).await,
            Self::UpdateClient => update_client(process, &client_of(round.number), &me).await,
            Self::RemoveClient => remove_client(process, &client_of(round.number)).await,
            Self::RotateSecret => rotate_secret(process, &format!("{me} in {}", round.number)).await,
            Self::Rehash => rehash(process, &client_of(round.number)).await,
            Self::GenerateKey => generate_key(process).await,
            Self::RotateKey => rotate_key(process, moment_of_keys(round.number)).await,
            Self::RevokeKey => revoke_key(process, moment_of_keys(round.number), caller).await,
            Self::RevokeOpaque => revoke_opaque(process, &opaque_of(round.number), caller).await,
            Self::NumberRevocations => number(process, round, caller).await,
            Self::ClaimRoot => claim_root(process, &me).await,
            Self::CreateRecord => records::create(&process.store, round.number, &me).await,
            Self::ReplaceRecord => records::replace(&process.store, round.number, &me).await,
            Self::RemoveRecord => records::remove(&process.store, round.number).await,
            Self::CountRecord => records::count(&process.store, round.number).await,
        }
    }
}

async fn add_client(process: &Process, name: &str, me: &str) -> Answer {
    let mut new = client(name);
    let hash = roots().hash_client_secret(&id(name), &secret_of(me));
    set_secrets(&mut new, vec![stored(me, hash)]);
    match process.store.add_client(&new, &act("client add", name)).await {
        Ok(()) => Ok((true, me.to_owned())),
        Err(StoreError::Conflict(why)) => Ok((false, why)),
        Err(other) => Err(other),
    }
}

/// Only who finds the client as it was made may change it.
async fn update_client(process: &Process, name: &str, me: &str) -> Answer {
    let made = client(name).name;
    let change = |mut client: Client| {
        if client.name != made {
            return Err(StoreError::Conflict(client.name));
        }
        me.clone_into(&mut client.name);
        Ok(client)
    };
    match process.store.update_client(&id(name), change, &act("client update", name)).await {
        Ok(changed) => Ok((true, changed.name)),
        Err(StoreError::Conflict(name)) => Ok((false, name)),
        Err(other) => Err(other),
    }
}

/// With a cut-off, as the command does it.
async fn remove_client(process: &Process, name: &str) -> Answer {
    let cut_off = Revocation::cut_off(CutOffScope::Client(name), NOW, 86_400);
    match process.store.remove_client(&id(name), &act("client remove", name).revoking(cut_off)).await {
        Ok(()) => Ok((true, String::new())),
        Err(StoreError::NotFound(_)) => Ok((false, String::new())),
        Err(other) => Err(other),
    }
}

/// As `client rotate-secret --keep-old` does it. Everybody may win, one after the other.
async fn rotate_secret(process: &Process, me: &str) -> Answer {
    let new = stored(me, roots().hash_client_secret(&id("m"), &secret_of(me)));
    let change = |mut client| {
        let kept = secrets(&client).first().cloned();
        set_secrets(&mut client, std::iter::once(new.clone()).chain(kept).collect());
        Ok(client)
    };
    match process.store.update_client(&id("m"), change, &act("client rotate-secret", me)).await {
        Ok(_) => Ok((true, me.to_owned())),
        Err(StoreError::Conflict(why)) => Ok((false, why)),
        Err(other) => Err(other),
    }
}

async fn rehash(process: &Process, name: &str) -> Answer {
    let known = process.store.registered_client(&id(name)).await?.expect("the client of the round");
    let imported = secrets(&known).first().expect("its secret");
    let new = roots().hash_client_secret(&id(name), &secret_of(name));
    process.store.remember_rehash(&id(name), imported, (&new, NOW)).await?;
    let kept = process.store.client(&id(name)).await?.expect("the client of the round");
    Ok((false, secrets(&kept).first().expect("its secret").hash.to_string()))
}

/// The first keys of an algorithm.
async fn generate_key(process: &Process) -> Answer {
    let act = act("key generate", "ES256");
    match process.keys.generate(Algorithm::ES256, NOW, Some(&act)).await {
        Ok(rows) => Ok((true, rows.first().expect("an active key").kid.clone())),
        Err(KeyError::Complete(_) | KeyError::Store(StoreError::Conflict(_))) => Ok((false, String::new())),
        Err(KeyError::Store(other)) => Err(other),
        Err(other) => panic!("{other}"),
    }
}

/// One process is an administrator's command, the other one a server with `keys.rotate_every`.
async fn rotate_key(process: &Process, now: Timestamp) -> Answer {
    let rotated = if process.number == 0 {
        let act = act("key rotate", "ES256");
        process.keys.rotate(Algorithm::ES256, false, (now, Some(&act))).await.map(|done| vec![done])
    } else {
        process.keys.rotate_if_due(60, now).await
    };
    match rotated {
        Ok(done) => {
            let active = done.first().and_then(|rotation| rotation.active.clone());
            Ok((active.is_some(), active.unwrap_or_default()))
        }
        Err(KeyError::TooYoung { .. }) => Ok((false, "too young".to_owned())),
        Err(KeyError::Store(StoreError::Conflict(why))) => Ok((false, why)),
        Err(KeyError::Store(other)) => Err(other),
        Err(other) => panic!("{other}"),
    }
}

/// The key that signed before this moment.
pub(super) async fn signed_before(keys: &Keys, now: Timestamp) -> Result<String, KeyError> {
    let listed = keys.list(now).await?;
    let before = listed.iter().filter(|key| key.activated_at.is_some_and(|at| at < now));
    Ok(before.max_by_key(|key| key.activated_at).expect("a key that has signed").kid.clone())
}

/// All but a few withdraw the key that signed when the round began; the few rotate. Who withdraws is never told that a
/// rotation came first.
async fn revoke_key(process: &Process, now: Timestamp, caller: usize) -> Answer {
    if caller < ROTATING {
        return Ok((false, rotate_key(process, now).await?.1));
    }
    let revoked = match signed_before(&process.keys, now).await {
        Ok(kid) => process.keys.revoke(&kid, now, Some(&act("key revoke", &kid))).await,
        Err(error) => Err(error),
    };
    match revoked {
        Ok(done) => Ok((true, done.active.expect("the standby signs"))),
        Err(KeyError::Withdrawn(_)) => Ok((false, String::new())),
        Err(KeyError::Store(StoreError::Conflict(why))) => panic!("{why}"),
        Err(KeyError::Store(other)) => Err(other),
        Err(other) => panic!("{other}"),
    }
}

/// Half of the callers introspect while the others revoke; after the answer to a revocation nobody finds the token.
async fn revoke_opaque(process: &Process, hash: &TokenHash, caller: usize) -> Answer {
    if caller % 2 == 1 {
        process.store.opaque(hash).await?;
    }
    let revoked = process.store.revoke_opaque(hash, &id("a"), NOW).await?;
    let still = process.store.opaque(hash).await?;
    assert_eq!(still, None, "after an acknowledged revocation");
    Ok((matches!(revoked, Revoked::Now { .. }), String::new()))
}

/// A few revoke, all give numbers, and the last one follows: it misses nothing.
async fn number(process: &Process, round: Round, caller: usize) -> Answer {
    if caller < REVOKING {
        let unique =
            [round.number.to_be_bytes(), (process.number * REVOKING + caller).to_be_bytes()].concat();
        let id = TokenId::from_bytes(unique[4..].try_into().expect("12 bytes"));
        process.store.revoke(&Revocation::Token { id, expires_at: NOW.plus(3_600) }, NOW).await?;
    }
    process.store.number_revocations().await?;
    if caller + 1 < super::callers::CALLERS {
        return Ok((false, String::new()));
    }
    let (mut revision, mut heard, begun) = (round.after, 0, Instant::now());
    while heard < 2 * REVOKING {
        assert!(begun.elapsed() < Duration::from_mins(10), "a reader heard of {heard} revocations only");
        // A reader that never rests takes the machine from those who still have to revoke.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let since = process.store.revocations_since(revision).await?;
        assert!(since.revision >= revision, "no way back");
        (revision, heard) = (since.revision, heard + since.rows.len());
    }
    Ok((false, heard.to_string()))
}

async fn claim_root(process: &Process, me: &str) -> Answer {
    process.store.ensure_epoch(me).await?;
    match process.store.claim_root(me, NOW).await? {
        RootClaim::Claimed => Ok((true, me.to_owned())),
        RootClaim::Ours => panic!("every caller has an id of its own"),
        RootClaim::Other { root_id } => Ok((false, root_id)),
    }
}
