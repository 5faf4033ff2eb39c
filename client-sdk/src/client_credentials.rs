//! The grant of RFC 6749 section 4.4, with resource indicators (RFC 8707).

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use trefoil_shared::ScopeToken;

use crate::form_post::{Form, FormPost};
use crate::store::SessionKeyHasher;
use crate::{
    Client, ClientAuth, Error, Result, Secret, Session, SessionKey, TokenEvent, TokenObserver, TokenSet,
};

/// The registered name of the grant.
const GRANT_TYPE: &str = "client_credentials";

/// Parameters that have a setter of their own.
const OWN_PARAMETERS: [&str; 5] = ["grant_type", "client_id", "client_secret", "resource", "scope"];

/// A request for a token for the client itself.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for before `send` or `cached`"]
pub struct ClientCredentials {
    client: Client,
    grant_type: String,
    scopes: BTreeSet<String>,
    resources: Vec<String>,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    auth: Option<ClientAuth>,
}

impl ClientCredentials {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            params: client.inner().params.clone(),
            client,
            grant_type: GRANT_TYPE.to_owned(),
            scopes: BTreeSet::new(),
            resources: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            auth: None,
        }
    }

    /// Asks for scopes, beside those asked for before. Without any the server grants the client's default.
    pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        for scope in scopes {
            self.scopes.extend(scope.as_ref().split_ascii_whitespace().map(str::to_owned));
        }
        self
    }

    /// Asks for a token for `resource`: a URI, or a bare name such as `api_v0.0.1`. May be called again for more.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Adds a parameter that has no setter here.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter to the query of the endpoint's URL.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets a header, in the place of the client's own of that name.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Authenticates this request otherwise than the client does.
    pub fn auth(mut self, auth: ClientAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Sends another spelling of the grant, for [`crate::legacy`].
    pub(crate) fn spelled(mut self, grant_type: &str) -> Self {
        grant_type.clone_into(&mut self.grant_type);
        self
    }

    /// Asks the server, each time. Repeats the request as [`crate::RetryPolicy`] says.
    pub async fn send(&self) -> Result<TokenSet> {
        let outcome = self.ask().await;
        match &outcome {
            Ok(token) => {
                tracing::debug!(client.id = %self.client.client_id(), "token obtained");
                let event = self.event(token);
                self.tell(|observer| observer.obtained(&event));
            }
            Err(error) => self.tell(|observer| observer.failed(error)),
        }
        outcome
    }

    /// A source that asks once and keeps the token until it has to be renewed, in memory;
    /// [`Session::store`] keeps it in a file as well.
    pub fn cached(self) -> Session {
        Session::new(self)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Tells every observer.
    pub(crate) fn tell(&self, news: impl Fn(&dyn TokenObserver)) {
        for observer in &self.client.inner().observers {
            news(&**observer);
        }
    }

    async fn ask(&self) -> Result<TokenSet> {
        self.check()?;
        let auth = self.authentication();
        let scope = self.scope();
        let mut form: Form<'_> =
            vec![("grant_type", &self.grant_type), ("client_id", self.client.client_id())];
        form.extend(self.resources.iter().map(|resource| ("resource", resource.as_str())));
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        form.extend(self.params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut post = FormPost::new(self.client.token_endpoint()?, &form, auth);
        post.headers = self.request_headers()?;
        if !self.query.is_empty() {
            post.endpoint.query_pairs_mut().extend_pairs(&self.query);
        }
        let inner = self.client.inner();
        let answered = post.send(&inner.transport, &inner.retry).await?;
        TokenSet::from_answer(&answered.body, answered.asked_at)
    }

    fn request_headers(&self) -> Result<HeaderMap> {
        let mut headers = self.client.inner().headers.clone();
        for (name, value) in &self.headers {
            let bad = || Error::configuration("a header has a name and a value that HTTP can carry");
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| bad())?);
        }
        Ok(headers)
    }

    /// What the server would refuse anyway, said before a secret is sent.
    fn check(&self) -> Result<()> {
        if let Some(bad) = self.scopes.iter().find(|scope| scope.parse::<ScopeToken>().is_err()) {
            let shown = crate::oauth_error::clean(bad);
            return Err(Error::configuration(format!("`{shown}` is no scope (RFC 6749 section 3.3)")));
        }
        if self.resources.iter().any(String::is_empty) {
            return Err(Error::configuration("a resource may not be empty"));
        }
        match self.params.iter().find(|(name, _)| OWN_PARAMETERS.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(Error::configuration(format!("{name} has a setter of its own, not `param`")))
            }
            None => Ok(()),
        }
    }

    fn scope(&self) -> String {
        let scopes: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        scopes.join(" ")
    }

    /// Under what a store keeps the token of this request: everything that is sent.
    pub(crate) fn key(&self) -> SessionKey {
        let inner = self.client.inner();
        let auth = self.authentication();
        let mut defaults: Vec<(&str, &[u8])> =
            inner.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        defaults.sort_unstable();
        let mut resources: Vec<&String> = self.resources.iter().collect();
        resources.sort_unstable();
        let mut hasher = SessionKeyHasher::new();
        hasher.section("issuer", inner.issuer.as_ref());
        hasher.section("token_endpoint", inner.token_endpoint.as_ref().map(url::Url::as_str));
        hasher.section("client_id", [self.client.client_id()]);
        hasher.section("auth", [auth.name()]);
        hasher.section("secret", auth.secret().map(Secret::reveal));
        hasher.section("grant_type", [&self.grant_type]);
        hasher.section("scope", &self.scopes);
        hasher.section("resource", resources);
        hasher.section("params", self.params.iter().flat_map(pair));
        hasher.section("query", self.query.iter().flat_map(pair));
        hasher.section(
            "default_headers",
            defaults.into_iter().flat_map(|(name, value)| [name.as_bytes(), value]),
        );
        hasher.section("headers", self.headers.iter().flat_map(pair));
        hasher.finish()
    }

    fn authentication(&self) -> &ClientAuth {
        self.auth.as_ref().unwrap_or(&self.client.inner().auth)
    }

    fn event(&self, token: &TokenSet) -> TokenEvent {
        let asked = Some(self.scope()).filter(|scope| !scope.is_empty());
        TokenEvent {
            client_id: self.client.client_id().to_owned(),
            grant_type: self.grant_type.clone(),
            token_endpoint: self.client.token_endpoint().map(ToString::to_string).unwrap_or_default(),
            resources: self.resources.clone(),
            scope: token.scope().map(str::to_owned).or(asked),
            expires_at: token.expires_at(),
        }
    }
}

fn pair(pair: &(String, String)) -> [&str; 2] {
    [&pair.0, &pair.1]
}
