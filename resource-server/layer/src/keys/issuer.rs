//! The issuer's metadata (RFC 8414): where its keys are, for `doctor`.

use std::time::Duration;

use http::{StatusCode, header};
use trefoil_shared::{Clock, SystemClock};
use trefoil_shared::{ServerMetadata, Timestamp};
use url::Url;

use super::remote::JwksClient;
use crate::outbound::{Fault, Outbound, checked_url};

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest metadata document, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// An issuer's metadata, and when it came.
#[derive(Debug)]
pub struct IssuerMetadata {
    /// The document.
    pub document: ServerMetadata,
    /// The answer's `Date`.
    pub date: Option<Timestamp>,
    /// The time by our clock when the answer came.
    pub received: Timestamp,
}

impl IssuerMetadata {
    /// Asks the issuer. The error is one line: the URL and why.
    pub async fn fetch(issuer: &str, outbound: &Outbound) -> Result<Self, String> {
        let mut url = checked_url("issuer", issuer, outbound).map_err(|reason| reason.to_string())?;
        url.set_path(&inserted(&url));
        let failed = |reason: String| format!("{url}: {reason}");
        let http = outbound.client(ANSWER_WITHIN).map_err(|reason| reason.to_string())?;
        let sent = http.get(url.clone()).header(header::ACCEPT, "application/json").send().await;
        let broken = |error: reqwest::Error| failed(Fault::of(&error.without_url()).to_string());
        let mut response = sent.map_err(broken)?;
        let received = SystemClock.now();
        if response.status() != StatusCode::OK {
            return Err(failed(format!("status {}", response.status().as_u16())));
        }
        let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok()).map(Timestamp::from_system);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(failed("longer than 512 KiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        let document: ServerMetadata =
            serde_json::from_slice(&body).map_err(|_| failed("not the metadata of an issuer".to_owned()))?;
        // RFC 8414 section 3.3.
        if document.issuer != issuer {
            return Err(failed(format!("it is the metadata of `{}`", document.issuer.escape_debug())));
        }
        Ok(Self { document, date, received })
    }

    /// Asks for the keys.
    pub fn jwks(&self, outbound: &Outbound) -> Result<JwksClient, String> {
        let url = self.document.jwks_uri.as_deref().ok_or("the issuer's metadata names no jwks_uri")?;
        JwksClient::new(url, outbound).map_err(|reason| reason.to_string())
    }
}

/// RFC 8414 section 3.1: the well-known path stands before the issuer's own, whose slash at the end is removed.
fn inserted(issuer: &Url) -> String {
    format!("{WELL_KNOWN}{}", issuer.path().trim_end_matches('/'))
}
