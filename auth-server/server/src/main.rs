//! The `auth-server` program.

use std::process::ExitCode;

/// Requests allocate and free many small pieces; this costs less than glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trefoil_serve::take_small_pages();
    trefoil_auth_server::cli::main()
}
