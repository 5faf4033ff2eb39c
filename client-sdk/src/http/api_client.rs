//! A client of one API that attaches its token by itself.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Request};
use url::Url;

use super::ApiRequest;
use crate::ambient::Ambient;
use crate::origin::{Origin, parse};
use crate::transport::{HttpSettings, Transport};
use crate::{Error, ErrorKind, Result, RetryPolicy, TokenSource};

/// Calls one API. Requests that leave its origins are refused before anything is sent. `GET` and `HEAD` are repeated
/// as [`RetryPolicy`] says; a 401 with `invalid_token` is answered once with a new token.
#[derive(Clone)]
pub struct ApiClient {
    pub(super) transport: Transport,
    pub(super) source: Option<Arc<dyn TokenSource>>,
    pub(super) retry: RetryPolicy,
    base: Url,
    origins: Vec<Origin>,
}

impl ApiClient {
    /// A client of the API at `base`, such as `https://api.example.com`. Its origin is the first that the token may
    /// go to.
    pub fn new(base: &str) -> Result<Self> {
        let base = parse(base, "the base of the API")?;
        Ok(Self {
            transport: Transport::new(HttpSettings::default(), Ambient::default())?,
            source: None,
            retry: RetryPolicy::default(),
            origins: vec![Origin::of(&base)],
            base,
        })
    }

    /// Takes tokens from `source`, such as [`crate::ClientCredentials::cached`].
    #[must_use]
    pub fn with(mut self, source: impl TokenSource + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Lets the token go to the origin of `url` too.
    pub fn also_at(mut self, url: &str) -> Result<Self> {
        self.origins.push(Origin::of(&parse(url, "the further origin")?));
        Ok(self)
    }

    /// The time that one attempt may take, from connecting to the last byte. Default: 30 seconds.
    pub fn timeout(self, timeout: Duration) -> Result<Self> {
        self.set(|settings| settings.timeout = timeout)
    }

    /// The longest answer, in bytes after decompression. Default: 1 MiB.
    pub fn max_response_bytes(self, bytes: usize) -> Result<Self> {
        self.set(|settings| settings.cap = bytes)
    }

    /// Trusts the certificates of a PEM beside those of the system.
    pub fn root_ca_pem(self, pem: impl Into<Vec<u8>>) -> Result<Self> {
        self.set(|settings| settings.root_ca_pem.push(pem.into()))
    }

    /// Sends https through a proxy (`CONNECT`, so that it sees no content); plain http goes directly. The environment's
    /// proxy variables are not read.
    pub fn proxy(self, url: &str) -> Result<Self> {
        self.set(|settings| settings.proxy = Some(url.to_owned()))
    }

    /// Lets plain http go to `host`, for a lab network. Whoever can listen there reads the token.
    pub fn allow_plain_http(self, host: &str) -> Result<Self> {
        self.set(|settings| settings.plain.allow(host))
    }

    /// How often `GET` and `HEAD` are repeated.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Begins a `GET`. `path` is resolved against the base as in a browser (RFC 3986 section 5): empty for the base
    /// itself, absolute for another of the named origins.
    pub fn get(&self, path: &str) -> ApiRequest {
        self.request(Method::GET, path)
    }

    /// Begins a `HEAD`.
    pub fn head(&self, path: &str) -> ApiRequest {
        self.request(Method::HEAD, path)
    }

    /// Begins a `POST`.
    pub fn post(&self, path: &str) -> ApiRequest {
        self.request(Method::POST, path)
    }

    /// Begins a `PUT`.
    pub fn put(&self, path: &str) -> ApiRequest {
        self.request(Method::PUT, path)
    }

    /// Begins a `PATCH`.
    pub fn patch(&self, path: &str) -> ApiRequest {
        self.request(Method::PATCH, path)
    }

    /// Begins a `DELETE`.
    pub fn delete(&self, path: &str) -> ApiRequest {
        self.request(Method::DELETE, path)
    }

    /// Begins a request with any method.
    pub fn request(&self, method: Method, path: &str) -> ApiRequest {
        ApiRequest::new(self.clone(), self.resolve(path).map(|url| Request::new(method, url)))
    }

    fn resolve(&self, path: &str) -> Result<Url> {
        let shown = || crate::oauth_error::clean(path);
        let url = if path.is_empty() { Ok(self.base.clone()) } else { self.base.join(path) };
        let url = url.map_err(|e| Error::configuration(format!("`{}` is no path: {e}", shown())))?;
        if self.origins.contains(&Origin::of(&url)) {
            return Ok(url);
        }
        let why = format!("{} is not among the origins of this client", url.origin().ascii_serialization());
        Err(Error::new(ErrorKind::WrongOrigin, why))
    }

    fn set(mut self, change: impl FnOnce(&mut HttpSettings)) -> Result<Self> {
        let mut settings = self.transport.settings().clone();
        change(&mut settings);
        let ambient = self.transport.ambient.clone();
        self.transport = self.transport.with(settings, ambient)?;
        Ok(self)
    }
}

impl std::fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiClient").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}
