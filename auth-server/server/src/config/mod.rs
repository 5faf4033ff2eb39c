//! The configuration: layers (defaults, TOML, environment, flags) become a raw struct, and that becomes
//! [`Settings`], where every rule has been checked.

mod checks;
mod effective;
mod error;
mod load;
mod people;
mod raw;
mod reference;
mod resolve;
mod settings;
mod surroundings;

pub use error::{Problem, SettingsError};
pub use load::{DEFAULT_FILE, LoadError, LoadedSettings, PREFIX, Sources, load};
pub use raw::RawSettings;
pub use reference::REFERENCE;
pub use settings::{
    KeySettings, LimitSettings, LogSettings, OutboundSettings, RegistrySettings, RevocationSettings,
    SecretSettings, Settings, ShutdownSettings, TlsSettings, TokenSettings,
};
pub use surroundings::Surroundings;
pub use trefoil_provider::keys::KeyStoreKind;
pub use trefoil_provider::store::{DatabaseSettings, Pooling, sqlite_url};
pub(crate) use trefoil_provider::store::{InvalidPostgresUrl, PostgresUrl};
pub use trefoil_serve::config::{Seconds, Size, TextList};
