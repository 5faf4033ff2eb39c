//! The blocking forms of client, grant and session.

use std::sync::Arc;

use super::wait;
use crate::{
    BoxFuture, ClientAuth, ClientBuilder, Generation, Introspection, Result, Secret, TokenSet, TokenSource,
    TokenStore,
};

/// [`crate::Client`] without async. Made by [`ClientBuilder::build_blocking`].
#[derive(Clone, Debug)]
pub struct Client(crate::Client);

/// [`ClientBuilder::discover`] without async, for a builder with settings of the network.
pub fn discover(builder: ClientBuilder, issuer: &str) -> Result<ClientBuilder> {
    let issuer = issuer.to_owned();
    wait(async move { builder.discover(&issuer).await })
}

impl Client {
    /// Starts a client whose endpoints are named by hand, or found by [`discover`].
    pub fn builder(id: impl Into<String>) -> ClientBuilder {
        crate::Client::builder(id)
    }

    /// Starts a client of `issuer`, whose metadata is read now.
    pub fn discover(issuer: &str, id: impl Into<String>) -> Result<ClientBuilder> {
        discover(crate::Client::builder(id), issuer)
    }

    /// A token for the client itself.
    pub fn client_credentials(&self) -> ClientCredentials {
        ClientCredentials(self.0.client_credentials())
    }

    /// Ends a token that is not needed any more; see [`crate::Client::revoke`].
    pub fn revoke(&self, token: &Secret) -> Result<()> {
        let (client, token) = (self.0.clone(), token.clone());
        wait(async move { client.revoke(&token).await })
    }

    /// Asks what a token is worth; see [`crate::Client::introspect`].
    pub fn introspect(&self, token: &Secret) -> Result<Introspection> {
        let (client, token) = (self.0.clone(), token.clone());
        wait(async move { client.introspect(&token).await })
    }
}

impl From<crate::Client> for Client {
    fn from(client: crate::Client) -> Self {
        Self(client)
    }
}

/// [`crate::ClientCredentials`] without async.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for before `send` or `cached`"]
pub struct ClientCredentials(crate::ClientCredentials);

impl ClientCredentials {
    /// Asks for scopes, beside those asked for before.
    pub fn scopes<S: AsRef<str>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        Self(self.0.scopes(scopes))
    }

    /// Asks for a token for `resource`. May be called again for more.
    pub fn resource(self, resource: impl Into<String>) -> Self {
        Self(self.0.resource(resource))
    }

    /// Adds a parameter that has no setter here.
    pub fn param(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self(self.0.param(name, value))
    }

    /// Adds a parameter to the query of the endpoint's URL.
    pub fn query(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self(self.0.query(name, value))
    }

    /// Sets a header, in the place of the client's own of that name.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self(self.0.header(name, value))
    }

    /// Authenticates this request otherwise than the client does.
    pub fn auth(self, auth: ClientAuth) -> Self {
        Self(self.0.auth(auth))
    }

    /// Asks the server, each time.
    pub fn send(&self) -> Result<TokenSet> {
        let request = self.0.clone();
        wait(async move { request.send().await })
    }

    /// A source that asks once and keeps the token until it has to be renewed.
    pub fn cached(self) -> Session {
        Session(self.0.cached())
    }
}

/// [`crate::Session`] without async. Give it to [`super::ApiClient::with`], or to an async client: it is a
/// [`TokenSource`] too.
#[derive(Clone, Debug)]
pub struct Session(crate::Session);

impl Session {
    /// Keeps the token in `store` too, where other sessions and other processes find it.
    #[must_use]
    pub fn store(self, store: impl TokenStore + 'static) -> Self {
        Self(self.0.store(store))
    }

    /// A token that has not expired.
    pub fn token(&self) -> Result<Arc<TokenSet>> {
        let session = self.0.clone();
        wait(async move { session.token().await })
    }

    /// The token `seen` was refused: it is not given out again. A newer one stays.
    pub fn invalidate(&self, seen: Generation) {
        self.0.invalidate(seen);
    }
}

impl TokenSource for Session {
    fn token(&self) -> BoxFuture<'_, Result<Arc<TokenSet>>> {
        TokenSource::token(&self.0)
    }

    fn invalidate(&self, seen: Generation) {
        self.0.invalidate(seen);
    }
}
