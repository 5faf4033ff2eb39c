//! The program `auth-server`: configuration, commands and the running server around `trefoil-provider`.

pub mod cli;
pub mod config;
pub mod data_dir;
pub mod import;
pub mod serve;

pub use trefoil_provider::{
    app, grants, keys, model, openid, people, protocol, provider, records, registration, revocations,
    secrets, store, tokens,
};
