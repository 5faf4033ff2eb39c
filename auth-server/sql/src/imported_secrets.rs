//! Imported clients, and the secrets that only Argon2 can check.

use super::statement::Statement;
use super::{Store, StoreError};

/// Secrets that only Argon2 can check: imported, and no success has left another hash.
macro_rules! unconverted {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " FROM client_secrets s WHERE s.hash LIKE '$argon2%' AND NOT EXISTS (SELECT 1 FROM secret_rehashes r \
             WHERE r.client_id = s.client_id AND r.replaces = s.digest)",
            $after
        )
    };
}

const UNCONVERTED: &str = unconverted!("SELECT COUNT(*) AS n", "");
const AN_UNCONVERTED: &str = unconverted!("SELECT s.hash AS hash", " LIMIT 1");
const LEGACY: &str = "SELECT COUNT(*) AS n, COUNT(import_source) AS imported FROM clients \
     WHERE profile = 'legacy' AND removed_at IS NULL";

impl Store {
    /// How many live secrets only Argon2 can check (decision 28).
    pub async fn unconverted_secrets(&self) -> Result<i64, StoreError> {
        let rows = self.read(Statement::new(UNCONVERTED)).await?;
        rows.first().map_or(Ok(0), |row| row.get("n"))
    }

    /// The stored hash of one of them, if there is any: asked at each change of the registry, so by an index and no further
    /// than one.
    pub(super) async fn an_unconverted_secret(&self) -> Result<Option<String>, StoreError> {
        let rows = self.watch(Statement::new(AN_UNCONVERTED)).await?;
        rows.first().map(|row| row.get("hash")).transpose()
    }

    /// How many clients have the profile `legacy`, and how many of them were imported.
    pub async fn legacy_clients(&self) -> Result<(i64, i64), StoreError> {
        let rows = self.read(Statement::new(LEGACY)).await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.get("n")?, row.get("imported")?)))
    }
}
