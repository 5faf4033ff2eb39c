//! `POST /token`: RFC 6749 section 3.2.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, header};
use serde_json::Map;
use trefoil_core::openid::is_openid;
use trefoil_shared::revocation::CutOffScope;
use trefoil_shared::{
    GrantType, OfRefresh, RequestedScope, ResourceIndicator, Secret, Timestamp, TokenResponse,
};

use super::client::{authenticate, named};
use super::error::Refused;
use super::form::Form;
use super::refused_facts;
use super::routes::Route;
use crate::app::App;
use crate::grants::{
    Beyond, Change, ClientRule, EndedGrant, Grant, Granted, Login, NotGranted, RefreshToken, Refusal,
    TokenAsk,
};
use crate::model::{Client, Resource};
use crate::protocol::{self, Asked, Authenticated, Denied, GrantDenied, Target, TargetDenied, Unavailable};
use crate::store::Revocation;
use crate::tokens::{self, IdToken, Issue, MintError};

/// How often a grant is asked again whose records others change meanwhile.
const TRIES: usize = 4;

pub(super) async fn token(State(app): State<App>, request: Request<Body>) -> Response {
    match exchange(&app, request).await {
        Ok(response) => response,
        Err(refused) => {
            metrics::counter!("trefoil_token_requests_total", "outcome" => refused.denied().code().as_str())
                .increment(1);
            refused.answer(Route::Token.name(), &Route::Token.path(app.issuer()))
        }
    }
}

async fn exchange(app: &App, request: Request<Body>) -> Result<Response, Refused> {
    let form = Form::read(app, request).await?;
    served(app, &form).await.map_err(|refused| refused.sent_from(form.address))
}

async fn served(app: &App, form: &Form) -> Result<Response, Refused> {
    let spelling = protocol::asked_grant(&form.params)?;
    let caller = authenticate(app, form).await?;
    let client = caller.client();
    match answer(app, form, (spelling, &caller)).await {
        Ok(response) => Ok(response),
        Err(refused) => Err(named(client)(refused).asking(refused_facts::asked(app, form, client).await)),
    }
}

async fn answer(
    app: &App,
    form: &Form,
    (spelling, caller): (&str, &Authenticated),
) -> Result<Response, Refused> {
    let client = caller.client();
    let name = protocol::permitted_grant(spelling, client, app.grants().names())?;
    let grant = app.grants().get(name).ok_or(Denied::Grant(GrantDenied::GrantTypeUnknown))?;
    if grant.client_rule() == ClientRule::Confidential && matches!(caller, Authenticated::Public(_)) {
        return Err(Denied::Grant(GrantDenied::PublicClientRefused).into());
    }
    tracing::debug!(client_id = %client.client_id, grant_type = name.as_str(), "grant permitted");
    for _ in 0..TRIES {
        let ask = TokenAsk {
            params: &form.params,
            client: caller,
            records: app.records(),
            server: app,
            address: form.address,
        };
        if let Some(response) = issue(app, grant, &ask).await? {
            return Ok(response);
        }
    }
    Err(Denied::Unavailable(Unavailable::GrantContended).into())
}

/// Lets the grant decide, mints and commits. `None` where somebody else changed first what the grant had read: nothing
/// has happened then.
async fn issue(app: &App, grant: &dyn Grant, ask: &TokenAsk<'_>) -> Result<Option<Response>, Refused> {
    let granted = match grant.exchange(*ask).await {
        Ok(granted) => granted,
        Err(NotGranted::Failed(error)) => return Err(error.into()),
        Err(NotGranted::Refused(refusal)) => return refused(app, *refusal, ask).await,
    };
    let asked = Asked::from_params(ask.params)?;
    let named_resource = !asked.resources.is_empty();
    let asked = asked_of(&granted, ask.client.client(), asked)?;
    let caller = ask.client;
    let narrowed = granted.ceiling.as_ref().map(|ceiling| ceiling.over(caller.client()));
    let client = narrowed.as_ref().unwrap_or(caller.client());
    let target = target(app, client, asked).await?;
    tracing::debug!(resource = %Names(&target.resources), scope = %target.scope.scope(), "target decided");
    let resources = target.resources.iter().map(Arc::as_ref);
    let lifetime = protocol::lifetime(app.policy().tokens, client, resources);
    let (sub, jti) = (&granted.subject, app.rng().id());
    let claims = &granted.claims;
    let issue = Issue {
        issuer: app.issuer(),
        client: caller.seen(),
        sub,
        target: &target,
        lifetime,
        jti: &jti,
        claims,
    };
    let access_token = mint(app, &issue).await?;
    let id_token = match &granted.login {
        Some(login) if is_openid(target.scope.scope()) => {
            Some(id_token(app, &issue, login, &access_token).await?)
        }
        Some(_) | None => None,
    };
    if !made(granted.commit.as_ref(), app, ask).await? {
        return Ok(None);
    }
    let name = grant.name();
    app.issued().count(&name);
    tell(&issue, &name);
    let of_it = tokens::told(&issue, named_resource);
    let refresh = granted.refresh.as_ref().map(|refresh| told_refresh(refresh, ask.now()));
    Ok(Some(success(&TokenResponse {
        access_token: &access_token,
        of_it,
        refresh,
        id_token: id_token.as_ref(),
    })))
}

fn told_refresh(refresh: &RefreshToken, now: Timestamp) -> OfRefresh<'_> {
    let expires_in = refresh.ends.seconds().saturating_sub(now.seconds()).max(0);
    OfRefresh { token: &refresh.token, expires_in }
}

