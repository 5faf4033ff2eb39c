//! What a person answers a device: RFC 8628 section 3.3, decision 53. The form is the interaction's, so that it is bound
//! to browser and person; the person is asked every time.

use axum::response::Response;
use trefoil_core::authorization::{Authorization, Stage};
use trefoil_core::device::{DeviceAnswer, DeviceName, Polled};
use trefoil_core::openid::{ACR_PASSWORD, OFFLINE_ACCESS};
use trefoil_shared::{GrantType, Timestamp};

use super::waiting::Waiting;
use crate::app::App;
use crate::grants::{EndedGrant, Surroundings};
use crate::http::code::still_stands;
use crate::http::error::Refused;
use crate::http::interaction::Turn;
use crate::http::render_page::{base, see_other};
use crate::http::routes::Route;
use crate::http::site::pages::Page;
use crate::http::site::session::{SignedIn, free_second};
use crate::http::site::shown::{asks, minute};
use crate::http::token;
use crate::model::{Client, Consent};
use crate::protocol::{AuthorizeDenied, Denied};
use crate::records::Created;

/// The page that comes next: to sign in, to answer, or what became of the device.
pub(in crate::http) async fn page(
    turn: &Turn<'_>,
    name: &DeviceName,
    error: Option<(&'static str, &str)>,
) -> Result<Response, Refused> {
    let waiting = load(turn, name).await?;
    let done = |title: &'static str, text: &'static str| {
        let values = minijinja::context! { title => title, text => text };
        Ok(Page::new("done.html").render(base(turn.app), values))
    };
    match &waiting.state {
        Polled::Approved(_) => done("device-allowed-title", "device-allowed-text"),
        Polled::Denied => done("device-denied-title", "device-denied-text"),
        Polled::Expired | Polled::Expires => done("device-expired-title", "device-expired-text"),
        Polled::Pending => {
            let client = client(turn, &waiting).await?;
            Ok(match &turn.here {
                Some(person) if error.is_none() => consent_page(turn, &waiting, &client, person),
                Some(_) | None => turn.login_form(Page::new("login.html"), Some(&client.name), None, error),
            })
        }
    }
}

async fn load(turn: &Turn<'_>, name: &DeviceName) -> Result<Waiting, Refused> {
    let gone = || Denied::Authorize(AuthorizeDenied::InteractionGone);
    Ok(Waiting::load(turn.app, name, turn.now).await?.ok_or_else(gone)?)
}

async fn client(turn: &Turn<'_>, waiting: &Waiting) -> Result<std::sync::Arc<Client>, Refused> {
    let unknown = || Denied::Authorize(AuthorizeDenied::ClientUnknown);
    Ok(waiting.client(turn.app).await?.ok_or_else(unknown)?)
}

fn consent_page(turn: &Turn<'_>, waiting: &Waiting, client: &Client, person: &SignedIn) -> Response {
    let request = &waiting.request;
    let values = minijinja::context! {
        id => turn.open.id.as_str(), csrf => turn.csrf(), client => client.name.as_str(),
        user => person.user.username.as_str(),
        asks => asks(&request.scopes),
        resources => request.resources.iter().map(ToString::to_string).collect::<Vec<_>>(),
        device => minijinja::context! {
            address => request.address.as_deref(), started => minute(request.started),
        },
        metadata => minijinja::context! {
            client_uri => client.metadata.client_uri.as_deref(),
            policy_uri => client.metadata.policy_uri.as_deref(),
            tos_uri => client.metadata.tos_uri.as_deref(),
        },
    };
    Page::new("consent.html").render(base(turn.app), values)
}

/// Writes down that the person allows it. Whoever answered before has answered: the next page says what holds.
pub(in crate::http) async fn allow(turn: &Turn<'_>, name: &DeviceName) -> Result<Response, Refused> {
    let waiting = load(turn, name).await?;
    let (Polled::Pending, Some(person)) = (&waiting.state, &turn.here) else {
        return turn.page(None).await;
    };
    let client = client(turn, &waiting).await?;
    let app = turn.app;
    let client_and_session = Some((client.client_id.as_str(), person.session.sid.as_str()));
    let now = free_second(app, &person.user, client_and_session).await?;
    if app.standing(&person.user.sub).await?.is_over(now) {
        return Err(Denied::Authorize(AuthorizeDenied::PersonGone).into());
    }
    app.store().keep_consent(&consent(&waiting, person, now)).await?;
    let given = authorization(app, &waiting, person, now);
    let answer = DeviceAnswer::Approved { authorization: Box::new(given.clone()) };
    let record = answer.record(&waiting.request, app.rng())?;
    if app.records().create(&waiting.name.answer_key(), &record, now).await? == Created::New {
        if !still_stands(app, &given, person).await? {
            // An answer stays as it is, and its device may have it by now: what was given ends instead.
            let access_until = waiting.request.kept_until().plus(app.policy().grants.max_access_lifetime);
            token::end(app, &EndedGrant { grant_id: given.grant_id, access_until }, now).await?;
            return Err(Denied::Authorize(AuthorizeDenied::PersonGone).into());
        }
        metrics::counter!("trefoil_device_requests_total", "outcome" => "allowed").increment(1);
        tracing::info!(
            client_id = %client.client_id, sub = person.user.sub, grant_id = given.grant_id,
            scope = %given.scopes, "device allowed"
        );
    }
    Ok(see_other(&turn.path(Route::Login)))
}

/// Writes down that the person does not allow it.
pub(in crate::http) async fn deny(turn: &Turn<'_>, name: &DeviceName) -> Result<Response, Refused> {
    let waiting = load(turn, name).await?;
    if waiting.state == Polled::Pending {
        let record = DeviceAnswer::Denied.record(&waiting.request, turn.app.rng())?;
        let key = waiting.name.answer_key();
        if turn.app.records().create(&key, &record, turn.now).await? == Created::New {
            metrics::counter!("trefoil_device_requests_total", "outcome" => "denied").increment(1);
            tracing::info!(client_id = %waiting.request.client_id, "the person did not allow a device");
        }
    }
    Ok(see_other(&turn.path(Route::Login)))
}

/// What the account page lists, so that the person can take it away. It never stands for an answer: no redirect URI has
/// the name of a grant as its host or scheme.
fn consent(waiting: &Waiting, person: &SignedIn, now: Timestamp) -> Consent {
    Consent {
        sub: person.user.sub.clone(),
        client_id: waiting.request.client_id.clone(),
        redirect_host: GrantType::DEVICE_CODE.as_str().to_owned(),
        scopes: waiting.request.scopes.clone(),
        resources: waiting.request.resources.clone(),
        granted_at: now,
    }
}

/// The authorization as its device will take it up: no code leads to it.
fn authorization(app: &App, waiting: &Waiting, person: &SignedIn, now: Timestamp) -> Authorization {
    let (request, policy) = (&waiting.request, app.policy().grants);
    let ends = now.plus(policy.max_lifetime);
    Authorization {
        grant_id: app.rng().id(),
        client_id: request.client_id.clone(),
        sub: person.user.sub.clone(),
        data: serde_json::Map::new(),
        scopes: request.scopes.clone(),
        resources: request.resources.clone(),
        nonce: None,
        auth_time: person.session.authenticated_at,
        amr: person.session.methods.clone(),
        sid: Some(person.session.sid.clone()),
        acr: Some(ACR_PASSWORD.to_owned()),
        claims: None,
        offline: request.scopes.iter().any(|token| token.as_str() == OFFLINE_ACCESS),
        redirect_uri: String::new(),
        redirect_named: false,
        challenge: None,
        seed: app.rng().id(),
        root: app.root().writing_id().to_owned(),
        created: now,
        ends,
        idle_ends: now.plus(policy.idle_lifetime).min(ends),
        access_until: now,
        wrong_verifiers: 0,
        stage: Stage::Code { until: request.kept_until() },
    }
}
