//! The stored text of a secret's hash (decision 6).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::SecretHash;

/// The text is no hash of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stored secret hash")]
pub struct InvalidSecretHash;

impl fmt::Display for SecretHash {
    /// What the database holds: `v1.<root id>.<base64url>`, or the PHC text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyed { root_id, mac } => write!(f, "v1.{root_id}.{}", URL_SAFE_NO_PAD.encode(mac)),
            Self::Argon2 { phc, rehashed: _ } => f.write_str(phc),
        }
    }
}

impl FromStr for SecretHash {
    type Err = InvalidSecretHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("$argon2") {
            return Ok(Self::Argon2 { phc: text.to_owned(), rehashed: None });
        }
        let (root_id, mac) =
            text.strip_prefix("v1.").and_then(|rest| rest.split_once('.')).ok_or(InvalidSecretHash)?;
        let decoded = URL_SAFE_NO_PAD.decode(mac).map_err(|_| InvalidSecretHash)?;
        let mac = decoded.try_into().map_err(|_| InvalidSecretHash)?;
        Ok(Self::Keyed { root_id: root_id.to_owned(), mac })
    }
}

impl SecretHash {
    /// Names the stored value without showing it: what a rehash says that it replaces (decision 2).
    pub fn digest(&self) -> String {
        let hash = digest(&SHA256, self.to_string().as_bytes());
        URL_SAFE_NO_PAD.encode(hash.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d06_a_stored_secret_is_v1_root_id_and_mac() {
        let hash = SecretHash::Keyed { root_id: "0123abcd".to_owned(), mac: [7; 32] };
        let text = hash.to_string();
        assert!(text.starts_with("v1.0123abcd."), "{text}");
        assert_eq!(text.parse::<SecretHash>(), Ok(hash));
    }

    #[test]
    fn d02_the_digest_of_a_stored_value_follows_the_value_alone() {
        let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA";
        let plain: SecretHash = phc.parse().unwrap();
        let rehashed = SecretHash::Argon2 { phc: phc.to_owned(), rehashed: Some(("a".to_owned(), [1; 32])) };
        assert_eq!(plain.digest(), rehashed.digest());
        assert_ne!(plain.digest(), SecretHash::Keyed { root_id: "a".to_owned(), mac: [1; 32] }.digest());
    }

    #[test]
    fn other_texts_are_no_hashes() {
        for bad in ["", "v1.", "v1.aa.bb", "v2.aa.bb", "PRIVATE-1"] {
            assert_eq!(bad.parse::<SecretHash>(), Err(InvalidSecretHash), "{bad}");
        }
    }
}
