//! One connection, from its handshake to its close.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

use super::activity::{Activity, OpenRequest, Order};
use super::body::{AnswerBody, Fate, RequestBody};
use super::limits::Limits;
use super::linger::Stream;
use crate::peer::PeerAddr;
use crate::request_id::{RequestId, X_REQUEST_ID};

/// What both servers hand to the accept loop: an axum router, or anything shaped like one.
pub(super) trait Application:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Application for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// What a connection is served with.
#[derive(Clone)]
pub(super) struct Host<S> {
    pub(super) application: S,
    pub(super) limits: Limits,
    /// Whom to name to the application, where it asks for it.
    pub(super) peer: Option<PeerAddr>,
    pub(super) activity: Arc<Activity>,
}

/// The protocol that the client and we agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Serves one connection until it ends. How it ends is the client's business; it is logged for debugging only.
pub(super) async fn serve<S, T>(stream: Stream<T>, protocol: Protocol, host: Host<S>)
where
    S: Application,
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let activity = Arc::clone(&host.activity);
    let limits = host.limits;
    let service = service_fn(move |request| exchange(host.clone(), request));
    let io = TokioIo::new(stream);
    let ended = match protocol {
        Protocol::Http1 => drive(http1(&limits).serve_connection(io, service), &activity, protocol).await,
        Protocol::Http2 => drive(http2(&limits).serve_connection(io, service), &activity, protocol).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

fn http1(limits: &Limits) -> hyper::server::conn::http1::Builder {
    let head = usize::try_from(limits.max_header_bytes).unwrap_or(usize::MAX);
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        // The watch over all connections keeps this deadline; a timer here would be set anew for each request.
        .header_read_timeout(None::<Duration>)
        .max_header_size(head)
        // A head that is longer than the buffer would be refused, whatever its limit.
        .max_buf_size(head.max(64 * 1024));
    builder
}

fn http2(limits: &Limits) -> hyper::server::conn::http2::Builder<TokioExecutor> {
    const WINDOW: u32 = 64 * 1024;
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(limits.max_header_bytes)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(16 * WINDOW)
        // What a client that reads nothing can make us hold: this, times its streams.
        .max_send_buf_size(64 * 1024);
    builder
}

/// Polls a connection and obeys the watch's orders.
///
/// Told to finish, hyper closes an HTTP/1.1 connection that it has read nothing of yet, though the client's first
/// request may be on its way: such a one is told only after its first request, or is cut off as one without any.
/// By HTTP/2 the client hears which of its requests were not looked at (RFC 9113 section 6.8).
async fn drive<C: GracefulConnection>(
    connection: C,
    activity: &Activity,
    protocol: Protocol,
) -> Result<(), C::Error>
where
    C::Error: Into<BoxError>,
{
    let mut connection = pin!(connection);
    let may_finish = || protocol == Protocol::Http2 || activity.has_begun();
    let mut finishing = false;
    poll_fn(|cx| {
        activity.listen(cx.waker());
        loop {
            let order = activity.order();
            if order == Order::Abort {
                return Poll::Ready(Ok(()));
            }
            if order == Order::Finish && !finishing && may_finish() {
                finishing = true;
                connection.as_mut().graceful_shutdown();
            }
            let polled = connection.as_mut().poll(cx);
            if let Poll::Ready(Err(_)) = &polled {
                // hyper may have answered a request that it could not read (400, 431).
                activity.linger();
            }
            let first_request_came = order == Order::Finish && !finishing && may_finish();
            if polled.is_ready() || !first_request_came {
                return polled;
            }
        }
    })
    .await
}

/// One request and its answer.
async fn exchange<S: Application>(
    host: Host<S>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let open = OpenRequest::begin(host.activity);
    let (mut parts, incoming) = request.into_parts();
    if let Some(peer) = host.peer {
        parts.extensions.insert(peer);
    }
    if incoming.is_end_stream() {
        let answer = answer(host.application, Request::from_parts(parts, Body::empty())).await;
        return Ok(answer.map(|body| AnswerBody::new(body, open)));
    }
    // The end of a chunked body is not followed (see `framing`), so nothing may come after it.
    let chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    let http1 = parts.version != Version::HTTP_2;
    let limit = host.limits.max_body_bytes;
    let mut refusal = None;
    let mut answered = Response::new(Body::empty());
    if usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX) > limit {
        refusal = Some(StatusCode::PAYLOAD_TOO_LARGE);
    } else {
        let fate = Fate::default();
        let body = RequestBody::new(incoming, (limit, host.limits.body_timeout), fate.clone());
        answered = answer(host.application, Request::from_parts(parts, Body::new(body))).await;
        refusal = refusal.or(fate.refusal());
    }
    if let Some(status) = refusal {
        open.activity().linger();
        answered = refuse(status, answered.headers_mut().remove(X_REQUEST_ID));
    }
    if chunked || (refusal.is_some() && http1) {
        answered.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answered.map(|body| AnswerBody::new(body, open)))
}

/// The application's answer; 500 where it panicked. The panic itself is reported by the process' panic hook.
async fn answer<S: Application>(application: S, request: Request<Body>) -> Response<Body> {
    // What a panic leaves half done is not seen again: the request and this clone of the application go with it.
    match AssertUnwindSafe(application.oneshot(request)).catch_unwind().await {
        Ok(Ok(answer)) => answer,
        Ok(Err(never)) => match never {},
        Err(_panic) => refuse(StatusCode::INTERNAL_SERVER_ERROR, None),
    }
}

/// An answer that is given in the application's stead, in the form of RFC 6749 section 5.2. It carries the request's
/// id if there is one already, else a fresh one.
fn refuse(status: StatusCode, id: Option<HeaderValue>) -> Response<Body> {
    let text = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            r#"{"error":"invalid_request","error_description":"the request's body is too large"}"#
        }
        StatusCode::REQUEST_TIMEOUT => {
            r#"{"error":"invalid_request","error_description":"the request's body did not arrive in time"}"#
        }
        _ => r#"{"error":"server_error"}"#,
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, id.unwrap_or_else(|| RequestId::fresh().header_value()));
    response
}
