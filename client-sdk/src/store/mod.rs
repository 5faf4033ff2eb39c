//! Keeping tokens between calls, and between processes.

mod file;
mod memory;
#[cfg_attr(not(unix), path = "private_dir_portable.rs")]
mod private_dir;

use std::any::Any;
use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

pub use file::FileStore;
pub use memory::MemoryStore;

use crate::{BoxFuture, Result, TokenSet};

/// What a token was asked for: a SHA-256 over everything that the request sends, the credentials included. Two
/// requests that differ in anything never share a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(String);

/// The first thing hashed. A change of what is hashed, or how, changes it too: what was stored under an older key
/// is then not found, and asked for anew.
const KEY_FORMAT: &[u8] = b"trefoil session key 2";

/// Hashes what a request sends, section by section.
pub(crate) struct SessionKeyHasher(Context);

impl SessionKeyHasher {
    pub(crate) fn new() -> Self {
        let mut hasher = Self(Context::new(&SHA256));
        hasher.piece(KEY_FORMAT);
        hasher
    }

    /// Adds a section: its name, how many items it has, and each with its length, so that no two lists of sections
    /// run together.
    pub(crate) fn section<T: AsRef<[u8]>>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        let items: Vec<T> = items.into_iter().collect();
        self.piece(name.as_bytes());
        self.number(items.len());
        for item in &items {
            self.piece(item.as_ref());
        }
    }

    pub(crate) fn finish(self) -> SessionKey {
        let mut hex = String::with_capacity(64);
        for byte in self.0.finish().as_ref() {
            let _ = write!(hex, "{byte:02x}");
        }
        SessionKey(hex)
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_be_bytes());
    }
}

impl SessionKey {
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

    fn key(sections: &[(&str, &[&str])]) -> SessionKey {
        let mut hasher = SessionKeyHasher::new();
        for (name, items) in sections {
            hasher.section(name, *items);
        }
        hasher.finish()
    }

    #[test]
    fn w08_neither_items_nor_sections_run_together() {
        let keys = [
            key(&[("a", &["bc", "d"])]),
            key(&[("a", &["b", "cd"])]),
            key(&[("a", &["bcd"])]),
            key(&[("a", &["bc"]), ("d", &[])]),
            key(&[("a", &["bc", "d"]), ("e", &[])]),
            key(&[("a", &[]), ("bc", &["d"])]),
            key(&[]),
        ];
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert_eq!(key(&[("a", &["bc", "d"])]), keys[0]);
        assert_eq!(keys[0].as_str().len(), 64);
    }
}
