//! ID tokens: OpenID Connect Core section 2.

use std::sync::Arc;

use serde_json::{Map, Value};
use trefoil_core::openid::{IdTokenFacts, at_hash, id_token_claims};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{Scope, Secret};
use trefoil_sign::SigningKey;

use super::{Issue, MintError};
use crate::keys::HeldKeys;
use crate::model::Client;
use trefoil_core::openid::Login;

/// What a client's ID tokens are signed with: RS256 unless it registered something else (OpenID Connect Registration
/// section 2).
pub fn id_token_algorithm(client: &Client) -> Algorithm {
    client.metadata.id_token_signed_response_alg.unwrap_or(Algorithm::RS256)
}

/// An ID token that is to be made with an access token.
#[derive(Clone, Copy)]
pub struct IdToken<'a> {
    /// The access token's issue: issuer, client, moment and subject are the same.
    pub issue: &'a Issue<'a>,
    /// How the person signed in.
    pub login: &'a Login,
    /// Its life in seconds.
    pub lifetime: i64,
    /// Everything that is known of the person, as far as the token needs it.
    pub known: &'a Map<String, Value>,
}

impl IdToken<'_> {
    /// Whether the token says anything of the person beside who it is.
    pub fn tells(client: &Client, login: &Login) -> bool {
        client.metadata.claims_in_id_token == Some(true)
            || login.claims.as_ref().is_some_and(|asked| !asked.id_token.is_empty())
    }

    /// Signs it.
    ///
    /// # Errors
    /// There is no key of the client's algorithm, or it cannot sign.
    pub fn sign(&self, keys: &HeldKeys, access_token: &Secret) -> Result<Secret, MintError> {
        let client = self.issue.client.value();
        let algorithm = id_token_algorithm(client);
        let key = keys.active(algorithm).ok_or(MintError::NoKey(algorithm))?;
        let hash = at_hash(access_token.reveal(), algorithm);
        let scopes: Option<&Scope> =
            (client.metadata.claims_in_id_token == Some(true)).then(|| self.issue.target.scope.scope());
        let claims = id_token_claims(&IdTokenFacts {
            issuer: self.issue.issuer.as_str(),
            client_id: &client.client_id,
            subject: self.issue.sub,
            login: self.login,
            issued_at: self.issue.issued_at(),
            lifetime: self.lifetime,
            at_hash: Some(&hash),
            known: self.known,
            scopes,
        });
        signed(&key, "JWT", &claims)
    }
}

/// A JWT of this type.
///
/// # Errors
/// The key cannot sign.
pub fn signed(key: &Arc<SigningKey>, typ: &str, claims: &Map<String, Value>) -> Result<Secret, MintError> {
    let signed = key.sign_jwt(typ, claims).map(Secret::new);
    signed.map_err(|error| MintError::Sign { kid: key.kid().to_owned(), error })
}
