//! The client: who we are at one authorization server.

use std::sync::Arc;

use http::HeaderMap;
use url::Url;

use crate::form_post::FormPost;
use crate::transport::Transport;
use crate::{
    ClientAuth, ClientBuilder, ClientCredentials, Error, ErrorKind, Introspection, Result, RetryPolicy,
    Secret, TokenObserver,
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
    pub(crate) revocation_endpoint: Option<Url>,
    pub(crate) introspection_endpoint: Option<Url>,
    pub(crate) auth: ClientAuth,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) retry: RetryPolicy,
    pub(crate) observers: Vec<Arc<dyn TokenObserver>>,
    pub(crate) transport: Transport,
}

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
        named(self.inner.token_endpoint.as_ref(), "token_endpoint")
    }

    /// Ends a token that is not needed any more (RFC 7009). A server that does not know it says nothing. With
    /// ours an opaque token ends at once, and a JWT as soon as its verifiers have read the revocation list.
    pub async fn revoke(&self, token: &Secret) -> Result<()> {
        let endpoint = named(self.inner.revocation_endpoint.as_ref(), "revocation_endpoint")?;
        let form = vec![("token", token.reveal()), ("client_id", self.client_id())];
        let post = FormPost::new(endpoint, &form, &self.inner.auth);
        post.send(&self.inner.transport, &self.inner.retry).await.map(drop)
    }

    /// Asks what a token is worth (RFC 7662). A server says `active: false` also of tokens that this client may not
    /// know about.
    pub async fn introspect(&self, token: &Secret) -> Result<Introspection> {
        let endpoint = named(self.inner.introspection_endpoint.as_ref(), "introspection_endpoint")?;
        let form = vec![("token", token.reveal()), ("client_id", self.client_id())];
        let post = FormPost::new(endpoint, &form, &self.inner.auth);
        Introspection::parse(&post.send(&self.inner.transport, &self.inner.retry).await?.body)
    }
}

fn named<'a>(endpoint: Option<&'a Url>, name: &'static str) -> Result<&'a Url> {
    endpoint.ok_or_else(|| {
        let why = format!("no {name}: discover the issuer, or name the endpoint");
        Error::new(ErrorKind::EndpointMissing(name), why)
    })
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
