//! What one client may take.

use std::time::Duration;

/// The limits of a [`super::Server`]. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may be idle: before its first request, between requests, and within a request's head.
    pub idle_timeout: Duration,
    /// How long a request's whole body may take.
    pub body_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub write_timeout: Duration,
    /// How long open requests are waited for at the end.
    pub drain_timeout: Duration,
    /// Connections at a time; further ones wait to be accepted.
    pub max_connections: usize,
    /// The request line and all header fields; more is answered 431.
    pub max_header_bytes: u32,
    /// A request's body; more is answered 413.
    pub max_body_bytes: usize,
    /// Concurrent requests on one HTTP/2 connection.
    pub max_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // A client that stalls is to be gone within ten seconds, looking at the clock and closing included.
        const STALLED: Duration = Duration::from_secs(9);
        Self {
            idle_timeout: STALLED,
            body_timeout: STALLED,
            handshake_timeout: STALLED,
            // Longer, as a slow line lets go of the kernel's send buffer in big pieces only.
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            max_header_bytes: 16 * 1024,
            max_body_bytes: 64 * 1024,
            max_streams: 128,
        }
    }
}

impl Limits {
    /// How often the connections are looked at: often enough that a deadline is met within a small part of itself.
    pub(super) fn tick(&self) -> Duration {
        (self.idle_timeout / 32).clamp(Duration::from_millis(10), Duration::from_millis(250))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a120_stalled_clients_are_gone_within_ten_seconds_by_default() {
        let limits = Limits::default();
        let slack = 4 * limits.tick();
        for deadline in [limits.idle_timeout, limits.body_timeout, limits.handshake_timeout] {
            assert!(deadline + slack <= Duration::from_secs(10), "{deadline:?}");
        }
    }

    #[test]
    fn a121_the_default_sizes_are_those_of_the_issue() {
        let limits = Limits::default();
        assert_eq!((limits.max_body_bytes, limits.max_header_bytes), (65_536, 16_384));
    }
}
