//! Follows the rows: what other processes have generated, rotated and revoked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{KeySet, MAX_KEYS};
use trefoil_sign::SigningKey;

use super::held::{HeldKeys, KeyAge, View};
use super::state::{is_over, is_published, public_key, published_rows};
use super::{KeyError, persisted};
use crate::model::{KeyRow, KeyState};
use crate::store::{StoreError, StoredKey};

const EVERY: Duration = Duration::from_millis(500);
/// How often a replica says that it is alive, in seconds.
const REPORT_EVERY: i64 = 5;

impl HeldKeys {
    /// Reads rows and private halves. `now` is the database's clock. A set that differs from the last one is persisted.
    pub async fn refresh(&self, now: Timestamp) -> Result<(), KeyError> {
        self.refresh_at((now, Instant::now())).await
    }

    /// Reads the rows once more for somebody who met a kid that is not here, unless they have been read since. However
    /// many ask at the same moment, two readings serve them all.
    pub async fn refresh_for_unknown(&self, now: Timestamp) -> Result<(), StoreError> {
        let asked = Instant::now();
        let _reading = self.reading.lock().await;
        if self.view.load().read_at.is_some_and(|began| began > asked) {
            return Ok(());
        }
        match self.read((now, asked)).await {
            Err(KeyError::Store(error)) => Err(error),
            // The set is followed all the same where it cannot be kept on disk; the refresher says so.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// `now`, and when it was asked for: a database that is slow makes it older than it looks.
    async fn refresh_at(&self, moment: (Timestamp, Instant)) -> Result<(), KeyError> {
        let _reading = self.reading.lock().await;
        self.read(moment).await
    }

    /// For who holds [`HeldKeys::reading`]: one reading at a time, so that an older one never takes the place of a newer
    /// one.
    async fn read(&self, (now, asked): (Timestamp, Instant)) -> Result<(), KeyError> {
        let begins = Instant::now();
        let before = self.view.load_full();
        let stored = self.keys.store.keys_since(&self.keys.roots, &before.stored).await?;
        for kid in stored.rejected.iter().filter(|kid| !before.rejected.contains(kid)) {
            tracing::error!(%kid, "ALARM: a key row was not written by a holder of the root secret; it is ignored");
        }
        let (held, active, missing) = self.read_halves(&stored.keys, &before.held, now);
        let published = published(&stored.keys, now);
        let mut view = View {
            active,
            held,
            standbys: in_state(&stored.keys, KeyState::Standby).map(|row| row.kid.clone()).collect(),
            missing,
            rejected: stored.rejected,
            ages: ages(&stored.keys),
            read_at: Some(begins),
            ..View::of_set(published)
        };
        // Tried again until it is kept: a start with the database down must not publish a key that was revoked since.
        let saved = if before.unsaved || view.jwks != before.jwks {
            persisted::save(&self.keys.home, &view.jwks.json)
        } else {
            Ok(())
        };
        view.unsaved = saved.is_err();
        view.since = since(&before, &stored.keys, later(now, asked));
        view.stored = stored.keys;
        self.view.store(Arc::new(view));
        saved
    }

    /// The kids whose private half is here, and since when this process publishes each.
    pub fn held_kids(&self) -> BTreeMap<String, Timestamp> {
        let view = self.view.load();
        let held = |(kid, at): (&String, &Timestamp)| view.held.contains_key(kid).then(|| (kid.clone(), *at));
        view.since.iter().filter_map(held).collect()
    }

    /// Refreshes every half second until `stop`, reports this replica, and rotates where `rotate_every` (seconds)
    /// asks for it.
    pub fn spawn_refresher(
        &self,
        replica: String,
        rotate_every: Option<i64>,
        stop: CancellationToken,
    ) -> tokio::task::JoinHandle<()> {
        let held = self.clone();
        tokio::spawn(async move {
            let mut reported = Report::default();
            let mut every = tokio::time::interval(EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(every.tick()).await.is_some() {
                let stepped = held.step(&replica, rotate_every, &mut reported).await;
                let was_failing = std::mem::replace(&mut reported.failing, stepped.is_err());
                match stepped {
                    Err(error) if !was_failing => tracing::warn!(%error, "the keys cannot be read"),
                    Ok(()) if was_failing => tracing::info!("the keys are read again"),
                    Ok(()) | Err(_) => {}
                }
            }
            // A replica that says good-bye holds up no rotation.
            let _ = held.keys.store.remove_replica(&replica).await;
        })
    }

    async fn step(
        &self,
        replica: &str,
        rotate_every: Option<i64>,
        last: &mut Report,
    ) -> Result<(), KeyError> {
        let asked = Instant::now();
        let now = self.keys.store.now().await?;
        // A set that cannot be kept on disk keeps this replica from nothing else.
        let kept = match self.refresh_at((now, asked)).await {
            Err(error @ KeyError::File(_)) => Err(error),
            other => Ok(other?),
        };
        let kids = self.held_kids();
        if kids != last.kids || now.0 - last.at >= REPORT_EVERY {
            self.keys.store.report_replica(replica, &kids, now).await?;
            (last.kids, last.at) = (kids, now.0);
        }
        let view = self.view.load_full();
        if lacks_standby(&view.stored) {
            self.keys.ensure_standbys(now).await?;
        }
        let due = |every: &i64| view.ages.iter().any(|age| now.since(age.activated_at) >= *every);
        for done in match rotate_every.filter(due) {
            Some(every) => self.keys.rotate_if_due(every, now).await?,
            None => Vec::new(),
        } {
            tracing::info!(
                retired = %done.retired, active = ?done.active, standby = ?done.standby,
                "signing key rotated: resource-servers that have public.pem need it again before the next rotation"
            );
        }
        kept
    }

    /// Private halves that are parsed already stay so; files of keys that are gone are deleted.
    fn read_halves(
        &self,
        keys: &[StoredKey],
        parsed: &Parsed,
        now: Timestamp,
    ) -> (Parsed, Active, Vec<String>) {
        let (mut held, mut active, mut missing) = (Parsed::new(), Active::new(), Vec::new());
        for key in keys {
            let row = &key.row;
            if !is_published(row, now) {
                if is_over(row, now) {
                    self.delete_file(row);
                }
                continue;
            }
            let Some(key) = self.private_half(key, parsed) else {
                if row.state == KeyState::Active {
                    missing.push(row.kid.clone());
                }
                continue;
            };
            if row.state == KeyState::Active {
                active.insert(row.algorithm, Arc::clone(&key));
            }
            held.insert(row.kid.clone(), key);
        }
        (held, active, missing)
    }

    fn private_half(&self, key: &StoredKey, parsed: &Parsed) -> Option<Arc<SigningKey>> {
        let (kid, here) = (&key.row.kid, self.keys.home.holds(key));
        if let Some(key) = parsed.get(kid).filter(|_| here) {
            return Some(Arc::clone(key));
        }
        match self.keys.home.read(key, &self.keys.roots) {
            Ok(key) => key.map(Arc::new),
            Err(error) => {
                tracing::error!(%kid, %error, "a private key cannot be used");
                None
            }
        }
    }

    fn delete_file(&self, row: &KeyRow) {
        match self.keys.home.files().delete(&row.kid) {
            Ok(true) => tracing::info!(kid = %row.kid, "the private half of a key that is over was deleted"),
            Ok(false) => {}
            Err(error) => tracing::warn!(kid = %row.kid, %error, "a key file cannot be deleted"),
        }
    }
}

type Parsed = HashMap<String, Arc<SigningKey>>;
type Active = HashMap<trefoil_shared::jose::Algorithm, Arc<SigningKey>>;

/// What this replica has said of itself.
#[derive(Default)]
struct Report {
    kids: BTreeMap<String, Timestamp>,
    at: i64,
    failing: bool,
}

/// What is published: should there be more than verifiers take, those that matter most. An empty set would refuse every
/// token there is.
fn published(keys: &[StoredKey], now: Timestamp) -> KeySet {
    let mut rows: Vec<_> = published_rows(keys, now).collect();
    rows.sort_by_key(|row| match row.state {
        KeyState::Active => (0, 0),
        KeyState::Standby => (1, 0),
        KeyState::Retiring | KeyState::Revoked | KeyState::Gone => {
            (2, row.gone_at.map_or(0, |gone| gone.0.saturating_neg()))
        }
    });
    let keys = rows.into_iter().filter_map(public_key).take(MAX_KEYS).collect();
    KeySet::from_keys(keys).unwrap_or_else(|_| KeySet::empty())
}

/// Since when each key that is published from now on has been: a verifier may go by an older set of this process until
/// its max-age is over. One that had published nothing yet has misled nobody.
fn since(before: &View, keys: &[StoredKey], now: Timestamp) -> HashMap<String, Timestamp> {
    let first = before.published.keys().is_empty();
    let of_row = |row: &KeyRow| {
        let known = before.since.get(&row.kid).copied();
        known.unwrap_or(if first { row.published_at } else { now })
    };
    published_rows(keys, now).map(|row| (row.kid.clone(), of_row(row))).collect()
}

/// The time now, if it was `now` when it was `asked` for: in whole seconds, the last one begun counts from 100 ms on.
fn later(now: Timestamp, asked: Instant) -> Timestamp {
    now.plus(i64::try_from((asked.elapsed().as_millis() + 900) / 1_000).unwrap_or(i64::MAX))
}

/// Whether an algorithm has an active key and no standby.
fn lacks_standby(keys: &[StoredKey]) -> bool {
    let mut active = in_state(keys, KeyState::Active).map(|row| row.algorithm);
    active.any(|algorithm| !in_state(keys, KeyState::Standby).any(|row| row.algorithm == algorithm))
}

fn in_state(keys: &[StoredKey], state: KeyState) -> impl Iterator<Item = &KeyRow> {
    keys.iter().map(|key| &key.row).filter(move |row| row.state == state)
}

fn ages(keys: &[StoredKey]) -> Vec<KeyAge> {
    in_state(keys, KeyState::Active)
        .map(|row| KeyAge {
            kid: row.kid.clone(),
            algorithm: row.algorithm,
            activated_at: row.activated_at.unwrap_or(row.created_at),
        })
        .collect()
}
