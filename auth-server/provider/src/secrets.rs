//! The root secret and what is made with it; the gate of slow hashes.

pub use crate::argon2::{Argon2Gate, Busy};
pub use trefoil_core::secrets::*;
