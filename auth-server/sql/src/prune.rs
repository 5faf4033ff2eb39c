//! The sweeper: what nobody can ask for any more, a small batch at a time.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use trefoil_shared::Timestamp;

use super::statement::Statement;
use super::{Store, StoreError, is_full};

/// How many rows one statement takes, so that none holds others up.
const BATCH: i64 = 500;
const EVERY: Duration = Duration::from_mins(1);
/// For so long, a day, rows are kept after what they mean is over: the database's clock may be ahead for a while, and a
/// revocation that was removed then would make its token good again, while a token that was removed would be lost.
const KEPT: i64 = 86_400;
/// A key that is gone stays in `key list` for 30 days, a replica's report for an hour.
const KEY_KEPT: i64 = 30 * 86_400;
const REPORT_KEPT: i64 = 3_600;
/// Rehashes are looked through as a whole, and few of them are ever removed.
const REHASHES_EACH: u32 = 60;
/// A rehash may be older than the transaction that registers what it replaces is visible; an hour is plenty.
const REHASH_KEPT: i64 = 3_600;
/// The callers' clocks decide what has expired; they are not an hour apart (decision 45).
const RECORDS_KEPT: i64 = 3_600;

const TOKENS: &str = "DELETE FROM opaque_tokens WHERE hash IN \
     (SELECT hash FROM opaque_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2) RETURNING hash";
const REHASHES_PAGE: &str = "SELECT client_id, replaces FROM secret_rehashes WHERE (client_id, replaces) > ($1, $2) \
     ORDER BY client_id, replaces LIMIT $3";
const REHASHES: &str = "DELETE FROM secret_rehashes WHERE (client_id, replaces) > ($1, $2) \
     AND (client_id, replaces) <= ($3, $4) AND created_at < $5 AND NOT EXISTS (SELECT 1 FROM client_secrets s \
     WHERE s.client_id = secret_rehashes.client_id AND s.digest = secret_rehashes.replaces) RETURNING replaces";
const KEYS: &str = "DELETE FROM keys WHERE kid IN (SELECT kid FROM keys \
     WHERE state IN ('retiring', 'revoked') AND gone_at < $1 LIMIT $2) RETURNING kid";
// A revoked key's half goes with the change of its row; that of a retired one when its time has come. One without a row
// is somebody else's doing: the row comes first, in the same transaction.
const PRIVATE_KEYS: &str = "DELETE FROM private_keys WHERE kid IN (SELECT p.kid FROM private_keys p \
     LEFT JOIN keys k ON k.kid = p.kid WHERE k.kid IS NULL OR (k.state IN ('retiring', 'revoked') AND k.gone_at < $1) \
     LIMIT $2) RETURNING kid";
const REPLICAS: &str = "DELETE FROM replicas WHERE replica_id IN \
     (SELECT replica_id FROM replicas WHERE seen_at < $1 LIMIT $2) RETURNING replica_id";

const REVOCATIONS: &str = "DELETE FROM revocations WHERE id IN \
     (SELECT id FROM revocations WHERE expires_at < $1 AND revision IS NOT NULL LIMIT $2) RETURNING id";

const RECORDS: &str = "DELETE FROM records WHERE key IN \
     (SELECT key FROM records WHERE expires_at < $1 ORDER BY expires_at LIMIT $2) RETURNING key";

const SESSIONS: &str = "DELETE FROM sessions WHERE id_hash IN \
     (SELECT id_hash FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2) RETURNING id_hash";

/// How many rows went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Opaque tokens that expired more than a day ago.
    pub opaque_tokens: u64,
    /// Rehashes whose secret is no longer registered.
    pub secret_rehashes: u64,
    /// Keys that are long gone.
    pub keys: u64,
    /// Wrapped private halves of keys that have been over for a day.
    pub private_keys: u64,
    /// Reports of replicas that are long gone.
    pub replicas: u64,
    /// Revocations of what expired more than a day ago.
    pub revocations: u64,
    /// Records and counters that ended more than an hour ago.
    pub records: u64,
    /// Login sessions that ended more than a day ago.
    pub sessions: u64,
}

impl Pruned {
    /// All rows together.
    pub fn total(&self) -> u64 {
        self.counts().iter().sum()
    }

