//! Growth: the registry gets large, and strangers ask with ids that nobody knows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{CONNECTIONS, LimitServer, load, turns};
use crate::arguments::Arguments;
use crate::database::{Engine, Observer};
use crate::issuer::Issuer;
use crate::load::{Load, Requests, post_token};
use crate::measure;
use crate::process::Server;
use crate::report::{Report, Row};

/// Clients that ask for tokens: all of them are warm after a moment.
const ASKING: usize = 50;
/// How much more a token may cost with many clients.
const FLAT: f64 = 1.2;
/// PostgreSQL's idle backends tell what they did after ten seconds.
const STATISTICS: Duration = Duration::from_secs(15);
/// Growth of the server's memory that unknown ids may cause, in MiB.
const UNKNOWN_MB: f64 = 64.0;

/// On PostgreSQL.
pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let issuer = Issuer::create(&arguments.bin_dir, Engine::Postgres, ASKING).await?;
    let mut observer = issuer.database.observe().await?;
    let sizes: &[usize] = if arguments.quick { &[1_000, 100_000] } else { &[1_000, 100_000, 5_000_000] };
    let mut first = None;
    let mut there = 0;
    for size in sizes {
        add_clients(&mut observer, there, *size).await?;
        there = *size;
        let (server, _) = issuer.start(None)?;
        warm(arguments, (&issuer, &server, *size), &mut first, report).await?;
        cold(&mut observer, (&server, *size), report).await?;
    }
    unknown(arguments, &issuer, report).await
}

/// Tokens for clients that the cache holds. The larger the database, the longer ago the first measurement was, so what
/// a token costs is taken as a share of what the limit costs in the same minute.
async fn warm(
    arguments: &Arguments,
    (issuer, server, size): (&Issuer, &Server, usize),
    first: &mut Option<f64>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let server_load = load(server, issuer.requests("ES256"));
    let limit = LimitServer::signing(issuer, "ES256", (server, &server_load), []).await?;
    let limit_load = load(&limit, issuer.requests("ES256"));
    let turns = turns(arguments, (&limit, &limit_load), (server, &server_load)).await?;
    let share = measure::cpu_ratio(&turns);
    let cost = *first.get_or_insert(share) / share;
    report.add(
        Row::server(&format!("growth_warm_{size}_clients"), &turns, server.rss_mb()?)
            .with_note(format!("{cost:.2} x the CPU time a token with 1,000 clients"))
            .requires(&format!("<= {FLAT} x"), cost <= FLAT),
    );
    Ok(())
}

/// Clients that nobody has asked for yet, each once: what one costs the database.
async fn cold(
    observer: &mut Observer,
    (server, size): (&Server, usize),
    report: &mut Report,
) -> anyhow::Result<()> {
    let count = size.min(20_000);
    let before = observer.scans().await?;
    let ids = (0..count).map(|number| format!("grown-{}", number * (size / count)));
    let cold_load = refused(server, ids.collect());
    let measured = measure::cold(server, &cold_load, 60.0).await?;
    // A client and its secrets. Backends that have nothing to do tell their counts late.
    let expected = before.0 + 2 * i64::try_from(count)?;
    let told_by = Instant::now() + STATISTICS;
    let mut after = observer.scans().await?;
    while after.0 < expected && Instant::now() < told_by {
        after = observer.scans().await?;
    }
    let (by_index, whole) = (after.0 - before.0, after.1 - before.1);
    report.add(
        Row::of(&format!("growth_cold_{size}_clients"), measured, server.rss_mb()?)
            .with_note(format!("{by_index} index scans, {whole} scans of whole tables for {count} clients"))
            .requires("no scan of the whole table", whole == 0),
    );
    Ok(())
}

/// Ids that no client has.
async fn unknown(arguments: &Arguments, issuer: &Issuer, report: &mut Report) -> anyhow::Result<()> {
    let count = if arguments.quick { 100_000 } else { 1_000_000 };
    let (server, _) = issuer.start(None)?;
    let known = load(&server, issuer.requests("ES256"));
    measure::once(&server, &known, 1.0).await?;
    let before = server.rss_mb()?;
    let mut last = None;
    // In parts, so that the load does not hold a million requests.
    for part in 0..10 {
        let size = count / 10;
        let ids = (part * size..(part + 1) * size).map(|number| format!("nobody-{number:08}"));
        last = Some(measure::cold(&server, &refused(&server, ids.collect()), 600.0).await?);
    }
    let after = server.rss_mb()?;
    if let Some(measured) = last {
        report.add(
            Row::of(&format!("growth_unknown_{count}_ids"), measured, after)
                .with_note(format!("memory {before:.1} MB before, {after:.1} MB after"))
                .requires(&format!("grows <= {UNKNOWN_MB:.0} MB"), after - before <= UNKNOWN_MB),
        );
    }
    Ok(())
}

/// Each id once, with a secret that is not its own.
fn refused(server: &Server, ids: Vec<String>) -> Load {
    let form = "grant_type=client_credentials&resource=api_ES256";
    let requests = ids
        .into_iter()
        .map(|id| post_token(&STANDARD.encode(format!("{id}:not-the-secret-of-this-client-00000")), form))
        .collect();
    Load {
        address: server.address,
        requests: Arc::new(Requests::each_once(requests)),
        connections: CONNECTIONS,
        tls: None,
        keep_alive: true,
        status: 401,
    }
}

/// Fills the registry up with copies of a real client, whose secrets nobody knows.
async fn add_clients(observer: &mut Observer, from: usize, to: usize) -> anyhow::Result<()> {
    for table in ["clients", "client_secrets"] {
        observer.copy_rows((table, "client_id"), (from, to)).await?;
    }
    // Otherwise the server does that on its own some time later, beside what is measured.
    observer.execute("VACUUM (ANALYZE)".to_owned()).await?;
    observer.execute("CHECKPOINT".to_owned()).await
}
