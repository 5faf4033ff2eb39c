//! From a decision to a token.

use trefoil_shared::{OfToken, OneOrMany, Secret, Timestamp, TokenType};
use trefoil_sign::{SignError, SigningKey};

use super::Claims;
use crate::model::{Client, OpaqueToken};
use crate::protocol::{Issuer, Target};

/// Everything that a token says.
#[derive(Clone, Copy)]
pub struct Issue<'a> {
    /// Who issues it.
    pub issuer: &'a Issuer,
    /// Whom it is issued to.
    pub client: &'a Client,
    /// Whom it speaks for.
    pub sub: &'a str,
    /// What it is for, and what it allows.
    pub target: &'a Target,
    /// When it is issued, by the database's clock (decision 18).
    pub now: Timestamp,
    /// Its life in seconds.
    pub lifetime: i64,
    /// Its identifier: 96 random bits.
    pub jti: &'a str,
}

impl Issue<'_> {
    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.now.plus(self.lifetime)
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
}

/// Makes the JWT (RFC 9068).
///
/// # Errors
/// Only where the cryptography library fails.
pub fn sign(issue: &Issue<'_>, key: &SigningKey) -> Result<Secret, SignError> {
    key.sign_jwt("at+jwt", &Claims(issue)).map(Secret::new)
}

/// What the client is told of it; of the resource and its times only where it named one.
pub fn told<'a>(issue: &Issue<'a>, named_resource: bool) -> OfToken<'a> {
    let names = issue.target.resources.iter().map(|resource| &resource.name);
    OfToken {
        token_type: TokenType::Bearer,
        expires_in: issue.lifetime,
        scope: issue.target.scope.scope(),
        resource: named_resource.then(|| OneOrMany::from_list(names.collect())).flatten(),
        expires_on: named_resource.then(|| issue.expires_at()),
        not_before: named_resource.then_some(issue.now),
    }
}

/// What is stored of an opaque token, beside its hash.
pub fn opaque_row(issue: &Issue<'_>) -> OpaqueToken {
    OpaqueToken {
        jti: issue.jti.to_owned(),
        client_id: issue.client.client_id.clone(),
        sub: issue.sub.to_owned(),
        aud: issue.audiences().into_iter().map(str::to_owned).collect(),
        resources: issue.target.resources.iter().map(|resource| resource.name.clone()).collect(),
        scope: issue.target.scope.scope().clone(),
        claims: issue.client.claims.clone(),
        issued_at: issue.now,
        expires_at: issue.expires_at(),
    }
}
