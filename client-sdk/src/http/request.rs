//! One request to an API.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use reqwest::{Method, Request};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{ApiClient, ApiResponse};
use crate::transport::Reply;
use crate::{Challenge, Error, ErrorKind, Result, TokenSet};

/// A request that has not been sent. Mistakes in its parts are reported by [`ApiRequest::send`].
#[must_use = "nothing is sent before `send`"]
pub struct ApiRequest {
    client: ApiClient,
    request: Result<Request>,
}

impl ApiRequest {
    pub(super) fn new(client: ApiClient, request: Result<Request>) -> Self {
        Self { client, request }
    }

    /// Sets a header, in the place of one of the same name. `Authorization` is the token's own.
    pub fn header(self, name: &str, value: &str) -> Self {
        let bad = || Error::configuration("a header has a name and a value that HTTP can carry");
        self.change(|request| {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(|_| bad())?);
            Ok(())
        })
    }

    /// Adds a parameter to the query.
    pub fn query(self, name: &str, value: &str) -> Self {
        self.change(|request| {
            request.url_mut().query_pairs_mut().append_pair(name, value);
            Ok(())
        })
    }

    /// Sends `value` as JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        self.change(|request| {
            let bytes = serde_json::to_vec(value)
                .map_err(|e| Error::configuration("the body is no JSON").with_source(e))?;
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(bytes.into());
            Ok(())
        })
    }

    /// Sends bytes; name their type by a header.
    pub fn body(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.change(|request| {
            *request.body_mut() = Some(bytes.into().into());
            Ok(())
        })
    }

    /// Sends the request with a token. Every status but two is an `Ok`: 401 is [`ErrorKind::Unauthorized`] (after
    /// one more try with a new token, where the answer says `invalid_token`), and 403 with `insufficient_scope` is
    /// [`ErrorKind::InsufficientScope`]. A redirect is handed back as it is.
    pub async fn send(self) -> Result<ApiResponse> {
        let request = self.request?;
        let client = self.client;
        // Before a token is asked for: what cannot be sent safely needs none.
        client.transport.settings().plain.check(request.url())?;
        let Some(source) = &client.source else { return finish(send(&client, request).await?, &[]) };
        let token = source.token().await?;
        let spare = request.try_clone();
        let reply = send(&client, attach(request, &token)?).await?;
        if !token_was_refused(&reply) {
            return finish(reply, &traces(&token));
        }
        source.invalidate(token.generation());
        let Some(spare) = spare else { return finish(reply, &traces(&token)) };
        let next = source.token().await?;
        if next.generation() == token.generation() {
            return finish(reply, &traces(&token));
        }
        let reply = send(&client, attach(spare, &next)?).await?;
        if token_was_refused(&reply) {
            source.invalidate(next.generation());
        }
        finish(reply, &traces(&next))
    }

    fn change(mut self, change: impl FnOnce(&mut Request) -> Result<()>) -> Self {
        if let Ok(request) = &mut self.request
            && let Err(error) = change(request)
        {
            self.request = Err(error);
        }
        self
    }
}

/// Only a `GET` or `HEAD` can be repeated without doing something twice.
async fn send(client: &ApiClient, request: Request) -> Result<Reply> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    client.transport.send(request, safe.then_some(&client.retry)).await
}

fn attach(mut request: Request, token: &TokenSet) -> Result<Request> {
    request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
    Ok(request)
}

/// The header of RFC 6750 section 2.1, marked so that HTTP/2 does not keep it in its table.
pub(super) fn bearer(token: &TokenSet) -> Result<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {}", token.access_token().reveal()));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| Error::protocol("the token cannot be sent in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn token_was_refused(reply: &Reply) -> bool {
    let challenge = Challenge::bearer(reply.headers());
    reply.status() == 401 && challenge.is_some_and(|found| found.param("error") == Some("invalid_token"))
}

/// What a resource that repeats the request must not put into an error.
fn traces(token: &TokenSet) -> [Zeroizing<String>; 1] {
    [Zeroizing::new(token.access_token().reveal().to_owned())]
}

fn finish(reply: Reply, secrets: &[Zeroizing<String>]) -> Result<ApiResponse> {
    let challenge = Challenge::bearer(reply.headers());
    let oauth = challenge.as_ref().and_then(|challenge| challenge.oauth(secrets));
    let error = match (reply.status(), oauth.as_ref().map(crate::OAuthError::code)) {
        (401, _) => Error::new(ErrorKind::Unauthorized, "the resource refused the token"),
        (403, Some("insufficient_scope")) => {
            let asked = challenge.as_ref().and_then(|challenge| challenge.scope(secrets));
            let asked = asked.map_or(String::new(), |scope| format!(" `{scope}`"));
            Error::new(ErrorKind::InsufficientScope, format!("the resource asks for the scope{asked}"))
        }
        (_, _) => return Ok(ApiResponse::new(reply)),
    };
    let error = error.with_status(reply.status());
    Err(oauth.into_iter().fold(error, Error::with_oauth))
}

impl std::fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiRequest").field("client", &self.client).finish_non_exhaustive()
    }
}
