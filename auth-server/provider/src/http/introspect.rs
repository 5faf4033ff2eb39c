//! `POST /introspect`: RFC 7662.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, header};
use trefoil_core::authorization::{self, Facts, GrantValue, GrantValueKind, Kept, Outcome};
use trefoil_shared::jose::AccessClaims;
use trefoil_shared::revocation::TokenFacts;
use trefoil_shared::{
    Active, ClientId, Introspection, OneOrMany, ResourceIndicator, Timestamp, TokenType, TypedValue,
    ValueKind,
};

use super::client::{authenticate, named};
use super::error::Refused;
use super::form::Form;
use super::own_token;
use super::routes::Route;
use crate::app::App;
use crate::grants;
use crate::model::{Client, OpaqueToken, Resource};
use crate::protocol::{
    self, Authenticated, ClientDenied, Confidential, Denied, IntrospectionFacts, Moment, RequestDenied,
    Unavailable,
};

pub(super) async fn introspect(State(app): State<App>, request: Request<Body>) -> Response {
    match read(&app, request).await {
        Ok(answer) => {
            let mut response = axum::Json(answer).into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(refused) => refused.answer(Route::Introspect.name(), &Route::Introspect.path(app.issuer())),
    }
}

async fn read(app: &App, request: Request<Body>) -> Result<Introspection, Refused> {
    let form = Form::read(app, request).await?;
    served(app, &form).await.map_err(|refused| refused.sent_from(form.address))
}

async fn served(app: &App, form: &Form) -> Result<Introspection, Refused> {
    let caller = authenticate(app, form).await?;
    let token =
        form.params.get("token").ok_or(Denied::Request(RequestDenied::TokenMissing)).map_err(Refused::from);
    let token = token.map_err(named(caller.client()))?;
    match &caller {
        // Anybody can name a public client, so naming one proves nothing (RFC 7662 section 2.1).
        Authenticated::Public(public) => {
            Err(Refused::from(Denied::Client(ClientDenied::PublicMayNotIntrospect))
                .of(&public.client().client_id))
        }
        Authenticated::Confidential(confidential) => {
            let asked = (token, caller.moment());
            look_up(app, confidential, asked).await.map_err(named(caller.client()))
        }
    }
}

/// A live token of ours, and the resources that it is for.
struct Found {
    active: Active,
    resources: Option<Vec<ResourceIndicator>>,
}

async fn look_up(
    app: &App,
    caller: &Confidential,
    (token, moment): (&str, Moment),
) -> Result<Introspection, Refused> {
    let now = moment.now();
    if let Some(value) = GrantValue::parse(GrantValueKind::Refresh, token) {
        return refresh_token(app, caller, (&value, now)).await;
    }
    let Some(found) = found(app, token, now).await? else { return Ok(Introspection::inactive()) };
    let issued_to = found.active.client_id.clone();
    let holder = app.registry().client(&issued_to).await?;
    let holder = holder.value().map(Arc::as_ref);
    let resources = resources(app, holder, &found).await?;
    if is_revoked(app, &found.active)? {
        return Ok(Introspection::inactive());
    }
    let facts = IntrospectionFacts { issued_to: &issued_to, holder, resources: &resources };
    if protocol::may_know(caller, &facts) {
        Ok(Introspection::Active(Box::new(found.active)))
    } else {
        Ok(Introspection::inactive())
    }
}

/// An access token of ours that has not ended.
async fn found(app: &App, token: &str, now: Timestamp) -> Result<Option<Found>, Refused> {
    match TypedValue::parse(ValueKind::OpaqueToken, token) {
        Ok(value) => opaque(app, &value, now).await,
        Err(_) => jwt(app, token, now).await,
    }
}

/// An access token of ours that has neither ended nor been revoked.
pub(super) async fn live(app: &App, token: &str, now: Timestamp) -> Result<Option<Active>, Refused> {
    let Some(Found { active, .. }) = found(app, token, now).await? else { return Ok(None) };
    Ok((!is_revoked(app, &active)?).then_some(active))
}

/// A token of which nobody knows whether it was revoked is not called active.
fn is_revoked(app: &App, token: &Active) -> Result<bool, Denied> {
    if !app.knows_revocations() {
        return Err(Denied::Unavailable(Unavailable::RevocationsStale));
    }
    Ok(app.revocations().revoked(&facts_of(token)).is_some())
}

/// A refresh token is for nobody but the client that holds it, and for the issuer.
async fn refresh_token(
    app: &App,
    caller: &Confidential,
    (value, now): (&GrantValue, Timestamp),
) -> Result<Introspection, Refused> {
    let Some(record) = app.records().read(&value.record().key(), now).await? else {
        return Ok(Introspection::inactive());
    };
    let kept = Kept::read(value.record(), record)?;
    let given = &kept.authorization;
    let cut_off = grants::is_over::<Refused>(app, given).await?;
    let facts =
        Facts { client: caller.client(), now, policy: app.policy().grants, roots: app.root(), cut_off };
    // The same decision as at the token endpoint, which is not carried out.
    if !matches!(authorization::refresh(&kept, value, facts)?, Outcome::Granted { .. }) {
        return Ok(Introspection::inactive());
    }
    let issuer = app.issuer().as_str();
    Ok(Introspection::Active(Box::new(Active {
        active: true,
        scope: given.scopes.clone(),
        client_id: given.client_id.clone(),
        token_type: None,
        exp: given.ends.min(given.idle_ends),
        iat: given.created,
        nbf: given.created,
        sub: given.sub.clone(),
        aud: OneOrMany::One(issuer.to_owned()),
        iss: issuer.to_owned(),
        jti: given.grant_id.clone(),
        extra: serde_json::Map::new(),
    })))
}

fn facts_of(token: &Active) -> TokenFacts<'_> {
    let Active { jti, sub, extra, .. } = token;
    TokenFacts { jti, client_id: token.client_id.as_str(), sub, iat: token.iat, extra: Some(extra) }
}

