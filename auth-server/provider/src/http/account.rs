//! `/account`: where a person is signed in and what it allowed, and the end of both.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use fluent_bundle::FluentArgs;
use http::{Request, header};
use trefoil_core::people::{MIN_PASSWORD, choose_password};
use trefoil_shared::revocation::CutOffScope;
use trefoil_shared::{ClientId, Secret, Timestamp};

use super::authorize::wait;
use super::error::Refused;
use super::form::Form;
use super::render_page::{base, refused, see_other};
use super::routes::Route;
use super::site::accounts::{self, Login};
use super::site::browser::{Browser, Cookie};
use super::site::pages::{Page, translated};
use super::site::session::{self, SignedIn, cut_off, signed_in};
use super::site::shown::{browser_name, minute};
use crate::app::App;
use crate::model::{Session, User};
use crate::protocol::{AuthorizeDenied, Denied, Ends, Params, cut_off_second};
use crate::secrets::hash_password;
use crate::store::StoreError;

pub(super) async fn show(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let shown = async {
        let now = app.now();
        match signed_in(&app, &browser, now).await? {
            None => wait(&app, &browser, None, now).await,
            Some(here) => page(&app, &browser, &here, (Said::Nothing, now)).await,
        }
    };
    shown.await.unwrap_or_else(|why| refused(&app, Route::Account, &why))
}

pub(super) async fn act(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let acted = async {
        if !browser.is_from_here(app.issuer()) {
            return Err(Denied::Authorize(AuthorizeDenied::FormForeign).into());
        }
        let form = Form::read(&app, Request::from_parts(parts, body)).await?;
        let now = app.now();
        let Some(here) = signed_in(&app, &browser, now).await? else {
            return wait(&app, &browser, None, now).await;
        };
        let presented = form.params.get("csrf").unwrap_or_default();
        if !app.root().verify_form(browser_id(&browser), &about(&here), presented) {
            return Err(Denied::Authorize(AuthorizeDenied::FormForeign).into());
        }
        done(&app, &browser, &here, (&form.params, now)).await
    };
    acted.await.unwrap_or_else(|why| refused(&app, Route::Account, &why))
}

fn browser_id(browser: &Browser) -> &str {
    browser.id.as_ref().map(Secret::reveal).unwrap_or_default()
}

fn about(here: &SignedIn) -> String {
    format!("account {}", here.session.sid)
}

/// What the page says at its top.
enum Said {
    Nothing,
    Notice(String),
    Error(String),
}

async fn done(
    app: &App,
    browser: &Browser,
    here: &SignedIn,
    (params, now): (&Params, Timestamp),
) -> Result<Response, Refused> {
    if params.get("logout").is_some() {
        return sign_out(app, here, now).await;
    }
    match params.get("action") {
        Some("end_session") => {
            let sid = params.get("sid").unwrap_or_default();
            end_session(app, here, (sid, now)).await?;
            let notice = Said::Notice(translated("account-ended", &FluentArgs::new()));
            page(app, browser, here, (notice, now)).await
        }
        Some("revoke_app") => {
            let name = revoke_app(app, here, (params, now)).await?;
            let mut args = FluentArgs::new();
            args.set("client", name);
            page(app, browser, here, (Said::Notice(translated("account-revoked", &args)), now)).await
        }
        Some("change_password") => change_password(app, browser, here, (params, now)).await,
        Some(_) | None => page(app, browser, here, (Said::Nothing, now)).await,
    }
}

async fn sign_out(app: &App, here: &SignedIn, now: Timestamp) -> Result<Response, Refused> {
    session::end(app, here, now).await?;
    let values = minijinja::context! { title => "signed-out-title", text => "signed-out-text" };
    let mut response = Page::new("done.html").render(base(app), values);
    response.headers_mut().append(header::SET_COOKIE, Cookie::Session.set("", 0, app.issuer()));
    Ok(response)
}

/// Ends another session of the person, and what was given in it.
async fn end_session(app: &App, here: &SignedIn, (sid, now): (&str, Timestamp)) -> Result<(), Refused> {
    let own = app.store().sessions_of(&here.user.sub).await?;
    if own.iter().any(|session| session.sid == sid) {
        cut_off(app, CutOffScope::Session(sid), now).await?;
        app.store().end_session(sid, &here.user.sub).await?;
        tracing::info!(sub = here.user.sub, sid, "a session was ended by its person");
    }
    Ok(())
}

/// Ends all that an app was given, and asks next time. Gives the app's name.
async fn revoke_app(
    app: &App,
    here: &SignedIn,
    (params, now): (&Params, Timestamp),
) -> Result<String, Refused> {
    let id = params.get("client_id").unwrap_or_default();
    let id: ClientId = id.parse().map_err(|_| Denied::Authorize(AuthorizeDenied::ClientUnknown))?;
    let sub = here.user.sub.as_str();
    let scope = CutOffScope::SubjectAtClient { sub, client_id: id.as_str() };
    // The consent goes first: who is asked for a code meanwhile has to ask the person.
    app.store().drop_consent(sub, &id).await?;
    cut_off(app, scope, now).await?;
    tracing::info!(sub, client_id = %id, "an app was revoked by its person");
    client_name(app, &id).await
}

