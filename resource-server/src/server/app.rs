//! One request: path, route, token, scope, method, answer. In that order, and nothing before the path is plain.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{Method, Request};
use metrics::counter;
use tower::{Layer, Service, service_fn};
use tracing::info;
use trefoil_serve::request_id::RequestIdLayer;
use trefoil_serve::telemetry::{EndpointName, HttpMetricsLayer};

use super::health::health;
use super::metadata::PublicResource;
use crate::bearer::refuse_token_in_form;
use crate::challenge::{WELL_KNOWN, refusal};
use crate::files::{self, FileCache};
use crate::path::clean;
use crate::refused::Refused;
use crate::require::admit;
use crate::route::{Found, RouteTable};
use crate::verifier::TokenVerifier;

/// All that requests share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<AppParts>);

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
        Self(Arc::new(parts))
    }

    async fn answer(&self, files: &FileCache, request: Request<Body>) -> Result<Response, Refused> {
        let path = request.uri().path();
        if path == "/health" {
            only_read(request.method())?;
            return health(&self.0.verifier).map(|response| counted(response, "/health"));
        }
        if let Some(resource) = self.0.resource.as_ref().filter(|resource| resource.is_at(path)) {
            only_read(request.method())?;
            return Ok(counted(resource.respond(), WELL_KNOWN));
        }
        let path = clean(path).map_err(|_| Refused::UncleanPath)?.into_owned();
        if path.starts_with("/.well-known/") {
            return Err(Refused::NoRoute);
        }
        let found = self.0.routes.find(&path).ok_or(Refused::NoRoute)?;
        self.serve_route(files, request, found).await
    }

    async fn serve_route(
        &self,
        files: &FileCache,
        request: Request<Body>,
        found: Found<'_, '_>,
    ) -> Result<Response, Refused> {
        let route = found.route;
        let verdict = admit(&self.0.verifier, request.headers(), request.uri(), route.demand()).await;
        let request = refuse_token_in_form(request).await?;
        verdict?;
        if !route.takes(request.method()) {
            return Err(Refused::MethodNotAllowed(Arc::clone(route.allow())));
        }
        let response = files::respond(files, route.target(), found.below, request.headers()).await?;
        Ok(counted(response, route.name()))
    }
}

fn only_read(method: &Method) -> Result<(), Refused> {
    if matches!(*method, Method::GET | Method::HEAD) {
        Ok(())
    } else {
        Err(Refused::MethodNotAllowed("GET, HEAD".into()))
    }
}

fn counted(mut response: Response, name: &'static str) -> Response {
    response.extensions_mut().insert(EndpointName(name));
    response
}

/// The public listener's service.
pub fn service(
    app: App,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send + 'static> + Clone {
    let mut endpoints = vec!["/health", WELL_KNOWN];
    endpoints.extend(app.0.routes.routes().iter().map(crate::route::Route::name));
    let files = Arc::new(FileCache::default());
    let handler = service_fn(move |request| {
        let (app, files) = (app.clone(), Arc::clone(&files));
        async move { Ok(handle(&app, &files, request).await) }
    });
    RequestIdLayer.layer(HttpMetricsLayer::new(&endpoints).layer(handler))
}

/// Answers, and notes each refusal by its reason. Neither the path nor any header is logged: a token may be in each.
async fn handle(app: &App, files: &FileCache, request: Request<Body>) -> Response {
    match app.answer(files, request).await {
        Ok(response) => response,
        Err(refused) => {
            let (reason, status) = (refused.name(), refused.answer().status.as_u16());
            info!(reason, status, "request refused");
            counter!("resource_server_refusals_total", "reason" => reason).increment(1);
            refusal(&refused, app.0.resource.as_ref().map(PublicResource::metadata_url))
        }
    }
}
