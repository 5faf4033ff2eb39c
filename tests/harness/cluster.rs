//! A PostgreSQL cluster of a test's own, which may be killed: with TLS, with a standby that streams from it.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use tempfile::TempDir;

use super::{ports, wait::until_blocking};

/// A running server. Dropping it ends it.
pub(crate) struct Cluster {
    home: TempDir,
    bin: PathBuf,
    port: u16,
}

impl Cluster {
    /// A new primary; `settings` are lines of its `postgresql.conf`, `files` are put into its data directory.
    pub(crate) fn new(settings: &str, files: &[(&str, &str)]) -> Self {
        let cluster = Self::unstarted();
        let data = cluster.data();
        cluster.run(
            "initdb",
            &["-D", &data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
        );
        let home = cluster.home.path().display();
        // Killed processes are what these tests are about; a power failure is not, so the disk is not waited for.
        let common = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{home}'\nfsync = off\n\
             max_connections = 60\nshared_buffers = 32MB\nwal_level = replica\n{settings}\n"
        );
        cluster.write("postgresql.conf", &common);
        cluster.write(
            "pg_hba.conf",
            "local all all trust\nhost replication postgres 127.0.0.1/32 trust\n\
             host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
        );
        for (name, text) in files {
            cluster.write(name, text);
        }
        cluster.start();
        cluster
    }

    /// A copy of this one that follows it and answers reads.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::unstarted();
        let from = format!("host=127.0.0.1 port={} user=postgres", self.port);
        standby.run(
            "pg_basebackup",
            &["-D", &standby.data(), "-d", &from, "-R", "-X", "stream", "-c", "fast", "--no-sync"],
        );
        standby.start();
        standby
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The superuser's URL.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address())
    }

    /// SIGKILL for the postmaster and every process that it has: nothing is said to anybody.
    pub(crate) fn kill(&self) {
        let pid = self.postmaster();
        let mut all = children(pid);
        all.push(pid);
        // Stopped first, so that the postmaster cannot react to the death of a child.
        for signal in ["-STOP", "-KILL"] {
            for pid in all.iter().rev() {
                let _ = Command::new("kill").args([signal, &pid.to_string()]).output();
            }
        }
        until_blocking("the port is closed", Duration::from_secs(10), || {
            TcpStream::connect(self.address()).is_err().then_some(())
        });
    }

    /// Makes a standby the primary, and returns when it takes writes.
    pub(crate) fn promote(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-t", "30", "promote"]);
    }

    fn unstarted() -> Self {
        let home = TempDir::new().expect("a directory");
        let cluster = Self { home, bin: bin_dir(), port: ports::free() };
        if is_root() {
            let status = Command::new("chown").arg("postgres").arg(cluster.home.path()).status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "there is no user postgres: apt-get install postgresql"
            );
        }
        cluster
    }

    fn start(&self) {
        let (data, port) = (self.data(), format!("-p {}", self.port));
        let log = self.home.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &data, "-o", &port, "-l", &log, "-w", "-t", "60", "start"]);
    }

    fn data(&self) -> String {
        self.home.path().join("data").display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        let path = Path::new(&self.data()).join(name);
        fs::write(&path, text).expect("a file of the cluster");
        self.as_owner("chmod", &["600", &path.display().to_string()], true);
    }

    fn postmaster(&self) -> u32 {
        let file = Path::new(&self.data()).join("postmaster.pid");
        let text = fs::read_to_string(file).expect("postmaster.pid");
        text.lines().next().and_then(|pid| pid.trim().parse().ok()).expect("a process id")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.bin.join(program).display().to_string();
        self.as_owner(&program, arguments, false);
    }

    /// Runs a program as the one who may own a cluster: never root. `take` gives the file at the end to that one first.
    fn as_owner(&self, program: &str, arguments: &[&str], take: bool) {
        if is_root() && take {
            let file = arguments.last().expect("a file");
            let output = Command::new("chown").args(["postgres", file]).output().expect("chown");
            assert!(output.status.success(), "{output:?}");
        }
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", program]);
            command
        } else {
            Command::new(program)
        };
        // A daemon that held our pipes would keep us waiting for their end: output goes to a file.
        let said = self.home.path().join("said");
        let file = fs::File::create(&said).expect("a file");
        let both = file.try_clone().expect("a file");
        let status = command.args(arguments).current_dir(self.home.path()).stdout(file).stderr(both).status();
        let status = status.unwrap_or_else(|error| panic!("{program}: {error}"));
        let text = || {
            let log = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            format!("{}\n{log}", fs::read_to_string(&said).unwrap_or_default())
        };
        assert!(status.success(), "{program} {arguments:?}: {}", text());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            let pid = self.postmaster();
            // The id of a killed server may be another process's by now: only its own directory proves that it is it.
            if fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir == Path::new(&self.data())) {
                self.kill();
            }
        }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// Where the newest server on this machine is: Debian's folders, else where `pg_config` points.
fn bin_dir() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").exists())
        .max();
    if let Some((_, bin)) = newest {
        return bin;
    }
    let asked: Output =
        Command::new("pg_config").arg("--bindir").output().expect("apt-get install postgresql");
    PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim())
}

/// The processes whose parent is `pid`.
fn children(pid: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("/proc").flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|child| {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            // `pid (name) state ppid`, and a name may hold anything but a line's end.
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
            parent == Some(pid)
        })
        .collect()
}
