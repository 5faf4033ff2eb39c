//! Finding a server's metadata: RFC 8414 section 3, then the two forms of OpenID Connect Discovery.

use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use reqwest::{Method, Request};
use trefoil_shared::ServerMetadata;
use url::Url;

use crate::metadata_cache::{self, CacheKey, Entry};
use crate::oauth_error::clean;
use crate::origin::{is_internal, parse};
use crate::retry::status_is_passing;
use crate::transport::{Reply, Transport};
use crate::{Error, ErrorKind, Result, RetryPolicy, json};

/// Seconds that a document counts as fresh where the server does not say.
const DEFAULT_FRESH: i64 = 600;
/// The least and the most that a server can say.
const FRESH_RANGE: (i64, i64) = (60, 3600);

/// Where one look ended.
enum Look {
    Found(Entry),
    Unchanged(Entry),
    NotHere(String),
}

/// The metadata of `issuer`, from the cache of this process while it is fresh there. Its `issuer` is byte for byte
/// the one asked for (RFC 8414 section 3.3), and its endpoints may be spoken to.
pub(crate) async fn discover(
    transport: &Transport,
    retry: &RetryPolicy,
    issuer: &str,
) -> Result<ServerMetadata> {
    let url = issuer_url(transport, issuer)?;
    let key = CacheKey::new(issuer, transport.settings());
    let known = metadata_cache::find(&key);
    let now = transport.ambient.now();
    if let Some(entry) = known.as_ref().filter(|entry| entry.is_fresh(now)) {
        return Ok(entry.metadata.clone());
    }
    let mut seen = Vec::new();
    for place in candidates(&url) {
        let known = known.as_ref().filter(|entry| entry.url == place);
        match look(transport, retry, &place, known).await? {
            Look::Found(entry) | Look::Unchanged(entry) => {
                check(transport, &entry.metadata, issuer)?;
                let metadata = entry.metadata.clone();
                metadata_cache::keep(key, entry);
                return Ok(metadata);
            }
            Look::NotHere(why) => seen.push(why),
        }
    }
    let why = format!("no metadata of {} was found: {}", clean(issuer), seen.join("; "));
    Err(Error::new(ErrorKind::Discovery, why))
}

fn issuer_url(transport: &Transport, issuer: &str) -> Result<Url> {
    let url = parse(issuer, "the issuer")?;
    if url.query().is_some() {
        return Err(Error::configuration("an issuer has no query (RFC 8414 section 2)"));
    }
    transport.settings().plain.check(&url)?;
    Ok(url)
}

/// The three places, without doubles: the well-known inserted before the path (RFC 8414 section 3.1), the OpenID
/// name inserted, the OpenID name appended (RFC 8414 section 5).
fn candidates(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let forms = [
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    let mut places: Vec<Url> = Vec::new();
    for form in forms {
        let mut place = issuer.clone();
        place.set_path(&form);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

async fn look(
    transport: &Transport,
    retry: &RetryPolicy,
    place: &Url,
    known: Option<&Entry>,
) -> Result<Look> {
    let mut request = Request::new(Method::GET, place.clone());
    request.headers_mut().insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
    if let Some(etag) = known.and_then(|entry| entry.etag.clone()) {
        request.headers_mut().insert(IF_NONE_MATCH, etag);
    }
    let reply = transport.send(request, Some(retry)).await?;
    let fresh_until = transport.ambient.now().plus(fresh_seconds(&reply));
    let etag = reply.headers().get(ETAG).cloned();
    match (reply.status(), known) {
        (200, _) => {}
        (304, Some(entry)) => return Ok(Look::Unchanged(Entry { fresh_until, ..entry.clone() })),
        (status, _) if status_is_passing(status) => {
            let why = format!("the metadata at {place} answered {status}");
            return Err(Error::new(ErrorKind::Status(status), why).with_status(status));
        }
        (status @ 300..400, _) => {
            return Ok(Look::NotHere(format!("{place} redirects ({status}), which is not followed")));
        }
        (status, _) => return Ok(Look::NotHere(format!("{place} answered {status}"))),
    }
    let body = reply.read().await?;
    Ok(match json::read("the answer", &body) {
        Ok(metadata) => Look::Found(Entry { metadata, fresh_until, etag, url: place.clone() }),
        Err(why) => Look::NotHere(format!("at {place} {why}")),
    })
}

fn fresh_seconds(reply: &Reply) -> i64 {
    let text = reply.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = text.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<i64>().ok());
    said.unwrap_or(DEFAULT_FRESH).clamp(FRESH_RANGE.0, FRESH_RANGE.1)
}

fn check(transport: &Transport, metadata: &ServerMetadata, issuer: &str) -> Result<()> {
    if metadata.issuer != issuer {
        return Err(issuer_mismatch(&metadata.issuer, issuer));
    }
    let at = parse(issuer, "the issuer")?;
    let endpoints =
        [&metadata.token_endpoint, &metadata.revocation_endpoint, &metadata.introspection_endpoint];
    for endpoint in endpoints.into_iter().flatten() {
        let url = parse(endpoint, "an endpoint of the metadata")?;
        transport.settings().plain.check(&url)?;
        if url.host() != at.host() && (url.scheme() != "https" || is_internal(&url)) {
            let why = format!("the metadata of {} names an endpoint on an inner host", clean(issuer));
            return Err(Error::new(ErrorKind::InsecureUrl, why));
        }
    }
    Ok(())
}

fn issuer_mismatch(said: &str, asked: &str) -> Error {
    let mut why = format!("asked for the issuer `{}`, the metadata says `{}`", clean(asked), clean(said));
    if said.trim_end_matches('/') == asked.trim_end_matches('/') {
        why.push_str(" (they differ in the slash at the end: use the metadata's spelling)");
    }
    Error::new(ErrorKind::IssuerMismatch, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(issuer: &str) -> Vec<String> {
        candidates(&Url::parse(issuer).unwrap()).into_iter().map(String::from).collect()
    }

    #[test]
    fn d35_the_well_known_is_inserted_before_the_path() {
        assert_eq!(
            places("https://a.example/t/1"),
            [
                "https://a.example/.well-known/oauth-authorization-server/t/1",
                "https://a.example/.well-known/openid-configuration/t/1",
                "https://a.example/t/1/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn an_issuer_without_path_has_two_places() {
        let expected = [
            "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration",
        ];
        assert_eq!(places("https://a.example"), expected);
        assert_eq!(places("https://a.example/"), expected);
    }

    #[test]
    fn a129_a_slash_too_many_is_an_error_that_says_so() {
        let error = issuer_mismatch("https://a.example/", "https://a.example");
        assert_eq!(error.kind(), ErrorKind::IssuerMismatch);
        assert!(error.to_string().contains("slash"), "{error}");
    }
}
