//! Whether one token is revoked, as the database has it now: what an administrator asks. Servers ask their memory.

use trefoil_shared::revocation::{CutOffKey, CutOffScope, RevocationList, Revocations, Revoked, TokenFacts};

use super::revocation::{NamedBy, kind_of, revocation_of};
use super::statement::Statement;
use super::{Store, StoreError};

/// The kinds of cut-offs that there are.
const KINDS: &str = "SELECT DISTINCT kind FROM revocations WHERE kind <> 'token'";
/// Rows that still wait for their number count, too: they were acknowledged.
const TOKEN: &str = "SELECT kind, target, at, expires_at FROM revocations WHERE id = 'token:' || $1";
const CUT_OFFS: &str = "SELECT kind, target, at, expires_at FROM revocations WHERE kind <> 'token' AND kind = $1 AND target = $2";

impl Store {
    /// Why this token is revoked; `None` where it is not.
    pub async fn revoked(&self, token: &TokenFacts<'_>) -> Result<Option<Revoked>, StoreError> {
        let mut list = RevocationList::empty(String::new(), String::new(), (0, 0));
        let mut rows = self.read(Statement::new(TOKEN).text(token.jti)).await?;
        for kind in self.read(Statement::new(KINDS)).await? {
            let kind: String = kind.get("kind")?;
            for key in keys(&kind, token) {
                let about = Statement::new(CUT_OFFS).text(&kind).text(key.to_string());
                rows.extend(self.read(about).await?);
            }
        }
        for row in &rows {
            let (kind, target): (String, String) = (row.get("kind")?, row.get("target")?);
            if let Some(revocation) = revocation_of(&kind, &target, (row.get("at")?, row.get("expires_at")?))?
            {
                revocation.list(&mut list);
            }
        }
        // The one rule that every verifier goes by.
        let mut rule = Revocations::default();
        rule.apply(list);
        Ok(rule.revoked(token))
    }
}

/// The names under which a cut-off of this kind could cover the token.
fn keys(kind: &str, token: &TokenFacts<'_>) -> Vec<CutOffKey> {
    let scopes =
        [CutOffScope::Everybody, CutOffScope::Client(token.client_id), CutOffScope::Subject(token.sub)];
    match kind_of(kind) {
        Some(NamedBy::First) => scopes.iter().filter_map(CutOffScope::first_key).collect(),
        Some(NamedBy::Claims(kind)) => kind.key(|name| token.claim(name)).into_iter().collect(),
        None => Vec::new(),
    }
}
