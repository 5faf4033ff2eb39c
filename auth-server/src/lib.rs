//! The authorization server: issues, revokes and introspects tokens.
//!
//! `http -> grants -> { protocol, store, tokens }`; nothing imports `http`, and `protocol` is pure.

pub mod config;
pub mod keys;
pub mod model;
pub mod protocol;
pub mod secrets;
pub mod store;
