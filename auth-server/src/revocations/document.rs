//! The signed lists, made when somebody asks and kept for a few seconds: thousands of verifiers ask for the same.

use std::io::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::base64url;
use trefoil_shared::revocation::{REVOCATIONS_TYPE, RevocationList};
use trefoil_sign::{SignError, SigningKey};

use super::{HeldRevocations, Snapshot};

/// Within how many seconds verifiers ask again (decision 17).
const TTL: i64 = 15;
/// How long a list counts as fresh: a verifier that is kept from newer ones for longer notices.
const FRESH_FOR: i64 = 4 * TTL;
/// For how many seconds one list answers everybody.
const KEPT_FOR: i64 = 3;
/// Lists that are kept, in bytes.
const KEPT_BYTES: u64 = 48 * 1024 * 1024;
/// Shorter lists are not worth compressing.
const GZIP_FROM: usize = 2_048;

/// A list as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Document {
    /// The JWT.
    pub plain: Bytes,
    /// The same in gzip, where that is worth it.
    pub gzip: Option<Bytes>,
    /// Its entity tag, with quotes.
    pub etag: String,
}

/// One list: by whom, of which numbering, from where to where, in which few seconds.
type Key = (String, String, i64, i64, i64);

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Document>> for ByBytes {
    fn weight(&self, _key: &Key, document: &Arc<Document>) -> u64 {
        let gzip = document.gzip.as_ref().map_or(0, Bytes::len);
        (document.plain.len() + gzip + 512) as u64
    }
}

/// The lists that were made lately.
pub struct Documents(Cache<Key, Arc<Document>, ByBytes>);

impl Default for Documents {
    fn default() -> Self {
        Self(Cache::with_weighter(64, KEPT_BYTES, ByBytes))
    }
}

impl Documents {
    /// The list of `issuer` after revision `since`, signed by `key`. Those who ask for the same at once share one.
    ///
    /// # Errors
    /// Only where the cryptography library fails.
    pub async fn get(
        &self,
        held: &HeldRevocations,
        (issuer, since): (&str, i64),
        (key, now): (Arc<SigningKey>, Timestamp),
    ) -> Result<Arc<Document>, SignError> {
        let (epoch, revision) = held.position();
        let since = held.begins_after(since);
        let name = (key.kid().to_owned(), epoch, since, revision, now.seconds().div_euclid(KEPT_FOR));
        let make = async {
            let (held, issuer) = (held.clone(), issuer.to_owned());
            let made = tokio::task::spawn_blocking(move || {
                make(held.snapshot(since, now), issuer, (&key, now)).map(Arc::new)
            });
            made.await.unwrap_or(Err(SignError::Sign))
        };
        self.0.get_or_insert_async(&name, make).await
    }
}

impl Snapshot {
    /// The claims of the list that an issuer signs at `now`.
    pub fn into_list(self, iss: String, now: Timestamp) -> RevocationList {
        RevocationList {
            iss,
            iat: now,
            exp: now.plus(FRESH_FOR),
            ttl: TTL,
            epoch: self.epoch,
            revision: self.revision,
            since: self.since,
            tokens: self.tokens,
            before: self.before,
        }
    }
}

fn make(
    snapshot: Snapshot,
    iss: String,
    (key, now): (&SigningKey, Timestamp),
) -> Result<Document, SignError> {
    let text = key.sign_jwt(REVOCATIONS_TYPE, &snapshot.into_list(iss, now))?;
    let gzip = (text.len() >= GZIP_FROM).then(|| compress(text.as_bytes())).flatten();
    let etag = format!("\"{}\"", base64url::encode(digest(&SHA256, text.as_bytes())));
    Ok(Document { plain: text.into(), gzip, etag })
}

/// Fast rather than small: the random ids in it hardly compress.
fn compress(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len()), Compression::fast());
    encoder.write_all(text).ok()?;
    encoder.finish().ok().map(Bytes::from)
}
