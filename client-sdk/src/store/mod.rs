//! Keeping tokens between calls, and between processes.

mod file;
mod memory;
mod private_dir;

use std::any::Any;
use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

pub use file::FileStore;
pub use memory::MemoryStore;

use crate::{BoxFuture, Result, TokenSet};

/// What a token was asked for: a SHA-256 over issuer, client, grant, resources, scopes and further parameters. Two
/// requests that differ in any of them never share a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(String);

impl SessionKey {
    /// Hashes the parts with their lengths, so that no two lists of parts run together.
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut hex = String::with_capacity(64);
        for byte in context.finish().as_ref() {
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    /// The hash as 64 hexadecimal digits: a file name that needs no escaping.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Keeps tokens. A [`crate::Session`] calls `lock`, then `load`, then `save`, so that of many processes with one
/// store one asks the server and the others read its answer. Only tokens are ever saved, never an error answer.
pub trait TokenStore: Send + Sync {
    /// The token kept under `key`, expired or not.
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<TokenSet>>>;

    /// Keeps `token` under `key` in the place of what was there.
    fn save<'a>(&'a self, key: &'a SessionKey, token: &'a TokenSet) -> BoxFuture<'a, Result<()>>;

    /// Forgets what is kept under `key`.
    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>>;

    /// Waits up to `wait` for the right to ask for a token of `key`. `None` where another holder kept it longer.
    fn lock<'a>(&'a self, key: &'a SessionKey, wait: Duration) -> BoxFuture<'a, Result<Option<StoreGuard>>>;
}

/// Holds the lock of a [`TokenStore`] until it is dropped.
pub struct StoreGuard {
    _held: Box<dyn Any + Send>,
}

impl StoreGuard {
    /// Wraps whatever frees the lock when it is dropped.
    pub fn new(held: impl Any + Send) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for StoreGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreGuard")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together_in_the_key() {
        assert_ne!(SessionKey::of(["ab", "c"]), SessionKey::of(["a", "bc"]));
        assert_eq!(SessionKey::of(["ab", "c"]), SessionKey::of(["ab", "c"]));
        assert_eq!(SessionKey::of(["a"]).as_str().len(), 64);
    }
}
