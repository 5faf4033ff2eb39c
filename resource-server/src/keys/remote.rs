//! Fetching a key set: capped, timed, and never redirected.

use std::time::Duration;

use http::{StatusCode, header};
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;
use trefoil_shared::jose::{KeySet, MAX_KEYS};
use url::Url;

use crate::outbound::{Outbound, UrlRefused, checked_url, transport};

/// Longest key set, in bytes after decompression.
const MAX_BYTES: usize = 512 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A fetch that gave no key set.
#[derive(Debug, Error)]
pub enum FetchError {
    /// No connection, no answer in time, or a broken one.
    #[error("no answer: {0}")]
    Transport(String),
    /// Another status than 200 and 304; a redirect is one of them.
    #[error("status {0}")]
    Status(StatusCode),
    /// Too long.
    #[error("longer than 512 KiB")]
    TooLong,
    /// Too many keys.
    #[error("more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// A key set in which there is not one key, usable or not.
    #[error("the key set is empty")]
    Empty,
    /// No key set, or none usable in it.
    #[error("{0}")]
    Keys(String),
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Fetched {
    /// The set that we have is still the right one.
    Unchanged {
        /// The server's `max-age`.
        max_age: Option<Duration>,
    },
    /// A key set.
    Set {
        /// Its bytes.
        jwks: Vec<u8>,
        /// The keys in it.
        keys: KeySet,
        /// Its `ETag`.
        etag: Option<String>,
        /// The server's `max-age`.
        max_age: Option<Duration>,
    },
}

/// Asks one URL for its key set.
#[derive(Clone, Debug)]
pub struct JwksClient {
    http: Client,
    url: Url,
}

impl JwksClient {
    /// Checks the URL and makes the client.
    pub fn new(url: &str, outbound: &Outbound) -> Result<Self, UrlRefused> {
        let url = checked_url("jwks_url", url, outbound)?;
        let http = outbound.client(ANSWER_WITHIN)?;
        Ok(Self { http, url })
    }

    /// The URL.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Fetches the set, or learns that the one with `etag` still stands.
    pub async fn fetch(&self, etag: Option<&str>) -> Result<Fetched, FetchError> {
        let mut request = self.http.get(self.url.clone()).header(header::ACCEPT, "application/json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|error| FetchError::Transport(transport(error)))?;
        let max_age = max_age(&response);
        match response.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::Unchanged { max_age }),
            StatusCode::OK => {}
            other => return Err(FetchError::Status(other)),
        }
        let etag = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let jwks = capped_body(response).await?;
        let keys = parse_jwks(&jwks)?;
        Ok(Fetched::Set { jwks, keys, etag, max_age })
    }
}

/// Reads a key set after counting its keys, so that no crowd of keys is ever parsed.
pub fn parse_jwks(jwks: &[u8]) -> Result<KeySet, FetchError> {
    #[derive(Deserialize)]
    struct Counted<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let counted: Counted<'_> =
        serde_json::from_slice(jwks).map_err(|_| FetchError::Keys("not a JSON Web Key Set".to_owned()))?;
    if counted.keys.len() > MAX_KEYS {
        return Err(FetchError::TooManyKeys);
    }
    if counted.keys.is_empty() {
        return Err(FetchError::Empty);
    }
    KeySet::from_jwks(jwks).map_err(|reason| FetchError::Keys(reason.to_string()))
}

async fn capped_body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| FetchError::Transport(transport(error)))? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn max_age(response: &Response) -> Option<Duration> {
    let value = response.headers().get(header::CACHE_CONTROL)?.to_str().ok()?;
    let seconds = value.split(',').find_map(|part| part.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a087_a_crowd_of_keys_is_refused_before_any_is_parsed() {
        let crowd = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 10_000].join(","));
        assert!(matches!(parse_jwks(crowd.as_bytes()), Err(FetchError::TooManyKeys)));
        assert!(matches!(parse_jwks(br#"{"keys":[]}"#), Err(FetchError::Empty)));
        assert!(matches!(parse_jwks(b"<html>"), Err(FetchError::Keys(_))));
    }
}
