//! Reading a form: RFC 6749 section 3.2 and appendix B.

use std::net::IpAddr;

use axum::BoxError;
use axum::body::{Body, HttpBody};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use trefoil_shared::{PeerAddr, Secret};
use zeroize::Zeroizing;

use super::client_ip::client_ip;
use super::content_type::{Charset, form_charset, is_ascii_form};
use super::error::Refused;
use crate::app::App;
use crate::protocol::{Authorization, Denied, Params, RequestDenied};

/// What a form endpoint reads of a request.
pub(super) struct Form {
    /// The parameters.
    pub(super) params: Params,
    /// The Authorization header.
    pub(super) authorization: Authorization,
    /// The client's address, where it is known.
    pub(super) address: Option<IpAddr>,
}

impl Form {
    /// Reads and checks head and body.
    pub(super) async fn read(app: &App, request: Request<Body>) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let address = address(app, &parts);
        let form = Self::read_from(app, (&parts, body), address).await;
        form.map_err(|denied| Refused::from(denied).sent_from(address))
    }

    async fn read_from(
        app: &App,
        (parts, body): (&Parts, Body),
        address: Option<IpAddr>,
    ) -> Result<Self, Denied> {
        let charset = check_head(parts)?;
        let authorization = authorization(&parts.headers);
        let body = read_body(body, app.policy().max_body).await?;
        if charset == Charset::AsciiAndMore && !is_ascii_form(&body) {
            return Err(Denied::Request(RequestDenied::CharsetUnsupported));
        }
        let params = Params::parse(&body, app.policy().max_parameters)?;
        Ok(Self { params, authorization, address })
    }
}

fn check_head(parts: &Parts) -> Result<Charset, Denied> {
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Denied::Request(RequestDenied::QueryParameters));
    }
    let mut types = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else {
        return Err(Denied::Request(RequestDenied::ContentTypeNotForm));
    };
    form_charset(only.as_bytes())
}

/// The rightmost address that no trusted proxy vouches for; absent where the program that mounts us does not say.
fn address(app: &App, parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<PeerAddr>()?;
    Some(client_ip(*peer, &parts.headers, &app.policy().trusted_proxies))
}

fn authorization(headers: &HeaderMap) -> Authorization {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Authorization::Absent };
    if values.next().is_some() {
        return Authorization::Repeated;
    }
    let Ok(text) = value.to_str() else { return Authorization::BrokenBasic };
    let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
    if credentials.trim_matches(' ').is_empty() {
        return match scheme {
            "" => Authorization::Absent,
            scheme if scheme.eq_ignore_ascii_case("basic") => Authorization::EmptyBasic,
            _ => Authorization::EmptyOther,
        };
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Authorization::Other;
    }
    basic(credentials.trim_matches(' ')).unwrap_or(Authorization::BrokenBasic)
}

fn basic(credentials: &str) -> Option<Authorization> {
    let decoded = Zeroizing::new(STANDARD.decode(credentials).ok()?);
    let pair = std::str::from_utf8(&decoded).ok()?;
    Some(Authorization::Basic(Secret::new(pair)))
}

async fn read_body(body: Body, limit: usize) -> Result<Bytes, Denied> {
    let mut body = Limited::new(body, limit);
    let refused = |error: BoxError| {
        if error.is::<LengthLimitError>() {
            Denied::Request(RequestDenied::BodyTooLarge)
        } else {
            Denied::Request(RequestDenied::BodyIncomplete)
        }
    };
    // Nearly every form comes in one piece, which is taken as it is.
    let Some(first) = body.frame().await else { return Ok(Bytes::new()) };
    let first = first.map_err(refused)?.into_data().unwrap_or_default();
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(piece) = body.frame().await {
        whole.extend_from_slice(&piece.map_err(refused)?.into_data().unwrap_or_default());
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &[u8]) -> Authorization {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, http::HeaderValue::from_bytes(value).unwrap());
        authorization(&headers)
    }

    #[test]
    fn a035_basic_with_bad_base64_or_bad_utf8_is_broken() {
        for bad in [&b"Basic !!!"[..], b"Basic YTpi!", b"Basic /w==", b"Basic \xff"] {
            assert!(matches!(read(bad), Authorization::BrokenBasic), "{bad:?}");
        }
    }

    #[test]
    fn case_34_a_header_without_credentials_is_told_from_one_with_broken_ones() {
        for empty in [&b""[..], b" "] {
            assert!(matches!(read(empty), Authorization::Absent), "{empty:?}");
        }
        for empty in [&b"Basic"[..], b"basic  "] {
            assert!(matches!(read(empty), Authorization::EmptyBasic), "{empty:?}");
        }
        for empty in [&b"Bearer"[..], b"Bearer "] {
            assert!(matches!(read(empty), Authorization::EmptyOther), "{empty:?}");
        }
    }

    #[test]
    fn the_scheme_is_read_without_case() {
        for good in [&b"Basic YTpi"[..], b"basic YTpi", b"BASIC  YTpi"] {
            assert!(matches!(read(good), Authorization::Basic(pair) if pair.reveal() == "a:b"));
        }
        assert!(matches!(read(b"Bearer x"), Authorization::Other));
    }
}
