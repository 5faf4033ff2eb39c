//! The `resource-server` program.

fn main() {}
