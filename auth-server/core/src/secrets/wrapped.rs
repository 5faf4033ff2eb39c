//! Private keys wrapped for the database: AES-256-GCM under a key of its own from the root secret (decision 10).

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use trefoil_shared::jose::{Algorithm, base64url};
use zeroize::Zeroizing;

use super::RootSecrets;

/// GCM's tag, in bytes.
const TAG_LEN: usize = 16;

/// A wrapped private key: worth nothing without the root secret, and nothing beside another kid or algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The id of the root secret that unwraps it.
    pub root_id: String,
    /// Nonce, ciphertext and tag, in base64url.
    pub text: String,
}

impl RootSecrets {
    /// Wraps the PEM text of a private key under the root secret that writes. The nonce is random and the library's
    /// own: one that is used twice would give the key away, so it is no argument. `None` only where the library gets
    /// no randomness.
    pub fn wrap_key(&self, kid: &str, algorithm: Algorithm, pem: &str) -> Option<WrappedKey> {
        // As long as it will get: a vector that grows would leave the plaintext behind.
        let mut sealed = Vec::with_capacity(pem.len() + TAG_LEN);
        sealed.extend_from_slice(pem.as_bytes());
        let root = self.writing();
        let sealing = root.wrapping.seal_in_place_append_tag(bound_to(kid, algorithm), &mut sealed);
        let nonce = sealing.map_err(|_| sealed.fill(0)).ok()?;
        let text = base64url::encode([nonce.as_ref().as_slice(), &sealed].concat());
        Some(WrappedKey { root_id: root.id.clone(), text })
    }

    /// The PEM text again. `None` where no root secret that is held here wrapped it, for this kid and this algorithm,
    /// or a bit of it has changed.
    pub fn unwrap_key(
        &self,
        kid: &str,
        algorithm: Algorithm,
        wrapped: &WrappedKey,
    ) -> Option<Zeroizing<String>> {
        let root = self.all().find(|root| root.id == wrapped.root_id)?;
        let mut bytes = Zeroizing::new(base64url::decode(&wrapped.text)?);
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = root.wrapping.open_in_place(nonce, bound_to(kid, algorithm), sealed).ok()?;
        std::str::from_utf8(opened).ok().map(|pem| Zeroizing::new(pem.to_owned()))
    }
}

/// What the wrapped key belongs to. No algorithm's name has a zero byte in it.
fn bound_to(kid: &str, algorithm: Algorithm) -> Aad<Vec<u8>> {
    Aad::from(format!("{kid}\0{algorithm}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PRIVATE KEY-----";
    const ES256: Algorithm = Algorithm::ES256;

    fn roots(byte: u8) -> RootSecrets {
        RootSecrets::from_bytes(&[byte; 32])
    }

    #[test]
    fn d10_a_wrapped_key_is_unwrapped_for_its_kid_and_algorithm_alone() {
        let roots = roots(1);
        let wrapped = roots.wrap_key("a", ES256, PEM).unwrap();
        assert_eq!(roots.unwrap_key("a", ES256, &wrapped).unwrap().as_str(), PEM);
        assert!(roots.unwrap_key("b", ES256, &wrapped).is_none());
        assert!(roots.unwrap_key("a", Algorithm::ES384, &wrapped).is_none());
        assert!(roots.unwrap_key("a\0", ES256, &wrapped).is_none());
        assert!(!format!("{wrapped:?}").contains("BEGIN"));
    }

    #[test]
    fn d10_each_wrapping_has_a_nonce_of_its_own() {
        let (one, two) = (roots(1).wrap_key("a", ES256, PEM), roots(1).wrap_key("a", ES256, PEM));
        assert_ne!(one, two);
    }

    #[test]
    fn d09_no_bit_of_a_wrapped_key_can_be_changed() {
        let roots = roots(1);
        let wrapped = roots.wrap_key("a", ES256, PEM).unwrap();
        let bytes = base64url::decode(&wrapped.text).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            let changed = WrappedKey { text: base64url::encode(changed), ..wrapped.clone() };
            assert!(roots.unwrap_key("a", ES256, &changed).is_none(), "bit {at}");
        }
        for cut in 0..bytes.len() {
            let changed = WrappedKey { text: base64url::encode(&bytes[..cut]), ..wrapped.clone() };
            assert!(roots.unwrap_key("a", ES256, &changed).is_none(), "{cut} bytes");
        }
    }

    #[test]
    fn d05_the_first_root_secret_wraps_and_all_unwrap() {
        let older = roots(1).wrap_key("a", ES256, PEM).unwrap();
        let both = roots(2).with_older(roots(1));
        assert_eq!(both.unwrap_key("a", ES256, &older).unwrap().as_str(), PEM);
        let newer = both.wrap_key("a", ES256, PEM).unwrap();
        assert_eq!(newer.root_id, roots(2).writing_id());
        assert!(roots(1).unwrap_key("a", ES256, &newer).is_none());
        let lying = WrappedKey { root_id: roots(1).writing_id().to_owned(), ..newer };
        assert!(both.unwrap_key("a", ES256, &lying).is_none());
    }
}
