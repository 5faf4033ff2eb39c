//! An ID token that comes back: `id_token_hint` (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2).

use trefoil_shared::jose::strict_json::{self, Limits};
use trefoil_shared::jose::{KeySet, MAX_TOKEN_BYTES, TokenRules, verify_signed};

/// What an ID token of ours says of whom it was about. It may have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The person, as the client knows it.
    pub subject: String,
    /// The client that it was for.
    pub client_id: String,
    /// The login session.
    pub sid: Option<String>,
}

/// Reads an ID token that this issuer signed with one of these keys. `None` for anything else: another issuer's, an
/// access token, one without a signature.
pub fn read_hint(token: &str, keys: &KeySet, issuer: &str) -> Option<Hint> {
    let rules = TokenRules { types: &["JWT"], max_bytes: MAX_TOKEN_BYTES };
    let signed = verify_signed(token, keys, rules).ok()?;
    let claims = strict_json::parse_object(&signed.payload, Limits::TOKEN).ok()?;
    let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    if text("iss")? != issuer {
        return None;
    }
    Some(Hint { subject: text("sub")?, client_id: text("aud")?, sid: text("sid") })
}
