//! What a person does on the way to a code: signs in, consents, refuses, takes another account. Every form is bound to
//! the browser, to the interaction and, once somebody is signed in, to the person (attack cases 9 and 11).

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::{Request, Uri, header};
use trefoil_core::authorize::AuthorizationRequest;
use trefoil_shared::{ResourceIndicator, Secret, Timestamp};

use super::authorize::{Next, client_of, next, redirect_host};
use super::code::{issue, refuse_for_good};
use super::device;
use super::error::Refused;
use super::form::Form;
use super::render_page::{answered, base, refused, see_other};
use super::routes::Route;
use super::site::accounts::{self, Login};
use super::site::browser::{Browser, Cookie};
use super::site::interaction::{self, Open};
use super::site::pages::Page;
use super::site::session::{self, SignedIn, signed_in};
use crate::app::App;
use crate::model::Consent;
use crate::protocol::{AuthorizeDenied, Denied, Params};

pub(super) async fn login(State(app): State<App>, request: Request<Body>) -> Response {
    show(&app, Route::Login, request).await
}

pub(super) async fn consent(State(app): State<App>, request: Request<Body>) -> Response {
    show(&app, Route::Consent, request).await
}

async fn show(app: &App, at: Route, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    let browser = Browser::of(app, &parts);
    let shown = async {
        let Some(id) = asked_id(app, &parts)? else {
            // Nothing waits for the person, who wants to see the account.
            return Ok(see_other(&Route::Account.path(app.issuer())));
        };
        let turn = Turn::load(app, &id, &browser).await?;
        turn.page_at(at).await
    };
    shown.await.unwrap_or_else(|why| refused_or_done(app, &why))
}

/// The interaction that a URL names.
fn asked_id(app: &App, parts: &Parts) -> Result<Option<String>, Refused> {
    let query = parts.uri.query().unwrap_or_default();
    let params = Params::parse(query.as_bytes(), app.policy().max_parameters)?;
    Ok(params.get("id").map(str::to_owned))
}

/// The form alone: its URL was read already, and a form that also has parameters in its URL is refused.
fn without_query(mut parts: Parts, body: Body) -> Request<Body> {
    parts.uri = Uri::try_from(parts.uri.path()).unwrap_or_default();
    Request::from_parts(parts, body)
}

pub(super) async fn act(State(app): State<App>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let browser = Browser::of(&app, &parts);
    let acted = async {
        if !browser.is_from_here(app.issuer()) {
            return Err(Denied::Authorize(AuthorizeDenied::FormForeign).into());
        }
        let id = asked_id(&app, &parts)?.ok_or(Denied::Authorize(AuthorizeDenied::InteractionGone))?;
        let form = Form::read(&app, without_query(parts, body)).await?;
        let turn = Turn::load(&app, &id, &browser).await?;
        turn.check(&form.params)?;
        let has = |name| form.params.get(name).is_some();
        // A button that is not sent, as when a script submits the form, leaves the fields to say which form it is.
        match () {
            () if has("deny") => turn.deny().await,
            () if has("approve") => turn.allow().await,
            () if has("switch") => turn.switch().await,
            () if has("login") || has("username") => turn.login(&form.params).await,
            () => turn.page(None).await,
        }
    };
    acted.await.unwrap_or_else(|why| refused_or_done(&app, &why))
}

/// A sign-in that is finished is no fault of the person who goes back to it.
fn refused_or_done(app: &App, why: &Refused) -> Response {
    if why.denied() == Denied::Authorize(AuthorizeDenied::InteractionDone) {
        let values = minijinja::context! { title => "done-title", text => "done-text" };
        return Page::new("done.html").render(base(app), values);
    }
    refused(app, Route::Login, why)
}

/// One request of the person about one interaction.
pub(super) struct Turn<'a> {
    pub(super) app: &'a App,
    browser: &'a Browser,
    pub(super) now: Timestamp,
    pub(super) open: Open,
    pub(super) here: Option<SignedIn>,
}

impl<'a> Turn<'a> {
    async fn load(app: &'a App, id: &str, browser: &'a Browser) -> Result<Self, Refused> {
        let now = app.now();
        let open = interaction::open(app, id, browser.id.as_ref().map(Secret::reveal), now).await?;
        let here = signed_in(app, browser, now).await?;
        Ok(Self { app, browser, now, open, here })
    }

    /// What forms of this turn are about: who is signed in changes them.
    fn about(&self) -> String {
        let who = self.here.as_ref().map_or("", |here| here.session.sid.as_str());
        format!("interaction {} {who}", self.open.id)
    }

    pub(super) fn csrf(&self) -> String {
        let browser = self.browser.id.as_ref().map(Secret::reveal).unwrap_or_default();
        self.app.root().form_token(browser, &self.about())
    }

    fn check(&self, params: &Params) -> Result<(), Refused> {
        let browser = self.browser.id.as_ref().map(Secret::reveal).unwrap_or_default();
        let presented = params.get("csrf").unwrap_or_default();
        if self.app.root().verify_form(browser, &self.about(), presented) {
            Ok(())
        } else {
            Err(Denied::Authorize(AuthorizeDenied::FormForeign).into())
        }
    }

    fn request(&self) -> Option<&AuthorizationRequest> {
        self.open.interaction.request.as_ref()
    }

    pub(super) fn path(&self, page: Route) -> String {
        interaction::path(self.app, page, &self.open.id)
    }

