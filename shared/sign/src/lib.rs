//! Signing keys: parsed once, never printed. A crate of its own, so that a resource-server is built without it.

mod error;
mod generate;
mod import;
mod key;
mod pair;

pub use error::SignError;
pub use key::SigningKey;
