//! Access tokens: what is in them, and how they are made.

mod claims;
mod id_token;
mod mint;

pub use claims::Claims;
pub use id_token::{IdToken, id_token_algorithm, signed};
pub use mint::{Issue, MintError, Minter, told};
