//! The two client functions of steelcut's `oauth_client`, blocking, with the same bytes on the wire, and errors in
//! the place of `None`.
//!
//! ```no_run
//! use trefoil_client::legacy;
//!
//! # fn run() -> trefoil_client::Result<()> {
//! let token = legacy::request_token(
//!     "client_credentials", "3f1c..", "PRIVATE-..", "api_v0.0.1", "https://auth.example.com/token",
//! )?;
//! println!("{}", legacy::request_resource("https://api.example.com/api_v0.0.1", &token)?);
//! # Ok(())
//! # }
//! ```

use std::path::Path;

use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Request};
use serde_json::Value;

use crate::ambient::Ambient;
use crate::origin::parse;
use crate::transport::{HttpSettings, Transport};
use crate::{
    Client, ClientAuth, Error, ErrorKind, FileStore, OAuthError, Result, RetryPolicy, Secret, blocking, json,
};

/// Asks for a token with the five values of steelcut's `client_request_token`, in its order, and returns the access
/// token. Each call asks the server; [`Legacy::cache_in`] keeps the token.
pub fn request_token(
    grant_type: &str,
    client_id: &str,
    client_secret: &str,
    resource: &str,
    token_request_url: &str,
) -> Result<String> {
    Legacy::new().request_token(grant_type, client_id, client_secret, resource, token_request_url)
}

/// Reads a protected resource with a token, as steelcut's `client_request_resource`: a GET that names a content
/// type, since its resource server refuses others.
pub fn request_resource(url: &str, token: &str) -> Result<Value> {
    Legacy::new().request_resource(url, token)
}

/// The two functions with settings.
#[derive(Clone, Debug, Default)]
pub struct Legacy {
    plain_hosts: Vec<String>,
    root_ca_pem: Vec<Vec<u8>>,
    store: Option<FileStore>,
}

impl Legacy {
    /// The settings of [`request_token`] and [`request_resource`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the token in `dir/token.json`, which steelcut's own client can read; see
    /// [`FileStore::steelcut_compat`].
    pub fn cache_in(mut self, dir: impl AsRef<Path>) -> Result<Self> {
        self.store = Some(FileStore::steelcut_compat(dir)?);
        Ok(self)
    }

    /// Trusts the certificates of a PEM beside those of the system.
    #[must_use]
    pub fn root_ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_ca_pem.push(pem.into());
        self
    }

    /// Lets plain http go to `host`, for a lab network.
    #[must_use]
    pub fn allow_plain_http(mut self, host: &str) -> Self {
        self.plain_hosts.push(host.to_owned());
        self
    }

    /// See [`request_token`].
    pub fn request_token(
        &self,
        grant_type: &str,
        client_id: &str,
        client_secret: &str,
        resource: &str,
        token_request_url: &str,
    ) -> Result<String> {
        let mut builder = Client::builder(client_id)
            .token_endpoint(token_request_url)
            .default_header("accept", "*/*")?
            .auth(ClientAuth::SecretPost(Secret::new(client_secret)));
        for host in &self.plain_hosts {
            builder = builder.allow_plain_http(host);
        }
        for pem in &self.root_ca_pem {
            builder = builder.root_ca_pem(pem.clone());
        }
        let request = builder.build()?.client_credentials().spelled(grant_type).resource(resource);
        let store = self.store.clone();
        blocking::wait(async move {
            let token = match store {
                Some(store) => request.cached().store(store).token().await?,
                None => request.send().await?.into(),
            };
            Ok(token.access_token().reveal().to_owned())
        })
    }

    /// See [`request_resource`].
    pub fn request_resource(&self, url: &str, token: &str) -> Result<Value> {
        let mut settings = HttpSettings { root_ca_pem: self.root_ca_pem.clone(), ..HttpSettings::default() };
        self.plain_hosts.iter().for_each(|host| settings.plain.allow(host));
        let transport = Transport::new(settings, Ambient::default())?;
        let mut request = Request::new(Method::GET, parse(url, "the URL of the resource")?);
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Error::configuration("the token cannot be sent in a header"))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        blocking::wait(async move {
            let reply = transport.send(request, Some(&RetryPolicy::default())).await?;
            let status = reply.status();
            read_resource(status, &reply.read().await?)
        })
    }
}

/// The resource as JSON. A status that is no success is an error, and so is an `error` in the body: steelcut's
/// resource server refuses with 200.
fn read_resource(status: u16, body: &[u8]) -> Result<Value> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let oauth = answer.as_ref().and_then(OAuthError::decode);
    let success = (200..300).contains(&status);
    match (oauth, answer) {
        (None, Some(answer)) if success => Ok(answer),
        (None, None) if success => json::read("the resource", body),
        (None, _) => {
            let kind = if status == 401 { ErrorKind::Unauthorized } else { ErrorKind::Status(status) };
            Err(Error::new(kind, format!("the resource answered {status}")).with_status(status))
        }
        (Some(oauth), _) => {
            let error = Error::new(ErrorKind::Unauthorized, "the resource refused the request");
            Err(error.with_oauth(oauth).with_status(status))
        }
    }
}
