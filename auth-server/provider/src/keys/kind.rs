//! Where private keys are kept.

/// Where private keys are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStoreKind {
    /// A PEM file a key in `<data_dir>/keys`.
    File,
    /// The database, each key wrapped under the root secret: for several replicas.
    Database,
}

impl KeyStoreKind {
    /// As `keys.store` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Database => "database",
        }
    }
}
