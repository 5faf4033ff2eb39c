//! The signing keys: one active and one standby for each algorithm in use, held here, and authentic.

use std::sync::Arc;

use trefoil_shared::Timestamp;
use trefoil_shared::jose::Algorithm;

use super::database::broken;
use crate::cli::context::Context;
use crate::cli::{CliError, key, when};
use crate::config::KeyStoreKind;
use crate::keys::KeyStatus;
use crate::model::{Client, KeyState, Resource, TokenFormat};
use crate::openid::is_openid;
use crate::secrets::RootSecrets;
use crate::store::Store;
use crate::tokens::id_token_algorithm;
use trefoil_serve::findings::Finding;

const KEYS: &str = "keys";

/// A key that has signed for longer than this should be rotated.
const OLD: i64 = 366 * 86_400;

/// What the keys say.
pub(super) async fn findings(
    (store, roots): (&Store, Arc<RootSecrets>),
    resources: &[Resource],
    cx: &Context,
) -> Vec<Finding> {
    let mut found = Vec::new();
    match store.keys(&roots).await {
        Ok(stored) => found.extend(stored.rejected.iter().map(|kid| rejected(kid))),
        Err(error) => return vec![broken(KEYS, error)],
    }
    let now = store.now().await.unwrap_or_else(|_| cx.now());
    let all = key::of_store(store, roots, cx);
    if let Ok(strays) = all.strays().await {
        found.extend(strays.iter().map(|kid| stray(kid, cx)));
    }
    let keys = match all.list(now).await {
        Ok(keys) => keys,
        Err(error) => {
            found.push(Finding::broken(KEYS, CliError::from(error).to_string(), "auth-server key list"));
            return found;
        }
    };
    // Where clients cannot be read, another finding says so.
    let clients = store.clients().await.unwrap_or_default();
    for algorithm in in_use(&keys, resources, &clients) {
        let settings = &cx.settings().keys;
        found.push(of_algorithm(algorithm, (&keys, settings.store), now));
        found.extend(settings.rotate_every.and_then(|every| about_to_sign(algorithm, &keys, (every, now))));
    }
    found
}

/// Decision 9: somebody without the root secret wrote this row.
fn rejected(kid: &str) -> Finding {
    let what = format!("the row of key {kid} was not written by a holder of the root secret: it is ignored");
    Finding::broken(
        KEYS,
        what,
        format!("find out who can write the database; then auth-server key revoke {kid}"),
    )
}

/// A file that no row names: never deleted for somebody, as it may be the only copy of a key of another database.
fn stray(kid: &str, cx: &Context) -> Finding {
    let file = cx.settings().keys_dir().join(format!("{kid}.pem"));
    let what = format!("{} belongs to no key of this database: nobody publishes it", file.display());
    let mend = "a command that was killed left it, or it is another database's: move it away, or delete it";
    Finding::warning(KEYS, what, mend)
}

