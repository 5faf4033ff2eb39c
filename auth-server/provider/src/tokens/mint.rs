//! From a decision to a token, for the token endpoint and for `token issue`.

use serde_json::{Map, Value};
use thiserror::Error;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{OfToken, OneOrMany, Secret, Timestamp, TokenType, TypedValue, ValueKind};
use trefoil_sign::SignError;

use super::Claims;
use crate::keys::HeldKeys;
use crate::model::{Client, OpaqueToken, TokenFormat};
use crate::protocol::{Issuer, Seen, Target};
use crate::secrets::{Rng, RootSecrets};
use crate::store::{Store, StoreError};

/// Everything that a token says.
#[derive(Clone, Copy)]
pub struct Issue<'a> {
    /// Who issues it.
    pub issuer: &'a Issuer,
    /// Whom it is issued to, with the moment that it is issued at (decision 39).
    pub client: &'a Seen<Client>,
    /// Whom it speaks for.
    pub sub: &'a str,
    /// What it is for, and what it allows.
    pub target: &'a Target,
    /// Its life in seconds.
    pub lifetime: i64,
    /// Its identifier: 96 random bits.
    pub jti: &'a str,
    /// What its grant says beside that.
    pub claims: &'a Map<String, Value>,
}

impl Issue<'_> {
    /// The `iat`.
    pub fn issued_at(&self) -> Timestamp {
        self.client.moment().issued_at()
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.issued_at().plus(self.lifetime)
    }

    /// The audiences, each once. A token for no resource is for the issuer itself, so that no resource-server takes
    /// it for its own.
    pub fn audiences(&self) -> Vec<&str> {
        if self.target.resources.is_empty() {
            return vec![self.issuer.as_str()];
        }
        let mut audiences: Vec<&str> = Vec::with_capacity(self.target.resources.len());
        for resource in &self.target.resources {
            if !audiences.contains(&resource.audience.as_str()) {
                audiences.push(&resource.audience);
            }
        }
        audiences
    }

    /// What kind of token it is. All resources of a target agree on it; a token for none is a JWT.
    pub fn format(&self) -> TokenFormat {
        self.target.resources.first().map_or(TokenFormat::Jwt, |resource| resource.token_format)
    }

    /// The algorithm that its resources want; `None` where any key may sign.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.target.resources.first().map(|resource| resource.algorithm)
    }
}

/// What tokens are made with.
pub struct Minter<'a> {
    /// The keys that sign JWTs.
    pub keys: &'a HeldKeys,
    /// Where opaque tokens are stored.
    pub store: &'a Store,
    /// What opaque tokens are hashed under.
    pub root: &'a RootSecrets,
    /// Where the values of opaque tokens come from.
    pub rng: &'a dyn Rng,
}

/// Why no token was made.
#[derive(Debug, Error)]
pub enum MintError {
    /// No active key signs here: of this algorithm, or none at all where any would do.
    #[error("there is no active {0} key here")]
    NoKey(Algorithm),
    /// The cryptography library failed.
    #[error("signing with {kid} failed: {error}")]
    Sign {
        /// The key.
        kid: String,
        /// What it said.
        error: SignError,
    },
    /// The opaque token could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Minter<'_> {
    /// Makes the token: a signed JWT (RFC 9068), or a random value whose hash is stored by one statement.
    ///
    /// # Errors
    /// There is no key, it cannot sign, or the store failed.
    pub async fn mint(&self, issue: &Issue<'_>) -> Result<Secret, MintError> {
        match issue.format() {
            TokenFormat::Jwt => self.sign(issue),
            TokenFormat::Opaque => self.store(issue, &self.rng.typed_value(ValueKind::OpaqueToken)).await,
            TokenFormat::Uuid4 => self.store(issue, &TypedValue::uuid4(self.rng.bytes16())).await,
        }
    }

    fn sign(&self, issue: &Issue<'_>) -> Result<Secret, MintError> {
        let algorithm = issue.algorithm();
        let key =
            self.keys.signer(algorithm).ok_or(MintError::NoKey(algorithm.unwrap_or(Algorithm::ES256)))?;
        let signed = key.sign_jwt("at+jwt", &Claims(issue));
        signed.map(Secret::new).map_err(|error| MintError::Sign { kid: key.kid().to_owned(), error })
    }

    async fn store(&self, issue: &Issue<'_>, value: &TypedValue) -> Result<Secret, MintError> {
        let hash = self.root.hash_token(ValueKind::OpaqueToken, value);
        self.store.insert_opaque(&hash, &opaque_row(issue)).await?;
        Ok(value.secret().clone())
    }
}

/// What the answer says of a token; of the resource and its times only where the client named one.
pub fn told<'a>(issue: &Issue<'a>, named_resource: bool) -> OfToken<'a> {
    let names = issue.target.resources.iter().map(|resource| &resource.name);
    OfToken {
        token_type: TokenType::Bearer,
        expires_in: issue.client.moment().expires_in(issue.lifetime),
        scope: issue.target.scope.scope(),
        resource: named_resource.then(|| OneOrMany::from_list(names.collect())).flatten(),
        expires_on: named_resource.then(|| issue.expires_at()),
        not_before: named_resource.then(|| issue.issued_at()),
    }
}

/// What is stored of an opaque token, beside its hash.
fn opaque_row(issue: &Issue<'_>) -> OpaqueToken {
    OpaqueToken {
        jti: issue.jti.to_owned(),
        client_id: issue.client.client_id.clone(),
        sub: issue.sub.to_owned(),
        aud: issue.audiences().into_iter().map(str::to_owned).collect(),
        resources: issue.target.resources.iter().map(|resource| resource.name.clone()).collect(),
        scope: issue.target.scope.scope().clone(),
        claims: issue.client.claims.clone().into_iter().chain(issue.claims.clone()).collect(),
        issued_at: issue.issued_at(),
        expires_at: issue.expires_at(),
    }
}
