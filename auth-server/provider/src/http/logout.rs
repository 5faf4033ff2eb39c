//! `/logout`: OpenID Connect RP-Initiated Logout.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Request, header};
use trefoil_core::authorize::{Answer, ResponseMode};
use trefoil_core::openid::{LogoutRequest, LogoutStep, read_hint};
use trefoil_shared::{ClientId, Secret};

use super::error::Refused;
use super::form::Form;
use super::render_page::{base, refused, see_other};
use super::routes::Route;
use super::site::browser::{Browser, Cookie};
use super::site::pages::Page;
use super::site::session::{self, SignedIn, signed_in};
use crate::app::App;
use crate::protocol::{AuthorizeDenied, Denied, Params};

pub(super) async fn show(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let query = parts.uri.query().unwrap_or_default();
    let params = Params::parse(query.as_bytes(), app.policy().max_parameters);
    let outcome = match params {
        Ok(params) => asked(&app, &params, &browser).await,
        Err(denied) => Err(denied.into()),
    };
    outcome.unwrap_or_else(|why| refused(&app, Route::Logout, &why))
}

/// Our own form, or that of a client: the latter is another site's, so that it carries no cookie, and is sent on as a
/// GET, which does (decision 51).
pub(super) async fn act(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let acted = async {
        let form = Form::read(&app, Request::from_parts(parts, body)).await?;
        if form.params.get("logout").is_some() {
            return confirmed(&app, &form.params, &browser).await;
        }
        let query = form.params.to_query();
        Ok(see_other(&format!("{}?{}", Route::Logout.path(app.issuer()), query.reveal())))
    };
    acted.await.unwrap_or_else(|why| refused(&app, Route::Logout, &why))
}

async fn asked(app: &App, params: &Params, browser: &Browser) -> Result<Response, Refused> {
    let hint = params
        .get("id_token_hint")
        .and_then(|token| read_hint(token, &app.keys().verifying(), app.issuer().as_str()));
    let client = match hint.as_ref().map(|hint| hint.client_id.parse::<ClientId>()) {
        Some(Ok(id)) => app.registry().client(&id).await?.value().cloned(),
        Some(Err(_)) | None => None,
    };
    let request = LogoutRequest::decide(params, hint, client.as_deref())?;
    let here = signed_in(app, browser, app.now()).await?;
    match (request.step(here.as_ref().map(|here| here.user.sub.as_str())), here) {
        (LogoutStep::Ask, Some(here)) => Ok(page(app, browser, &here)),
        (LogoutStep::End, Some(here)) => ended(app, Some(&here), &request).await,
        (LogoutStep::Nobody | LogoutStep::Ask | LogoutStep::End, _) => ended(app, None, &request).await,
    }
}

/// The session is over, and the browser goes on to where the client wants it, or is told.
async fn ended(app: &App, here: Option<&SignedIn>, request: &LogoutRequest) -> Result<Response, Refused> {
    if let Some(here) = here {
        session::end(app, here, app.now()).await?;
    }
    let mut response = match &request.redirect {
        Some((uri, None)) => see_other(uri),
        Some((uri, Some(state))) => {
            let params = vec![("state", state.clone())];
            see_other(&Answer { uri: uri.clone(), mode: ResponseMode::Query, params }.url())
        }
        None => {
            let values = minijinja::context! { title => "signed-out-title", text => "signed-out-text" };
            Page::new("done.html").render(base(app), values)
        }
    };
    response.headers_mut().append(header::SET_COOKIE, Cookie::Session.set("", 0, app.issuer()));
    Ok(response)
}

fn about(here: &SignedIn) -> String {
    format!("logout {}", here.session.sid)
}

fn browser_id(browser: &Browser) -> &str {
    browser.id.as_ref().map(Secret::reveal).unwrap_or_default()
}

fn page(app: &App, browser: &Browser, here: &SignedIn) -> Response {
    let values = minijinja::context! {
        csrf => app.root().form_token(browser_id(browser), &about(here)), user => here.user.username.as_str(),
    };
    Page::new("logout.html").render(base(app), values)
}

async fn confirmed(app: &App, params: &Params, browser: &Browser) -> Result<Response, Refused> {
    let foreign = || Refused::from(Denied::Authorize(AuthorizeDenied::FormForeign));
    if !browser.is_from_here(app.issuer()) {
        return Err(foreign());
    }
    let nowhere = LogoutRequest { hint: None, redirect: None };
    let Some(here) = signed_in(app, browser, app.now()).await? else {
        return ended(app, None, &nowhere).await;
    };
    let presented = params.get("csrf").unwrap_or_default();
    if !app.root().verify_form(browser_id(browser), &about(&here), presented) {
        return Err(foreign());
    }
    ended(app, Some(&here), &nowhere).await
}
