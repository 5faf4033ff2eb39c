//! The accept loop of both servers: hyper with limits on everything that a client can draw out or make big.
//!
//! Under TLS the protocol comes from ALPN; cleartext is HTTP/1.1 only (decision 29). No request pays for the
//! deadlines: each connection notes what it does in a few atomics, and one task a server looks at all of them
//! several times a second.

mod activity;
mod body;
mod connection;
mod connections;
mod descriptors;
mod framing;
mod limits;
mod linger;
mod server;

pub use body::BodyTimeout;
pub use limits::Limits;
pub use server::{BindError, Server};
