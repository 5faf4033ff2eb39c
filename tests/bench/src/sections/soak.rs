//! Millions of live revocations: how soon a restarted replica serves, how soon a verifier is current, and in how much memory.

use std::time::{Duration, Instant};

use super::load;
use super::revocation::lab::{Lab, Reader, wait};
use crate::arguments::Arguments;
use crate::database::Engine;
use crate::issuer::Issuer;
use crate::load::{Load, Requests};
use crate::process::Server;
use crate::report::{Report, Row};

/// Live revocations, of so many clients, and how many of them have one number, as the product gives them.
const REVOCATIONS: usize = 5_000_000;
const CLIENTS: usize = 100;
const BATCH: usize = 10_000;
/// What is asked for, in seconds and MiB.
const READY_WITHIN: f64 = 10.0;
const CURRENT_WITHIN: f64 = 15.0;
const MEMORY: f64 = 400.0;
/// When to give up.
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let count = if arguments.quick { REVOCATIONS / 10 } else { REVOCATIONS };
    let issuer = Issuer::create(&arguments.bin_dir, Engine::Postgres, 1).await?;
    // The first start names the numbering.
    let (server, _) = issuer.start(None)?;
    ready(&server).await?;
    drop(server);
    fill(&issuer, count).await?;
    let (server, began) = issuer.start(None)?;
    ready(&server).await?;
    let took = began.elapsed().as_secs_f64();
    report.add(
        Row { rss_mb: Some(server.rss_mb()?), ..Row::default() }
            .named("soak_replica_ready")
            .with_note(format!("{count} revocations, ready {took:.1} s after the start"))
            .requires(&format!("<= {READY_WITHIN:.0} s"), took <= READY_WITHIN),
    );
    let lab = Lab { issuer, server, bin_dir: arguments.bin_dir.clone() };
    let began = Instant::now();
    let reader = lab.resource_server("soak", None)?;
    current(&reader, "revocations are read").await?;
    verifier(report, "soak_verifier_current", (&reader, count, began.elapsed()))?;
    drop(reader);
    let began = Instant::now();
    let again = lab.resource_server("soak", None)?;
    current(&again, "revocations are read").await?;
    verifier(report, "soak_verifier_restarted", (&again, count, began.elapsed()))
}

/// Rows as the product writes and numbers them, but all at once.
async fn fill(issuer: &Issuer, count: usize) -> anyhow::Result<()> {
    let mut observer = issuer.database.observe().await?;
    let now = "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)";
    // 12 bytes in base64url without padding.
    let jti = "translate(encode(substr(sha256(CAST('soak-' || n AS bytea)), 1, 12), 'base64'), '+/', '-_')";
    let insert = format!(
        "INSERT INTO revocations (id, kind, target, at, expires_at, created_at, revision, counted_for) \
         SELECT 'token:' || t.jti, 'token', t.jti, {now} + 7200, {now} + 7260, {now}, \
         s.revision + 1 + t.n / {BATCH}, 'client-' || t.n % {CLIENTS} \
         FROM (SELECT n, {jti} AS jti FROM generate_series(0, {count} - 1) AS n) t, revocation_state s"
    );
    observer.execute(insert).await?;
    let numbers = count.div_ceil(BATCH);
    observer.execute(format!("UPDATE revocation_state SET revision = revision + {numbers}")).await?;
    observer.execute("ANALYZE revocations".to_owned()).await
}

/// Waits until `/health` says that it can serve.
async fn ready(server: &Server) -> anyhow::Result<()> {
    let request = b"GET /health HTTP/1.1\r\nhost: bench\r\n\r\n".to_vec();
    let health = Load { connections: 1, ..load(server, Requests::Same(request).into()) };
    wait(PATIENCE, || async { Ok(health.once().await?.starts_with(b"HTTP/1.1 200").then_some(())) }).await
}

async fn current(reader: &Reader, line: &str) -> anyhow::Result<()> {
    wait(PATIENCE, || async { Ok(reader.server.log().contains(line).then_some(())) }).await
}

fn verifier(
    report: &mut Report,
    name: &str,
    (reader, count, took): (&Reader, usize, Duration),
) -> anyhow::Result<()> {
    let (seconds, peak) = (took.as_secs_f64(), reader.server.peak_mb()?);
    report.add(
        Row { rss_mb: Some(reader.server.rss_mb()?), ..Row::default() }
            .named(name)
            .with_note(format!(
                "{count} revocations, current {seconds:.1} s after the start, {peak:.0} MiB at most"
            ))
            .requires(
                &format!("<= {CURRENT_WITHIN:.0} s, <= {MEMORY:.0} MiB"),
                seconds <= CURRENT_WITHIN && peak <= MEMORY,
            ),
    );
    Ok(())
}
