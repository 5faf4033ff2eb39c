//! Tokens kept for as long as the process lives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;

use super::{SessionKey, StoreGuard, TokenStore};
use crate::{BoxFuture, Result, TokenSet};

/// Keeps tokens in memory. Clones share what they keep, so that several sessions may share one token.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    tokens: Arc<Mutex<BTreeMap<SessionKey, TokenSet>>>,
    locks: Arc<Mutex<BTreeMap<SessionKey, Arc<AsyncMutex<()>>>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TokenStore for MemoryStore {
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<TokenSet>>> {
        let found = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn save<'a>(&'a self, key: &'a SessionKey, token: &'a TokenSet) -> BoxFuture<'a, Result<()>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), token.clone());
        Box::pin(std::future::ready(Ok(())))
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        Box::pin(std::future::ready(Ok(())))
    }

    fn lock<'a>(&'a self, key: &'a SessionKey, wait: Duration) -> BoxFuture<'a, Result<Option<StoreGuard>>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = Arc::clone(locks.entry(key.clone()).or_default());
        drop(locks);
        Box::pin(async move {
            let guard = tokio::time::timeout(wait, lock.lock_owned()).await;
            Ok(guard.ok().map(StoreGuard::new))
        })
    }
}
