//! Proof Key for Code Exchange: RFC 7636.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// How a challenge follows from its verifier (RFC 7636 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeMethod {
    /// SHA-256: the one that is taken.
    S256,
}

/// A `code_challenge` of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// How it follows from the verifier.
    pub method: ChallengeMethod,
    /// The challenge.
    pub value: String,
}

impl Challenge {
    /// A challenge of method S256: 43 characters of base64url. `None` for anything else.
    pub fn s256(value: &str) -> Option<Self> {
        let is_digest = URL_SAFE_NO_PAD.decode(value).is_ok_and(|bytes| bytes.len() == 32);
        is_digest.then(|| Self { method: ChallengeMethod::S256, value: value.to_owned() })
    }

    /// Whether a verifier fits: in constant time. One of another length or alphabet never does (section 4.1).
    pub fn fits(&self, verifier: &str) -> bool {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(is_allowed) {
            return false;
        }
        let ChallengeMethod::S256 = self.method;
        let expected = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        verify_slices_are_equal(expected.as_bytes(), self.value.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b() {
        let challenge = Challenge::s256("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.fits("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.fits("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
    }

    #[test]
    fn a023_verifiers_and_challenges_of_other_lengths_and_alphabets_are_refused() {
        for verifier in ["v".repeat(42), "v".repeat(129), format!("{}+", "v".repeat(43))] {
            let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            assert!(!Challenge::s256(&challenge).unwrap().fits(&verifier), "{verifier}");
        }
        for bad in ["", "short", &"A".repeat(44), &"=".repeat(43), &"+".repeat(43)] {
            assert_eq!(Challenge::s256(bad), None, "{bad}");
        }
    }
}
