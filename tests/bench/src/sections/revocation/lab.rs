//! What the section measures with: an auth-server, resource servers that have its public key, and lists.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::issuer::Issuer;
use crate::load::Requests;
use crate::process::{Server, Start};
use crate::sections::load;

const RESOURCE: &str = "api_ES256";

/// An auth-server on PostgreSQL, and what the section does with it.
pub(in crate::sections) struct Lab {
    pub(in crate::sections) issuer: Issuer,
    pub(in crate::sections) server: Server,
    pub(in crate::sections) bin_dir: PathBuf,
}

/// A resource server with the public key alone.
pub(in crate::sections) struct Reader {
    pub(in crate::sections) server: Server,
}

impl Lab {
    pub(in crate::sections) fn resource_server(
        &self,
        name: &str,
        lists: Option<&str>,
    ) -> anyhow::Result<Reader> {
        let dir = self.issuer.dir().join(name);
        let state = dir.join("state");
        std::fs::create_dir_all(&state)?;
        crate::machine::only_for_us(&state)?;
        let (key, file) = (dir.join("public.pem"), dir.join("protected_resource.json"));
        let exported = self.issuer.run(&["key", "export", "--format", "pem"])?;
        std::fs::write(&key, exported)?;
        std::fs::write(&file, r#"{"about": "This is a protected resource"}"#)?;
        let address = format!("http://{}", self.server.address);
        let mut arguments: Vec<OsString> = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--issuer",
            &address,
            "--audience",
            RESOURCE,
            "--public-key",
            &key.display().to_string(),
            "--route",
            &format!("/api={}", file.display()),
        ]
        .map(Into::into)
        .into();
        arguments.extend(lists.into_iter().flat_map(|url| ["--revocations-url".into(), url.into()]));
        let environment = vec![
            ("HOME".to_owned(), dir.clone().into()),
            ("PATH".to_owned(), std::env::var_os("PATH").unwrap_or_default()),
            ("RESOURCE_SERVER_STATE_DIR".to_owned(), state.into()),
        ];
        let program = std::path::absolute(self.bin_dir.join("resource-server"))?;
        let start = Start { program, arguments, environment, log: dir.join("log") };
        Ok(Reader { server: start.spawn()?.0 })
    }

    /// Waits until it has read the list.
    pub(in crate::sections) async fn settled(&self, reader: &Reader) -> anyhow::Result<()> {
        wait(Duration::from_mins(1), || async {
            Ok(reader.server.log().contains("revocations are read").then_some(()))
        })
        .await
        .with_context(|| reader.server.log())
    }

    pub(in crate::sections) async fn token(&self) -> anyhow::Result<String> {
        let answer = load(&self.server, self.issuer.requests("ES256")).once().await?;
        let body: Value = serde_json::from_slice(split(&answer)?.1)?;
        Ok(body.get("access_token").and_then(Value::as_str).context("a token")?.to_owned())
    }

    /// Rows as the product writes them, but all at once.
    pub(in crate::sections) async fn revoke_many(
        &self,
        (tokens, cut_offs): (usize, usize),
    ) -> anyhow::Result<()> {
        let mut observer = self.issuer.database.observe().await?;
        let now = "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)";
        // 12 and 16 bytes in base64url without padding.
        let value = |bytes: usize| {
            format!(
                "rtrim(translate(encode(substr(sha256(CAST('{bytes}-' || n AS bytea)), 1, {bytes}), 'base64'), '+/', '-_'), '=')"
            )
        };
        for (kind, bytes, count) in [("token", 12, tokens), ("cut_off", 16, cut_offs)] {
            observer
                .execute(format!(
                    "INSERT INTO revocations (id, kind, target, at, expires_at, created_at) \
                     SELECT '{kind}:' || n, '{kind}', {}, {now} + 3600, {now} + 3660, {now} \
                     FROM generate_series(1, {count}) AS n",
                    value(bytes)
                ))
                .await?;
        }
        Ok(())
    }

    /// The list after a revision, page after page: its claims, and its length plain and in gzip.
    pub(in crate::sections) async fn list(&self, kid: &str, since: i64) -> anyhow::Result<List> {
        let mut list = List { plain: 0, gzip: 0, took: Duration::ZERO, pages: Vec::new() };
        let mut since = since;
        loop {
            let path = format!("/revocations/{kid}?since={since}");
            let (plain, took) = self.fetch(&path, "").await?;
            let (gzip, _) = self.fetch(&path, "accept-encoding: gzip\r\n").await?;
            let claims = part(std::str::from_utf8(&plain)?, 1)?;
            list.plain += plain.len();
            list.gzip += gzip.len();
            list.took += took;
            let more = claims.get("more").and_then(Value::as_bool).unwrap_or(false);
            since = claims.get("revision").and_then(Value::as_i64).context("revision")?;
            list.pages.push(claims);
            if !more {
                return Ok(list);
            }
        }
    }

    async fn fetch(&self, path: &str, header: &str) -> anyhow::Result<(Vec<u8>, Duration)> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{header}\r\n").into_bytes();
        let began = Instant::now();
        let answer = load(&self.server, Requests::Same(request).into()).once().await?;
        let took = began.elapsed();
        let (head, body) = split(&answer)?;
        anyhow::ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
        Ok((body.to_vec(), took))
    }

    pub(in crate::sections) async fn kid(&self) -> anyhow::Result<String> {
        let token = self.token().await?;
        let header = part(&token, 0)?;
        Ok(header.get("kid").and_then(Value::as_str).context("a kid")?.to_owned())
    }
}

/// A list as it came.
pub(in crate::sections) struct List {
    pub(in crate::sections) plain: usize,
    pub(in crate::sections) gzip: usize,
    /// From the requests to the last bytes, in plain.
    pub(in crate::sections) took: Duration,
    pages: Vec<Value>,
}

impl List {
    pub(in crate::sections) fn number(&self, name: &str) -> anyhow::Result<i64> {
        self.pages
            .last()
            .and_then(|page| page.get(name))
            .and_then(Value::as_i64)
            .with_context(|| name.to_owned())
    }

    /// Of how many pages it is.
    pub(in crate::sections) fn pages(&self) -> usize {
        self.pages.len()
    }

    pub(in crate::sections) fn length(&self, name: &str) -> usize {
        self.pages.iter().filter_map(|page| page.get(name)?.as_array()).map(Vec::len).sum()
    }
}

/// Asks again and again until there is something.
pub(in crate::sections) async fn wait<T, F: Future<Output = anyhow::Result<Option<T>>>>(
    limit: Duration,
    mut ask: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("it did not happen within {limit:?}")
}

/// Head and body of an answer.
fn split(answer: &[u8]) -> anyhow::Result<(String, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("a head")?;
    let (head, body) = answer.split_at(end + 4);
    Ok((String::from_utf8_lossy(head).into_owned(), body))
}

/// A part of a JWT, unverified.
fn part(token: &str, number: usize) -> anyhow::Result<Value> {
    let part = token.split('.').nth(number).context("a JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

/// A count to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(in crate::sections) fn number(count: i64) -> f64 {
    count as f64
}
