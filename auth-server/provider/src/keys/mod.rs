//! Signing keys: public halves and their life in the database, private halves in files or wrapped in the database
//! (decisions 7 to 12).

mod error;
mod files;
mod held;
mod home;
mod kind;
mod leftovers;
mod lifecycle;
mod moving;
mod persisted;
mod policy;
mod refresh;
mod rejected;
mod rotation;
mod state;

pub use error::KeyError;
pub use files::KeyFiles;
pub use held::{HeldKeys, Jwks, KeyAge};
pub use home::KeyHome;
pub use kind::KeyStoreKind;
pub use lifecycle::Keys;
pub use moving::Moved;
pub use policy::KeyPolicy;
pub use rotation::Rotation;
pub use state::{KeyStatus, is_published};
