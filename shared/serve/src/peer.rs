//! Who is at the other end of a connection.

pub use trefoil_shared::PeerAddr;
