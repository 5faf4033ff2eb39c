//! Access tokens: what is in them, and how they are made.

mod claims;
mod mint;

pub use claims::Claims;
pub use mint::{Issue, MintError, Minter, told};
