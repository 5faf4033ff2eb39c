//! (b) `POST /token` with `client_credentials` beside (a) one signature for the same bytes.

use super::{LimitServer, load, turn};
use crate::arguments::Arguments;
use crate::database::{Activity, Engine};
use crate::issuer::{ALGORITHMS, Issuer};
use crate::measure::Turn;
use crate::report::{Report, Row};

/// What stands with PostgreSQL behind it.
const REQUIRED: f64 = 0.70;
/// Writes in the background that are not a token's: replicas' reports, sweeping.
const BACKGROUND_WRITES: i64 = 200;

/// Every algorithm on both databases.
pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    for engine in [Engine::Postgres, Engine::Sqlite] {
        let issuer = Issuer::create(&arguments.bin_dir, engine, 1).await?;
        for algorithm in ALGORITHMS {
            one(arguments, &issuer, algorithm, report).await?;
        }
    }
    Ok(())
}

async fn one(
    arguments: &Arguments,
    issuer: &Issuer,
    algorithm: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let engine = issuer.database.engine;
    let mut observer = issuer.database.observe().await?;
    let before = observer.activity().await?;
    let (mut turns, mut rss_mb) = (Vec::new(), (0.0_f64, 0.0_f64));
    for _ in 0..arguments.rounds() {
        let (turn, rss) = round(arguments, issuer, algorithm).await?;
        turns.push(turn);
        rss_mb = (rss_mb.0.max(rss.0), rss_mb.1.max(rss.1));
    }
    let after = observer.activity().await?;

    let suffix = format!("{}_{}", algorithm.to_lowercase(), engine.name());
    report.add(Row::limit(&format!("limit_sign_{suffix}"), &turns, rss_mb.0));
    let row = Row::server(&format!("token_{suffix}"), &turns, rss_mb.1);
    let tokens: f64 = turns.iter().map(|turn| turn.server.per_second).sum::<f64>() * arguments.seconds();
    let row = row.with_note(writes(engine, before, after, tokens));
    let few = after.writes - before.writes <= BACKGROUND_WRITES;
    report.add(match engine {
        Engine::Postgres => {
            let met = row.ratio.is_some_and(|ratio| ratio >= REQUIRED) && few;
            row.requires(&format!("ratio >= {REQUIRED:.2}, no row per token"), met)
        }
        Engine::Sqlite => row.requires("no row per token", few),
    });
    Ok(())
}

/// One turn, and the memory of limit and server after it. Each round has processes of its own: two starts of the same
/// program differ by up to a tenth for as long as they run, by where in memory they came to lie.
async fn round(
    arguments: &Arguments,
    issuer: &Issuer,
    algorithm: &str,
) -> anyhow::Result<(Turn, (f64, f64))> {
    let (server, _) = issuer.start(None)?;
    let requests = issuer.requests(algorithm);
    let server_load = load(&server, requests.clone());
    let limit = LimitServer::signing(issuer, algorithm, (&server, &server_load), []).await?;
    let turn = turn(arguments, (&limit, &load(&limit, requests)), (&server, &server_load)).await?;
    Ok((turn, (limit.rss_mb()?, server.rss_mb()?)))
}

fn writes(engine: Engine, before: Activity, after: Activity, tokens: f64) -> String {
    let written = after.writes - before.writes;
    match engine {
        Engine::Postgres => {
            let asked = after.transactions - before.transactions;
            format!("{written} rows written, {asked} transactions in {tokens:.0} tokens")
        }
        Engine::Sqlite => format!("change counter +{written} in {tokens:.0} tokens"),
    }
}
