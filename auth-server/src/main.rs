//! The `auth-server` program.

fn main() {}
