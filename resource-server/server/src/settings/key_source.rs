//! Where the issuer's keys come from.

use std::path::{Path, PathBuf};

use trefoil_resource_layer::keys::JwksClient;

/// Where keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// A file alone, which is watched.
    File(PathBuf),
    /// A URL alone, and the last good copy of its key set.
    Url(Box<JwksClient>),
    /// A file for the first start, and a URL that is followed from then on: once a key set was fetched, it and its copy
    /// on disk count and the file does not, so that a key which the issuer withdraws does not come back with the file.
    FileThenUrl(PathBuf, Box<JwksClient>),
}

impl KeySource {
    /// The file.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) | Self::FileThenUrl(file, _) => Some(file),
            Self::Url(_) => None,
        }
    }

    /// Who is asked for the key set.
    pub fn client(&self) -> Option<&JwksClient> {
        match self {
            Self::Url(client) | Self::FileThenUrl(_, client) => Some(client),
            Self::File(_) => None,
        }
    }
}
