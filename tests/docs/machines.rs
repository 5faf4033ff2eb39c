//! The README's commands for a machine of its own, run as they stand in a root file system that is thrown away.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
};

use tempfile::TempDir;

use super::readme::{blocks, readme};
use crate::harness::{
    cli::{Cli, machine_client},
    environment::{binary, workspace},
    ports,
    strace::as_root,
};

/// Root of a private mount namespace over a copy-on-write view of this machine. Nothing of it outlives the script.
/// `$1` is a directory with what the reader has before the block.
const PRIVATE_ROOT: &str = r#"
set -euo pipefail
given=$1 disk=$1/disk
mkdir "$disk" && mount -t tmpfs tmpfs "$disk"
mkdir "$disk/upper" "$disk/work" "$disk/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
mount --rbind /proc "$disk/root/proc"
mount --rbind /dev "$disk/root/dev"
mkdir -p "$disk/root/checkout" "$disk/root/etc/systemd/system"
cp -r "$given/checkout/." "$disk/root/checkout/"
install -m 0755 "$given/systemctl" "$disk/root/usr/bin/systemctl"
chroot "$disk/root" env PATH="$PATH" bash -c "userdel resource-server 2>/dev/null || true"
chroot "$disk/root" env PATH="$PATH" HOME=/root bash /checkout/block.sh
"#;

/// What systemd does with the unit, as far as this block needs it: the command, as the user.
const SYSTEMCTL: &str = r#"#!/usr/bin/env bash
set -euo pipefail
[ "$*" = "enable --now resource-server" ]
unit=/etc/systemd/system/resource-server.service
value() { sed -n "s/^$1=//p" "$unit"; }
cd /
read -ra command <<<"$(value ExecStart)"
setpriv --reuid "$(value User)" --regid "$(value Group)" --clear-groups --no-new-privs \
  env -i RESOURCE_SERVER_SHUTDOWN__GRACE=0 "${command[@]}" >/dev/null 2>/serve.log &
echo $! > /serve.pid
"#;

/// After the block: a token reads the resource over TLS, and without one it stays closed.
const TRY: &str = r#"
trap 'kill "$(cat /serve.pid)"' EXIT
url=https://api.example.com:@PORT@@PATH@
ask() { curl -s --cacert api.example.com.pem --resolve api.example.com:@PORT@:127.0.0.1 -w ' %{http_code}' "$@" "$url"; }
for _ in $(seq 600); do
  answer=$(ask -H "Authorization: Bearer $(cat token)") && break
  kill -0 "$(cat /serve.pid)" || { cat /serve.log; exit 1; }
  sleep 0.1
done
echo "with: $answer"
echo "without: $(ask)"
"#;

/// A line `name = "value"` of the shipped configuration.
fn value_of(config: &str, name: &str) -> String {
    let line = config.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")));
    line.and_then(|rest| rest.split('"').next()).expect(name).to_owned()
}

/// `public.pem`, and a token for the resource of the shipped configuration.
fn machine_2(dir: &Path, checkout: &Path, config: &str) {
    let cli = Cli::new("auth-server", dir)
        .with("AUTH_SERVER_DATA_DIR", dir.join("auth").display().to_string())
        .with("AUTH_SERVER_ISSUER", value_of(config, "issuer"));
    cli.ok(&["key", "generate"]);
    let audience = value_of(config, "audience");
    cli.ok(&["resource", "add", "api_v0.0.1", "--scope", "read", "--audience", &audience]);
    let mut client = machine_client("reader", &["api_v0.0.1"]);
    client.extend(["--id", "reader"]);
    cli.ok(&client);
    let token = cli.ok(&["token", "issue", "--client", "reader", "--resource", "api_v0.0.1"]);
    fs::write(checkout.join("token"), token.trim()).expect("a file");
    fs::write(checkout.join("public.pem"), cli.ok(&["key", "export", "--format", "pem"])).expect("a file");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a directory")).expect("a directory");
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn in_private_root(dir: &Path) -> Output {
    let mut command = as_root("unshare");
    command.args(["--mount", "bash", "-c", PRIVATE_ROOT, "private-root"]).arg(dir);
    command.stdin(Stdio::null()).output().expect("unshare")
}

#[test]
fn u13_the_readme_block_of_machine_3_works_as_it_stands() {
    let dir = TempDir::new().expect("a private directory");
    let checkout = dir.path().join("checkout");
    copy(&binary("resource-server"), &checkout.join("target/release/resource-server"));
    let unit = "packaging/systemd/resource-server.service";
    copy(&workspace().join(unit), &checkout.join(unit));
    // The reader's edit: ports that are free here.
    let shipped = "packaging/etc/resource-server.toml";
    let config = fs::read_to_string(workspace().join(shipped)).expect(shipped);
    let (port, admin) = (ports::free(), ports::free());
    let edited = config.replace("0.0.0.0:443", &format!("127.0.0.1:{port}"));
    let edited = edited.replace("127.0.0.1:9081", &format!("127.0.0.1:{admin}"));
    copy(&workspace().join(shipped), &checkout.join(shipped));
    fs::write(checkout.join(shipped), edited).expect("a file");
    machine_2(dir.path(), &checkout, &config);
    let made = rcgen::generate_simple_self_signed(["api.example.com".to_owned()]).expect("a certificate");
    fs::write(checkout.join("api.example.com.pem"), made.cert.pem()).expect("a file");
    fs::write(checkout.join("api.example.com.key"), made.signing_key.serialize_pem()).expect("a file");

    let blocks = blocks(&readme(), "sh");
    let block =
        blocks.iter().find(|block| block.contains("enable --now resource-server")).expect("the block");
    let path = config.split("[[route]]").nth(1).map(|route| value_of(route, "path")).expect("a route");
    let after = TRY.replace("@PORT@", &port.to_string()).replace("@PATH@", &path);
    let script = format!("set -euo pipefail\ncd /checkout\n{block}\n{after}");
    fs::write(checkout.join("block.sh"), script).expect("a file");
    fs::write(dir.path().join("systemctl"), SYSTEMCTL).expect("a file");
    // Root of the namespace is another user than the tests' where those use sudo.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("a mode");

    let output = in_private_root(dir.path());
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n--- stderr\n{errors}");
    let read = "with: {\"about\": \"This is a protected resource\"}\n 200\n";
    assert!(said.contains(read), "{said}\n--- stderr\n{errors}");
    assert!(said.trim_end().ends_with("401"), "without a token it stays closed: {said}");
}
