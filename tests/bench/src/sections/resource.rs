//! (c) A protected GET: the same token again and again, and ever-new tokens.

use std::sync::Arc;

use super::{LimitServer, load, sample, turns};
use crate::arguments::Arguments;
use crate::load::{Load, Requests};
use crate::measure::{self, Turn};
use crate::process::Server;
use crate::report::{Report, Row};
use crate::verifier::Verifier;

/// Beside a plain GET.
const CACHED: f64 = 0.85;
/// Beside one verification.
const NEW: f64 = 0.80;

/// Both against their limits.
pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let mut verifier = Verifier::create(&arguments.bin_dir)?;
    let (server, _) = verifier.start()?;
    cached(arguments, (&mut verifier, &server), report).await?;
    new_tokens(arguments, (&mut verifier, &server), report).await
}

async fn cached(
    arguments: &Arguments,
    (verifier, server): (&mut Verifier, &Server),
    report: &mut Report,
) -> anyhow::Result<()> {
    let requests = Arc::new(Requests::Same(verifier.request()?));
    let server_load = load(server, requests.clone());
    let sample = sample(&server_load, server).await?;
    let limit = LimitServer { dir: verifier.dir(), sample, work: Vec::new() }.start()?;
    let turns = turns(arguments, (&limit, &load(&limit, requests)), (server, &server_load)).await?;
    report.add(Row::limit("limit_plain_get", &turns, limit.rss_mb()?));
    report.add(Row::server("resource_cached", &turns, server.rss_mb()?).at_least(CACHED));
    Ok(())
}

async fn new_tokens(
    arguments: &Arguments,
    (verifier, server): (&mut Verifier, &Server),
    report: &mut Report,
) -> anyhow::Result<()> {
    let first = load(server, Arc::new(Requests::Same(verifier.request()?)));
    let sample = sample(&first, server).await?;
    let work = vec!["--verify".into(), verifier.public_key().into()];
    let limit = LimitServer { dir: verifier.dir(), sample, work }.start()?;
    // As many as the limit can take: the server has no use for more.
    let probe = measure::once(&limit, &load(&limit, Arc::clone(&first.requests)), 0.5).await?;
    let count = needed(probe.per_second, arguments.seconds());
    let mut turns = Vec::new();
    for _ in 0..arguments.rounds() {
        let fresh = verifier.requests(count)?;
        let limit_load = Load { requests: Arc::new(Requests::in_turn(fresh.clone())), ..load_of(&limit) };
        let measured = measure::once(&limit, &limit_load, arguments.seconds()).await?;
        let server_load = Load { requests: Arc::new(Requests::each_once(fresh)), ..load_of(server) };
        let other = measure::once(server, &server_load, arguments.seconds()).await?;
        turns.push(Turn { limit: measured, server: other });
    }
    report.add(Row::limit("limit_verify_es256", &turns, limit.rss_mb()?));
    report.add(Row::server("resource_new_tokens", &turns, server.rss_mb()?).at_least(NEW));
    Ok(())
}

fn load_of(server: &Server) -> Load {
    load(server, Arc::new(Requests::Same(Vec::new())))
}

/// How many requests a run of so many seconds may need, warming up included, with a fifth to spare.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of requests")]
fn needed(per_second: f64, seconds: f64) -> usize {
    (per_second * (seconds + 0.5) * 1.2) as usize
}
