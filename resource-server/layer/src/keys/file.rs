//! A public key file: PEM (one key or several), JWK or JWKS. Read at the start, when the file changes and on demand.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{error, info, warn};
use trefoil_shared::jose::{KeySet, KeySetError, has_private_members};

use crate::verifier::TokenVerifier;

/// Longest key file, in bytes.
const MAX_KEY_FILE: u64 = 1024 * 1024;

/// When a watched file is looked at, and believed.
#[derive(Clone, Copy, Debug)]
pub struct WatchTiming {
    /// How often the file's stamp is looked at.
    pub every: Duration,
    /// How long the file must have held no usable key before the keys read from it earlier are given up: a file that
    /// is being written may be empty or cut off for a moment.
    pub withdrawn_after: Duration,
}

impl Default for WatchTiming {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), withdrawn_after: Duration::from_secs(5) }
    }
}

/// The key file cannot be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("public_key {path}: {source}; give a readable PEM, JWK or JWKS file")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is far too long for keys.
    #[error("public_key {path}: longer than 1 MiB; give a PEM, JWK or JWKS file")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It holds a private key, which has no business here.
    #[error(
        "public_key {path}: holds a private key; give the public half only (auth-server key export --format pem)"
    )]
    Private {
        /// The file.
        path: PathBuf,
    },
    /// No usable key is in it.
    #[error("public_key {path}: {reason}; export it anew with auth-server key export")]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: KeySetError,
    },
}

/// Reads the keys of a file. Those in it that cannot be used are in [`KeySet::ignored`].
pub fn read_key_file(path: &Path) -> Result<KeySet, KeyFileError> {
    let read = |source| KeyFileError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(read)?.len() > MAX_KEY_FILE {
        return Err(KeyFileError::TooLong { path: path.to_owned() });
    }
    let bytes = std::fs::read(path).map_err(read)?;
    if holds_private_key(&bytes) {
        return Err(KeyFileError::Private { path: path.to_owned() });
    }
    KeySet::from_bytes(&bytes).map_err(|reason| KeyFileError::Keys { path: path.to_owned(), reason })
}

fn holds_private_key(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"PRIVATE KEY-----";
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.windows(MARK.len()).any(|window| window == MARK) {
        return true;
    }
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return false };
    let single = std::slice::from_ref(&json);
    let keys = json.get("keys").and_then(serde_json::Value::as_array).map_or(single, Vec::as_slice);
    keys.iter().any(has_private_members)
}

impl KeyFileError {
    /// Whether the file was read, or is gone, and so no longer holds the keys that were read from it before. Where it
    /// cannot be read nothing is known about it.
    fn is_verdict(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.kind() == ErrorKind::NotFound,
            Self::TooLong { .. } | Self::Private { .. } | Self::Keys { .. } => true,
        }
    }
}

/// Looks at the file's stamp once a second, and at once when `reload` says so, and hands new keys to the verifier. A
/// file in which there is no usable key any more leaves the keys read before in place for a moment, as it may be in the
/// middle of being written; then no token is good until the file holds a key again. A file that cannot be read leaves
/// them in place and is logged. Runs until it is dropped.
pub async fn watch_key_file(
    path: PathBuf,
    verifier: TokenVerifier,
    reload: Arc<Notify>,
    timing: WatchTiming,
) {
    let mut watch = Watch { path, verifier, timing, has_looked: false, seen: None, keyless_since: None };
    let mut asked = false;
    loop {
        watch.look(asked).await;
        asked = tokio::select! {
            () = reload.notified() => true,
            () = tokio::time::sleep(timing.every) => false,
        };
    }
}

struct Watch {
    path: PathBuf,
    verifier: TokenVerifier,
    timing: WatchTiming,
    /// Whether this task has looked yet: the file may have changed since it was read at the start.
    has_looked: bool,
    /// The stamp at the last look; `None` where there was no file.
    seen: Option<Stamp>,
    /// Since when the file has held no usable key.
    keyless_since: Option<Instant>,
}

impl Watch {
    async fn look(&mut self, asked: bool) {
        let now = stamp(&self.path).await;
        let is_same = std::mem::replace(&mut self.has_looked, true) && self.seen == now;
        if is_same && !asked {
            self.withdraw_in_time();
            return;
        }
        self.seen = now;
        let file = self.path.clone();
        match tokio::task::spawn_blocking(move || read_key_file(&file)).await {
            Ok(Ok(keys)) => self.take(keys),
            Ok(Err(reason)) if reason.is_verdict() => {
                let since = *self.keyless_since.get_or_insert_with(Instant::now);
                let left = self.timing.withdrawn_after.saturating_sub(since.elapsed()).as_secs();
                error!(%reason, seconds = left, "public key not reloaded; the keys read before stay in use for these seconds");
                self.withdraw_in_time();
            }
            Ok(Err(reason)) => error!(%reason, "public key not reloaded; the keys read before stay in use"),
            Err(reason) => error!(%reason, "public key not reloaded; the keys read before stay in use"),
        }
    }

    fn take(&mut self, keys: KeySet) {
        self.keyless_since = None;
        if self.verifier.keys().is_some_and(|known| known.keys() == keys.keys()) {
            return;
        }
        for ignored in keys.ignored() {
            let (position, reason) = (ignored.position, &ignored.reason);
            warn!(position, %reason, "a key of the file is ignored");
        }
        self.verifier.replace_keys(keys);
        info!(path = %self.path.display(), kids = self.verifier.kids().join(" "), "public key reloaded");
    }

    fn withdraw_in_time(&self) {
        let due = self.keyless_since.is_some_and(|since| since.elapsed() >= self.timing.withdrawn_after);
        if due && self.verifier.keys().is_some_and(|keys| !keys.is_empty()) {
            let path = self.path.display();
            error!(%path, "the public key file holds no usable key any more: every token is refused until it does");
            self.verifier.replace_keys(KeySet::empty());
        }
    }
}

/// What changes when a file is written or replaced. Nobody can set the time of a file's last change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
}

async fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some(Stamp {
        inode: (metadata.dev(), metadata.ino()),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        length: metadata.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_recognised_whatever_its_form() {
        for private in [
            &b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"[..],
            b"-----BEGIN EC PRIVATE KEY-----\n",
            br#"{"kty":"EC","d":"AA"}"#,
            br#"{"keys":[{"kty":"EC"},{"kty":"EC","d":"AA"}]}"#,
        ] {
            assert!(holds_private_key(private), "{}", String::from_utf8_lossy(private));
        }
        assert!(!holds_private_key(br#"{"keys":[{"kty":"EC","x":"d"}]}"#));
        assert!(!holds_private_key(br#"{"keys":[{"kty":"EC","d":null}]}"#), "null is absent");
        assert!(!holds_private_key(b"-----BEGIN PUBLIC KEY-----\n"));
    }
}
