//! Fetching a key set: capped, timed, and never redirected.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, Response};
use serde_json::value::RawValue;
use thiserror::Error;
use trefoil_shared::jose::{KeySet, MAX_KEYS};
use url::Url;

use crate::outbound::{Fault, Outbound, UrlRefused, checked_url};

/// Longest key set, in bytes after decompression.
const MAX_BYTES: usize = 512 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A fetch that gave no key set: it says nothing about the keys that are trusted.
#[derive(Debug, Error)]
pub enum FetchError {
    /// No connection, no answer in time, or a broken one.
    #[error("{0}")]
    Transport(Fault),
    /// A redirect.
    #[error("status {0}: a redirect{to}, which is not followed; name the URL of the key set itself", to = of_location(.1.as_deref()))]
    Redirect(StatusCode, Option<String>),
    /// Another status than 200 and 304.
    #[error("status {0}{hint}", hint = hint(*.0))]
    Status(StatusCode),
    /// Too long.
    #[error("longer than 512 KiB")]
    TooLong,
    /// Too many keys.
    #[error("more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// No key set.
    #[error("the answer is not a JSON Web Key Set: {0}")]
    NotAKeySet(String),
}

fn of_location(location: Option<&str>) -> String {
    location.map(|location| format!(" to {location}")).unwrap_or_default()
}

fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 | 410 => ": nothing is at that path; correct the URL",
        401 | 403 => ": the server wants credentials; a key set is public, so correct the URL or the server",
        407 => ": a proxy between wants credentials; let it pass this request, or go around it",
        429 => ": the server asks for fewer requests",
        500..=599 => ": the server failed, or a proxy before it; look at its log",
        _ => "",
    }
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Fetched {
    /// The set that we have is still the right one.
    Unchanged {
        /// The server's `max-age`.
        max_age: Option<Duration>,
    },
    /// A key set. It may be without any key that can be used: that too is the issuer's word.
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
        let response = request.send().await.map_err(broken)?;
        let max_age = max_age(response.headers());
        match response.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::Unchanged { max_age }),
            StatusCode::OK => {}
            other if other.is_redirection() => return Err(FetchError::Redirect(other, location(&response))),
            other => return Err(FetchError::Status(other)),
        }
        let etag = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let jwks = capped_body(response).await?;
        let keys = parse_jwks(&jwks)?;
        Ok(Fetched::Set { jwks, keys, etag, max_age })
    }
}

fn broken(error: reqwest::Error) -> FetchError {
    FetchError::Transport(Fault::of(&error.without_url()))
}

/// Where a redirect leads, as far as it can be shown.
fn location(response: &Response) -> Option<String> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    Some(location.chars().take(200).collect())
}

/// Reads a key set after counting its keys, so that no crowd of keys is ever parsed. A set without any usable key is
/// a set too.
pub fn parse_jwks(jwks: &[u8]) -> Result<KeySet, FetchError> {
    let text = jwks.strip_prefix(b"\xef\xbb\xbf").unwrap_or(jwks);
    let not_a_set = |why: String| FetchError::NotAKeySet(why);
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_slice(text).map_err(|reason| not_a_set(what_it_is(text, &reason)))?;
    let Some(keys) = members.get("keys") else {
        let metadata =
            if members.contains_key("jwks_uri") { "; it is metadata: name its jwks_uri" } else { "" };
        return Err(not_a_set(format!("it has no member `keys`{metadata}")));
    };
    let keys: Vec<&RawValue> =
        serde_json::from_str(keys.get()).map_err(|_| not_a_set("its `keys` is not an array".to_owned()))?;
    if keys.len() > MAX_KEYS {
        return Err(FetchError::TooManyKeys);
    }
    KeySet::published(text).map_err(|reason| not_a_set(reason.to_string()))
}

/// What an answer is that is not a JSON object.
fn what_it_is(text: &[u8], reason: &serde_json::Error) -> String {
    match text.trim_ascii_start().first() {
        None => "it is empty".to_owned(),
        Some(b'<') => "it is HTML or XML, perhaps a page of a proxy or a login".to_owned(),
        Some(b'{') => format!("not JSON at line {} column {}", reason.line(), reason.column()),
        Some(b'[' | b'"') => "it is JSON, but not an object with `keys`".to_owned(),
        Some(_) => "not JSON".to_owned(),
    }
}

async fn capped_body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// How long the answer stays fresh: its `max-age`, less the time that it spent in caches on the way (RFC 9111 section
/// 4.2.3), which would otherwise prolong the trust in a key that was withdrawn meanwhile.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let texts = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = texts.flat_map(|text| text.split(','));
    let seconds: u64 = directives.find_map(|part| part.trim().strip_prefix("max-age=")?.parse().ok())?;
    let age = headers.get(header::AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // One that a cache gives out at its very end is asked for again soon, unlike one that is not to be kept.
    Some(Duration::from_secs(seconds.saturating_sub(age.unwrap_or(0)).max(seconds.min(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a087_a_crowd_of_keys_is_refused_before_any_is_parsed() {
        let crowd = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 10_000].join(","));
        assert!(matches!(parse_jwks(crowd.as_bytes()), Err(FetchError::TooManyKeys)));
        assert!(parse_jwks(br#"{"keys":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn f17_the_time_that_a_cache_kept_a_set_counts() {
        for (age, left) in [("0", 300), ("299", 1), ("300", 1), ("9999", 1), ("soon", 300)] {
            let mut headers = HeaderMap::new();
            headers.append(header::CACHE_CONTROL, "public".parse().unwrap());
            headers.append(header::CACHE_CONTROL, "max-age=300".parse().unwrap());
            headers.insert(header::AGE, age.parse().unwrap());
            assert_eq!(max_age(&headers), Some(Duration::from_secs(left)), "{age}");
        }
    }

    #[test]
    fn what_is_no_key_set_is_named() {
        let cases = [
            ("", "empty"),
            ("<html>", "HTML"),
            ("{\n\"keys\":[", "line 2"),
            ("[]", "not an object"),
            ("oops", "not JSON"),
            (r#"{"keys":null}"#, "not an array"),
            (r#"{"issuer":"a"}"#, "no member `keys`"),
            (r#"{"jwks_uri":"a"}"#, "name its jwks_uri"),
            (r#"{"keys":[{"a":1,"a":2}]}"#, "twice"),
        ];
        for (text, named) in cases {
            let error = parse_jwks(text.as_bytes()).unwrap_err();
            assert!(
                matches!(error, FetchError::NotAKeySet(_)) && error.to_string().contains(named),
                "{error}"
            );
        }
    }
}
