//! Which root secret the database was filled under (decision 5).

use trefoil_shared::Timestamp;

use super::statement::Statement;
use super::{Store, StoreError};
use crate::secrets::RootSecrets;

/// Whose the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootClaim {
    /// It was empty, and names our root secret from now on.
    Claimed,
    /// It names our root secret.
    Ours,
    /// It names another one.
    Other {
        /// The id of that one.
        root_id: String,
    },
}

const CLAIM: &str = "INSERT INTO root_secrets (root_id, slot, claimed_at) SELECT $1, 1, $2 \
     WHERE NOT EXISTS (SELECT 1 FROM root_secrets) ON CONFLICT DO NOTHING RETURNING root_id";
const READ: &str = "SELECT root_id FROM root_secrets WHERE slot = 1";

impl Store {
    /// Puts the id into an empty database, by one atomic insert: of replicas that start together one wins. Tells
    /// whose the database is.
    pub async fn claim_root(&self, id: &str, now: Timestamp) -> Result<RootClaim, StoreError> {
        if let Some(root_id) = self.root_id().await? {
            return Ok(if root_id == id { RootClaim::Ours } else { RootClaim::Other { root_id } });
        }
        let claimed = self.write(Statement::new(CLAIM).text(id).int(now.seconds())).await?;
        if !claimed.is_empty() {
            return Ok(RootClaim::Claimed);
        }
        match self.root_id().await? {
            Some(root_id) if root_id == id => Ok(RootClaim::Ours),
            Some(root_id) => Ok(RootClaim::Other { root_id }),
            None => Err(StoreError::Unavailable("the root secret's row came and went".to_owned())),
        }
    }

    /// Claims an empty database, and refuses one that names a root secret which is not held here.
    pub async fn ensure_root(&self, roots: &RootSecrets, now: Timestamp) -> Result<RootClaim, StoreError> {
        let claim = self.claim_root(roots.writing_id(), now).await?;
        match &claim {
            RootClaim::Other { root_id } if !roots.ids().any(|held| held == root_id) => {
                Err(StoreError::Settings(format!(
                    "this database was filled under root secret {root_id}, and only {} is held here: bring the \
                     root_secret file with id {root_id} (from the first server's data directory or your backup) and \
                     name it in `secrets.root`",
                    roots.ids().collect::<Vec<_>>().join(", ")
                )))
            }
            RootClaim::Other { .. } | RootClaim::Claimed | RootClaim::Ours => Ok(claim),
        }
    }

    /// The id of the root secret that the database names.
    pub async fn root_id(&self) -> Result<Option<String>, StoreError> {
        self.read(Statement::new(READ)).await?.first().map(|row| row.get("root_id")).transpose()
    }
}
