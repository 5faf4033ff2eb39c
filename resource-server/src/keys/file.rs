//! A public key file: PEM (one key or several), JWK or JWKS. Read at the start, when the file changes and on demand.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tracing::{error, info, warn};
use trefoil_shared::jose::KeySet;

use crate::verifier::TokenVerifier;

/// Longest key file, in bytes.
const MAX_KEY_FILE: u64 = 1024 * 1024;
/// How often the file's stamp is looked at.
const WATCH_EVERY: Duration = Duration::from_secs(1);

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
        reason: String,
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
    KeySet::from_bytes(&bytes)
        .map_err(|reason| KeyFileError::Keys { path: path.to_owned(), reason: reason.to_string() })
}

fn holds_private_key(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"PRIVATE KEY-----";
    if bytes.windows(MARK.len()).any(|window| window == MARK) {
        return true;
    }
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return false };
    let single = std::slice::from_ref(&json);
    let keys = json.get("keys").and_then(serde_json::Value::as_array).map_or(single, Vec::as_slice);
    keys.iter().any(|key| key.get("d").is_some())
}

/// Looks at the file's stamp every second, and at once when `reload` says so, and hands new keys to the verifier. A
/// bad file leaves the old keys in place and is logged. Runs until it is dropped.
pub async fn watch_key_file(path: PathBuf, verifier: TokenVerifier, reload: Arc<Notify>) {
    let mut seen = stamp(&path).await;
    loop {
        let asked = tokio::select! {
            () = reload.notified() => true,
            () = tokio::time::sleep(WATCH_EVERY) => false,
        };
        let now = stamp(&path).await;
        if !asked && now == seen {
            continue;
        }
        seen = now;
        let file = path.clone();
        match tokio::task::spawn_blocking(move || read_key_file(&file)).await {
            Ok(Ok(keys)) => {
                for ignored in keys.ignored() {
                    let (position, reason) = (ignored.position, &ignored.reason);
                    warn!(position, %reason, "a key of the file is ignored");
                }
                verifier.replace_keys(keys);
                info!(path = %path.display(), kids = verifier.kids().join(" "), "public key reloaded");
            }
            Ok(Err(reason)) => error!(%reason, "public key not reloaded; the keys read before stay in use"),
            Err(reason) => error!(%reason, "public key not reloaded; the keys read before stay in use"),
        }
    }
}

/// What changes when a file is written or replaced.
async fn stamp(path: &Path) -> Option<(u64, i64, i64, u64)> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
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
        assert!(!holds_private_key(b"-----BEGIN PUBLIC KEY-----\n"));
    }
}
