//! The `resource-server` program.

use std::process::ExitCode;

use trefoil_resource_server::cli::{Surroundings, run};

/// Requests allocate and free many small pieces; this costs less than glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trefoil_serve::take_small_pages();
    serve_or_answer()
}

#[tokio::main]
async fn serve_or_answer() -> ExitCode {
    trefoil_serve::install_crypto_provider();
    run(Surroundings { env: trefoil_serve::config::process_environment("RESOURCE_SERVER_") }).await
}
