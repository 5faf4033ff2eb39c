//! The configuration: layers (defaults, TOML, environment, flags) become a raw struct, and that becomes
//! [`Settings`], where every rule has been checked.

mod checks;
mod database;
mod error;
mod raw;
mod resolve;
mod settings;
mod surroundings;
mod values;

pub use database::DatabaseSettings;
pub use error::{Problem, SettingsError};
pub use raw::RawSettings;
pub use settings::{
    KeySettings, KeyStoreKind, LimitSettings, LogFormat, LogSettings, OutboundSettings, RegistrySettings,
    SecretSettings, Settings, ShutdownSettings, TlsSettings, TokenSettings,
};
pub use surroundings::Surroundings;
pub use values::{Seconds, TextList};
