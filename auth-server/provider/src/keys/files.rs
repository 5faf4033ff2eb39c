//! Private halves as files: `<data-dir>/keys/KID.pem`, PKCS#8, mode 0600 (decisions 10, 11).

use std::path::{Path, PathBuf};

use trefoil_disk::Dir;
use trefoil_shared::jose::Algorithm;
use trefoil_sign::SigningKey;

use super::KeyError;

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
        let Some(name) = file_name(key.kid()) else { return Err(KeyError::Unknown(key.kid().to_owned())) };
        let pem = key.to_pkcs8_pem()?;
        Ok(Dir::make(&self.dir)?.replace(&name, pem.as_bytes())?)
    }

    /// Reads a private half. `None` where there is no file; an error where it may not be used or holds another key.
    pub fn read(&self, kid: &str, algorithm: Algorithm) -> Result<Option<SigningKey>, KeyError> {
        let (Some(name), Some(dir)) = (file_name(kid), Dir::find(&self.dir)?) else { return Ok(None) };
        let Some(bytes) = dir.read_secret(&name)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| trefoil_sign::SignError::Unsupported)?;
        let key = SigningKey::from_pkcs8_pem(text, Some(algorithm))?;
        if key.kid() == kid {
            Ok(Some(key))
        } else {
            Err(KeyError::Unknown(format!("{kid} in {}", self.dir.join(name).display())))
        }
    }

    /// Deletes a private half; true if it was there.
    pub fn delete(&self, kid: &str) -> Result<bool, KeyError> {
        let (Some(name), Some(dir)) = (file_name(kid), Dir::find(&self.dir)?) else { return Ok(false) };
        Ok(dir.remove(&name)?)
    }

    /// Whether there is a file for this kid.
    pub fn has(&self, kid: &str) -> bool {
        let dir = Dir::find(&self.dir).ok().flatten();
        dir.zip(file_name(kid)).is_some_and(|(dir, name)| dir.has(&name))
    }

    /// The kids of all files that are here.
    pub fn kids(&self) -> Vec<String> {
        let names = Dir::find(&self.dir).ok().flatten().and_then(|dir| dir.names().ok()).unwrap_or_default();
        let kids = names.iter().filter_map(|name| name.strip_suffix(".pem"));
        kids.filter(|kid| file_name(kid).is_some()).map(str::to_owned).collect()
    }
}

/// A kid becomes a file name only where it is a thumbprint: 43 characters of base64url, so never `..` (case 88).
fn file_name(kid: &str) -> Option<String> {
    let thumbprint =
        kid.len() == 43 && kid.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    thumbprint.then(|| format!("{kid}.pem"))
}
