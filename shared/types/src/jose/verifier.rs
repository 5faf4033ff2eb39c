//! The verifier of access tokens, RFC 9068 section 4.

use std::sync::Arc;

use super::claims::AccessClaims;
use super::key_set::KeySet;
use super::rejected::Rejected;
use super::signed::{TokenRules, kid_of, verify_signed};
use crate::{Timestamp, is_same_resource};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// What `typ` an access token has (RFC 9068 section 4).
const ACCESS_TOKEN_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// Whom a token must be meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `aud` must hold exactly this text; the slash of a root URL does not count.
    Exactly(String),
    /// `aud` must be there and well-formed; the caller decides (an auth-server that reads its own tokens).
    CheckedByCaller,
}

/// What a verifier expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierConfig {
    /// The issuer, compared byte by byte.
    pub issuer: String,
    /// The audience.
    pub audience: Audience,
    /// How far clocks may be apart, in seconds; 10 is usual.
    pub leeway_secs: i64,
}

/// Checks access tokens. Cheap to clone; shared between threads.
#[derive(Clone, Debug)]
pub struct Verifier {
    config: Arc<VerifierConfig>,
    keys: Arc<KeySet>,
}

/// A token that was refused, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedToken {
    /// Why.
    pub reason: Rejected,
    /// The kid that it names, unverified: 1 to 256 printable ASCII characters.
    pub kid: Option<String>,
    /// What it claims, where its signature holds: the issuer wrote it, though it is not good here or now.
    pub claims: Option<Box<AccessClaims>>,
}

impl Verifier {
    /// Makes a verifier of one issuer's tokens.
    pub fn new(config: VerifierConfig, keys: KeySet) -> Self {
        Self { config: Arc::new(config), keys: Arc::new(keys) }
    }

    /// The same verifier with other keys.
    #[must_use]
    pub fn with_keys(&self, keys: KeySet) -> Self {
        Self { config: Arc::clone(&self.config), keys: Arc::new(keys) }
    }

    /// What it expects.
    pub fn config(&self) -> &VerifierConfig {
        &self.config
    }

