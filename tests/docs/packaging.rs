//! The shipped configuration files and units.

use std::{collections::BTreeSet, fs, process::Command};

use tempfile::TempDir;

use crate::harness::{cli::Cli, environment::workspace};

/// A copy of a shipped file in a private directory, where what it names can be put beside it.
fn shipped(dir: &TempDir, name: &str) -> String {
    let text = fs::read_to_string(workspace().join("packaging/etc").join(name)).expect(name);
    let here = dir.path().display().to_string();
    // The files that it names lie in the private directory; nothing else is changed.
    let text = text.replace("/etc/trefoil", &here).replace("/var/lib", &here);
    let path = dir.path().join(name);
    fs::write(&path, text).expect("a copy");
    path.display().to_string()
}

#[test]
fn d33_the_shipped_auth_server_configuration_is_valid_and_names_its_data_dir() {
    let dir = TempDir::new().expect("a private directory");
    let config = shipped(&dir, "auth-server.toml");
    let cli = Cli::new("auth-server", dir.path());
    let shown = cli.ok(&["config", "show", "--config", &config]);
    assert!(shown.contains(&format!("{}/auth-server", dir.path().display())), "{shown}");
    assert!(shown.contains("https://auth.example.com"), "{shown}");
}

#[test]
fn d33_the_shipped_resource_server_configuration_is_valid() {
    let dir = TempDir::new().expect("a private directory");
    let config = shipped(&dir, "resource-server.toml");
    let cli = Cli::new("resource-server", dir.path());
    let shown = cli.ok(&["config", "show", "--config", &config]);
    for said in ["https://api.example.com", "api_v0.0.1", "protected_resource.json"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

#[test]
fn d33_the_units_keep_state_and_credentials_where_systemd_puts_them() {
    for name in ["auth-server", "resource-server"] {
        let unit = workspace().join(format!("packaging/systemd/{name}.service"));
        let text = fs::read_to_string(unit).expect(name);
        for line in [
            format!("StateDirectory={name}"),
            "ConfigurationDirectory=trefoil".to_owned(),
            "NoNewPrivileges=yes".to_owned(),
            "ProtectSystem=strict".to_owned(),
            format!("ExecStart=/usr/bin/{name} serve --config /etc/trefoil/{name}.toml"),
        ] {
            assert!(text.lines().any(|found| found == line), "{name}: {line}");
        }
        assert_eq!(text.contains("LoadCredential="), name == "auth-server", "{name}");
    }
}

/// Every crate that `./lab` builds, with its version.
fn crates_of_the_lab() -> BTreeSet<String> {
    let packages = ["trefoil-auth-server", "trefoil-resource-server", "trefoil-demo"];
    let output = Command::new("cargo")
        .args(["tree", "--offline", "-e", "normal,build", "--prefix", "none", "--format", "{p}"])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .current_dir(workspace())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let crates: BTreeSet<String> = lines
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect();
    for package in packages {
        assert!(crates.iter().any(|name| name.starts_with(package)), "{package}: {crates:?}");
    }
    crates
}

#[test]
fn u14_the_lab_builds_no_more_than_it_runs() {
    let crates = crates_of_the_lab();
    println!("figure: u14 {} crates in the build of ./lab", crates.len());
    // Of these, 21 are the pages of people: templates, texts, mapped names.
    assert!(crates.len() < 312, "{} crates: look with cargo tree what each is for", crates.len());
    // What only tests need, and what a feature that nobody uses would bring.
    for banned in ["rcgen ", "time ", "encoding_rs ", "insta ", "proptest "] {
        assert!(!crates.iter().any(|name| name.starts_with(banned)), "{banned}is built by ./lab");
    }
}

#[test]
fn u14_lab_and_images_are_built_by_the_profile_that_builds_soon() {
    let read = |name: &str| fs::read_to_string(workspace().join(name)).expect(name);
    let profile = read("Cargo.toml");
    let profile =
        profile.split("[profile.lab]").nth(1).and_then(|rest| rest.split('[').next()).expect("the profile");
    for line in ["inherits = \"release\"", "lto = \"off\"", "incremental = true"] {
        assert!(profile.lines().any(|found| found == line), "{line}: {profile}");
    }
    let build =
        |text: &str| text.lines().find(|line| line.contains("cargo build")).expect("a build").to_owned();
    let lab = build(&read("lab").replace("`cargo build", ""));
    assert!(lab.contains("--profile lab") && !lab.contains("--quiet"), "progress is visible: {lab}");
    let image = read("Dockerfile");
    assert!(build(&image).contains("--profile \"$PROFILE\""), "{image}");
    assert!(image.contains("\nARG PROFILE=release\n"), "a release unless something else is asked for");
    let compose = read("docker-compose.yml");
    assert!(compose.contains("PROFILE: \"${TREFOIL_BUILD_PROFILE:-release}\""), "{compose}");
    let images =
        compose.lines().filter(|line| line.trim_start().starts_with("build:") && line.contains("context"));
    let images: Vec<_> = images.collect();
    assert_eq!(images.len(), 4);
    assert!(images.iter().all(|line| line.contains("args: *profile")), "{images:?}");
}
