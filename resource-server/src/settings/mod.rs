//! Configuration: what may be written, and what the program makes of it.

mod checked;
mod key_source;
mod raw;
mod revocations;

pub use checked::{Settings, SettingsError};
pub use key_source::KeySource;
pub use raw::{RawOutbound, RawRoute, RawSettings, Revocation};
pub use revocations::RevocationSource;