async fn client_name(app: &App, id: &ClientId) -> Result<String, Refused> {
    let found = app.registry().client(id).await?;
    Ok(found.value().map_or_else(|| id.to_string(), |client| client.name.clone()))
}

async fn change_password(
    app: &App,
    browser: &Browser,
    here: &SignedIn,
    (params, now): (&Params, Timestamp),
) -> Result<Response, Refused> {
    let current = params.get("password").unwrap_or_default();
    let wrong = |key| Said::Error(translated(key, &FluentArgs::new()));
    let proven = match accounts::login(app, browser.address, (&here.user.username, current), now).await? {
        Login::Right(user) if user.sub == here.user.sub => user,
        Login::Right(_) | Login::Wrong => {
            return page(app, browser, here, (wrong("account-wrong"), now)).await;
        }
        Login::TooMany => return page(app, browser, here, (wrong("login-slow"), now)).await,
    };
    let Ok(chosen) = choose_password(params.get("new_password").unwrap_or_default()) else {
        let mut args = FluentArgs::new();
        args.set("min", MIN_PASSWORD);
        return page(app, browser, here, (Said::Error(translated("account-invalid", &args)), now)).await;
    };
    let salt = app.rng().bytes16();
    let hashed = tokio::task::spawn_blocking(move || hash_password(&chosen, &salt)).await;
    let hashed = hashed.map_err(|_| StoreError::Corrupt("a password was not hashed".to_owned()))?;
    // The tokens end first: where the change fails after that, the person tries again.
    cut_off(app, CutOffScope::Subject(&proven.sub), now).await?;
    let not_before = cut_off_second(app.store().now().await?, Ends::Access);
    let change = |present: &User| {
        // Somebody else was faster: that password counts, and the one that was proven here is none any more.
        if present.password != proven.password || !present.enabled {
            return Ok::<_, StoreError>(None);
        }
        let not_before = not_before.max(present.not_before);
        let password = Some(hashed.clone());
        Ok(Some((User { password, not_before, updated_at: now, ..present.clone() }, None)))
    };
    let Some(user) = app.store().change_user(&proven.sub, true, change).await? else {
        return page(app, browser, here, (wrong("account-wrong"), now)).await;
    };
    tracing::info!(sub = user.sub, "a password was changed by its person");
    // All sessions are over, this one too; the person goes on in a new one.
    let (session, cookie) = session::begin(app, browser, &user, None).await?;
    let again = SignedIn { session, user };
    let said = Said::Notice(translated("account-changed", &FluentArgs::new()));
    let mut response = page(app, browser, &again, (said, now)).await?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

async fn page(
    app: &App,
    browser: &Browser,
    here: &SignedIn,
    (said, now): (Said, Timestamp),
) -> Result<Response, Refused> {
    let Some(_) = &browser.id else {
        // Forms are bound to it: a browser that lost it begins again.
        let cookie = Cookie::Session.set("", 0, app.issuer());
        let mut response = see_other(&Route::Account.path(app.issuer()));
        response.headers_mut().append(header::SET_COOKIE, cookie);
        return Ok(response);
    };
    let (notice, error) = match said {
        Said::Nothing => (None, None),
        Said::Notice(text) => (Some(text), None),
        Said::Error(text) => (None, Some(text)),
    };
    let alive = |session: &Session| {
        now < session.expires_at && now < session.used_at.plus(app.policy().sessions.idle)
    };
    let sessions = app.store().sessions_of(&here.user.sub).await?.into_iter().filter(alive);
    let sessions = sessions.map(|session| {
        minijinja::context! {
            sid => session.sid.as_str(), this => session.sid == here.session.sid,
            address => session.address.as_str(),
            agent => browser_name(&session.agent),
            since => minute(session.authenticated_at), used => minute(session.used_at),
        }
    });
    let sessions: Vec<_> = sessions.collect();
    let mut apps = Vec::new();
    for consent in app.store().consents_of(&here.user.sub).await? {
        apps.push(minijinja::context! {
            client_id => consent.client_id.as_str(), name => client_name(app, &consent.client_id).await?,
            scopes => consent.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            since => minute(consent.granted_at),
        });
    }
    let values = minijinja::context! {
        csrf => app.root().form_token(browser_id(browser), &about(here)), user => here.user.username.as_str(),
        notice => notice, error => error, sessions => sessions, apps => apps,
    };
    Ok(Page::new("account.html").render(base(app), values))
}
