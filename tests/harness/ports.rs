//! Free ports for what must keep its port over a restart; everything else listens on port 0.

use std::net::TcpListener;

/// A port of 127.0.0.1 that was free a moment ago.
pub(crate) fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}
