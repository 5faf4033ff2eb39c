//! What a server's library tells the program that listens for it, and the other way round.

use std::net::SocketAddr;

use serde::Serialize;

/// One reason why a server is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// What is not ready, in `snake_case` (`database`, `signing_key`, `shutting_down`).
    pub check: &'static str,
    /// One sentence for a person.
    pub reason: String,
}

impl NotReady {
    /// A reason, as `check` and one sentence.
    pub fn new(check: &'static str, reason: impl Into<String>) -> Self {
        Self { check, reason: reason.into() }
    }
}

/// An answer may carry this extension to say which endpoint it is counted under, where neither the path nor the
/// router's pattern says it. A name outside the layer's list counts as `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointName(pub &'static str);

/// The address at the other end of the TCP connection: an extension of each request, where the accept loop adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);
