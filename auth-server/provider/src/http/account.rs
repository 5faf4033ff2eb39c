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
use super::site::session::{self, SignedIn, signed_in};
use crate::app::App;
use crate::model::{Session, User};
use crate::protocol::{AuthorizeDenied, Denied, Params};
use crate::secrets::hash_password;
use crate::store::{Revocation, StoreError};

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
    match params.get("action") {
        Some("sign_out") => sign_out(app, here).await,
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

async fn sign_out(app: &App, here: &SignedIn) -> Result<Response, Refused> {
    app.store().end_session(&here.session.sid, &here.session.sub).await?;
    tracing::info!(sub = here.user.sub, sid = here.session.sid, "signed out");
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
    // The consent goes first: a code that is issued meanwhile is covered by the cut-off.
    app.store().drop_consent(sub, &id).await?;
    cut_off(app, scope, now).await?;
    tracing::info!(sub, client_id = %id, "an app was revoked by its person");
    client_name(app, &id).await
}

/// Writes a cut-off, and reads it: it holds here before the person is told so (amendment to decision 18), and elsewhere
/// with the next poll.
async fn cut_off(app: &App, scope: CutOffScope<'_>, now: Timestamp) -> Result<(), Refused> {
    let until = app.policy().grants.max_lifetime;
    app.store().revoke(&Revocation::cut_off(scope, now, until), now).await?;
    Ok(app.revocations().poll_once().await?)
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
    let tried = accounts::login(app, browser, (&here.user.username, current), now).await?;
    let wrong = match tried {
        Login::Right(_) => None,
        Login::Wrong => Some("account-wrong"),
        Login::TooMany => Some("login-slow"),
    };
    if let Some(key) = wrong {
        let said = Said::Error(translated(key, &FluentArgs::new()));
        return page(app, browser, here, (said, now)).await;
    }
    let Ok(chosen) = choose_password(params.get("new_password").unwrap_or_default()) else {
        let mut args = FluentArgs::new();
        args.set("min", MIN_PASSWORD);
        return page(app, browser, here, (Said::Error(translated("account-invalid", &args)), now)).await;
    };
    let mut salt = [0; 16];
    app.rng().fill(&mut salt);
    let hashed = tokio::task::spawn_blocking(move || hash_password(&chosen, &salt)).await;
    let hashed = hashed.map_err(|_| StoreError::Corrupt("a password was not hashed".to_owned()))?;
    let change = |user: &User| {
        let changed =
            User { password: Some(hashed.clone()), not_before: now, updated_at: now, ..user.clone() };
        Ok::<_, StoreError>(Some((changed, None)))
    };
    app.store().change_user(&here.user.sub, true, change).await?;
    tracing::info!(sub = here.user.sub, "a password was changed by its person");
    // All sessions are over, this one too; the person goes on in a new one.
    let user = User { not_before: now, ..here.user.clone() };
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

/// What a browser that calls itself so is to a person. A guess, for a list of one's own sessions.
fn browser_name(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name)
    };
    // Each of them also names those after it.
    let browsers = [
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari", "Safari"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let mut args = FluentArgs::new();
    if let (Some(browser), Some(system)) = (first(&browsers), first(&systems)) {
        args.set("browser", browser);
        args.set("system", system);
        return translated("account-browser", &args);
    }
    let word = agent.split([' ', '/']).next().unwrap_or_default();
    if word.is_empty() { translated("account-unknown", &args) } else { word.to_owned() }
}

/// A time as people read it, to the minute, in UTC.
fn minute(at: Timestamp) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at.seconds().max(0).unsigned_abs());
    let text = httpdate::fmt_http_date(time);
    // `Tue, 01 Dec 2026 04:49:37 GMT`
    text.get(5..22).map_or(text.clone(), |minute| format!("{minute} UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_has_a_name_that_people_know() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605 Version/20.0 Safari/604";
        for (agent, name) in [
            (chrome, "Chrome on Linux"),
            (phone, "Safari on iPhone"),
            ("curl/8.1", "curl"),
            ("", "a browser"),
        ] {
            assert_eq!(browser_name(agent), name);
        }
        assert_eq!(minute(Timestamp(1_800_000_000)), "15 Jan 2027 08:00 UTC");
    }
}
