//! A form posted to an endpoint of the authorization server, and what its answer means.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use reqwest::{Method, Request};
use serde_json::Value;
use trefoil_shared::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use crate::retry::{retry_after, status_is_passing};
use crate::transport::{Reply, Transport};
use crate::{ClientAuth, Error, ErrorKind, OAuthError, Result, RetryPolicy};

/// The parameters of one form, in order.
pub(crate) type Form<'a> = Vec<(&'a str, &'a str)>;

/// A form on its way.
pub(crate) struct FormPost<'a> {
    pub(crate) endpoint: Url,
    pub(crate) headers: HeaderMap,
    form: &'a Form<'a>,
    auth: &'a ClientAuth,
    client_id: &'a str,
}

/// The body of a success.
pub(crate) struct Answered {
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// When the request was sent.
    pub(crate) asked_at: Timestamp,
}

impl<'a> FormPost<'a> {
    /// A form whose `client_id` says who authenticates.
    pub(crate) fn new(endpoint: &Url, form: &'a Form<'a>, auth: &'a ClientAuth) -> Self {
        let client_id = form.iter().find(|(name, _)| *name == "client_id").map_or("", |(_, id)| *id);
        Self { endpoint: endpoint.clone(), headers: HeaderMap::new(), form, auth, client_id }
    }

    /// Posts the form and reads the answer. Repeats it as the policy allows, so only for what may be sent twice.
    pub(crate) async fn send(self, transport: &Transport, retry: &RetryPolicy) -> Result<Answered> {
        let mut request = Request::new(Method::POST, self.endpoint);
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.extend(self.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(value) = self.auth.header(self.client_id)? {
            headers.insert(AUTHORIZATION, value);
        }
        *request.body_mut() = Some(encode(self.form, self.auth).into());
        let asked_at = transport.ambient.now();
        let reply = transport.send(request, Some(retry)).await?;
        let status = reply.status();
        let wait = retry_after(reply.headers());
        let body = match redirected(&reply) {
            Some(error) => return Err(error),
            None => reply.read().await?,
        };
        match refusal(status, &body, self.auth) {
            Some(error) => Err(error.with_retry_after(wait)),
            None => Ok(Answered { body, asked_at }),
        }
    }
}

/// The form as bytes that are wiped when the request is done with them. The secret, where it goes into the form,
/// follows the `client_id`.
fn encode(form: &Form<'_>, auth: &ClientAuth) -> Bytes {
    // Room enough that growing leaves no copy behind in the usual case.
    let mut text = String::with_capacity(2048);
    let mut serializer = form_urlencoded::Serializer::new(&mut text);
    for (name, value) in form {
        serializer.append_pair(name, value);
        if let Some(secret) = auth.form_secret().filter(|_| *name == "client_id") {
            serializer.append_pair("client_secret", secret.reveal());
        }
    }
    Bytes::from_owner(Zeroizing::new(text.into_bytes()))
}

/// A redirect is an error: the form holds credentials, and they go nowhere else.
fn redirected(reply: &Reply) -> Option<Error> {
    let status = reply.status();
    (300..400).contains(&status).then(|| {
        let why = format!("the endpoint redirects ({status}), which is not followed: name the true endpoint");
        Error::new(ErrorKind::Redirect, why).with_status(status)
    })
}

/// Reads an answer as a refusal: an `error` at any status (there are servers that answer 200 with one), or a status
/// that is no success.
fn refusal(status: u16, body: &[u8], auth: &ClientAuth) -> Option<Error> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(oauth) = answer.as_ref().and_then(OAuthError::decode) {
        let oauth = auth.secret().map_or(oauth.clone(), |secret| oauth.without(secret.reveal()));
        let error = Error::new(ErrorKind::OAuth, "the server refused the request");
        return Some(error.with_oauth(oauth).with_status(status));
    }
    if (200..300).contains(&status) {
        return None;
    }
    let why = if status_is_passing(status) { "the server cannot answer now" } else { "the server refused" };
    Some(Error::new(ErrorKind::Status(status), format!("{why} ({status})")).with_status(status))
}
