//! Requests of people's sign-ins beside the same statements, run straight through sqlx, and the same signatures.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{LimitServer, load, sample};
use crate::arguments::Arguments;
use crate::database::Engine;
use crate::issuer::Issuer;
use crate::load::{Load, Requests, post_token};
use crate::measure::{self, Turn};
use crate::process::Server;
use crate::report::{Report, Row};

/// What is asked for.
const REQUIRED: f64 = 0.80;
/// How many codes are prepared for a second of load; the fastest server uses up fewer.
const CODES_A_SECOND: u64 = 4_000;
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https%3A%2F%2Fapp.example.com%2Fcb";
const PASSWORD: &str = "correct horse battery";

/// Both databases.
pub(super) async fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    for engine in [Engine::Postgres, Engine::Sqlite] {
        one(arguments, engine, report).await?;
    }
    Ok(())
}

async fn one(arguments: &Arguments, engine: Engine, report: &mut Report) -> anyhow::Result<()> {
    let issuer = Issuer::create(&arguments.bin_dir, engine, 0).await?;
    let basic = register(&issuer)?;
    let (server, _) = issuer.start(None)?;
    let cookies = sign_in(&server).await?;
    let authorize = Arc::new(Requests::Same(get(&authorization(), &cookies)));
    let authorizing = Load { status: 303, ..load(&server, authorize) };
    let (mut authorized, mut exchanged, mut refreshed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.rounds() {
        let seconds = arguments.seconds();
        let whole = Duration::from_secs_f64(seconds).as_secs().max(1);
        let count = usize::try_from(CODES_A_SECOND * whole)?;
        // The statements are those of a warm server: session, person and consent, the record, and all of it once more.
        let limit = Limited { issuer: &issuer, reads: 6, write: "insert", signs: false };
        authorized.push(limit.turn(&authorizing, (&server, seconds)).await?);
        let codes = codes(&server, &cookies, count).await?;
        let forms = codes.iter().map(|code| exchange(&basic, code)).collect();
        let exchanging = load(&server, Arc::new(Requests::each_once(forms)));
        let limit = Limited { issuer: &issuer, reads: 2, write: "update", signs: true };
        exchanged.push(limit.turn(&exchanging, (&server, seconds)).await?);
        let tokens = tokens(&server, &basic, &cookies, count).await?;
        let refreshing = load(&server, Arc::new(Requests::each_once(tokens)));
        refreshed.push(limit.turn(&refreshing, (&server, seconds)).await?);
    }
    let rss = server.rss_mb()?;
    for (name, turns) in [("authorize", &authorized), ("code", &exchanged), ("refresh", &refreshed)] {
        report.add(Row::limit(&format!("limit_{name}_{}", engine.name()), turns, 0.0));
        report.add(Row::server(&format!("{name}_{}", engine.name()), turns, rss).at_least(REQUIRED));
    }
    Ok(())
}

/// The limit of one kind of request.
struct Limited<'a> {
    issuer: &'a Issuer,
    reads: usize,
    write: &'static str,
    signs: bool,
}

impl Limited<'_> {
    /// A turn of both. Requests that are used up are not sent to warm up.
    async fn turn(&self, served: &Load, (running, seconds): (&Server, f64)) -> anyhow::Result<Turn> {
        let mut work: Vec<OsString> = vec![
            "--database".into(),
            self.issuer.database.url.clone().into(),
            "--reads".into(),
            self.reads.to_string().into(),
            "--write".into(),
            self.write.into(),
        ];
        if self.signs {
            work.extend(["--sign".into(), "ES256".into()]);
        }
        let limit = LimitServer { dir: self.issuer.dir(), sample: sample(served, running).await?, work };
        let limit = limit.start()?;
        let same = Arc::new(Requests::Same(get("/", "")));
        let limit_load = load(&limit, same);
        Ok(Turn {
            limit: measure::once(&limit, &limit_load, seconds).await?,
            server: measure::cold(running, served, seconds).await?,
        })
    }
}

/// Registers the app and the person. Gives the app's HTTP Basic credentials.
fn register(issuer: &Issuer) -> anyhow::Result<String> {
    let password = issuer.dir().join("password");
    std::fs::write(&password, PASSWORD)?;
    issuer.run(&["user", "add", "alice", "--password-file", &password.display().to_string()])?;
    let uri = "https://app.example.com/cb";
    let arguments = ["client", "add", "--id", "app", "--name", "app", "--redirect-uri", uri];
    let made = issuer.run(&[&arguments[..], &["--resource", "api_ES256", "--json"]].concat())?;
    let made: Value = serde_json::from_str(&made)?;
    let secret = made.get("client_secret").and_then(Value::as_str).context("client add --json")?;
    Ok(STANDARD.encode(format!("app:{secret}")))
}

fn authorization() -> String {
    format!(
        "/authorize?client_id=app&response_type=code&redirect_uri={CALLBACK}&scope=read&state=s\
         &code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

fn get(path: &str, cookies: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\ncookie: {cookies}\r\n\r\n").into_bytes()
}

fn post(path: &str, cookies: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncookie: {cookies}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// One request on a connection of its own; the answer as text.
async fn ask(server: &Server, request: Vec<u8>) -> anyhow::Result<String> {
    let answer = load(server, Arc::new(Requests::Same(request))).once().await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> anyhow::Result<&'a str> {
    let rest = text.split_once(before).map(|(_, rest)| rest);
    let found = rest.and_then(|rest| rest.split_once(after)).map(|(found, _)| found);
    found.with_context(|| format!("no {before} in {text}"))
}

/// Signs the person in and allows the app. Gives the browser's cookies.
async fn sign_in(server: &Server) -> anyhow::Result<String> {
    let begun = ask(server, get(&authorization(), "")).await?;
    let browser = between(&begun, "set-cookie: ", ";")?.to_owned();
    let login = between(&begun, "location: ", "\r\n")?.to_owned();
    let page = ask(server, get(&login, &browser)).await?;
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"")?;
    let password = PASSWORD.replace(' ', "+");
    let form = format!("csrf={csrf}&username=alice&password={password}");
    let signed_in = ask(server, post(&login, &browser, &form)).await?;
    let cookies = format!("{browser}; {}", between(&signed_in, "set-cookie: ", ";")?);
    let consent = login.replace("/login", "/consent");
    let page = ask(server, get(&consent, &cookies)).await?;
    let csrf = between(&page, "name=\"csrf\" value=\"", "\"")?;
    let done = ask(server, post(&consent, &cookies, &format!("csrf={csrf}&approve=1"))).await?;
    between(&done, "code=", "&")?;
    Ok(cookies)
}

/// So many codes that were not redeemed.
async fn codes(server: &Server, cookies: &str, count: usize) -> anyhow::Result<Vec<String>> {
    let mut codes = Vec::with_capacity(count);
    for _ in 0..count {
        let answer = ask(server, get(&authorization(), cookies)).await?;
        codes.push(between(&answer, "code=", "&")?.to_owned());
    }
    Ok(codes)
}

fn exchange(basic: &str, code: &str) -> Vec<u8> {
    let form =
        format!("grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}");
    post_token(basic, &form)
}

/// Requests that each use another refresh token.
async fn tokens(server: &Server, basic: &str, cookies: &str, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut requests = Vec::with_capacity(count);
    for code in codes(server, cookies, count).await? {
        let answer = ask(server, exchange(basic, &code)).await?;
        let token = between(&answer, "\"refresh_token\":\"", "\"")?;
        requests.push(post_token(basic, &format!("grant_type=refresh_token&refresh_token={token}")));
    }
    Ok(requests)
}
