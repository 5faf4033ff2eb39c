//! `/authorize`: RFC 6749 section 4.1.1. What the request says is judged here; what the person says, in `interaction`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, header};
use trefoil_core::authorize::{self, AuthorizationRequest, PushedRequest, Redirectable, Wish};
use trefoil_core::openid::{is_openid, read_hint};
use trefoil_shared::{Secret, Timestamp};
use url::Url;

use super::code::issue;
use super::error::Refused;
use super::form::Form;
use super::par;
use super::render_page::{answered, refused, see_other};
use super::routes::Route;
use super::site::accounts;
use super::site::browser::{Browser, Cookie};
use super::site::interaction;
use super::site::session::{SignedIn, signed_in};
use super::token::target;
use crate::app::App;
use crate::model::{Authentication, Client};
use crate::protocol::{AuthorizeDenied, Denied, Params, RequestDenied, Unavailable};
use crate::tokens;

/// The longest form that is sent on as a query, in bytes: what servers and proxies take as a URL.
const MAX_QUERY: usize = 8_000;
/// How long a browser keeps what sign-ins are bound to, in seconds.
pub(super) const BROWSER_COOKIE: i64 = 30 * 86_400;

pub(super) async fn authorize(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let params = Params::parse(parts.uri.query().unwrap_or_default().as_bytes(), app.policy().max_parameters);
    let outcome = match params {
        Ok(params) => begin(&app, &params, &browser).await,
        Err(denied) => Err(denied.into()),
    };
    outcome.unwrap_or_else(|why| refused(&app, Route::Authorize, &why))
}

/// A form from another site carries no cookie of ours (SameSite): it is sent on as a GET, which does (decision 51).
pub(super) async fn posted(State(app): State<App>, request: Request<Body>) -> Response {
    match Form::read(&app, request).await {
        Ok(form) => {
            let query = form.params.to_query();
            if query.reveal().len() > MAX_QUERY {
                return refused(&app, Route::Authorize, &Denied::Request(RequestDenied::BodyTooLarge).into());
            }
            see_other(&format!("{}?{}", Route::Authorize.path(app.issuer()), query.reveal()))
        }
        Err(why) => refused(&app, Route::Authorize, &why),
    }
}

async fn begin(app: &App, params: &Params, browser: &Browser) -> Result<Response, Refused> {
    let id = authorize::client_id(params)?;
    let found = app.registry().client(&id).await?;
    let now = found.moment().now();
    let pushed = match params.get("request_uri") {
        Some(uri) => par::find(app, &id, (uri, now)).await?,
        None => None,
    };
    // What stands in the URL beside it does not count (RFC 9126 section 4).
    let kept =
        pushed.as_ref().map(|pushed| pushed.params(&id, now, app.policy().max_parameters)).transpose()?;
    let params = kept.as_ref().unwrap_or(params);
    let redirect = authorize::redirectable(params, found)?;
    let client = Arc::clone(redirect.client().value());
    let request = match judged(app, &redirect, params, pushed).await {
        Ok(request) => request,
        Err(why) => {
            why.tell(Route::Authorize.name(), &Route::Authorize.path(app.issuer()));
            return Ok(answered(app, &client.name, &redirect.refused(why.denied(), app.issuer())));
        }
    };
    let here = signed_in(app, browser, now).await?;
    let silently = |why| {
        let why = Denied::Authorize(why);
        answered(app, &client.name, &request.refused(why, app.issuer()))
    };
    match next(app, (&client, &request), here.as_ref(), (None, now)).await? {
        Next::Issue(person) => {
            let id = interaction::record_id(app, &request)?;
            issue(app, (&client, &request), person, id).await
        }
        Next::Login if request.prompt.none => Ok(silently(AuthorizeDenied::LoginRequired)),
        Next::Consent(_) if request.prompt.none => Ok(silently(AuthorizeDenied::ConsentRequired)),
        Next::Login | Next::Consent(_) => wait(app, browser, Some(request), now).await,
    }
}

