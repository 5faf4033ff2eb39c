//! `http_requests_total{endpoint,status}` and `http_request_duration_seconds{endpoint}`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::MatchedPath;
use http::{Request, Response};
use metrics::{Counter, Histogram};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use trefoil_shared::EndpointName;

/// The name that paths outside the list are counted under.
const OTHER: &str = "other";

/// Counts and times requests by endpoint and status. The endpoints are a fixed list, so that no client can make
/// label values; all other paths are `other`. Handles are looked up once for each endpoint and status.
#[derive(Clone)]
pub struct HttpMetricsLayer(Arc<Endpoints>);

impl HttpMetricsLayer {
    /// Counts the `endpoints` by name: router patterns or exact paths (`/token`), or names for [`EndpointName`].
    /// Make it after [`super::metrics_handle`], else nothing is recorded.
    pub fn new(endpoints: &[&'static str]) -> Self {
        let named = endpoints.iter().map(|name| (*name, Arc::new(Endpoint::new(name)))).collect();
        Self(Arc::new(Endpoints { named, other: Arc::new(Endpoint::new(OTHER)) }))
    }
}

impl std::fmt::Debug for HttpMetricsLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.named.keys()).finish()
    }
}

impl<S> Layer<S> for HttpMetricsLayer {
    type Service = HttpMetricsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpMetricsService { inner, endpoints: Arc::clone(&self.0) }
    }
}

/// What [`HttpMetricsLayer`] makes of a service.
#[derive(Clone)]
pub struct HttpMetricsService<S> {
    inner: S,
    endpoints: Arc<Endpoints>,
}

impl<S: std::fmt::Debug> std::fmt::Debug for HttpMetricsService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl<S, A, B> Service<Request<A>> for HttpMetricsService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = MeasuredFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let endpoint = match request.extensions().get::<MatchedPath>() {
            Some(pattern) => self.endpoints.find(pattern.as_str()),
            None => self.endpoints.find(request.uri().path()),
        };
        let endpoints = Arc::clone(&self.endpoints);
        MeasuredFuture { start: Instant::now(), endpoint, endpoints, inner: self.inner.call(request) }
    }
}

pin_project! {
    /// A request under way that is counted when its answer's head is there.
    pub struct MeasuredFuture<F> {
        start: Instant,
        endpoint: Arc<Endpoint>,
        endpoints: Arc<Endpoints>,
        #[pin]
        inner: F,
    }
}

impl<F, B, E> Future for MeasuredFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = ready!(this.inner.poll(cx));
        if let Ok(response) = &outcome {
            let status = response.status().as_u16();
            match response.extensions().get::<EndpointName>() {
                Some(name) => this.endpoints.find(name.0).record(status, *this.start),
                None => this.endpoint.record(status, *this.start),
            }
        }
        Poll::Ready(outcome)
    }
}

struct Endpoints {
    /// A dozen names, fixed at the start: to compare a few costs less than to hash one.
    named: BTreeMap<&'static str, Arc<Endpoint>>,
    other: Arc<Endpoint>,
}

impl Endpoints {
    fn find(&self, name: &str) -> Arc<Endpoint> {
        Arc::clone(self.named.get(name).unwrap_or(&self.other))
    }
}

/// The handles of one endpoint; a status' counter is made when that status is first seen.
struct Endpoint {
    name: &'static str,
    duration: Histogram,
    by_status: Box<[OnceLock<Counter>]>,
}

impl Endpoint {
    fn new(name: &'static str) -> Self {
        let duration = metrics::histogram!("http_request_duration_seconds", "endpoint" => name);
        Self { name, duration, by_status: (0..500).map(|_| OnceLock::new()).collect() }
    }

    fn record(&self, status: u16, start: Instant) {
        self.duration.record(start.elapsed().as_secs_f64());
        let count = |slot: &OnceLock<Counter>| {
            slot.get_or_init(|| {
                let status = status.to_string();
                metrics::counter!("http_requests_total", "endpoint" => self.name, "status" => status)
            })
            .increment(1);
        };
        self.by_status.get(usize::from(status.saturating_sub(100))).into_iter().for_each(count);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::StatusCode;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::telemetry::metrics_handle;

    #[tokio::test]
    async fn requests_are_counted_by_endpoint_and_status_with_bounded_labels() {
        let handle = metrics_handle().unwrap();
        let service =
            HttpMetricsLayer::new(&["/counted", "named"]).layer(service_fn(async |request: Request<()>| {
                let mut response = Response::new(());
                if request.uri().path() == "/named/7" {
                    response.extensions_mut().insert(EndpointName("named"));
                }
                *response.status_mut() = StatusCode::IM_A_TEAPOT;
                Ok::<_, Infallible>(response)
            }));
        for path in ["/counted", "/counted", "/named/7", "/unknown/1", "/unknown/2"] {
            service.clone().oneshot(Request::get(path).body(()).unwrap()).await.unwrap();
        }
        let text = handle.render();
        for line in [
            r#"http_requests_total{endpoint="/counted",status="418"} 2"#,
            r#"http_requests_total{endpoint="named",status="418"} 1"#,
            r#"http_requests_total{endpoint="other",status="418"} 2"#,
            r#"http_request_duration_seconds_count{endpoint="/counted"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("/unknown"), "{text}");
    }
}
