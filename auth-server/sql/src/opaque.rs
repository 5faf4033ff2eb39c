//! Opaque access tokens, under the hash of their value.

use serde_json::json;
use trefoil_shared::{ClientId, Timestamp};

use super::statement::{Row, Statement};
use super::{Store, StoreError};
use crate::model::OpaqueToken;
use crate::secrets::TokenHash;

const INSERT: &str = "INSERT INTO opaque_tokens (hash, jti, client_id, document, issued_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const LOAD: &str = "SELECT jti, client_id, document, issued_at, expires_at FROM opaque_tokens \
     WHERE hash = $1 AND revoked_at IS NULL";
const FIND: &str = "SELECT jti, client_id, document, issued_at, expires_at, revoked_at FROM opaque_tokens \
     WHERE hash = $1";
const REVOKE: &str = "UPDATE opaque_tokens SET revoked_at = $3 \
     WHERE hash = $1 AND client_id = $2 AND revoked_at IS NULL RETURNING jti";

/// What became of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It ended now.
    Now {
        /// The token's identifier, for the log.
        jti: String,
    },
    /// Nothing was revoked: unknown, ended before, or another client's (RFC 7009 section 2.2).
    Nothing,
}

impl Store {
    /// Stores a token that is about to be issued.
    pub async fn insert_opaque(&self, hash: &TokenHash, token: &OpaqueToken) -> Result<(), StoreError> {
        let document = json!({
            "sub": token.sub, "aud": token.aud, "resources": token.resources, "scope": token.scope,
            "claims": token.claims,
        });
        let statement = Statement::new(INSERT)
            .text(hash.as_str())
            .text(&token.jti)
            .text(token.client_id.as_str())
            .text(document.to_string())
            .int(token.issued_at.seconds())
            .int(token.expires_at.seconds());
        self.write(statement).await.map(drop)
    }

    /// A token that was not revoked; whether it has expired is for the caller to say.
    pub async fn opaque(&self, hash: &TokenHash) -> Result<Option<OpaqueToken>, StoreError> {
        self.read(Statement::new(LOAD).text(hash.as_str())).await?.first().map(token_of).transpose()
    }

    /// A token, and when it was revoked, for an administrator.
    pub async fn find_opaque(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<(OpaqueToken, Option<Timestamp>)>, StoreError> {
        let rows = self.read(Statement::new(FIND).text(hash.as_str())).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let revoked_at: Option<i64> = row.get("revoked_at")?;
        Ok(Some((token_of(row)?, revoked_at.map(Timestamp))))
    }

    /// Ends a token of this client, at once and everywhere.
    pub async fn revoke_opaque(
        &self,
        hash: &TokenHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<Revoked, StoreError> {
        let statement = Statement::new(REVOKE).text(hash.as_str()).text(client.as_str()).int(now.seconds());
        let rows = self.write(statement).await?;
        rows.first().map_or(Ok(Revoked::Nothing), |row| Ok(Revoked::Now { jti: row.get("jti")? }))
    }
}

fn token_of(row: &Row) -> Result<OpaqueToken, StoreError> {
    let mut document: serde_json::Value = row.json("document")?;
    let mut part = |name: &str| document.get_mut(name).map(serde_json::Value::take).unwrap_or_default();
    Ok(OpaqueToken {
        jti: row.get("jti")?,
        client_id: row.parse("client_id")?,
        sub: read(part("sub"))?,
        aud: read(part("aud"))?,
        resources: read(part("resources"))?,
        scope: read(part("scope"))?,
        claims: read(part("claims"))?,
        issued_at: Timestamp(row.get("issued_at")?),
        expires_at: Timestamp(row.get("expires_at")?),
    })
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Corrupt(format!("opaque token: {error}")))
}
