//! Argon2: imported secrets (decision 28) and passwords (decision 49): which hashes are checked at all, and the check.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;
use trefoil_shared::Secret;

/// The most that an imported hash may ask for: 256 MiB (in KiB), 10 passes, 8 lanes.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 8;

/// The text is no Argon2 hash that is checked here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidPhc {
    /// Not a PHC text of Argon2.
    #[error("not an Argon2 hash in PHC form")]
    Malformed,
    /// It asks for more work than anybody should be able to order.
    #[error("its parameters are beyond m = {MAX_MEMORY_KIB} KiB, t = {MAX_PASSES}, p = {MAX_LANES}")]
    TooCostly,
}

/// Checks that a PHC text is an Argon2 hash within the caps.
pub fn check_phc(phc: &str) -> Result<(), InvalidPhc> {
    let hash = PasswordHash::new(phc).map_err(|_| InvalidPhc::Malformed)?;
    let known = matches!(hash.algorithm.as_str(), "argon2id" | "argon2i" | "argon2d");
    if !known || hash.hash.is_none() || hash.salt.is_none() {
        return Err(InvalidPhc::Malformed);
    }
    let within = |name: &str, most: u32| hash.params.get_decimal(name).is_some_and(|asked| asked <= most);
    if within("m", MAX_MEMORY_KIB) && within("t", MAX_PASSES) && within("p", MAX_LANES) {
        Ok(())
    } else {
        Err(InvalidPhc::TooCostly)
    }
}

/// Whether a PHC text is the hash of this secret: never where [`check_phc`] refuses the text. Slow by design.
pub fn matches_phc(secret: &Secret, phc: &str) -> bool {
    if check_phc(phc).is_err() {
        return false;
    }
    let Ok(hash) = PasswordHash::new(phc) else { return false };
    Argon2::default().verify_password(secret.reveal().as_bytes(), &hash).is_ok()
}

/// OWASP's parameters of Argon2id for passwords: 19 MiB (in KiB), 2 passes, 1 lane.
const PASSWORD_COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// The hash of a password under a random salt, as a PHC text. Slow by design.
///
/// # Panics
/// Never: Argon2 takes these parameters, and every password of at most 4 GiB.
#[expect(
    clippy::expect_used,
    reason = "the parameters are constants, and Argon2 takes every password of ours"
)]
pub fn hash_password(password: &Secret, salt: &[u8; 16]) -> Secret {
    let (memory, passes, lanes) = PASSWORD_COST;
    let params = Params::new(memory, passes, lanes, None).expect("parameters of Argon2");
    let salt = SaltString::encode_b64(salt).expect("16 bytes are a salt");
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password(password.reveal().as_bytes(), &salt).expect("a hash");
    Secret::new(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d27_parameters_beyond_the_caps_are_refused() {
        let within = "$argon2id$v=19$m=262144,t=10,p=8$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";
        assert_eq!(check_phc(within), Ok(()));
        for (was, beyond) in [("m=262144", "m=262145"), ("t=10", "t=11"), ("p=8", "p=9")] {
            assert_eq!(check_phc(&within.replace(was, beyond)), Err(InvalidPhc::TooCostly), "{beyond}");
        }
        assert_eq!(
            check_phc("$argon2id$v=19$t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"),
            Err(InvalidPhc::TooCostly)
        );
        for bad in ["", "$2b$12$abc", "$pbkdf2$i=1$c2FsdHNhbHQ$aGFzaGhhc2g", "PRIVATE-1"] {
            assert_eq!(check_phc(bad), Err(InvalidPhc::Malformed), "{bad}");
        }
    }
}
