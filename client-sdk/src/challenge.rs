//! `WWW-Authenticate`, RFC 9110 section 11.6.1, with the parameters of RFC 6750 section 3.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use zeroize::Zeroizing;

use crate::OAuthError;
use crate::oauth_error::{clean, without};

/// One challenge of a server: a scheme with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// Every challenge of an answer, in order. A header that breaks the grammar gives those before the break.
    pub fn parse(headers: &HeaderMap) -> Vec<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        values.filter_map(|value| value.to_str().ok()).flat_map(parse_value).collect()
    }

    /// The challenge of RFC 6750, where there is one.
    pub fn bearer(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers).into_iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("Bearer"))
    }

    /// The scheme as the server wrote it; compare it without case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// A parameter by its name in lower case: `error`, `error_description`, `scope`, `resource_metadata`.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The error with its description, escaped and without these secrets, as an OAuth error.
    pub(crate) fn oauth(&self, secrets: &[Zeroizing<String>]) -> Option<OAuthError> {
        let shown = |name: &str| self.param(name).map(|text| without(text, secrets));
        shown("error").map(|code| OAuthError::new(&code, shown("error_description").as_deref()))
    }

    /// The scope that is asked for, escaped and without these secrets.
    pub(crate) fn scope(&self, secrets: &[Zeroizing<String>]) -> Option<String> {
        self.param("scope").map(|text| clean(&without(text, secrets)))
    }
}

/// Reads challenges one after another: after a comma comes either a parameter (`name=`) or a new scheme.
fn parse_value(value: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = skip(value);
    while !rest.is_empty() {
        let Some((word, after)) = token(rest) else { break };
        let equals = after.trim_start_matches([' ', '\t']).strip_prefix('=');
        if let (Some(text), Some(challenge)) = (equals, found.last_mut()) {
            let Some((content, left)) = param_value(text.trim_start_matches([' ', '\t'])) else { break };
            challenge.params.push((word.to_ascii_lowercase(), content));
            rest = skip(left);
        } else if equals.is_some() {
            break;
        } else {
            found.push(Challenge { scheme: word.to_owned(), params: Vec::new() });
            rest = skip(token68(after).unwrap_or(after));
        }
    }
    found
}

/// Skips what separates: spaces and commas.
fn skip(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', ','])
}

/// A token at the front (RFC 9110 section 5.6.2), and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)));
    let split = text.split_at(end.unwrap_or(text.len()));
    (!split.0.is_empty()).then_some(split)
}

/// Skips one token68 (as `Negotiate` has), if that is what follows and not a parameter or another scheme.
fn token68(after: &str) -> Option<&str> {
    let text = after.strip_prefix(' ')?.trim_start();
    let end = text.find(',').unwrap_or(text.len());
    let (word, left) = text.split_at(end);
    let bare = word.trim_end().trim_end_matches('=');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    (!bare.is_empty() && bare.chars().all(allowed)).then_some(left)
}

/// A parameter's value: a token, or a quoted string with its escapes undone.
fn param_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(word, left)| (word.to_owned(), left));
    };
    let mut content = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return quoted.get(at.saturating_add(1)..).map(|left| (content, left)),
            '\\' => content.push(characters.next()?.1),
            c => content.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn several_challenges_in_one_header_and_in_several_are_read() {
        let found = Challenge::parse(&headers(&[
            r#"Negotiate a/b==, Basic realm="x, y", Bearer"#,
            r#"DPoP algs="ES256", error=use_dpop_nonce"#,
        ]));
        let schemes: Vec<_> = found.iter().map(Challenge::scheme).collect();
        assert_eq!(schemes, ["Negotiate", "Basic", "Bearer", "DPoP"]);
        assert_eq!(found[1].param("realm"), Some("x, y"));
        assert_eq!(found[3].param("error"), Some("use_dpop_nonce"));
    }

    #[test]
    fn a_parameter_inside_a_value_is_not_taken_for_one() {
        let value = r#"bearer realm="scope=admin, error=\"invalid_token\"", SCOPE="read write""#;
        let challenge = Challenge::bearer(&headers(&[value])).unwrap();
        assert_eq!(challenge.param("scope"), Some("read write"));
        assert_eq!(challenge.param("error"), None);
        assert_eq!(challenge.param("realm"), Some(r#"scope=admin, error="invalid_token""#));
    }

    #[test]
    fn a_broken_header_gives_what_came_before() {
        assert_eq!(Challenge::parse(&headers(&["=x", ",,,"])), []);
        let challenge = Challenge::bearer(&headers(&[r#"Bearer error="invalid_token", x="open"#])).unwrap();
        assert_eq!(challenge.param("error"), Some("invalid_token"));
        assert_eq!(challenge.param("x"), None);
    }
}
