//! Configuration: what may be written, and what the program makes of it.

mod checked;
mod error;
mod key_source;
mod raw;
mod reference;
mod revocations;
mod routes;

pub use checked::Settings;
pub use error::SettingsError;
pub use key_source::KeySource;
pub use raw::{RawOutbound, RawRoute, RawSettings, Revocation};
pub use reference::REFERENCE;
pub use revocations::RevocationSource;
