//! Configuration: what may be written, and what the program makes of it.

mod checked;
mod raw;
mod revocations;

pub use checked::{KeySource, Settings, SettingsError};
pub use raw::{RawOutbound, RawRoute, RawSettings, Revocation};
pub use revocations::RevocationSource;
