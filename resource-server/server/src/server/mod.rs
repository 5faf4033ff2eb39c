//! The program's HTTP side: routes, health and metadata on the public listener, the operators' listener beside it.

mod app;
mod health;
mod metadata;

pub use app::{App, AppParts, service};
pub use metadata::{PublicResource, identifier};
