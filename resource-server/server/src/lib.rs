//! The program `resource-server`: serves files, and passes requests on, to clients that have a valid token.
//!
//! What decides about tokens is `trefoil_resource_layer`, whose names are here as well.

pub mod cli;
pub mod files;
pub mod path;
pub mod route;
pub mod server;
pub mod settings;

pub use trefoil_resource_layer::*;
