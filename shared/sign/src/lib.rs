//! Signing keys: parsed once, never printed.
