//! `/userinfo`: OpenID Connect Core section 5.3.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use serde_json::{Map, Value};
use trefoil_core::openid::{USERINFO_CLAIMS, is_openid, userinfo_claims};
use trefoil_shared::{Active, Secret};

use super::error::Refused;
use super::form::Form;
use super::introspect::live;
use super::routes::Route;
use super::token::not_made;
use crate::app::App;
use crate::grants::Surroundings;
use crate::protocol::{BearerDenied, Denied};
use crate::tokens::{self, MintError};

pub(super) async fn userinfo(State(app): State<App>, request: Request<Body>) -> Response {
    match answer(&app, request).await {
        Ok(mut response) => {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(refused) => refused.answer(Route::Userinfo.name(), &Route::Userinfo.path(app.issuer())),
    }
}

async fn answer(app: &App, request: Request<Body>) -> Result<Response, Refused> {
    let token = presented(app, request).await?;
    let now = app.now();
    let invalid = Denied::Bearer(BearerDenied::TokenInvalid);
    let active = live(app, token.reveal(), now).await?.ok_or(invalid)?;
    if !is_openid(&active.scope) {
        return Err(Denied::Bearer(BearerDenied::OpenIdMissing).into());
    }
    // A person who may not go on any more is told of no more, though the token has not expired yet.
    if app.standing(&active.sub).await?.is_over(active.iat) {
        return Err(invalid.into());
    }
    let known = app.people().claims(&active.sub).await?;
    let mut claims = userinfo_claims(&known, &active.scope, named(&active));
    claims.insert("sub".to_owned(), active.sub.clone().into());
    told(app, &active, claims).await
}

/// The claims that the client asked for by name.
fn named(active: &Active) -> impl Iterator<Item = &str> {
    let names = active.extra.get(USERINFO_CLAIMS).and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

/// As JSON, or signed where the client registered an algorithm (section 5.3.2).
async fn told(app: &App, active: &Active, mut claims: Map<String, Value>) -> Result<Response, Refused> {
    let client = app.registry().client(&active.client_id).await?;
    let client = client.value().ok_or(Denied::Bearer(BearerDenied::TokenInvalid))?;
    let Some(algorithm) = client.metadata.userinfo_signed_response_alg else {
        return Ok(axum::Json(claims).into_response());
    };
    let key = app.keys().active(algorithm).ok_or(MintError::NoKey(algorithm)).map_err(not_made)?;
    claims.insert("iss".to_owned(), app.issuer().as_str().into());
    claims.insert("aud".to_owned(), active.client_id.as_str().into());
    let signed = tokens::signed(&key, "JWT", &claims).map_err(not_made)?;
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"))];
    Ok((kind, signed.reveal().to_owned()).into_response())
}

/// The token of the header, or of a form (RFC 6750 sections 2.1 and 2.2); never of the query.
async fn presented(app: &App, request: Request<Body>) -> Result<Secret, Refused> {
    let in_header = of_header(request.headers())?;
    let is_form = request.method() == Method::POST && request.headers().contains_key(header::CONTENT_TYPE);
    let in_body = if is_form {
        Form::read(app, request).await?.params.get("access_token").map(Secret::new)
    } else {
        None
    };
    match (in_header, in_body) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(Denied::Bearer(BearerDenied::TokenAbsent).into()),
        (Some(_), Some(_)) => Err(Denied::Bearer(BearerDenied::TokenAmbiguous).into()),
    }
}

fn of_header(headers: &HeaderMap) -> Result<Option<Secret>, Denied> {
    let ambiguous = Denied::Bearer(BearerDenied::TokenAmbiguous);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ambiguous);
    }
    let text = value.to_str().map_err(|_| ambiguous)?;
    let (scheme, token) = text.split_once(' ').ok_or(Denied::Bearer(BearerDenied::TokenAbsent))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::Bearer(BearerDenied::TokenAbsent));
    }
    Ok(Some(Secret::new(token.trim_matches(' '))))
}
