//! One request: path, route, token, scope, method, answer. In that order, and nothing before the path is plain.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{Method, Request};
use metrics::counter;
use tower::{Layer, Service, service_fn};
use trefoil_serve::request_id::RequestIdLayer;
use trefoil_serve::telemetry::{EndpointName, HttpMetricsLayer};

use super::health::health;
use super::metadata::PublicResource;
use crate::files::{self, FileCache};
use crate::path::clean;
use crate::route::{Found, RouteTable};
use trefoil_resource_layer::Refusal;
use trefoil_resource_layer::Refused;
use trefoil_resource_layer::TokenVerifier;
use trefoil_resource_layer::program::Requested;
use trefoil_resource_layer::program::admit;
use trefoil_resource_layer::program::{Forms, refuse_token_in_form};
use trefoil_resource_layer::{WELL_KNOWN, refusal};

/// All that requests share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: AppParts,
    files: FileCache,
}

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct AppParts {
    /// The routes.
    pub routes: RouteTable,
    /// Checks the tokens.
    pub verifier: TokenVerifier,
    /// What is told about the resource; nothing where there is no public URL.
    pub resource: Option<PublicResource>,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(Shared { parts, files: FileCache::default() }))
    }

    async fn answer(&self, (head, body): (Parts, Body)) -> Result<Response, Refusal> {
        let (parts, raw) = (&self.0.parts, head.uri.path());
        if raw == "/health" {
            only_read(&head.method)?;
            return Ok(health(&parts.verifier)?);
        }
        if let Some(resource) = parts.resource.as_ref().filter(|resource| resource.is_at(raw)) {
            only_read(&head.method)?;
            return Ok(counted(resource.respond(), raw, WELL_KNOWN));
        }
        let path = clean(raw).map_err(|_| Refused::UncleanPath)?;
        if path.starts_with("/.well-known/") {
            return Err(Refused::NoRoute.into());
        }
        let found = parts.routes.find(&path).ok_or(Refused::NoRoute)?;
        self.serve_route((&head, body), found).await
    }

    async fn serve_route(
        &self,
        (head, body): (&Parts, Body),
        found: Found<'_, '_>,
    ) -> Result<Response, Refusal> {
        let route = found.route;
        let verdict = admit(&self.0.parts.verifier, head, route.demand()).await;
        refuse_token_in_form(head, body, Forms::Nobody).await.map(drop)?;
        verdict?;
        if !route.takes(&head.method) {
            return Err(Refused::MethodNotAllowed(Arc::clone(route.allow())).into());
        }
        let response = files::respond(&self.0.files, route.target(), found.below, &head.headers).await?;
        Ok(counted(response, head.uri.path(), route.name()))
    }
}

fn only_read(method: &Method) -> Result<(), Refused> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(())
    } else {
        Err(Refused::MethodNotAllowed("GET, HEAD".into()))
    }
}

/// Has the answer counted under that name, where the request's path does not say it already.
fn counted(mut response: Response, path: &str, name: &'static str) -> Response {
    if path != name {
        response.extensions_mut().insert(EndpointName(name));
    }
    response
}

/// The public listener's service.
pub fn service(
    app: App,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send + 'static> + Clone {
    let mut endpoints = vec!["/health", WELL_KNOWN];
    endpoints.extend(app.0.parts.routes.routes().iter().map(crate::route::Route::name));
    let handler = service_fn(move |request| {
        let app = app.clone();
        async move { Ok(handle(&app, request).await) }
    });
    RequestIdLayer.layer(HttpMetricsLayer::new(&endpoints).layer(handler))
}

/// Answers, and logs and counts each refusal.
async fn handle(app: &App, request: Request<Body>) -> Response {
    let parts = request.into_parts();
    let requested = Requested::of(&parts.0);
    match app.answer(parts).await {
        Ok(response) => response,
        Err(refused) => {
            refused.log(&requested, &app.0.parts.verifier);
            counter!("resource_server_refusals_total", "reason" => refused.refused.name()).increment(1);
            let metadata = app.0.parts.resource.as_ref().map(PublicResource::metadata_url);
            refusal(&refused.refused, metadata)
        }
    }
}
