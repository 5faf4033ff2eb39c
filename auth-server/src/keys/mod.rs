//! Signing keys: private halves in files, public halves and their life in the database (decisions 7 to 12).

mod error;
mod files;
mod held;
mod lifecycle;
mod persisted;
mod policy;
mod refresh;
mod rotation;
mod state;

pub use error::KeyError;
pub use files::KeyFiles;
pub use held::{HeldKeys, Jwks, KeyAge};
pub use lifecycle::Keys;
pub use policy::KeyPolicy;
pub use rotation::Rotation;
pub use state::{KeyStatus, is_published};
