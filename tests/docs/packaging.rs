//! The shipped configuration files and units.

use std::fs;

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
