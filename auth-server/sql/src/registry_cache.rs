//! One kind of registry entry, kept in the process.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use quick_cache::sync::Cache;
use serde::Serialize;

use super::StoreError;

/// How the caches have done, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheStats {
    /// Answers without a store call.
    pub hits: u64,
    /// Answers that were loaded.
    pub misses: u64,
    /// Entries that are kept.
    pub entries: u64,
}

/// What the cache knows of a key.
pub(super) enum Known<V> {
    /// It is registered, as this.
    Present(Arc<V>),
    /// It is not registered.
    Absent,
    /// Nothing: it must be loaded.
    No,
}

/// What was loaded, an unknown id too, and the registry version that had been seen before.
struct Entry<V> {
    version: i64,
    value: Option<Arc<V>>,
    /// Whether no change has been seen since: only then does the entry answer those who come later. Callers that waited
    /// for this load get it in any case, if they had seen no change before.
    confirmed: AtomicBool,
}

/// A bounded cache of one kind. A hit takes one shard's read lock, and nothing else.
pub(super) struct Table<K, V> {
    cache: Cache<K, Arc<Entry<V>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// What is known of a key without asking anybody.
    pub(super) fn known(&self, key: &K) -> Known<V> {
        let Some(entry) = self.cache.get(key).filter(|entry| entry.confirmed.load(Ordering::SeqCst)) else {
            return Known::No;
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        entry.value.clone().map_or(Known::Absent, Known::Present)
    }

    /// Loads an entry; those who ask for the same one meanwhile wait for this load. `seen` is the newest version
    /// that the poll has seen: what was loaded before a change of it is answered, but not kept.
    pub(super) async fn load<F>(
        &self,
        key: &K,
        seen: &AtomicI64,
        mut load: impl FnMut() -> F,
    ) -> Result<Option<Arc<V>>, StoreError>
    where
        F: Future<Output = Result<Option<V>, StoreError>>,
    {
        self.misses.fetch_add(1, Ordering::Relaxed);
        let version = seen.load(Ordering::SeqCst);
        match self.cache.get_value_or_guard_async(key).await {
            Ok(entry) if entry.version >= version => Ok(entry.value.clone()),
            // Somebody's load that began before a change which this caller may know of.
            Ok(_) => Ok(load().await?.map(Arc::new)),
            Err(place) => {
                let value = load().await?.map(Arc::new);
                let confirmed = AtomicBool::new(false);
                let entry = Arc::new(Entry { version, value: value.clone(), confirmed });
                let kept = place.insert(Arc::clone(&entry)).is_ok();
                // A change is noted before its entries are dropped: one that is noted after this look drops the entry.
                if kept && seen.load(Ordering::SeqCst) == version {
                    entry.confirmed.store(true, Ordering::SeqCst);
                } else {
                    self.cache.remove(key);
                }
                Ok(value)
            }
        }
    }

    pub(super) fn drop_one(&self, key: &K) {
        self.cache.remove(key);
    }

    pub(super) fn drop_all(&self) {
        self.cache.clear();
    }

    pub(super) fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: self.cache.len() as u64,
        }
    }
}