/// Keeps the request for the person, and shows the first page.
pub(super) async fn wait(
    app: &App,
    browser: &Browser,
    request: Option<AuthorizationRequest>,
    now: Timestamp,
) -> Result<Response, Refused> {
    accounts::may_begin(app, browser, now).await?;
    let known = browser.id.clone();
    let name = known.clone().unwrap_or_else(|| Secret::new(URL_SAFE_NO_PAD.encode(app.rng().bytes32())));
    let id = interaction::begin(app, name.reveal(), request, now).await?;
    let mut response = see_other(&interaction::path(app, Route::Login, &id));
    if known.is_none() {
        let cookie = Cookie::Browser.set(name.reveal(), BROWSER_COOKIE, app.issuer());
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn judged(
    app: &App,
    redirect: &Redirectable,
    params: &Params,
    pushed: Option<PushedRequest>,
) -> Result<AuthorizationRequest, Refused> {
    let has_to = redirect.client().metadata.require_pushed_authorization_requests == Some(true);
    if has_to && pushed.is_none() {
        return Err(Denied::Authorize(AuthorizeDenied::PushRequired).into());
    }
    let request = checked(app, redirect, params).await?;
    Ok(AuthorizationRequest { grant: pushed.map(|pushed| pushed.grant), ..request })
}

/// Judges the parameters of a request whose redirect URI is good.
pub(super) async fn checked(
    app: &App,
    redirect: &Redirectable,
    params: &Params,
) -> Result<AuthorizationRequest, Refused> {
    let mut wish = Wish::parse(redirect, params)?;
    let client = redirect.client().value();
    let subject = named_subject(app, client, params, wish.named_subject())?;
    let target = target(app, client, std::mem::take(&mut wish.asked)).await?;
    if is_openid(target.scope.scope()) && app.id_token_key(client).is_none() {
        tracing::error!(
            algorithm = %tokens::id_token_algorithm(client),
            "no active key signs ID tokens: auth-server key generate --alg makes one"
        );
        return Err(Denied::Unavailable(Unavailable::NoActiveKey).into());
    }
    Ok(wish.request(redirect, &target, subject))
}

/// Who has to be signed in: by `id_token_hint`, or by the `sub` of the claims that are asked for.
fn named_subject(
    app: &App,
    client: &Client,
    params: &Params,
    claimed: Option<&str>,
) -> Result<Option<String>, Denied> {
    let Some(hint) = params.get("id_token_hint") else { return Ok(claimed.map(str::to_owned)) };
    let hint = read_hint(hint, &app.keys().verifying(), app.issuer().as_str());
    let foreign = Denied::Authorize(AuthorizeDenied::HintForeign);
    let hint = hint.filter(|hint| hint.client_id == client.client_id.as_str()).ok_or(foreign)?;
    if claimed.is_some_and(|claimed| claimed != hint.subject) {
        return Err(Denied::Authorize(AuthorizeDenied::LoginRequired));
    }
    Ok(Some(hint.subject))
}

/// What has to happen before a code is issued.
pub(super) enum Next<'a> {
    /// The person signs in.
    Login,
    /// The person consents.
    Consent(&'a SignedIn),
    /// Nothing.
    Issue(&'a SignedIn),
}

/// Decides what comes next. `signed_in_here` is the session that was begun for this very request.
pub(super) async fn next<'a>(
    app: &App,
    (client, request): (&Client, &AuthorizationRequest),
    here: Option<&'a SignedIn>,
    (signed_in_here, now): (Option<&str>, Timestamp),
) -> Result<Next<'a>, Refused> {
    let Some(person) = here else { return Ok(Next::Login) };
    let is_fresh = signed_in_here == Some(person.session.sid.as_str());
    let age = now.seconds().saturating_sub(person.session.authenticated_at.seconds());
    let is_too_old = request.max_age.is_some_and(|max_age| age > max_age);
    let must_log_in = request.prompt.login || request.prompt.select_account || is_too_old;
    if request.subject.as_ref().is_some_and(|subject| *subject != person.user.sub) {
        return Ok(Next::Login);
    }
    if must_log_in && !is_fresh {
        return Ok(Next::Login);
    }
    if request.prompt.consent || !has_consented(app, (client, request), &person.user.sub).await? {
        return Ok(Next::Consent(person));
    }
    Ok(Next::Issue(person))
}

/// Whether nobody has to be asked (decision 54, RFC 8252 section 8.6).
async fn has_consented(
    app: &App,
    (client, request): (&Client, &AuthorizationRequest),
    sub: &str,
) -> Result<bool, Refused> {
    let is_public = matches!(client.authentication, Authentication::Public);
    if is_public && !request.redirect_uri.starts_with("https://") {
        return Ok(false);
    }
    if client.metadata.first_party == Some(true) {
        return Ok(true);
    }
    let host = redirect_host(&request.redirect_uri);
    let kept = app.store().consent(sub, &client.client_id, &host).await?;
    Ok(kept.is_some_and(|kept| {
        let has = |resource| kept.resources.contains(resource);
        request.asks().is_subset(&kept.scopes) && request.resources.iter().all(has)
    }))
}

/// What a consent is kept for beside the client: the host, or the scheme, that is answered.
pub(super) fn redirect_host(uri: &str) -> String {
    let url = Url::parse(uri).ok();
    let host = url.as_ref().filter(|url| matches!(url.scheme(), "http" | "https")).and_then(Url::host_str);
    host.map_or_else(|| uri.split(':').next().unwrap_or_default().to_owned() + ":", str::to_owned)
}

/// The client of a request that waited: it may have changed meanwhile.
pub(super) async fn client_of(app: &App, request: &AuthorizationRequest) -> Result<Arc<Client>, Refused> {
    let found = app.registry().client(&request.client_id).await?;
    let client = found.value().cloned().ok_or(Denied::Authorize(AuthorizeDenied::ClientUnknown))?;
    if !authorize::is_registered(&client, &request.redirect_uri) {
        return Err(Denied::Authorize(AuthorizeDenied::RedirectUriRefused).into());
    }
    Ok(client)
}
