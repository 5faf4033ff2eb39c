//! The configuration: layers (defaults, TOML, environment, flags) become a raw struct, and that becomes
//! [`Settings`], where every rule has been checked.

mod checks;
mod database;
mod effective;
mod error;
mod load;
mod raw;
mod resolve;
mod settings;
mod surroundings;
mod values;

pub(crate) use checks::on_this_machine;
pub use database::DatabaseSettings;
pub use error::{Problem, SettingsError};
pub use load::{DEFAULT_FILE, LoadError, LoadedSettings, PREFIX, Sources, load};
pub use raw::RawSettings;
pub use settings::{
    KeySettings, KeyStoreKind, LimitSettings, LogSettings, OutboundSettings, RegistrySettings,
    RevocationSettings, SecretSettings, Settings, ShutdownSettings, TlsSettings, TokenSettings,
};
pub use surroundings::Surroundings;
pub use values::{Seconds, TextList};
