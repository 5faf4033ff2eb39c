//! Several auth-server processes on one database: what one does, all of them know.

mod fleet;
mod key_possession;
mod moment;
mod registry;
mod revocation;
mod sigterm;
mod singles;
mod stale;