    /// The keys that it trusts.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Checks everything about `token` as it stands at `now` and returns its claims. First form and header, then the
    /// signature, and only then is a claim read.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Rejected> {
        self.examine(token, now).map_err(|refused| refused.reason)
    }

    /// The same, and a refusal carries what is known of the token, for logs and for people. It costs no more than
    /// [`Self::verify`].
    pub fn examine(&self, token: &str, now: Timestamp) -> Result<AccessClaims, RefusedToken> {
        let rules = TokenRules { types: &ACCESS_TOKEN_TYPES, max_bytes: MAX_TOKEN_BYTES };
        let signed = verify_signed(token, &self.keys, rules).map_err(|reason| RefusedToken {
            reason,
            kid: kid_of(token, MAX_TOKEN_BYTES),
            claims: None,
        })?;
        let kid = signed.header.kid;
        let claims = AccessClaims::parse(&signed.payload).map_err(|reason| RefusedToken {
            reason,
            kid: kid.clone(),
            claims: None,
        })?;
        match self.check_claims(&claims, now) {
            Ok(()) => Ok(claims),
            Err(reason) => Err(RefusedToken { reason, kid, claims: Some(Box::new(claims)) }),
        }
    }

    fn check_claims(&self, claims: &AccessClaims, now: Timestamp) -> Result<(), Rejected> {
        if claims.iss != self.config.issuer {
            return Err(Rejected::WrongIssuer);
        }
        self.check_audience(claims)?;
        self.check_times(claims, now)
    }

    /// Whether claims that were verified earlier still hold at `now`: for a cache of verdicts.
    pub fn check_times(&self, claims: &AccessClaims, now: Timestamp) -> Result<(), Rejected> {
        let leeway = self.config.leeway_secs;
        // RFC 7519 section 4.1.4: on or after `exp` a token is void.
        if now >= claims.exp.plus(leeway) {
            return Err(Rejected::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now.plus(leeway)) {
            return Err(Rejected::NotYetValid);
        }
        if claims.iat > now.plus(leeway) {
            return Err(Rejected::IssuedInFuture);
        }
        Ok(())
    }

    fn check_audience(&self, claims: &AccessClaims) -> Result<(), Rejected> {
        match &self.config.audience {
            Audience::Exactly(expected) if !claims.aud.iter().any(|aud| is_same_resource(aud, expected)) => {
                Err(Rejected::WrongAudience)
            }
            Audience::Exactly(_) | Audience::CheckedByCaller => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;
    use crate::jose::{PublicKey, base64url, key::count};

    const NOW: Timestamp = Timestamp(1_800_000_000);
    const CLAIMS: &str =
        r#"{"iss":"i","aud":"a","exp":1800000600,"iat":1800000000,"sub":"s","client_id":"c","jti":"j"}"#;

    struct Issuer(EcdsaKeyPair);

    impl Issuer {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn public(&self) -> PublicKey {
            let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
            PublicKey::from_spki_der(der.as_ref(), None).unwrap()
        }

        fn header(&self) -> String {
            format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#, self.public().kid())
        }

        fn token(&self, header: &str, claims: &str) -> String {
            let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
            let signature = self.0.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
            format!("{input}.{}", base64url::encode(signature))
        }
    }

    fn verifier(keys: KeySet) -> Verifier {
        let audience = Audience::Exactly("a".to_owned());
        Verifier::new(VerifierConfig { issuer: "i".to_owned(), audience, leeway_secs: 10 }, keys)
    }

    /// The verdict and how many signatures it took.
    fn cost(verifier: &Verifier, token: &str) -> (Option<&'static str>, usize) {
        count::take();
        let verdict = verifier.verify(token, NOW).err().map(|rejected| rejected.name());
        (verdict, count::take())
    }

    #[test]
    fn a094_no_bad_token_costs_more_than_the_one_signature_of_a_good_one() {
        let issuer = Issuer::new();
        let verifier = verifier(KeySet::from_keys(vec![issuer.public(), Issuer::new().public()]).unwrap());
        let header = issuer.header();
        let good = issuer.token(&header, CLAIMS);
        assert_eq!(cost(&verifier, &good), (None, 1));

        let costs_nothing = [
            "x".repeat(10_000),
            ".".repeat(8_000),
            format!("{good}="),
            issuer.token(&header.replace("ES256", "none"), CLAIMS),
            issuer.token(&header.replace("ES256", "RS256"), CLAIMS),
            issuer.token(&header.replace("at+jwt", "JWT"), CLAIMS),
            issuer.token(&header.replace(issuer.public().kid(), "other"), CLAIMS),
            issuer.token(&header.replacen('{', r#"{"crit":[],"#, 1), CLAIMS),
            issuer.token(&"[".repeat(4_000), CLAIMS),
        ];
        for token in costs_nothing {
            let (verdict, signatures) = cost(&verifier, &token);
            assert!(verdict.is_some());
            assert_eq!(signatures, 0, "{verdict:?}");
        }
        let stranger = Issuer::new().token(&header, "not even JSON");
        assert_eq!(cost(&verifier, &stranger), (Some("signature"), 1));
        let expired = issuer.token(&header, &CLAIMS.replace("1800000600", "1800"));
        assert_eq!(cost(&verifier, &expired), (Some("expired"), 1));
    }

    #[test]
    fn a094_a_pem_file_costs_one_signature_for_each_of_its_keys_and_no_more() {
        let issuers = [Issuer::new(), Issuer::new(), Issuer::new()];
        let pem: String = issuers.iter().map(|issuer| issuer.public().to_pem()).collect();
        let verifier = verifier(KeySet::from_bytes(pem.as_bytes()).unwrap());
        let nameless = r#"{"typ":"at+jwt","alg":"ES256"}"#;
        assert_eq!(cost(&verifier, &issuers[2].token(nameless, CLAIMS)), (None, 3));
        assert_eq!(cost(&verifier, &Issuer::new().token(nameless, CLAIMS)), (Some("signature"), 3));
        assert_eq!(cost(&verifier, &issuers[2].token(&issuers[2].header(), CLAIMS)), (None, 1));
        assert_eq!(cost(&verifier, &issuers[0].token(&issuers[2].header(), CLAIMS)), (Some("signature"), 1));
    }

    #[test]
    fn keys_are_exchanged_and_the_rest_stays() {
        let (old, new) = (Issuer::new(), Issuer::new());
        let verifier = verifier(KeySet::from_keys(vec![old.public()]).unwrap());
        let token = new.token(&new.header(), CLAIMS);
        assert_eq!(cost(&verifier, &token).0, Some("unknown_key"));
        let verifier = verifier.with_keys(KeySet::from_keys(vec![new.public()]).unwrap());
        assert_eq!(cost(&verifier, &token).0, None);
        assert_eq!(cost(&verifier.with_keys(KeySet::empty()), &token).0, Some("unknown_key"));
    }
}
