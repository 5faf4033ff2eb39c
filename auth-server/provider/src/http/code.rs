//! The moment in which an authorization comes to be: its record, its code, and what may have ended meanwhile.

use trefoil_core::authorization::{Authorization, Kept, RecordId, Stage};
use trefoil_core::authorize::AuthorizationRequest;
use trefoil_core::openid::OFFLINE_ACCESS;
use trefoil_shared::{Secret, Timestamp};

use axum::response::Response;

use super::error::Refused;
use super::render_page::answered;
use super::site::session::{SignedIn, free_second};
use crate::app::App;
use crate::grants::{self, Surroundings};
use crate::model::Client;
use crate::protocol::{AuthorizeDenied, Denied};
use crate::records::Created;

/// How long a refusal is kept, in seconds: longer than an interaction lives.
const REFUSAL_KEPT: i64 = 3_600;

/// Makes the authorization and answers with its code. The record is the gate: whoever comes second gets the same code
/// while it is good, and a calm page afterwards (decision 51).
pub(super) async fn issue(
    app: &App,
    (client, request): (&Client, &AuthorizationRequest),
    person: &SignedIn,
    id: RecordId,
) -> Result<Response, Refused> {
    let client_and_session = Some((request.client_id.as_str(), person.session.sid.as_str()));
    let now = free_second(app, &person.user, client_and_session).await?;
    if app.standing(&person.user.sub).await?.is_over(now) {
        return Err(Denied::Authorize(AuthorizeDenied::PersonGone).into());
    }
    let authorization = authorization(app, request, (Some(person), now));
    let (record, code) = authorization.first_record(id, app.root(), app.rng())?;
    let code = match app.records().create(&id.key(), &record, now).await? {
        Created::New => {
            if !still_stands(app, &authorization, person).await? {
                take_back(app, id, now).await?;
                return Err(Denied::Authorize(AuthorizeDenied::PersonGone).into());
            }
            tracing::info!(
                client_id = %client.client_id, sub = person.user.sub, grant_id = authorization.grant_id,
                scope = %request.scopes, "code issued"
            );
            metrics::counter!("trefoil_codes_issued_total").increment(1);
            code
        }
        Created::Taken => {
            let Some(code) = earlier_code(app, id, &person.user.sub, now).await? else {
                return Err(Denied::Authorize(AuthorizeDenied::InteractionDone).into());
            };
            code
        }
    };
    Ok(answered(app, &client.name, &request.with_code(code.reveal(), app.issuer())))
}

/// Whether all that the authorization rests on is still there once it is written: what ended meanwhile has not seen it.
pub(super) async fn still_stands(
    app: &App,
    given: &Authorization,
    person: &SignedIn,
) -> Result<bool, Refused> {
    let session = app.store().session(&person.session.id_hash).await?;
    Ok(session.is_some() && !grants::is_over::<Refused>(app, given).await?)
}

/// Ends an authorization whose code nobody has.
async fn take_back(app: &App, id: RecordId, now: Timestamp) -> Result<(), Refused> {
    if let Some(record) = app.records().read(&id.key(), now).await? {
        let kept = Kept::read(id, record)?;
        let ended = Authorization { stage: Stage::Ended, ..kept.authorization.clone() };
        let record = kept.changed(&ended, app.rng())?;
        app.records().replace(&id.key(), kept.version(), &record, now).await?;
    }
    Ok(())
}

/// Takes the place of the authorization that would be, so that none is made any more. `false` where it is there already.
pub(super) async fn refuse_for_good(
    app: &App,
    request: &AuthorizationRequest,
    (id, now): (RecordId, Timestamp),
) -> Result<bool, Refused> {
    let refused = Authorization {
        stage: Stage::Ended,
        ends: now.plus(REFUSAL_KEPT),
        ..authorization(app, request, (None, now))
    };
    let (record, _) = refused.first_record(id, app.root(), app.rng())?;
    Ok(app.records().create(&id.key(), &record, now).await? == Created::New)
}

/// The code that the same person got for the same request, where it can still be redeemed.
async fn earlier_code(app: &App, id: RecordId, sub: &str, now: Timestamp) -> Result<Option<Secret>, Refused> {
    let Some(record) = app.records().read(&id.key(), now).await? else { return Ok(None) };
    let kept = Kept::read(id, record)?;
    let is_good = matches!(kept.authorization.stage, Stage::Code { until } if now < until);
    if !is_good || kept.authorization.sub != sub {
        return Ok(None);
    }
    Ok(Some(kept.value(0, app.root())?))
}

fn authorization(
    app: &App,
    request: &AuthorizationRequest,
    (person, now): (Option<&SignedIn>, Timestamp),
) -> Authorization {
    let policy = app.policy().grants;
    let ends = now.plus(policy.max_lifetime);
    Authorization {
        grant_id: app.rng().id(),
        client_id: request.client_id.clone(),
        sub: person.map(|person| person.user.sub.clone()).unwrap_or_default(),
        data: serde_json::Map::new(),
        scopes: request.scopes.clone(),
        resources: request.resources.clone(),
        nonce: request.nonce.clone(),
        auth_time: person.map_or(now, |person| person.session.authenticated_at),
        amr: person.map(|person| person.session.methods.clone()).unwrap_or_default(),
        sid: person.map(|person| person.session.sid.clone()),
        acr: request.acr.clone(),
        claims: request.claims.clone(),
        offline: request.scopes.iter().any(|token| token.as_str() == OFFLINE_ACCESS),
        redirect_uri: request.redirect_uri.clone(),
        redirect_named: request.redirect_named,
        challenge: request.challenge.clone(),
        seed: app.rng().id(),
        root: app.root().writing_id().to_owned(),
        created: now,
        ends,
        idle_ends: now.plus(policy.idle_lifetime).min(ends),
        access_until: now,
        wrong_verifiers: 0,
        stage: Stage::Code { until: now.plus(policy.code_lifetime) },
    }
}
