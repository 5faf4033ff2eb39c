//! resource-server as its operators run it.

mod keys;
mod tls;
mod verify;