/// The algorithms of the keys, of the resources whose tokens are signed, and of the clients that ask for ID tokens; ES256
/// where there is nothing yet.
fn in_use(keys: &[KeyStatus], resources: &[Resource], clients: &[Client]) -> Vec<Algorithm> {
    let live = keys.iter().filter(|key| matches!(key.state, KeyState::Active | KeyState::Standby));
    let signed = resources.iter().filter(|resource| resource.token_format == TokenFormat::Jwt);
    let mut all: Vec<Algorithm> =
        live.map(|key| key.algorithm).chain(signed.map(|resource| resource.algorithm)).collect();
    all.extend(clients.iter().filter(|client| is_openid(&client.scopes)).map(id_token_algorithm));
    if all.is_empty() {
        all.push(Algorithm::ES256);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// How a private half comes to where it is missing.
fn bring(store: KeyStoreKind) -> &'static str {
    match store {
        KeyStoreKind::File => "bring its file into the keys directory, or rotate where it is held",
        KeyStoreKind::Database => "auth-server key move on the machine that has its file",
    }
}

/// A standby that the server will let sign soon, by `keys.rotate_every`: who verifies with an exported file needs one
/// that has it. Soon is a quarter of the period, at most two weeks.
fn about_to_sign(
    algorithm: Algorithm,
    keys: &[KeyStatus],
    (every, now): (i64, Timestamp),
) -> Option<Finding> {
    let of_state = |state| keys.iter().find(|key| key.algorithm == algorithm && key.state == state);
    let (active, standby) = (of_state(KeyState::Active)?, of_state(KeyState::Standby)?);
    let due = active.activated_at?.plus(every);
    if due.since(now) > (every / 4).min(14 * 86_400) {
        return None;
    }
    let what = format!(
        "the standby {} signs {algorithm} from {} on; a public.pem that was exported before {} lacks it",
        standby.kid,
        when::moment(due, now),
        when::rfc3339(standby.published_at)
    );
    let mend = "give resource-servers that have such a file a new one: auth-server key export --format pem > public.pem";
    Some(Finding::warning("exported keys", what, mend))
}

fn of_algorithm(
    algorithm: Algorithm,
    (keys, store): (&[KeyStatus], KeyStoreKind),
    now: Timestamp,
) -> Finding {
    let of_state = |state| keys.iter().find(|key| key.algorithm == algorithm && key.state == state);
    let generate = format!("auth-server key generate --alg {algorithm}");
    let Some(active) = of_state(KeyState::Active) else {
        return Finding::broken(KEYS, format!("there is no active {algorithm} key"), generate);
    };
    if !active.held {
        let what = format!("the private half of the active {algorithm} key {} is not here", active.kid);
        return Finding::broken(KEYS, what, bring(store));
    }
    let Some(standby) = of_state(KeyState::Standby) else {
        return Finding::warning(KEYS, format!("{algorithm} has no standby"), generate);
    };
    if !standby.held {
        let what = format!("the private half of the standby {} is not here", standby.kid);
        return Finding::warning(KEYS, what, format!("before the next rotation: {}", bring(store)));
    }
    let age = active.activated_at.map_or(0, |at| now.since(at));
    if age > OLD {
        let what = format!("{} has signed {algorithm} for {}", active.kid, when::span(age));
        return Finding::warning(KEYS, what, format!("auth-server key rotate --alg {algorithm}"));
    }
    Finding::ok(
        KEYS,
        format!(
            "{algorithm}: {} signs, for {} by now; {} stands by",
            active.kid,
            when::span(age),
            standby.kid
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use trefoil_serve::findings::Level;

    const DAY: i64 = 86_400;

    fn key(state: KeyState, activated_at: Option<i64>) -> KeyStatus {
        KeyStatus {
            kid: format!("{state:?}"),
            algorithm: Algorithm::ES256,
            state,
            held: true,
            published_at: Timestamp(0),
            activated_at: activated_at.map(Timestamp),
            gone_at: None,
        }
    }

    #[test]
    fn u01_a_standby_that_is_about_to_sign_is_warned_of() {
        let keys = [key(KeyState::Active, Some(0)), key(KeyState::Standby, None)];
        let at = |days: i64| about_to_sign(Algorithm::ES256, &keys, (90 * DAY, Timestamp(days * DAY)));
        assert_eq!(at(75), None);
        let found = at(77).unwrap();
        assert_eq!(found.level, Level::Warning);
        for part in ["the standby Standby signs ES256", "in 13 days", "exported before 1970-01-01T00:00:00Z"]
        {
            assert!(found.what.contains(part), "{found:?}");
        }
        assert!(found.mend.unwrap().contains("auth-server key export --format pem"));
        let often = |days: i64| about_to_sign(Algorithm::ES256, &keys, (4 * DAY, Timestamp(days * DAY)));
        assert!(often(2).is_none() && often(3).is_some());
        assert_eq!(about_to_sign(Algorithm::ES256, &keys[..1], (DAY, Timestamp(0))), None);
    }
}
