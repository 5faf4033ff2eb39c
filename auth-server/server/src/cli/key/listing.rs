//! `key list`

use serde_json::{Value, json};
use trefoil_shared::Timestamp;

use crate::cli::context::Context;
use crate::cli::output::Report;
use crate::cli::table::{fixed, optional};
use crate::cli::{CliError, table, when};
use crate::config::KeyStoreKind;
use crate::keys::KeyStatus;

/// Runs it.
pub(super) async fn run(cx: &Context) -> Result<Report, CliError> {
    let (all, now) = match super::keys_to_read(cx).await? {
        Some((keys, store)) => {
            let now = store.now().await?;
            (keys.list(now).await?, now)
        }
        None => (Vec::new(), cx.now()),
    };
    let rows: Vec<Vec<String>> = all.iter().map(|key| row(key, cx.settings().keys.store, now)).collect();
    let text = if rows.is_empty() {
        "no keys yet: auth-server key generate".to_owned()
    } else {
        table::list(
            cx.screen,
            &[
                fixed("kid"),
                fixed("alg"),
                fixed("state"),
                optional("private half"),
                optional("signs since"),
                optional("until"),
                optional("published"),
            ],
            &rows,
        )
    };
    let documents: Vec<Value> = all
        .iter()
        .map(|key| {
            json!({
                "kid": key.kid, "alg": key.algorithm.to_string(), "state": key.state, "held": key.held,
                "published_at": key.published_at, "activated_at": key.activated_at, "gone_at": key.gone_at,
            })
        })
        .collect();
    Ok(Report::new(json!(documents), text))
}

fn place(held: bool, store: KeyStoreKind) -> &'static str {
    match (held, store) {
        (true, KeyStoreKind::File) => "here",
        (false, KeyStoreKind::File) => "not here",
        (true, KeyStoreKind::Database) => "in the database",
        (false, KeyStoreKind::Database) => "not in the database",
    }
}

fn row(key: &KeyStatus, store: KeyStoreKind, now: Timestamp) -> Vec<String> {
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| when::moment(at, now));
    vec![
        key.kid.clone(),
        key.algorithm.to_string(),
        super::state(key.state).to_owned(),
        place(key.held, store).to_owned(),
        time(key.activated_at),
        time(key.gone_at),
        when::moment(key.published_at, now),
    ]
}
