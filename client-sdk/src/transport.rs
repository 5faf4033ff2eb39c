//! The only user of the HTTP client: limits of time and length, no redirects, retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use reqwest::{Certificate, Request, Response, redirect};
use url::Url;
use zeroize::Zeroizing;

use crate::ambient::Ambient;
use crate::failure::{Route, innermost};
use crate::origin::PlainHosts;
use crate::retry::{retry_after, status_is_passing};
use crate::{Error, ErrorKind, Result, RetryPolicy};

/// Seconds that one attempt may take, from connecting to the last byte.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// Seconds that a connection is kept without a request: fewer than servers give it. One that is closed in the moment of
/// a request fails it, and a POST may not simply be sent again (RFC 9112, 9.3.1).
const IDLE: Duration = Duration::from_secs(4);
/// Bytes of one answer, after decompression.
const DEFAULT_CAP: usize = 1024 * 1024;

/// What a caller may set about connections.
#[derive(Clone)]
pub(crate) struct HttpSettings {
    pub(crate) timeout: Duration,
    pub(crate) cap: usize,
    pub(crate) plain: PlainHosts,
    pub(crate) root_ca_pem: Vec<Vec<u8>>,
    /// May hold a password.
    pub(crate) proxy: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT,
            cap: DEFAULT_CAP,
            plain: PlainHosts::default(),
            root_ca_pem: Vec::new(),
            proxy: None,
        }
    }
}

/// Sends requests under the settings of one client.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    /// The proxy as errors show it.
    proxy: Option<Arc<str>>,
    settings: HttpSettings,
    pub(crate) ambient: Ambient,
}

/// An answer whose body is still to be read.
pub(crate) struct Reply {
    response: Response,
    route: Route,
    cap: usize,
}

impl Transport {
    pub(crate) fn new(settings: HttpSettings, ambient: Ambient) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            // Nobody but the caller names a proxy: the variables of the environment would lead secrets elsewhere.
            .no_proxy()
            .referer(false)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("trefoil-client/", env!("CARGO_PKG_VERSION")));
        for pem in &settings.root_ca_pem {
            let certificates = Certificate::from_pem_bundle(pem)
                .map_err(|e| Error::configuration("the root certificates are no PEM").with_source(e))?;
            if certificates.is_empty() {
                return Err(Error::configuration("no certificate in the PEM of root certificates"));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let mut shown = None;
        if let Some(text) = &settings.proxy {
            let (proxy, origin) = proxy(text)?;
            builder = builder.proxy(proxy);
            shown = Some(Arc::from(origin));
        }
        let http = builder.build().map_err(|e| {
            let why = innermost(&e);
            let advice = if why.contains("No CA certificates") {
                "; install ca-certificates, or correct SSL_CERT_FILE and SSL_CERT_DIR"
            } else {
                ""
            };
            Error::configuration(format!("the HTTP client cannot start: {why}{advice}")).with_source(e)
        })?;
        Ok(Self { http, proxy: shown, settings, ambient })
    }

    /// The same connections under other settings. Certificates are read from the disk for each new client, so this
    /// makes one only where certificates or the proxy have changed.
    pub(crate) fn with(self, settings: HttpSettings, ambient: Ambient) -> Result<Self> {
        if settings.root_ca_pem == self.settings.root_ca_pem && settings.proxy == self.settings.proxy {
            return Ok(Self { settings, ambient, ..self });
        }
        Self::new(settings, ambient)
    }

    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// Sends one request, and again where `policy` is given and the failure passes. The URL is checked first.
    pub(crate) async fn send(&self, request: Request, policy: Option<&RetryPolicy>) -> Result<Reply> {
        self.settings.plain.check(request.url())?;
        let mut made = 0;
        let mut request = request;
        loop {
            let spare = policy.and_then(|_| request.try_clone());
            let outcome = self.attempt(request).await;
            made += 1;
            let (Some(policy), Some(again), Some(asked)) = (policy, spare, passing(&outcome)) else {
                return outcome;
            };
            let Some(wait) = policy.wait(made, asked, self.ambient.fraction()) else { return outcome };
            tracing::debug!(attempt = made, wait_ms = wait.as_millis(), "request failed, trying again");
            tokio::time::sleep(wait).await;
            request = again;
        }
    }

    async fn attempt(&self, mut request: Request) -> Result<Reply> {
        *request.timeout_mut() = Some(self.settings.timeout);
        let route = Route::new(request.url(), self.proxy.as_ref(), self.settings.timeout);
        match self.http.execute(request).await {
            Ok(response) => Ok(Reply { response, route, cap: self.settings.cap }),
            Err(error) => Err(route.failure(error)),
        }
    }
}

/// Whether an outcome may be different next time, and the wait that the server asked for.
#[expect(clippy::option_option, reason = "whether to retry, and the wait that a retry was asked to keep")]
fn passing(outcome: &Result<Reply>) -> Option<Option<Duration>> {
    match outcome {
        Ok(reply) if status_is_passing(reply.status()) => Some(retry_after(reply.headers())),
        Err(e) if matches!(e.kind(), ErrorKind::Connect | ErrorKind::Transport) && e.may_pass() => Some(None),
        Ok(_) | Err(_) => None,
    }
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Reads the body up to the limit, counted after decompression.
    pub(crate) async fn read(mut self) -> Result<Zeroizing<Vec<u8>>> {
        let mut body = Zeroizing::new(Vec::with_capacity(4096));
        while let Some(chunk) = self.chunk().await? {
            if body.len().saturating_add(chunk.len()) > self.cap {
                let why = format!("the answer is longer than {} bytes", self.cap);
                return Err(Error::new(ErrorKind::ResponseTooLarge, why).with_status(self.status()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.response.chunk().await.map_err(|error| self.route.failure(error))
    }
}

/// A proxy for https alone, and its address without user name and password. Plain http would show it the secrets.
fn proxy(text: &str) -> Result<(reqwest::Proxy, String)> {
    // The text is not shown: it may hold a password.
    let bad = |why: &str| {
        Error::configuration(format!("the proxy {why}; give one such as http://proxy.example:3128"))
    };
    let url = Url::parse(text).map_err(|_| bad("is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("is neither an http nor an https URL"));
    }
    let proxy = reqwest::Proxy::https(text).map_err(|e| bad("cannot be used").with_source(e))?;
    Ok((proxy, url.origin().ascii_serialization()))
}
