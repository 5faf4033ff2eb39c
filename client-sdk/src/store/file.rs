//! Tokens in files that several processes share.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use trefoil_shared::Timestamp;
use zeroize::Zeroizing;

use super::private_dir::PrivateDir;
use super::{SessionKey, StoreGuard, TokenStore};
use crate::{BoxFuture, Error, Result, TokenSet};

/// How often a lock that another process holds is asked for again.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Keeps each token in a file of its own, mode 0600, in a directory of mode 0700. Files are replaced whole (new file,
/// fsync, rename), symbolic links are refused, a file that cannot be read is put aside as `.corrupt`. The lock is
/// the operating system's (`flock`), so that it is free as soon as its holder has ended, however it ended.
#[derive(Clone, Debug)]
pub struct FileStore {
    dir: PrivateDir,
    shape: Shape,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// One file a key, named by it.
    Keyed,
    /// The one `token.json` of steelcut, with the key inside.
    Steelcut,
}

/// The member that ties a `token.json` to what it was asked for. Other readers pass over it.
const KEY_MEMBER: &str = "trefoil_key";

impl FileStore {
    /// Keeps tokens in `dir`, which is made with mode 0700 where it is not there. A directory that others may look
    /// into, or that belongs to another user, is refused.
    pub fn new(dir: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { dir: PrivateDir::open(dir.as_ref())?, shape: Shape::Keyed })
    }

    /// Keeps the last token in `dir/token.json` in the shape of steelcut's client, which can go on reading it: mode
    /// 0600, never an error answer. A file that was saved for another client or resource, or by steelcut itself
    /// (which does not say for whom), is not used but replaced, and so is one that another user owns or may write.
    pub fn steelcut_compat(dir: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { dir: PrivateDir::open_shared(dir.as_ref())?, shape: Shape::Steelcut })
    }

    fn name(&self, key: &SessionKey) -> String {
        match self.shape {
            Shape::Keyed => format!("{}.json", key.as_str()),
            Shape::Steelcut => "token.json".to_owned(),
        }
    }

    fn read(&self, key: &SessionKey) -> Result<Option<TokenSet>> {
        let name = self.name(key);
        let Some(content) = self.dir.read(&name)? else { return Ok(None) };
        let token = match self.shape {
            Shape::Keyed => TokenSet::from_stored(&content),
            Shape::Steelcut => match serde_json::from_slice::<Map<String, Value>>(&content) {
                Ok(file) => return Ok(from_steelcut(&file, key)),
                Err(_) => None,
            },
        };
        if token.is_none() {
            tracing::warn!(file = %name, "a token file cannot be read and is put aside");
            self.dir.quarantine(&name)?;
        }
        Ok(token)
    }

    fn write(&self, key: &SessionKey, token: &TokenSet) -> Result<()> {
        let content = match self.shape {
            Shape::Keyed => token.to_stored()?,
            Shape::Steelcut => to_steelcut(token, key)?,
        };
        self.dir.replace(&self.name(key), &content)
    }

    fn lock_name(&self, key: &SessionKey) -> String {
        match self.shape {
            Shape::Keyed => format!("{}.lock", key.as_str()),
            Shape::Steelcut => ".token.json.lock".to_owned(),
        }
    }

    /// Runs file work where it does not hold up other tasks.
    async fn away<T: Send + 'static>(
        &self,
        key: &SessionKey,
        work: impl FnOnce(&Self, &SessionKey) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (store, key) = (self.clone(), key.clone());
        tokio::task::spawn_blocking(move || work(&store, &key))
            .await
            .unwrap_or_else(|e| Err(Error::store("file work was cut short").with_source(e)))
    }
}

impl TokenStore for FileStore {
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<TokenSet>>> {
        Box::pin(self.away(key, Self::read))
    }

    fn save<'a>(&'a self, key: &'a SessionKey, token: &'a TokenSet) -> BoxFuture<'a, Result<()>> {
        let token = token.clone();
        Box::pin(self.away(key, move |store, key| store.write(key, &token)))
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.away(key, |store, key| store.dir.remove(&store.name(key))))
    }

    fn lock<'a>(&'a self, key: &'a SessionKey, wait: Duration) -> BoxFuture<'a, Result<Option<StoreGuard>>> {
        Box::pin(async move {
            let deadline = Instant::now() + wait;
            let file = self.away(key, |store, key| store.dir.open_lock(&store.lock_name(key))).await?;
            while !try_lock(&file)? {
                if Instant::now() >= deadline {
                    return Ok(None);
                }
                tokio::time::sleep(LOCK_POLL).await;
            }
            Ok(Some(StoreGuard::new(file)))
        })
    }
}

/// Takes the lock if it is free. Closing the file frees it.
fn try_lock(file: &File) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(e)) => Err(Error::store(format!("the token lock: {e}")).with_source(e)),
    }
}

fn from_steelcut(file: &Map<String, Value>, key: &SessionKey) -> Option<TokenSet> {
    if file.get(KEY_MEMBER).and_then(Value::as_str) != Some(key.as_str()) || file.contains_key("error") {
        return None;
    }
    let body = Zeroizing::new(serde_json::to_vec(file).ok()?);
    let obtained_at = file.get("not_before").and_then(Value::as_i64).unwrap_or(0);
    TokenSet::from_answer(&body, Timestamp(obtained_at)).ok()
}

fn to_steelcut(token: &TokenSet, key: &SessionKey) -> Result<Zeroizing<Vec<u8>>> {
    let mut file = Map::new();
    file.insert("token_type".to_owned(), token.token_type().into());
    // Without it steelcut takes the token for one that has expired: what an unknown life amounts to.
    file.insert("expires_on".to_owned(), token.expires_at().map_or(0, Timestamp::seconds).into());
    file.insert("not_before".to_owned(), token.obtained_at().seconds().into());
    if let Some(resource) = token.extra().get("resource") {
        file.insert("resource".to_owned(), resource.clone());
    }
    file.insert("access_token".to_owned(), token.access_token().reveal().into());
    file.insert(KEY_MEMBER.to_owned(), key.as_str().into());
    let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
    serde_json::to_writer_pretty(&mut *bytes, &file)
        .map_err(|e| Error::store("the token cannot be written").with_source(e))?;
    Ok(bytes)
}
