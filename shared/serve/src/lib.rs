//! What both servers need to listen: configuration, TLS, limits, the accept loop, shutdown, logs and metrics.

pub mod admin;
pub mod config;
mod crypto;
pub mod findings;
pub mod listen;
mod memory;
pub mod peer;
pub mod request_id;
pub mod shutdown;
pub mod stdout;
pub mod systemd;
pub mod telemetry;
pub mod terminal;
pub mod tls;

pub use crypto::install_crypto_provider;
pub use memory::take_small_pages;
pub use trefoil_shared::{Clock, ManualClock, SystemClock};
