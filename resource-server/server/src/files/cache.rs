//! Small files, kept in memory and looked at again now and then.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use tokio::task::spawn_blocking;

use super::locate::{Located, locate, named};
use super::media_type::media_type;
use crate::route::Target;
use trefoil_resource_layer::Refused;

/// Longest file that is kept in memory, in bytes; a longer one is read for each request.
const MAX_KEPT: u64 = 1024 * 1024;
/// Bytes that all kept files together may take.
const MAX_TOTAL: u64 = 64 * 1024 * 1024;
/// How long a kept file is served without a look at the disk.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The files of all routes.
pub struct FileCache {
    kept: Cache<FileKey, Arc<Kept>, Weight>,
    started: Instant,
}

/// Everything that decides whether a file may be served, as [`locate`] is given it: a route of one file and each folder
/// have entries of their own, so that no route is answered with what another one was allowed to open. Paths are kept as
/// they are written: to compare them part by part costs more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FileKey {
    folder: Option<OsString>,
    path: OsString,
}

/// A [`FileKey`] to look up by. The same fields in the same order, so that both have one hash.
#[derive(Clone, Copy, Hash)]
struct Wanted<'a> {
    folder: Option<&'a OsStr>,
    path: &'a OsStr,
}

impl<'a> Wanted<'a> {
    fn new(target: &'a Target, path: &'a Path) -> Self {
        let folder = match target {
            Target::File(_) => None,
            Target::Dir(dir) => Some(dir.as_os_str()),
        };
        Self { folder, path: path.as_os_str() }
    }

    fn to_key(self) -> FileKey {
        FileKey { folder: self.folder.map(OsStr::to_owned), path: self.path.to_owned() }
    }
}

impl Equivalent<FileKey> for Wanted<'_> {
    fn equivalent(&self, key: &FileKey) -> bool {
        self.path == key.path && self.folder == key.folder.as_deref()
    }
}

/// What a request is answered with.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) body: Body,
    pub(super) etag: HeaderValue,
    pub(super) media_type: HeaderValue,
    pub(super) length: u64,
    pub(super) length_field: HeaderValue,
}

/// The bytes, or the open file where they are too many to keep.
#[derive(Debug)]
pub(super) enum Body {
    Bytes(Bytes),
    File(std::fs::File),
}

struct Kept {
    bytes: Bytes,
    stamp: Stamp,
    etag: HeaderValue,
    media_type: HeaderValue,
    length_field: HeaderValue,
    looked_at: AtomicU64,
}

/// What changes when a file is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<FileKey, Arc<Kept>> for Weight {
    fn weight(&self, key: &FileKey, kept: &Arc<Kept>) -> u64 {
        let folder = key.folder.as_ref().map_or(0, |folder| folder.len());
        (kept.bytes.len() + key.path.len() + folder + 512) as u64
    }
}

impl Default for FileCache {
    fn default() -> Self {
        Self { kept: Cache::with_weighter(4096, MAX_TOTAL, Weight), started: Instant::now() }
    }
}

impl FileCache {
    /// The content of the file that a target and the path below it name: from memory where it was looked at a moment
    /// ago and has not changed.
    pub(super) async fn content(&self, target: &Target, below: &str) -> Result<Content, Refused> {
        let path = named(target, below).ok_or(Refused::NoFile)?;
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wanted = Wanted::new(target, &path);
        let kept = self.kept.get(&wanted);
        if let Some(kept) = &kept {
            let looked_at = kept.looked_at.load(Ordering::Relaxed);
            if now.saturating_sub(looked_at) < u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(0) {
                return Ok(kept.content());
            }
        }
        let (target, asked) = (target.clone(), path.to_path_buf());
        let known = kept.as_ref().map(|kept| kept.stamp);
        let looked = spawn_blocking(move || look(&target, &asked, known)).await;
        match looked.unwrap_or(Err(Refused::FileUnreadable)) {
            Ok(Looked::Same) => {
                let kept = kept.ok_or(Refused::FileUnreadable)?;
                kept.looked_at.store(now, Ordering::Relaxed);
                Ok(kept.content())
            }
            Ok(Looked::Small(fresh)) => {
                fresh.looked_at.store(now, Ordering::Relaxed);
                let fresh = Arc::new(fresh);
                self.kept.insert(wanted.to_key(), Arc::clone(&fresh));
                Ok(fresh.content())
            }
            Ok(Looked::Large(content)) => {
                self.kept.remove(&wanted);
                Ok(content)
            }
            Err(refused) => {
                self.kept.remove(&wanted);
                Err(refused)
            }
        }
    }
}

enum Looked {
    Same,
    Small(Kept),
    Large(Content),
}

/// Opens the file and reads it, unless it is the one that is known. Blocks.
fn look(target: &Target, path: &Path, known: Option<Stamp>) -> Result<Looked, Refused> {
    let Located { file, metadata } = locate(target, path)?;
    let stamp = Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        length: metadata.len(),
    };
    if known == Some(stamp) {
        return Ok(Looked::Same);
    }
    let (seconds, nanos) = stamp.modified;
    let etag = format!("\"{seconds:x}.{nanos:x}-{:x}\"", stamp.length);
    let etag = HeaderValue::from_str(&etag).map_err(|_| Refused::FileUnreadable)?;
    let media_type = media_type(path);
    if stamp.length > MAX_KEPT {
        let (length, length_field) = (stamp.length, stamp.length.into());
        return Ok(Looked::Large(Content { body: Body::File(file), etag, media_type, length, length_field }));
    }
    let mut bytes = Vec::new();
    // One byte more shows a file that grew meanwhile; what was read then has another stamp at the next look.
    file.take(MAX_KEPT + 1).read_to_end(&mut bytes).map_err(|_| Refused::FileUnreadable)?;
    let length_field = (bytes.len() as u64).into();
    let (bytes, looked_at) = (bytes.into(), AtomicU64::new(0));
    Ok(Looked::Small(Kept { bytes, stamp, etag, media_type, length_field, looked_at }))
}

impl Kept {
    fn content(&self) -> Content {
        Content {
            body: Body::Bytes(self.bytes.clone()),
            etag: self.etag.clone(),
            media_type: self.media_type.clone(),
            length: self.bytes.len() as u64,
            length_field: self.length_field.clone(),
        }
    }
}

impl fmt::Debug for FileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCache").field("files", &self.kept.len()).finish_non_exhaustive()
    }
}
