//! `POST /token` over TLS 1.3, on kept connections and with a full handshake for each request.

use super::{LimitServer, tls_arguments, tls_load, turns};
use crate::arguments::Arguments;
use crate::certificate::Certificate;
use crate::database::Engine;
use crate::issuer::Issuer;
use crate::load::Load;
use crate::report::{Report, Row};

/// ES256 on PostgreSQL, beside the limit with TLS.
pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let issuer = Issuer::create(&arguments.bin_dir, Engine::Postgres, 1).await?;
    let certificate = Certificate::create(issuer.dir())?;
    let (server, _) = issuer.start(Some(&certificate))?;
    let requests = issuer.requests("ES256");
    let server_load = tls_load(&server, requests.clone(), &certificate)?;
    let tls = tls_arguments(&certificate);
    let limit = LimitServer::signing(&issuer, "ES256", (&server, &server_load), tls).await?;
    let limit_load = tls_load(&limit, requests, &certificate)?;
    for (name, keep_alive) in [("kept", true), ("new", false)] {
        let limit_load = Load { keep_alive, ..limit_load.clone() };
        let server_load = Load { keep_alive, ..server_load.clone() };
        let turns = turns(arguments, (&limit, &limit_load), (&server, &server_load)).await?;
        report.add(Row::limit(&format!("limit_tls_{name}"), &turns, limit.rss_mb()?));
        report.add(Row::server(&format!("token_tls_{name}"), &turns, server.rss_mb()?));
    }
    Ok(())
}
