//! What is measured, section by section.

mod growth;
mod people;
mod resource;
mod revocation;
mod soak;
mod start;
mod tls;
mod tokens;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum as _;
use tokio_rustls::TlsConnector;

use crate::arguments::{Arguments, Section};
use crate::certificate::Certificate;
use crate::issuer::Issuer;
use crate::load::{Load, Requests};
use crate::machine;
use crate::measure::{self, Turn};
use crate::process::{Server, Start};
use crate::report::Report;

/// How many connections are busy at a time.
const CONNECTIONS: usize = 64;

/// Measures what was asked for, prints the table and writes the JSON: anew after each section, so that one that fails
/// does not take the others' rows with it.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    eprintln!("{}", machine::description());
    let mut report = Report::default();
    for section in Section::value_variants().iter().filter(|section| arguments.has(**section)) {
        measure_one(*section, arguments, &mut report).await?;
        report.write(&arguments.json)?;
    }
    println!("{}\n{}", machine::description(), report.table());
    Ok(())
}

async fn measure_one(section: Section, arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("{}", section.title());
    match section {
        Section::Tokens => tokens::measure(arguments, report).await,
        Section::Resource => resource::measure(arguments, report).await,
        Section::Start => start::measure(arguments, report).await,
        Section::Tls => tls::measure(arguments, report).await,
        Section::Growth => growth::measure(arguments, report).await,
        Section::Revocation => revocation::measure(arguments, report).await,
        Section::Soak => soak::measure(arguments, report).await,
        Section::People => people::measure(arguments, report).await,
    }
}

/// What stands beside a server: its answer as a sample, and the work that each request costs.
pub(crate) struct LimitServer<'a> {
    /// Where the sample and the log are kept.
    pub(crate) dir: &'a Path,
    /// The answer to imitate.
    pub(crate) sample: Vec<u8>,
    /// Further arguments: the work.
    pub(crate) work: Vec<OsString>,
}

impl LimitServer<'_> {
    /// Starts a limit that answers as the server does to this load, and signs as much for each answer. `further` are
    /// arguments beside that.
    async fn signing(
        issuer: &Issuer,
        algorithm: &str,
        (server, load): (&Server, &Load),
        further: impl IntoIterator<Item = OsString>,
    ) -> anyhow::Result<Server> {
        let mut work = vec!["--sign".into(), algorithm.into()];
        work.extend(further);
        LimitServer { dir: issuer.dir(), sample: sample(load, server).await?, work }.start()
    }

    /// Starts this very program as the limit.
    fn start(&self) -> anyhow::Result<Server> {
        Ok(self.prepare()?.spawn()?.0)
    }

    /// How to start it.
    pub(crate) fn prepare(&self) -> anyhow::Result<Start> {
        let sample = self.dir.join("sample.http");
        fs::write(&sample, &self.sample)?;
        let mut arguments: Vec<OsString> = vec!["limit".into(), "--sample".into(), sample.into()];
        arguments.extend(self.work.iter().cloned());
        let log = self.dir.join("limit.log");
        let program = std::env::current_exe()?;
        Ok(Start { program, arguments, environment: path_alone(), log })
    }
}

fn path_alone() -> Vec<(String, OsString)> {
    vec![("PATH".to_owned(), std::env::var_os("PATH").unwrap_or_default())]
}

/// The arguments that make a limit serve TLS.
fn tls_arguments(certificate: &Certificate) -> [OsString; 4] {
    let paths: [PathBuf; 2] = [certificate.cert.clone(), certificate.key.clone()];
    let [cert, key] = paths.map(PathBuf::into_os_string);
    ["--tls-cert".into(), cert, "--tls-key".into(), key]
}

/// Kept connections without TLS, answers 200.
pub(crate) fn load(server: &Server, requests: Arc<Requests>) -> Load {
    Load {
        address: server.address,
        requests,
        connections: CONNECTIONS,
        tls: None,
        keep_alive: true,
        status: 200,
    }
}

/// The same with TLS.
fn tls_load(server: &Server, requests: Arc<Requests>, certificate: &Certificate) -> anyhow::Result<Load> {
    let tls = Some(TlsConnector::from(certificate.client_config()?));
    Ok(Load { tls, ..load(server, requests) })
}

/// One answer of a server, as it came over the wire; it must have the load's status.
pub(crate) async fn sample(load: &Load, server: &Server) -> anyhow::Result<Vec<u8>> {
    let answer = load.once().await?;
    let shape = crate::sample::Shape::of(&answer)?.context("a whole answer")?;
    let text = || format!("{}\n{}", String::from_utf8_lossy(&answer), server.log());
    anyhow::ensure!(shape.status == load.status, "{}", text());
    Ok(answer)
}

/// Limit and server in turns.
async fn turns(
    arguments: &Arguments,
    limit: (&Server, &Load),
    server: (&Server, &Load),
) -> anyhow::Result<Vec<Turn>> {
    let mut turns = Vec::new();
    for _ in 0..arguments.rounds() {
        turns.push(turn(arguments, limit, server).await?);
    }
    Ok(turns)
}

/// One turn of both.
async fn turn(
    arguments: &Arguments,
    limit: (&Server, &Load),
    server: (&Server, &Load),
) -> anyhow::Result<Turn> {
    let seconds = arguments.seconds();
    Ok(Turn {
        limit: measure::once(limit.0, limit.1, seconds).await?,
        server: measure::once(server.0, server.1, seconds).await?,
    })
}
