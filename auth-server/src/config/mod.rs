//! The configuration: layers (defaults, TOML, environment, flags) become a raw struct, and that becomes
//! [`Settings`], where every rule has been checked.

mod checks;
mod database;
mod effective;
mod error;
mod load;
mod postgres_url;
mod raw;
mod reference;
mod resolve;
mod settings;
mod surroundings;

pub use database::{DatabaseSettings, Pooling, sqlite_url};
pub use error::{Problem, SettingsError};
pub use load::{DEFAULT_FILE, LoadError, LoadedSettings, PREFIX, Sources, load};
pub(crate) use postgres_url::{InvalidPostgresUrl, Place, PostgresUrl, is_loopback};
pub use raw::RawSettings;
pub use reference::REFERENCE;
pub use settings::{
    KeySettings, KeyStoreKind, LimitSettings, LogSettings, OutboundSettings, RegistrySettings,
    RevocationSettings, SecretSettings, Settings, ShutdownSettings, TlsSettings, TokenSettings,
};
pub use surroundings::Surroundings;
pub use trefoil_serve::config::{Seconds, Size, TextList};
