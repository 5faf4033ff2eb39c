//! A server process on a core of its own: its address, its CPU time, its memory, its end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::machine;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

/// How to start a server: program, arguments, environment and the file for its log.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Its whole environment.
    pub(crate) environment: Vec<(String, OsString)>,
    /// Where its stderr goes: a file, as under a service manager that keeps one.
    pub(crate) log: PathBuf,
}

impl Start {
    /// Starts it on the server's core; the moment of the start counts from before the fork.
    pub(crate) fn spawn(&self) -> anyhow::Result<(Server, Instant)> {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(machine::server_core()?.to_string()).arg(&self.program);
        command.args(&self.arguments).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&self.log)?);
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let address = match wait_for_address(&mut child, &self.log) {
            Ok(address) => address,
            Err(error) => {
                // It may be gone already; either way nothing of it is left.
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        Ok((Server { child, address, log: self.log.clone() }, began))
    }
}

fn wait_for_address(child: &mut Child, log: &Path) -> anyhow::Result<SocketAddr> {
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline {
        let text = fs::read_to_string(log)?;
        if let Some(address) = address(&text) {
            return Ok(address);
        }
        if let Some(status) = child.try_wait()? {
            bail!("the server ended with {status}:\n{text}");
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    bail!("the server did not say where it listens:\n{}", fs::read_to_string(log)?)
}

/// The address in the first line `listening on URL`, which must be whole.
fn address(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("listening on ")?;
    let (line, _) = rest.split_once('\n')?;
    let (_, place) = line.split_whitespace().next()?.split_once("://")?;
    place.trim_end_matches('/').parse().ok()
}

impl Server {
    /// CPU time of all its threads so far, user and system.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        // Linux counts in hundredths of a second on every architecture (USER_HZ).
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat")?;
        let ticks =
            fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Resident memory in MiB.
    pub(crate) fn rss_mb(&self) -> anyhow::Result<f64> {
        self.memory_mb("VmRSS:")
    }

    /// The most resident memory that it ever had, in MiB.
    pub(crate) fn peak_mb(&self) -> anyhow::Result<f64> {
        self.memory_mb("VmHWM:")
    }

    fn memory_mb(&self, name: &'static str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context(name)?;
        let kilobytes: u32 = line.split_whitespace().next().context(name)?.parse()?;
        Ok(f64::from(kilobytes) / 1024.0)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }

    /// The last lines of its log that are warnings or errors, for people.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let grave: Vec<&str> = log.lines().filter(|line| !line.contains(" INFO ")).collect();
        grave.get(grave.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
