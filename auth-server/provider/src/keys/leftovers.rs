//! What commands and servers that were killed have left behind: finished where it is clear what was meant, else named.

use trefoil_shared::Timestamp;

use super::state::is_over;
use super::{KeyError, Keys};
use trefoil_disk::remove_unfinished;

impl Keys {
    /// Removes files that were never renamed into place (`clock` is this machine's), and the private halves of keys that
    /// are over (`now` is the database's): a revocation deletes the file after its row. Returns the kids of the latter.
    pub async fn clear_leftovers(&self, now: Timestamp, clock: Timestamp) -> Result<Vec<String>, KeyError> {
        for directory in [self.home.data_dir(), self.home.files().directory()] {
            remove_unfinished(directory, clock.seconds())?;
        }
        let mut deleted = Vec::new();
        for key in self.rows().await?.into_iter().filter(|key| is_over(&key.row, now)) {
            if self.home.files().delete(&key.row.kid)? {
                deleted.push(key.row.kid);
            }
        }
        Ok(deleted)
    }

    /// The kids of key files that no row names: a command was killed before it wrote the row, or they are another
    /// database's. Nobody publishes them, and nobody deletes a private key that may be the only copy.
    pub async fn strays(&self) -> Result<Vec<String>, KeyError> {
        let stored = self.store.keys(&self.roots).await?;
        let mut kids = self.home.files().kids();
        kids.retain(|kid| {
            !stored.keys.iter().any(|key| key.row.kid == *kid) && !stored.rejected.contains(kid)
        });
        Ok(kids)
    }
}
