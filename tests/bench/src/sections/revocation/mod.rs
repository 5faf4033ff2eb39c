//! Revocation: what a long list costs whoever makes it, sends it and keeps it, and how soon a revoked token is refused.

pub(super) mod lab;

use std::time::{Duration, Instant};

use lab::{Lab, List, Reader, number, wait};

use super::{load, turns};
use crate::arguments::Arguments;
use crate::database::Engine;
use crate::issuer::Issuer;
use crate::load::{Load, Requests, get};
use crate::measure;
use crate::process::Server;
use crate::report::{Report, Row};

/// Revoked tokens and cut-offs of the long list.
const TOKENS: usize = 100_000;
const CUT_OFFS: usize = 1_000;
/// How much slower a resource server may be with a long list than with none.
const AS_FAST: f64 = 0.95;
/// Within this time a verifier has heard, in seconds.
const TTL: f64 = 15.0;
/// Tokens whose statements are counted.
const COUNTED: usize = 100_000;

pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let issuer = Issuer::create(&arguments.bin_dir, Engine::Postgres, 1).await?;
    let (server, _) = issuer.start(None)?;
    statements(arguments, (&issuer, &server), report).await?;
    let lab = Lab { issuer, server, bin_dir: arguments.bin_dir.clone() };
    let reader = lab.resource_server("one", None)?;
    lab.settled(&reader).await?;
    until_refused((&lab, &reader), report).await?;
    drop(reader);
    lab.revoke_many((TOKENS, CUT_OFFS)).await?;
    lists(&lab, report).await?;
    let many = lab.resource_server("many", None)?;
    lab.settled(&many).await?;
    // It asks where nobody is.
    let none = lab.resource_server("none", Some("http://127.0.0.1:1/revocations"))?;
    throughput(arguments, &lab, (&none, &many), report).await
}

/// What a million tokens cost the database.
async fn statements(
    arguments: &Arguments,
    (issuer, server): (&Issuer, &Server),
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut observer = issuer.database.observe().await?;
    let requests = load(server, issuer.requests("ES256"));
    requests.some(64).await?;
    let count = if arguments.quick { COUNTED / 10 } else { COUNTED };
    let idle_from = observer.activity().await?;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle_to = observer.activity().await?;
    let idle = began.elapsed().as_secs_f64();
    let began = Instant::now();
    requests.some(count).await?;
    let after = observer.activity().await?;
    let busy = began.elapsed().as_secs_f64();
    let per = |all: i64, quiet: i64| {
        // What the polls do anyway in the same time is not the tokens'.
        (number(all) - number(quiet) / idle * busy) / number(i64::try_from(count).unwrap_or(i64::MAX)) * 1e6
    };
    let rows = per(after.writes - idle_to.writes, idle_to.writes - idle_from.writes);
    let transactions =
        per(after.transactions - idle_to.transactions, idle_to.transactions - idle_from.transactions);
    report.add(
        Row::default()
            .named("statements_per_million_tokens")
            .with_note(format!(
                "{rows:.0} rows and {transactions:.0} transactions beyond what {busy:.1} s cost without a token; \
                 reckoned from {count} tokens, meanwhile {} rows and {} transactions",
                after.writes - idle_to.writes,
                after.transactions - idle_to.transactions
            ))
            .requires("no row per token", after.writes - idle_to.writes < 200),
    );
    Ok(())
}

/// From the command to the refusal, ten times.
async fn until_refused((lab, reader): (&Lab, &Reader), report: &mut Report) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for _ in 0..10 {
        let token = lab.token().await?;
        let read = load(&reader.server, Requests::Same(get("/api", &token)).into());
        read.once().await?;
        let began = Instant::now();
        lab.issuer.run_beside(Some(&lab.server), &["token", "revoke", &token])?;
        let refused = Load { status: 401, ..read };
        wait(Duration::from_secs(30), || async {
            Ok(refused.once().await?.starts_with(b"HTTP/1.1 401").then_some(()))
        })
        .await?;
        all.push(began.elapsed().as_secs_f64());
    }
    let (least, most) =
        (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(0.0, f64::max));
    let middle = measure::median(all);
    report.add(
        Row { p50_ms: Some(middle * 1e3), p99_ms: Some(most * 1e3), ..Row::default() }
            .named("revoke_to_refusal")
            .with_note(format!(
                "n = 10: {least:.1} / {middle:.1} / {most:.1} s at a resource-server with a PEM"
            ))
            .requires(&format!("<= {TTL:.0} s"), most <= TTL),
    );
    Ok(())
}

/// The long list and what comes after it.
async fn lists(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let kid = lab.kid().await?;
    let whole = wait(Duration::from_mins(1), || async {
        let list = lab.list(&kid, 0).await?;
        Ok((list.length("tokens") >= TOKENS).then_some(list))
    })
    .await?;
    report.add(list_row("list_whole", &whole));
    for count in [1, 100] {
        let before = lab.list(&kid, 0).await?.number("revision")?;
        for _ in 0..count {
            let token = lab.token().await?;
            revoke(lab, &token).await?;
        }
        let delta = wait(Duration::from_secs(30), || async {
            let list = lab.list(&kid, before).await?;
            Ok((list.length("tokens") >= count).then_some(list))
        })
        .await?;
        report.add(list_row(&format!("list_delta_{count}"), &delta));
    }
    Ok(())
}

/// `/revoke` by the client itself.
async fn revoke(lab: &Lab, token: &str) -> anyhow::Result<()> {
    let form = format!("token={token}");
    let request = format!(
        "POST /revoke HTTP/1.1\r\nhost: bench\r\nauthorization: Basic {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        lab.issuer.first_client(),
        form.len()
    )
    .into_bytes();
    let answer = load(&lab.server, Requests::Same(request).into()).once().await?;
    anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(())
}

fn list_row(name: &str, list: &List) -> Row {
    let (tokens, cut_offs) = (list.length("tokens"), list.length("before"));
    let milliseconds = list.took.as_secs_f64() * 1e3;
    Row { p50_ms: Some(milliseconds), ..Row::default() }.named(name).with_note(format!(
        "{tokens} tokens, {cut_offs} cut-offs in {} pages: {} bytes, {} in gzip, made and sent in {milliseconds:.0} ms",
        list.pages(), list.plain, list.gzip
    ))
}

/// One token again and again, at a resource server with the long list beside one that knows of none.
async fn throughput(
    arguments: &Arguments,
    lab: &Lab,
    (none, many): (&Reader, &Reader),
    report: &mut Report,
) -> anyhow::Result<()> {
    let token = lab.token().await?;
    let load_of = |reader: &Reader| load(&reader.server, Requests::Same(get("/api", &token)).into());
    let turns = turns(arguments, (&none.server, &load_of(none)), (&many.server, &load_of(many))).await?;
    report.add(Row::limit("resource_none_revoked", &turns, none.server.rss_mb()?));
    report.add(Row::server("resource_100000_revoked", &turns, many.server.rss_mb()?).at_least(AS_FAST));
    Ok(())
}
