//! The client: who we are at one authorization server.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use reqwest::{Method, Request};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use crate::retry::{retry_after, status_is_passing};
use crate::transport::{Reply, Transport};
use crate::{
    ClientAuth, ClientBuilder, ClientCredentials, Error, ErrorKind, OAuthError, Result, RetryPolicy,
    TokenObserver, TokenSet,
};

/// A client of one authorization server. Cheap to clone, without type parameters: keep it in the app's state.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What a client is made of; [`ClientBuilder::build`] fills it.
pub(crate) struct Inner {
    pub(crate) id: String,
    pub(crate) issuer: Option<String>,
    pub(crate) token_endpoint: Option<Url>,
    pub(crate) auth: ClientAuth,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) retry: RetryPolicy,
    pub(crate) observers: Vec<Arc<dyn TokenObserver>>,
    pub(crate) transport: Transport,
}

/// One form for the token endpoint.
pub(crate) type Form<'a> = Vec<(&'a str, &'a str)>;

impl Client {
    /// Starts a client whose endpoints are named by hand, or found by [`ClientBuilder::discover`].
    pub fn builder(id: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(id)
    }

    /// Starts a client of `issuer`, whose metadata is read now (or was, by another client of this process). Where
    /// certificates or a plain-http host must be named first, see [`ClientBuilder::discover`].
    pub async fn discover(issuer: &str, id: impl Into<String>) -> Result<ClientBuilder> {
        ClientBuilder::new(id).discover(issuer).await
    }

    /// The grant of RFC 6749 section 4.4: a token for the client itself.
    pub fn client_credentials(&self) -> ClientCredentials {
        ClientCredentials::new(self.clone())
    }

    /// The client identifier.
    pub fn client_id(&self) -> &str {
        &self.inner.id
    }

    /// The issuer, where it is known.
    pub fn issuer(&self) -> Option<&str> {
        self.inner.issuer.as_deref()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn token_endpoint(&self) -> Result<&Url> {
        self.inner.token_endpoint.as_ref().ok_or_else(|| {
            let why = "no token_endpoint: discover the issuer, or name the endpoint";
            Error::new(ErrorKind::EndpointMissing("token_endpoint"), why)
        })
    }

    /// Posts a form to the token endpoint and reads the answer. Repeats it as the policy allows, so only for grants
    /// that may be sent twice.
    pub(crate) async fn ask_for_token(&self, form: &Form<'_>, auth: &ClientAuth) -> Result<TokenSet> {
        let mut request = Request::new(Method::POST, self.token_endpoint()?.clone());
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(self.inner.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(value) = auth.header(&self.inner.id)? {
            headers.insert(AUTHORIZATION, value);
        }
        *request.body_mut() = Some(encode(form).into());
        let asked_at = self.inner.transport.ambient.now();
        let reply = self.inner.transport.send(request, Some(&self.inner.retry)).await?;
        let status = reply.status();
        let wait = retry_after(reply.headers());
        let body = match redirected(&reply) {
            Some(error) => return Err(error),
            None => reply.read().await?,
        };
        match refusal(status, &body, auth) {
            Some(error) => Err(error.with_retry_after(wait)),
            None => TokenSet::from_answer(&body, asked_at),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("client_id", &self.inner.id)
            .field("issuer", &self.inner.issuer)
            .field("token_endpoint", &self.inner.token_endpoint.as_ref().map(Url::as_str))
            .field("auth", &self.inner.auth)
            .finish_non_exhaustive()
    }
}

/// The form as bytes that are wiped when the request is done with them.
pub(crate) fn encode(form: &Form<'_>) -> Bytes {
    let mut text = String::with_capacity(512);
    form_urlencoded::Serializer::new(&mut text).extend_pairs(form);
    Bytes::from_owner(Zeroizing::new(text.into_bytes()))
}

/// A redirect is an error: the form holds credentials, and they go nowhere else.
fn redirected(reply: &Reply) -> Option<Error> {
    let status = reply.status();
    (300..400).contains(&status).then(|| {
        let why =
            format!("the token endpoint redirects ({status}), which is not followed: name the true endpoint");
        Error::new(ErrorKind::Redirect, why).with_status(status)
    })
}

/// Reads an answer as a refusal: an `error` at any status (there are servers that answer 200 with one), or a status
/// that is no success.
pub(crate) fn refusal(status: u16, body: &[u8], auth: &ClientAuth) -> Option<Error> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(oauth) = answer.as_ref().and_then(OAuthError::decode) {
        let oauth = auth.secret().map_or(oauth.clone(), |secret| oauth.without(secret.reveal()));
        let error = Error::new(ErrorKind::OAuth, "the server refused the token request");
        return Some(error.with_oauth(oauth).with_status(status));
    }
    if (200..300).contains(&status) {
        return None;
    }
    let why = if status_is_passing(status) { "the server cannot answer now" } else { "the server refused" };
    Some(Error::new(ErrorKind::Status(status), format!("{why} ({status})")).with_status(status))
}
