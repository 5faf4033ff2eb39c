//! A tower layer that lets only requests with a good token through.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Request;
use http::request::Parts;
use tower_layer::Layer;
use tower_service::Service;
use tracing::debug;
use trefoil_shared::ScopeToken;
use trefoil_shared::jose::AccessClaims;
use url::Url;

use crate::bearer::{Forms, refuse_token_in_form, refuse_token_in_query, token_of_header};
use crate::challenge::{MetadataUrl, refusal};
use crate::demand::Demand;
use crate::refusal::{Refusal, Requested};
use crate::refused::Refused;
use crate::verifier::TokenVerifier;

/// Puts a token check before a service: RFC 6750 in, RFC 6750 challenges out. Handlers behind it take the claims with
/// [`crate::Verified`] and may ask for more with [`crate::Scoped`].
#[derive(Clone, Debug)]
pub struct RequireToken {
    verifier: TokenVerifier,
    demand: Arc<Demand>,
    metadata: Option<Arc<MetadataUrl>>,
}

impl RequireToken {
    /// Lets requests through whose token this verifier takes, whatever its scope.
    pub fn new(verifier: TokenVerifier) -> Self {
        Self { verifier, demand: Arc::default(), metadata: None }
    }

    /// Asks for each of these scopes too.
    #[must_use]
    pub fn all_of(mut self, scopes: impl IntoIterator<Item = ScopeToken>) -> Self {
        let asked = self.demand.all.union(&scopes.into_iter().collect());
        self.demand = Arc::new(Demand { all: asked, any: self.demand.any.clone() });
        self
    }

    /// Asks for one of these scopes. Challenges name the first.
    #[must_use]
    pub fn any_of(mut self, scopes: impl IntoIterator<Item = ScopeToken>) -> Self {
        self.demand = Arc::new(Demand { all: self.demand.all.clone(), any: scopes.into_iter().collect() });
        self
    }

    /// Names the resource's public URL, so that challenges point to its metadata (RFC 9728 section 5.1).
    #[must_use]
    pub fn public_url(mut self, resource: &Url) -> Self {
        self.metadata = Some(Arc::new(MetadataUrl::of_resource(resource)));
        self
    }

    async fn admit(&self, (mut head, body): (Parts, Body)) -> Result<Request<Body>, Refusal> {
        let verdict = admit(&self.verifier, &head, &self.demand).await;
        // A form may hold the token that the header lacks; one beside a token that is refused changes nothing.
        let body = match &verdict {
            Ok(_) | Err(Refusal { refused: Refused::NoToken, .. }) => {
                refuse_token_in_form(&head, body, Forms::Application).await?
            }
            Err(_) => body,
        };
        let (claims, metadata) = (verdict?, self.metadata.clone());
        head.extensions.insert(Admitted { claims, metadata, verifier: self.verifier.clone() });
        Ok(Request::from_parts(head, body))
    }
}

/// Every check of a request but those of its body: the keys are there, the token is in the header alone, it is good,
/// and its scope is enough.
pub async fn admit(
    verifier: &TokenVerifier,
    head: &Parts,
    demand: &Arc<Demand>,
) -> Result<Arc<AccessClaims>, Refusal> {
    verifier.can_check()?;
    refuse_token_in_query(head.uri.query())?;
    let token = token_of_header(&head.headers)?;
    debug!("there is one bearer token, in the header");
    let claims = verifier.examine_or_refetch(token).await?;
    debug!(client_id = claims.client_id, scope = %claims.scope, "the token is good");
    if demand.is_met_by(&claims.scope) {
        debug!(needed = %demand, "its scope is enough");
        Ok(claims)
    } else {
        Err(Refusal::of_token(Refused::InsufficientScope(Arc::clone(demand)), token, &claims))
    }
}

/// What the layer leaves in a request that it let through.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) claims: Arc<AccessClaims>,
    pub(crate) metadata: Option<Arc<MetadataUrl>>,
    pub(crate) verifier: TokenVerifier,
}

impl<S> Layer<S> for RequireToken {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: self.clone() }
    }
}

/// A service behind [`RequireToken`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: RequireToken,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one to call; the clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let guard = self.guard.clone();
        Box::pin(async move {
            let parts = request.into_parts();
            let requested = Requested::of(&parts.0);
            match guard.admit(parts).await {
                Ok(request) => inner.call(request).await.map(IntoResponse::into_response),
                Err(refused) => {
                    refused.log(&requested, &guard.verifier);
                    Ok(refusal(&refused.refused, guard.metadata.as_deref()))
                }
            }
        })
    }
}
