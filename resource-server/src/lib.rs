//! Verifies tokens offline with the public key alone.
