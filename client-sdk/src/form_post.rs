//! A form posted to an endpoint of the authorization server, and what its answer means.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue};
use reqwest::{Method, Request};
use serde_json::Value;
use trefoil_shared::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use crate::oauth_error::{clean, without};
use crate::retry::retry_after;
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
        let endpoint = shown(&self.endpoint);
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
        let traces = traces(self.form, self.auth, self.client_id);
        if let Some(error) = redirected(&reply, &endpoint, &traces) {
            return Err(error);
        }
        let body = reply.read().await?;
        match refusal((status, &body), &endpoint, &traces) {
            Some(error) => Err(error.with_retry_after(wait)),
            None => Ok(Answered { body, asked_at }),
        }
    }
}

/// The secrets that the request carries, in every form: the client's, and the token that it asks about or ends.
fn traces(form: &Form<'_>, auth: &ClientAuth, client_id: &str) -> Vec<Zeroizing<String>> {
    let token = form.iter().filter(|(name, _)| *name == "token").map(|(_, token)| *token);
    let encoded = token.clone().map(|token| form_urlencoded::byte_serialize(token.as_bytes()).collect());
    let tokens = token.map(str::to_owned).chain(encoded).map(Zeroizing::new);
    auth.traces(client_id).into_iter().chain(tokens).collect()
}

/// An endpoint in an error: without its query, which may hold anything.
fn shown(endpoint: &Url) -> String {
    format!("{}{}", endpoint.origin().ascii_serialization(), clean(endpoint.path()))
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
fn redirected(reply: &Reply, endpoint: &str, secrets: &[Zeroizing<String>]) -> Option<Error> {
    let status = reply.status();
    (300..400).contains(&status).then(|| {
        let location = reply.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let to = location.map_or(String::new(), |place| format!(" to {}", clean(&without(place, secrets))));
        let why = format!(
            "{endpoint} redirects ({status}){to}: credentials follow no redirect; name the endpoint that answers \
             itself"
        );
        Error::new(ErrorKind::Redirect, why).with_status(status)
    })
}

/// Reads an answer as a refusal: an `error` at any status (there are servers that answer 200 with one), or a status
/// that is no success.
fn refusal((status, body): (u16, &[u8]), endpoint: &str, secrets: &[Zeroizing<String>]) -> Option<Error> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(oauth) = answer.as_ref().and_then(|answer| OAuthError::decode_without(answer, secrets)) {
        let error = Error::new(ErrorKind::OAuth, "the server refused the request");
        return Some(error.with_oauth(oauth).with_status(status));
    }
    let advice = match status {
        200..300 => return None,
        404 | 405 => "is this the address of the endpoint?",
        401 | 403 => "something in front of the server may ask for a sign-in of its own",
        429 => "it asks for fewer requests: try again later",
        500.. => "it cannot answer now: try again later, or see its log",
        _ => "see the server's log",
    };
    let why = format!("{endpoint} answered {status} without an OAuth error; {advice}");
    Some(Error::new(ErrorKind::Status(status), why).with_status(status))
}
