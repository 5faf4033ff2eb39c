//! Clients that need a look: older rules, imported hashes, secrets that end.

use trefoil_shared::Timestamp;

use super::database::broken;
use crate::cli::table;
use crate::model::{Authentication, Client, Profile};
use crate::store::Store;
use trefoil_serve::findings::Finding;

const CLIENTS: &str = "clients";

/// Within this time an end should be prepared for.
const SOON: i64 = 14 * 86_400;

/// What the registry says.
pub(super) async fn findings(store: &Store, now: Timestamp) -> Vec<Finding> {
    let clients = match store.clients().await {
        Ok(clients) => clients,
        Err(error) => return vec![broken(CLIENTS, error)],
    };
    let mut found = vec![Finding::ok(CLIENTS, table::count(clients.len(), "client", "clients"))];
    let legacy = clients.iter().filter(|client| client.profile == Profile::Legacy).count();
    if legacy > 0 {
        let what = format!("{} of profile legacy, let in by rules older than OAuth 2.1", of_clients(legacy));
        found.push(Finding::warning(
            CLIENTS,
            what,
            "auth-server client update ID --profile oauth21, one by one",
        ));
    }
    // Decision 28: until its first use an imported secret costs an Argon2 check.
    match store.unconverted_secrets().await {
        Ok(0) => {}
        Ok(count) => {
            let secrets = usize::try_from(count).unwrap_or(usize::MAX);
            let what = format!(
                "{} still Argon2 only: unknown ids of their shape cost a check, too",
                table::count(secrets, "imported secret is", "imported secrets are")
            );
            let mend = "each is converted at its first use; rotate or remove clients that never come";
            found.push(Finding::warning("imported secrets", what, mend));
        }
        Err(error) => found.push(broken("imported secrets", error)),
    }
    found.extend(clients.iter().filter_map(|client| ending(client, now)));
    found
}

fn of_clients(number: usize) -> String {
    table::count(number, "client", "clients")
}

/// A client whose last secret has ended, or is about to.
fn ending(client: &Client, now: Timestamp) -> Option<Finding> {
    let Authentication::Confidential { secrets, .. } = &client.authentication else { return None };
    let mend = format!("auth-server client rotate-secret {}", client.client_id);
    if secrets.iter().any(|secret| secret.expires_at.is_none()) {
        return None;
    }
    let last = secrets.iter().filter_map(|secret| secret.expires_at).max();
    match last {
        Some(end) if end <= now => {
            Some(Finding::warning(CLIENTS, format!("the secret of {} has expired", client.client_id), mend))
        }
        Some(end) if end.since(now) < SOON => {
            let what = format!(
                "the secret of {} expires {}",
                client.client_id,
                crate::cli::when::relative(end, now)
            );
            Some(Finding::warning(CLIENTS, what, mend))
        }
        Some(_) | None => None,
    }
}
