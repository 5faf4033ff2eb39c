//! The signed lists, made when somebody asks and kept for a few seconds: thousands of verifiers ask for the same.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::base64url;
use trefoil_shared::revocation::RevocationList;
use trefoil_sign::{SignError, SigningKey};

use super::{HeldRevocations, Snapshot, Span};

/// Within how many seconds verifiers ask again (decision 17).
const TTL: i64 = 15;
/// How long a list counts as fresh: a verifier that is kept from newer ones for longer notices.
const FRESH_FOR: i64 = 4 * TTL;
/// For how many seconds one list answers everybody.
const KEPT_FOR: i64 = 3;
/// The same for a page that is not the last one: what it says does not change, and nobody waits for news in it.
const PAGE_KEPT_FOR: i64 = 30;
/// Lists that are kept, in bytes.
const KEPT_BYTES: u64 = 48 * 1024 * 1024;
/// Lists that are made at a time: a full page takes a core for some hundredths of a second.
const AT_ONCE: usize = 2;
/// Shorter lists are not worth compressing.
const GZIP_FROM: usize = 2_048;

/// A list as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Document {
    /// The JWT.
    pub plain: Bytes,
    /// The same in gzip, where that is worth it.
    pub gzip: Option<Bytes>,
    /// The entity tag of `plain`, with quotes.
    pub etag: String,
    /// That of `gzip`: another representation, so another tag (RFC 9110 section 8.8.3).
    pub gzip_etag: String,
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
pub struct Documents {
    kept: Cache<Key, Arc<Document>, ByBytes>,
    places: Arc<Semaphore>,
    made: AtomicU64,
}

impl Default for Documents {
    fn default() -> Self {
        let kept = Cache::with_weighter(64, KEPT_BYTES, ByBytes);
        Self { kept, places: Arc::new(Semaphore::new(AT_ONCE)), made: AtomicU64::new(0) }
    }
}

impl Documents {
    /// The page of `issuer`'s list that answers for revision `since`, signed by `key`. Those who ask for the same at once share one, and of
    /// different ones two are made at a time. It is dated `now`, and leaves out what has expired by `expired_by`: a clock that
    /// is ahead for a while must take nothing off the list.
    ///
    /// # Errors
    /// Only where the cryptography library fails.
    pub async fn get(
        &self,
        held: &HeldRevocations,
        (issuer, since): (&str, i64),
        (key, now, expired_by): (Arc<SigningKey>, Timestamp, Timestamp),
    ) -> Result<Arc<Document>, SignError> {
        let known = held.known();
        let Span { since: begins, revision, more } = known.span(since);
        let kept_for = if more { PAGE_KEPT_FOR } else { KEPT_FOR };
        let epoch = known.position().0.to_owned();
        let name = (key.kid().to_owned(), epoch, begins, revision, now.seconds().div_euclid(kept_for));
        let make = async {
            let issuer = issuer.to_owned();
            self.made.fetch_add(1, Ordering::Relaxed);
            let place = Arc::clone(&self.places).acquire_owned().await;
            let made = tokio::task::spawn_blocking(move || {
                let made = make(known.snapshot(since, expired_by), issuer, (&key, now)).map(Arc::new);
                // Only now: a caller that hangs up does not end what runs for it.
                drop(place);
                made
            });
            made.await.unwrap_or(Err(SignError::Sign))
        };
        self.kept.get_or_insert_async(&name, make).await
    }

    /// How many lists have been made so far, for metrics.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

impl Snapshot {
    /// The claims of the list that an issuer signs at `now`.
    pub fn into_list(self, iss: String, now: Timestamp) -> RevocationList {
        RevocationList { iss, iat: now, exp: now.plus(FRESH_FOR), ttl: TTL, ..self.0 }
    }
}

fn make(
    snapshot: Snapshot,
    iss: String,
    (key, now): (&SigningKey, Timestamp),
) -> Result<Document, SignError> {
    let list = snapshot.into_list(iss, now);
    let text = key.sign_jwt(list.document_type(), &list)?;
    let gzip = (text.len() >= GZIP_FROM).then(|| compress(text.as_bytes())).flatten();
    let hash = base64url::encode(digest(&SHA256, text.as_bytes()));
    let (etag, gzip_etag) = (format!("\"{hash}\""), format!("\"{hash}-gzip\""));
    Ok(Document { plain: text.into(), gzip, etag, gzip_etag })
}

/// Fast rather than small: the random ids in it hardly compress.
fn compress(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len()), Compression::fast());
    encoder.write_all(text).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use trefoil_shared::jose::Algorithm;

    use super::*;
    use crate::store::DatabaseSettings;
    use crate::store::Store;

    #[tokio::test]
    async fn d17_two_lists_are_made_at_a_time_and_the_next_waits() {
        // Nothing is asked of the database: a list of nothing takes its place like any other.
        let directory = tempfile::tempdir().unwrap();
        let file = format!("sqlite://{}", directory.path().join("test.db").display());
        let store = Store::connect(&DatabaseSettings::at(file)).await.unwrap();
        let (held, documents) = (HeldRevocations::new(store), Documents::default());
        let key = Arc::new(SigningKey::generate(Algorithm::ES256).unwrap());
        let get =
            || documents.get(&held, ("i", 0), (Arc::clone(&key), Timestamp(1_800_000_000), Timestamp(0)));
        let taken = Arc::clone(&documents.places).acquire_many_owned(2).await.unwrap();
        let mut waiting = Box::pin(get());
        assert!(waiting.as_mut().now_or_never().is_none(), "both places are taken");
        assert_eq!(documents.places.available_permits(), 0);
        drop(taken);
        let list = waiting.await.unwrap();
        assert_eq!(get().await.unwrap().etag, list.etag, "kept");
        assert_eq!((documents.made(), documents.places.available_permits()), (1, 2));
    }
}
