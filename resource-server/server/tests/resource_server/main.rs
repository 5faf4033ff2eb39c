//! The resource server from outside: its router in this process, the library, and the real program.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic; clippy knows the test functions alone"
)]

mod answers;
mod claims;
mod command_line;
#[path = "../../../../tests/harness/counts.rs"]
mod counts;
mod dependencies;
mod harness;
mod issuer;
mod jwks_stub;
mod key_files;
mod key_sets;
mod key_withdrawal;
mod library;
mod limits;
mod log_reader;
mod paths;
mod program;
mod reload;
mod revocation;
mod revocation_pages;
mod revocation_parts;
mod revocation_program;
mod revocation_stub;
mod revocation_wiring;
mod secrecy;
mod shell;
#[path = "../../../../tests/harness/stalled_log.rs"]
mod stalled_log;
mod tokens;
