//! The one place where the tests read their environment.

use std::{env, path::PathBuf};

/// A variable of the environment, if it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the tests' configuration is read here and nowhere else")]
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// How many connections to the database a server may open, where the run says so: `./test` runs everything once more
/// with a single one (fault 11).
pub(crate) fn max_connections() -> Option<String> {
    variable("TREFOIL_TEST_MAX_CONNECTIONS")
}

/// The root of the checkout.
pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace exists")
}

/// The folder that holds the built binaries: `TREFOIL_BIN_DIR`, else the one above this test's own.
pub(crate) fn bin_dir() -> PathBuf {
    if let Some(dir) = variable("TREFOIL_BIN_DIR") {
        return PathBuf::from(dir);
    }
    let this = env::current_exe().expect("a test knows its own path");
    this.ancestors().nth(2).expect("a test stands in target/<profile>/deps").to_owned()
}

/// The path of one of our programs; a clear failure where it is not built.
pub(crate) fn binary(name: &str) -> PathBuf {
    let path = bin_dir().join(name);
    assert!(
        path.exists(),
        "{} is not built: run ./test, or cargo build -p trefoil-auth-server -p trefoil-resource-server",
        path.display()
    );
    path
}

/// The superuser URL of the private PostgreSQL cluster.
pub(crate) fn postgres_url() -> String {
    variable("TREFOIL_TEST_POSTGRES").expect(
        "TREFOIL_TEST_POSTGRES is not set: run ./test, or tests/with-postgres cargo test -p trefoil-tests",
    )
}
