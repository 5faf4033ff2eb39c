//! Rotation: the standby signs from now on, once every verifier and every server knows it (decision 7).

use serde::Serialize;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Algorithm, MAX_KEYS};

use super::state::{Pair, published_rows};
use super::{KeyError, Keys};
use crate::model::KeyState;
use crate::store::{Act, StoreError, StoredKey};

/// Most keys that rotations may publish: what a verifier takes, less the first two of each algorithm.
const MAX_PUBLISHED: usize = MAX_KEYS - 16;

/// What a rotation or a revocation has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// The key that no longer signs.
    pub retired: String,
    /// The key that signs now, where there is one.
    pub active: Option<String>,
    /// The new standby.
    pub standby: Option<String>,
}

impl Keys {
    /// Makes the standby active. Refused while verifiers may not have heard of it, or a live server lacks it;
    /// `force` skips both questions. Refused in any case while as many keys are published as verifiers take: the set
    /// would be of use to nobody.
    pub async fn rotate(
        &self,
        algorithm: Algorithm,
        force: bool,
        (now, act): (Timestamp, Option<&Act>),
    ) -> Result<Rotation, KeyError> {
        let rows = self.rows().await?;
        let published = published_rows(&rows, now).count();
        if published >= MAX_PUBLISHED {
            return Err(KeyError::TooMany(published));
        }
        let mut pair = Pair::of(&rows, algorithm);
        if pair.active.is_none() {
            return Err(KeyError::NoKey(algorithm));
        }
        if pair.standby.is_none() {
            self.ensure_standby(algorithm, now).await?;
            pair = Pair::of(&self.rows().await?, algorithm);
        }
        if let Some(standby) = pair.standby.as_ref().filter(|_| !force) {
            self.check_standby(standby, now).await?;
        }
        let [retiring, active] = pair.rotate(self.policy, now).ok_or(KeyError::NoKey(algorithm))?;
        // In the same transaction: a process that is killed here leaves no algorithm without a standby, and no other
        // server makes one that is held elsewhere.
        let (fresh, standby) = self.make(algorithm, KeyState::Standby, now).await?;
        self.write(&[retiring, active, standby], act).await?;
        Ok(Rotation {
            retired: pair.active.map(|key| key.row.kid).unwrap_or_default(),
            active: pair.standby.map(|key| key.row.kid),
            standby: Some(fresh.kid),
        })
    }

    /// Rotates every algorithm whose active key is older than `every` seconds and whose standby is ready: what
    /// `keys.rotate_every` does from inside a server. Several servers may try; one does it.
    pub async fn rotate_if_due(&self, every: i64, now: Timestamp) -> Result<Vec<Rotation>, KeyError> {
        let rows = self.rows().await?;
        let due = rows.iter().filter(|key| {
            key.row.state == KeyState::Active && key.row.activated_at.is_some_and(|at| now.0 - at.0 >= every)
        });
        let mut done = Vec::new();
        for key in due {
            match self.rotate(key.row.algorithm, false, (now, None)).await {
                Ok(rotation) => done.push(rotation),
                Err(
                    KeyError::TooYoung { .. }
                    | KeyError::NotEverywhere { .. }
                    | KeyError::TooMany(_)
                    | KeyError::Store(StoreError::Conflict(_)),
                ) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(done)
    }

    async fn check_standby(&self, key: &StoredKey, now: Timestamp) -> Result<(), KeyError> {
        let kid = &key.row.kid;
        let lacks = |replica| KeyError::NotEverywhere { kid: kid.clone(), replica };
        let live = self.store.live_replicas(now).await?;
        if live.is_empty() && !self.home.holds(key) {
            return Err(lacks("this machine".to_owned()));
        }
        // The last one counts: a verifier may have its set from that one.
        let mut published = key.row.published_at;
        for replica in live {
            let Some(since) = replica.kids.get(kid) else { return Err(lacks(replica.id)) };
            published = published.max(*since);
        }
        let (age, needed) = (now.since(published), self.policy.known_after());
        if age < needed {
            return Err(KeyError::TooYoung { kid: kid.clone(), age, needed });
        }
        Ok(())
    }
}
