//! Removing a key whose row or private half somebody without the root secret wrote (decision 9).

use trefoil_shared::Timestamp;
use trefoil_shared::jose::Algorithm;

use super::state::Pair;
use super::{KeyError, Keys, Rotation};
use crate::model::KeyState;
use crate::store::{Act, StoredKey};

impl Keys {
    /// Removes the row and both copies of its private half. The row counts for the index of one active key an
    /// algorithm all the same, and so would keep the standby from signing; it signs from here on.
    pub(super) async fn remove_rejected(
        &self,
        kid: &str,
        (now, act): (Timestamp, Option<&Act>),
    ) -> Result<Rotation, KeyError> {
        self.store.drop_rejected_key(kid, act).await?;
        self.home.files().delete(kid)?;
        let mut done = Rotation { retired: kid.to_owned(), active: None, standby: None };
        for algorithm in headless(&self.rows().await?) {
            for row in self.generate(algorithm, now, None).await? {
                let place = if row.state == KeyState::Active { &mut done.active } else { &mut done.standby };
                *place = Some(row.kid);
            }
        }
        self.ensure_standbys(now).await?;
        Ok(done)
    }
}

/// The algorithms that have a standby and no active key.
fn headless(rows: &[StoredKey]) -> Vec<Algorithm> {
    let standbys = rows.iter().filter(|key| key.row.state == KeyState::Standby).map(|key| key.row.algorithm);
    standbys.filter(|algorithm| Pair::of(rows, *algorithm).active.is_none()).collect()
}
