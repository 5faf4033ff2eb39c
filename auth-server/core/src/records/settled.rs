//! What a caller does after a lost answer: it looks.

use futures_util::future::BoxFuture;
use trefoil_shared::Timestamp;

use super::port::Answer;
use super::{Created, Key, Record, Records, Replaced, Version};
use crate::StoreError;

/// Resolves [`StoreError::OutcomeUnknown`] of the store inside by reading the record.
///
/// The caller's own version there means that its write was done; another version means that somebody else's was. Where
/// neither is there the write may still come, and the outcome stays unknown: the request is answered 503.
#[derive(Clone, Debug)]
pub struct Settled<R>(pub R);

impl<R: Records> Settled<R> {
    /// Whether the version under the key is the caller's, another, or cannot be told.
    async fn written(
        &self,
        key: &Key,
        ours: &Version,
        seen: Option<&Version>,
        now: Timestamp,
    ) -> Option<bool> {
        let found = self.0.read(key, now).await.ok()??;
        if found.version == *ours {
            return Some(true);
        }
        (Some(&found.version) != seen).then_some(false)
    }
}

impl<R: Records> Records for Settled<R> {
    fn create<'a>(&'a self, key: &'a Key, record: &'a Record, now: Timestamp) -> Answer<'a, Created> {
        Box::pin(async move {
            match self.0.create(key, record, now).await {
                Err(unknown @ StoreError::OutcomeUnknown(_)) => {
                    match self.written(key, &record.version, None, now).await {
                        Some(true) => Ok(Created::New),
                        Some(false) => Ok(Created::Taken),
                        None => Err(unknown),
                    }
                }
                answer => answer,
            }
        })
    }

    fn read<'a>(&'a self, key: &'a Key, now: Timestamp) -> Answer<'a, Option<Record>> {
        self.0.read(key, now)
    }

    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: &'a Version,
        record: &'a Record,
        now: Timestamp,
    ) -> Answer<'a, Replaced> {
        Box::pin(async move {
            match self.0.replace(key, seen, record, now).await {
                Err(unknown @ StoreError::OutcomeUnknown(_)) => {
                    match self.written(key, &record.version, Some(seen), now).await {
                        Some(true) => Ok(Replaced::Done),
                        Some(false) => Ok(Replaced::Lost),
                        None => Err(unknown),
                    }
                }
                answer => answer,
            }
        })
    }

    /// A record that is gone tells nobody who removed it, so an unknown outcome stays unknown.
    fn remove<'a>(&'a self, key: &'a Key, seen: &'a Version, now: Timestamp) -> Answer<'a, Replaced> {
        self.0.remove(key, seen, now)
    }

    fn count<'a>(
        &'a self,
        key: &'a Key,
        by: u32,
        ends: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        self.0.count(key, by, ends, now)
    }
}
