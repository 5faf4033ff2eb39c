//! An issuer that signs whatever it is told: headers and payloads as raw text.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{
    AccessClaims, Audience, KeySet, PublicKey, Rejected, Verifier, VerifierConfig, base64url,
};

/// The moment at which the tests verify.
pub(crate) const NOW: i64 = 1_800_000_000;
/// The issuer of every good token.
pub(crate) const ISSUER: &str = "https://as.example/tenant";
/// The resource that every good token is meant for.
pub(crate) const RESOURCE: &str = "https://api.example/v1";

/// A P-256 key with its public half.
pub(crate) struct Issuer {
    pair: EcdsaKeyPair,
    pub(crate) public: PublicKey,
}

/// The issuer that [`verifier`] trusts.
pub(crate) static TRUSTED: LazyLock<Issuer> = LazyLock::new(Issuer::new);

impl Issuer {
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let public = PublicKey::from_spki_der(der.as_ref(), None).unwrap();
        Self { pair, public }
    }

    pub(crate) fn kid(&self) -> &str {
        self.public.kid()
    }

    pub(crate) fn keys(&self) -> KeySet {
        KeySet::from_keys(vec![self.public.clone()]).unwrap()
    }

    pub(crate) fn signature(&self, message: &str) -> Vec<u8> {
        self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
    }

    /// Signs exactly these bytes as header and payload.
    pub(crate) fn token(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = base64url::encode(self.signature(&input));
        format!("{input}.{signature}")
    }

    /// The header of a good token.
    pub(crate) fn header(&self) -> String {
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#, self.kid())
    }

    /// A token that is good but for its header.
    pub(crate) fn with_header(&self, header: &str) -> String {
        self.token(header, &good_claims())
    }

    /// A token that is good but for its payload.
    pub(crate) fn with_payload(&self, payload: &str) -> String {
        self.token(&self.header(), payload)
    }

    pub(crate) fn good_token(&self) -> String {
        self.with_payload(&good_claims())
    }
}

/// The claims of a good token as they stand in it.
pub(crate) fn good_claims() -> String {
    with_claims(&[])
}

/// The good claims with some set to another JSON text, added, or (empty text) left out.
pub(crate) fn with_claims(changes: &[(&str, &str)]) -> String {
    let mut claims: Vec<(String, String)> = [
        ("iss", format!("\"{ISSUER}\"")),
        ("sub", "\"client-1\"".to_owned()),
        ("aud", format!("\"{RESOURCE}\"")),
        ("exp", (NOW + 600).to_string()),
        ("iat", (NOW - 5).to_string()),
        ("nbf", (NOW - 5).to_string()),
        ("jti", "\"0123456789abcdef\"".to_owned()),
        ("client_id", "\"client-1\"".to_owned()),
        ("scope", "\"read write\"".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    for (name, value) in changes {
        claims.retain(|(other, _)| other != name);
        if !value.is_empty() {
            claims.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    let members: Vec<String> = claims.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The verifier of a resource-server with these keys.
pub(crate) fn verifier_of(keys: KeySet) -> Verifier {
    let audience = Audience::Exactly(RESOURCE.to_owned());
    Verifier::new(VerifierConfig { issuer: ISSUER.to_owned(), audience, leeway_secs: 10 }, keys)
}

pub(crate) fn verifier() -> Verifier {
    verifier_of(TRUSTED.keys())
}

/// Verifies at [`NOW`] with the trusted issuer's key.
pub(crate) fn verify(token: &str) -> Result<AccessClaims, Rejected> {
    verifier().verify(token, Timestamp(NOW))
}

/// Verifies a well-signed token with these claims changed.
pub(crate) fn verify_claims(changes: &[(&str, &str)]) -> Result<AccessClaims, Rejected> {
    verify(&TRUSTED.with_payload(&with_claims(changes)))
}
