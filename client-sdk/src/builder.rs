//! Settings of a client, checked when it is built.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use trefoil_shared::{ClientId, ServerMetadata};
use url::Url;

use crate::ambient::Ambient;
use crate::client::Inner;
use crate::origin::{PlainHosts, parse};
use crate::transport::{HttpSettings, Transport};
use crate::{Client, ClientAuth, Clock, Error, Result, RetryPolicy, TokenObserver, blocking, discovery};

/// Settings of a [`Client`]. Those of the network (time limit, certificates, plain-http hosts) hold for
/// [`ClientBuilder::discover`] too, if they are named before it.
#[derive(Clone)]
pub struct ClientBuilder {
    id: String,
    auth: ClientAuth,
    issuer: Option<String>,
    endpoints: Endpoints,
    params: Vec<(String, String)>,
    headers: HeaderMap,
    retry: RetryPolicy,
    observers: Vec<Arc<dyn TokenObserver>>,
    settings: HttpSettings,
    ambient: Ambient,
    /// What discovery has used, for the client to go on with.
    transport: Option<Transport>,
}

/// Endpoints as they were named, not checked yet.
#[derive(Clone, Default)]
struct Endpoints {
    token: Option<String>,
    revocation: Option<String>,
    introspection: Option<String>,
}

impl ClientBuilder {
    pub(crate) fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            auth: ClientAuth::None,
            issuer: None,
            endpoints: Endpoints::default(),
            params: Vec::new(),
            headers: HeaderMap::new(),
            retry: RetryPolicy::default(),
            observers: Vec::new(),
            settings: HttpSettings::default(),
            ambient: Ambient::default(),
            transport: None,
        }
    }

    /// Reads the metadata of `issuer` with the settings named so far: the well-known inserted before the path
    /// (RFC 8414), then the forms of OpenID Connect. The document must say exactly this issuer.
    pub async fn discover(mut self, issuer: &str) -> Result<Self> {
        let transport = self.connect()?;
        let metadata = discovery::discover(&transport, &self.retry, issuer).await?;
        self.transport = Some(transport);
        Ok(self.metadata(metadata))
    }

    fn connect(&mut self) -> Result<Transport> {
        let (settings, ambient) = (self.settings.clone(), self.ambient.clone());
        match self.transport.take() {
            Some(transport) => transport.with(settings, ambient),
            None => Transport::new(settings, ambient),
        }
    }

    /// Takes the endpoints from a metadata document that the caller has.
    #[must_use]
    pub fn metadata(mut self, metadata: ServerMetadata) -> Self {
        self.issuer = Some(metadata.issuer);
        self.endpoints = Endpoints {
            token: metadata.token_endpoint,
            revocation: metadata.revocation_endpoint,
            introspection: metadata.introspection_endpoint,
        };
        self
    }

    /// Names the issuer without asking it: tokens are stored under it.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Names the token endpoint.
    #[must_use]
    pub fn token_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.token = Some(url.into());
        self
    }

    /// Names the revocation endpoint.
    #[must_use]
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.revocation = Some(url.into());
        self
    }

    /// Names the introspection endpoint.
    #[must_use]
    pub fn introspection_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.introspection = Some(url.into());
        self
    }

    /// How the client authenticates. Default: [`ClientAuth::None`].
    #[must_use]
    pub fn auth(mut self, auth: ClientAuth) -> Self {
        self.auth = auth;
        self
    }

    /// Adds a parameter to every token request.
    #[must_use]
    pub fn default_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Adds a header to every token request; `Authorization` and `Content-Type` are the grant's own.
    pub fn default_header(mut self, name: &str, value: &str) -> Result<Self> {
        let bad = || Error::configuration("a default header has a name and a value that HTTP can carry");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        self.headers.insert(name, HeaderValue::from_str(value).map_err(|_| bad())?);
        Ok(self)
    }

    /// The time that one attempt may take, from connecting to the last byte. Default: 30 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// The longest answer, in bytes after decompression. Default: 1 MiB.
    #[must_use]
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.settings.cap = bytes;
        self
    }

    /// Trusts the certificates of a PEM beside those of the system.
    #[must_use]
    pub fn root_ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.settings.root_ca_pem.push(pem.into());
        self
    }

    /// Sends https through a proxy (`CONNECT`, so that it sees no content); plain http goes directly. The environment's
    /// proxy variables are not read.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.settings.proxy = Some(url.into());
        self
    }

    /// Lets plain http go to `host` (a name or an address, any port), for a lab network. Whoever can listen there
    /// reads the secret and the tokens.
    #[must_use]
    pub fn allow_plain_http(mut self, host: &str) -> Self {
        self.settings.plain.allow(host);
        self
    }

    /// How often requests are repeated that may be.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Adds somebody who is told of tokens and failures.
    #[must_use]
    pub fn observer(mut self, observer: impl TokenObserver + 'static) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Takes the time from `clock` instead of the machine.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.ambient = Ambient::new(clock);
        self
    }

    /// Checks the settings and makes the client. A missing endpoint is an error only where it is used.
    pub fn build(mut self) -> Result<Client> {
        let id: ClientId = self.id.parse().map_err(|e| Error::configuration(format!("{e}")))?;
        let plain = &self.settings.plain;
        let token_endpoint = endpoint(self.endpoints.token.as_deref(), "the token_endpoint", plain)?;
        let revocation_endpoint =
            endpoint(self.endpoints.revocation.as_deref(), "the revocation_endpoint", plain)?;
        let introspection_endpoint =
            endpoint(self.endpoints.introspection.as_deref(), "the introspection_endpoint", plain)?;
        let transport = self.connect()?;
        Ok(Client::new(Inner {
            id: id.into(),
            issuer: self.issuer,
            token_endpoint,
            revocation_endpoint,
            introspection_endpoint,
            auth: self.auth,
            params: self.params,
            headers: self.headers,
            retry: self.retry,
            observers: self.observers,
            transport,
        }))
    }

    /// Makes the client for use without async.
    pub fn build_blocking(mut self) -> Result<blocking::Client> {
        // A connection is driven by the runtime that made it, which a blocking call may be holding up.
        self.transport = None;
        self.build().map(blocking::Client::from)
    }
}

/// A named endpoint as a URL that may be spoken to.
fn endpoint(text: Option<&str>, what: &str, plain: &PlainHosts) -> Result<Option<Url>> {
    let Some(text) = text else { return Ok(None) };
    let url = parse(text, what)?;
    plain.check(&url)?;
    Ok(Some(url))
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("client_id", &self.id)
            .field("issuer", &self.issuer)
            .field("token_endpoint", &self.endpoints.token)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}