    fn counts(&self) -> [u64; 8] {
        let Self {
            opaque_tokens,
            secret_rehashes,
            keys,
            private_keys,
            replicas,
            revocations,
            records,
            sessions,
        } = *self;
        [opaque_tokens, secret_rehashes, keys, private_keys, replicas, revocations, records, sessions]
    }

    fn is_full(&self, batch: i64) -> bool {
        let batch = u64::try_from(batch).unwrap_or(u64::MAX);
        self.counts().iter().any(|gone| *gone >= batch)
    }
}

impl Store {
    /// Removes one batch of each kind that an index finds by its time.
    pub async fn prune(&self, now: Timestamp, batch: i64) -> Result<Pruned, StoreError> {
        Ok(Pruned {
            secret_rehashes: 0,
            opaque_tokens: self.drop_rows(TOKENS, now.plus(-KEPT), batch).await?,
            keys: self.drop_rows(KEYS, now.plus(-KEY_KEPT), batch).await?,
            private_keys: self.drop_rows(PRIVATE_KEYS, now.plus(-KEPT), batch).await?,
            replicas: self.drop_rows(REPLICAS, now.plus(-REPORT_KEPT), batch).await?,
            revocations: self.drop_rows(REVOCATIONS, now.plus(-KEPT), batch).await?,
            records: self.drop_rows(RECORDS, now.plus(-RECORDS_KEPT), batch).await?,
            sessions: self.drop_rows(SESSIONS, now.plus(-KEPT), batch).await?,
        })
    }

    /// Removes batch after batch until nothing is left.
    pub async fn prune_all(&self, now: Timestamp) -> Result<Pruned, StoreError> {
        self.sweep(now, true).await
    }

    async fn sweep(&self, now: Timestamp, rehashes: bool) -> Result<Pruned, StoreError> {
        let mut all = Pruned::default();
        if rehashes {
            all.secret_rehashes = self.prune_rehashes(now.plus(-REHASH_KEPT)).await?;
        }
        loop {
            let gone = self.prune(now, BATCH).await?;
            all.opaque_tokens += gone.opaque_tokens;
            all.keys += gone.keys;
            all.private_keys += gone.private_keys;
            all.replicas += gone.replicas;
            all.revocations += gone.revocations;
            all.records += gone.records;
            all.sessions += gone.sessions;
            if !gone.is_full(BATCH) {
                return Ok(all);
            }
        }
    }

    /// Rehashes whose secret is no longer registered. No index finds them, so the whole table is looked through, a
    /// page at a time in the order of its primary key.
    async fn prune_rehashes(&self, before: Timestamp) -> Result<u64, StoreError> {
        let (mut gone, mut after) = (0, (String::new(), String::new()));
        loop {
            let page = Statement::new(REHASHES_PAGE).text(&after.0).text(&after.1).int(BATCH);
            let page = self.read(page).await?;
            let Some(last) = page.last() else { return Ok(gone) };
            let last: (String, String) = (last.get("client_id")?, last.get("replaces")?);
            let orphans = Statement::new(REHASHES)
                .text(after.0)
                .text(after.1)
                .text(&last.0)
                .text(&last.1)
                .int(before.seconds());
            gone += self.write(orphans).await?.len() as u64;
            if !is_full(&page, BATCH) {
                return Ok(gone);
            }
            after = last;
        }
    }

    /// Sweeps every minute by the database's clock until `stop`, rehashes every hour. A failure is logged and tried
    /// again.
    pub fn spawn_sweeper(&self, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let store = self.clone();
        tokio::spawn(async move {
            let mut rounds = (0..REHASHES_EACH).cycle();
            while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
                let rehashes = rounds.next() == Some(0);
                let swept = match store.now().await {
                    Ok(now) => store.sweep(now, rehashes).await,
                    Err(error) => Err(error),
                };
                match swept {
                    Ok(gone) if gone.total() > 0 => tracing::debug!(rows = gone.total(), "old rows removed"),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "old rows could not be removed"),
                }
            }
        })
    }

    async fn drop_rows(&self, sql: &'static str, before: Timestamp, batch: i64) -> Result<u64, StoreError> {
        Ok(self.write(Statement::new(sql).int(before.seconds()).int(batch)).await?.len() as u64)
    }
}
