//! Metadata documents that this process has read: making a client costs one request an issuer, not one a client.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::HeaderValue;
use trefoil_shared::{ServerMetadata, Timestamp};
use url::Url;

use crate::transport::HttpSettings;

/// Documents kept; the cache starts anew beyond it.
const MAX_ENTRIES: usize = 64;

static CACHE: Mutex<BTreeMap<CacheKey, Entry>> = Mutex::new(BTreeMap::new());

/// What a document was read under: clients that trust other certificates or another proxy do not share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CacheKey {
    issuer: String,
    plain_hosts: Vec<String>,
    root_ca_pem: Vec<Vec<u8>>,
    proxy: Option<String>,
}

/// A document that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) metadata: ServerMetadata,
    pub(crate) fresh_until: Timestamp,
    pub(crate) etag: Option<HeaderValue>,
    pub(crate) url: Url,
}

impl CacheKey {
    pub(crate) fn new(issuer: &str, settings: &HttpSettings) -> Self {
        Self {
            issuer: issuer.to_owned(),
            plain_hosts: settings.plain.names().to_vec(),
            root_ca_pem: settings.root_ca_pem.clone(),
            proxy: settings.proxy.clone(),
        }
    }
}

impl Entry {
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.fresh_until
    }
}

pub(crate) fn find(key: &CacheKey) -> Option<Entry> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

pub(crate) fn keep(key: CacheKey, entry: Entry) {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= MAX_ENTRIES && !cache.contains_key(&key) {
        cache.clear();
    }
    cache.insert(key, entry);
}
