//! Hashes that successful authentications leave (decision 2), outside the registry.

use trefoil_shared::{ClientId, Timestamp};

use super::statement::Statement;
use super::{Store, StoreError};
use crate::model::{SecretHash, StoredSecret};

/// Who comes second with the same hash writes nothing.
const REMEMBER: &str = "INSERT INTO secret_rehashes (client_id, replaces, hash, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (client_id, replaces) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at \
     WHERE secret_rehashes.hash <> excluded.hash";

impl Store {
    /// Keeps the new hash of a secret. It counts only while the registry holds the value that it replaces: a secret
    /// that was rotated meanwhile is not brought back.
    pub async fn remember_rehash(
        &self,
        client: &ClientId,
        replaces: &StoredSecret,
        (new, now): (&SecretHash, Timestamp),
    ) -> Result<(), StoreError> {
        let statement = Statement::new(REMEMBER)
            .text(client.as_str())
            .text(replaces.hash.digest())
            .text(new.to_string())
            .int(now.seconds());
        self.write(statement).await.map(drop)
    }
}
