//! The authorization server as a library: its endpoints, for the binary and for other programs.
//!
//! `http -> grants -> { protocol, store, tokens }`; nothing but [`app`] imports `http`.

pub mod app;
mod argon2;
pub mod grants;
mod http;
pub mod keys;
pub mod provider;
pub mod revocations;
pub mod secrets;
pub mod tokens;

pub use provider::{Provider, ProviderError};
pub use trefoil_core::{model, protocol, records};
pub use trefoil_sql as store;
