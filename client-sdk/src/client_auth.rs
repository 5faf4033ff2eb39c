//! How a request to the token endpoint is authenticated, RFC 6749 section 2.3.1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{Error, Result, Secret};

/// How the client proves itself. More kinds come with their grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// A public client: its `client_id` alone.
    #[default]
    None,
    /// The secret in the Authorization header (`client_secret_basic`), id and secret form-encoded first.
    SecretBasic(Secret),
    /// The secret in the form (`client_secret_post`).
    SecretPost(Secret),
}

impl ClientAuth {
    /// The Authorization header, where this kind has one.
    pub(crate) fn header(&self, client_id: &str) -> Result<Option<HeaderValue>> {
        let Self::SecretBasic(secret) = self else { return Ok(None) };
        let text = Zeroizing::new(format!("Basic {}", *basic_pair(client_id, secret)));
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Error::configuration("the client secret does not fit a header"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// The secret for the form, where this kind puts it there.
    pub(crate) fn form_secret(&self) -> Option<&Secret> {
        match self {
            Self::SecretPost(secret) => Some(secret),
            Self::None | Self::SecretBasic(_) => None,
        }
    }

    /// The secret, if this kind has one.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        match self {
            Self::SecretPost(secret) | Self::SecretBasic(secret) => Some(secret),
            Self::None => None,
        }
    }

    /// The secret in every form in which a request carries it, to keep them out of error texts.
    pub(crate) fn traces(&self, client_id: &str) -> Vec<Zeroizing<String>> {
        let Some(secret) = self.secret() else { return Vec::new() };
        let mut traces = vec![Zeroizing::new(secret.reveal().to_owned()), encode(secret.reveal())];
        let pair = basic_pair(client_id, secret);
        traces.push(Zeroizing::new(pair.trim_end_matches('=').to_owned()));
        traces
    }

    /// The kind's registered name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
        }
    }
}

/// Id and secret, each form-encoded, in base64.
fn basic_pair(client_id: &str, secret: &Secret) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{}:{}", *encode(client_id), *encode(secret.reveal())));
    Zeroizing::new(STANDARD.encode(pair.as_bytes()))
}

fn encode(half: &str) -> Zeroizing<String> {
    Zeroizing::new(form_urlencoded::byte_serialize(half.as_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_form_encodes_both_halves() {
        let auth = ClientAuth::SecretBasic(Secret::new("p w:é"));
        let header = auth.header("c:d").unwrap().unwrap();
        let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(STANDARD.decode(encoded).unwrap(), b"c%3Ad:p+w%3A%C3%A9");
        assert!(header.is_sensitive());
    }

    #[test]
    fn only_post_puts_the_secret_into_the_form() {
        assert!(ClientAuth::SecretBasic(Secret::new("s")).form_secret().is_none());
        assert!(ClientAuth::None.form_secret().is_none());
        assert_eq!(ClientAuth::SecretPost(Secret::new("s")).form_secret(), Some(&Secret::new("s")));
        assert_eq!(ClientAuth::SecretPost(Secret::new("s")).header("c").unwrap(), None);
    }

    #[test]
    fn a138_debug_of_client_auth_is_redacted() {
        let shown = format!("{:?}", ClientAuth::SecretPost(Secret::new("canary")));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
