//! The blocking form of the API client.

use std::time::Duration;

use http::HeaderMap;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wait;
use crate::http as asynchronous;
use crate::{Error, ErrorKind, Result, RetryPolicy, TokenSource, json};

/// [`asynchronous::ApiClient`] without async.
#[derive(Clone, Debug)]
pub struct ApiClient(asynchronous::ApiClient);

impl ApiClient {
    /// A client of the API at `base`, whose origin is the first that the token may go to.
    pub fn new(base: &str) -> Result<Self> {
        asynchronous::ApiClient::new(base).map(Self)
    }

    /// Takes tokens from `source`.
    #[must_use]
    pub fn with(self, source: impl TokenSource + 'static) -> Self {
        Self(self.0.with(source))
    }

    /// Lets the token go to the origin of `url` too.
    pub fn also_at(self, url: &str) -> Result<Self> {
        self.0.also_at(url).map(Self)
    }

    /// The time that one attempt may take. Default: 30 seconds.
    pub fn timeout(self, timeout: Duration) -> Result<Self> {
        self.0.timeout(timeout).map(Self)
    }

    /// The longest answer, in bytes after decompression. Default: 1 MiB.
    pub fn max_response_bytes(self, bytes: usize) -> Result<Self> {
        self.0.max_response_bytes(bytes).map(Self)
    }

    /// Trusts the certificates of a PEM beside those of the system.
    pub fn root_ca_pem(self, pem: impl Into<Vec<u8>>) -> Result<Self> {
        self.0.root_ca_pem(pem).map(Self)
    }

    /// Sends https through a proxy (`CONNECT`, so that it sees no content); plain http goes directly. The environment's
    /// proxy variables are not read.
    pub fn proxy(self, url: &str) -> Result<Self> {
        self.0.proxy(url).map(Self)
    }

    /// Lets plain http go to `host`, for a lab network.
    pub fn allow_plain_http(self, host: &str) -> Result<Self> {
        self.0.allow_plain_http(host).map(Self)
    }

    /// How often `GET` and `HEAD` are repeated.
    #[must_use]
    pub fn retry(self, policy: RetryPolicy) -> Self {
        Self(self.0.retry(policy))
    }

    /// Begins a `GET`; for `path` see [`asynchronous::ApiClient::get`].
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
        ApiRequest(self.0.request(method, path))
    }
}

/// [`asynchronous::ApiRequest`] without async.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct ApiRequest(asynchronous::ApiRequest);

impl ApiRequest {
    /// Sets a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Adds a parameter to the query.
    pub fn query(self, name: &str, value: &str) -> Self {
        Self(self.0.query(name, value))
    }

    /// Sends `value` as JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        Self(self.0.json(value))
    }

    /// Sends bytes.
    pub fn body(self, bytes: impl Into<Vec<u8>>) -> Self {
        Self(self.0.body(bytes))
    }

    /// Sends the request with a token and reads the answer; errors as [`asynchronous::ApiRequest::send`] says.
    pub fn send(self) -> Result<ApiResponse> {
        wait(async move {
            let answer = self.0.send().await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok(ApiResponse { status, headers, body: answer.bytes().await? })
        })
    }
}

/// What an API answered, read to its end.
#[derive(Clone)]
pub struct ApiResponse {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl ApiResponse {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, whatever the status.
    pub fn bytes(self) -> Vec<u8> {
        self.body
    }

    /// The body of a success (2xx) as text.
    pub fn text(self) -> Result<String> {
        String::from_utf8(self.success()?.body).map_err(|_| Error::protocol("the answer is not UTF-8"))
    }

    /// The body of a success (2xx), read as JSON.
    pub fn json<T: DeserializeOwned>(self) -> Result<T> {
        json::read("the answer", &self.success()?.body)
    }

    /// Makes an error of every status but 2xx.
    pub fn success(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let wait = crate::retry::retry_after(&self.headers);
        let why = format!("the resource answered {}", self.status);
        Err(Error::new(ErrorKind::Status(self.status), why).with_status(self.status).with_retry_after(wait))
    }
}

impl std::fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiResponse").field("status", &self.status).finish_non_exhaustive()
    }
}
