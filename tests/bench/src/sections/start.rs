//! From the start of the process to its first token, and what the servers hold while nothing happens.

use std::time::Duration;

use super::load;
use crate::arguments::Arguments;
use crate::database::Engine;
use crate::issuer::Issuer;
use crate::measure::median;
use crate::report::{Report, Row};
use crate::verifier::Verifier;

/// Resident memory of an idle server, in MiB.
const IDLE_MB: f64 = 25.0;
/// From start to first token, in milliseconds.
const FIRST_TOKEN_MS: f64 = 100.0;
/// How long a server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// Both servers.
pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    for engine in [Engine::Postgres, Engine::Sqlite] {
        let issuer = Issuer::create(&arguments.bin_dir, engine, 1).await?;
        let mut first = Vec::new();
        let mut idle = 0.0_f64;
        for _ in 0..arguments.rounds() * 3 {
            let (server, began) = issuer.start(None)?;
            let answer = load(&server, issuer.requests("ES256")).once().await?;
            first.push(began.elapsed().as_secs_f64() * 1000.0);
            anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", server.log());
        }
        for _ in 0..2 {
            let (server, _) = issuer.start(None)?;
            tokio::time::sleep(IDLE).await;
            idle = idle.max(server.rss_mb()?);
        }
        let worst = first.iter().copied().fold(0.0, f64::max);
        let middle = median(first);
        let name = engine.name();
        report.add(
            Row { p50_ms: Some(middle), p99_ms: Some(worst), ..Row::default() }
                .named(&format!("first_token_{name}"))
                .with_note("start to first token; p99_ms is the slowest start".to_owned())
                .requires(&format!("p50 <= {FIRST_TOKEN_MS:.0} ms"), middle <= FIRST_TOKEN_MS),
        );
        report.add(idle_row(&format!("idle_auth_server_{name}"), idle));
    }
    let verifier = Verifier::create(&arguments.bin_dir)?;
    let (server, _) = verifier.start()?;
    tokio::time::sleep(IDLE).await;
    report.add(idle_row("idle_resource_server", server.rss_mb()?));
    Ok(())
}

fn idle_row(name: &str, rss_mb: f64) -> Row {
    Row { rss_mb: Some(rss_mb), ..Row::default() }
        .named(name)
        .requires(&format!("rss <= {IDLE_MB:.0} MB"), rss_mb <= IDLE_MB)
}
