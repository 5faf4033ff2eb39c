//! The pages of a sign-in: to sign in, and to allow access.

use axum::response::Response;
use http::StatusCode;
use trefoil_core::authorize::AuthorizationRequest;

use super::authorize::redirect_host;
use super::interaction::Turn;
use super::render_page::base;
use super::site::pages::Page;
use super::site::session::SignedIn;
use super::site::shown::asks;
use crate::model::Client;

impl Turn<'_> {
    pub(super) fn login_page(
        &self,
        asked: Option<(&Client, &AuthorizationRequest)>,
        error: Option<(&'static str, &str)>,
    ) -> Response {
        let hint = asked.and_then(|(_, request)| request.login_hint.as_deref());
        let page = Page::new("login.html");
        let page = match asked {
            // "Do not allow" leads to the client from here as well.
            Some((_, request)) => page.leading_to(&request.redirect_uri),
            None => page,
        };
        self.login_form(page, asked.map(|(client, _)| client.name.as_str()), hint, error)
    }

    /// The login page for this client; `hint` is the name that it begins with.
    pub(super) fn login_form(
        &self,
        page: Page,
        client: Option<&str>,
        hint: Option<&str>,
        error: Option<(&'static str, &str)>,
    ) -> Response {
        let values = minijinja::context! {
            id => self.open.id.as_str(), csrf => self.csrf(), client => client,
            again => self.here.is_some() && client.is_some(), error => error.map(|(key, _)| key),
            username => error.map(|(_, name)| name).or(hint),
        };
        let status = match error {
            Some(("login-slow", _)) => StatusCode::TOO_MANY_REQUESTS,
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        page.status(status).render(base(self.app), values)
    }

    pub(super) fn consent_page(
        &self,
        (client, request): (&Client, &AuthorizationRequest),
        person: &SignedIn,
    ) -> Response {
        let is_web = request.redirect_uri.starts_with("https://");
        let values = minijinja::context! {
            id => self.open.id.as_str(), csrf => self.csrf(), client => client.name.as_str(),
            user => person.user.username.as_str(),
            asks => asks(&request.asks()),
            resources => request.resources.iter().map(ToString::to_string).collect::<Vec<_>>(),
            host => is_web.then(|| redirect_host(&request.redirect_uri)), metadata => minijinja::context! {
                client_uri => client.metadata.client_uri.as_deref(),
                policy_uri => client.metadata.policy_uri.as_deref(),
                tos_uri => client.metadata.tos_uri.as_deref(),
            },
        };
        Page::new("consent.html").leading_to(&request.redirect_uri).render(base(self.app), values)
    }
}