async fn opaque(app: &App, value: &TypedValue, now: Timestamp) -> Result<Option<Found>, Refused> {
    for hash in app.root().token_hashes(ValueKind::OpaqueToken, value) {
        if let Some(token) = app.store().opaque(&hash).await? {
            return Ok((now < token.expires_at).then(|| from_row(app, token)));
        }
    }
    Ok(None)
}

fn from_row(app: &App, token: OpaqueToken) -> Found {
    let active = Active {
        active: true,
        scope: token.scope,
        client_id: token.client_id,
        token_type: Some(TokenType::Bearer),
        exp: token.expires_at,
        iat: token.issued_at,
        nbf: token.issued_at,
        sub: token.sub,
        aud: audience(token.aud),
        iss: app.issuer().as_str().to_owned(),
        jti: token.jti,
        extra: without_our_names(token.claims),
    };
    Found { active, resources: Some(token.resources) }
}

/// The strict verifier refuses whatever is not an access token of ours, an ID token too (attack case 80). It allows for
/// clocks that differ; a token ends by the database's clock alone here, whoever issued it and whatever its format.
async fn jwt(app: &App, token: &str, now: Timestamp) -> Result<Option<Found>, Refused> {
    let claims = own_token::read(app, token, now).await?.filter(|claims| now < claims.exp);
    Ok(claims.and_then(|claims| {
        let client_id: ClientId = claims.client_id.parse().ok()?;
        Some(Found { active: from_claims(claims, client_id), resources: None })
    }))
}

fn from_claims(claims: AccessClaims, client_id: ClientId) -> Active {
    Active {
        active: true,
        scope: claims.scope,
        client_id,
        token_type: Some(TokenType::Bearer),
        exp: claims.exp,
        iat: claims.iat,
        nbf: claims.nbf.unwrap_or(claims.iat),
        sub: claims.sub,
        aud: audience(claims.aud),
        iss: claims.iss,
        jti: claims.jti,
        extra: without_our_names(claims.extra),
    }
}

fn audience(list: Vec<String>) -> OneOrMany<String> {
    OneOrMany::from_list(list).unwrap_or(OneOrMany::Many(Vec::new()))
}

/// A static claim never stands beside a member of the same name.
fn without_our_names(
    mut claims: serde_json::Map<String, serde_json::Value>,
) -> serde_json::Map<String, serde_json::Value> {
    const OURS: [&str; 12] = [
        "active",
        "scope",
        "client_id",
        "token_type",
        "exp",
        "iat",
        "nbf",
        "sub",
        "aud",
        "iss",
        "jti",
        "username",
    ];
    claims.retain(|name, _| !OURS.contains(&name.as_str()));
    claims
}

/// The registered resources that a token is for. A JWT names audiences: those of its holder's resources that have
/// such an audience, and those registered under the audience's own name.
async fn resources(app: &App, holder: Option<&Client>, found: &Found) -> Result<Vec<Arc<Resource>>, Refused> {
    let audiences = match &found.active.aud {
        OneOrMany::One(only) => std::slice::from_ref(only),
        OneOrMany::Many(several) => several.as_slice(),
    };
    let names: Vec<ResourceIndicator> = if let Some(names) = &found.resources {
        names.clone()
    } else {
        let of_holder = holder.into_iter().flat_map(|holder| holder.resources.iter().cloned());
        of_holder.chain(audiences.iter().filter_map(|audience| audience.parse().ok())).collect()
    };
    let mut resources = Vec::new();
    for name in &names {
        let registered = app.registry().resource(name).await?;
        resources.extend(registered.filter(|resource| audiences.contains(&resource.audience)));
    }
    Ok(resources)
}
