//! Asking for a list: capped on the wire and inflated, timed, never redirected.

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use http::{StatusCode, header};
use reqwest::{Client, Response};
use thiserror::Error;
use trefoil_shared::jose::Rejected;
use trefoil_shared::revocation::{ListError, MAX_LIST_BYTES};
use url::Url;

use crate::outbound::{Outbound, UrlRefused, checked_url, transport};

/// Longest answer on the wire, in bytes.
const MAX_WIRE_BYTES: usize = 16 * 1024 * 1024;
/// The whole of an answer; shorter than the list's ttl.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A poll that gave no list.
#[derive(Debug, Error)]
pub enum PollError {
    /// No connection, no answer in time, or a broken one.
    #[error("no answer: {0}")]
    Transport(String),
    /// Another status than 200; a redirect is one of them.
    #[error("status {0}")]
    Status(StatusCode),
    /// None of our keys is known there.
    #[error("the issuer publishes no list under any of the keys at hand")]
    NoSuchKey,
    /// Too long on the wire.
    #[error("longer than 16 MiB")]
    TooLong,
    /// Too long when inflated.
    #[error("longer than 64 MiB when inflated")]
    TooLongInflated,
    /// Not gzip, though it says so, or not text.
    #[error("the answer is garbled")]
    Garbled,
    /// The list is not taken.
    #[error("{0}")]
    List(#[from] ListError),
    /// It is older than what is known: there is no way back.
    #[error("the list is older than the one that is known")]
    Older,
    /// A page that says that there is more, and brings nothing of it.
    #[error("a page of the list does not go on after the one before")]
    NoProgress,
    /// A whole list was asked for and something else came.
    #[error("a delta came where the whole list was asked for")]
    NotWhole,
    /// Pages of two epochs came in turn, so that neither list could be read to its end.
    #[error("pages of two epochs come in turn; do all replicas of the issuer use one database?")]
    MixedEpochs,
    /// The task that verifies it died.
    #[error("the list could not be checked")]
    Failed,
}

impl PollError {
    /// Whether a part of the list is there and could not be taken: too long, not understood, or not going on. What is
    /// known is not everything then, however lately it was read.
    pub fn misses_something(&self) -> bool {
        match self {
            Self::TooLong | Self::TooLongInflated | Self::NoProgress | Self::NotWhole | Self::MixedEpochs => {
                true
            }
            Self::List(error) => {
                matches!(error, ListError::Malformed(_) | ListError::Rejected(Rejected::WrongType))
            }
            Self::Transport(_)
            | Self::Status(_)
            | Self::NoSuchKey
            | Self::Garbled
            | Self::Older
            | Self::Failed => false,
        }
    }
}

/// Asks one issuer for its lists.
#[derive(Clone, Debug)]
pub struct RevocationClient {
    http: Client,
    url: Url,
}

impl RevocationClient {
    /// Checks the URL, under which a list is found by its key's id, and makes the client.
    pub fn new(url: &str, outbound: &Outbound) -> Result<Self, UrlRefused> {
        let mut url = checked_url("revocations_url", url, outbound)?;
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self { http: outbound.raw_client(ANSWER_WITHIN)?, url })
    }

    /// The URL of the issuer's lists where none is configured.
    pub fn of_issuer(issuer: &str, outbound: &Outbound) -> Result<Self, UrlRefused> {
        Self::new(&format!("{}/revocations", issuer.trim_end_matches('/')), outbound)
    }

    /// The URL.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Asks for what came after `since`, for the list of this key. The document is not verified yet; `None` where
    /// the issuer has no list under that key.
    pub async fn fetch(&self, kid: &str, since: i64) -> Result<Option<String>, PollError> {
        let mut url = self.url.clone();
        // A URL with a host takes segments; a kid is escaped as one of them.
        url.path_segments_mut().map_err(|()| PollError::NoSuchKey)?.pop_if_empty().push(kid);
        if since > 0 {
            url.query_pairs_mut().append_pair("since", &since.to_string());
        }
        let request = self.http.get(url).header(header::ACCEPT, "application/revocations+jwt");
        let response = request.header(header::ACCEPT_ENCODING, "gzip").send().await;
        let response = response.map_err(|error| PollError::Transport(transport(error)))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            other => return Err(PollError::Status(other)),
        }
        let codings = response.headers().get_all(header::CONTENT_ENCODING);
        let gzip = codings.iter().any(|coding| coding.as_bytes().eq_ignore_ascii_case(b"gzip"));
        let body = capped_body(response).await?;
        let inflated = if gzip {
            let inflating = tokio::task::spawn_blocking(move || inflate(&body));
            inflating.await.map_err(|_| PollError::Failed)??
        } else {
            body
        };
        String::from_utf8(inflated).map(Some).map_err(|_| PollError::Garbled)
    }
}

async fn capped_body(mut response: Response) -> Result<Vec<u8>, PollError> {
    let mut body = Vec::new();
    let broken = |error| PollError::Transport(transport(error));
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_WIRE_BYTES {
            return Err(PollError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn inflate(gzip: &[u8]) -> Result<Vec<u8>, PollError> {
    let limit = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX);
    let mut inflated = Vec::new();
    let mut decoder = GzDecoder::new(gzip).take(limit.saturating_add(1));
    decoder.read_to_end(&mut inflated).map_err(|_| PollError::Garbled)?;
    if inflated.len() > MAX_LIST_BYTES { Err(PollError::TooLongInflated) } else { Ok(inflated) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn d20_a_small_answer_that_inflates_without_end_is_refused() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![b'a'; 1024 * 1024];
        for _ in 0..65 {
            encoder.write_all(&zeros).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 1024 * 1024);
        assert!(matches!(inflate(&bomb), Err(PollError::TooLongInflated)));
        assert!(matches!(inflate(b"not gzip"), Err(PollError::Garbled)));
    }

    #[test]
    fn d20_the_list_is_found_under_the_issuer() {
        let of = |issuer| RevocationClient::of_issuer(issuer, &Outbound::default());
        assert_eq!(of("https://as.example").unwrap().url(), "https://as.example/revocations");
        assert_eq!(of("https://as.example/t/").unwrap().url(), "https://as.example/t/revocations");
        assert!(of("http://as.example").unwrap_err().to_string().contains("revocations_url"));
        assert!(of("steelcut").is_err());
    }
}
