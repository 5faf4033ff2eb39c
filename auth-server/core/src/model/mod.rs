//! What the registry and the server's own tables say, as types: no SQL, no wire format.

mod client;
mod key;
mod opaque;
mod people;
mod resource;

pub use client::{Authentication, Client, ClientMetadata, ImportedFrom, Profile, SecretHash, StoredSecret};
pub use key::{KeyRow, KeyState};
pub use opaque::OpaqueToken;
pub use people::{Consent, Session, User};
pub use resource::{Resource, TokenFormat};
