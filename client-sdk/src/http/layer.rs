//! A tower layer that attaches tokens to the requests of another client.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use tower_layer::Layer;
use tower_service::Service;
use url::Url;

use super::request::bearer;
use crate::origin::{Origin, PlainHosts, parse};
use crate::{BoxFuture, Challenge, Result, TokenSource};

/// The error of [`AuthService`]: the inner service's, or this crate's [`crate::Error`].
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Attaches tokens to requests for named origins; others pass as they are. What an [`super::ApiClient`] would not
/// send (plain http to an origin beyond loopback) is an error here too, before a token is asked for. Resends a request
/// once with a new token where the answer says `invalid_token` and the request can be cloned. The client under it
/// should follow no redirects and use no proxy for plain http: either would carry the token along.
#[derive(Clone)]
pub struct AuthLayer {
    source: Arc<dyn TokenSource>,
    origins: Vec<Origin>,
    plain: PlainHosts,
}

impl AuthLayer {
    /// A layer that takes tokens from `source`. No origin is named yet.
    pub fn new(source: impl TokenSource + 'static) -> Self {
        Self { source: Arc::new(source), origins: Vec::new(), plain: PlainHosts::default() }
    }

    /// Lets the token go to the origin of `url`.
    pub fn origin(mut self, url: &str) -> Result<Self> {
        self.origins.push(Origin::of(&parse(url, "the origin")?));
        Ok(self)
    }

    /// Lets the token go over plain http to `host`, for a lab network. Anyone who can listen there reads the token.
    #[must_use]
    pub fn allow_plain_http(mut self, host: &str) -> Self {
        self.plain.allow(host);
        self
    }

    /// Whether a request gets a token; an error where it may not be sent with one.
    fn binds(&self, target: Option<&Url>) -> Result<bool> {
        let Some(url) = target.filter(|url| self.origins.contains(&Origin::of(url))) else {
            return Ok(false);
        };
        self.plain.check(url).map(|()| true)
    }
}

impl std::fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthLayer").field("origins", &self.origins).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { inner, layer: self.clone() }
    }
}

/// What [`AuthLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct AuthService<S> {
    inner: S,
    layer: AuthLayer,
}

/// A request that a token can be attached to.
pub trait AuthRequest: Sized {
    /// Where it goes, where that is an absolute URL.
    fn target(&self) -> Option<Url>;
    /// Its headers.
    fn headers_mut(&mut self) -> &mut HeaderMap;
    /// The same request again, where its body can be cloned.
    fn again(&self) -> Option<Self>;
}

impl AuthRequest for reqwest::Request {
    fn target(&self) -> Option<Url> {
        Some(self.url().clone())
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        Self::headers_mut(self)
    }

    fn again(&self) -> Option<Self> {
        self.try_clone()
    }
}

impl<B: Clone> AuthRequest for http::Request<B> {
    fn target(&self) -> Option<Url> {
        Url::parse(&self.uri().to_string()).ok()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        Self::headers_mut(self)
    }

    fn again(&self) -> Option<Self> {
        Some(self.clone())
    }
}

/// An answer that may refuse a token.
pub trait AuthResponse {
    /// Its status.
    fn status(&self) -> StatusCode;
    /// Its headers.
    fn headers(&self) -> &HeaderMap;
}

impl AuthResponse for reqwest::Response {
    fn status(&self) -> StatusCode {
        Self::status(self)
    }

    fn headers(&self) -> &HeaderMap {
        Self::headers(self)
    }
}

impl<B> AuthResponse for http::Response<B> {
    fn status(&self) -> StatusCode {
        Self::status(self)
    }

    fn headers(&self) -> &HeaderMap {
        Self::headers(self)
    }
}

impl<S, R> Service<R> for AuthService<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Response: AuthResponse + Send,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: AuthRequest + Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        // The service that was polled ready is the one to call; the clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        match self.layer.binds(request.target().as_ref()) {
            Ok(true) => {}
            Ok(false) => {
                let answer = inner.call(request);
                return Box::pin(async move { answer.await.map_err(Into::into) });
            }
            Err(error) => return Box::pin(std::future::ready(Err(error.into()))),
        }
        let source = Arc::clone(&self.layer.source);
        Box::pin(async move {
            let token = source.token().await?;
            let spare = request.again();
            request.headers_mut().insert(AUTHORIZATION, bearer(&token)?);
            let answer = inner.call(request).await.map_err(Into::into)?;
            if !refused(&answer) {
                return Ok(answer);
            }
            source.invalidate(token.generation());
            let Some(mut spare) = spare else { return Ok(answer) };
            let next = source.token().await?;
            if next.generation() == token.generation() {
                return Ok(answer);
            }
            spare.headers_mut().insert(AUTHORIZATION, bearer(&next)?);
            std::future::poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
            let answer = inner.call(spare).await.map_err(Into::into)?;
            if refused(&answer) {
                source.invalidate(next.generation());
            }
            Ok(answer)
        })
    }
}

fn refused(answer: &impl AuthResponse) -> bool {
    let challenge = Challenge::bearer(answer.headers());
    answer.status() == StatusCode::UNAUTHORIZED
        && challenge.is_some_and(|found| found.param("error") == Some("invalid_token"))
}
