//! Whether one token is revoked, as the database has it now: what an administrator asks. Servers ask their memory.

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{CutOffScope, RevocationList, Revocations, Revoked, TokenFacts};

use super::revocations::revocation_of;
use super::statement::Statement;
use super::{Revocation, Store, StoreError};

/// Rows that still wait for their number count, too: they were acknowledged.
const ABOUT: &str = "SELECT kind, target, at, expires_at FROM revocations \
     WHERE (kind = 'token' AND target = $1) OR (kind = 'cut_off' AND target IN ($2, $3, $4))";

impl Store {
    /// Why this token is revoked; `None` where it is not.
    pub async fn revoked(&self, token: &TokenFacts<'_>) -> Result<Option<Revoked>, StoreError> {
        let scopes =
            [CutOffScope::Everybody, CutOffScope::Client(token.client_id), CutOffScope::Subject(token.sub)];
        let about = Statement::new(ABOUT).text(token.jti);
        let about = scopes.into_iter().fold(about, |about, scope| about.text(scope.key().to_string()));
        let mut list = RevocationList {
            iss: String::new(),
            iat: Timestamp(0),
            exp: Timestamp(0),
            ttl: 1,
            epoch: String::new(),
            revision: 0,
            since: 0,
            tokens: Vec::new(),
            before: Vec::new(),
        };
        for row in &self.read(about).await? {
            match revocation_of(row)? {
                Some(Revocation::Token { id, expires_at }) => list.tokens.push((id, expires_at)),
                Some(Revocation::CutOff { key, second, .. }) => list.before.push((key, second)),
                None => {}
            }
        }
        // The one rule that every verifier goes by.
        let mut rule = Revocations::default();
        rule.apply(list);
        Ok(rule.revoked(token))
    }
}
