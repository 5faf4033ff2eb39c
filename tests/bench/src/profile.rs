//! Where the instructions go: a server and its limit under `valgrind --tool=callgrind`, a table by function.
//!
//! Counts of instructions are steady where times are not. They leave out what the kernel does for a request.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::arguments::{Arguments, Profile, Subject};
use crate::database::Engine;
use crate::issuer::Issuer;
use crate::load::{Load, Requests};
use crate::process::{Server, Start};
use crate::sections::{LimitServer, load, sample};
use crate::verifier::Verifier;

/// Requests before the counters are set to zero.
const WARM_UP: usize = 200;

/// Counts the subject and its limit.
pub(crate) async fn run(arguments: &Arguments, profile: &Profile) -> anyhow::Result<()> {
    match profile.subject {
        Subject::Token => token(arguments, profile).await,
        Subject::ResourceCached | Subject::ResourceNew => resource(arguments, profile).await,
    }
}

async fn token(arguments: &Arguments, profile: &Profile) -> anyhow::Result<()> {
    let issuer = Issuer::create(&arguments.bin_dir, Engine::Postgres, 1).await?;
    let (plain, _) = issuer.start(None)?;
    let requests = issuer.requests(&profile.algorithm);
    let sample = sample(&load(&plain, requests.clone()), &plain).await?;
    drop(plain);
    let work = vec!["--sign".into(), profile.algorithm.clone().into()];
    let limit = LimitServer { dir: issuer.dir(), sample, work }.prepare()?;
    let again = move || Ok(Arc::clone(&requests));
    count(profile, "limit", &limit, again.clone()).await?;
    count(profile, "auth-server", &issuer.prepare(None), again).await
}

async fn resource(arguments: &Arguments, profile: &Profile) -> anyhow::Result<()> {
    let mut verifier = Verifier::create(&arguments.bin_dir)?;
    let (plain, _) = verifier.start()?;
    let one = Arc::new(Requests::Same(verifier.request()?));
    let sample = sample(&load(&plain, one.clone()), &plain).await?;
    drop(plain);
    let new = profile.subject == Subject::ResourceNew;
    let work = if new { vec!["--verify".into(), verifier.public_key().into()] } else { Vec::new() };
    let limit = LimitServer { dir: verifier.dir(), sample, work }.prepare()?;
    let server = verifier.prepare();
    let mut requests = || -> anyhow::Result<Arc<Requests>> {
        if new {
            Ok(Arc::new(Requests::each_once(verifier.requests(profile.requests)?)))
        } else {
            Ok(one.clone())
        }
    };
    count(profile, "limit", &limit, &mut requests).await?;
    count(profile, "resource-server", &server, &mut requests).await
}

/// Runs one server under callgrind and prints its table.
async fn count(
    profile: &Profile,
    name: &str,
    start: &Start,
    mut requests: impl FnMut() -> anyhow::Result<Arc<Requests>>,
) -> anyhow::Result<()> {
    let out = start.log.with_extension("callgrind");
    let (server, _) = under_callgrind(start, &out).spawn()?;
    send(&server, requests()?, WARM_UP).await?;
    run_tool("callgrind_control", &["--zero".into(), server.id().to_string().into()])?;
    send(&server, requests()?, profile.requests).await?;
    server.end()?;
    let table = run_tool(
        "callgrind_annotate",
        &["--threshold=100".into(), "--auto=no".into(), "--show-percs=no".into(), out.into_os_string()],
    )?;
    print_table(name, &table, profile);
    Ok(())
}

fn under_callgrind(start: &Start, out: &Path) -> Start {
    let mut arguments: Vec<OsString> = vec!["--tool=callgrind".into(), "--quiet".into()];
    let mut file = OsString::from("--callgrind-out-file=");
    file.push(out);
    arguments.push(file);
    arguments.push(start.program.clone().into_os_string());
    arguments.extend(start.arguments.iter().cloned());
    Start { program: PathBuf::from("valgrind"), arguments, ..start.clone() }
}

/// Sends so many requests over one connection.
async fn send(server: &Server, requests: Arc<Requests>, count: usize) -> anyhow::Result<()> {
    let load = Load { connections: 1, ..load(server, requests) };
    load.some(count).await
}

fn run_tool(program: &str, arguments: &[OsString]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{program} is missing: apt-get install valgrind"))?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The functions with the most instructions of their own, for each request.
fn print_table(name: &str, annotated: &str, profile: &Profile) {
    let requests = f64::from(u32::try_from(profile.requests).unwrap_or(u32::MAX));
    let mut total = 0.0;
    let mut rows = Vec::new();
    for line in annotated.lines() {
        let Some((count, function)) = line.trim_start().split_once(' ') else { continue };
        let Ok(count) = count.replace(',', "").parse::<u32>() else { continue };
        let each = f64::from(count) / requests;
        if function.contains("PROGRAM TOTALS") {
            total = each;
        } else if each < total * 0.9
            && let Some((_, function)) = function.split_once(':')
        {
            // Frames that were open when the counters were set to zero have everything below them on their account.
            rows.push((each, function.split(" [").next().unwrap_or(function).trim().to_owned()));
        }
    }
    println!("{name}: {total:.0} instructions a request");
    println!("| instructions | share | function |\n|---:|---:|---|");
    for (each, function) in rows.iter().take(profile.rows) {
        println!("| {each:.0} | {:.1} % | `{function}` |", each * 100.0 / total);
    }
    println!();
}
