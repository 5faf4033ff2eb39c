//! The rules of the tree that no compiler checks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::environment::workspace;

/// Files of the checkout that Git knows or would add, with these endings.
pub(crate) fn files(endings: &[&str]) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(workspace())
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "{listed:?}");
    let text = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let all: Vec<PathBuf> = text
        .lines()
        .filter(|line| endings.iter().any(|ending| line.ends_with(ending)))
        .map(|line| workspace().join(line))
        .filter(|path| path.is_file())
        .collect();
    assert!(!all.is_empty(), "no files {endings:?}");
    all
}

fn cargo(arguments: &[&str]) -> String {
    let out = Command::new("cargo").args(arguments).current_dir(workspace()).output().expect("cargo");
    assert!(out.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Every crate that `package` is built from, by name; for the tests themselves, what they are tested with.
fn crates_of(package: &str) -> Vec<String> {
    let edges = if package == "trefoil-tests" { "normal,build,dev" } else { "normal,build" };
    let tree =
        cargo(&["tree", "--offline", "-p", package, "-e", edges, "--prefix", "none", "--format", "{p}"]);
    let names: Vec<String> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(names.len() > 10, "{tree}");
    names
}

#[test]
fn no_rust_file_has_more_than_300_lines() {
    let long: Vec<String> = files(&[".rs"])
        .iter()
        .map(|path| (path, fs::read_to_string(path).expect("UTF-8").lines().count()))
        .filter(|(_, lines)| *lines > 300)
        .map(|(path, lines)| format!("{}: {lines}", path.display()))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn protocol_imports_std_and_shared_alone() {
    let folder = workspace().join("auth-server/core/src/protocol");
    let mut seen = 0;
    for path in files(&[".rs"]).iter().filter(|path| path.starts_with(&folder)) {
        seen += 1;
        let text = fs::read_to_string(path).expect("UTF-8");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for import in code
            .lines()
            .map(str::trim_start)
            .filter_map(|l| l.strip_prefix("use ").or(l.strip_prefix("pub use ")))
        {
            let root = import.split([':', ';', ' ']).next().unwrap_or_default();
            let allowed = ["std", "core", "trefoil_shared", "self", "super"].contains(&root)
                || ["crate::protocol", "crate::model"].iter().any(|inside| import.starts_with(inside))
                || code.contains(&format!("mod {root};"));
            assert!(allowed, "{}: `use {import}` in the pure part", path.display());
        }
        for outside in
            ["sqlx::", "axum::", "reqwest::", "tokio::", "std::fs", "std::net", "std::env", "SystemTime::now"]
        {
            assert!(!code.contains(outside), "{}: {outside} in the pure part", path.display());
        }
    }
    assert!(seen >= 3, "protocol/ has {seen} files");
}

#[test]
fn no_file_names_somebodys_machine() {
    // Put together here, so that this file does not name them.
    let mut homes = ["root", "Users", "tmp/wt", "work"].map(|dir| format!("/{dir}/")).to_vec();
    homes.push(workspace().display().to_string());
    for path in files(&[
        ".rs",
        ".toml",
        ".md",
        ".yml",
        ".sh",
        ".service",
        ".py",
        "/lab",
        "/test",
        "/run",
        "Dockerfile",
    ]) {
        if path.ends_with("Cargo.lock") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("UTF-8");
        for home in &homes {
            let found = text.lines().find(|line| names_absolute(line, home));
            assert!(found.is_none(), "{}: {found:?}", path.display());
        }
    }
}

/// Whether `line` has `prefix` where an absolute path begins.
fn names_absolute(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let before = line.get(..at).and_then(|s| s.chars().next_back());
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-~/}*".contains(c)))
    })
}

#[test]
fn a085_resource_server_is_built_without_signing_code() {
    let crates = crates_of("trefoil-resource-server");
    assert!(crates.iter().any(|name| name == "trefoil-shared"));
    for banned in ["trefoil-sign", "trefoil-core", "trefoil-auth-server", "sqlx", "argon2"] {
        assert!(!crates.iter().any(|name| name == banned), "{banned} reaches resource-server");
    }
}

#[test]
fn a_library_brings_neither_a_runtime_nor_the_command_line_where_it_needs_none() {
    let command_line = ["clap", "clap_builder", "comfy-table", "figment", "trefoil-serve"];
    let runtime = ["tokio", "sqlx", "axum", "hyper", "reqwest"];
    for (package, banned) in [
        ("trefoil-core", [runtime.as_slice(), &command_line].concat()),
        ("trefoil-sql", [["axum", "hyper", "reqwest"].as_slice(), &command_line].concat()),
        ("trefoil-provider", command_line.to_vec()),
        ("trefoil-resource-layer", [["trefoil-sign", "sqlx"].as_slice(), &command_line].concat()),
    ] {
        let crates = crates_of(package);
        for banned in banned {
            assert!(!crates.iter().any(|name| name == banned), "{banned} reaches {package}");
        }
    }
}

#[test]
fn the_shared_vocabulary_has_no_runtime_and_no_network() {
    let crates = crates_of("trefoil-shared");
    for banned in ["tokio", "axum", "sqlx", "reqwest", "hyper"] {
        assert!(!crates.iter().any(|name| name == banned), "{banned} reaches trefoil-shared");
    }
}

#[test]
fn aws_lc_rs_is_the_only_crypto_provider() {
    for package in [
        "trefoil-auth-server",
        "trefoil-resource-server",
        "trefoil-resource-layer",
        "trefoil-client",
        "trefoil-tests",
    ] {
        let crates = crates_of(package);
        for banned in ["ring", "openssl", "openssl-sys", "native-tls", "rsa", "boring", "rustls-rustcrypto"] {
            assert!(!crates.iter().any(|name| name == banned), "{banned} reaches {package}");
        }
    }
}

#[test]
fn every_crate_of_ours_forbids_unsafe_code() {
    for manifest in files(&["Cargo.toml"]) {
        let text = fs::read_to_string(&manifest).expect("UTF-8");
        if text.contains("[workspace]") {
            assert!(text.contains("unsafe_code = \"forbid\""), "{}", manifest.display());
        } else {
            assert!(text.contains("[lints]\nworkspace = true"), "{}", manifest.display());
        }
    }
}

#[test]
fn lints_are_silenced_by_expect_with_a_reason() {
    let this = Path::new(file!()).file_name().expect("a name");
    for path in files(&[".rs"]).iter().filter(|path| path.file_name() != Some(this)) {
        let text = fs::read_to_string(path).expect("UTF-8");
        let bare =
            text.lines().find(|line| line.trim_start().starts_with("#[allow(") && !line.contains("reason"));
        assert!(bare.is_none(), "{}: {bare:?}", path.display());
    }
}

/// A proxy of the environment would be shown the secrets of every request over plain http.
#[test]
fn w04_every_http_client_ignores_the_proxies_of_the_environment() {
    let this = Path::new(file!()).file_name().expect("a name");
    let mut seen = 0;
    for path in files(&[".rs"]).iter().filter(|path| path.file_name() != Some(this)) {
        let text = fs::read_to_string(path).expect("UTF-8");
        for banned in ["reqwest::get(", "reqwest::Client::new()", "reqwest::Client::default()"] {
            assert!(!text.contains(banned), "{}: {banned}", path.display());
        }
        // Ours has the identifier of the client as its argument.
        for built in text.split("Client::builder()").skip(1) {
            seen += 1;
            let settings = built.split(".build()").next().unwrap_or_default();
            assert!(settings.contains(".no_proxy()"), "{}: a client without no_proxy()", path.display());
        }
    }
    assert!(seen >= 4, "{seen} clients");
}
