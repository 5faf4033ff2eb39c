//! The limit: hyper and axum on one core, answering the bytes of a real answer, with one signature or one
//! verification for each request and nothing else.

use std::fs;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use trefoil_shared::jose::{KeySet, PublicKey};
use trefoil_sign::SigningKey;

use crate::arguments::Limit;
use crate::certificate;
use crate::limit_sql::Statements;
use crate::sample::Sample;

/// What each request is answered with.
struct Answer {
    headers: HeaderMap,
    work: Work,
    statements: Option<Statements>,
}

/// What each request costs beside HTTP.
enum Work {
    Nothing(Bytes),
    Sign { key: SigningKey, message: String, before: String, after: String },
    Verify { key: PublicKey, body: Bytes },
}

/// Serves until it is killed; the first line on stderr names the address.
pub(crate) async fn serve(limit: &Limit) -> anyhow::Result<()> {
    let answer = Arc::new(Answer::new(limit, Statements::open(limit).await?)?);
    let router: Router = Router::new().fallback(any(handle)).with_state(answer);
    let tls = match (&limit.tls_cert, &limit.tls_key) {
        (Some(cert), Some(key)) => Some(TlsAcceptor::from(certificate::server_config(cert, key)?)),
        _ => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    eprintln!("listening on {scheme}://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let router = router.clone();
        match tls.clone() {
            None => tokio::spawn(connection(stream, router)),
            Some(acceptor) => tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    connection(stream, router).await;
                }
            }),
        };
    }
}

async fn connection<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: T, router: Router) {
    let service = TowerToHyperService::new(router);
    // A client that goes away ends its connection, nothing else.
    let _gone = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(State(answer): State<Arc<Answer>>, headers: HeaderMap, _body: Bytes) -> Response {
    if let Some(statements) = &answer.statements
        && let Err(error) = statements.run().await
    {
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    }
    let body = match &answer.work {
        Work::Nothing(body) => Some(body.clone()),
        Work::Sign { key, message, before, after } => key.sign(message.as_bytes()).ok().map(|signature| {
            let mut text = String::with_capacity(before.len() + signature.len() * 4 / 3 + after.len() + 8);
            text.push_str(before);
            URL_SAFE_NO_PAD.encode_string(signature, &mut text);
            text.push_str(after);
            Bytes::from(text)
        }),
        Work::Verify { key, body } => verifies(key, &headers).map(|()| body.clone()),
    };
    let mut response = Response::new(Body::from(body.clone().unwrap_or_default()));
    if body.is_none() {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response.headers_mut().clone_from(&answer.headers);
    response
}

fn verifies(key: &PublicKey, headers: &HeaderMap) -> Option<()> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let (message, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    key.verifies(key.algorithm(), message.as_bytes(), &signature).then_some(())
}

impl Answer {
    fn new(limit: &Limit, statements: Option<Statements>) -> anyhow::Result<Self> {
        let sample = Sample::parse(&fs::read(&limit.sample)?)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &sample.headers {
            headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        let work = if let Some(algorithm) = &limit.sign {
            let algorithm =
                algorithm.parse().map_err(|_| anyhow::anyhow!("unknown algorithm {algorithm}"))?;
            sign(&sample, SigningKey::generate(algorithm)?)?
        } else if let Some(path) = &limit.verify {
            let keys = KeySet::from_bytes(&fs::read(path)?)?;
            let key = keys.keys().first().context("a public key")?.clone();
            Work::Verify { key, body: Bytes::from(sample.body) }
        } else {
            Work::Nothing(Bytes::from(sample.body))
        };
        Ok(Self { headers, work, statements })
    }
}

/// The sample's body around the signature, which is made anew for each answer.
fn sign(sample: &Sample, key: SigningKey) -> anyhow::Result<Work> {
    let token = sample.access_token()?;
    let (message, signature) = token.rsplit_once('.').context("a JWT")?;
    let (before, after) = sample.body.split_once(signature).context("the body holds the token")?;
    Ok(Work::Sign { key, message: message.to_owned(), before: before.to_owned(), after: after.to_owned() })
}
