//! The second, private listener: `/live`, `/ready` and `/metrics`.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde::Serialize;

pub use trefoil_shared::NotReady;

use crate::shutdown::{Phase, Shutdown};
use crate::telemetry::MetricsHandle;

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<NotReady>,
}

/// The admin router. `ready` is asked at each `GET /ready` and answers with all reasons against it; none means
/// ready (200), any means 503. A shutdown that has begun is such a reason by itself.
pub fn router<F, W>(shutdown: Shutdown, metrics: MetricsHandle, ready: F) -> Router
where
    F: Fn() -> W + Clone + Send + Sync + 'static,
    W: Future<Output = Vec<NotReady>> + Send + 'static,
{
    Router::new()
        .route("/live", get(async || "live\n"))
        .route("/ready", get(async move || readiness(&shutdown, ready().await)))
        .route("/metrics", get(async move || exposition(&metrics)))
}

fn readiness(shutdown: &Shutdown, mut reasons: Vec<NotReady>) -> Response {
    if shutdown.phase() != Phase::Serving {
        reasons.push(NotReady::new("shutting_down", "the server is shutting down"));
    }
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(Readiness { ready, reasons })).into_response()
}

fn exposition(metrics: &MetricsHandle) -> Response {
    const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::telemetry::metrics_handle;

    async fn get_path(router: Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_lists_every_reason_against_it() {
        let shutdown = Shutdown::new(Duration::ZERO);
        let router = router(shutdown, metrics_handle().unwrap(), async || {
            vec![NotReady::new("database", "the database does not answer")]
        });
        let (status, body) = get_path(router, "/ready").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let reason = r#"{"check":"database","reason":"the database does not answer"}"#;
        assert_eq!(body, format!(r#"{{"ready":false,"reasons":[{reason}]}}"#));
    }

    #[tokio::test]
    async fn d29_a_shutdown_that_has_begun_is_not_ready_but_live() {
        let shutdown = Shutdown::new(Duration::from_mins(1));
        let router = router(shutdown.clone(), metrics_handle().unwrap(), async || Vec::new());
        assert_eq!(get_path(router.clone(), "/ready").await.0, StatusCode::OK);
        shutdown.begin();
        let (status, body) = get_path(router.clone(), "/ready").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("shutting_down"), "{body}");
        assert_eq!(get_path(router, "/live").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_prometheus_text() {
        let handle = metrics_handle().unwrap();
        metrics::counter!("admin_test_total").increment(1);
        let router = router(Shutdown::new(Duration::ZERO), handle, async || Vec::new());
        let (status, body) = get_path(router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("admin_test_total 1"), "{body}");
    }
}
