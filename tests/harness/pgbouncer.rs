//! A PgBouncer in front of a test's own database, with nothing in its configuration but what it cannot do without.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{database::Database, ports, wait::until_blocking};

/// A running pooler. Dropping it ends it.
pub(crate) struct PgBouncer {
    _home: TempDir,
    child: Child,
    port: u16,
}

impl PgBouncer {
    /// In front of `database`, with this `pool_mode`.
    pub(crate) fn start(database: &Database, mode: &str) -> Self {
        let home = TempDir::new().expect("a directory");
        let port = ports::free();
        let (to, to_port) = host_and_port(&database.url);
        let (name, dir) = (database.name(), home.path().display());
        let ini = format!(
            "[databases]\n{name} = host={to} port={to_port} dbname={name}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = plain\nauth_file = {dir}/users.txt\npool_mode = {mode}\n\
             unix_socket_dir =\n"
        );
        fs::write(home.path().join("pgbouncer.ini"), ini).expect("its configuration");
        let users = format!("\"{name}_admin\" \"admin-of-{name}\"\n\"{name}_server\" \"server-of-{name}\"\n");
        fs::write(home.path().join("users.txt"), users).expect("its users");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let file = home.path().join("pgbouncer.ini");
        // It refuses to run as root.
        let root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
        let mut command = Command::new(if root { "setpriv" } else { "pgbouncer" });
        if root {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "pgbouncer"]);
        }
        let log = fs::File::create(home.path().join("log")).expect("a log");
        let child = command
            .args(["-q", &file.display().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .spawn()
            .expect("pgbouncer: apt-get install pgbouncer");
        until_blocking("pgbouncer listens", Duration::from_secs(10), || {
            TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        Self { _home: home, child, port }
    }

    /// A URL of the database, through the pooler.
    pub(crate) fn through(&self, url: &str) -> String {
        let (host, port) = host_and_port(url);
        url.replace(&format!("@{host}:{port}/"), &format!("@127.0.0.1:{}/", self.port))
    }
}

fn host_and_port(url: &str) -> (&str, &str) {
    let (_, rest) = url.rsplit_once('@').expect("a user");
    let (address, _) = rest.split_once('/').expect("a database");
    address.rsplit_once(':').expect("a port")
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
