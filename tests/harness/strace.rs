//! `strace` over our programs: what they ask of the kernel and in which order, and system calls that fail on command.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use super::{Server, cli::Cli};

/// A program that only root may use: by `sudo` where the tests are somebody else.
pub(crate) fn as_root(program: &str) -> Command {
    if own_uid() == 0 {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

/// The user that the tests run as.
pub(crate) fn own_uid() -> u32 {
    fs::metadata("/proc/self").expect("/proc").uid()
}

/// Runs a command line to its end under `strace`, asks for success, and gives the trace.
pub(crate) fn trace(cli: &Cli, calls: &str, arguments: &[&str], to: &Path) -> String {
    let plain = cli.command(arguments);
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-e", &format!("trace={calls}"), "-o"]).arg(to);
    command.arg(plain.get_program()).args(plain.get_args()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(plain.get_current_dir().expect("a directory"));
    let output = command.output().expect("strace");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    fs::read_to_string(to).expect("the trace")
}

/// `strace` on a running server. Dropping it lets the server go on alone.
pub(crate) struct Strace {
    child: Child,
    to: PathBuf,
}

impl Strace {
    /// Attaches to every thread of the server with these options; the trace goes to the file `to`.
    pub(crate) fn attach(server: &Server, options: &[&str], to: &Path) -> Self {
        let mut command = as_root("strace");
        command.args(["-f", "-y", "-s", "64"]).args(options).arg("-o").arg(to);
        command.args(["-p", &server.pid().to_string()]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("strace");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines().map_while(Result::ok);
        let mut said = String::new();
        let attached = lines.by_ref().any(|line| {
            said.push_str(&line);
            line.contains("attached")
        });
        // It speaks of each thread that comes later, too: nobody may leave it with a full pipe.
        thread::spawn(move || lines.for_each(drop));
        assert!(attached, "strace does not attach: {said}");
        Self { child, to: to.to_owned() }
    }

    /// Lets the server go on alone, and gives what was traced.
    pub(crate) fn detach(mut self) -> String {
        self.end();
        fs::read_to_string(&self.to).expect("the trace")
    }

    fn end(&mut self) {
        // SIGKILL would leave a thread stopped; sudo passes SIGTERM on.
        let _ = as_root("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.end();
        }
    }
}
