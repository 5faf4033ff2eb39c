//! What the program is made of.

use std::process::Command;

/// The names of the crates that the program is built from.
fn crates() -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "trefoil-resource-server",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--offline", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn a085_no_signing_code_and_no_database_reach_the_resource_server() {
    let crates = crates();
    assert!(crates.iter().any(|name| name == "trefoil-shared"), "the list is not empty: {crates:?}");
    for banned in [
        "trefoil-sign",
        "trefoil-auth-server",
        "sqlx",
        "sqlx-core",
        "argon2",
        "ring",
        "rsa",
        "openssl",
        "native-tls",
    ] {
        assert!(!crates.iter().any(|name| name == banned), "{banned}");
    }
}
