//! Where the key set comes from: a file, or a JWKS URL with its last good copy on disk.

mod copy;
mod file;
mod issuer;
mod refetch;
mod refresh;
mod remote;

pub use copy::{DiskCopy, KeptJwks};
pub use file::{KeyFileError, WatchTiming, read_key_file, watch_key_file};
pub use issuer::IssuerMetadata;
pub use refetch::{Refetch, RefetchAsks};
pub use refresh::{Refresh, Timing};
pub use remote::{FetchError, Fetched, JwksClient, parse_jwks};

pub use crate::outbound::{Fault, Outbound, UrlRefused, read_extra_ca};
pub use crate::state_file::CopyError;
