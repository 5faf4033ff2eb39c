//! The root secret and what is made with it: hashes of client secrets and tokens, row authentication.

mod argon2;
mod derived;
mod rng;
mod root;
mod stored;
mod wrapped;

pub use argon2::{InvalidPhc, check_phc, hash_password, matches_phc};
pub use rng::{OsRng, Rng};
pub use root::{Match, RootSecretError, RootSecrets, TokenHash};
pub use wrapped::WrappedKey;
