//! A name for each request, returned as `x-request-id` and written into every log line of its work.
//!
//! The id is ours alone: one that the client brings is not looked at, so that no two requests share an id and none
//! carries text of the client's into the log. It is kept in a thread-local while the request's future is polled,
//! which costs nothing until a line is logged; a span would cost an allocation for each request.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// The response header that carries the id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: unique in this process, 16 hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// A fresh id.
    pub fn fresh() -> Self {
        static START: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("trefoil"));
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(scramble(START.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed))))
    }

    /// The id of the request that this thread works on just now.
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// The id as the value of a header.
    pub(crate) fn header_value(self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'0'; 16];
        let mut rest = self.0;
        for digit in text.iter_mut().rev() {
            *digit = DIGITS.get((rest & 0xf) as usize).copied().unwrap_or(b'0');
            rest >>= 4;
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

thread_local! {
    static CURRENT: Cell<Option<RequestId>> = const { Cell::new(None) };
}

/// Puts the id from before back, even where the work panicked.
struct Restore(Option<RequestId>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// A bijection on 64 bits (the finalizer of SplitMix64): ids stay unique, and do not show how many there were.
fn scramble(count: u64) -> u64 {
    let mixed = (count ^ (count >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Gives every request an id: [`RequestId::current`] while it is worked on, in its log lines, and in the answer's
/// `x-request-id`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestIdLayer;

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestIdService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestIdService { inner }
    }
}

/// What [`RequestIdLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct RequestIdService<S> {
    inner: S,
}

impl<S, A, B> Service<Request<A>> for RequestIdService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = AnswerFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let id = RequestId::fresh();
        AnswerFuture { work: Named { id, inner: self.inner.call(request) } }
    }
}

pin_project! {
    /// Work on a request, with the request's id at hand while it is polled.
    pub struct Named<F> {
        id: RequestId,
        #[pin]
        inner: F,
    }
}

impl<F> Named<F> {
    /// Does `inner` under `id`: for work that goes on in a task of its own.
    pub fn new(id: RequestId, inner: F) -> Self {
        Self { id, inner }
    }
}

impl<F: Future> Future for Named<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _outer = Restore(CURRENT.replace(Some(*this.id)));
        this.inner.poll(cx)
    }
}

pin_project! {
    /// Work on a request whose answer gets the header.
    pub struct AnswerFuture<F> {
        #[pin]
        work: Named<F>,
    }
}

impl<F, B, E> Future for AnswerFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let id = this.work.id;
        this.work.poll(cx).map_ok(|mut response| {
            response.headers_mut().insert(X_REQUEST_ID, id.header_value());
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt, service_fn};

    use super::*;

    #[test]
    fn ids_are_unique_and_sixteen_hexadecimal_digits() {
        let ids: std::collections::HashSet<RequestId> = (0..10_000).map(|_| RequestId::fresh()).collect();
        assert_eq!(ids.len(), 10_000);
        let text = RequestId(0xab).to_string();
        assert_eq!(text, "00000000000000ab");
        assert_eq!(RequestId(0xab).header_value(), text);
    }

    #[test]
    fn work_that_panics_leaves_no_id_behind() {
        let work = Named::new(RequestId::fresh(), async { panic!("of the test") });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let work = std::panic::AssertUnwindSafe(|| runtime.block_on(work));
        assert!(std::panic::catch_unwind(work).is_err());
        assert_eq!(RequestId::current(), None);
    }

    #[tokio::test]
    async fn the_id_is_at_hand_inside_and_returned_in_the_header() {
        let service = RequestIdLayer.layer(service_fn(async |request: Request<()>| {
            tokio::task::yield_now().await;
            assert_eq!(request.headers()["x-request-id"], "mine");
            let inside = RequestId::current().unwrap().to_string();
            Ok::<_, Infallible>(Response::new(inside))
        }));
        let request = Request::builder().header("x-request-id", "mine").body(()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["x-request-id"], response.body().as_str());
        assert_ne!(response.body(), "mine");
        assert_eq!(RequestId::current(), None);
    }
}
