//! The authorization server: issues, revokes and introspects tokens.
//!
//! `http -> grants -> { protocol, store, tokens }`; nothing imports `http`, and `protocol` is pure.

pub mod app;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod grants;
mod http;
pub mod import;
pub mod keys;
pub mod model;
pub mod protocol;
pub mod records;
pub mod revocations;
pub mod secrets;
pub mod serve;
pub mod store;
pub mod tokens;
