//! Private halves as files: `<data-dir>/keys/KID.pem`, PKCS#8, mode 0600 (decisions 10, 11).

use std::path::{Path, PathBuf};

use trefoil_shared::jose::Algorithm;
use trefoil_sign::SigningKey;

use super::KeyError;
use crate::secrets::files::{FileError, make_private_dir, read_private, write_private};

/// The directory of key files.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    dir: PathBuf,
}

impl KeyFiles {
    /// The key files of a data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self { dir: data_dir.join("keys") }
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.dir
    }

    /// Writes a private half; on return it would survive a power loss. The row comes after it.
    pub fn write(&self, key: &SigningKey) -> Result<(), KeyError> {
        make_private_dir(&self.dir)?;
        let Some(path) = self.path(key.kid()) else { return Err(KeyError::Unknown(key.kid().to_owned())) };
        let pem = key.to_pkcs8_pem()?;
        Ok(write_private(&path, pem.as_bytes())?)
    }

    /// Reads a private half. `None` where there is no file; an error where it may not be used or holds another key.
    pub fn read(&self, kid: &str, algorithm: Algorithm) -> Result<Option<SigningKey>, KeyError> {
        let Some(path) = self.path(kid).filter(|path| path.exists()) else { return Ok(None) };
        let bytes = read_private(&path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| trefoil_sign::SignError::Unsupported)?;
        let key = SigningKey::from_pkcs8_pem(text, Some(algorithm))?;
        if key.kid() == kid {
            Ok(Some(key))
        } else {
            Err(KeyError::Unknown(format!("{kid} in {}", path.display())))
        }
    }

    /// Deletes a private half; true if it was there.
    pub fn delete(&self, kid: &str) -> Result<bool, KeyError> {
        let Some(path) = self.path(kid) else { return Ok(false) };
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(reason) => Err(FileError::Unwritable { path, reason }.into()),
        }
    }

    /// Whether there is a file for this kid.
    pub fn has(&self, kid: &str) -> bool {
        self.path(kid).is_some_and(|path| path.exists())
    }

    /// The kids of all files that are here.
    pub fn kids(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let kids = names.filter_map(|name| name.strip_suffix(".pem").map(str::to_owned));
        let mut kids: Vec<_> = kids.filter(|kid| self.path(kid).is_some()).collect();
        kids.sort();
        kids
    }

    /// A kid becomes a path only where it is a thumbprint: 43 characters of base64url, so never `..` (case 88).
    fn path(&self, kid: &str) -> Option<PathBuf> {
        let thumbprint =
            kid.len() == 43 && kid.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        thumbprint.then(|| self.dir.join(format!("{kid}.pem")))
    }
}
