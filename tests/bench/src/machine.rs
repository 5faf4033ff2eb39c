//! The machine: which cores we may use, and what it is called in the report.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// The core that measured servers are pinned to: the first that we may use. `./bench` keeps everything else off it.
pub(crate) fn server_core() -> anyhow::Result<usize> {
    std::env::var_os("TREFOIL_BENCH_SERVER_CORE")
        .and_then(|core| core.to_str()?.parse().ok())
        .context("TREFOIL_BENCH_SERVER_CORE is not set: run ./bench")
}

/// The superuser URL of the private PostgreSQL cluster.
pub(crate) fn postgres_url() -> anyhow::Result<String> {
    std::env::var_os("TREFOIL_TEST_POSTGRES")
        .and_then(|url| url.into_string().ok())
        .context("TREFOIL_TEST_POSTGRES is not set: run ./bench")
}

/// Mode 0700 for a directory, 0600 for a file.
pub(crate) fn only_for_us(path: &Path) -> anyhow::Result<()> {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

/// One line about the machine.
pub(crate) fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = Command::new("uname").arg("-sr").output().map(|out| out.stdout).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{} x {}, {}, load average {}",
        cores,
        model.map_or("unknown CPU", |(_, name)| name),
        String::from_utf8_lossy(&kernel).trim(),
        load.split(' ').next().unwrap_or("unknown"),
    )
}
