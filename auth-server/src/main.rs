//! The `auth-server` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    trefoil_auth_server::cli::main()
}
