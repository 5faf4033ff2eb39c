//! `POST /revoke`: RFC 7009. An opaque token ends at once; a JWT as soon as its verifiers have read the list.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, StatusCode, header};
use trefoil_core::authorization::{self, Facts, GrantValue, GrantValueKind, Kept};
use trefoil_shared::revocation::{TokenFacts, TokenId};
use trefoil_shared::{TypedValue, ValueKind};

use super::allowance::holder;
use super::client::{authenticate, named};
use super::error::Refused;
use super::form::Form;
use super::own_token;
use super::routes::Route;
use super::token;
use crate::app::App;
use crate::grants::EndedGrant;
use crate::protocol::{Authenticated, Denied, RequestDenied, Unavailable};
use crate::records::Replaced;
use crate::store::{Revocation, Revoked};

pub(super) async fn revoke(State(app): State<App>, request: Request<Body>) -> Response {
    match end(&app, request).await {
        Ok(()) => {
            let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::OK, no_store).into_response()
        }
        Err(refused) => refused.answer(Route::Revoke.name(), &Route::Revoke.path(app.issuer())),
    }
}

async fn end(app: &App, request: Request<Body>) -> Result<(), Refused> {
    let form = Form::read(app, request).await?;
    let ended = async {
        let caller = authenticate(app, &form).await?;
        end_token(app, &caller, form.params.get("token")).await.map_err(named(caller.client()))
    };
    ended.await.map_err(|refused: Refused| refused.sent_from(form.address))
}

/// Ends a token of this client. A token that is unknown, ended or somebody else's is left as it is, and the answer
/// is the same (RFC 7009 section 2.2).
async fn end_token(app: &App, caller: &Authenticated, token: Option<&str>) -> Result<(), Refused> {
    let token = token.ok_or(Denied::Request(RequestDenied::TokenMissing))?;
    for kind in [GrantValueKind::Refresh, GrantValueKind::Code] {
        if let Some(value) = GrantValue::parse(kind, token) {
            return end_grant(app, caller, &value).await;
        }
    }
    let Ok(value) = TypedValue::parse(ValueKind::OpaqueToken, token) else {
        return end_jwt(app, caller, token).await;
    };
    let (client, now) = (caller.client(), caller.moment().now());
    for hash in app.root().token_hashes(ValueKind::OpaqueToken, &value) {
        if let Revoked::Now { jti } = app.store().revoke_opaque(&hash, &client.client_id, now).await? {
            tracing::info!(client_id = %client.client_id, jti, "token revoked");
            metrics::counter!("trefoil_tokens_revoked_total").increment(1);
            return Ok(());
        }
    }
    Ok(())
}

/// Any value that an authorization ever gave ends it with all its tokens (decision 43): first the cut-off, then the
/// record. Where either fails the answer is 503, and the value is as good as it was.
async fn end_grant(app: &App, caller: &Authenticated, value: &GrantValue) -> Result<(), Refused> {
    const TRIES: usize = 4;
    let (client, now, key) = (caller.client(), caller.moment().now(), value.record().key());
    for _ in 0..TRIES {
        let Some(record) = app.records().read(&key, now).await? else { return Ok(()) };
        let kept = Kept::read(value.record(), record)?;
        let facts = Facts { client, now, policy: app.policy().grants, roots: app.root(), cut_off: false };
        let Some(ended) = authorization::revoke(&kept, value, facts)? else { return Ok(()) };
        let (grant_id, access_until) = (ended.grant_id.clone(), ended.access_until);
        token::end(app, &EndedGrant { grant_id, access_until }, now).await?;
        let record = kept.changed(&ended, app.rng())?;
        if app.records().replace(&key, kept.version(), &record, now).await? == Replaced::Done {
            tracing::info!(client_id = %client.client_id, grant_id = ended.grant_id, "grant revoked");
            metrics::counter!("trefoil_tokens_revoked_total").increment(1);
            return Ok(());
        }
    }
    Err(Denied::Unavailable(Unavailable::GrantContended).into())
}

/// A JWT of this client goes on the list until it has expired. Anything else the verifier refuses anyway.
async fn end_jwt(app: &App, caller: &Authenticated, token: &str) -> Result<(), Refused> {
    let (client, now) = (caller.client(), caller.moment().now());
    let Some(claims) = own_token::read(app, token, now).await? else { return Ok(()) };
    let Some(id) = TokenId::from_text(&claims.jti) else { return Ok(()) };
    if claims.client_id != client.client_id.as_str() {
        return Ok(());
    }
    // To revoke again what is on the list adds nothing to it.
    if app.revocations().revoked(&TokenFacts::from(&claims))
        == Some(trefoil_shared::revocation::Revoked::Token)
    {
        return Ok(());
    }
    let holder = holder(&claims);
    if let Err(refused) = app.allowances().take(app.store(), &holder, now).await {
        metrics::counter!("trefoil_revocations_refused_total", "reason" => refused.denied().name())
            .increment(1);
        return Err(refused);
    }
    app.store().revoke_counted(&Revocation::Token { id, expires_at: claims.exp }, &holder, now).await?;
    app.revocations().apply_own(id, claims.exp);
    tracing::info!(client_id = %client.client_id, jti = %id, "token revoked");
    metrics::counter!("trefoil_tokens_revoked_total").increment(1);
    Ok(())
}