    /// The page that comes next, at its own URL.
    async fn page_at(&self, at: Route) -> Result<Response, Refused> {
        let next = match self.request() {
            None if self.open.interaction.device.is_some() && self.here.is_some() => Route::Consent,
            None => Route::Login,
            Some(request) => {
                let client = client_of(self.app, request).await?;
                let fresh = (self.open.interaction.signed_in.as_deref(), self.now);
                match next(self.app, (&client, request), self.here.as_ref(), fresh).await? {
                    Next::Consent(_) => Route::Consent,
                    Next::Login => Route::Login,
                    Next::Issue(_) => at,
                }
            }
        };
        if next == at { self.page(None).await } else { Ok(see_other(&self.path(next))) }
    }

    /// The page that comes next, or the answer where none does.
    pub(super) async fn page(&self, error: Option<(&'static str, &str)>) -> Result<Response, Refused> {
        if let Some(device) = &self.open.interaction.device {
            return device::page(self, device, error).await;
        }
        let Some(request) = self.request() else {
            return Ok(match self.here {
                Some(_) => see_other(&Route::Account.path(self.app.issuer())),
                None => self.login_page(None, error),
            });
        };
        let client = client_of(self.app, request).await?;
        let fresh = (self.open.interaction.signed_in.as_deref(), self.now);
        match next(self.app, (&client, request), self.here.as_ref(), fresh).await? {
            Next::Login => Ok(self.login_page(Some((&client, request)), error)),
            Next::Consent(person) => Ok(self.consent_page((&client, request), person)),
            Next::Issue(person) => issue(self.app, (&client, request), person, self.open.grant()?).await,
        }
    }

    async fn login(&self, params: &Params) -> Result<Response, Refused> {
        let username = params.get("username").unwrap_or_default();
        let password = params.get("password").unwrap_or_default();
        let user =
            match accounts::login(self.app, self.browser.address, (username, password), self.now).await? {
                Login::Right(user) => user,
                Login::Wrong => return self.again(("login-wrong", username)).await,
                Login::TooMany => return self.again(("login-slow", username)).await,
            };
        let (session, cookie) = session::begin(self.app, self.browser, &user, self.here.as_ref()).await?;
        self.open.signed_in(self.app, &session.sid, self.now).await?;
        tracing::info!(sub = user.sub, sid = session.sid, "signed in");
        let mut response = see_other(&self.path(Route::Login));
        response.headers_mut().append(header::SET_COOKIE, cookie);
        Ok(response)
    }

    async fn again(&self, error: (&'static str, &str)) -> Result<Response, Refused> {
        if let Some(device) = &self.open.interaction.device {
            return device::page(self, device, Some(error)).await;
        }
        let Some(request) = self.request() else { return Ok(self.login_page(None, Some(error))) };
        let client = client_of(self.app, request).await?;
        Ok(self.login_page(Some((&client, request)), Some(error)))
    }

    async fn allow(&self) -> Result<Response, Refused> {
        if let Some(device) = &self.open.interaction.device {
            return device::allow(self, device).await;
        }
        let (Some(request), Some(person)) = (self.request(), self.here.as_ref()) else {
            return self.page(None).await;
        };
        let client = client_of(self.app, request).await?;
        let fresh = (self.open.interaction.signed_in.as_deref(), self.now);
        let next = next(self.app, (&client, request), self.here.as_ref(), fresh).await?;
        if matches!(next, Next::Login) {
            return self.page(None).await;
        }
        let host = redirect_host(&request.redirect_uri);
        let before = self.app.store().consent(&person.user.sub, &client.client_id, &host).await?;
        // Scopes are added only to those of the same resources: `write` at one is no consent to `write` at another.
        let is_same = |before: &Consent| {
            let has = |all: &[ResourceIndicator], one| all.contains(one);
            before.resources.iter().all(|one| has(&request.resources, one))
                && request.resources.iter().all(|one| has(&before.resources, one))
        };
        let scopes = match before.filter(is_same) {
            Some(before) => request.asks().union(&before.scopes),
            None => request.asks(),
        };
        let consent = Consent {
            sub: person.user.sub.clone(),
            client_id: client.client_id.clone(),
            redirect_host: host,
            scopes,
            resources: request.resources.clone(),
            granted_at: self.now,
        };
        self.app.store().keep_consent(&consent).await?;
        issue(self.app, (&client, request), person, self.open.grant()?).await
    }

    async fn deny(&self) -> Result<Response, Refused> {
        if let Some(device) = &self.open.interaction.device {
            return device::deny(self, device).await;
        }
        let Some(request) = self.request() else { return self.page(None).await };
        let client = client_of(self.app, request).await?;
        // The record of the authorization is the gate here, too: who allowed before cannot deny any more.
        if !refuse_for_good(self.app, request, (self.open.grant()?, self.now)).await? {
            return Err(Denied::Authorize(AuthorizeDenied::InteractionDone).into());
        }
        self.open.end(self.app, self.now).await?;
        tracing::info!(client_id = %client.client_id, "the person did not allow it");
        let why = Denied::Authorize(AuthorizeDenied::PersonRefused);
        Ok(answered(self.app, &client.name, &request.refused(why, self.app.issuer())))
    }

    /// Signs out here, and begins again with the same request.
    async fn switch(&self) -> Result<Response, Refused> {
        if let Some(here) = &self.here {
            self.app.store().end_session(&here.session.sid, &here.session.sub).await?;
        }
        let mut response = see_other(&self.path(Route::Login));
        let cookie = Cookie::Session.set("", 0, self.app.issuer());
        response.headers_mut().append(header::SET_COOKIE, cookie);
        Ok(response)
    }
}
