//! Taking exactly one token from a request: RFC 6750 section 2.1 and no other way (OAuth 2.1 section 5).

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use memchr::{memchr, memchr2};

use crate::peek::peek;
use crate::refused::Refused;

/// How much of a form is searched for a token, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// The token of the one `Authorization: Bearer` header. The scheme is compared without case (RFC 9110 section 11.1).
/// Another scheme, or no header, is a request without credentials.
pub(crate) fn token_of_header(headers: &HeaderMap) -> Result<&str, Refused> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(Refused::NoToken) };
    if values.next().is_some() {
        return Err(Refused::SeveralAuthorizations);
    }
    token_of_value(value)
}

fn token_of_value(value: &HeaderValue) -> Result<&str, Refused> {
    let bytes = value.as_bytes();
    let (scheme, rest) = bytes.split_at(memchr(b' ', bytes).unwrap_or(bytes.len()));
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Refused::NoToken);
    }
    let token = rest.trim_ascii();
    if token.is_empty() || memchr2(b' ', b'\t', token).is_some() {
        return Err(Refused::MalformedAuthorization);
    }
    std::str::from_utf8(token).map_err(|_| Refused::NotAToken)
}

/// Refuses a query with an `access_token` in it (RFC 6750 section 5.3: it would land in logs).
pub(crate) fn refuse_token_in_query(query: Option<&str>) -> Result<(), Refused> {
    match query {
        Some(query) if names_access_token(query.as_bytes()) => Err(Refused::TokenInQuery),
        Some(_) | None => Ok(()),
    }
}

/// How much of a form is looked at, and what becomes of a longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// They are for the application behind: a longer one is looked at up to there and handed on whole.
    Application,
    /// Nothing here takes any: a longer one is refused.
    Nobody,
}

/// Refuses a form body with an `access_token` in it (RFC 6750 section 2.2 is not offered). Only the beginning of a form
/// is read, and the body is handed on as it was; a GET's or HEAD's content means nothing (RFC 9110 section 9.3.1) and is
/// not looked at.
pub async fn refuse_token_in_form(head: &Parts, body: Body, forms: Forms) -> Result<Body, Refused> {
    if matches!(head.method, Method::GET | Method::HEAD) || !is_form(&head.headers) {
        return Ok(body);
    }
    let (beginning, body) = peek(body, MAX_FORM).await;
    if forms == Forms::Nobody && beginning.len() > MAX_FORM {
        return Err(Refused::FormTooLarge);
    }
    if names_access_token(&beginning) {
        return Err(Refused::TokenInForm);
    }
    Ok(body)
}

fn names_access_token(form: &[u8]) -> bool {
    form_urlencoded::parse(form).any(|(name, _)| name == "access_token")
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_TYPE).iter().any(|value| {
        let essence = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|v| (header::AUTHORIZATION, HeaderValue::from_str(v).unwrap())).collect()
    }

    #[test]
    fn the_scheme_is_compared_without_case() {
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            assert_eq!(token_of_header(&headers(&[&format!("{scheme} a.b.c")])), Ok("a.b.c"), "{scheme}");
        }
    }

    #[test]
    fn no_header_or_another_scheme_is_no_credentials() {
        for values in [&[][..], &["Basic YTpi"], &["DPoP a.b.c"], &["Bearerx a.b.c"], &[""]] {
            assert_eq!(token_of_header(&headers(values)), Err(Refused::NoToken), "{values:?}");
        }
    }

    #[test]
    fn a108_two_headers_or_two_tokens_are_an_invalid_request() {
        let twice = [
            &["Bearer a.b.c", "Bearer a.b.c"][..],
            &["Bearer a.b.c", "DPoP d.e.f"],
            &["Basic a", "Bearer b"],
        ];
        for values in twice {
            assert_eq!(token_of_header(&headers(values)), Err(Refused::SeveralAuthorizations), "{values:?}");
        }
        for value in ["Bearer", "Bearer ", "Bearer a.b.c d.e.f", "Bearer a.b.c, Bearer d.e.f", "Bearer a\tb"]
        {
            assert_eq!(
                token_of_header(&headers(&[value])),
                Err(Refused::MalformedAuthorization),
                "{value:?}"
            );
        }
    }

    #[test]
    fn a108_a_token_in_the_query_is_seen_however_it_is_written() {
        for query in ["access_token=a.b.c", "x=1&access_token=", "access%5Ftoken=a", "access_token"] {
            assert_eq!(refuse_token_in_query(Some(query)), Err(Refused::TokenInQuery), "{query}");
        }
        for query in [None, Some(""), Some("token=a"), Some("q=access_token")] {
            assert_eq!(refuse_token_in_query(query), Ok(()), "{query:?}");
        }
    }

    #[test]
    fn a092_bytes_that_are_no_text_are_no_token() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff\xfe.b.c").unwrap());
        assert_eq!(token_of_header(&headers), Err(Refused::NotAToken));
    }
}