/// What a request asks of a grant that has a ceiling: all its resources where it names none, and where the grant says
/// so only those of its scopes that the ceiling has.
fn asked_of(granted: &Granted, client: &Client, mut asked: Asked) -> Result<Asked, Denied> {
    let Some(ceiling) = &granted.ceiling else { return Ok(asked) };
    if asked.resources.is_empty() {
        // The client may have lost some of them since; with none left there is nothing that the grant is good for.
        let is_still = |name: &&ResourceIndicator| client.resources.iter().any(|own| own.is_same(name));
        asked.resources = ceiling.resources.iter().filter(is_still).cloned().collect();
        if asked.resources.is_empty() && !ceiling.resources.is_empty() {
            return Err(Denied::Grant(GrantDenied::GrantRefused));
        }
    }
    if granted.beyond == Beyond::LeftOut
        && let Some(scope) = &asked.scope
    {
        let kept = scope.scope().intersection(&ceiling.scopes);
        if kept.is_empty() {
            return Err(Denied::Target(TargetDenied::ScopeTooWide));
        }
        asked.scope = Some(RequestedScope::from(kept));
    }
    Ok(asked)
}

/// Writes the cut-off that ends every token of an authorization. It comes before the record says so: whoever sees
/// neither may try again.
pub(super) async fn end(app: &App, ended: &EndedGrant, now: Timestamp) -> Result<(), Refused> {
    let scope = CutOffScope::Grant(&ended.grant_id);
    app.store().revoke(&Revocation::whenever(scope, ended.access_until.max(now)), now).await?;
    // It holds here before the answer (amendment to decision 18). It is written already, so a failure is only told.
    if let Err(error) = app.revocations().poll_once().await {
        tracing::warn!(%error, "a revocation that was written could not be read back at once");
    }
    Ok(())
}

/// Whether a change was made, or there was none to make. It is made also where the client hangs up meanwhile.
async fn made(change: Option<&Change>, app: &App, ask: &TokenAsk<'_>) -> Result<bool, Refused> {
    let Some(change) = change else { return Ok(true) };
    Ok(change.make(app.records(), ask.now()).await?)
}

/// Looks up what a request asks for, and decides what it gets.
pub(super) async fn target(app: &App, client: &Client, asked: Asked) -> Result<Target, Refused> {
    let mut found = Vec::with_capacity(1);
    for name in protocol::wanted_resources(&asked, client)? {
        found.extend(app.registry().resource(name).await?);
    }
    Ok(protocol::target(asked, client, found)?)
}

async fn mint(app: &App, issue: &Issue<'_>) -> Result<Secret, Refused> {
    app.minter().mint(issue).await.map_err(not_made)
}

/// Carries out what a refusal orders. `None` where somebody else changed the record first.
async fn refused(app: &App, refusal: Refusal, ask: &TokenAsk<'_>) -> Result<Option<Response>, Refused> {
    let Refusal { why, order, ends } = refusal;
    if let Some(ended) = &ends {
        end(app, ended, ask.now()).await?;
        metrics::counter!("trefoil_grants_ended_total").increment(1);
        tracing::warn!(
            client_id = %ask.client.client().client_id, grant_id = ended.grant_id, reason = why.name(),
            "a grant was ended with all its tokens"
        );
    }
    if made(order.as_ref(), app, ask).await? { Err(why.into()) } else { Ok(None) }
}

/// The ID token that goes with an access token of a person.
async fn id_token(
    app: &App,
    issue: &Issue<'_>,
    login: &Login,
    access_token: &Secret,
) -> Result<Secret, Refused> {
    let tells = IdToken::tells(issue.client.value(), login);
    let known = if tells { app.people().claims(issue.sub).await? } else { Map::new() };
    let lifetime = app.policy().tokens.lifetime;
    IdToken { issue, login, lifetime, known: &known }.sign(app.keys(), access_token).map_err(not_made)
}

/// Why no token was made, as the client hears it.
pub(super) fn not_made(error: MintError) -> Refused {
    match error {
        MintError::NoKey(algorithm) => {
            tracing::error!(%algorithm, "no active signing key: run `auth-server key generate --alg {algorithm}`");
            Denied::Unavailable(Unavailable::NoActiveKey).into()
        }
        MintError::Sign { kid, error } => {
            tracing::error!(%error, kid, "signing failed");
            Denied::Unavailable(Unavailable::Internal).into()
        }
        MintError::Store(error) => error.into(),
    }
}

/// The names of resources, with spaces between.
struct Names<'a>(&'a [Arc<Resource>]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, resource) in self.0.iter().enumerate() {
            f.write_str(if n > 0 { " " } else { "" })?;
            f.write_str(resource.name.as_str())?;
        }
        Ok(())
    }
}

/// The event of an issue: everything but the token.
fn tell(issue: &Issue<'_>, grant_type: &GrantType) {
    tracing::info!(
        client_id = %issue.client.client_id,
        grant_type = grant_type.as_str(),
        jti = issue.jti,
        resource = %Names(&issue.target.resources),
        scope = %issue.target.scope.scope(),
        expires_in = issue.lifetime,
        "token issued"
    );
}

fn success(body: &TokenResponse<'_>) -> Response {
    let json = match body.to_json() {
        Ok(json) => json,
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            return Refused::from(Denied::Unavailable(Unavailable::Internal)).into_response();
        }
    };
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
